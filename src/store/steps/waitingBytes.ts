import type { Lane } from '../../primitives/lanes.ts'
import { compiled, type Values } from '../database/compiled.ts'
import { padNumber } from '../database/paddedNumber.ts'
import type { Journal } from '../journal.ts'
import type { AttemptRow } from '../schema.ts'

/** Nonces from `from`, which the chain takes next, to the one before `below`. */
export interface Range extends Lane {
  readonly from: bigint
  readonly below: bigint
}

const newestBytes = compiled((db, value: Values<Lane & { readonly from: string; readonly below: string }>) =>
  db
    .selectFrom('attempts')
    .selectAll()
    .where('chain', '=', value('chain'))
    .where('account', '=', value('account'))
    .where('nonce', '>=', value('from'))
    .where('nonce', '<', value('below'))
    .where((attempt) => attempt('live', '=', attempt.lit(1)))
    .orderBy('nonce'),
)

/** The newest signed bytes at each nonce of a range, in order: what must be mined before what is at its end. */
export class WaitingBytes {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  of({ chain, account, from, below }: Range): Promise<readonly AttemptRow[]> {
    const lane = { chain, account, from: padNumber(from), below: padNumber(below) }
    return this.#journal.read((db) => newestBytes(db, lane))
  }
}
