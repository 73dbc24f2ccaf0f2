// Web pages of other sites in a real browser: none of them reaches the local Graph.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { LocalGraph } from '../../node/index.mjs'
import { withPage } from './browser.mjs'

const USER = 'innocenty.popov@contoso.com'
const ADDED = { user: USER, certification: { displayName: 'Added by a web page' } }
// A name that resolves to this machine, as one that was rebound does.
const FLAGS = ['--host-resolver-rules=MAP foreign.example 127.0.0.1']

const options = { timeout: 60_000 }

let graph, site, control
const received = []

/** A server that answers every request with an empty page and notes it. */
function listen(note) {
  const server = createServer((request, response) => {
    note?.push(`${request.method} ${request.url}`)
    response.setHeader('content-type', 'text/html')
    response.end('<!DOCTYPE html><title>foreign</title>')
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const port = (server) => server.address().port

before(async () => {
  graph = await LocalGraph.start()
  site = await listen()
  control = await listen(received)
})
after(async () => {
  await graph.close()
  site.close()
  control.close()
})

/** Sends what a page may send to any address without asking: simple requests and a form. */
async function attack({ target, added, form }) {
  const post = (path, body, type) =>
    fetch(target + path, { method: 'POST', mode: 'no-cors', body, headers: { 'content-type': type } })
  await post('/_local/add', added, 'text/plain')
  await post('/organizations/oauth2/v2.0/token', form, 'application/x-www-form-urlencoded')
  await fetch(`${target}/beta/me/profile/certifications`, { mode: 'no-cors' })
  const frame = Object.assign(document.createElement('iframe'), { name: 'result' })
  const element = Object.assign(document.createElement('form'), {
    method: 'post',
    action: `${target}/_local/add`,
    enctype: 'text/plain',
    target: 'result',
  })
  // The form's name=value becomes one JSON object.
  const [name, value] = [added.replace('"}}', ' with a form", "more": "'), '"}}']
  element.append(Object.assign(document.createElement('input'), { name, value }))
  document.body.append(frame, element)
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
  element.submit()
  await loaded
  frame.remove()
  element.remove()
}

const FORM = String(
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: '11111111-2222-3333-4444-555555555555',
    client_secret: 'local-secret',
    scope: 'https://graph.microsoft.com/.default',
  }),
)

/** What a page could have changed. */
async function state() {
  const certifications = await graph.certifications(USER)
  return { names: certifications.map(({ displayName }) => displayName), signIns: await graph.signIns() }
}

for (const host of ['foreign.example', 'localhost', '127.0.0.1']) {
  test(`a page of ${host} with another port commands nothing`, options, async () => {
    const earlier = await state()
    received.length = 0
    await withPage(FLAGS, async (page) => {
      await page.goto(`http://${host}:${port(site)}/`)
      for (const target of [`http://127.0.0.1:${port(control)}`, graph.url, graph.url.replace('127.0.0.1', 'localhost')]) {
        await page.evaluate(attack, { target, added: JSON.stringify(ADDED), form: FORM })
      }
    })
    // The same requests reach a server that does not refuse them.
    assert.deepEqual(received.sort(), [
      'GET /beta/me/profile/certifications',
      'POST /_local/add',
      'POST /_local/add',
      'POST /organizations/oauth2/v2.0/token',
    ])
    assert.deepEqual(await state(), earlier)
    assert.deepEqual(await graph.requests(), [])
  })
}

test('a page whose name was rebound to this machine reads and commands nothing', options, async () => {
  const earlier = await state()
  const answers = await withPage(FLAGS, async (page) => {
    await page.goto(`http://foreign.example:${new URL(graph.url).port}/`)
    return page.evaluate(async ({ added, form }) => {
      const status = async (path, options) => (await fetch(path, options)).status
      const type = { 'content-type': 'application/x-www-form-urlencoded' }
      return [
        await status('/_local/add', { method: 'POST', body: added }),
        await status('/_local/token', { method: 'POST', body: '{}' }),
        await status('/beta/me/profile/certifications'),
        await status('/organizations/oauth2/v2.0/token', { method: 'POST', body: form, headers: type }),
        await status('/organizations/v2.0/.well-known/openid-configuration'),
      ]
    }, { added: JSON.stringify(ADDED), form: FORM })
  })
  assert.deepEqual(answers, [421, 421, 421, 421, 421])
  assert.deepEqual(await state(), earlier)
})

test('a page of another site may lead to the sign-in page', options, async () => {
  const query = new URLSearchParams({
    client_id: '00000000-1111-2222-3333-444444444444',
    response_type: 'code',
    redirect_uri: `http://localhost:${port(control)}/signed-in`,
    scope: 'User.Read',
    code_challenge: 'x',
    code_challenge_method: 'S256',
  })
  received.length = 0
  await withPage(FLAGS, async (page) => {
    await page.goto(`http://foreign.example:${port(site)}/`)
    await page.evaluate((address) => void location.assign(address), `${graph.url}/organizations/oauth2/v2.0/authorize?${query}`)
    await page.getByRole('button', { name: 'Innocenty Popov' }).click()
    await page.waitForURL(/signed-in/)
  })
  assert.match(received[0], /^GET \/signed-in\?code=/)
})
