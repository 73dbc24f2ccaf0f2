// Runs tests/cases/*.json through the Node package. Needs Node alone.
import { subscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'

import { Client, LocalGraph, PersonCertError } from '../../node/index.mjs'

const CASES = new URL('../cases/', import.meta.url)
const IDENTITY = new URL('../identity/', import.meta.url)
const PLACE = mkdtempSync(join(tmpdir(), 'cases-'))
const TIMES = ['timeout', 'attemptTimeout', 'connectTimeout', 'retryDelay']

/** Node measures time in milliseconds. */
const milliseconds = (given) => {
  const times = Object.entries(given).filter(([name, value]) => TIMES.includes(name) && typeof value === 'number')
  return { ...given, ...Object.fromEntries(times.map(([name, value]) => [name, value * 1000])) }
}

/** The value with what they stand for in the place of all `{…}`. */
async function filled(value, graph) {
  if (value !== null && typeof value === 'object') {
    const members = await Promise.all(Object.entries(value).map(async ([name, inner]) => [name, await filled(inner, graph)]))
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
      rmSync(join(PLACE, 'sign-in.json'), { force: true })
      return join(PLACE, 'sign-in.json')
    case '{federated}':
      writeFileSync(join(PLACE, 'federated'), await graph.federated())
      return join(PLACE, 'federated')
    default:
      return { ...(await graph.addresses()), ca: await graph.caFile() }[value.slice(1, -1)]
  }
}

/** A command of the local Graph, called as Node calls it. */
function command(graph, name, given) {
  if (name === 'challenge') return graph.challenge(given.claims, given.user)
  return name === 'lifetime' ? graph.lifetime(given.seconds) : graph[name](given)
}

async function settings({ given = {} }, graph) {
  const config = { baseUrl: graph.url, retryDelay: 1, ...milliseconds(given.config ?? {}) }
  for (const [name, value] of Object.entries(config)) config[name] = await filled(value, graph)
  const token = given.token === undefined ? {} : given.token
  if (token !== null && config.token === undefined) {
    config.token = typeof token === 'string' ? token : await graph.token(token)
  }
  return config
}

async function carryOut(client, { operation, arguments: given }) {
  const { id, changes, values, ...options } = milliseconds(given)
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

/** Where `found` isn't what was expected: objects as subsets, lists one by one, true is not 1. */
function* differences(expected, found, place) {
  if (Array.isArray(expected) && Array.isArray(found)) {
    if (expected.length !== found.length) yield `${place} has ${found.length} items, not ${expected.length}`
    for (const at of expected.keys()) yield* differences(expected[at], found[at], `${place}[${at}]`)
  } else if (expected !== null && typeof expected === 'object' && found !== null && typeof found === 'object') {
    for (const [name, value] of Object.entries(expected)) {
      if (Object.hasOwn(found, name)) yield* differences(value, found[name], `${place}.${name}`)
      else yield `${place}.${name} is missing`
    }
  } else if (!isDeepStrictEqual(expected, found)) {
    yield `${place} is ${JSON.stringify(found)?.slice(0, 300)}, not ${JSON.stringify(expected)?.slice(0, 300)}`
  }
}

function* wrongError({ message = '', ...expected }, error) {
  for (const [name, value] of Object.entries(expected)) {
    if (error[name] !== value) yield `error.${name} is ${error[name]}, not ${value} (${error.message})`
  }
  if (!error.message.includes(message)) yield `error says ${error.message}, not ${message}`
}

/** Every attempt that is published, and where a token can be seen in it or in an error. */
const said = []
subscribe('personcert:attempt', (attempt) => said.push(JSON.stringify(attempt)))

function leaks(given, error, requests) {
  const secrets = [given.token, given.clientSecret, given.certificatePassword].filter((secret) => secret?.length > 8)
  if (error) said.push(error.stack, inspect(error, { depth: 10, showHidden: true }))
  // A token that was got by signing in begins so, as every JSON web token does.
  const told = [...secrets, 'eyJ'].some((secret) => said.some((line) => line.includes(secret)))
  const leaked = told ? ['a secret was told or is in the error'] : []
  said.length = 0
  const elsewhere = requests.some((request) => request.elsewhere && request.authorization)
  return elsewhere ? [...leaked, 'another server got the token'] : leaked
}

async function check(test, graph) {
  await graph.reset()
  for (const { user, certification } of test.given?.certifications ?? []) await graph.add(user, certification)
  await graph.faults(test.given?.faults ?? [])
  for (const [name, given] of test.given?.commands ?? []) await command(graph, name, await filled(given, graph))
  if (test.server) await graph.script(test.server)
  const given = await settings(test, graph)
  let result, error
  try {
    result = await carryOut(new Client(given), test.call)
  } catch (thrown) {
    if (!(thrown instanceof PersonCertError)) throw thrown
    error = thrown
  }
  const wrong = leaks(given, error, await graph.requests())
  if (test.error) wrong.push(...(error ? wrongError(test.error, error) : ['no error was thrown']))
  else if (error) wrong.push(`threw ${error.kind}: ${error.message}`)
  else wrong.push(...differences(test.result, result, 'result'))
  if (test.requests) wrong.push(...differences(test.requests, await graph.requests(), 'requests'))
  if (test.signIns) wrong.push(...differences(test.signIns, await graph.signIns(), 'signIns'))
  if (test.stored) {
    const { user, id, certification } = test.stored
    const found = (await graph.certifications(user)).filter((item) => item.id === id)
    wrong.push(...differences([certification], found, 'stored'))
  }
  return wrong
}

const files = readdirSync(CASES).filter((name) => name.endsWith('.json')).sort()
const cases = files.flatMap((name) => JSON.parse(readFileSync(new URL(name, CASES), 'utf8')))
const graph = await LocalGraph.start()
let passed = 0
let excluded = 0
let failed = 0
for (const test of cases) {
  if (test.exclude?.node) {
    excluded += 1
    continue
  }
  const wrong = await check(test, graph).catch((thrown) => [`threw ${thrown.stack}`])
  for (const line of wrong) console.log(`FAILED node: ${test.name}: ${line}`)
  if (wrong.length > 0) failed += 1
  else passed += 1
}
await graph.close()
rmSync(PLACE, { recursive: true })
console.log(`node: ${passed} cases passed, ${excluded} excluded${failed > 0 ? `, ${failed} FAILED` : ''}`)
process.exitCode = failed === 0 && passed >= 150 && excluded * 20 <= cases.length ? 0 : 1
