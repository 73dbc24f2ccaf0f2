// Every public name, used as its types say: the compiler must find nothing here.
import {
  Client,
  LocalGraph,
  PersonCertError,
  type Attempt,
  type Prompt,
  type SignIn,
  type CallOptions,
  type CertificationChanges,
  type CertificationValues,
  type PropertyChange,
  type ClientOptions,
  type Credential,
  type ErrorKind,
  type Fault,
  type Finding,
  type GetOptions,
  type Identity,
  type IdentitySet,
  type InferenceData,
  type Limits,
  type ListOptions,
  type LocalGraphOptions,
  type LocalUser,
  type LoggedRequest,
  type Outcome,
  type PersonCertErrorAttributes,
  type PersonCertification,
  type PersonDataSources,
  type PlainDateLike,
  type ProfileSourceAnnotation,
  type Rate,
  type ScriptedAnswer,
  type Token,
  type UpdateOptions,
  type UpdateResult,
} from '../../node/index.mjs'
import cjs from '../../node/index.js'

const id = '0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f'

function members(certification: PersonCertification): void {
  const end: string | null | undefined = certification.endDate
  const by: IdentitySet | null | undefined = certification.createdBy
  const who: Identity | null | undefined = by?.user
  const inference: InferenceData | null | undefined = certification.inference
  const source: PersonDataSources | null | undefined = certification.source
  const sources: ProfileSourceAnnotation[] | null | undefined = certification.sources
  console.log(end, who?.displayName, inference?.confidenceScore, source?.type, sources?.length)
}

function changes(updated: UpdateResult): void {
  for (const change of updated.changed) {
    const { name, before, after, sent }: PropertyChange = change
    console.log(name, before, after, sent)
  }
  if (updated.certification) members(updated.certification)
  console.log(updated.warnings, updated.status, updated.attempts, updated.requestId, updated.clientRequestId)
}

function failed(error: PersonCertErrorAttributes): void {
  const kind: ErrorKind = error.kind
  const outcome: Outcome = error.outcome
  console.log(kind, outcome, error.parameter, error.status, error.code, error.retryAfter)
}

const start: LocalGraphOptions = { port: 0, permissions: 'spec', users: 2, certifications: 1 }
await using graph = await LocalGraph.start(start)
const options: ClientOptions = { baseUrl: graph.url, token: await graph.token({ scopes: ['User.ReadWrite'] }), timeout: 5000 }
const client = new Client(options)
await using disposable = new Client(options)
disposable.close()
const getting: GetOptions = { select: ['id', 'endDate'], timeout: 3000 }
const current = await client.get(id, getting)
const date: PlainDateLike = { [Symbol.toStringTag]: 'Temporal.PlainDate', toString: () => '2030-01-01' }
const wanted: CertificationChanges = { issuingAuthority: 'Contoso', thumbnailUrl: null, allowedAudiences: ['contacts'] }
const updating: UpdateOptions = { current, signal: AbortSignal.timeout(1000) }
const calling: CallOptions = { user: 'innocenty.popov@contoso.com' }
const listing: ListOptions = { top: 10, skip: 0, orderby: 'displayName' }
try {
  changes(await client.update(id, wanted, updating))
  if (Math.random() > 1) changes(await client.update(id, { endDate: date }))
  const values: CertificationValues = { displayName: 'New', source: { type: ['Manual'] } }
  const created = await client.create(values, calling)
  for await (const certification of client.list(listing)) members(certification)
  await client.delete(created.id ?? '', calling)
} catch (error) {
  if (error instanceof PersonCertError) failed(error)
  else throw error
}
await graph.add('innocenty.popov@contoso.com', { displayName: 'Added' })
const answer: ScriptedAnswer = { status: 200, body: { id } }
await graph.script([answer])
const users: LocalUser[] = await graph.users()
const requests: LoggedRequest[] = await graph.requests()
console.log(users.length, requests.length, (await graph.certifications()).length, new cjs.Client() instanceof Client)
const told: Attempt[] = []
const prompts: Prompt[] = []
new Client({ baseUrl: graph.url, signIn: 'browser', clientId: 'x', tenantId: 'y', onPrompt: (prompt) => prompts.push(prompt) })
await graph.app('z', { secret: 's', public: false, roles: ['User.ReadWrite.All'] })
await graph.approve({ user: 'innocenty.popov@contoso.com' })
await graph.lifetime(60)
await graph.challenge({ access_token: { acrs: { value: 'c1' } } })
await graph.revoke()
const signIns: SignIn[] = await graph.signIns()
console.log(prompts.map(({ message, address, code }) => [message, address, code]), signIns, await graph.federated())
await graph.reset()
const token: Token = { token: await graph.token(), expiresOnTimestamp: Date.now() + 1000 }
const credential: Credential = () => token
const watched = new Client({ baseUrl: graph.url, credential, onRetry: (attempt) => told.push(attempt) })
const findings: Finding[] = await watched.doctor({ user: 'innocenty.popov@contoso.com' })
const fault: Fault = { method: 'PATCH', times: 1, act: { answer: { status: 503 } } }
await graph.faults([fault, { act: 'resetAfterApplying', delay: { fixed: 0.1 }, probability: 0 }])
const rate: Rate = { rate: 50 }
const limits: Limits = { app: rate, mailbox: 4, retryAfter: 'decimal' }
await graph.throttle(limits)
await graph.seed(1)
await graph.restore(await graph.snapshot())
console.log(findings.length, await graph.clock({ advance: 1 }), (await graph.addresses()).closed, await graph.caFile())
await graph.reset()
await graph.close()
