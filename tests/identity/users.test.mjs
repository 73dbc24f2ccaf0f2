// People sign in with a real browser: on the local Graph's pages, and on those of an independent OpenID provider.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client, LocalGraph } from '../../node/index.mjs'
import { browse } from './browser.mjs'
import { start } from './provider.mjs'

const run = promisify(execFile)
const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const NAME = 'Innocenty Popov'
const COMPANY = 'International Academy of Marketing Excellence'
const CHANGES = { issuingAuthority: COMPANY, issuingCompany: COMPANY }
const PUBLIC = '00000000-1111-2222-3333-444444444444'
const CONFIDENTIAL = '11111111-2222-3333-4444-555555555555'
const CERTIFIED = '22222222-3333-4444-5555-666666666666'
const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const COMMAND = path('../../node/bin/personcert.js')

let graph, provider, home

before(async () => {
  graph = await LocalGraph.start()
  provider = await start(`${graph.url}/.default`)
})
after(async () => {
  await graph.close()
  await provider.close()
})
beforeEach(async () => {
  await graph.reset()
  provider.grants.length = 0
  if (home) rmSync(home, { recursive: true })
  home = mkdtempSync(join(tmpdir(), 'home-'))
})

/** The environment of a person whose system opens addresses in Chromium, where `words` say what happens. */
function person(authority, words) {
  const bin = join(home, 'bin')
  mkdirSync(bin, { recursive: true })
  const quoted = words.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\nexec '${process.execPath}' '${path('browser.mjs')}' ${quoted} "$1"\n`)
  chmodSync(join(bin, 'xdg-open'), 0o755)
  return {
    HOME: home,
    PATH: `${bin}:/usr/bin:/bin`,
    PERSONCERT_BASE_URL: graph.url,
    PERSONCERT_AUTHORITY: authority,
    AZURE_CLIENT_ID: PUBLIC,
    ...(process.env.CHROMIUM && { CHROMIUM: process.env.CHROMIUM }),
  }
}

const personcert = (env, ...words) => run(process.execPath, [COMMAND, ...words], { env })

test('the command signs in with the browser', async () => {
  const env = person(graph.url, ['--click', NAME, '--until', 'You are signed in'])
  const { stdout } = await personcert(env, 'login')
  assert.match(stdout, new RegExp(`username +${USER}`))
  const set = Object.entries(CHANGES).map(([name, value]) => `--set=${name}=${value}`)
  await personcert(env, 'update', ID, ...set)
  const [stored] = await graph.certifications(USER)
  assert.equal(stored.issuingCompany, COMPANY)
})

test('Python and Node sign in with the browser', async () => {
  const env = person(graph.url, ['--click', NAME, '--until', 'You are signed in'])
  const settings = { base_url: graph.url, authority: graph.url, sign_in: 'browser', token_cache_file: join(home, 'python.json') }
  const script = `
import json, sys
from personcert import Client
with Client(**json.loads(sys.argv[1])) as client:
    updated = client.update('${ID}', issuing_authority='${COMPANY}', issuing_company='${COMPANY}')
print(updated.certification.issuing_company)`
  const python = { ...env, PYTHONPATH: path('../../python') }
  const said = await run(process.env.PYTHON ?? 'python3', ['-c', script, JSON.stringify(settings)], {
    env: { ...python, PATH: `${python.PATH}:${process.env.PATH}` },
  })
  assert.equal(said.stdout.trim(), COMPANY)
  assert.match(said.stderr, /To sign in, use the browser that opens now/)

  await graph.reset()
  const before = process.env.PATH
  process.env.PATH = `${env.PATH}:${before}`
  try {
    const tokenCacheFile = join(home, 'node.json')
    const client = new Client({ baseUrl: graph.url, authority: graph.url, signIn: 'browser', clientId: PUBLIC, tokenCacheFile })
    const { certification } = await client.update(ID, CHANGES)
    assert.equal(certification.issuingCompany, COMPANY)
  } finally {
    process.env.PATH = before
  }
  assert.deepEqual((await graph.signIns()).map(({ grant }) => grant), ['authorization_code'])
})

test('a keyring keeps the sign-in', async () => {
  const env = { ...person(graph.url, []), XDG_RUNTIME_DIR: home, NODE: process.execPath, COMMAND, ID }
  await graph.approve({ user: USER })
  // A session of its own with an empty keyring that is open, as after a person's login.
  const script = `
    printf password | gnome-keyring-daemon --unlock --components=secrets > /dev/null
    until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \\
      string:org.freedesktop.secrets | grep -q true; do :; done
    set -e
    "$NODE" "$COMMAND" login --sign-in device-code
    "$NODE" "$COMMAND" update "$ID" --set issuingCompany=Kept
    "$NODE" "$COMMAND" logout
    ! "$NODE" "$COMMAND" whoami`
  const { stdout } = await run('dbus-run-session', ['--', 'bash', '-c', script], { env, timeout: 60_000 })
  assert.match(stdout, /storedIn +the keyring[^]*issuingCompany: Kept[^]*signed out/)
  // The lock of the store is there, and empty.
  const files = readdirSync(join(home, '.local/state/personcert'))
  assert.deepEqual(files.filter((file) => statSync(join(home, '.local/state/personcert', file)).size), [], 'nothing is in a file')
  assert.equal((await graph.signIns()).length, 1)
})

/** Starts a sign-in with a code, and gives the process with the address and the code it shows. */
async function code(env) {
  const child = spawn(process.execPath, [COMMAND, 'login', '--sign-in', 'device-code'], { env })
  const { value: line } = await createInterface({ input: child.stderr })[Symbol.asyncIterator]().next()
  const [, address, shown] = line.match(/open (\S+) in a browser and enter the code (\S+)\.$/)
  const ended = new Promise((resolve) => child.on('close', resolve))
  return { address, shown, ended }
}

test('a user enters a code', async () => {
  const env = person(graph.url, [])
  const { address, shown, ended } = await code(env)
  const steps = [{ fill: ['code', shown] }, { click: NAME }]
  assert.match(await browse(address, steps, 'You have signed in'), /You have signed in/)
  assert.equal(await ended, 0)
  assert.match((await personcert(env, 'whoami')).stdout, new RegExp(USER))
})

const LOGIN = ['--fill', 'login=ada', '--fill', 'password=any', '--click', 'Sign-in', '--click', 'Continue']

/** A call with the provider's token: the local Graph refuses it, and the client asks for another one once. */
async function refused(env) {
  const error = await personcert(env, 'get', ID).catch((thrown) => thrown)
  assert.equal(error.code, 4, error.stderr)
  assert.match(error.stderr, /the service did not accept the token/)
}

test('an independent provider: the browser, and tokens that are used once', async () => {
  const env = person(provider.url, [...LOGIN, '--until', 'You are signed in'])
  const { stdout } = await personcert(env, 'login')
  assert.match(stdout, /username +ada/)
  assert.deepEqual(provider.grants, ['authorization_code'])
  for (const times of [1, 2, 3]) {
    await refused(env)
    assert.deepEqual(provider.grants.slice(1), Array(times).fill('refresh_token'))
  }
})

test('an independent provider: a device code', async () => {
  const env = person(provider.url, [])
  const { address, shown, ended } = await code(env)
  const steps = [{ fill: ['user_code', shown] }, { click: 'Continue' }, { click: 'Continue' }]
  const login = [{ fill: ['login', 'ada'] }, { fill: ['password', 'any'] }, { click: 'Sign-in' }, { click: 'Continue' }]
  await browse(address, [...steps, ...login], 'Sign-in Success')
  assert.equal(await ended, 0)
  assert.deepEqual(provider.grants, ['urn:ietf:params:oauth:grant-type:device_code'])
  await refused(env)
  assert.deepEqual(provider.grants.slice(1), ['refresh_token'])
})

test('an independent provider: applications', async () => {
  const place = { baseUrl: graph.url, authority: provider.url, tenantId: 'organizations' }
  const proofs = [
    { clientId: CONFIDENTIAL, clientSecret: 'local-secret' },
    { clientId: CERTIFIED, certificateFile: path('client.pem') },
    { clientId: CERTIFIED, certificateFile: path('client.pfx'), certificatePassword: 'local-password' },
  ]
  for (const proof of proofs) {
    provider.grants.length = 0
    const client = new Client({ ...place, ...proof })
    await assert.rejects(client.get(ID, { user: USER }), { kind: 'auth', status: 401, outcome: 'refused' })
    // The first was refused by the local Graph, which knows no tokens but its own.
    assert.deepEqual(provider.grants, ['client_credentials', 'client_credentials'], JSON.stringify(proof))
  }
})
