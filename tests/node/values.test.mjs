// Odd JavaScript values, and the errors that refuse them. Needs Node alone.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import { Client, PersonCertError } from '../../node/index.mjs'
import { ID, client, failure, graph, useLocalGraph } from './support.mjs'

useLocalGraph()

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
    for (const number of [NaN, Infinity, -Infinity]) await refused({ description: number }, "NaN and infinities can't be sent")
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
