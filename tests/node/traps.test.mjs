// What only the Node package can get wrong: odd values, signals, worker threads, processes. Needs Node alone.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners, once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { Client, LocalGraph, PersonCertError } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const PACKAGE = new URL('../../node/index.mjs', import.meta.url).href
const COMMAND = fileURLToPath(new URL('../../node/bin/personcert.js', import.meta.url))

/** A server that accepts connections and never answers; `arrived` resolves when a request arrives. */
async function silent() {
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
async function failure(promise) {
  const error = await promise.then(
    () => assert.fail('the call did not fail'),
    (thrown) => thrown,
  )
  assert.ok(error instanceof PersonCertError && error instanceof Error, String(error?.stack))
  return error
}

let graph, client, token
before(async () => {
  graph = await LocalGraph.start()
  token = await graph.token()
  client = new Client({ baseUrl: graph.url, token })
})
beforeEach(() => graph.reset())
after(() => graph.close())

describe('values', () => {
  async function refused(changes, words) {
    const error = await failure(client.update(ID, changes))
    assert.deepEqual([error.kind, error.outcome], ['invalid_input', 'not_sent'])
    assert.ok(error.message.includes(words), error.message)
    assert.equal(error.parameter.split('[')[0], `changes.${Object.keys(changes)[0]}`)
    assert.deepEqual(await graph.requests(), [])
  }

  test('a Temporal.PlainDate is a date, a Date is not', async () => {
    class PlainDate {
      toJSON() {
        return '2031-02-03'
      }
    }
    const updated = await client.update(ID, { endDate: new PlainDate(), startDate: '2021-01-01' })
    assert.equal((await graph.requests())[0].body, '{"endDate":"2031-02-03","startDate":"2021-01-01"}')
    assert.equal(updated.certification.endDate, '2031-02-03')
    await graph.reset()
    await refused({ endDate: new Date() }, 'a Date is a point in time')
  })

  test('values that JSON cannot express are refused, not converted', async () => {
    for (const number of [NaN, Infinity, -Infinity]) await refused({ description: number }, 'not a number JSON has')
    await refused({ description: 'half \ud83d of it' }, 'lone surrogate')
    await refused({ description: 10n }, 'type bigint')
    await refused({ description: () => 'text' }, 'type function')
    await refused({ description: Symbol('text') }, 'type symbol')
    await refused({ description: Promise.resolve('text') }, 'await it first')
    await refused({ allowedAudiences: [undefined] }, 'undefined')
  })

  test('true and 1 are different values', async () => {
    await refused({ description: true }, 'boolean true')
    await refused({ description: 1 }, 'number 1')
    await failure(client.update(ID, { inference: { userHasVerifiedAccuracy: 1 } }))
    await failure(client.update(ID, { inference: { confidenceScore: true } }))
  })

  test('cycles, depth and size are bounded', async () => {
    const cycle = []
    cycle.push(cycle)
    await refused({ description: cycle }, 'nested too deeply')
    let deep = 'x'
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    await refused({ description: deep }, 'nested too deeply')
    await refused({ description: new Array(10_001).fill(0) }, 'too many values')
    await refused({ description: { toJSON: () => ({ toJSON: () => cycle }) } }, 'nested too deeply')
  })

  test('undefined keeps, null clears', async () => {
    const updated = await client.update(ID, { description: undefined, endDate: null })
    assert.equal((await graph.requests())[0].body, '{"endDate":null}')
    assert.equal(updated.certification.endDate, null)
    const error = await failure(client.update(ID, { description: undefined }))
    assert.equal(error.kind, 'invalid_input')
  })

  test('only own, enumerable, named members are read', async () => {
    const changes = Object.create({ inherited: 1 }, { hidden: { value: 1 }, description: { value: 'x', enumerable: true } })
    changes[Symbol('more')] = 1
    await client.update(ID, changes)
    assert.equal((await graph.requests())[0].body, '{"description":"x"}')
  })

  test('an exception of a getter reaches the caller', async () => {
    const thrown = new RangeError('mine')
    const changes = {
      get description() {
        throw thrown
      },
    }
    await assert.rejects(client.update(ID, changes), (error) => error === thrown)
  })

  test('invalid arguments reject the promise and never throw', async () => {
    for (const call of [
      () => client.update(),
      () => client.update(ID, null),
      () => client.update(ID, 'text'),
      () => client.update(ID, []),
      () => client.update(ID, { description: 'x' }, null),
      () => client.update(ID, { description: 'x' }, { signal: 'text' }),
      () => client.update(Symbol('id'), { description: 'x' }),
      () => client.get(undefined),
      () => client.get({ id: ID }),
      () => client.list(null).next(),
      () => client.create(),
      () => client.delete(null),
    ]) {
      assert.equal((await failure(call())).kind, 'invalid_input')
    }
    for (const settings of [null, 1, 'text', { tokn: 'x' }, { token: 1 }]) {
      assert.throws(() => new Client(settings), { name: 'PersonCertError', kind: 'invalid_input' })
    }
  })

  test('a member called __proto__ is a member', async () => {
    await graph.script([{ status: 200, body: `{"id":"${ID}","__proto__":{"a":1}}` }])
    const certification = await client.get(ID)
    assert.equal(Object.getPrototypeOf(certification), Object.prototype)
    assert.deepEqual(Object.getOwnPropertyDescriptor(certification, '__proto__').value, { a: 1 })
  })

  test('the error of a misspelt member names the nearest', async () => {
    await refused({ issuingAuthorty: 'x' }, 'did you mean `issuingAuthority`?')
  })
})

describe('errors', () => {
  test('errors are instances of Error with properties', async () => {
    const error = await failure(client.get('22222222-c1e3-0fb4-e3c1-b40fe3c1b40f'))
    assert.equal(error.name, 'PersonCertError')
    assert.deepEqual([error.kind, error.outcome, error.status, error.attempts], ['not_found', 'refused', 404, 1])
    assert.match(error.requestId, /^[0-9a-f-]{36}$/)
    assert.match(error.stack, /^PersonCertError: /)
    assert.equal(createRequire(import.meta.url)('../../node/index.js').PersonCertError, PersonCertError)
  })
})

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

describe('concurrency', () => {
  test('hundreds of calls at once', async () => {
    const got = await Promise.all(Array.from({ length: 300 }, () => client.get(ID)))
    assert.equal(got.filter(({ id }) => id === ID).length, 300)
  })

  test('worker threads, each with its own client', async () => {
    const code = `
      import { parentPort, workerData } from 'node:worker_threads'
      const { Client } = await import(workerData.package)
      const client = new Client(workerData.settings)
      const got = await Promise.all(Array.from({ length: 20 }, () => client.get(workerData.id)))
      parentPort.postMessage(got.length)`
    const settings = { baseUrl: graph.url, token: await graph.token() }
    const workers = Array.from(
      { length: 8 },
      () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
        workerData: { package: PACKAGE, settings, id: ID },
      }),
    )
    const counts = await Promise.all(workers.map((worker) => once(worker, 'message')))
    assert.deepEqual(counts.flat(), new Array(8).fill(20))
    await Promise.all(workers.map((worker) => worker.terminate()))
  })
})

describe('processes', () => {
  test('a process exits with calls in progress', async () => {
    const server = await silent()
    const code = `
      import { Client } from '${PACKAGE}'
      const client = new Client({ baseUrl: '${server.url}', token: 't' })
      for (let i = 0; i < 100; i += 1) client.get('x').catch(() => {})
      process.stdin.once('data', () => process.exit(0))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'ignore', 'inherit'] })
    await server.arrived
    child.stdin.write('end\n')
    assert.deepEqual(await once(child, 'exit'), [0, null])
    server.close()
  })

  test('a process ends by itself although its local Graph was not closed', async () => {
    const code = `
      const { LocalGraph } = require('${fileURLToPath(new URL('../../node/index.js', import.meta.url))}')
      LocalGraph.start().then((graph) => console.log(graph.url))`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { timeout: 20_000 })
    assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/)
  })

  test('the command runs', async () => {
    const run = promisify(execFile)
    assert.match((await run(process.execPath, [COMMAND, '--version'])).stdout, /^personcert \d/)
    await assert.rejects(run(process.execPath, [COMMAND, 'get']), { code: 2 })
  })
})
