import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { type Clock, monotonicClock } from '../primitives/clock.ts'
import { type Lane, MOST_IN_FLIGHT } from '../primitives/lanes.ts'
import type { RedisNonces, SharedLane } from '../redis/redisNonces.ts'
import type { NonceTableStore } from '../store/nonces/nonces.ts'
import type { NonceClaim, NonceStore } from './nonceStore.ts'

/** How long a lane is taken to know what the journal knows, unless something speaks against it. */
const RAISED_FOR_MS = 30_000
const TRIES = 3
/** A reservation that takes longer than this has failed, whatever Redis says of it later. */
const PATIENCE_MS = 1_000
/** No grant has this epoch. */
const NO_GRANT = '0'
/** A lane that was raised longer ago than this is asked of the journal before it is called full. */
const FULL_AFTER_MS = 1_000

interface Grant {
  readonly nonce: bigint
  readonly epoch: string
}

interface Raised {
  readonly session: number
  readonly at: number
  readonly done: Promise<void>
}

/**
 * Nonces by way of Redis. A lane is raised to what the journal knows before its first use, after each reconnect, when
 * Redis has lost it, after whatever contradicts the journal, and every half minute: a Redis that is empty, stale or
 * poisoned heals by itself. Throws a plain error when Redis does not serve.
 */
export class SharedNonces implements NonceStore {
  readonly #redis: RedisNonces
  readonly #journal: NonceTableStore
  readonly #clock: Clock
  readonly #raised = new Map<string, Raised>()
  /** What was granted to this process and not recorded yet, by step. */
  readonly #grants = new Map<string, Grant>()
  #identity: Promise<string> | undefined

  constructor(redis: RedisNonces, journal: NonceTableStore, clock: Clock = monotonicClock) {
    this.#redis = redis
    this.#journal = journal
    this.#clock = clock
  }

  /** Throws a plain error when Redis does not serve. */
  async ready(): Promise<void> {
    await within(PATIENCE_MS, this.#redis.ping())
  }

  async reserve(step: NonceClaim, floor: bigint): Promise<bigint> {
    try {
      return await within(PATIENCE_MS, this.#reserve(step, floor))
    } catch (error) {
      // Without Redis the journal gives nonces out, in every lane, and Redis hears nothing of them.
      if (!isBursarError(error)) this.#raised.clear()
      throw error
    }
  }

  async recorded(step: NonceClaim, nonce: bigint): Promise<void> {
    const grant = this.#grants.get(step.id)
    this.#grants.delete(step.id)
    try {
      const lane = await this.#lane(step)
      const epoch = grant?.nonce === nonce ? grant.epoch : NO_GRANT
      // Otherwise Redis has given the nonce on, because this process was slow, or has forgotten it.
      if (!(await this.#redis.mark(lane, step.id, nonce, epoch))) this.#doubt(lane)
    } catch {
      // The journal knows it, and the next reservation tells Redis.
      this.#doubt(step)
    }
  }

  async refused(step: NonceClaim): Promise<void> {
    this.#doubt(step)
    await this.release(step)
  }

  async release(step: NonceClaim): Promise<void> {
    this.#grants.delete(step.id)
    await this.#redis.release(await this.#lane(step), step.id)
  }

  async #reserve(step: NonceClaim, floor: bigint): Promise<bigint> {
    const lane = await this.#lane(step)
    for (let tries = 0; tries < TRIES; tries++) {
      await this.#raise(lane, floor)
      const reservation = await this.#redis.reserve(lane, step.id, floor)
      if (reservation.status === 'reserved') {
        this.#grants.set(step.id, reservation)
        return reservation.nonce
      }
      if (reservation.status === 'full' && this.#isFresh(step)) {
        const context = { account: step.account, limit: MOST_IN_FLIGHT }
        throw new BursarError('lane_full', context, { chain: step.chain })
      }
      this.#doubt(lane)
    }
    throw new Error('redis loses what it is told')
  }

  async #lane({ chain, account }: Lane): Promise<SharedLane> {
    this.#identity ??= this.#journal.identity().catch((error: unknown) => {
      this.#identity = undefined
      throw error
    })
    return { journal: await this.#identity, chain, account }
  }

  #isFresh(lane: Lane): boolean {
    const raised = this.#raised.get(nameOf(lane))
    return raised !== undefined && this.#clock.now() - raised.at <= FULL_AFTER_MS
  }

  /** The next reservation raises the lane first. */
  #doubt(lane: Lane): void {
    this.#raised.delete(nameOf(lane))
  }

  async #raise(lane: SharedLane, floor: bigint): Promise<void> {
    const session = await this.#redis.session()
    const name = nameOf(lane)
    const known = this.#raised.get(name)
    const now = this.#clock.now()
    if (known && known.session === session && now < known.at + RAISED_FOR_MS) return known.done
    const done = this.#tell(lane, floor)
    const raised = { session, at: now, done }
    this.#raised.set(name, raised)
    await done.catch((error: unknown) => {
      if (this.#raised.get(name) === raised) this.#raised.delete(name)
      throw error
    })
  }

  async #tell(lane: SharedLane, floor: bigint): Promise<void> {
    await this.#redis.raise(lane, floor, await this.#journal.held(lane, floor))
  }
}

function nameOf({ chain, account }: Lane): string {
  return `${chain}:${account}`
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
