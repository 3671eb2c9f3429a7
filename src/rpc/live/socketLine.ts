import { setMaxListeners } from 'node:events'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import { idle } from '../../primitives/abort.ts'
import type { Secret } from '../../primitives/secret.ts'
import { withoutSecretsOf } from '../endpoint/ownSecrets.ts'
import type { RateLimiter } from '../endpoint/rateLimiter.ts'
import { type ChainIdentity, NO_CHAIN_ID } from '../guards.ts'
import { PendingCalls, readMessage } from './pendingCalls.ts'
import { openWire, type SocketWire, wireHost } from './socketWire.ts'

export interface SocketEndpoint {
  readonly url: Secret
  /** The limiter of the same provider's calls, so that both together stay within it. */
  readonly limiter?: RateLimiter
}

/** How an endpoint proves that it serves the chain (R13). */
export interface LineChain {
  /** CAIP-2 id. */
  readonly chain: string
  readonly identity: ChainIdentity
}

/** One open connection, and the calls that wait on it. */
export interface SocketLine {
  readonly wire: SocketWire
  readonly calls: PendingCalls
  readonly endpoint: SocketEndpoint
  /** Aborts when the connection is no longer open. */
  readonly gone: AbortSignal
}

export interface LineOptions extends LineChain {
  readonly timeoutMs: number
  /** Told of every message, before it is looked at. */
  readonly onHeard: () => void
  readonly onNotice: (subscription: string, result: unknown) => void
  /** Told of a message that is none; the connection is ended. */
  readonly onGarbage: () => void
}

const MAX_CALLS = 1_000
export const NO_MESSAGE = 'what it says is no JSON-RPC'

/** A connection whose chain is verified. Throws `provider_unreachable` or `provider_wrong_chain`. */
export async function openLine(
  endpoint: SocketEndpoint,
  options: LineOptions,
  signal: AbortSignal,
): Promise<SocketLine> {
  const { timeoutMs } = options
  const calls = new PendingCalls(wireHost(endpoint.url), MAX_CALLS)
  const shown = withoutSecretsOf(endpoint.url)
  let wire: SocketWire | undefined
  const onText = (text: string) => {
    options.onHeard()
    const message = readMessage(text)
    if (message.kind === 'answer') calls.settle(message.id, shown(message.outcome))
    else if (message.kind === 'notice') options.onNotice(message.subscription, message.result)
    else {
      options.onGarbage()
      wire?.destroy(NO_MESSAGE)
    }
  }
  wire = await openWire({ url: endpoint.url, timeoutMs, onText }, signal)
  const gone = new AbortController()
  // Every call that waits for a place listens to it.
  setMaxListeners(0, gone.signal)
  void wire.closed.then((reason) => {
    calls.failAll(reason)
    gone.abort(new BursarError('provider_unreachable', { host: wireHost(endpoint.url), reason }))
  })
  const line = { wire, calls, endpoint, gone: gone.signal }
  try {
    await endpoint.limiter?.acquire(1, signal)
    await verifyLine(line, options, timeoutMs, signal)
  } catch (error) {
    wire.destroy()
    throw error
  }
  return line
}

/** Between tries to get a place from a limiter that names no time. */
const PLACE_AGAIN_MS = 1_000

/**
 * A place for one call within the limit of the endpoint, however long that takes: that we hold a call back is no fault
 * of the line. Throws only when the signal aborts or the line is gone.
 */
export async function placeOn({ endpoint, gone }: SocketLine, signal = gone): Promise<void> {
  const { limiter } = endpoint
  while (limiter) {
    try {
      await limiter.acquire(1, signal)
      return
    } catch (error) {
      if (!isBursarError(error, 'provider_throttled')) throw error
      await idle(error.context.retryAfterMs ?? PLACE_AGAIN_MS, signal)
      signal.throwIfAborted()
    }
  }
}

/** Throws when the other side is silent for `timeoutMs`, or does not serve the chain. Whoever calls has a place for it. */
export async function verifyLine(
  { wire, calls, endpoint }: SocketLine,
  { chain, identity }: LineChain,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await calls.ask({ method: identity.method, params: [] }, wire.send, timeoutMs, signal)
  const found = outcome.ok ? String(outcome.result) : 'none'
  if (found.toLowerCase() === identity.expected) return
  const host = wireHost(endpoint.url)
  const shown = /^0x[0-9a-f]{1,16}$/i.test(found) ? BigInt(found).toString() : NO_CHAIN_ID
  throw new BursarError('provider_wrong_chain', { host, expected: chain, found: shown }, { chain })
}

export interface SocketProbe {
  readonly host: string
  readonly latencyMs?: number
  /** Why it is not usable, in our words. */
  readonly problem?: string
}

/** One look at one socket: reachable, right chain, how fast; it is closed again. */
export async function probeSocket(
  endpoint: SocketEndpoint,
  chain: LineChain,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SocketProbe> {
  const host = wireHost(endpoint.url)
  const started = performance.now()
  const nothing = () => undefined
  try {
    const line = await openLine(
      endpoint,
      { ...chain, timeoutMs, onHeard: nothing, onNotice: nothing, onGarbage: nothing },
      signal,
    )
    line.wire.destroy()
    return { host, latencyMs: Math.round(performance.now() - started) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { host, problem: error.message }
  }
}
