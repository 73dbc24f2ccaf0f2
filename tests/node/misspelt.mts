// Mistakes that the compiler must find: each of these lines is one.
import { Client } from '../../node/index.mjs'

const client = new Client({ tokn: 'x' })
await client.update('id', { issuingAuthorty: 'x' })
await client.update('id', { endDate: new Date() })
await client.update('id', { description: 1 })
await client.update('id', { createdBy: 'x' })
console.log((await client.get('id')).issuingAuthorty)
await client.get()
