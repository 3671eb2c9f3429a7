import type { LedgerAsk } from '../../src/store/spending/reservations.ts'
import type { Counted } from '../../src/store/spending/spends.ts'
import { Spent } from '../../src/store/spending/spentWindow.ts'

/** A balance that was read before anything was mined, and no question of what left before. */
export const fromTheStart: LedgerAsk = { policy: '', asOf: { block: '0', minedCount: 0n }, windows: [] }

/** What counts for nothing. */
export const uncounted: { readonly counted: Counted } = { counted: { spends: [], at: 0 } }

/** Nothing is held, and nobody asked what left. */
export const emptyLedger = (policy: string) => ({
  policy,
  held: new Map<string, bigint>(),
  spent: new Spent(new Map()),
})
