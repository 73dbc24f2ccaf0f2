// Updates made by Node packages: `bench.mjs CONTENDER URL IN_FLIGHT COUNT`. Prints what one update costs as JSON.
// With COUNT 0: prints `ready` after the first update, then the time to import and the memory that is resident.
const ID = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'
const PATH = `/beta/me/profile/certifications/${ID}`
const VALUE = 'International Academy of Marketing Excellence'
const HEADERS = { authorization: 'Bearer t', accept: 'application/json', 'content-type': 'application/json' }

const body = () => JSON.stringify({ issuingAuthority: VALUE, issuingCompany: VALUE })
const check = (certification) => {
  if (certification.id !== ID) throw new Error(JSON.stringify(certification))
}

const contenders = {
  async personcert(url) {
    const { Client } = await import('personcert')
    const client = new Client({ baseUrl: url, token: 't', maxPerUser: 32 })
    return async () => check((await client.update(ID, { issuingAuthority: VALUE, issuingCompany: VALUE })).certification)
  },
  async fetch(url) {
    return async () => check(await (await fetch(url + PATH, { method: 'PATCH', headers: HEADERS, body: body() })).json())
  },
  async undici(url) {
    const { Pool } = await import('undici')
    const pool = new Pool(url, { connections: 32 })
    return async () => {
      const response = await pool.request({ path: PATH, method: 'PATCH', headers: HEADERS, body: body() })
      check(await response.body.json())
    }
  },
}

const [name, url, inFlight, count] = [process.argv[2], process.argv[3], +process.argv[4], +process.argv[5]]
const began = performance.now()
const update = await contenders[name](url)
if (count === 0) {
  const imported = performance.now() - began
  await update()
  process.stdout.write('ready\n')
  console.log(JSON.stringify({ import_ms: imported, resident_mb: process.memoryUsage.rss() / 1e6 }))
} else {
  const some = async (times) => {
    for (let i = 0; i < times; i += 1) await update()
  }
  const all = (times) => Promise.all(Array.from({ length: inFlight }, () => some(Math.floor(times / inFlight))))
  await all(count / 10)
  const [before, start] = [process.cpuUsage(), performance.now()]
  await all(count)
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ cpu_us: (user + system) / count, wall_us: ((performance.now() - start) * 1e3) / count }))
}
process.exit()
