// Prism, a validating proxy, compares the local Graph's responses with an OpenAPI description of the certifications.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { LocalGraph } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const PATH = `/users/${USER}/profile/certifications`
const options = { timeout: 60_000 }
const path = (name) => fileURLToPath(new URL(name, import.meta.url))

let graph, token, prism, address

/** A port that is free now. */
function freePort() {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

before(async () => {
  graph = await LocalGraph.start()
  token = await graph.token({ user: USER, scopes: ['User.ReadWrite'] })
  const port = await freePort()
  const prismPath = path('node_modules/@stoplight/prism-cli/dist/index.js')
  const words = [prismPath, 'proxy', '--errors', '--port', port, path('openapi.json'), `${graph.url}/beta`]
  prism = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: prism.stdout })) {
    if (line.includes('is listening')) break
  }
  prism.stdout.resume()
  address = `http://127.0.0.1:${port}`
}, options)
after(async () => {
  prism.kill()
  await graph.close()
})

/** Sends a request through Prism and returns the status and the JSON. Prism replaces an invalid response by a 500. */
async function send(method, place, value) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(address + place, { method, headers, body: value && JSON.stringify(value) })
  assert.equal(response.headers.get('sl-violations'), null, `${method} ${place}`)
  return [response.status, response.status === 204 ? null : await response.json()]
}

test('responses are as described', options, async () => {
  const [status, updated] = await send('PATCH', `${PATH}/${ID}`, { inference: { confidenceScore: 'INF' }, endDate: '2030-07-06' })
  assert.equal(status, 200, JSON.stringify(updated))
  const [created, item] = await send('POST', PATH, { displayName: 'New', source: { type: ['HR'] } })
  assert.equal(created, 201, JSON.stringify(item))
  const [listed, list] = await send('GET', `${PATH}?$filter=not%20(displayName%20eq%20null)&$orderby=displayName%20desc,id&$top=1`)
  assert.equal(listed, 200, JSON.stringify(list))
  assert.deepEqual(list.value.map(({ id }) => id), [item.id])
  assert.equal((await send('GET', `${PATH}/${item.id}`))[0], 200)
  assert.equal((await send('DELETE', `${PATH}/${item.id}`))[0], 204)
})

test('errors are as described', options, async () => {
  for (const [method, place, value, expected] of [
    ['GET', `${PATH}/none`, undefined, 404],
    ['GET', `${PATH}?$filter=displayName`, undefined, 400],
    ['GET', '/users/adele_adatum.com%23EXT%23@contoso.com/profile/certifications', undefined, 403],
    ['PATCH', `${PATH}/none`, { displayName: 'x' }, 404],
  ]) {
    const [status, { error }] = await send(method, place, value)
    assert.equal(status, expected, `${method} ${place}: ${JSON.stringify(error)}`)
  }
})

test('Prism notices a response that is not as described', options, async () => {
  await graph.script([{ status: 200, body: { id: 1 } }])
  const response = await fetch(`${address}${PATH}/${ID}`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(response.status, 500)
  assert.match(await response.text(), /VIOLATIONS/)
})
