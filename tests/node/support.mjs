// A local Graph for the tests of a file, and servers that misbehave.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, beforeEach } from 'node:test'

import { Client, LocalGraph, PersonCertError } from '../../node/index.mjs'

export const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
export const PACKAGE = new URL('../../node/index.mjs', import.meta.url).href

/** The local Graph of the file's tests, a token for it and a client. */
export let graph, token, client

/** Starts the local Graph before the tests of a file and empties it before each of them. */
export function useLocalGraph() {
  before(async () => {
    graph = await LocalGraph.start()
    token = await graph.token()
    client = new Client({ baseUrl: graph.url, token })
  })
  beforeEach(() => graph.reset())
  after(() => graph.close())
}

/** A server that accepts connections and never answers; `arrived` resolves when a request arrives. */
export async function silent() {
  const sockets = new Set()
  let come
  const arrived = new Promise((resolve) => (come = resolve))
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).once('data', come))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { url: `http://127.0.0.1:${server.address().port}`, arrived, close }
}

/** The PersonCertError that a promise rejects with. */
export async function failure(promise) {
  const error = await promise.then(
    () => assert.fail('the call did not fail'),
    (thrown) => thrown,
  )
  assert.ok(error instanceof PersonCertError && error instanceof Error, String(error?.stack))
  return error
}
