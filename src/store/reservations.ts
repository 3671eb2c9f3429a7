import { newId } from '../primitives/ids.ts'
import type { JournalDb } from './database.ts'
import type { JournalTransaction } from './journal.ts'
import { padNumber } from './paddedNumber.ts'
import type { ReservationTable, StepRow } from './schema.ts'

/** What a step may take from its account, in base units of an asset (R5). */
export type NewReservation = Pick<ReservationTable, 'asset' | 'raw' | 'kind'>

/** The moment at which a balance was read. */
export interface AsOf {
  /** Number of the block. */
  readonly block: string
  /** The account's count of mined transactions there: what they took is in the balance already. */
  readonly minedCount: bigint
}

/** Whose balance, as of when, and which step's own hold does not count. */
export interface Holder {
  readonly chain: string
  readonly account: string
  readonly asOf: AsOf
  readonly except?: string
}

/** Sums of what steps of one account may still take from a balance, by asset, in base units. */
export type HeldAmounts = ReadonlyMap<string, bigint>

/**
 * What the balance shows already counts no more: steps whose nonce was mined by then. What it does not show yet counts,
 * also when it was included and settled since.
 */
export async function heldBy(db: JournalDb | JournalTransaction, holder: Holder): Promise<HeldAmounts> {
  const { chain, account, asOf, except } = holder
  const reservations = db
    .selectFrom('reservations')
    .select(['reservations.asset', 'reservations.raw'])
    .where('reservations.step_id', '!=', except ?? '')
  const inFlight = await reservations
    .leftJoin('nonces', 'nonces.step_id', 'reservations.step_id')
    .where('reservations.chain', '=', chain)
    .where('reservations.account', '=', account)
    .where('reservations.state', '=', 'held')
    .where((or) =>
      or.or([or('nonces.nonce', 'is', null), or('nonces.nonce', '>=', padNumber(asOf.minedCount))]),
    )
    .execute()
  const notYetShown = await reservations
    .innerJoin('steps', 'steps.id', 'reservations.step_id')
    .where('steps.chain', '=', chain)
    .where('steps.account', '=', account)
    .where('steps.included_number', '>', padNumber(BigInt(asOf.block)))
    .where('reservations.state', '=', 'settled')
    .execute()
  const held = new Map<string, bigint>()
  for (const { asset, raw } of [...inFlight, ...notYetShown])
    held.set(asset, (held.get(asset) ?? 0n) + BigInt(raw))
  return held
}

export async function insertReservations(
  tx: JournalTransaction,
  { id, chain, account }: Pick<StepRow, 'id' | 'chain' | 'account'>,
  reservations: readonly NewReservation[],
  now: string,
): Promise<void> {
  const held = reservations.map((one) => ({
    ...{ id: newId('res'), step_id: id, chain, account },
    ...one,
    state: 'held' as const,
    created_at: now,
  }))
  if (held.length > 0) await tx.insertInto('reservations').values(held).execute()
}
