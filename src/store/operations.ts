import { BursarError } from '../errors/bursarError.ts'
import { newId } from '../primitives/ids.ts'
import type { JournalDb } from './database.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import { requireOpen } from './openSteps.ts'
import { padNumber, unpadNumber } from './paddedNumber.ts'
import type { AttemptRow, IntentRow, OperationRow, ReservationTable, StepRow } from './schema.ts'

export interface OperationRecord {
  readonly operation: OperationRow
  readonly steps: readonly { readonly step: StepRow; readonly attempts: readonly AttemptRow[] }[]
}

export interface NewStep {
  readonly recipient: string
  readonly payload: string
  readonly terms: string
  readonly outflow: string
  readonly receipt: string
  /** Why it waits before it is signed. */
  readonly note?: string
  readonly reservations: readonly Pick<ReservationTable, 'asset' | 'raw' | 'kind'>[]
}

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

export interface WaitingPayload {
  readonly nonce: bigint
  readonly payload: string
}

/** The newest nonces are looked at: what waits behind so many is not what a simulation should stand on. */
const MOST_WAITING = 64

/** Sums of what steps of one account may still take from a balance, by asset, in base units. */
export type HeldAmounts = ReadonlyMap<string, bigint>

export interface Lease {
  readonly owner: string
  readonly until: string
  /** One that ends before this is renewed; until then nothing is written. */
  readonly renewFrom: string
  /** No honest lease lasts longer: one that does was taken before the clock was set back (F20). */
  readonly atMost: string
}

export interface OperationQueryFilter {
  readonly principal: string
  readonly chain?: string
  readonly wallet?: string
  readonly state?: OperationRow['state']
  readonly limit: number
  /** Only operations older than this one. */
  readonly before?: { readonly createdAt: string; readonly id: string }
}

type LeasedRow = Pick<OperationRow, 'lease_owner' | 'lease_until'>

/** Operations, their steps and what they hold. */
export class OperationStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /**
   * Begins to execute an intent, once: the operation, its steps and their reservations in one transition. When
   * the intent already has an operation that one is returned (R3). `admit` sees what other steps of the account
   * may take from its balance as of `asOf`, and answers with the steps to record or throws to refuse; nothing is
   * written then (R5). Throws `receipt_refused` when the intent was renewed since it was read.
   */
  begin(
    intent: IntentRow,
    lease: Pick<Lease, 'owner' | 'until'>,
    asOf: AsOf,
    admit: (held: HeldAmounts) => readonly NewStep[],
  ): Promise<{ operation: OperationRow; created: boolean }> {
    return this.#journal.transact(async (tx, audit) => {
      const existing = await tx
        .selectFrom('operations')
        .selectAll()
        .where('intent_id', '=', intent.id)
        .executeTakeFirst()
      if (existing) return { operation: existing, created: false }
      await requireUnchanged(tx, intent)
      const steps = admit(await heldBy(tx, { ...intent, asOf }))
      const operation = await insertOperation(tx, intent, lease, this.#journal.now())
      for (const [position, step] of steps.entries())
        await insertStep(tx, operation, position, step, this.#journal.now())
      await audit({ event: 'operation.begun', subject: operation.id, detail: { intent: intent.id } })
      return { operation, created: true }
    })
  }

  /**
   * Admits a step again that was not signed: what it holds becomes what it needs now, judged against what others hold
   * in the same transition (R5). `admit` throws to refuse; nothing is written then, nor when it ended (`receipt_refused`).
   */
  readmit(
    step: Pick<StepRow, 'id' | 'chain' | 'account'>,
    asOf: AsOf,
    admit: (held: HeldAmounts) => NewStep['reservations'],
  ): Promise<void> {
    return this.#journal.transact(async (tx) => {
      const { id, chain, account } = step
      await requireOpen(tx, step)
      const reservations = admit(await heldBy(tx, { chain, account, asOf, except: id }))
      await tx.deleteFrom('reservations').where('step_id', '=', id).where('state', '=', 'held').execute()
      await insertReservations(tx, step, reservations, this.#journal.now())
    })
  }

  /** What the steps of an account may still take from its balance at a block. */
  held(holder: Holder): Promise<HeldAmounts> {
    return this.#journal.read((db) => heldBy(db, holder))
  }

  /**
   * What was signed for an account and is not known to be mined, in the order of its nonces: JSON of payloads. Those
   * that are being cancelled are left out, since they may do nothing. `below` a nonce, when one is given.
   */
  waiting(chain: string, account: string, below?: bigint): Promise<readonly WaitingPayload[]> {
    return this.#journal.read(async (db) => {
      let newest = db
        .selectFrom('nonces')
        .innerJoin('steps', 'steps.id', 'nonces.step_id')
        .innerJoin('attempts', 'attempts.step_id', 'steps.id')
        .select(['nonces.nonce', 'nonces.state', 'steps.payload', 'attempts.kind'])
        .where('nonces.chain', '=', chain)
        .where('nonces.account', '=', account)
        .where('attempts.live', '=', 1)
      if (below !== undefined) newest = newest.where('nonces.nonce', '<', padNumber(below))
      const rows = await newest.orderBy('nonces.nonce', 'desc').limit(MOST_WAITING).execute()
      return rows
        .filter(({ state, kind }) => state !== 'mined' && kind !== 'cancel')
        .map(({ nonce, payload }) => ({ nonce: unpadNumber(nonce), payload }))
        .reverse()
    })
  }

  find(id: string): Promise<OperationRecord | undefined> {
    return this.#journal.read(async (db) => {
      const operation = await db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst()
      if (!operation) return undefined
      const [steps, attempts] = await Promise.all([
        db.selectFrom('steps').selectAll().where('operation_id', '=', id).orderBy('position').execute(),
        db
          .selectFrom('attempts')
          .innerJoin('steps', 'steps.id', 'attempts.step_id')
          .selectAll('attempts')
          .where('steps.operation_id', '=', id)
          .orderBy('attempts.created_at')
          .execute(),
      ])
      return {
        operation,
        steps: steps.map((step) => ({ step, attempts: attempts.filter((one) => one.step_id === step.id) })),
      }
    })
  }

  /**
   * The operation that an intent led to: its own, or the one in which it replaced an attempt. Nothing else is looked
   * at: a key may read like an id.
   */
  findByIntent(principal: string, intentId: string): Promise<string | undefined> {
    return this.#journal.read((db) => executedBy(db, principal, 'id', intentId))
  }

  /** The operation that an operation id, else an intent id, else an idempotency key stands for. */
  findId(principal: string, reference: string): Promise<string | undefined> {
    return this.#journal.read(async (db) => {
      const own = db.selectFrom('operations').select('id').where('principal', '=', principal)
      return (
        (await own.where('id', '=', reference).executeTakeFirst())?.id ??
        (await executedBy(db, principal, 'id', reference)) ??
        (await executedBy(db, principal, 'idempotency_key', reference))
      )
    })
  }

  /** Newest first. */
  list(filter: OperationQueryFilter): Promise<readonly OperationRow[]> {
    return this.#journal.read((db) => {
      let query = db.selectFrom('operations').selectAll().where('principal', '=', filter.principal)
      if (filter.chain !== undefined) query = query.where('chain', '=', filter.chain)
      if (filter.wallet !== undefined) query = query.where('wallet', '=', filter.wallet)
      if (filter.state !== undefined) query = query.where('state', '=', filter.state)
      const before = filter.before
      if (before) {
        query = query.where((or) =>
          or.or([
            or('created_at', '<', before.createdAt),
            or.and([or('created_at', '=', before.createdAt), or('id', '<', before.id)]),
          ]),
        )
      }
      return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(filter.limit).execute()
    })
  }

  countByState(): Promise<Readonly<Record<OperationRow['state'], number>>> {
    return this.#journal.read(async (db) => {
      const rows = await db
        .selectFrom('operations')
        .select(['state', (count) => count.fn.countAll().as('count')])
        .groupBy('state')
        .execute()
      const counts = { running: 0, committed: 0, failed: 0, stuck: 0 }
      for (const row of rows) counts[row.state] = Number(row.count)
      return counts
    })
  }

  /**
   * Takes or renews the lease on unfinished operations that nobody drives, or that this owner drives already.
   * Oldest first. Writes nothing when there is nothing to take and nothing to renew.
   */
  async claim(lease: Lease, limit: number): Promise<readonly Pick<OperationRow, 'id' | 'chain'>[]> {
    const claimable = (db: JournalDb | JournalTransaction) =>
      db
        .selectFrom('operations')
        .select(['id', 'chain', 'lease_owner', 'lease_until'])
        .where('state', 'in', ['running', 'stuck'])
        .where((or) =>
          or.or([
            or('lease_owner', '=', lease.owner),
            or('lease_until', 'is', null),
            or('lease_until', '<', this.#journal.now()),
            or('lease_until', '>', lease.atMost),
          ]),
        )
        .orderBy('created_at')
        .limit(limit)
        .execute()
    const isHeld = ({ lease_owner: owner, lease_until: until }: LeasedRow) =>
      owner === lease.owner && until !== null && until >= lease.renewFrom && until <= lease.atMost
    const held = await this.#journal.read(claimable)
    if (held.every(isHeld)) return held
    return this.#journal.transact(async (tx) => {
      const claimed = await claimable(tx)
      const ids = claimed.filter((row) => !isHeld(row)).map(({ id }) => id)
      const change = { lease_owner: lease.owner, lease_until: lease.until }
      if (ids.length > 0) await tx.updateTable('operations').set(change).where('id', 'in', ids).execute()
      return claimed
    })
  }

  /** Gives every lease of a process back, so that another takes over at once. */
  async release(owner: string): Promise<void> {
    await this.#journal.transact((tx) =>
      tx
        .updateTable('operations')
        .set({ lease_owner: null, lease_until: null })
        .where('lease_owner', '=', owner)
        .execute(),
    )
  }
}

/**
 * What the balance shows already counts no more: steps whose nonce was mined by then. What it does not show yet counts,
 * also when it was included and settled since.
 */
export async function heldBy(db: JournalDb | JournalTransaction, holder: Holder): Promise<HeldAmounts> {
  const { chain, account, asOf, except } = holder
  const reservations = db
    .selectFrom('reservations')
    .innerJoin('steps', 'steps.id', 'reservations.step_id')
    .select(['reservations.asset', 'reservations.raw'])
    .where('steps.id', '!=', except ?? '')
  const inFlight = await reservations
    .leftJoin('nonces', 'nonces.step_id', 'steps.id')
    .where('reservations.chain', '=', chain)
    .where('reservations.account', '=', account)
    .where('reservations.state', '=', 'held')
    .where((or) =>
      or.or([or('nonces.nonce', 'is', null), or('nonces.nonce', '>=', padNumber(asOf.minedCount))]),
    )
    .execute()
  const notYetShown = await reservations
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

/** The operation of the intent with that id or key, or in which its replacement was signed. */
export async function executedBy(
  db: JournalDb | JournalTransaction,
  principal: string,
  column: 'id' | 'idempotency_key',
  value: string,
): Promise<string | undefined> {
  const found = await db
    .selectFrom('intents')
    .leftJoin('operations', 'operations.intent_id', 'intents.id')
    .leftJoin('attempts', 'attempts.intent_id', 'intents.id')
    .leftJoin('steps', 'steps.id', 'attempts.step_id')
    .select(['operations.id as own', 'steps.operation_id as replaced'])
    .where('intents.principal', '=', principal)
    .where(`intents.${column}`, '=', value)
    .executeTakeFirst()
  return found?.own ?? found?.replaced ?? undefined
}

async function insertOperation(
  tx: JournalTransaction,
  intent: IntentRow,
  lease: Pick<Lease, 'owner' | 'until'>,
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
    updated_at: now,
  }
  await tx.insertInto('operations').values(operation).execute()
  return operation
}

async function insertStep(
  tx: JournalTransaction,
  operation: OperationRow,
  position: number,
  step: NewStep,
  now: string,
): Promise<void> {
  const { reservations, ...documents } = step
  const id = newId('step')
  const place = { chain: operation.chain, account: operation.account }
  await tx
    .insertInto('steps')
    .values({
      id,
      operation_id: operation.id,
      position,
      ...place,
      state: 'queued',
      ...documents,
      updated_at: now,
    })
    .execute()
  await insertReservations(tx, { id, ...place }, reservations, now)
}

export async function insertReservations(
  tx: JournalTransaction,
  { id, chain, account }: Pick<StepRow, 'id' | 'chain' | 'account'>,
  reservations: NewStep['reservations'],
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

/** What was judged is what the intent still says: it may have been renewed while it was being executed. */
export async function requireUnchanged(
  tx: JournalTransaction,
  intent: Pick<IntentRow, 'id' | 'digest' | 'chain'>,
): Promise<void> {
  const now = await tx.selectFrom('intents').select('digest').where('id', '=', intent.id).executeTakeFirst()
  if (now?.digest === intent.digest) return
  const reason = 'its intent was renewed while it was being executed'
  throw new BursarError('receipt_refused', { reason }, { chain: intent.chain })
}
