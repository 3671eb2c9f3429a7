import { unpadNumber } from '../database/paddedNumber.ts'
import type { Journal } from '../journal.ts'

/** Payments that were not made because another program used the nonce that they were signed for (F8). */
export interface ForeignUse {
  /** CAIP-2 id. */
  readonly chain: string
  /** Name of the wallet. */
  readonly wallet: string
  readonly times: number
  /** The highest nonce that was lost so. */
  readonly lastNonce: string
  /** When that was last proven, ISO 8601. */
  readonly lastAt: string
}

/** Every case that the journal knows, by chain and wallet. What Bursar cancelled itself is none. */
export async function foreignUses(journal: Pick<Journal, 'read'>): Promise<readonly ForeignUse[]> {
  const rows = await journal.read((db) =>
    db
      .selectFrom('operations')
      .innerJoin('steps', 'steps.operation_id', 'operations.id')
      .innerJoin('attempts', 'attempts.step_id', 'steps.id')
      .select((of) => [
        'operations.chain',
        'operations.wallet',
        of.fn.countAll().as('times'),
        of.fn.max('attempts.nonce').as('nonce'),
        of.fn.max('steps.updated_at').as('at'),
      ])
      .where('operations.state', '=', 'failed')
      .where('steps.state', '=', 'replaced')
      .where('steps.included_number', 'is', null)
      .where('attempts.live', '=', 1)
      .groupBy(['operations.chain', 'operations.wallet'])
      .orderBy('operations.chain')
      .orderBy('operations.wallet')
      .execute(),
  )
  return rows.map(({ chain, wallet, times, nonce, at }) => ({
    ...{ chain, wallet },
    times: Number(times),
    lastNonce: unpadNumber(nonce).toString(),
    lastAt: at,
  }))
}
