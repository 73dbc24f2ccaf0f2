// Runs tests/cases/*.json through the Node package; each case is one test. Needs Node alone.
// One case: node --test --test-name-pattern="NAME" tests/node/cases.test.mjs
import assert from 'node:assert/strict'
import { subscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'

import { Client, LocalGraph, PersonCertError } from '../../node/index.mjs'

const CASES = new URL('../cases/', import.meta.url)
const IDENTITY = new URL('../identity/', import.meta.url)
const TIMES = ['timeout', 'attemptTimeout', 'connectTimeout', 'retryDelay']

/** The object with its times in milliseconds, Node's unit. */
const inMilliseconds = (given) => {
  const times = Object.entries(given).filter(([name, value]) => TIMES.includes(name) && typeof value === 'number')
  return { ...given, ...Object.fromEntries(times.map(([name, value]) => [name, value * 1000])) }
}

/** The value with every placeholder `{…}` replaced. */
async function fill(value) {
  if (value !== null && typeof value === 'object') {
    const members = await Promise.all(Object.entries(value).map(async ([name, inner]) => [name, await fill(inner)]))
    return Object.fromEntries(members)
  }
  if (typeof value !== 'string' || !value.startsWith('{')) return value
  if (value.includes('.')) return fileURLToPath(new URL(value.slice(1, -1), IDENTITY))
  switch (value) {
    case '{local}':
      return graph.url
    case '{certificate}':
      return readFileSync(new URL('client.pem', IDENTITY), 'utf8')
    case '{cache}':
      rmSync(join(folder, 'sign-in.json'), { force: true })
      return join(folder, 'sign-in.json')
    case '{federated}':
      writeFileSync(join(folder, 'federated'), await graph.federated())
      return join(folder, 'federated')
    default:
      return { ...(await graph.addresses()), ca: await graph.caFile() }[value.slice(1, -1)]
  }
}

/** Sends a command to the local Graph, with the arguments in Node's form. */
function command(name, given) {
  if (name === 'app') return graph.app(given.clientId, given)
  if (name === 'challenge') return graph.challenge(given.claims, given.user)
  return name === 'lifetime' ? graph.lifetime(given.seconds) : graph[name](given)
}

/** Brings the local Graph into the state that the case describes. */
async function prepare({ certifications = [], faults = [], commands = [] }, answers) {
  await graph.reset()
  for (const { user, certification } of certifications) await graph.add(user, certification)
  await graph.faults(faults)
  for (const [name, given] of commands) await command(name, await fill(given))
  if (answers) await graph.script(answers)
}

/** The settings of the case's client. */
async function settingsOf({ config, token = {} }) {
  const settings = { baseUrl: graph.url, retryDelay: 1, ...inMilliseconds(config ?? {}) }
  for (const [name, value] of Object.entries(settings)) settings[name] = await fill(value)
  if (token !== null && settings.token === undefined) {
    settings.token = typeof token === 'string' ? token : await graph.token(token)
  }
  return settings
}

async function call(client, { operation, arguments: given }) {
  const { id, changes, values, ...options } = inMilliseconds(given)
  switch (operation) {
    case 'update':
      return client.update(id, changes, options)
    case 'create':
      return client.create(values, options)
    case 'list': {
      const all = []
      for await (const item of client.list(id === undefined ? options : { id, ...options })) all.push(item)
      return all
    }
    case 'delete':
      return (await client.delete(id, options)) ?? null
    case 'doctor':
      return client.doctor(options)
    default:
      return client[operation](id, options)
  }
}

/** Reports where `found` differs: objects are compared as subsets, arrays item by item, true is not 1. */
function* differences(expected, found, path) {
  if (Array.isArray(expected) && Array.isArray(found)) {
    if (expected.length !== found.length) yield `${path} has ${found.length} items, expected ${expected.length}`
    for (const index of expected.keys()) yield* differences(expected[index], found[index], `${path}[${index}]`)
  } else if (expected !== null && typeof expected === 'object' && found !== null && typeof found === 'object') {
    for (const [name, value] of Object.entries(expected)) {
      if (Object.hasOwn(found, name)) yield* differences(value, found[name], `${path}.${name}`)
      else yield `${path}.${name} is missing`
    }
  } else if (!isDeepStrictEqual(expected, found)) {
    yield `${path} is ${JSON.stringify(found)?.slice(0, 300)}, expected ${JSON.stringify(expected)?.slice(0, 300)}`
  }
}

/** Compares an error's attributes; of its message a part is enough. */
function* errorDifferences({ message = '', ...expected }, error) {
  for (const [name, value] of Object.entries(expected)) {
    yield* differences(value, error[name], `error (${error.message}).${name}`)
  }
  if (!error.message.includes(message)) {
    yield `the error's message is ${JSON.stringify(error.message)}, which does not contain ${JSON.stringify(message)}`
  }
}

/** Every published attempt, as text. */
const published = []
subscribe('personcert:attempt', (attempt) => published.push(JSON.stringify(attempt)))

/** Reports secrets in attempts or in the error, and a token that another server received. */
function* leaks(settings, error, requests) {
  const texts = published.splice(0)
  if (error) texts.push(error.stack, inspect(error, { depth: 10, showHidden: true }))
  const given = [settings.token, settings.clientSecret, settings.certificatePassword]
  // An access token from a sign-in starts with eyJ, as every JSON web token does.
  const secrets = ['eyJ', ...given.filter((secret) => secret?.length > 8)]
  if (secrets.some((secret) => texts.some((text) => text.includes(secret)))) {
    yield 'a secret is in an attempt or in the error'
  }
  if (requests.some((request) => request.elsewhere && request.authorization)) {
    yield 'another server received the token'
  }
}

/** Makes the case's call and gives what differs. */
async function check(one) {
  await prepare(one.given ?? {}, one.server)
  const settings = await settingsOf(one.given ?? {})
  let result, error
  try {
    result = await call(new Client(settings), one.call)
  } catch (thrown) {
    if (!(thrown instanceof PersonCertError)) throw thrown
    error = thrown
  }
  const requests = await graph.requests()
  const problems = [...leaks(settings, error, requests)]
  if (one.error) problems.push(...(error ? errorDifferences(one.error, error) : ['the call did not fail']))
  else if (error) problems.push(`threw ${error.kind}: ${error.message}`)
  else problems.push(...differences(one.result, result, 'result'))
  if (one.requests) problems.push(...differences(one.requests, requests, 'requests'))
  if (one.signIns) problems.push(...differences(one.signIns, await graph.signIns(), 'signIns'))
  if (one.stored) {
    const { user, id, certification } = one.stored
    const found = (await graph.certifications(user)).filter((item) => item.id === id)
    problems.push(...differences([certification], found, 'stored'))
  }
  return problems
}

const folder = mkdtempSync(join(tmpdir(), 'cases-'))
let graph
let passed = 0
before(async () => (graph = await LocalGraph.start()))
after(async () => {
  await graph.close()
  rmSync(folder, { recursive: true })
  // `cargo xtask test` compares this with the number of cases in the files.
  console.log(`node: ${passed} cases passed, ${excluded} excluded`)
})

const cases = readdirSync(CASES).sort().flatMap((name) => JSON.parse(readFileSync(new URL(name, CASES), 'utf8')))
const excluded = cases.filter((one) => one.exclude?.node).length
for (const one of cases) {
  test(one.name, { skip: one.exclude?.node ?? false }, async () => {
    const problems = await check(one)
    if (problems.length > 0) assert.fail(problems.join('\n'))
    passed += 1
  })
}
