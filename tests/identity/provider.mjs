// An independent OpenID provider, its addresses laid out as those of Microsoft's identity platform.
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

import Provider from 'oidc-provider'

const PUBLIC = '00000000-1111-2222-3333-444444444444'
const CONFIDENTIAL = '11111111-2222-3333-4444-555555555555'
const CERTIFIED = '22222222-3333-4444-5555-666666666666'

/** The key of the tests' certificate, as the provider knows it. */
function key() {
  const { publicKey } = new X509Certificate(readFileSync(new URL('client.pem', import.meta.url)))
  return { ...createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }), alg: 'PS256', use: 'sig' }
}

/** Starts one that knows the scope; `grants` lists by what grants it has issued tokens. */
export async function start(scope) {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}`
  const at = (name) => `/organizations/oauth2/v2.0/${name}`
  const none = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }
  const provider = new Provider(url, {
    clients: [
      {
        client_id: PUBLIC,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://localhost'],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      },
      { client_id: CONFIDENTIAL, client_secret: 'local-secret', token_endpoint_auth_method: 'client_secret_post', ...none },
      { client_id: CERTIFIED, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key()] }, ...none },
    ],
    scopes: ['openid', 'offline_access', 'profile', scope],
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
    },
    rotateRefreshToken: true,
    enabledJWA: { clientAuthSigningAlgValues: ['PS256'] },
    clientAuthMethods: ['none', 'client_secret_post', 'private_key_jwt'],
    routes: {
      authorization: at('authorize'),
      token: at('token'),
      device_authorization: at('devicecode'),
      code_verification: '/organizations/devicelogin',
    },
  })
  const grants = []
  provider.on('grant.success', (ctx) => grants.push(ctx.oidc.params.grant_type))
  provider.on('grant.error', (ctx, error) => {
    if (error.error !== 'authorization_pending') console.error('provider:', error.error, error.error_description, error.error_detail)
  })
  for (const event of ['server_error', 'authorization.error', 'device_authorization.error']) {
    provider.on(event, (ctx, error) => console.error('provider:', event, error.message, error.error_description))
  }
  const answer = provider.callback()
  server.on('request', (request, response) => {
    // Its pages for development know no picking of accounts.
    request.url = request.url.replace('prompt=select_account', 'prompt=login+consent')
    answer(request, response)
  })
  const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  return { url, grants, close }
}
