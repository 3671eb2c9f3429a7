import { randomUUID } from 'node:crypto'
import type { SharedCalls, SharedGrant } from '../primitives/sharedCalls.ts'
import type { RedisConnection } from './connection.ts'
import { leaveCalls } from './scripts/leaveCalls.ts'
import { slowCalls } from './scripts/slowCalls.ts'
import { takeCalls } from './scripts/takeCalls.ts'

const SLICE_MS = 20
/** A slice counts for a second after its end, and for what its calls may lie apart on the way to the provider. */
const COUNTS_MS = 1_010
/** A member says that it is here every ten seconds. */
const PRESENCE_MS = 30_000
/** For how long a lowered rate is told to members that have not heard of it; they raise it by themselves. */
const SLOW_MS = 5_000
const LONGEST_PAUSE_MS = 60_000
/** A process that was told to wait may be this late, and still finds its part. */
const LATE_MS = 250
/** Time from asking to leaving: what is allowed at first, and its bounds later. It lengthens the window. */
const AHEAD = { first: 50, least: 20, most: 320 }

/**
 * Counts calls in Redis: one script and one round trip for all calls of a process that wait at one time.
 *
 * Bottleneck's own Redis store would have been the shorter way. Measured with Bottleneck 2.19.5, ioredis 6.0.0 and
 * Redis 7.0.15, two processes at 25 a second: one of them killed left its places taken for good (11 a second from
 * then on); and after a restart of Redis nothing passed ever again, because it compares the error of a script with
 * SETTINGS_KEY_NOT_FOUND and Redis 7 says "ERR SETTINGS_KEY_NOT_FOUND". rate-limiter-flexible's Redis store has
 * fixed windows of whole seconds, which let twice the limit through. Here nothing is held that a process could fail
 * to give back: places run out by Redis's clock.
 */
export function redisCalls(redis: RedisConnection): SharedCalls {
  const member = randomUUID()
  let ahead = AHEAD.first

  return {
    async take(scope, calls, perSecond): Promise<SharedGrant> {
      await redis.opened()
      const asked = performance.now()
      const promised = ahead
      const keys = ['slices', 'members', 'slow', 'pause', 'waiting'].map((name) => keyOf(scope, name))
      const limits = [SLICE_MS, COUNTS_MS, PRESENCE_MS, LONGEST_PAUSE_MS, LATE_MS]
      const reply = await redis.run(takeCalls, keys, [calls, perSecond, member, promised, ...limits])
      const [granted, retryInMs, members, known, rate, pauseMs] = numbersOf(reply)
      const elapsed = performance.now() - asked
      const late = elapsed > promised
      if (late && promised === AHEAD.most) throw new Error(`redis took ${Math.ceil(elapsed)} ms to count`)
      // What comes too late is dated too early in Redis: it expires unused, and the next one gets more time.
      if (late) ahead = Math.min(AHEAD.most, Math.ceil(elapsed * 2))
      else ahead = Math.max(AHEAD.least, Math.ceil(Math.max(0.9 * ahead, 2 * elapsed)))
      return {
        granted: late ? 0 : granted,
        retryInMs: late ? 0 : retryInMs,
        members,
        remembered: known === 1,
        perSecond: rate,
        pauseMs,
      }
    },
    async slowDown(scope, perSecond, pauseMs) {
      const keys = ['slow', 'pause'].map((name) => keyOf(scope, name))
      await redis.run(slowCalls, keys, [perSecond, SLOW_MS + Math.ceil(pauseMs), Math.ceil(pauseMs)])
    },
    async leave(scope) {
      await redis.run(leaveCalls, [keyOf(scope, 'members')], [member])
    },
  }
}

/** The braces make a cluster keep all keys of a scope on one node. */
function keyOf(scope: string, name: string): string {
  return `bursar:limit:{${scope}}:${name}`
}

type Reply = readonly [number, number, number, number, number, number]

function numbersOf(reply: unknown): Reply {
  const numbers = Array.isArray(reply) ? reply.map(Number) : []
  if (numbers.length !== 6 || !numbers.every(Number.isFinite)) throw new Error('not an answer of takeCalls')
  return numbers as unknown as Reply
}
