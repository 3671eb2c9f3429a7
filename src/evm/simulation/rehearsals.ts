import type { Hex } from 'viem'
import {
  type Asset,
  type Earlier,
  type FeeReading,
  type FeeTerms,
  NO_SURCHARGE,
  type Planned,
  type PriceLimit,
  type Rehearsal,
} from '../../chains/adapter.ts'
import { withinLimit } from '../../chains/feeTerms.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import type { EvmHead } from '../blocks.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { feesFrom } from '../fees/feesFrom.ts'
import { readSurcharge, surchargeRequests } from '../fees/surcharge.ts'
import { fromQuantity } from '../quantity.ts'
import { decodeRevert, isVerdict, type Revert } from '../reverts.ts'
import type { Witnesses } from '../witnesses.ts'
import { payloadsOf, unminedOf } from './earlier.ts'
import { type EvmSimulator, type Execution, SimulatorAway, type Task } from './execution.ts'
import {
  draftPayload,
  estimateRequest,
  gasLimitFor,
  mostOf,
  PLAIN_TRANSFER_GAS,
  requireRoom,
} from './gasLimit.ts'
import type { Judgement, Scrutiny } from './scrutiny.ts'
import { parseSimulation, simulationRequest } from './simulateV1.ts'
import type { Simulators } from './simulators.ts'
import {
  accountFacts,
  type BlockTag,
  distinctTokens,
  readSnapshot,
  readTokenBalances,
  type Snapshot,
  snapshotRequests,
} from './snapshot.ts'
import { fitsUsual, UsualGas } from './usualGas.ts'

/** A head may move between the entries of a batch; the next try is a block time away from that. */
const MAX_TRIES = 4

export interface RehearsalParts {
  readonly chain: Chain
  readonly client: ChainClient
  readonly witnesses: Witnesses
  readonly simulators: Simulators
  readonly scrutiny: Scrutiny
}

/** Simulates payloads and reads what a decision about them needs, in one round trip each. */
export class EvmRehearsals {
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #witnesses: Witnesses
  readonly #simulators: Simulators
  readonly #scrutiny: Scrutiny
  /** Fees of the last reading: they let a first simulation ride along with the reads it would wait for. */
  #lastFees: FeeReading | undefined
  readonly #usualGas = new UsualGas()

  constructor({ chain, client, witnesses, simulators, scrutiny }: RehearsalParts) {
    this.#chain = chain
    this.#client = client
    this.#witnesses = witnesses
    this.#simulators = simulators
    this.#scrutiny = scrutiny
  }

  noteFees(fees: FeeReading): void {
    this.#lastFees = fees
  }

  /**
   * Simulates exactly this payload with these terms, after those of `earlier` that are not mined. Where only they make
   * it fail, its outcome has the effects that it has without them: what is short then can be told exactly (C6).
   */
  async rehearse(
    payload: EvmPayload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const rehearsal = await this.#rehearse(payload, terms, leaving, earlier, signal)
    const { outcome, minedCount } = rehearsal
    if (outcome.ok || payloadsOf(unminedOf(earlier, minedCount)).length === 0) return rehearsal
    const alone = await this.#rehearse(payload, terms, leaving, [], signal)
    return { ...alone, outcome: { ...outcome, effects: alone.outcome.effects } }
  }

  /** By the first simulator that can tell. Throws `simulation_unavailable` when none can. */
  async #rehearse(
    payload: EvmPayload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const tokens = distinctTokens(leaving)
    const judgement = this.#scrutiny.begin(
      { payload, terms, at: 'latest', before: payloadsOf(earlier) },
      signal,
    )
    const { found, skipped } = await this.#simulators.ask((simulator) =>
      this.#lookUntilStill({ payload, terms, tokens, earlier, simulator }, signal),
    )
    if (!found) {
      const { chain } = this.#client
      throw new BursarError('simulation_unavailable', { reason: skipped.join('; ') }, { chain })
    }
    const tried = { ...found.value, simulator: { name: found.by.name, skipped } }
    return this.#judged(tried, judgement, tokens, signal)
  }

  async #lookUntilStill({ earlier, ...look }: Wanted, signal: AbortSignal): Promise<Tried> {
    let at: BlockTag = 'latest'
    let before = earlier
    for (let tries = 1; ; tries++) {
      const { head, minedCount, seen } = await this.#look({ ...look, at, before }, signal)
      if (seen) return seen
      if (tries === MAX_TRIES) {
        const reason = `the head of ${this.#client.host} moved during each of ${MAX_TRIES} simulations`
        throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
      }
      // A slow endpoint is outrun by its chain: then everything is asked of the head that it had, and by turns again
      // of the newest, because not every node knows how.
      at = at === 'latest' ? { blockHash: head } : 'latest'
      before = unminedOf(before, minedCount)
    }
  }

  /** One round trip; `seen` is absent when its answers are not of one block, or count what is mined in it twice. */
  async #look(
    { payload, terms, tokens, at, before, simulator }: Look,
    signal: AbortSignal,
  ): Promise<{ readonly head: string; readonly minedCount: bigint; readonly seen?: Tried }> {
    const task = { payload, terms, at, before: payloadsOf(before) }
    const reads = snapshotRequests(payload.from, tokens, at)
    const asked = simulator.requests(task)
    const requests = [...reads, ...asked, ...this.#surchargeRequests(task), FEE_HISTORY]
    const outcomes = await this.#client.batch(requests, signal)
    if (at !== 'latest' && outcomes.slice(0, reads.length).some(({ ok }) => !ok)) {
      return { head: at.blockHash, minedCount: 0n }
    }
    const snapshot = await this.#snapshot(outcomes, outcomes.at(-1), tokens, signal)
    requireRoom(BigInt(payload.gasLimit), snapshot.head, payload.chain)
    const { head, minedCount } = snapshot
    const fits = unminedOf(before, minedCount).length === before.length
    const answers = outcomes.slice(reads.length, reads.length + asked.length)
    const surcharges = outcomes.slice(reads.length + asked.length, -1)
    const execution = fits ? await simulator.read(task, head, answers, signal) : undefined
    const seen = execution && { task, snapshot, execution, surcharges }
    return { head: head.ref.hash, minedCount, ...(seen && { seen }) }
  }

  /**
   * Finds the gas limit of a draft and rehearses the finished payload: in one round trip for plain transfers and for
   * calls of a kind that was planned before, else in two.
   */
  async plan(
    draft: EvmDraft,
    limit: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Planned> {
    const tokens = distinctTokens([draft.outflow.asset])
    const reads = snapshotRequests(draft.from, tokens)
    const bet = this.#bet(draft, limit, earlier, signal)
    const code = draft.isCall ? [{ method: 'eth_getCode', params: [draft.callTo, 'latest'] }] : []
    const asked = bet?.simulator.requests(bet.task) ?? []
    const together = [...reads, ...asked, ...(bet ? this.#surchargeRequests(bet.task) : [])]
    const requests = [...together, FEE_HISTORY, estimateRequest(draft), ...code]
    const outcomes = await this.#client.batch(requests, signal)
    const [fees, estimate] = outcomes.slice(together.length)
    if (code.length > 0) requireContract(draft, resultOf(outcomes.at(-1), 'eth_getCode', this.#client))
    const snapshot = await this.#snapshot(outcomes, fees, tokens, signal)
    const terms = withinLimit(snapshot.fees, limit)
    const estimated = estimate?.ok
      ? fromQuantity(estimate.result, 'gas estimate', this.#client.host)
      : undefined
    if (bet && isEnough(bet.task.payload, estimated, snapshot.head)) {
      const answers = outcomes.slice(reads.length, reads.length + asked.length)
      const execution = await won(bet, snapshot.head, answers, signal)
      if (execution) {
        const tried = {
          task: bet.task,
          snapshot,
          execution,
          surcharges: outcomes.slice(reads.length + asked.length, together.length),
          simulator: { name: bet.simulator.name, skipped: bet.skipped },
        }
        const rehearsal = await this.#judged(tried, bet.judgement, tokens, signal)
        return { payload: bet.task.payload, terms, rehearsal }
      }
    }
    const gas = estimated ?? (await this.#gasAfter(earlier, draft, terms, snapshot, signal))
    if (gas === undefined) return this.#refused(draft, terms, snapshot, estimate)
    requireRoom(gas, snapshot.head, draft.chain)
    const payload = draftPayload(draft, gasLimitFor(gas, snapshot.head))
    this.#usualGas.note(draft, BigInt(payload.gasLimit))
    const rehearsal = await this.rehearse(payload, terms, tokens, earlier, signal)
    return { payload, terms, rehearsal }
  }

  /**
   * The payload that a draft will probably become, to be simulated along with the reads that would tell; undefined when
   * there is nothing to go by, or when calls wait that it may depend on.
   */
  #bet(
    draft: EvmDraft,
    { urgency }: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Bet | undefined {
    const terms = this.#lastFees?.tiers[urgency]
    const { simulator, skipped } = this.#simulators.first
    const payload = this.#likely(draft, earlier)
    if (!terms || !simulator?.ridesAlong || !payload) return undefined
    const task: Task = { payload, terms, at: 'latest', before: [] }
    return { task, simulator, skipped, judgement: this.#scrutiny.begin(task, signal) }
  }

  #likely(draft: EvmDraft, earlier: readonly Earlier[]): EvmPayload | undefined {
    // On Arbitrum the gas of a transfer pays for its data as well.
    const isKnown = draft.data === '0x' && this.#chain.feeModel !== 'arbitrum'
    if (isKnown) return draftPayload(draft, PLAIN_TRANSFER_GAS)
    const usual = this.#usualGas.of(draft)
    return usual === undefined || payloadsOf(earlier).length > 0 ? undefined : draftPayload(draft, usual)
  }

  /**
   * How much gas a call takes that only works after what waits, such as a swap after its approval: a node estimates
   * on mined state alone. Undefined when it does not work then either.
   */
  async #gasAfter(
    earlier: readonly Earlier[],
    draft: EvmDraft,
    terms: FeeTerms,
    { head, minedCount }: Snapshot,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const before = payloadsOf(unminedOf(earlier, minedCount))
    if (before.length === 0) return undefined
    const payload = draftPayload(draft, mostOf(head))
    const request = simulationRequest({ payload, terms, at: 'latest', before })
    const [outcome] = await this.#client.batch([request], signal)
    if (!outcome?.ok) return undefined
    const { ok, gasUsed } = parseSimulation(outcome, this.#client.host).execution
    // A sixty-fourth stays behind at each call deep; what is refunded at the end is needed before it (EIP-150, EIP-3529).
    return ok ? (gasUsed * 5n) / 4n : undefined
  }

  #refused(draft: EvmDraft, terms: FeeTerms, snapshot: Snapshot, estimate: RpcOutcome | undefined): Planned {
    const error = estimate?.ok === false ? estimate.error : { code: 0, message: 'no answer' }
    if (!isVerdict(error)) {
      const reason = `${this.#client.host} could not estimate gas (code ${error.code}: ${untrusted(error.message).untrusted})`
      throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
    }
    const outcome = { ok: false, gasUsed: 0n, effects: [], findings: [], revert: revertOf(error) }
    const { head, ...readings } = snapshot
    const simulator = { name: 'local:eth_estimateGas', skipped: [] }
    const rehearsal = { ...readings, block: head.ref, simulator, outcome, surcharge: NO_SURCHARGE }
    return { payload: draftPayload(draft, PLAIN_TRANSFER_GAS), terms, rehearsal }
  }

  #surchargeRequests({ payload, terms, at }: Task): readonly RpcRequest[] {
    return surchargeRequests(this.#chain, payload, terms, at)
  }

  /**
   * What was tried, with its effects and what looks dangerous in them. Adds the balances of tokens that leave without
   * having been expected to, and has other endpoints agree to all.
   */
  async #judged(
    { task, snapshot, execution, surcharges, simulator }: Tried & Pick<Rehearsal, 'simulator'>,
    judgement: Judgement,
    expected: readonly Asset[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const { head, ...readings } = snapshot
    const { from: account, gasLimit } = task.payload
    const surcharge = readSurcharge(surcharges, execution.gasUsed, BigInt(gasLimit), this.#client)
    const outcome = await judgement.of(execution, head, signal)
    const moved = outcome.effects.filter(({ from }) => from === account).map(({ asset }) => asset)
    const tokens = distinctTokens([...expected, ...moved])
    const unread = tokens.filter(
      ({ id }) => !readings.tokenBalances.has(id) && !expected.some((each) => each.id === id),
    )
    const more =
      unread.length === 0
        ? new Map<string, bigint>()
        : await readTokenBalances(account, unread, head.ref.hash, this.#client, signal)
    const tokenBalances = new Map([...readings.tokenBalances, ...more])
    const complete = { ...readings, tokenBalances, block: head.ref, simulator, outcome, surcharge }
    await this.#witnesses.agree(accountFacts(account, tokens, complete), signal)
    return complete
  }

  async #snapshot(
    outcomes: readonly RpcOutcome[],
    history: RpcOutcome | undefined,
    tokens: readonly Asset[],
    signal: AbortSignal,
  ): Promise<Snapshot> {
    const block = resultOf(outcomes[0], 'eth_getBlockByNumber', this.#client)
    const fees = await feesFrom(this.#chain, this.#client, block, history, signal)
    this.#lastFees = fees
    return readSnapshot(outcomes, fees, tokens, this.#client)
  }
}

/** What is to be rehearsed, and with whom. */
interface Wanted {
  readonly payload: EvmPayload
  readonly terms: FeeTerms
  readonly tokens: readonly Asset[]
  /** What is simulated first. */
  readonly earlier: readonly Earlier[]
  readonly simulator: EvmSimulator
}

/** What one round trip asks. */
interface Look extends Omit<Wanted, 'earlier'> {
  readonly at: BlockTag
  readonly before: readonly Earlier[]
}

/** What came of it, at one block. */
interface Tried {
  readonly task: Task
  readonly snapshot: Snapshot
  readonly execution: Execution
  /** What the chain takes besides gas, as it answered. */
  readonly surcharges: readonly RpcOutcome[]
}

/** A payload that is simulated before it is known whether it will be that one. */
interface Bet {
  readonly task: Task
  readonly simulator: EvmSimulator
  readonly skipped: readonly string[]
  readonly judgement: Judgement
}

/** What a bet found if it passed; undefined when it has to be done properly. */
async function won(
  { task, simulator }: Bet,
  head: EvmHead,
  answers: readonly RpcOutcome[],
  signal: AbortSignal,
): Promise<Execution | undefined> {
  try {
    const execution = await simulator.read(task, head, answers, signal)
    return execution?.ok ? execution : undefined
  } catch (error) {
    if (error instanceof SimulatorAway) return undefined
    throw error
  }
}

/** A plain transfer that passes with the least gas that there is needs no estimate. */
function isEnough({ gasLimit }: EvmPayload, estimated: bigint | undefined, head: EvmHead): boolean {
  if (BigInt(gasLimit) === PLAIN_TRANSFER_GAS) return true
  return estimated !== undefined && fitsUsual(BigInt(gasLimit), gasLimitFor(estimated, head))
}

/** What the chain said when it was asked how much gas a draft takes. */
function revertOf({ code, message, data }: RpcErrorBody): Revert {
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return decodeRevert(data as Hex)
  if (code === 3) return decodeRevert('0x')
  return { reason: `the node refused the transaction (code ${code})`, quoted: untrusted(message) }
}

/** Below this, chains have contracts without code: the precompiles. */
const FIRST_ORDINARY_ADDRESS = 0x10000n

/** Throws `call_invalid` for a call to an account without code, which would succeed and do nothing. */
function requireContract(draft: EvmDraft, code: unknown): void {
  if (code !== '0x' || BigInt(draft.callTo) < FIRST_ORDINARY_ADDRESS) return
  const reason = `there is no contract at ${draft.callTo} on this chain`
  throw new BursarError('call_invalid', { reason }, { chain: draft.chain })
}
