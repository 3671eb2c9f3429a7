import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isBursarError } from '../../../../src/errors/bursarError.ts'
import { monotonicClock } from '../../../../src/primitives/clock.ts'
import type { RateLimiter } from '../../../../src/rpc/endpoint/rateLimiter.ts'

/** When calls left, in milliseconds; one entry a call. */
export type Departures = number[]

/**
 * When each call left for a server, whoever sends it; `stop` ends it. Not when it arrived: on a busy machine calls of
 * one second arrive with those of the next, and that is no fault of a limiter.
 */
export function departuresTo(origin: string): { readonly times: Departures; stop(): void } {
  const times: Departures = []
  const note = (message: unknown) => {
    const { request } = message as { request: { origin: string | URL; body: Buffer } }
    if (new URL(request.origin).origin !== new URL(origin).origin) return
    const calls: unknown = JSON.parse(request.body.toString())
    for (const _ of Array.isArray(calls) ? calls : [calls]) times.push(performance.now())
  }
  subscribe('undici:request:create', note)
  return { times, stop: () => void unsubscribe('undici:request:create', note) }
}

/** The most that left within any second, wherever it begins. */
export function busiestSecond(departures: readonly number[]): number {
  const times = [...departures].sort((a, b) => a - b)
  let most = 0
  let first = 0
  for (const [index, time] of times.entries()) {
    while (time - (times[first] ?? time) >= 1_000) first++
    most = Math.max(most, index - first + 1)
  }
  return most
}

export type Outcome = 'all' | 'aborted' | 'busy'

/** Gets all of a request's calls past the limiter, as the transport does, and notes when each left. */
export async function leave(
  limiter: RateLimiter,
  calls: number,
  departures: Departures,
  signal: AbortSignal = new AbortController().signal,
  now: () => number = () => performance.now(),
): Promise<Outcome> {
  try {
    const askedAt = monotonicClock.now()
    for (let sent = 0; sent < calls; ) {
      const granted = await limiter.acquire(calls - sent, signal, sent > 0 ? { askedAt } : {})
      if (!(granted >= 1 && granted <= calls - sent)) throw new Error(`${granted} of ${calls - sent} granted`)
      for (let call = 0; call < granted; call++) departures.push(now())
      sent += granted
    }
    return 'all'
  } catch (error) {
    if (isBursarError(error, 'provider_throttled')) return 'busy'
    if (signal.aborted && error === signal.reason) return 'aborted'
    throw error
  }
}
