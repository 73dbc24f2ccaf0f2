// Sign-in methods chosen by the environment, and interactive sign-in.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { Client, LocalGraph } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const COMPANY = 'International Academy of Marketing Excellence'
const CHANGES = { issuingAuthority: COMPANY, issuingCompany: COMPANY }
const PUBLIC = '00000000-1111-2222-3333-444444444444'
const CONFIDENTIAL = '11111111-2222-3333-4444-555555555555'
const CERTIFIED = '22222222-3333-4444-5555-666666666666'
const identity = (name) => fileURLToPath(new URL(`../identity/${name}`, import.meta.url))

const originalEnvironment = { ...process.env }
let graph, home

before(async () => (graph = await LocalGraph.start()))
after(() => graph.close())
beforeEach(async () => {
  await graph.reset()
  home = mkdtempSync(join(tmpdir(), 'home-'))
})
afterEach(() => {
  setEnvironment(originalEnvironment, false)
  rmSync(home, { recursive: true })
})

/** Replaces the environment: no other credential is available, and no managed identity answers. */
function setEnvironment(variables, isolated = true) {
  for (const name of Object.keys(process.env)) delete process.env[name]
  const empty = { PATH: home, HOME: home, AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' }
  Object.assign(process.env, isolated && { ...empty, AZURE_CLIENT_ID: CONFIDENTIAL, AZURE_TENANT_ID: 'contoso.com' }, variables)
}

/** Makes the specification's change; returns the grants of the token requests. */
async function example(settings = {}) {
  const client = new Client({ baseUrl: graph.url, authority: graph.url, ...settings })
  const { certification } = await client.update(ID, CHANGES, { user: USER })
  assert.equal(certification.issuingCompany, COMPANY)
  const [stored] = await graph.certifications(USER)
  assert.equal(stored.issuingAuthority, COMPANY)
  return (await graph.signIns()).map(({ grant }) => grant)
}

test('a secret and a certificate in the environment', async () => {
  setEnvironment({ AZURE_CLIENT_SECRET: 'local-secret' })
  assert.deepEqual(await example(), ['client_credentials'])
  await graph.reset()
  await graph.app(CERTIFIED, { certificate: readFileSync(identity('client.pem'), 'utf8') })
  setEnvironment({
    AZURE_CLIENT_ID: CERTIFIED,
    AZURE_CLIENT_CERTIFICATE_PATH: identity('client.pfx'),
    AZURE_CLIENT_CERTIFICATE_PASSWORD: 'local-password',
  })
  assert.deepEqual(await example(), ['client_credentials'])
})

test('workload identity: a token file and GitHub Actions', async () => {
  const file = join(home, 'federated')
  writeFileSync(file, await graph.federated())
  setEnvironment({ AZURE_FEDERATED_TOKEN_FILE: file })
  assert.deepEqual(await example(), ['client_credentials'])
  setEnvironment({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${graph.url}/_identity/github?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'local-github-token',
  })
  assert.equal((await example({ signIn: 'workload-identity' })).length, 2)
})

test('managed identity: a virtual machine and an app service', async () => {
  setEnvironment({ AZURE_POD_IDENTITY_AUTHORITY_HOST: graph.url })
  assert.deepEqual(await example(), ['managed_identity'])
  setEnvironment({ IDENTITY_ENDPOINT: `${graph.url}/msi/token`, IDENTITY_HEADER: 'local-identity-header' })
  assert.deepEqual(await example({ signIn: 'managed-identity' }), ['managed_identity', 'managed_identity'])
})

test("Azure's command line provides the token", async () => {
  const answer = JSON.stringify({ accessToken: await graph.token(), expires_on: 4102444800, tokenType: 'Bearer' })
  writeFileSync(join(home, 'az'), `#!/bin/sh\necho '${answer}'\n`)
  chmodSync(join(home, 'az'), 0o755)
  setEnvironment({})
  assert.deepEqual(await example(), [])
})

test('without a credential the error lists what was tried', async () => {
  setEnvironment({})
  await assert.rejects(example(), (error) => {
    const parts = ['login (not signed in)', 'client-secret (', 'certificate (', 'workload-identity (', 'managed-identity (', 'azure-cli (']
    for (const part of parts) assert.ok(error.message.includes(part), `${part} in ${error.message}`)
    return error.kind === 'auth' && error.outcome === 'not_sent'
  })
  assert.deepEqual(await graph.requests(), [])
})

test('the next program uses a stored session until it is revoked', async () => {
  setEnvironment({})
  await graph.approve({ user: USER })
  const prompts = []
  const kept = { tokenCacheFile: join(home, 'sign-in.json'), clientId: PUBLIC, onPrompt: (prompt) => prompts.push(prompt) }
  assert.equal((await example({ signIn: 'device-code', ...kept })).length, 1)
  assert.equal((await example({ signIn: 'login', ...kept })).length, 1)
  assert.equal(prompts.length, 1)
  assert.ok(prompts[0].message.includes(prompts[0].code) && prompts[0].message.includes(prompts[0].address))
  assert.equal(statSync(kept.tokenCacheFile).mode & 0o777, 0o600)
  await graph.revoke(USER)
  await assert.rejects(example({ signIn: 'login', ...kept }), { kind: 'auth', message: /AADSTS50173/ })
})
