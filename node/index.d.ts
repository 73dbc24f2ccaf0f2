import type {
  Addresses,
  AppOptions,
  ApproveOptions,
  Attempt,
  CallOptions,
  CertificationChanges,
  CertificationValues,
  ClientOptions,
  ClockOptions,
  Fault,
  Finding,
  GetOptions,
  Limits,
  ListOptions,
  LocalGraphOptions,
  LocalUser,
  LoggedRequest,
  PersonCertErrorAttributes,
  PersonCertification,
  Prompt,
  RequestFilter,
  ScriptedAnswer,
  SignIn,
  TokenOptions,
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
  // generated: commands, by `cargo xtask stubs` from the local Graph's table
  /** Creates an access token that is valid for an hour. */
  token(options?: TokenOptions): Promise<string>
  /** Stores a certification and returns it as stored. */
  add(user: string, certification: PersonCertification): Promise<PersonCertification>
  /** Returns the stored certifications of a user, directly from SQLite. */
  certifications(user?: string): Promise<PersonCertification[]>
  /** Returns the users. */
  users(): Promise<LocalUser[]>
  /** Sends these responses to the next requests, in this order. */
  script(answers: ScriptedAnswer[]): Promise<void>
  /** Adds faults. A request takes the first fault that matches it and is not used up. */
  faults(faults: Fault[]): Promise<void>
  /** Sets limits; requests over a limit get 429. Without arguments it removes all limits. */
  throttle(options?: Limits): Promise<void>
  /** Freezes, releases, sets or moves the clock, and returns its time. Tokens, `Date`, timestamps, `Retry-After` and the limits follow it. */
  clock(options?: ClockOptions): Promise<string>
  /** Restarts the random generator: with the same seed the same ids and random faults follow, and with a frozen clock the same requests get the same bytes. */
  seed(seed: number): Promise<void>
  /** Keeps a copy of the users and certifications and returns its number. At most 16 copies are kept, across resets. */
  snapshot(): Promise<number>
  /** Restores the users and certifications of a snapshot. */
  restore(snapshot: number): Promise<void>
  /** Returns the requests since the last reset, or those that match: at most 10,000 requests and 32 MiB, and of a body 1 MiB. */
  requests(options?: RequestFilter): Promise<LoggedRequest[]>
  /** Returns addresses on this machine where connections fail, which open on first use. */
  addresses(): Promise<Addresses>
  /** Returns the path of the PEM file with the authority behind `https`. */
  caFile(): Promise<string>
  /** Registers an application. */
  app(clientId: string, options?: AppOptions): Promise<void>
  /** Approves or declines a device sign-in. */
  approve(options?: ApproveOptions): Promise<void>
  /** Sets the lifetime of new access tokens. */
  lifetime(seconds: number): Promise<void>
  /** Revokes the sessions of a user: the tokens get 401 and cannot be renewed. */
  revoke(user?: string): Promise<void>
  /** Refuses tokens that were not requested with these claims, with 401 and a claims challenge. */
  challenge(claims: Record<string, unknown>, user?: string): Promise<void>
  /** Creates a token of another issuer, which every application here trusts. */
  federated(): Promise<string>
  /** Returns the token requests since the last reset. They are not part of `requests`. */
  signIns(): Promise<SignIn[]>
  /** Restores the state of the start, without responses, faults, limits, clock, seed and sign-ins. Snapshots are kept. */
  reset(): Promise<void>
  // end of generated: commands
  /** Stops it. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
