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
} from '../chains/adapter.ts'
import { withinLimit } from '../chains/feeTerms.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { untrusted } from '../primitives/untrusted.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest } from '../rpc/transport.ts'
import type { EvmAssets } from './assets.ts'
import type { EvmHead } from './blocks.ts'
import type { EvmDraft } from './draft.ts'
import { asEvmPayload, type EvmPayload } from './evmPayload.ts'
import { FEE_HISTORY } from './fees/feeHistory.ts'
import { feesFrom } from './fees/feesFrom.ts'
import { readSurcharge, surchargeRequests } from './fees/surcharge.ts'
import { fromQuantity, toQuantity } from './quantity.ts'
import { decodeRevert, isVerdict, type Revert } from './reverts.ts'
import { outcomeOf, parseSimulation, ranOn, simulationRequest } from './simulate.ts'
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
import type { Witnesses } from './witnesses.ts'

/** What a plain transfer to an account without code costs on chains that charge execution only. */
const PLAIN_TRANSFER_GAS = 21_000n
/** A head may move between the entries of a batch; the next try is a block time away from that. */
const MAX_TRIES = 4

/** Simulates payloads and reads what a decision about them needs, in one round trip each. */
export class EvmRehearsals {
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #assets: EvmAssets
  readonly #witnesses: Witnesses
  /** Fees of the last reading: they let a first simulation ride along with the reads it would wait for. */
  #lastFees: FeeReading | undefined
  readonly #usualGas = new UsualGas()

  constructor(chain: Chain, client: ChainClient, assets: EvmAssets, witnesses: Witnesses) {
    this.#chain = chain
    this.#client = client
    this.#assets = assets
    this.#witnesses = witnesses
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

  async #rehearse(
    payload: EvmPayload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const tokens = distinctTokens(leaving)
    let at: BlockTag = 'latest'
    let before = earlier
    for (let tries = 1; ; tries++) {
      const look = await this.#look({ payload, terms, tokens, at, before }, signal)
      if (look.seen) return this.#attested(look.seen, payload.from, tokens, signal)
      if (tries === MAX_TRIES) {
        const reason = `the head of ${this.#client.host} moved during each of ${MAX_TRIES} simulations`
        throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
      }
      // A slow endpoint is outrun by its chain: then everything is asked of the head that it had, and by turns again
      // of the newest, because not every node knows how.
      at = at === 'latest' ? { blockHash: look.head } : 'latest'
      before = unminedOf(before, look.minedCount)
    }
  }

  /** One round trip; `seen` is absent when its answers are not of one block, or count what is mined in it twice. */
  async #look(
    { payload, terms, tokens, at, before }: Look,
    signal: AbortSignal,
  ): Promise<{ readonly head: string; readonly minedCount: bigint; readonly seen?: Rehearsal }> {
    const reads = snapshotRequests(payload.from, tokens, at)
    const simulating = this.#simulating(payload, terms, at, payloadsOf(before))
    const requests = [...reads, ...simulating, FEE_HISTORY]
    const outcomes = await this.#client.batch(requests, signal)
    if (at !== 'latest' && outcomes.slice(0, -1).some(({ ok }) => !ok)) {
      return { head: at.blockHash, minedCount: 0n }
    }
    const snapshot = await this.#snapshot(outcomes, outcomes.at(-1), tokens, signal)
    requireRoom(BigInt(payload.gasLimit), snapshot.head, payload.chain)
    const { head, minedCount } = snapshot
    const fits = unminedOf(before, minedCount).length === before.length
    const answers = outcomes.slice(reads.length, -1)
    const seen = fits ? await this.#rehearsal(snapshot, payload, answers, signal) : undefined
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
    const likely = this.#likely(draft, earlier)
    const guess = this.#lastFees?.tiers[limit.urgency]
    const tokens = distinctTokens([draft.outflow.asset])
    const reads = snapshotRequests(draft.from, tokens)
    const speculative = likely && guess ? this.#simulating(likely, guess) : []
    const code = draft.isCall ? [{ method: 'eth_getCode', params: [draft.callTo, 'latest'] }] : []
    const together = [...reads, ...speculative]
    const requests = [...together, FEE_HISTORY, estimateRequest(draft), ...code]
    const outcomes = await this.#client.batch(requests, signal)
    const [fees, estimate] = outcomes.slice(together.length)
    if (code.length > 0) requireContract(draft, resultOf(outcomes.at(-1), 'eth_getCode', this.#client))
    const snapshot = await this.#snapshot(outcomes, fees, tokens, signal)
    const terms = withinLimit(snapshot.fees, limit)
    const estimated = estimate?.ok
      ? fromQuantity(estimate.result, 'gas estimate', this.#client.host)
      : undefined
    if (likely && speculative.length > 0 && isEnough(likely, estimated, snapshot.head)) {
      const answers = outcomes.slice(reads.length, together.length)
      const rehearsal = await this.#rehearsal(snapshot, likely, answers, signal)
      if (rehearsal?.outcome.ok) {
        return {
          payload: likely,
          terms,
          rehearsal: await this.#attested(rehearsal, draft.from, tokens, signal),
        }
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
   * The payload that a draft will probably become; undefined when there is nothing to go by, or when calls wait that
   * it may depend on.
   */
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
    const most = head.gasLimit < TRANSACTION_GAS_CAP ? head.gasLimit : TRANSACTION_GAS_CAP
    const request = simulationRequest(draftPayload(draft, most), terms, 'latest', before)
    const [outcome] = await this.#client.batch([request], signal)
    if (!outcome?.ok) return undefined
    const { ok, gasUsed } = parseSimulation(outcome, this.#client.host)
    // A sixty-fourth stays behind at each call deep; what is refunded at the end is needed before it (EIP-150, EIP-3529).
    return ok ? (gasUsed * 5n) / 4n : undefined
  }

  #refused(draft: EvmDraft, terms: FeeTerms, snapshot: Snapshot, estimate: RpcOutcome | undefined): Planned {
    const error = estimate?.ok === false ? estimate.error : { code: 0, message: 'no answer' }
    if (!isVerdict(error)) {
      const reason = `${this.#client.host} could not estimate gas (code ${error.code}: ${untrusted(error.message).untrusted})`
      throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
    }
    const outcome = { ok: false, gasUsed: 0n, effects: [], revert: revertOf(error) }
    const rehearsal = { ...snapshot, block: snapshot.head.ref, outcome, surcharge: NO_SURCHARGE }
    return { payload: draftPayload(draft, PLAIN_TRANSFER_GAS), terms, rehearsal }
  }

  /** Asks for everything that only this payload makes happen; `#rehearsal` takes the answers. */
  #simulating(
    payload: EvmPayload,
    terms: FeeTerms,
    at?: BlockTag,
    before?: readonly EvmPayload[],
  ): readonly RpcRequest[] {
    return [
      simulationRequest(payload, terms, at, before),
      ...surchargeRequests(this.#chain, payload, terms, at),
    ]
  }

  async #rehearsal(
    snapshot: Snapshot,
    { gasLimit }: EvmPayload,
    [outcome, ...surcharges]: readonly RpcOutcome[],
    signal: AbortSignal,
  ): Promise<Rehearsal | undefined> {
    const { head, ...readings } = snapshot
    const simulation = parseSimulation(outcome, this.#client.host)
    const surcharge = readSurcharge(surcharges, simulation.gasUsed, BigInt(gasLimit), this.#client)
    const known = { ...readings, block: head.ref, surcharge }
    if (!('logs' in simulation)) return { ...known, outcome: simulation }
    if (!ranOn(head, simulation)) return undefined
    return { ...known, outcome: await outcomeOf(simulation, this.#assets, signal) }
  }

  /** Adds the balances of tokens that leave without having been expected to, and has other endpoints agree to all. */
  async #attested(
    rehearsal: Rehearsal,
    account: Hex,
    expected: readonly Asset[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const { block, outcome, tokenBalances } = rehearsal
    const moved = outcome.effects.filter(({ from }) => from === account).map(({ asset }) => asset)
    const tokens = distinctTokens([...expected, ...moved])
    const unread = tokens.filter(
      ({ id }) => !tokenBalances.has(id) && !expected.some((each) => each.id === id),
    )
    const more =
      unread.length === 0
        ? new Map<string, bigint>()
        : await readTokenBalances(account, unread, block.hash, this.#client, signal)
    const complete = { ...rehearsal, tokenBalances: new Map([...tokenBalances, ...more]) }
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

/** What one round trip asks. */
interface Look {
  readonly payload: EvmPayload
  readonly terms: FeeTerms
  readonly tokens: readonly Asset[]
  readonly at: BlockTag
  /** What is simulated first. */
  readonly before: readonly Earlier[]
}

/** A plain transfer that passes with the least gas that there is needs no estimate. */
function isEnough({ gasLimit }: EvmPayload, estimated: bigint | undefined, head: EvmHead): boolean {
  if (BigInt(gasLimit) === PLAIN_TRANSFER_GAS) return true
  return estimated !== undefined && fitsUsual(BigInt(gasLimit), gasLimitFor(estimated, head))
}

/** What is in the state already must not happen again in a simulation on it. */
function unminedOf(earlier: readonly Earlier[], minedCount: bigint): readonly Earlier[] {
  return earlier.filter(({ nonce }) => nonce >= minedCount)
}

/** A simulated block holds so much gas on every node; what waits and is older is left out. */
const EARLIER_GAS = 15_000_000n

/** Plain transfers are left out: the funds that they take are held for them, and they change nothing else. */
function payloadsOf(earlier: readonly Earlier[]): readonly EvmPayload[] {
  const calls = earlier.map(({ payload }) => asEvmPayload(payload)).filter(({ data }) => data !== '0x')
  let gas = 0n
  const newest = calls.reverse().filter(({ gasLimit }) => {
    gas += BigInt(gasLimit)
    return gas <= EARLIER_GAS
  })
  return newest.reverse()
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

function estimateRequest(draft: EvmDraft): RpcRequest {
  const call = { from: draft.from, to: draft.callTo, value: toQuantity(draft.value), input: draft.data }
  return { method: 'eth_estimateGas', params: [call, 'latest'] }
}

function draftPayload(draft: EvmDraft, gasLimit: bigint): EvmPayload {
  return {
    family: 'evm',
    chain: draft.chain,
    from: draft.from,
    to: draft.callTo,
    value: draft.value.toString(),
    data: draft.data,
    accessList: [],
    gasLimit: gasLimit.toString(),
  }
}

/** Throws `gas_above_block`: no block could include it, and it would hold up every later payment of the account. */
function requireRoom(gas: bigint, head: EvmHead, chain: string): void {
  if (gas <= head.gasLimit) return
  throw new BursarError(
    'gas_above_block',
    { gas: gas.toString(), limit: head.gasLimit.toString() },
    { chain },
  )
}

/** The most that a transaction may ask for where EIP-7825 holds. */
const TRANSACTION_GAS_CAP = 1n << 24n

/**
 * A fifth on top, rounded up: state may move between now and inclusion. Not above what a block holds, nor above
 * EIP-7825's cap for what fits below it: the margin must not be what makes a transaction unacceptable.
 */
function gasLimitFor(gas: bigint, head: EvmHead): bigint {
  if (gas === PLAIN_TRANSFER_GAS) return gas
  const buffered = (gas * 12n + 9n) / 10n
  const cap = gas <= TRANSACTION_GAS_CAP ? TRANSACTION_GAS_CAP : head.gasLimit
  const most = cap < head.gasLimit ? cap : head.gasLimit
  return buffered < most ? buffered : most
}
