import { newId } from '../../primitives/ids.ts'
import { noteCounterparties } from '../counterparties/counterparties.ts'
import { insertPayees } from '../counterparties/payees.ts'
import { insertRow } from '../database/compiled.ts'
import type { JournalTransaction } from '../journal.ts'
import type { IntentRow, OperationRow, StepRow } from '../schema.ts'
import { insertReservations, type NewReservation } from '../spending/reservations.ts'
import { type Counted, insertSpends } from '../spending/spends.ts'

export interface NewStep {
  readonly role: StepRow['role']
  readonly recipient: string
  readonly payload: string
  readonly terms: string
  readonly outflow: string
  readonly receipt: string
  /** Why it waits before it is signed. */
  readonly note?: string
  /** What the node suggests to pay per unit of gas, native base units; absent where it did not say. */
  readonly suggested?: string
  readonly pace?: StepRow['pace']
  readonly reservations: readonly NewReservation[]
  /** What it counts for towards caps over time. */
  readonly counted: Counted
  /** Of a batch: how many calls it makes, and whom it pays. */
  readonly batch?: { readonly calls: number; readonly payees: readonly string[] }
}

export async function insertOperation(
  tx: JournalTransaction,
  intent: IntentRow,
  lease: { readonly owner: string; readonly until: string },
  now: string,
): Promise<OperationRow> {
  const operation: OperationRow = {
    id: newId('op'),
    intent_id: intent.id,
    principal: intent.principal,
    idempotency_key: intent.idempotency_key,
    chain: intent.chain,
    account: intent.account,
    wallet: intent.wallet,
    state: 'running',
    lease_owner: lease.owner,
    lease_until: lease.until,
    created_at: now,
  }
  await insertRow(tx, 'operations', operation)
  return operation
}

export async function insertStep(
  tx: JournalTransaction,
  operation: OperationRow,
  position: number,
  { reservations, counted, note, suggested, pace, batch, ...documents }: NewStep,
  now: string,
): Promise<StepRow> {
  const step: StepRow = {
    id: newId('step'),
    operation_id: operation.id,
    position,
    chain: operation.chain,
    account: operation.account,
    state: 'queued',
    ...documents,
    note: note ?? null,
    suggested: suggested ?? null,
    pace: pace ?? null,
    calls: batch?.calls ?? null,
    included_number: null,
    included_hash: null,
    included_at: null,
    transaction_hash: null,
    gas_used: null,
    fee_paid: null,
    confirmations: 0,
    ended: 0,
    asked_nonce: null,
    asks: 0,
    updated_at: now,
  }
  await insertRow(tx, 'steps', step)
  await insertReservations(tx, step, reservations, now)
  await insertSpends(tx, step, operation.principal, counted)
  if (batch) await insertPayees(tx, step, batch.payees)
  await noteCounterparties(tx, step, [step.recipient, ...(batch?.payees ?? [])])
  return step
}
