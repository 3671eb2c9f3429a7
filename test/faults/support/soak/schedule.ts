import { isBursarError } from '../../../../src/errors/bursarError.ts'
import type { OperationView } from '../../../../src/transactions/views/views.ts'
import type { Engine } from '../../../support/engine.ts'
import type { Command, CommandName, PaymentKind, Who } from './commands.ts'
import { dropFromPool, payAsAnother, replayOne } from './others.ts'
import { type Account, CONFIRMATIONS, digest, type Process, type Stage } from './stage.ts'

/** One idempotency key, and what was said of it. */
export interface Asked {
  readonly key: string
  readonly kind: PaymentKind
  /** Nobody else pays it. */
  readonly to: string
  intentId: string | undefined
  operationId: string | undefined
  /** The end that an answer told of. */
  ended: string | undefined
}

const AMOUNTS = {
  native: { asset: 'native', amount: '0.25' },
  token: { asset: 'USDC', amount: '12.5' },
  // It waits, unsigned, while blocks are ten times as expensive as usual.
  patient: { asset: 'native', amount: '0.5', maxFeeGwei: '4' },
} as const

const HOURS_2 = 7_200_000
/** Longer than any lease. */
export const LEASES_OVER_MS = 11_000

/** A schedule while it runs: what was asked for, and what was answered that no rule allows. */
export class Schedule {
  readonly stage: Stage
  readonly account: Account
  /** The block that it began on. */
  readonly from: number
  readonly asked: Asked[] = []
  /** Hashes of what the foreign program has sent. */
  readonly foreign = new Set<string>()
  readonly wrong: string[] = []
  /** Refusals by code. */
  readonly refused: string[] = []
  /** What is still waiting in a process that was stopped. */
  #stopped: { readonly in: Process; readonly work: Promise<unknown> }[] = []
  #head: number
  #highest: number
  #replacements = 0

  constructor(stage: Stage, { account, block }: Awaited<ReturnType<Stage['begin']>>) {
    this.stage = stage
    this.account = account
    this.from = block
    this.#head = block
    this.#highest = block
  }

  /** Does what a command says; answers whether that did anything. */
  async run(command: Command): Promise<boolean> {
    switch (command.do) {
      case 'prepare new key':
        return this.#prepare(command.who, this.#newPayment(command.kind))
      case 'prepare old key':
        return this.#withOld(command.which, (asked) => this.#prepare(command.who, asked))
      case 'prepare old key otherwise':
        return this.#withOld(command.which, (asked) => this.#prepareOtherwise(command.who, asked))
      case 'pay':
        return this.pay(command.who, command.kind)
      case 'execute':
        return this.#withOld(command.which, (asked) => this.#execute([[command.who, asked]]))
      case 'execute twice':
        return this.#withOld(command.which, (asked) =>
          this.#execute([
            [command.who, asked],
            [command.who, asked],
          ]),
        )
      case 'execute in both':
        return this.#withOld(command.which, (asked) =>
          this.#execute([
            ['first', asked],
            ['second', asked],
          ]),
        )
      case 'execute all at once':
        return this.asked.length > 1 && this.#execute(this.asked.map((asked) => [command.who, asked]))
      case 'kill while paying':
        return this.#killWhilePaying(command.kind, command.point)
      case 'kill while driving':
        return this.#kill(command.point, () => this.#drive('first', 'all'))
      case 'kill':
        return this.#kill(0, async () => true)
      case 'stop while paying':
        return this.#stopWhilePaying(command.who, command.kind, command.point)
      case 'go on':
        return this.goOn()
      default:
        return this.#runOutside(command)
    }
  }

  /** Drives, replaces, or does something to the world around. */
  async #runOutside(command: Exclude<Command, { readonly do: InsideName }>): Promise<boolean> {
    const { stage } = this
    switch (command.do) {
      case 'drive':
        return this.#drive(command.who, 'held')
      case 'take over':
        stage.clock.advance(LEASES_OVER_MS)
        return this.#drive(command.who, 'held')
      case 'drive without lease':
        return this.#drive(command.who, 'all')
      case 'speed up':
        return this.#withOld(command.which, (asked) => this.#replace(command.who, asked, 'speed_up'))
      case 'cancel':
        return this.#withOld(command.which, (asked) => this.#replace(command.who, asked, 'cancel'))
      case 'mine':
        await this.mine(command.blocks)
        return true
      case 'mine and follow':
        await this.mine(command.blocks)
        return this.#drive(command.who, 'all')
      case 'reorganise':
        return this.#undo(command.depth, 'anvil_reorg')
      case 'roll back':
        return this.#undo(command.depth, 'anvil_rollback')
      case 'drop from the pool':
        return dropFromPool(this, command.which)
      case 'base fee times 10':
        await stage.setFee('tenfold')
        await this.mine(1)
        return true
      case 'base fee back':
        await stage.setFee('usual')
        await this.mine(1)
        return true
      case 'spend the tokens elsewhere':
        await stage.fund(0n)
        return this.asked.some(({ kind }) => kind === 'token')
      case 'foreign transaction':
        return payAsAnother(this, command.beyond)
      case 'a peer sends old bytes':
        return replayOne(this, command.which)
      case 'lose an answer':
        stage.planFault({ kind: command.taken ? 'forward-then-drop' : 'reset' })
        return true
      case 'clock +2 h':
        stage.clock.advance(HOURS_2)
        return true
      case 'clock -2 h':
        stage.clock.advance(-HOURS_2)
        return true
    }
  }

  pay(who: Who, kind: PaymentKind): Promise<boolean> {
    return this.#execute([[who, this.#newPayment(kind)]])
  }

  async mine(blocks: number): Promise<void> {
    await this.stage.mine(blocks)
    this.#head += blocks
    this.#highest = Math.max(this.#highest, this.#head)
  }

  /** Whoever was stopped goes on, and comes to its end. */
  async goOn(): Promise<boolean> {
    for (const who of ['first', 'second'] as const) this.stage.process(who).gate.open()
    const waited = this.#stopped.splice(0).map(({ work }) => work)
    for (const end of await Promise.allSettled(waited)) {
      if (end.status === 'rejected' && !isBursarError(end.reason))
        this.wrong.push(`what was stopped threw ${String(end.reason)}`)
    }
    return waited.length > 0
  }

  /** Operations of this account that have not ended. */
  running(process: Process): Promise<readonly string[]> {
    return process.engine.journal.read(async (db) => {
      const rows = await db
        .selectFrom('operations')
        .select('id')
        .where('state', 'in', ['running', 'stuck'])
        .where('account', '=', this.account.address)
        .execute()
      return rows.map(({ id }) => id)
    })
  }

  /** Work of a process; false when it was refused, or did not come to its end. What it may not throw is noted. */
  async attempt(
    process: Process,
    what: string,
    work: (engine: Engine) => Promise<unknown>,
  ): Promise<boolean> {
    try {
      const done = work(process.engine)
      const end = await process.gate.whileOpen(done)
      if (end !== 'closed') return end !== false
      this.#stopped.push({ in: process, work: done })
      return false
    } catch (error) {
      if (isBursarError(error)) this.refused.push(error.code)
      else this.wrong.push(`${what} threw ${String(error)}`)
      return false
    }
  }

  /** The process meant, or the other one while that one is stopped. */
  process(who: Who): Process {
    const meant = this.stage.process(who)
    if (!meant.gate.isClosed) return meant
    const other = this.stage.process(who === 'first' ? 'second' : 'first')
    if (!other.gate.isClosed) return other
    meant.gate.open()
    return meant
  }

  #newPayment(kind: PaymentKind): Asked {
    const key = `${this.account.name} ${this.asked.length}`
    const to = `0x${digest(`to ${key}`).slice(0, 40)}`
    const asked = { key, kind, to, intentId: undefined, operationId: undefined, ended: undefined }
    this.asked.push(asked)
    return asked
  }

  async #withOld(which: number, work: (asked: Asked) => Promise<boolean>): Promise<boolean> {
    const asked = this.asked[which % Math.max(this.asked.length, 1)]
    return asked !== undefined && work(asked)
  }

  #prepare(who: Who, asked: Asked): Promise<boolean> {
    return this.attempt(this.process(who), 'prepare', (engine) => this.#intentOf(engine, asked))
  }

  async #intentOf(engine: Engine, asked: Asked): Promise<string> {
    const { key, kind, to } = asked
    const { intentId } = await engine.prepare({ to, ...AMOUNTS[kind], idempotencyKey: key })
    asked.intentId ??= intentId
    if (asked.intentId !== intentId) this.wrong.push(`R3: ${key} is prepared as another intent`)
    return intentId
  }

  #prepareOtherwise(who: Who, { key, to, intentId }: Asked): Promise<boolean> {
    if (intentId === undefined) return Promise.resolve(false)
    return this.attempt(this.process(who), 'prepare otherwise', async (engine) => {
      const refusal = await engine
        .prepare({ to, asset: 'native', amount: '0.75', idempotencyKey: key })
        .catch((error: unknown) => error)
      const isConflict = isBursarError(refusal) && refusal.code === 'idempotency_conflict'
      if (!isBursarError(refusal)) this.wrong.push(`R3: ${key} was prepared with other arguments`)
      return isConflict
    })
  }

  async #execute(calls: readonly (readonly [Who, Asked])[]): Promise<boolean> {
    const done = await Promise.all(
      calls.map(([who, asked]) =>
        this.attempt(this.process(who), 'execute', async (engine) => {
          const intentId = asked.intentId ?? (await this.#intentOf(engine, asked))
          this.hear(asked, await engine.execute(intentId))
        }),
      ),
    )
    return done.every(Boolean)
  }

  /** Notes what an answer says of a payment, and whether another one said otherwise before. */
  hear(asked: Asked, { operationId, state }: OperationView): void {
    asked.operationId ??= operationId
    if (asked.operationId !== operationId) this.wrong.push(`R3: ${asked.key} has two operations`)
    if (asked.ended !== undefined && asked.ended !== state)
      this.wrong.push(`R14: ${asked.key} was told as ${asked.ended} and now as ${state}`)
    if (state === 'committed' || state === 'failed') asked.ended = state
  }

  #replace(who: Who, asked: Asked, kind: 'speed_up' | 'cancel'): Promise<boolean> {
    const { operationId: operation, key } = asked
    if (operation === undefined) return Promise.resolve(false)
    return this.attempt(this.process(who), kind, async (engine) => {
      const idempotencyKey = `${kind} ${key} ${this.#replacements++}`
      const { intentId } = await engine.replace({ operation, kind, idempotencyKey })
      this.hear(asked, await engine.execute(intentId))
    })
  }

  /** Whether there was anything to drive. */
  async #drive(who: Who, which: 'held' | 'all'): Promise<boolean> {
    const process = this.process(who)
    let some = false
    await this.attempt(process, 'drive', async () => {
      some = (await this.driveAll(process, which)) > 0
    })
    return some
  }

  /** Drives what the process holds or may take over, or whatever is unfinished; answers how many that were. */
  async driveAll(process: Process, which: 'held' | 'all'): Promise<number> {
    const { operations, leases, driver } = process.engine
    const ids =
      which === 'all'
        ? await this.running(process)
        : (await operations.claim(leases.take(), 1_000)).map(({ id }) => id)
    const ends = await Promise.allSettled(ids.map((id) => driver.drive(id)))
    for (const end of ends) {
      if (end.status === 'fulfilled') continue
      if (isBursarError(end.reason)) this.refused.push(end.reason.code)
      else this.wrong.push(`drive threw ${String(end.reason)}`)
    }
    return ids.length
  }

  /** The first process dies when it passes the point in what it does, or after it. */
  async #kill(point: number, work: () => Promise<boolean>): Promise<boolean> {
    const first = this.stage.process('first')
    const { gate } = first
    if (point > 0 && gate.isClosed) return false
    if (point > 0) gate.arm(point, 'ever')
    await work()
    const diedThere = gate.isClosed
    gate.close('ever')
    // What it was doing is never heard of again.
    this.#stopped = this.#stopped.filter((one) => one.in !== first)
    await this.stage.bury('first')
    return point === 0 || diedThere
  }

  /** The points are those of the execution: before it nothing can be lost. */
  async #killWhilePaying(kind: PaymentKind, point: number): Promise<boolean> {
    if (this.stage.process('first').gate.isClosed) return false
    const asked = await this.#prepared('first', kind)
    return this.#kill(point, () => this.#execute([['first', asked]]))
  }

  async #stopWhilePaying(who: Who, kind: PaymentKind, point: number): Promise<boolean> {
    const { gate } = this.stage.process(who)
    if (gate.isClosed) return false
    const asked = await this.#prepared(who, kind)
    gate.arm(point, 'a while')
    await this.#execute([[who, asked]])
    gate.disarm()
    return gate.isClosed
  }

  async #prepared(who: Who, kind: PaymentKind): Promise<Asked> {
    const asked = this.#newPayment(kind)
    await this.#prepare(who, asked)
    return asked
  }

  /** Never deeper than what is final: that is out of scope. */
  async #undo(depth: number, method: 'anvil_reorg' | 'anvil_rollback'): Promise<boolean> {
    const floor = Math.max(this.from, this.#highest - CONFIRMATIONS + 1)
    const most = Math.min(depth, this.#head - floor)
    if (most < 1) return false
    const before = await this.stage.count('latest')
    await this.stage.lane.ask(method, most, ...(method === 'anvil_reorg' ? [[]] : []))
    if (method === 'anvil_rollback') this.#head -= most
    return (await this.stage.count('latest')) < before
  }
}

type InsideName = Extract<
  CommandName,
  `prepare ${string}` | 'pay' | `execute${string}` | `kill${string}` | 'stop while paying' | 'go on'
>
