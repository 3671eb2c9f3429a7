import type { Earlier } from '../chains/adapter.ts'
import { BursarError } from '../errors/bursarError.ts'
import { newId } from '../primitives/ids.ts'
import { compiled, insertRow, type Values } from './compiled.ts'
import type { JournalDb } from './database.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import { laneFull, requireRoom } from './nonces.ts'
import { openStep, requireOpen } from './openSteps.ts'
import {
  type AsOf,
  type HeldAmounts,
  type Holder,
  heldBy,
  insertReservations,
  type NewReservation,
} from './reservations.ts'
import type { AttemptRow, IntentRow, OperationRow, StepRow } from './schema.ts'
import { WaitingPayloads } from './waitingPayloads.ts'

export interface OperationRecord {
  readonly operation: OperationRow
  readonly steps: readonly { readonly step: StepRow; readonly attempts: readonly AttemptRow[] }[]
}

/** The operation of an intent: the one that it has, or `created` with its steps. */
export interface Begun {
  readonly id: string
  readonly created?: OperationRecord
}

export interface NewStep {
  readonly recipient: string
  readonly payload: string
  readonly terms: string
  readonly outflow: string
  readonly receipt: string
  /** Why it waits before it is signed. */
  readonly note?: string
  readonly reservations: readonly NewReservation[]
}

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

/** Nothing more happens to a step in one of these states. */
export const ENDED: readonly StepRow['state'][] = ['final', 'replaced', 'failed']

/** How far a step has come that has not ended. */
export type OpenStep = Pick<StepRow, 'chain' | 'state' | 'confirmations' | 'updated_at'>

type LeasedRow = Pick<OperationRow, 'lease_owner' | 'lease_until'>

const knownIntent = compiled((db, value: Values<{ id: string }>) =>
  db
    .selectFrom('intents')
    .leftJoin('operations', 'operations.intent_id', 'intents.id')
    .select(['intents.digest', 'operations.id'])
    .where('intents.id', '=', value('id')),
)

const firstOpen = compiled((db, value: Values<{ operationId: string }>) =>
  db
    .selectFrom('steps')
    .select(['chain', 'state', 'confirmations', 'updated_at'])
    .where('operation_id', '=', value('operationId'))
    .where('state', 'not in', ENDED)
    .orderBy('position'),
)

const operationById = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('operations').selectAll().where('id', '=', value('id')),
)

const stepsOf = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('steps').selectAll().where('operation_id', '=', value('id')).orderBy('position'),
)

const attemptsOf = compiled((db, value: Values<{ id: string }>) =>
  db
    .selectFrom('attempts')
    .selectAll()
    .where('step_id', 'in', (query) =>
      query.selectFrom('steps').select('id').where('operation_id', '=', value('id')),
    )
    .orderBy('created_at'),
)

/** Steps of one account that are not mined, also those that wait for lower fees: each is looked at again and again. */
const MOST_QUEUED = 1_000

/** Operations, their steps and what they hold. */
export class OperationStore {
  readonly #journal: Journal
  readonly #waiting: WaitingPayloads

  constructor(journal: Journal) {
    this.#journal = journal
    this.#waiting = new WaitingPayloads(journal)
  }

  /**
   * Begins to execute an intent, once: the operation, its steps and their reservations in one transition. When
   * the intent already has an operation that one is returned (R3). `admit` sees what other steps of the account
   * may take from its balance as of `asOf`, and answers with the steps to record or throws to refuse; nothing is
   * written then (R5). Throws `receipt_refused` when the intent was renewed since it was read,
   * and `lane_full`.
   */
  begin(
    intent: IntentRow,
    lease: Pick<Lease, 'owner' | 'until'>,
    asOf: AsOf,
    admit: (held: HeldAmounts) => readonly NewStep[],
  ): Promise<Begun> {
    return this.#journal.transact(async (tx, audit) => {
      const [known] = await knownIntent(tx, { id: intent.id })
      if (known?.id) return { id: known.id }
      requireSame(intent, known?.digest)
      await requireRoom(tx, intent, asOf.minedCount)
      const { amounts, steps: waiting } = await heldBy(tx, { ...intent, asOf })
      if (waiting >= MOST_QUEUED) throw laneFull(intent, MOST_QUEUED)
      const admitted = admit(amounts)
      const operation = await insertOperation(tx, intent, lease, this.#journal.now())
      const steps: OperationRecord['steps'][number][] = []
      for (const [position, one] of admitted.entries()) {
        const step = await insertStep(tx, operation, position, one, this.#journal.now())
        this.#waiting.keep(step.id, step.payload)
        steps.push({ step, attempts: [] })
      }
      audit({ event: 'operation.begun', subject: operation.id, detail: { intent: intent.id } })
      return { id: operation.id, created: { operation, steps } }
    })
  }

  /**
   * Admits a step again that was not signed: what it holds becomes what it needs now, judged against what others hold
   * in the same transition (R5). `admit` throws to refuse; nothing is written then, nor when it ended (`receipt_refused`).
   */
  readmit(
    step: Pick<StepRow, 'id' | 'chain' | 'account'>,
    asOf: AsOf,
    admit: (held: HeldAmounts) => readonly NewReservation[],
  ): Promise<void> {
    return this.#journal.transact(async (tx) => {
      const { id, chain, account } = step
      requireOpen(await openStep(tx, step.id), step)
      const reservations = admit((await heldBy(tx, { chain, account, asOf, except: id })).amounts)
      await tx.deleteFrom('reservations').where('step_id', '=', id).where('state', '=', 'held').execute()
      await insertReservations(tx, step, reservations, this.#journal.now())
    })
  }

  /** What the steps of an account may still take from its balance at a block. */
  async held(holder: Holder): Promise<HeldAmounts> {
    return (await this.#journal.read((db) => heldBy(db, holder))).amounts
  }

  /**
   * What was signed for an account and is not known to be mined, in the order of its nonces, for a simulation to start
   * from. What is being cancelled is left out, since it may do nothing. `below` a nonce, when one is given.
   */
  waiting(chain: string, account: string, below?: bigint): Promise<readonly Earlier[]> {
    return this.#waiting.of(chain, account, below)
  }

  /** The first step of an operation that has not ended, without what was signed and shown. */
  openStep(operationId: string): Promise<OpenStep | undefined> {
    return this.#journal.read(async (db) => (await firstOpen(db, { operationId }))[0])
  }

  find(id: string): Promise<OperationRecord | undefined> {
    return this.#journal.read(async (db) => {
      const [operation] = await operationById(db, { id })
      if (!operation) return undefined
      // Asked together, so that nothing of this process comes in between.
      const [steps, attempts] = await Promise.all([stepsOf(db, { id }), attemptsOf(db, { id })])
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

/** The operation of the intent with that id or key, or in which its replacement was signed. */
export async function executedBy(
  db: JournalDb | JournalTransaction,
  principal: string,
  column: keyof typeof executions,
  value: string,
): Promise<string | undefined> {
  const [found] = await executions[column](db, { principal, value })
  return found?.own ?? found?.replaced ?? undefined
}

const executions = { id: executionsBy('id'), idempotency_key: executionsBy('idempotency_key') }

function executionsBy(column: 'id' | 'idempotency_key') {
  return compiled((db, value: Values<{ principal: string; value: string }>) =>
    db
      .selectFrom('intents')
      .leftJoin('operations', 'operations.intent_id', 'intents.id')
      .leftJoin('attempts', 'attempts.intent_id', 'intents.id')
      .leftJoin('steps', 'steps.id', 'attempts.step_id')
      .select(['operations.id as own', 'steps.operation_id as replaced'])
      .where('intents.principal', '=', value('principal'))
      .where(`intents.${column}`, '=', value('value')),
  )
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
  }
  await insertRow(tx, 'operations', operation)
  return operation
}

async function insertStep(
  tx: JournalTransaction,
  operation: OperationRow,
  position: number,
  { reservations, note, ...documents }: NewStep,
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
    included_number: null,
    included_hash: null,
    gas_used: null,
    fee_paid: null,
    confirmations: 0,
    updated_at: now,
  }
  await insertRow(tx, 'steps', step)
  await insertReservations(tx, step, reservations, now)
  return step
}

/** What was judged is what the intent still says: it may have been renewed while it was being executed. */
export async function requireUnchanged(
  tx: JournalTransaction,
  intent: Pick<IntentRow, 'id' | 'digest' | 'chain'>,
): Promise<void> {
  const now = await tx.selectFrom('intents').select('digest').where('id', '=', intent.id).executeTakeFirst()
  requireSame(intent, now?.digest)
}

function requireSame(intent: Pick<IntentRow, 'digest' | 'chain'>, digest: string | undefined): void {
  if (digest === intent.digest) return
  const reason = 'its intent was renewed while it was being executed'
  throw new BursarError('receipt_refused', { reason }, { chain: intent.chain })
}
