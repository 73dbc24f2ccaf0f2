import type {
  Attempt,
  CallOptions,
  CertificationChanges,
  CertificationValues,
  ClientOptions,
  Finding,
  GetOptions,
  ListOptions,
  LocalGraphOptions,
  PersonCertErrorAttributes,
  PersonCertification,
  Prompt,
  UpdateOptions,
  UpdateResult,
} from './types.js'

export * from './types.js'

/** An access token and its expiry in milliseconds since 1970, as in `@azure/identity`. */
export interface Token {
  token: string
  expiresOnTimestamp?: number
}

/** A credential of `@azure/identity`, or a function that returns a token. It is called when the last token expires or is rejected. */
export type Credential =
  | { getToken(scopes: string | string[], options?: { claims?: string }): Promise<Token | null> }
  | (() => string | Token | Promise<string | Token>)

/**
 * Changes certifications on people's profiles. Every method rejects with a {@link PersonCertError}; invalid arguments are
 * rejected before anything is sent.
 */
export class Client {
  /**
   * Creates a client; nothing is sent yet. Throws a {@link PersonCertError} for an invalid setting. `onRetry` is called
   * with each failed attempt that is repeated. Every attempt is published on the diagnostics channel `personcert:attempt`
   * if it has a subscriber when the client is created. `onPrompt` is called with what the user has to do to sign in
   * interactively; by default it is printed to standard error.
   */
  constructor(
    options?: ClientOptions & {
      credential?: Credential
      onRetry?: (attempt: Attempt) => void
      onPrompt?: (prompt: Prompt) => void
    },
  )
  /** Changes a certification. A value sets a property, `null` clears it; undefined and absent properties keep their values. */
  update(id: string, changes: CertificationChanges, options?: UpdateOptions): Promise<UpdateResult>
  /** Reads a certification. */
  get(id: string, options?: GetOptions): Promise<PersonCertification>
  /** Reads all certifications of a user, fetching each page when it is needed. */
  list(options?: ListOptions): AsyncGenerator<PersonCertification, void, undefined>
  /** Adds a certification with these values. */
  create(values: CertificationValues, options?: CallOptions): Promise<PersonCertification>
  /** Removes a certification. */
  delete(id: string, options?: CallOptions): Promise<void>
  /**
   * Checks token, permissions, network and clock before the first change. Sends at most one read and changes nothing.
   */
  doctor(options?: CallOptions): Promise<Finding[]>
  /** Closes the client: later calls fail, and its connections close when the calls in progress have ended. */
  close(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** The error of a failed call. The message is one line to read; the properties serve programs. */
export interface PersonCertError extends PersonCertErrorAttributes {}
export class PersonCertError extends Error {
  private constructor()
  /** `AbortError` when the call was cancelled (kind `cancelled`). */
  readonly name: 'PersonCertError' | 'AbortError'
}

/** A user of a local Graph. */
export interface LocalUser {
  id: string
  userPrincipalName: string
  displayName: string
}

/** A literal answer, given instead of the store's. */
export interface ScriptedAnswer {
  status?: number
  headers?: Record<string, string> | [string, string][]
  /** JSON, or text that is sent as it is. */
  body?: unknown
  /** The text that many times. */
  repeat?: number
  /** Break the connection after this number of bytes. */
  cut?: number
}

/** A token request that a local Graph answered. */
export interface SignIn {
  grant: string | null
  clientId: string | null
  /** When, in seconds since 1970. */
  at: number
  ok: boolean
  /** Who signed in, where somebody did. */
  user?: string | null
  /** Why it was refused. */
  error?: string
}

/** A request as it came. The token is not shown. */
export interface LoggedRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: string
  /** The status it got; null where it got none. */
  status: number | null
}

/** Misbehaviour on command: what it matches, and what it does. */
export interface Fault {
  method?: string
  /** The path without the query; `*` stands for anything. */
  path?: string
  /** An object id or a user principal name. */
  user?: string
  /** Only the n-th request that matches the rest, from 1. */
  nth?: number
  /** Only this step of a batch, from 0. */
  step?: number
  /** From 0 to 1. */
  probability?: number
  /** How often it acts; left out: always. */
  times?: number
  /** Waited before it acts, in seconds. */
  delay?: { fixed: number } | { logNormal: { median: number; sigma: number } }
  act?:
    | 'resetBeforeReading'
    | 'resetAfterReading'
    | 'resetAfterApplying'
    | 'resetAfterHeaders'
    | 'halfBody'
    | 'garbage'
    | 'wrongContentType'
    | 'html'
    | 'endless'
    | 'slow'
    | 'gzipBomb'
    | 'largeError'
    | 'deep'
    | 'duplicateBatchId'
    | 'missingBatchId'
    | { answer: ScriptedAnswer }
    | { redirect: 'sameHost' | 'otherPort' | 'otherHost' | 'http'; status?: number }
}

/** Requests a second, and the size of a burst after a pause. */
export interface Rate {
  rate: number
  burst?: number
}

/** Limits beyond which a local Graph answers 429. */
export interface Limits {
  app?: Rate
  tenant?: Rate
  user?: Rate
  /** How many requests for one user may be under way. */
  mailbox?: number
  /** What Retry-After looks like. */
  retryAfter?: 'integer' | 'decimal' | 'date' | 'absent' | 'garbage'
}

/**
 * A server on this machine that answers like Microsoft Graph and keeps certifications in SQLite. It is not the service:
 * use it for tests and trials. It stops when it is closed, or with the process.
 */
export class LocalGraph {
  private constructor()
  /** Starts one; it is ready when the promise resolves. */
  static start(options?: LocalGraphOptions): Promise<LocalGraph>
  /** The root to give a client as `baseUrl`. */
  readonly url: string
  /** Makes an access token; by default of the specification's user, with `User.ReadWrite.All`. */
  token(options?: { user?: string; scopes?: string[]; kind?: 'work' | 'personal' | 'app' }): Promise<string>
  /** Stores a certification, its read-only members included; gives what is stored. */
  add(user: string, certification: PersonCertification): Promise<PersonCertification>
  /** The stored certifications of a user, straight from SQLite. */
  certifications(user?: string): Promise<PersonCertification[]>
  /** The users there are. */
  users(): Promise<LocalUser[]>
  /** Answers the next requests with these instead of the store's answers, in this order. */
  script(answers: ScriptedAnswer[]): Promise<void>
  /** The requests that came since the last reset; `*` in a path stands for anything. */
  requests(which?: { method?: string; path?: string; user?: string; status?: number }): Promise<LoggedRequest[]>
  /** Misbehaves: each request takes the first of these that matches it and is not used up. */
  faults(faults: Fault[]): Promise<void>
  /** Answers 429 beyond these limits; `{}` ends it. */
  throttle(limits: Limits): Promise<void>
  /** Freezes, sets, advances or skews its clock (seconds); gives its time. */
  clock(options: { freeze?: boolean; now?: string; advance?: number; skew?: number }): Promise<string>
  /** Starts everything random anew: the same seed and requests give the same answers. */
  seed(seed: number): Promise<void>
  /** Keeps the stored state. */
  snapshot(): Promise<number>
  /** Brings a kept state back. */
  restore(snapshot: number): Promise<void>
  /** Addresses on this machine that behave badly or otherwise. */
  addresses(): Promise<Record<'closed' | 'full' | 'silent' | 'tlsAlert' | 'elsewhere' | 'https', string>>
  /** The PEM file with the certificate authority of its https addresses, where there are any. */
  caFile(): Promise<string | null>
  /**
   * Registers an application: with a secret or a certificate (PEM text), or a public one for people's sign-in. There are
   * two from the start: the public `00000000-1111-2222-3333-444444444444`, and `11111111-2222-3333-4444-555555555555`
   * with the secret `local-secret`.
   */
  app(app: { clientId: string; secret?: string; certificate?: string; public?: boolean; roles?: string[] }): Promise<void>
  /** Signs a user in with a device's code, or declines it; without a code, with every one from now on. */
  approve(options?: { userCode?: string; user?: string; decline?: boolean }): Promise<void>
  /** Sets the lifetime of access tokens issued from now on. */
  lifetime(seconds: number): Promise<void>
  /** Ends a user's sessions: their tokens are refused from now on, and can't be renewed. */
  revoke(user?: string): Promise<void>
  /** Refuses tokens, of one user or of all, that were not asked for with these claims (claims challenge). */
  challenge(claims: Record<string, Record<string, unknown>>, user?: string): Promise<void>
  /** Makes a token of another issuer that every application here trusts: what a federated token file holds. */
  federated(): Promise<string>
  /** The token requests since the last reset: grant, application, user, and how they ended. */
  signIns(): Promise<SignIn[]>
  /** Brings back the state of the start; forgets scripted answers and requests. */
  reset(): Promise<void>
  /** Stops it. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
