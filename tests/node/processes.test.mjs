// Many calls at once, worker threads and child processes. Needs Node alone.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { ID, PACKAGE, client, graph, silent, useLocalGraph } from './support.mjs'

const COMMAND = fileURLToPath(new URL('../../node/bin/personcert.js', import.meta.url))

useLocalGraph()

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
    await assert.rejects(run(process.execPath, [COMMAND, 'get']), { code: 6 })
  })
})
