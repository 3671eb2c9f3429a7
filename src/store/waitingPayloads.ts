import { compiled, type Values } from './compiled.ts'
import type { Journal } from './journal.ts'
import { padNumber, unpadNumber } from './paddedNumber.ts'

/** What a step that waits will do, and at which nonce. */
export interface WaitingPayload {
  readonly nonce: bigint
  /** JSON. */
  readonly payload: string
}

/** The newest nonces are looked at: what waits behind so many is not what a simulation should stand on. */
const MOST_WAITING = 64

/** Kept of steps that waited lately. */
const MOST_KEPT = 1_000
/** The same in characters, of which each takes a byte: a payload may carry a lot of calldata. */
const MOST_KEPT_CHARACTERS = 8_000_000

/** No account ever has so many. */
const MOST_NONCE = 2n ** 64n - 1n

const newestSigned = compiled((db, value: Values<{ chain: string; account: string; below: string }>) =>
  db
    .selectFrom('nonces')
    .innerJoin('attempts', 'attempts.step_id', 'nonces.step_id')
    .select(['nonces.nonce', 'nonces.state', 'nonces.step_id', 'attempts.kind'])
    .where('nonces.chain', '=', value('chain'))
    .where('nonces.account', '=', value('account'))
    .where('nonces.nonce', '<', value('below'))
    .where('attempts.live', '=', 1)
    .orderBy('nonces.nonce', 'desc')
    .limit(MOST_WAITING),
)

/** Payloads of what waits in a lane. Every simulation of its account asks for all of them, and a step's never changes. */
export class WaitingPayloads {
  readonly #journal: Journal
  readonly #kept = new Map<string, string>()
  #characters = 0

  constructor(journal: Journal) {
    this.#journal = journal
  }

  of(chain: string, account: string, below = MOST_NONCE): Promise<readonly WaitingPayload[]> {
    return this.#journal.read(async (db) => {
      const rows = await newestSigned(db, { chain, account, below: padNumber(below) })
      const waiting = rows.filter(({ state, kind }) => state !== 'mined' && kind !== 'cancel').reverse()
      const ids = waiting.map(({ step_id }) => step_id)
      // Looked up before the journal is asked: others evict meanwhile.
      const payloads = new Map(ids.map((id) => [id, this.#kept.get(id)]))
      const missing = ids.filter((id) => payloads.get(id) === undefined)
      const unknown = db.selectFrom('steps').select(['id', 'payload']).where('id', 'in', missing)
      for (const { id, payload } of missing.length > 0 ? await unknown.execute() : [])
        payloads.set(id, payload)
      return waiting.map(({ nonce, step_id }) => {
        const payload = payloads.get(step_id)
        if (payload === undefined) throw new TypeError(`step ${step_id} has no payload`)
        this.#keep(step_id, payload)
        return { nonce: unpadNumber(nonce), payload }
      })
    })
  }

  /** What was asked for last is kept longest. */
  #keep(stepId: string, payload: string): void {
    this.#forget(stepId)
    this.#kept.set(stepId, payload)
    this.#characters += payload.length
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT && this.#characters <= MOST_KEPT_CHARACTERS) return
      this.#forget(oldest)
    }
  }

  #forget(stepId: string): void {
    this.#characters -= this.#kept.get(stepId)?.length ?? 0
    this.#kept.delete(stepId)
  }
}
