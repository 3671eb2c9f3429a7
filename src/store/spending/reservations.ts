import { newId } from '../../primitives/ids.ts'
import { compiled, insertRows, type Values } from '../database/compiled.ts'
import type { JournalDb } from '../database/database.ts'
import { padNumber } from '../database/paddedNumber.ts'
import type { JournalTransaction } from '../journal.ts'
import type { ReservationTable, StepRow } from '../schema.ts'
import { spentIn } from './spends.ts'
import type { Spent, SpentWindow } from './spentWindow.ts'

/** What a step may take from its account, in base units of an asset (R5). */
export type NewReservation = Pick<ReservationTable, 'asset' | 'raw' | 'kind'>

/** The moment at which a balance was read. */
export interface AsOf {
  /** Number of the block. */
  readonly block: string
  /** The account's count of mined transactions there: what they took is in the balance already. */
  readonly minedCount: bigint
}

/** What a verdict has to know of the journal: what is held as of a moment, and what left in some windows. */
export interface LedgerAsk {
  /** Version of the policy that asks; the answer is for no other. */
  readonly policy: string
  readonly asOf: AsOf
  readonly windows: readonly SpentWindow[]
}

/** The answer, read in the transition that acts on it. */
export interface Ledger {
  readonly policy: string
  readonly held: HeldAmounts
  readonly spent: Spent
}

/** Whose balance, as of when, and which step's own hold does not count. */
export interface Holder {
  readonly chain: string
  readonly account: string
  readonly asOf: AsOf
  readonly except?: string
}

/** What an account may still take, and what left before, apart from one step of its own. */
export async function ledgerOf(
  db: JournalDb | JournalTransaction,
  { policy, windows, ...holder }: Holder & LedgerAsk,
): Promise<Ledger> {
  const { amounts } = await heldBy(db, holder)
  return { policy, held: amounts, spent: await spentIn(db, windows, holder.except) }
}

/** Sums of what steps of one account may still take from a balance, by asset, in base units. */
export type HeldAmounts = ReadonlyMap<string, bigint>

export interface Held {
  readonly amounts: HeldAmounts
  /** How many steps hold something and are not mined. */
  readonly steps: number
}

/**
 * What the balance shows already counts no more: steps whose nonce was mined by then. What it does not show yet counts,
 * also when it was included and settled since.
 */
export async function heldBy(db: JournalDb | JournalTransaction, holder: Holder): Promise<Held> {
  const { chain, account, asOf, except = '' } = holder
  const place = { chain, account, except }
  const inFlight = await heldInFlight(db, { ...place, mined: padNumber(asOf.minedCount) })
  const notYetShown = await settledSince(db, { ...place, block: padNumber(BigInt(asOf.block)) })
  const amounts = new Map<string, bigint>()
  for (const { asset, raw, times } of [...inFlight, ...notYetShown])
    amounts.set(asset, (amounts.get(asset) ?? 0n) + BigInt(raw) * BigInt(times))
  return { amounts, steps: inFlight.reduce((sum, { fees }) => sum + Number(fees), 0) }
}

// Payments often hold the same: a row costs more to fetch than to count. Sums are made here, beyond 64 bits.

type Place = { readonly chain: string; readonly account: string; readonly except: string }

const heldInFlight = compiled((db, value: Values<Place & { readonly mined: string }>) =>
  db
    .selectFrom('reservations')
    .leftJoin('nonces', 'nonces.step_id', 'reservations.step_id')
    .select(({ fn }) => [
      'reservations.asset',
      'reservations.raw',
      fn.countAll().as('times'),
      // Each step holds one.
      fn.countAll().filterWhere('reservations.kind', '=', 'fee').as('fees'),
    ])
    .where('reservations.chain', '=', value('chain'))
    .where('reservations.account', '=', value('account'))
    .where('reservations.state', '=', 'held')
    .where('reservations.step_id', '!=', value('except'))
    .where((or) => or.or([or('nonces.nonce', 'is', null), or('nonces.nonce', '>=', value('mined'))]))
    .groupBy(['reservations.asset', 'reservations.raw']),
)

const settledSince = compiled((db, value: Values<Place & { readonly block: string }>) =>
  db
    .selectFrom('reservations')
    .innerJoin('steps', 'steps.id', 'reservations.step_id')
    .select(({ fn }) => ['reservations.asset', 'reservations.raw', fn.countAll().as('times')])
    .where('steps.chain', '=', value('chain'))
    .where('steps.account', '=', value('account'))
    .where('steps.included_number', '>', value('block'))
    .where('reservations.state', '=', 'settled')
    .where('reservations.step_id', '!=', value('except'))
    .groupBy(['reservations.asset', 'reservations.raw']),
)

export async function insertReservations(
  tx: JournalTransaction,
  { id, chain, account }: Pick<StepRow, 'id' | 'chain' | 'account'>,
  reservations: readonly NewReservation[],
  now: string,
): Promise<void> {
  const held = reservations.map((one) => ({
    id: newId('res'),
    step_id: id,
    chain,
    account,
    ...one,
    state: 'held' as const,
    created_at: now,
  }))
  await insertRows(tx, 'reservations', held)
}
