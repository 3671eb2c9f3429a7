import type { Asset, Earlier, FeeReading, FeeTerms, Rehearsal } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { feesFrom } from '../fees/feesFrom.ts'
import { readSurcharge, surchargeRequests } from '../fees/surcharge.ts'
import type { Witnesses } from '../reads/witnesses.ts'
import { deploymentObstacle } from '../userOperations/deployments.ts'
import type { Payer } from '../userOperations/reads.ts'
import { payloadsBefore, payloadsOf, unminedOf } from './earlier.ts'
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
   * `also` may be `GAS_PRICE`, where it is wanted what the node suggests to pay: each call counts.
   */
  async rehearse(
    payload: EvmPayload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    earlier: readonly Earlier[],
    signal: AbortSignal,
    also: readonly RpcRequest[] = [],
  ): Promise<Rehearsal> {
    const wanted = { payload, terms, tokens: distinctTokens(leaving), also }
    const rehearsal = await this.#rehearse({ ...wanted, earlier }, signal)
    const { outcome, minedCount } = rehearsal
    if (outcome.ok || payloadsOf(unminedOf(earlier, minedCount)).length === 0) return rehearsal
    const alone = await this.#rehearse({ ...wanted, earlier: [] }, signal)
    return { ...alone, outcome: { ...outcome, effects: alone.outcome.effects } }
  }

  /** By the first simulator that can tell. Throws `simulation_unavailable` when none can. */
  async #rehearse(wanted: Omit<Wanted, 'simulator'>, signal: AbortSignal): Promise<Rehearsal> {
    const { payload, terms, tokens, earlier } = wanted
    const before = payloadsBefore(earlier, payload)
    const judgement = this.#scrutiny.begin({ payload, terms, at: 'latest', before }, signal)
    const { found, skipped, quoted } = await this.#simulators.ask((simulator) =>
      this.#lookUntilStill({ ...wanted, simulator }, signal),
    )
    if (!found) {
      const { chain } = this.#client
      const extras = { chain, ...(quoted && { quoted }) }
      throw new BursarError('simulation_unavailable', { reason: skipped.join('; ') }, extras)
    }
    const tried = { ...found.value, simulator: { name: found.by.name, skipped } }
    // Some of what comes before was mined, which the journal did not know yet: it is not to happen twice.
    const isSame = tried.task.before.length === before.length
    const fitting = isSame ? judgement : this.#scrutiny.begin(tried.task, signal)
    return this.judged(tried, fitting, tokens, signal)
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
    { payload, terms, tokens, at, before, simulator, also }: Look,
    signal: AbortSignal,
  ): Promise<{ readonly head: string; readonly minedCount: bigint; readonly seen?: Tried }> {
    const task = { payload, terms, at, before: payloadsBefore(before, payload) }
    const reads = snapshotRequests(payload, tokens, at)
    const asked = simulator.requests(task)
    const surcharged = this.surchargeRequests(task)
    const together = [...reads, ...asked, ...surcharged]
    const outcomes = await this.#client.batch([...together, FEE_HISTORY, ...also], signal)
    if (at !== 'latest' && outcomes.slice(0, reads.length).some(({ ok }) => !ok)) {
      return { head: at.blockHash, minedCount: 0n }
    }
    const [history, price] = outcomes.slice(together.length)
    const snapshot = await this.snapshot(outcomes, history, tokens, signal, payload)
    requireRoom(BigInt(payload.gasLimit), snapshot.head, payload.chain)
    const { head, minedCount } = snapshot
    const fits = unminedOf(before, minedCount).length === before.length
    const answers = outcomes.slice(reads.length, reads.length + asked.length)
    const surcharges = outcomes.slice(reads.length + asked.length, together.length)
    const obstacle = deploymentObstacle(task, outcomes.slice(0, reads.length), this.#client)
    const run = async () => obstacle ?? (await simulator.read(task, head, answers, signal))
    const execution = fits ? await run() : undefined
    const seen = execution && { task, snapshot, execution, surcharges, ...suggestionIn(price) }
    return { head: head.ref.hash, minedCount, ...(seen && { seen }) }
  }

  /** What is asked along with a simulation of the payload; `judged` takes the answers. */
  surchargeRequests({ payload, terms, at }: Task): readonly RpcRequest[] {
    // Who brings a user operation pays it, and gets what the operation offers before it runs.
    if (payload.userOperation) return []
    return surchargeRequests(this.#chain, payload, terms, at)
  }

  /**
   * What was tried, with its effects and what looks dangerous in them. Adds the balances of tokens that leave without
   * having been expected to, and has other endpoints agree to all.
   */
  async judged(
    {
      task,
      snapshot,
      execution,
      surcharges,
      simulator,
      suggestedGasPrice,
    }: Tried & Pick<Rehearsal, 'simulator'>,
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
    const complete = {
      ...{ ...readings, tokenBalances, block: head.ref, simulator, outcome, surcharge },
      ...(suggestedGasPrice === undefined ? {} : { suggestedGasPrice }),
    }
    await this.#witnesses.agree(accountFacts(task.payload, tokens, complete), signal)
    return complete
  }

  /** What a decision needs besides a simulation. `outcomes` answer `snapshotRequests`. */
  async snapshot(
    outcomes: readonly RpcOutcome[],
    history: RpcOutcome | undefined,
    tokens: readonly Asset[],
    signal: AbortSignal,
    payer?: Payer,
  ): Promise<Snapshot> {
    const block = resultOf(outcomes[0], 'eth_getBlockByNumber', this.#client)
    const fees = await feesFrom(this.#chain, this.#client, block, history, signal)
    this.#lastFees = fees
    return readSnapshot(outcomes, fees, tokens, this.#client, payer)
  }
}

/** What is to be rehearsed, and with whom. */
interface Wanted {
  readonly payload: EvmPayload
  readonly terms: FeeTerms
  readonly tokens: readonly Asset[]
  readonly also: readonly RpcRequest[]
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
  readonly suggestedGasPrice?: bigint
}

/** What a program pays that leaves it to its node. It is compared with what was paid, and decides nothing. */
export const GAS_PRICE: RpcRequest = { method: 'eth_gasPrice', params: [] }

function suggestionIn(price: RpcOutcome | undefined): Pick<Tried, 'suggestedGasPrice'> {
  const told = price?.ok ? String(price.result) : ''
  return /^0x[0-9a-f]{1,32}$/i.test(told) ? { suggestedGasPrice: BigInt(told) } : {}
}
