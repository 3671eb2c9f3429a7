import type { Earlier, Payload } from '../../chains/adapter.ts'
import type { Lane } from '../../primitives/lanes.ts'
import { compiled, type Values } from '../database/compiled.ts'
import { padNumber, unpadNumber } from '../database/paddedNumber.ts'
import type { Journal } from '../journal.ts'
import type { AttemptRow } from '../schema.ts'

/** The newest nonces are looked at: what waits behind so many is not what a simulation should stand on. */
const MOST_WAITING = 64

/** Kept of steps that waited lately. */
const MOST_KEPT = 1_000
/** The same in characters, of which each takes a byte: a payload may carry a lot of calldata. */
const MOST_KEPT_CHARACTERS = 8_000_000

/** No account ever has so many. */
const MOST_NONCE = 2n ** 64n - 1n

/** What is mined is told from what waits before it leaves the database: a row costs more to fetch than to look at. */
const newestWaiting = compiled((db, value: Values<Lane & { readonly below: string }>) =>
  db
    .selectFrom(
      db
        .selectFrom('attempts')
        .select(['nonce', 'step_id', 'intent_id', 'kind', 'state'])
        .where('chain', '=', value('chain'))
        .where('account', '=', value('account'))
        .where('nonce', '<', value('below'))
        // Written out: the index that has them in this order is of live ones only.
        .where((attempt) => attempt('live', '=', attempt.lit(1)))
        .orderBy('nonce', 'desc')
        .limit(MOST_WAITING)
        .as('newest'),
    )
    .select(['nonce', 'step_id', 'intent_id', 'kind'])
    .where('state', 'in', ['signed', 'sent'])
    .orderBy('nonce'),
)

/**
 * Payloads of what waits in a lane. Every simulation of its account asks for all of them, and those of a step and of an
 * intent that was signed never change.
 */
export class WaitingPayloads {
  readonly #journal: Journal
  readonly #kept = new Map<string, Kept>()
  #characters = 0
  /** What the journal is being asked, by lane: those who ask the same meanwhile share its answer. */
  readonly #asked = new Map<string, Promise<readonly Earlier[]>>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  of(chain: string, account: string, below = MOST_NONCE): Promise<readonly Earlier[]> {
    const key = `${chain} ${account} ${below}`
    const asked = this.#asked.get(key) ?? this.#ask({ chain, account, below: padNumber(below) }, key)
    this.#asked.set(key, asked)
    return asked
  }

  /** Remembers a payload from its text. */
  keep(id: string, text: string): Payload {
    const payload = JSON.parse(text) as Payload
    this.#remember(id, { payload, characters: text.length })
    return payload
  }

  /** What was asked for last is kept longest. */
  #remember(id: string, kept: Kept): void {
    this.#forget(id)
    this.#kept.set(id, kept)
    this.#characters += kept.characters
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT && this.#characters <= MOST_KEPT_CHARACTERS) return
      this.#forget(oldest)
    }
  }

  #forget(id: string): void {
    this.#characters -= this.#kept.get(id)?.characters ?? 0
    this.#kept.delete(id)
  }

  async #ask(lane: Lane & { readonly below: string }, key: string): Promise<readonly Earlier[]> {
    // Whoever asks from then on may know of a step that this answer is too old for.
    const rows = await this.#journal
      .read((db) => newestWaiting(db, lane))
      .finally(() => this.#asked.delete(key))
    const payloads = await this.#payloads(rows.map(sourceOf))
    return rows.map((row) => {
      const { nonce, step_id } = row
      const payload = payloads.get(sourceOf(row))
      if (payload === undefined) throw new TypeError(`step ${step_id} has no payload`)
      return { nonce: unpadNumber(nonce), payload }
    })
  }

  async #fromPlans(intents: readonly string[], payloads: Map<string, Payload>): Promise<void> {
    const read = await this.#journal.read((db) =>
      db.selectFrom('intents').select(['id', 'plan']).where('id', 'in', intents).execute(),
    )
    for (const { id, plan } of read) {
      const { payload } = JSON.parse(plan) as { readonly payload: Payload }
      payloads.set(id, this.keep(id, JSON.stringify(payload)))
    }
  }

  async #payloads(sources: readonly string[]): Promise<ReadonlyMap<string, Payload>> {
    const payloads = new Map<string, Payload>()
    // Before the journal is asked: others evict meanwhile.
    for (const id of sources) {
      const kept = this.#kept.get(id)
      if (!kept) continue
      payloads.set(id, kept.payload)
      this.#remember(id, kept)
    }
    const missing = sources.filter((id) => !payloads.has(id))
    if (missing.length === 0) return payloads
    const read = await this.#journal.read((db) =>
      db.selectFrom('steps').select(['id', 'payload']).where('id', 'in', missing).execute(),
    )
    for (const { id, payload } of read) payloads.set(id, this.keep(id, payload))
    if (read.length < missing.length) await this.#fromPlans(missing, payloads)
    return payloads
  }
}

/** What was sent in place of something else says itself what it does: it need not be what its step was made for. */
const sourceOf = ({ kind, step_id, intent_id }: Pick<AttemptRow, 'kind' | 'step_id' | 'intent_id'>) =>
  kind === 'original' ? step_id : intent_id

interface Kept {
  readonly payload: Payload
  readonly characters: number
}
