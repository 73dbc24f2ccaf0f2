'use strict'

const { channel } = require('node:diagnostics_channel')

const native = require('./personcert.node')

const attempts = channel('personcert:attempt')
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')

/** A call's error. The message is one line of text for people; the properties are for programs. */
class PersonCertError extends Error {
  constructor({ message, ...properties }, options) {
    super(message, options)
    Object.assign(this, properties)
  }
}

/** The error of a cancelled call, named as every Node API names it. */
class AbortError extends PersonCertError {}

// On the prototype, where the built-in errors have theirs.
for (const type of [PersonCertError, AbortError]) {
  Object.defineProperty(type.prototype, 'name', { value: type.name, writable: true, configurable: true })
}

/** Gives the value in the native half's JSON text, or throws the error in it. */
function unwrap(text, signal) {
  const { value, error } = JSON.parse(text)
  if (!error) return value
  throw error.kind === 'cancelled' ? new AbortError(error, { cause: signal?.reason }) : new PersonCertError(error)
}

/** The tokens of the calls that each signal cancels. */
const tokensOf = new WeakMap()

function cancelAll() {
  for (const token of tokensOf.get(this)) token.cancel()
}

/** Makes a call that `signal` may cancel. Calls that share a signal share one listener. */
async function withSignal(signal, call) {
  if (signal === undefined || signal === null) return unwrap(await call())
  if (!(signal instanceof AbortSignal)) throw invalidInput('signal', 'expected an AbortSignal')
  const token = new native.CancelToken()
  if (signal.aborted) token.cancel()
  const tokens = tokensOf.get(signal) ?? new Set()
  if (tokens.size === 0) {
    tokensOf.set(signal, tokens)
    signal.addEventListener('abort', cancelAll)
  }
  tokens.add(token)
  try {
    return unwrap(await call(token), signal)
  } finally {
    tokens.delete(token)
    if (tokens.size === 0) signal.removeEventListener('abort', cancelAll)
  }
}

function invalidInput(parameter, problem) {
  return new PersonCertError({
    message: `${parameter}: ${problem}`,
    kind: 'invalid_input',
    outcome: 'not_sent',
    parameter,
  })
}

/** Splits a call's options into its signal and the native half's arguments, which `more` adds to. */
function splitOptions(options, more) {
  if (options === null || typeof options !== 'object') throw invalidInput('options', 'expected an object')
  const { signal, ...rest } = options
  return [signal, { ...rest, ...more }]
}

/** Makes the callback for every attempt; undefined without listeners, because each attempt would cost time. */
function attemptListener(onRetry) {
  if (!onRetry && !attempts.hasSubscribers) return undefined
  return (text) => {
    const { value } = JSON.parse(text)
    attempts.publish(value)
    if (onRetry && value.waitMs !== undefined) onRetry(value)
  }
}

/** Makes the callback that promises a token and its expiry. */
function credentialCallback(credential) {
  if (credential === undefined || credential === null) return undefined
  if (typeof credential !== 'function' && typeof credential.getToken !== 'function') {
    throw invalidInput('credential', 'expected a function, or an object with getToken')
  }
  return async (text) => {
    const { scope, claims } = JSON.parse(text)
    const token = await (credential.getToken ? credential.getToken(scope, claims ? { claims } : {}) : credential())
    return JSON.stringify(typeof token === 'string' ? { token } : token)
  }
}

class Client {
  #native

  constructor(options = {}) {
    if (options === null || typeof options !== 'object') throw invalidInput('options', 'expected an object')
    const { onRetry, onPrompt, credential, ...settings } = options
    if (onRetry !== undefined && typeof onRetry !== 'function') throw invalidInput('onRetry', 'expected a function')
    if (onPrompt !== undefined && typeof onPrompt !== 'function') throw invalidInput('onPrompt', 'expected a function')
    const promptCallback = onPrompt && ((text) => onPrompt(JSON.parse(text).value))
    this.#native = new native.Client(settings, attemptListener(onRetry), credentialCallback(credential), promptCallback)
    unwrap(this.#native.opened())
  }

  async update(id, changes, options = {}) {
    return this.#call('update', options, { id, changes })
  }

  async get(id, options = {}) {
    return this.#call('get', options, { id })
  }

  async *list(options = {}) {
    const [signal, query] = splitOptions(options)
    const pages = this.#native.list(query)
    for (let page; (page = await withSignal(signal, (token) => pages.next(token))) !== null; ) yield* page
  }

  async create(values, options = {}) {
    return this.#call('create', options, { values })
  }

  async delete(id, options = {}) {
    await this.#call('delete', options, { id })
  }

  async doctor(options = {}) {
    return this.#call('doctor', options)
  }

  close() {
    this.#native.close()
  }

  async [asyncDispose]() {
    this.close()
  }

  #call(operation, options, more) {
    const [signal, args] = splitOptions(options, more)
    return withSignal(signal, (token) => this.#native.call(operation, args, token))
  }
}

class LocalGraph {
  #native = new native.LocalGraph()
  #url

  static async start(options = {}) {
    const graph = new LocalGraph()
    graph.#url = unwrap(await graph.#native.start(options))
    return graph
  }

  get url() {
    return this.#url
  }

  // generated: commands, by `cargo xtask stubs` from the local Graph's table
  token(options = {}) {
    return this.#command('token', options)
  }

  add(user, certification) {
    return this.#command('add', { user, certification })
  }

  certifications(user) {
    return this.#command('certifications', { user })
  }

  users() {
    return this.#command('users')
  }

  async script(answers) {
    await this.#command('script', { answers })
  }

  async faults(faults) {
    await this.#command('faults', { faults })
  }

  async throttle(options = {}) {
    await this.#command('throttle', options)
  }

  clock(options = {}) {
    return this.#command('clock', options)
  }

  async seed(seed) {
    await this.#command('seed', { seed })
  }

  snapshot() {
    return this.#command('snapshot')
  }

  async restore(snapshot) {
    await this.#command('restore', { snapshot })
  }

  requests(options = {}) {
    return this.#command('requests', options)
  }

  addresses() {
    return this.#command('addresses')
  }

  caFile() {
    return this.#command('caFile')
  }

  async app(clientId, options = {}) {
    await this.#command('app', { ...options, clientId })
  }

  async approve(options = {}) {
    await this.#command('approve', options)
  }

  async lifetime(seconds) {
    await this.#command('lifetime', { seconds })
  }

  async revoke(user) {
    await this.#command('revoke', { user })
  }

  async challenge(claims, user) {
    await this.#command('challenge', { claims, user })
  }

  federated() {
    return this.#command('federated')
  }

  signIns() {
    return this.#command('signIns')
  }

  async reset() {
    await this.#command('reset')
  }
  // end of generated: commands

  async close() {
    unwrap(await this.#native.close())
  }

  async [asyncDispose]() {
    await this.close()
  }

  async #command(name, args = {}) {
    return unwrap(await this.#native.command(name, args))
  }
}

module.exports = { Client, LocalGraph, PersonCertError }
