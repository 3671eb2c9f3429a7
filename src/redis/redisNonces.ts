import { type HeldNonce, type Lane, MOST_IN_FLIGHT } from '../primitives/lanes.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisScript } from './script.ts'
import { markNonce } from './scripts/markNonce.ts'
import { raiseNonces } from './scripts/raiseNonces.ts'
import { releaseNonce } from './scripts/releaseNonce.ts'
import { reserveNonce } from './scripts/reserveNonce.ts'

/** Signing and recording take milliseconds; a process that needs longer than this has stopped. */
const LEASE_MS = 10_000
const FORGOTTEN_AFTER_MS = 86_400_000
/** Four times what an honest lane can hold, at two fields a slot. */
const MOST_FIELDS = 8 * MOST_IN_FLIGHT
const NONCE = /^(?:0|[1-9]\d{0,19})$/

/** A lane as the processes of one journal share it. */
export interface SharedLane extends Lane {
  /** Which journal fences it. */
  readonly journal: string
}

export type Reservation =
  | { readonly status: 'reserved'; readonly nonce: bigint; readonly epoch: string }
  | { readonly status: 'full' | 'unraised' }

/**
 * Slots of nonces in Redis, one script a transition. It accelerates and is never believed: each reservation runs out
 * by Redis's clock, and what is signed at it is fenced by the journal. Every method throws when Redis does not answer,
 * or not as these scripts do.
 */
export class RedisNonces {
  readonly #redis: RedisConnection
  readonly #leaseMs: number

  constructor(redis: RedisConnection, leaseMs = LEASE_MS) {
    this.#redis = redis
    this.#leaseMs = leaseMs
  }

  /** Another number after each reconnect: what the lanes knew before may be gone, or be of another Redis. */
  async session(): Promise<number> {
    await this.#shown(this.#redis.opened())
    return this.#redis.session()
  }

  async ping(): Promise<void> {
    await this.#shown(this.#redis.ping())
  }

  async reserve(lane: SharedLane, step: string, floor: bigint): Promise<Reservation> {
    const args = [step, floor.toString(), MOST_IN_FLIGHT, this.#leaseMs, FORGOTTEN_AFTER_MS]
    const reply = await this.#run(reserveNonce, lane, args)
    const [status, nonce, epoch] = Array.isArray(reply) ? reply.map(String) : []
    if (status === 'full' || status === 'unraised') return { status }
    if (status !== 'reserved' || nonce === undefined || epoch === undefined || !NONCE.test(nonce)) {
      throw new Error('not an answer of reserveNonce')
    }
    const number = BigInt(nonce)
    // A slot that the step is said to have, beyond all that can have been given out.
    if (number >= floor + BigInt(MOST_IN_FLIGHT)) return { status: 'unraised' }
    return { status: 'reserved', nonce: number, epoch }
  }

  /** Tells the lane every nonce at or above `floor` that the journal holds. */
  async raise(lane: SharedLane, floor: bigint, held: readonly HeldNonce[]): Promise<void> {
    const beyond = floor + BigInt(MOST_IN_FLIGHT)
    const settings = [floor.toString(), beyond.toString(), this.#leaseMs, MOST_FIELDS, FORGOTTEN_AFTER_MS]
    const slots = held.flatMap(({ nonce, step, state }) => [nonce.toString(), step, state])
    await this.#run(raiseNonces, lane, [...settings, ...slots])
  }

  /** Notes that the journal has signed bytes under a grant; false when the lane knows of a later one. */
  async mark(lane: SharedLane, step: string, nonce: bigint, epoch: string): Promise<boolean> {
    const args = [step, nonce.toString(), epoch, this.#leaseMs]
    return (await this.#run(markNonce, lane, args)) === 1
  }

  async release(lane: SharedLane, step: string): Promise<void> {
    await this.#run(releaseNonce, lane, [step])
  }

  #run(script: RedisScript, lane: SharedLane, args: readonly (string | number)[]): Promise<unknown> {
    return this.#shown(this.#redis.run(script, [keyOf(lane)], args))
  }

  /** The same, failing in words that may be shown. */
  #shown<T>(asked: Promise<T>): Promise<T> {
    return asked.catch((error: unknown) => {
      throw new Error(this.#redis.why(error), { cause: error })
    })
  }
}

/** The braces make a cluster keep a lane on one node, with whatever else will belong to it. */
function keyOf({ journal, chain, account }: SharedLane): string {
  return `bursar:nonces:${journal}:{${chain}:${account}}`
}
