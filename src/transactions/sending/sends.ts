import type { ChainAdapter } from '../../chains/adapter.ts'
import type { RelayResult } from '../../chains/routes.ts'
import { routeAt, type SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { unattended } from '../../primitives/abort.ts'
import type { Logger } from '../../primitives/logger.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { HaltStore } from '../../store/halts.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { Broadcasted, StepStore } from '../../store/steps/steps.ts'
import type { WaitingBytes } from '../../store/steps/waitingBytes.ts'
import type { Broadcast, Broadcaster, RecordedBytes } from './broadcaster.ts'

export interface SendDependencies {
  readonly broadcaster: Broadcaster
  readonly steps: StepStore
  readonly waitingBytes: WaitingBytes
  readonly halts: Pick<HaltStore, 'ofStep'>
  readonly logger: Logger
}

/** What this process last sent of an operation. */
interface Sent {
  readonly attempt: string
  /** By the monotonic clock. */
  readonly at: number
  /** Number of the block at which a relay is to be asked again; absent when it went to public endpoints. */
  readonly again?: bigint
}

const MIN_RESEND_MS = 2_000
const TELL_REPEATS_MS = 60_000

/** What was last told of bytes that go out again, and how often they have since. */
interface Repeats {
  readonly key: string
  /** By the monotonic clock. */
  readonly at: number
  readonly times: number
}

/** Hands recorded bytes to the broadcaster, again when that is due, and records what came of it. */
export class Sends {
  readonly #deps: SendDependencies
  /** By operation, then by step. */
  readonly #sent = new Map<string, Map<string, Sent>>()

  readonly #repeats = new Map<string, Repeats>()

  constructor(deps: SendDependencies) {
    this.#deps = deps
  }

  forget(operationId: string): void {
    this.#repeats.delete(operationId)
    this.#sent.delete(operationId)
  }

  /** Whether the network, or the relay, had time to show bytes that were sent before. `head` is the newest block. */
  isDue({ chain }: ChainAdapter, step: StepRow, attempt: AttemptRow, head: string): boolean {
    const last = this.#last(step)
    if (last?.attempt !== attempt.id) return true
    if (last.again !== undefined && routeAt(receiptOf(attempt), BigInt(head)) === 'private') {
      return BigInt(head) >= last.again
    }
    return (
      last.again !== undefined || performance.now() - last.at >= Math.max(chain.blockTimeMs, MIN_RESEND_MS)
    )
  }

  /** Whether endpoints were to know it by now: what only a relay has they never do. */
  isPublic(step: StepRow, attempt: AttemptRow): boolean {
    if (receiptOf(attempt).route !== 'private') return true
    const last = this.#last(step)
    return last?.attempt === attempt.id && last.again === undefined
  }

  /**
   * Whether bytes stay here because signing is halted: those that the network has had may be sent again. Read anew each
   * time, since another process may have halted a moment ago.
   */
  async areWithheld(step: StepRow, attempt: AttemptRow): Promise<boolean> {
    return attempt.state === 'signed' && (await this.#deps.halts.ofStep(step)) !== undefined
  }

  /**
   * Sends the newest bytes of a step, of which `attempts` are all, unless they are withheld. Answers whether the
   * network, or the relay, has them.
   */
  async send(
    adapter: ChainAdapter,
    step: StepRow,
    attempt: AttemptRow,
    attempts: readonly AttemptRow[],
  ): Promise<boolean> {
    const { broadcaster } = this.#deps
    if (await this.areWithheld(step, attempt)) return false
    if (receiptOf(attempt).route === 'private') return this.#sendPrivately(adapter, step, attempt)
    const isFirst = this.#last(step)?.attempt !== attempt.id
    this.#note(step, attempt)
    const result = await broadcaster.broadcast(adapter, recorded(attempt))
    await this.#record(step, attempt, result)
    if (isFirst && attempt.kind === 'cancel') await this.#withdraw(step, attempts)
    return result.outcome === 'accepted'
  }

  async #sendPrivately(adapter: ChainAdapter, step: StepRow, attempt: AttemptRow): Promise<boolean> {
    const { broadcaster, waitingBytes, logger } = this.#deps
    const { chain, account } = step
    const { head, minedCount } = await adapter.status(account, [], { signal: unattended() })
    const nonce = unpadNumber(attempt.nonce)
    // It was included, or something else was: following it tells which.
    if (minedCount > nonce) return true
    const before = await waitingBytes.of({ chain, account, from: minedCount, below: nonce })
    const around = {
      head: await believedHead(adapter, receiptOf(attempt), BigInt(head.number)),
      before: before.map(recorded),
    }
    const result = await broadcaster.broadcast(adapter, recorded(attempt), around)
    this.#note(step, attempt, result.by === 'private' ? result.again : undefined)
    if (result.by === 'public') {
      logger.warn('what no block took privately goes to public endpoints', { operation: step.operation_id })
    }
    await this.#record(step, attempt, result)
    return result.outcome === 'accepted'
  }

  async #record(step: StepRow, attempt: AttemptRow, result: Broadcast): Promise<void> {
    const { steps, logger } = this.#deps
    const told = { hash: attempt.hash, by: result.by, outcome: result.outcome }
    if (result.outcome === 'accepted') {
      const note = result.by === 'public' && receiptOf(attempt).route === 'private' ? FALLEN_BACK : null
      const isTold = note === null || step.note === note
      const isNew = step.state !== 'sent' || attempt.state !== 'sent' || !isTold
      if (isNew) await steps.sent(attempt, note, told)
      else await this.#recordAgain(step, attempt, told)
      return
    }
    const { evidence } = result
    logger.warn('broadcast without proof', { operation: step.operation_id, evidence })
    const receipt = receiptOf(attempt)
    const isOperation = 'userOperation' in (JSON.parse(step.payload) as object)
    const note = result.by === 'private' ? privateNote(result, receipt) : publicNote(result, isOperation)
    // What was told while only the relay could have it may be true no longer. What was added to it, that it waits for
    // too long, stays true with it.
    const isTold = (receipt.route !== 'private' && !isOperation) || step.note?.startsWith(note)
    if (step.state !== 'unknown' || !isTold) await steps.unknown(step.id, note, told)
    else await this.#recordAgain(step, attempt, told)
  }

  /** Whatever goes out is recorded; the same again and again is counted, and told once a minute. */
  async #recordAgain(step: StepRow, attempt: AttemptRow, told: Broadcasted): Promise<void> {
    const key = `${attempt.id} ${told['outcome']}`
    const now = performance.now()
    const known = this.#repeats.get(step.operation_id)
    const times = (known?.key === key ? known.times : 0) + 1
    const isDue = known?.key !== key || now - known.at >= TELL_REPEATS_MS
    this.#repeats.set(step.operation_id, isDue ? { key, at: now, times: 0 } : { ...known, times })
    if (isDue) await this.#deps.steps.resent(attempt, times, told)
  }

  /** A relay that still has what was cancelled could hand it to builders beside the cancellation. */
  async #withdraw(step: StepRow, attempts: readonly AttemptRow[]): Promise<void> {
    const { broadcaster, logger } = this.#deps
    const told = attempts.filter((attempt) => receiptOf(attempt).route === 'private')
    // At once: one that hangs must not keep the others from being forgotten.
    const done = await Promise.all(told.map(({ hash }) => broadcaster.withdraw(step.chain, hash)))
    if (done.length > 0)
      logger.info('the relay was asked to forget what was cancelled', { operation: step.operation_id, done })
  }

  #last({ operation_id, id }: StepRow): Sent | undefined {
    return this.#sent.get(operation_id)?.get(id)
  }

  #note({ operation_id, id }: StepRow, attempt: AttemptRow, again?: bigint): void {
    const sent = this.#sent.get(operation_id) ?? new Map<string, Sent>()
    const more = again === undefined ? {} : { again }
    this.#sent.set(operation_id, sent.set(id, { attempt: attempt.id, at: performance.now(), ...more }))
  }
}

/** What lets a private payment become public is not taken from one endpoint alone (T12): then it is one block less. */
async function believedHead(
  adapter: ChainAdapter,
  receipt: SimulationReceipt,
  head: bigint,
): Promise<bigint> {
  if (receipt.publicFrom === null || routeAt(receipt, head) === 'private') return head
  const publicFrom = BigInt(receipt.publicFrom)
  return (await adapter.hasReached(publicFrom, unattended())) ? head : publicFrom - 1n
}

const FALLEN_BACK =
  'no block took it privately in time, so it went to public endpoints as well, as PRIVATE_FALLBACK_BLOCKS allows'

function publicNote({ reason }: { readonly reason?: string }, isOperation: boolean): string {
  const said = reason === undefined ? '' : ` (${reason})`
  if (isOperation)
    return `it is not known whether a transaction brings the user operation to the chain${said}`
  return `the network did not confirm that it has the transaction; it is being resolved${said}`
}

/** The relay may have it from an earlier time, or from another process; so may everybody once the receipt allows it. */
function privateNote(
  { outcome, reason }: Extract<RelayResult, { readonly reason: string }>,
  { publicFrom }: SimulationReceipt,
): string {
  const what =
    outcome === 'withheld'
      ? 'it was not handed over this time'
      : 'the private relay did not confirm that it has it'
  const who =
    publicFrom === null
      ? 'nobody but the private relay can have it'
      : `public endpoints get it from block ${publicFrom} on`
  return `${what}: ${reason}; ${who}, and it is tried again with each block`
}

function recorded(attempt: AttemptRow): RecordedBytes {
  const { raw, hash, account } = attempt
  return { raw, hash, account, receipt: receiptOf(attempt) }
}

function receiptOf({ receipt }: AttemptRow): SimulationReceipt {
  return JSON.parse(receipt) as SimulationReceipt
}
