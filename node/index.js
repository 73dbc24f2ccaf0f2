'use strict'

const { channel } = require('node:diagnostics_channel')

const native = require('./personcert.node')

const attempts = channel('personcert:attempt')

/** What went wrong. The message is one line for a person; the properties serve programs. */
class PersonCertError extends Error {
  constructor({ message, ...properties }, options) {
    super(message, options)
    Object.assign(this, properties)
  }
}
// On the prototype, as the built-in errors have it.
Object.defineProperty(PersonCertError.prototype, 'name', { value: 'PersonCertError', writable: true, configurable: true })

/** The value that the native half answered with, or its error. */
function unpack(text, options) {
  const { value, error } = JSON.parse(text)
  if (error) throw new PersonCertError(error, options)
  return value
}

/** Carries a call out that `signal` may stop. */
async function stoppable(signal, call) {
  if (signal === undefined || signal === null) return unpack(await call())
  if (!(signal instanceof AbortSignal)) throw wrong('signal', 'expected an AbortSignal')
  const cancel = new native.Cancel()
  const stop = () => cancel.cancel()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
  try {
    return unpack(await call(cancel), signal.aborted ? { cause: signal.reason } : undefined)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function wrong(parameter, why) {
  return new PersonCertError({ message: `${parameter}: ${why}`, kind: 'invalid_input', outcome: 'not_sent', parameter })
}

/** The signal, and the call's arguments: its options with what else it needs. */
function given(options, more) {
  if (options === null || typeof options !== 'object') throw wrong('options', 'expected an object')
  const { signal, ...rest } = options
  return [signal, { ...rest, ...more }]
}

/** What the native half calls with every attempt; nothing where nobody would notice, for it costs time. */
function watch(onRetry) {
  if (!onRetry && !attempts.hasSubscribers) return undefined
  return (text) => {
    const { value } = JSON.parse(text)
    attempts.publish(value)
    if (onRetry && value.waitMs !== undefined) onRetry(value)
  }
}

/** What the native half calls when it needs a token; its promise gives the token and its end. */
function ask(credential) {
  if (credential === undefined || credential === null) return undefined
  if (typeof credential !== 'function' && typeof credential.getToken !== 'function') {
    throw wrong('credential', 'expected a function, or an object with getToken')
  }
  return async (text) => {
    const { scope, claims } = JSON.parse(text)
    const given = await (credential.getToken ? credential.getToken(scope, claims ? { claims } : {}) : credential())
    return JSON.stringify(typeof given === 'string' ? { token: given } : given)
  }
}

class Client {
  #native

  constructor(options = {}) {
    if (options === null || typeof options !== 'object') throw wrong('options', 'expected an object')
    const { onRetry, onPrompt, credential, ...settings } = options
    if (onRetry !== undefined && typeof onRetry !== 'function') throw wrong('onRetry', 'expected a function')
    if (onPrompt !== undefined && typeof onPrompt !== 'function') throw wrong('onPrompt', 'expected a function')
    const prompt = onPrompt && ((text) => onPrompt(JSON.parse(text).value))
    this.#native = new native.Client(settings, watch(onRetry), ask(credential), prompt)
    unpack(this.#native.opened())
  }

  async update(id, changes, options = {}) {
    return this.#call('update', options, { id, changes })
  }

  async get(id, options = {}) {
    return this.#call('get', options, { id })
  }

  async *list(options = {}) {
    const [signal, query] = given(options)
    const pages = this.#native.list(query)
    for (let page; (page = await stoppable(signal, (cancel) => pages.next(cancel))) !== null; ) yield* page
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

  #call(operation, options, more) {
    const [signal, args] = given(options, more)
    return stoppable(signal, (cancel) => this.#native.call(operation, args, cancel))
  }
}

class LocalGraph {
  #native = new native.LocalGraph()
  #url

  static async start(options = {}) {
    const graph = new LocalGraph()
    graph.#url = unpack(await graph.#native.start(options))
    return graph
  }

  get url() {
    return this.#url
  }

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

  async faults(faults) {
    await this.#command('faults', { faults })
  }

  async throttle(limits) {
    await this.#command('throttle', limits)
  }

  clock(options) {
    return this.#command('clock', options)
  }

  async seed(seed) {
    await this.#command('seed', { seed })
  }

  async snapshot() {
    return (await this.#command('snapshot')).snapshot
  }

  async restore(snapshot) {
    await this.#command('restore', { snapshot })
  }

  addresses() {
    return this.#command('addresses')
  }

  caFile() {
    return this.#command('ca')
  }

  async script(answers) {
    await this.#command('script', { answers })
  }

  requests(which) {
    return this.#command('requests', which)
  }

  async app(app) {
    await this.#command('app', app)
  }

  async approve(options) {
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

  async close() {
    unpack(await this.#native.close())
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close()
  }

  async #command(name, args = {}) {
    return unpack(await this.#native.command(name, args))
  }
}

module.exports = { Client, LocalGraph, PersonCertError }
