// Graph clients of others use the local Graph as they use the service: Microsoft's Node client with `$batch`, and PnP.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'

import { BatchRequestContent, BatchResponseContent, Client } from '@microsoft/microsoft-graph-client'
import { GraphQueryable, graphGet, graphPatch } from '@pnp/graph/graphqueryable.js'
import { BrowserFetchWithRetry, DefaultParse, RejectOnError, ResolveOnData, body } from '@pnp/queryable'

import { LocalGraph } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const PATH = `/users/${USER}/profile/certifications`
const options = { timeout: 60_000 }

let graph, token

before(async () => {
  graph = await LocalGraph.start()
})
after(() => graph.close())
beforeEach(async () => {
  await graph.reset()
  token = await graph.token({ user: USER, scopes: ['User.ReadWrite'] })
})

/** A request of Microsoft's client, which adds tokens of its own to https only. */
function api(path) {
  const client = Client.init({ baseUrl: `${graph.url}/`, defaultVersion: 'beta', authProvider: (done) => done(null, '') })
  return client.api(path).header('authorization', `Bearer ${token}`)
}

test("Microsoft's client reads and changes a certification", options, async () => {
  const updated = await api(`${PATH}/${ID}`).patch({ displayName: 'Changed', inference: { confidenceScore: 1 } })
  assert.deepEqual(updated.inference, { confidenceScore: 1, userHasVerifiedAccuracy: null })
  const created = await api(PATH).post({ displayName: 'New', source: { type: ['HR'] } })
  assert.deepEqual(created.source, { type: ['HR'] })
  const found = await api(PATH).filter("displayName eq 'New' or displayName eq 'Changed'").orderby('displayName desc').get()
  assert.deepEqual(found.value.map(({ displayName }) => displayName), ['New', 'Changed'])
  await api(`${PATH}/${created.id}`).delete()
  await assert.rejects(api(`${PATH}/${created.id}`).get(), { statusCode: 404, code: 'UnknownError' })
})

test("Microsoft's client reads the bodies of a batch", options, async () => {
  const step = (id, init, path = `${PATH}/${ID}`) => ({ id, request: new Request(`https://graph.microsoft.com${path}`, init) })
  const headers = { 'Content-Type': 'application/json' }
  const batch = new BatchRequestContent([
    step('1', { method: 'PATCH', headers, body: JSON.stringify({ displayName: 'Changed in a batch' }) }),
    step('2', { method: 'GET' }),
    step('3', { method: 'GET' }, `${PATH}/none`),
  ])
  batch.addDependency('2', '1')
  batch.addDependency('3', '2')
  const response = new BatchResponseContent(await api('/$batch').post(await batch.getContent()))
  for (const id of ['1', '2']) {
    const part = response.getResponseById(id)
    assert.equal(part.status, 200)
    assert.equal((await part.json()).displayName, 'Changed in a batch')
  }
  const missing = response.getResponseById('3')
  assert.equal(missing.status, 404)
  assert.equal((await missing.json()).error.code, 'UnknownError')
})

/** A PnP query of this path, with PnP's own behaviours but for the address and the token. */
function query(path) {
  const withToken = (instance) => {
    instance.on.auth.replace(async (url, init) => {
      init.headers = { ...init.headers, authorization: `Bearer ${token}` }
      return [url, init]
    })
    return instance
  }
  const behaviors = [BrowserFetchWithRetry(), DefaultParse(), RejectOnError(), ResolveOnData(), withToken]
  return GraphQueryable(`${graph.url}/beta${path}`).using(...behaviors)
}

test('PnP reads and changes a certification', options, async () => {
  const headers = { 'Content-Type': 'application/json' }
  const updated = await graphPatch(query(`${PATH}/${ID}`), { headers, ...body({ displayName: 'Changed' }) })
  assert.equal(updated.displayName, 'Changed')
  const list = query(PATH)
  list.query.set('$filter', "startswith(displayName,'Ch') and endDate gt 2020-01-01")
  const [found] = await graphGet(list)
  assert.equal(found.id, ID)
  await assert.rejects(graphGet(query(`${PATH}('none')`)), { status: 404 })
})
