import type { Asset, Earlier, FeeReading, FeeTerms, Rehearsal } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { feesFrom } from '../fees/feesFrom.ts'
import { readSurcharge, surchargeRequests } from '../fees/surcharge.ts'
import type { Witnesses } from '../witnesses.ts'
import { payloadsOf, unminedOf } from './earlier.ts'
import type { EvmSimulator, Execution, Task } from './execution.ts'
import { requireRoom } from './gasLimit.ts'
import type { Judgement, Scrutiny } from './scrutiny.ts'
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

  get lastFees(): FeeReading | undefined {
    return this.#lastFees
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
    return this.judged(tried, judgement, tokens, signal)
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
    const requests = [...reads, ...asked, ...this.surchargeRequests(task), FEE_HISTORY]
    const outcomes = await this.#client.batch(requests, signal)
    if (at !== 'latest' && outcomes.slice(0, reads.length).some(({ ok }) => !ok)) {
      return { head: at.blockHash, minedCount: 0n }
    }
    const snapshot = await this.snapshot(outcomes, outcomes.at(-1), tokens, signal)
    requireRoom(BigInt(payload.gasLimit), snapshot.head, payload.chain)
    const { head, minedCount } = snapshot
    const fits = unminedOf(before, minedCount).length === before.length
    const answers = outcomes.slice(reads.length, reads.length + asked.length)
    const surcharges = outcomes.slice(reads.length + asked.length, -1)
    const execution = fits ? await simulator.read(task, head, answers, signal) : undefined
    const seen = execution && { task, snapshot, execution, surcharges }
    return { head: head.ref.hash, minedCount, ...(seen && { seen }) }
  }

  /** What is asked along with a simulation of the payload; `judged` takes the answers. */
  surchargeRequests({ payload, terms, at }: Task): readonly RpcRequest[] {
    return surchargeRequests(this.#chain, payload, terms, at)
  }

  /**
   * What was tried, with its effects and what looks dangerous in them. Adds the balances of tokens that leave without
   * having been expected to, and has other endpoints agree to all.
   */
  async judged(
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

  /** What a decision needs besides a simulation. `outcomes` answer `snapshotRequests`. */
  async snapshot(
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
export interface Tried {
  readonly task: Task
  readonly snapshot: Snapshot
  readonly execution: Execution
  /** What the chain takes besides gas, as it answered. */
  readonly surcharges: readonly RpcOutcome[]
}
