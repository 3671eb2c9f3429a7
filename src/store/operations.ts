import type { Earlier } from '../chains/adapter.ts'
import { BursarError } from '../errors/bursarError.ts'
import { compiled, type Values } from './database/compiled.ts'
import type { JournalDb } from './database/database.ts'
import { executedBy } from './executions.ts'
import { type ChosenVariants, insertFlagUses } from './flags/flagUses.ts'
import { haltsInForce, NO_OWNERS, requireNotHalted } from './halts.ts'
import type { AuditNote, Journal, JournalTransaction } from './journal.ts'
import { laneFull, requireRoom } from './nonces/nonces.ts'
import type { AttemptRow, IntentRow, OperationRow, StepRow } from './schema.ts'
import { requireFreeAllowance } from './spending/allowances.ts'
import {
  type Holder,
  heldBy,
  insertReservations,
  type Ledger,
  type LedgerAsk,
  ledgerOf,
  type NewReservation,
} from './spending/reservations.ts'
import { type Counted, replaceSpends, spentIn } from './spending/spends.ts'
import type { Spent, SpentWindow } from './spending/spentWindow.ts'
import { insertOperation, insertStep, type NewStep } from './steps/newSteps.ts'
import { isOpen, openStep, requireOpen } from './steps/openSteps.ts'
import { stopStanding } from './steps/standing.ts'
import { setWaiting } from './steps/waiting.ts'
import { WaitingPayloads } from './steps/waitingPayloads.ts'

export interface OperationRecord {
  readonly operation: OperationRow
  readonly steps: readonly { readonly step: StepRow; readonly attempts: readonly AttemptRow[] }[]
}

/** The operation of an intent: the one that it has, or `created` with its steps. */
export interface Begun {
  readonly id: string
  readonly created?: OperationRecord
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

/** What a step may take from now on, and counts for. */
export interface Admitted {
  readonly reservations: readonly NewReservation[]
  readonly counted: Counted
}

/** The moment in which an operation begins: what is written through it is written with the operation or not at all. */
export interface Transition {
  readonly tx: JournalTransaction
  readonly audit: (note: AuditNote) => void
  readonly operationId: string
  /** ISO 8601 text in UTC. */
  readonly now: string
}

/** What is done in the transition that begins an operation. */
export interface BeginOptions {
  /** Uses up a person's approval, or throws to refuse. */
  readonly authorise?: (transition: Transition) => Promise<void>
  /** The variants of flags that it is counted for. */
  readonly chosen?: ChosenVariants
}

/** How far a step has come that has not ended. */
export type OpenStep = Pick<StepRow, 'chain' | 'state' | 'confirmations' | 'updated_at'>

type LeasedRow = Pick<OperationRow, 'lease_owner' | 'lease_until'>

const knownIntent = compiled((db, value: Values<{ id: string }>) =>
  db
    .selectFrom('intents')
    .leftJoin('operations', 'operations.intent_id', 'intents.id')
    .select(['intents.digest', 'operations.id', haltsInForce])
    .where('intents.id', '=', value('id')),
)

const firstOpen = compiled((db, value: Values<{ operationId: string }>) =>
  db
    .selectFrom('steps')
    .select(['chain', 'state', 'confirmations', 'updated_at'])
    .where('operation_id', '=', value('operationId'))
    .where('ended', '=', 0)
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
  readonly #ownerOf: typeof NO_OWNERS
  readonly #waiting: WaitingPayloads

  constructor(journal: Journal, ownerOf = NO_OWNERS) {
    this.#journal = journal
    this.#ownerOf = ownerOf
    this.#waiting = new WaitingPayloads(journal)
  }

  /**
   * Begins to execute an intent, once: the operation, its steps and their reservations in one transition. When
   * the intent already has an operation that one is returned (R3). `admit` sees what other steps of the account
   * may take from its balance and what left before, as `ask` says, and answers with the steps to record or throws to
   * refuse; nothing is written then (R5). Throws `receipt_refused` when the intent was renewed since it was read, `halted`,
   * `lane_full`, and `allowance_in_use`.
   */
  begin(
    intent: IntentRow,
    lease: Pick<Lease, 'owner' | 'until'>,
    ask: LedgerAsk,
    admit: (ledger: Ledger) => readonly NewStep[],
    { authorise, chosen = {} }: BeginOptions = {},
  ): Promise<Begun> {
    return this.#journal.transact(async (tx, audit) => {
      const [known] = await knownIntent(tx, { id: intent.id })
      if (known?.id) return { id: known.id }
      requireSame(intent, known?.digest)
      if (known && known.halts > 0) await requireNotHalted(tx, intent, this.#ownerOf)
      const { policy, asOf, windows } = ask
      await requireRoom(tx, intent, asOf.minedCount)
      const { amounts, steps: waiting } = await heldBy(tx, { ...intent, asOf })
      if (waiting >= MOST_QUEUED) throw laneFull(intent, MOST_QUEUED)
      const admitted = admit({ policy, held: amounts, spent: await spentIn(tx, windows) })
      const operation = await insertOperation(tx, intent, lease, this.#journal.now())
      await authorise?.({ tx, audit, operationId: operation.id, now: this.#journal.now() })
      const steps: OperationRecord['steps'][number][] = []
      for (const [position, one] of admitted.entries()) {
        await requireFreeAllowance(tx, operation.id, { ...intent, ...one })
        steps.push({ step: await this.#insert(tx, operation, position, one), attempts: [] })
      }
      await insertFlagUses(tx, operation.id, chosen)
      audit({
        event: 'operation.begun',
        subject: operation.id,
        detail: { intent: intent.id, digest: intent.digest, verdict: 'allow' },
      })
      return { id: operation.id, created: { operation, steps } }
    })
  }

  /**
   * Admits a step again that was not signed: what it holds becomes what it needs now, judged against what others hold
   * in the same transition (R5). `admit` throws to refuse; nothing is written then, nor when it ended
   * (`receipt_refused`) or is an approval that has to wait (`allowance_in_use`).
   */
  readmit(step: StepRow, ask: LedgerAsk, admit: (ledger: Ledger) => Admitted): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const { id, chain, account } = step
      requireOpen(await openStep(tx, step.id), step)
      await requireFreeAllowance(tx, step.operation_id, step)
      const { reservations, counted } = admit(await ledgerOf(tx, { chain, account, ...ask, except: id }))
      await tx.deleteFrom('reservations').where('step_id', '=', id).where('state', '=', 'held').execute()
      await insertReservations(tx, step, reservations, this.#journal.now())
      await replaceSpends(tx, step, counted)
      audit({ event: 'step.judged', subject: id, detail: { verdict: 'allow' } })
    })
  }

  /**
   * Adds the step that takes back what was allowed for an operation, once while one is under way and none when the
   * operation has ended. `admit` is as in `begin`.
   */
  compensate(
    { operation, steps }: OperationRecord,
    ask: LedgerAsk,
    admit: (ledger: Ledger) => NewStep,
  ): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const known = await stepsOf(tx, { id: operation.id })
      // Another process has added it, and may have seen it end.
      if (known.length !== steps.length || !(await isOpen(tx, operation.id))) return
      const { chain, account } = operation
      const undo = admit(await ledgerOf(tx, { chain, account, ...ask }))
      const step = await this.#insert(tx, operation, known.length, undo)
      await stopStanding(tx, { operationId: operation.id })
      await setWaiting(tx, step.id, 'running')
      audit({ event: 'step.compensating', subject: step.id, detail: { operation: operation.id } })
    })
  }

  /** What the steps of an account may still take from its balance at a block, and what left before. */
  ledger(holder: Holder & LedgerAsk): Promise<Ledger> {
    return this.#journal.read((db) => ledgerOf(db, holder))
  }

  /** What left in some windows. */
  spent(windows: readonly SpentWindow[]): Promise<Spent> {
    return this.#journal.read((db) => spentIn(db, windows))
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
      const counts = { running: 0, committed: 0, failed: 0, stuck: 0, compensated: 0 }
      for (const row of rows) counts[row.state] = Number(row.count)
      return counts
    })
  }

  async #insert(
    tx: JournalTransaction,
    operation: OperationRow,
    position: number,
    one: NewStep,
  ): Promise<StepRow> {
    const step = await insertStep(tx, operation, position, one, this.#journal.now())
    this.#waiting.keep(step.id, step.payload)
    return step
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
