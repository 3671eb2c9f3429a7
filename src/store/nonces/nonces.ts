import { BursarError } from '../../errors/bursarError.ts'
import { type HeldNonce, type Lane, MOST_IN_FLIGHT } from '../../primitives/lanes.ts'
import { compiled, insertRow, type Values } from '../database/compiled.ts'
import { padNumber, unpadNumber } from '../database/paddedNumber.ts'
import type { Journal, JournalTransaction } from '../journal.ts'
import type { StepRow } from '../schema.ts'
import { openStep, requireOpen } from '../steps/openSteps.ts'

/** A lane that has more nonces than this above a count of mined transactions was not counted right. */
const MOST_TOLD = 4 * MOST_IN_FLIGHT

type Claim = Pick<StepRow, 'id' | 'chain' | 'account'>

/** Who holds which nonce; the fence that every process shares (R4). */
export class NonceTableStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Whoever has the journal has its nonces. */
  async ready(): Promise<void> {}

  /**
   * Gives the step the lowest nonce at or above `floor` that no step holds or ever used; the same one when it is
   * asked again. `floor` is the account's count of mined transactions, below which the chain accepts nothing, or more
   * where the step comes after others. Throws `receipt_refused` when the step's operation has ended, and `lane_full`.
   */
  reserve(step: Claim, floor: bigint): Promise<bigint> {
    return this.#journal.transact(async (tx, audit) => {
      const own = requireOpen(await openStep(tx, step.id), step).nonce
      if (own !== null) return unpadNumber(own)
      const nonce = await lowestFree(tx, step, floor)
      const now = this.#journal.now()
      const { chain, account } = step
      const place = { chain, account, nonce: padNumber(nonce) }
      await insertRow(tx, 'nonces', { ...place, step_id: step.id, state: 'reserved', updated_at: now })
      await markReserved(tx, { stepId: step.id, now })
      audit({
        event: 'nonce.reserved',
        subject: step.id,
        detail: { account, chain, nonce: nonce.toString() },
      })
      return nonce
    })
  }

  /** Frees the step's nonce if it is merely reserved. Writes nothing when there is none. */
  async release(step: Claim): Promise<void> {
    const reserved = await this.#journal.read((db) =>
      db
        .selectFrom('nonces')
        .select('nonce')
        .where('step_id', '=', step.id)
        .where('state', '=', 'reserved')
        .executeTakeFirst(),
    )
    if (!reserved) return
    await this.#journal.transact(async (tx, audit) => {
      const freed = await tx
        .deleteFrom('nonces')
        .where('step_id', '=', step.id)
        .where('state', '=', 'reserved')
        .returning('nonce')
        .executeTakeFirst()
      if (!freed) return
      await tx
        .updateTable('steps')
        .set({ state: 'queued', updated_at: this.#journal.now() })
        .where('id', '=', step.id)
        .where('state', '=', 'reserved')
        .execute()
      const nonce = unpadNumber(freed.nonce).toString()
      audit({ event: 'nonce.released', subject: step.id, detail: { nonce } })
    })
  }

  /** `recordAttempt` made it the step's own. */
  async recorded(): Promise<void> {}

  /** Whoever holds the nonce, the journal knows it and gives out another. */
  async refused(): Promise<void> {}

  /**
   * Which journal this is, by the hash of its first audit row: two with an account in common (two sandboxes) share no
   * fence, and must share no lane either. Throws a plain error while nothing was ever written.
   */
  async identity(): Promise<string> {
    const first = await this.#journal.read((db) =>
      db.selectFrom('audit').select('hash').where('seq', '=', 1).executeTakeFirst(),
    )
    if (!first) throw new Error('the journal is empty')
    return first.hash.slice(0, 16)
  }

  /**
   * Every nonce of the lane at or above `floor` that is not free. Throws a plain error when there are so many that
   * `floor` cannot be what the chain has mined.
   */
  held({ chain, account }: Lane, floor: bigint): Promise<readonly HeldNonce[]> {
    return this.#journal.read(async (db) => {
      const rows = await db
        .selectFrom('nonces')
        .select(['nonce', 'step_id', 'state'])
        .where('chain', '=', chain)
        .where('account', '=', account)
        .where('nonce', '>=', padNumber(floor))
        .orderBy('nonce')
        .limit(MOST_TOLD + 1)
        .execute()
      if (rows.length > MOST_TOLD) throw new Error(`more than ${MOST_TOLD} nonces above ${floor}`)
      return rows.map(({ nonce, step_id, state }) => ({
        nonce: unpadNumber(nonce),
        step: step_id,
        state: state === 'reserved' ? state : 'signed',
      }))
    })
  }
}

const markReserved = compiled((db, value: Values<{ stepId: string; now: string }>) =>
  db
    .updateTable('steps')
    .set({ state: 'reserved', updated_at: value('now') })
    .where('id', '=', value('stepId')),
)

/** How many nonces of a lane are not free, and the highest. */
const takenFrom = compiled((db, value: Values<{ chain: string; account: string; floor: string }>) =>
  db
    .selectFrom('nonces')
    .select(({ fn }) => [fn.countAll().as('count'), fn.max('nonce').as('last')])
    .where('chain', '=', value('chain'))
    .where('account', '=', value('account'))
    .where('nonce', '>=', value('floor')),
)

/** Throws `lane_full` when as many transactions of the lane wait as may: another could not be signed now. */
export async function requireRoom(tx: JournalTransaction, lane: Lane, floor: bigint): Promise<void> {
  const [taken] = await takenFrom(tx, { ...lane, floor: padNumber(floor) })
  if (Number(taken?.count) >= MOST_IN_FLIGHT) throw laneFull(lane, MOST_IN_FLIGHT)
}

export function laneFull({ chain, account }: Lane, limit: number): BursarError {
  return new BursarError('lane_full', { account, limit }, { chain })
}

/** Throws `lane_full`. */
async function lowestFree(tx: JournalTransaction, lane: Lane, floor: bigint): Promise<bigint> {
  const [taken] = await takenFrom(tx, { ...lane, floor: padNumber(floor) })
  let free = taken?.last ? unpadNumber(taken.last) + 1n : floor
  if (Number(free - floor) !== Number(taken?.count)) {
    // Some below the last were freed.
    const rows = await tx
      .selectFrom('nonces')
      .select('nonce')
      .where('chain', '=', lane.chain)
      .where('account', '=', lane.account)
      .where('nonce', '>=', padNumber(floor))
      .orderBy('nonce')
      .limit(MOST_IN_FLIGHT)
      .execute()
    free = floor
    for (const { nonce } of rows) {
      if (unpadNumber(nonce) !== free) break
      free += 1n
    }
  }
  if (free < floor + BigInt(MOST_IN_FLIGHT)) return free
  throw laneFull(lane, MOST_IN_FLIGHT)
}
