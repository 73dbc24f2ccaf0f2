// Every option of every function, used once with a value that shows. Needs Node alone.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { Client, LocalGraph } from '../../node/index.mjs'

const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const USER = 'innocenty.popov@contoso.com'
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const call = () => ({ user: USER, timeout: 30_000, traceparent: TRACE, signal: new AbortController().signal })
const OPTIONS = {
  CallOptions: call(),
  GetOptions: { select: ['id', 'endDate'] },
  UpdateOptions: { current: undefined, verify: true },
  ListOptions: { select: ['id'], filter: "displayName ne 'x'", orderby: 'displayName desc', top: 5, skip: 0 },
}
const start = (folder) => ({
  port: 0,
  host: '127.0.0.1',
  expose: true,
  database: join(folder, 'graph.sqlite'),
  permissions: 'current',
  seed: join(folder, 'seed.jsonl'),
  users: 2,
  certifications: 1,
  randomSeed: 1,
  faults: join(folder, 'faults.json'),
  tls: true,
  tlsAlert: false,
})

test('no option of the declared types is left out here', () => {
  const types = readFileSync(new URL('../../node/types.d.ts', import.meta.url), 'utf8')
  const members = (name) => {
    const [, body] = types.match(new RegExp(`export interface ${name}(?: extends \\w+)? \\{\\n(.*?)\\n\\}`, 's'))
    return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, member]) => member).sort()
  }
  for (const [name, options] of Object.entries({ ...OPTIONS, LocalGraphOptions: start('') })) {
    assert.deepEqual(members(name), Object.keys(options).sort(), name)
  }
})

test('every option of every call', async () => {
  const graph = await LocalGraph.start()
  try {
    const client = new Client({ baseUrl: graph.url, token: await graph.token() })
    const current = await client.get(ID, { ...OPTIONS.GetOptions, ...call() })
    await client.update(ID, { description: 'a' }, { ...OPTIONS.UpdateOptions, ...call(), current })
    const listed = []
    for await (const item of client.list({ ...OPTIONS.ListOptions, ...call() })) listed.push(item)
    assert.equal(listed.length, 1)
    const created = await client.create({ displayName: 'b' }, call())
    await client.delete(created.id, call())
    await client.doctor(call())
    const requests = await graph.requests()
    assert.deepEqual(requests.map(({ method }) => method), ['GET', 'PATCH', 'GET', 'POST', 'DELETE', 'GET'])
    for (const { path, headers } of requests) {
      assert.ok(path.startsWith(`/beta/users/${USER}/`), path)
      assert.equal(headers.traceparent, TRACE)
    }
    for (const part of ['$select=id', '$filter=', '$orderby=', '$top=5', '$skip=0']) {
      assert.ok(requests[2].path.includes(part), requests[2].path)
    }
  } finally {
    await graph.close()
  }
})

test('every option of a local Graph', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'options-'))
  const options = start(folder)
  writeFileSync(options.seed, '{"user": "seeded@contoso.com", "certification": {"displayName": "Seeded"}}\n')
  writeFileSync(options.faults, '[{"method": "DELETE", "act": {"answer": {"status": 503}}}]')
  const graph = await LocalGraph.start(options)
  try {
    assert.ok(graph.url.startsWith('https://127.0.0.1:'), graph.url)
    const names = (await graph.users()).map(({ userPrincipalName }) => userPrincipalName)
    for (const name of ['user0@contoso.com', 'user1@contoso.com', 'seeded@contoso.com']) assert.ok(names.includes(name))
    const { id } = await graph.add('user0@contoso.com', { displayName: 'a' })
    const { users, certifications, randomSeed, seed } = options
    const again = await LocalGraph.start({ users, certifications, randomSeed, seed })
    assert.equal((await again.add('user0@contoso.com', { displayName: 'a' })).id, id)
    await again.close()
  } finally {
    await graph.close()
    rmSync(folder, { recursive: true })
  }
})

test('every option of a command of the local Graph', async () => {
  const graph = await LocalGraph.start()
  try {
    const rate = { rate: 50 }
    await graph.throttle({ app: rate, tenant: { ...rate, burst: 10 }, user: rate, mailbox: 4, retryAfter: 'decimal' })
    await graph.throttle({})
    const where = { method: 'PATCH', path: '/beta/*', user: USER, nth: 1, times: 1, probability: 1 }
    const answer = { status: 418, headers: { 'x-a': 'b' }, body: {}, repeat: 1 }
    const delay = { logNormal: { median: 0.01, sigma: 1 } }
    await graph.faults([{ ...where, delay: { fixed: 0.01 }, act: { answer } }])
    await graph.faults([{ step: 0, delay, act: { redirect: 'sameHost', status: 307 } }])
    await graph.script([{ status: 200, headers: [['x-a', 'b']], body: 'text', repeat: 2, cut: 3 }])
    assert.deepEqual(await graph.requests({ method: 'PATCH', path: '/beta/*', user: USER, status: 200 }), [])
    assert.match(await graph.clock({ freeze: true, now: '2030-01-01T00:00:00Z' }), /^2030-01-01/)
    assert.match(await graph.clock({ skew: 1, advance: 59 }), /^2030-01-01T00:01:00/)
    await graph.app('z', { secret: 's', certificate: undefined, public: false, roles: ['User.ReadWrite.All'] })
    await graph.challenge({ access_token: { acrs: { value: 'c1' } } }, USER)
    await graph.approve({ userCode: undefined, user: USER, decline: true })
    assert.ok(await graph.token({ user: USER, scopes: ['User.Read'], kind: 'personal' }))
  } finally {
    await graph.close()
  }
})
