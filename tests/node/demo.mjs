// The specification's change, made from Node against the Graph that the environment names.
import { Client } from '../../node/index.mjs'

const id = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const user = 'innocenty.popov@contoso.com'
const client = new Client({ baseUrl: process.env.PERSONCERT_BASE_URL, token: process.env.PERSONCERT_TOKEN })

// The front end before this one has made the change already: start from the old values again.
const old = 'International Academy of Marketing'
await client.update(id, { issuingAuthority: old, issuingCompany: old }, { user })
const current = await client.get(id, { user })
const now = 'International Academy of Marketing Excellence'
const updated = await client.update(id, { issuingAuthority: now, issuingCompany: now }, { user, current })
console.log(`sent: PATCH, client-request-id ${updated.clientRequestId}, answer ${updated.status}`)
for (const { name, before, after, sent } of updated.changed) {
  console.log(`  ${name}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}${sent ? '' : ' (recalculated)'}`)
}
