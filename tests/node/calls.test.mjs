// How calls are cancelled, closed, observed and authorised. Needs Node alone.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'

import { Client } from '../../node/index.mjs'
import { ID, client, failure, graph, silent, token, useLocalGraph } from './support.mjs'

useLocalGraph()

describe('cancelling', () => {
  test('a signal that is already aborted sends nothing', async () => {
    const reason = new Error('mine')
    const error = await failure(client.update(ID, { description: 'x' }, { signal: AbortSignal.abort(reason) }))
    assert.deepEqual([error.kind, error.outcome, error.cause], ['cancelled', 'not_sent', reason])
    assert.deepEqual(await graph.requests(), [])
  })

  test('a signal cancels a call in progress, and the client stays usable', async () => {
    const server = await silent()
    const waiting = new Client({ baseUrl: server.url, token: 't' })
    const controller = new AbortController()
    const call = failure(waiting.update(ID, { description: 'x' }, { signal: controller.signal }))
    await server.arrived
    controller.abort()
    const error = await call
    assert.deepEqual([error.kind, error.outcome, error.cause.name], ['cancelled', 'unknown', 'AbortError'])
    const { signal } = new AbortController()
    assert.equal((await client.get(ID, { signal })).id, ID)
    server.close()
  })

  test('a cancelled call rejects with an AbortError, as every Node API does', async () => {
    const reason = new Error('mine')
    const error = await failure(client.get(ID, { signal: AbortSignal.abort(reason) }))
    assert.deepEqual([error.name, error.kind, error.cause], ['AbortError', 'cancelled', reason])
    assert.match(error.stack, /^AbortError: /)
    assert.match(String(error), /^AbortError: /)
    // `code` stays the service's error code.
    assert.equal(error.code, null)
  })

  test('64 calls share one listener on their signal and Node warns of nothing', async () => {
    const warnings = []
    const warn = (warning) => warnings.push(warning.name)
    process.on('warning', warn)
    const server = await silent()
    const waiting = new Client({ baseUrl: server.url, token: 't' })
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 64 }, () => failure(waiting.get(ID, { signal })))
    await server.arrived
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    controller.abort()
    const kinds = new Set((await Promise.all(calls)).map(({ kind }) => kind))
    assert.deepEqual([...kinds], ['cancelled'])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    process.off('warning', warn)
    assert.deepEqual(warnings, [])
    server.close()
  })

  test('a signal that aborts after the call leaves its result alone', async () => {
    const controller = new AbortController()
    const got = await client.get(ID, { signal: controller.signal })
    controller.abort()
    assert.equal(got.id, ID)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })

  test('a time limit is in milliseconds', async () => {
    const server = await silent()
    const waiting = new Client({ baseUrl: server.url, token: 't', timeout: 60_000 })
    const error = await failure(waiting.update(ID, { description: 'x' }, { timeout: 50 }))
    assert.deepEqual([error.kind, error.outcome], ['timeout', 'unknown'])
    server.close()
  })

  test('a list that is left early requests no further page', async () => {
    for (const displayName of ['a', 'b', 'c']) await graph.add('innocenty.popov@contoso.com', { displayName })
    const items = client.list({ top: 1 })
    assert.deepEqual(await graph.requests(), [])
    for await (const item of items) {
      assert.ok(item.id)
      break
    }
    assert.equal((await graph.requests()).length, 1)
  })
})

describe('closing', () => {
  /** A server that counts its open connections and answers every request. */
  async function counting() {
    const sockets = new Set()
    let closed
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"x"}'))
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        if (sockets.size === 0) closed?.()
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const allClosed = () => new Promise((resolve) => (sockets.size === 0 ? resolve() : (closed = resolve)))
    return { url: `http://127.0.0.1:${server.address().port}`, sockets, allClosed, server }
  }

  test('close() drops the connections', { timeout: 20_000 }, async () => {
    const { url, sockets, allClosed, server } = await counting()
    const own = new Client({ baseUrl: url, token: 't' })
    await Promise.all(Array.from({ length: 8 }, () => own.get('x')))
    assert.ok(sockets.size > 0)
    own.close()
    await allClosed()
    server.close()
  })

  test('a closed client sends nothing, and closing twice is allowed', async () => {
    const own = new Client({ baseUrl: graph.url, token })
    const list = own.list()
    own.close()
    own.close()
    for (const call of [own.get(ID), own.list().next(), own.update(ID, { description: 'x' })]) {
      const error = await failure(call)
      assert.deepEqual([error.kind, error.outcome], ['invalid_input', 'not_sent'])
      assert.match(error.message, /the client is closed/)
    }
    await failure(list.next())
    assert.deepEqual(await graph.requests(), [])
  })

  test('a call in progress ends as it would have', async () => {
    const own = new Client({ baseUrl: graph.url, token })
    const call = own.get(ID)
    own.close()
    assert.equal((await call).id, ID)
  })

  test('`await using` closes the client', { timeout: 20_000 }, async () => {
    const { url, allClosed, server } = await counting()
    const own = new Client({ baseUrl: url, token: 't' })
    await own.get('x')
    await own[Symbol.asyncDispose]()
    await allClosed()
    server.close()
  })
})

describe('observing', () => {
  const flaky = (more) => new Client({ baseUrl: graph.url, token, retryDelay: 1, ...more })

  test('onRetry is called while retries happen', async () => {
    await graph.faults([{ times: 2, act: { answer: { status: 503 } } }])
    const seen = []
    const updated = await flaky({ onRetry: (attempt) => seen.push(attempt) }).update(ID, { description: 'x' })
    assert.equal(updated.attempts, 3)
    assert.deepEqual(seen.map(({ attempt, status, kind }) => [attempt, status, kind]), [[1, 503, 'service'], [2, 503, 'service']])
    assert.throws(() => flaky({ onRetry: 'text' }), { kind: 'invalid_input', parameter: 'onRetry' })
  })

  test('every attempt is published', async () => {
    const seen = []
    const listen = (attempt) => seen.push(attempt)
    subscribe('personcert:attempt', listen)
    await flaky().get(ID)
    unsubscribe('personcert:attempt', listen)
    assert.deepEqual(seen.map(({ method, target, status }) => [method, target, status]), [['GET', '/me/profile/certifications/{id}', 200]])
  })

  test('a call that is cancelled while it waits sends nothing more', async () => {
    await graph.faults([{ act: { answer: { status: 503 } } }])
    const controller = new AbortController()
    const waiting = flaky({ retryDelay: 200, maxAttempts: 100, onRetry: () => controller.abort() })
    const error = await failure(waiting.update(ID, { description: 'x' }, { signal: controller.signal }))
    assert.deepEqual([error.kind, error.outcome], ['cancelled', 'refused'])
    const sent = (await graph.requests()).length
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.equal((await graph.requests()).length, sent)
    await graph.reset()
    assert.equal((await waiting.get(ID)).id, ID)
  })
})

describe('credentials', () => {
  class Credential {
    asked = []
    async getToken(scopes, options) {
      this.asked.push([scopes, options])
      return { token, expiresOnTimestamp: Date.now() + 3_600_000 }
    }
  }

  test('credential objects and functions provide tokens', async () => {
    const credential = new Credential()
    for (const given of [credential, () => token, async () => ({ token })]) {
      const own = new Client({ baseUrl: graph.url, credential: given })
      const got = await Promise.all([own.get(ID), own.get(ID), own.get(ID)])
      assert.deepEqual(got.map(({ id }) => id), [ID, ID, ID])
    }
    assert.deepEqual(credential.asked, [['https://graph.microsoft.com/.default', {}]])
  })

  test('a credential receives the claims of a challenge', async () => {
    const header = 'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ"'
    await graph.faults([{ times: 1, act: { answer: { status: 401, headers: { 'WWW-Authenticate': header } } } }])
    const credential = new Credential()
    await new Client({ baseUrl: graph.url, credential }).get(ID)
    assert.deepEqual(credential.asked.map(([, options]) => options), [{}, { claims: '{"access_token":{}}' }])
  })

  test('a call whose credential fails sends nothing', async () => {
    const broken = async () => {
      throw new Error('no vault here')
    }
    const error = await failure(new Client({ baseUrl: graph.url, credential: broken }).get(ID))
    assert.deepEqual([error.kind, error.outcome], ['auth', 'not_sent'])
    assert.match(error.message, /no vault here/)
    const none = await failure(new Client({ baseUrl: graph.url, credential: async () => null }).get(ID))
    assert.equal(none.kind, 'auth')
    assert.throws(() => new Client({ credential: 'text' }), { kind: 'invalid_input', parameter: 'credential' })
    assert.deepEqual(await graph.requests(), [])
  })
})
