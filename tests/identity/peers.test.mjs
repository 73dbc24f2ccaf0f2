// Microsoft's own library for Node gets tokens from a local Graph, and its credentials serve our client.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { ClientCertificateCredential, ClientSecretCredential, DeviceCodeCredential } from '@azure/identity'

import { Client, LocalGraph } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const COMPANY = 'International Academy of Marketing Excellence'
const PUBLIC = '00000000-1111-2222-3333-444444444444'
const CONFIDENTIAL = '11111111-2222-3333-4444-555555555555'
const CERTIFIED = '22222222-3333-4444-5555-666666666666'
const PEM = fileURLToPath(new URL('client.pem', import.meta.url))

let graph, place

before(async () => {
  graph = await LocalGraph.start({ tls: true })
  const tlsOptions = { ca: readFileSync(await graph.caFile()) }
  place = { authorityHost: graph.url.replace('127.0.0.1', 'localhost'), disableInstanceDiscovery: true, tlsOptions }
})
after(() => graph.close())
beforeEach(async () => {
  await graph.reset()
  await graph.app(CERTIFIED, { certificate: readFileSync(PEM, 'utf8') })
})

/** The specification's example, and one thing more: a date that is cleared. */
async function example(credential, user) {
  const client = new Client({ baseUrl: graph.url, caFile: await graph.caFile(), credential })
  const changes = { issuingAuthority: COMPANY, issuingCompany: COMPANY, endDate: null }
  const { certification } = await client.update(ID, changes, { user })
  assert.equal(certification.issuingCompany, COMPANY)
  const [stored] = await graph.certifications(USER)
  assert.deepEqual([stored.issuingAuthority, stored.issuingCompany, stored.endDate], [COMPANY, COMPANY, null])
}

const grants = async () => (await graph.signIns()).filter(({ ok }) => ok).map(({ grant, clientId }) => [grant, clientId])

test('a client secret', async () => {
  await example(new ClientSecretCredential('contoso.com', CONFIDENTIAL, 'local-secret', place), USER)
  assert.deepEqual(await grants(), [['client_credentials', CONFIDENTIAL]])
})

test('a client certificate', async () => {
  await example(new ClientCertificateCredential('contoso.com', CERTIFIED, PEM, place), USER)
  assert.deepEqual(await grants(), [['client_credentials', CERTIFIED]])
})

test('a device code', async () => {
  const approve = ({ userCode }) => graph.approve({ userCode, user: USER })
  const options = { ...place, clientId: PUBLIC, tenantId: 'organizations', userPromptCallback: approve }
  await example(new DeviceCodeCredential(options))
  assert.deepEqual(await grants(), [['device_code', PUBLIC]])
})

test('a challenge reaches the credential', async () => {
  await graph.challenge({ access_token: { acrs: { essential: true, value: 'c1' } } })
  await example(new ClientSecretCredential('contoso.com', CONFIDENTIAL, 'local-secret', place), USER)
  assert.equal((await grants()).length, 2)
})
