// The Node addon on this platform: one update, many at once, and a cancelled call.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { Client, LocalGraph } from 'personcert'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const CALLS = 50

console.log(`# Node ${process.version}, ${process.arch}, ${process.platform}`)

async function connect(context) {
  const graph = await LocalGraph.start()
  context.after(() => graph.close())
  return [graph, new Client({ baseUrl: graph.url, token: await graph.token() })]
}

test('an update is applied', async (context) => {
  const [graph, client] = await connect(context)
  assert.equal((await client.update(ID, { issuingCompany: 'Academy' })).status, 200)
  assert.equal((await graph.certifications(USER))[0].issuingCompany, 'Academy')
})

test('many updates run at once', async (context) => {
  const [, client] = await connect(context)
  const calls = Array.from({ length: CALLS }, (_, call) => client.update(ID, { issuingAuthority: `Authority ${call}` }))
  assert.deepEqual((await Promise.all(calls)).map((result) => result.status), Array(CALLS).fill(200))
})

test('a cancelled call rejects, and the next one works', async (context) => {
  const [graph, client] = await connect(context)
  await graph.faults([{ method: 'GET', delay: { fixed: 30 }, times: 1 }])
  const cancel = new AbortController()
  const call = client.get(ID, { signal: cancel.signal })
  while ((await graph.requests({ method: 'GET' })).length === 0) await setImmediate()
  cancel.abort()
  await assert.rejects(call, { name: 'AbortError' })
  assert.equal((await client.get(ID)).id, ID)
})
