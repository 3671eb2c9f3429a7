import { encodeFunctionData, type Hex } from 'viem'
import type { Asset, FeeReading, FeeTerms, Planned, Rehearsal, Urgency } from '../chains/adapter.ts'
import { BursarError } from '../errors/bursarError.ts'
import { untrusted } from '../primitives/untrusted.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../rpc/transport.ts'
import { erc20Abi } from './abi.ts'
import type { EvmAssets } from './assets.ts'
import { type EvmHead, LATEST_BLOCK, parseHead } from './blocks.ts'
import type { EvmDraft } from './draft.ts'
import type { EvmPayload } from './evmPayload.ts'
import { FEE_HISTORY, readFees } from './fees.ts'
import { asHex, fromQuantity, toQuantity } from './quantity.ts'
import { decodeRevert, isVerdict } from './reverts.ts'
import { outcomeOf, parseSimulation, ranOn, simulationRequest } from './simulate.ts'
import type { Question, Witnesses } from './witnesses.ts'

/** What a plain transfer to an account without code costs on chains that charge execution only. */
const PLAIN_TRANSFER_GAS = 21_000n
/** A head may move between the entries of a batch; the next try is a block time away from that. */
const MAX_TRIES = 3

interface Snapshot {
  readonly head: EvmHead
  readonly fees: FeeReading
  readonly nativeBalance: bigint
  readonly tokenBalances: ReadonlyMap<string, bigint>
  readonly minedCount: bigint
}

/** Simulates payloads and reads what a decision about them needs, in one round trip each. */
export class EvmRehearsals {
  readonly #client: ChainClient
  readonly #assets: EvmAssets
  readonly #witnesses: Witnesses
  /** Fees of the last reading: they let a first simulation ride along with the reads it would wait for. */
  #lastFees: FeeReading | undefined

  constructor(client: ChainClient, assets: EvmAssets, witnesses: Witnesses) {
    this.#client = client
    this.#assets = assets
    this.#witnesses = witnesses
  }

  noteFees(fees: FeeReading): void {
    this.#lastFees = fees
  }

  /** Simulates exactly this payload with these terms. */
  async rehearse(
    payload: EvmPayload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const tokens = distinctTokens(leaving)
    for (let tries = 1; ; tries++) {
      const reads = snapshotRequests(payload.from, tokens)
      const outcomes = await this.#client.batch([...reads, simulationRequest(payload, terms)], signal)
      const snapshot = this.#snapshot(outcomes, tokens)
      const seen = await this.#rehearsal(snapshot, outcomes[reads.length], signal)
      if (seen) {
        const moved = seen.outcome.effects.filter(({ from }) => from === payload.from)
        const needed = distinctTokens([...tokens, ...moved.map(({ asset }) => asset)])
        const rehearsal = await this.#withBalances(seen, payload.from, needed, signal)
        await this.#witnesses.agree(accountFacts(payload.from, needed, rehearsal.block.hash), signal)
        return rehearsal
      }
      if (tries === MAX_TRIES) {
        const reason = `the head of ${this.#client.host} moved during each of ${MAX_TRIES} simulations`
        throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
      }
    }
  }

  /** Finds the gas limit of a draft and rehearses the finished payload: one round trip for plain transfers, else two. */
  async plan(draft: EvmDraft, urgency: Urgency, signal: AbortSignal): Promise<Planned> {
    const plain = draft.data === '0x' && this.#lastFees ? draftPayload(draft, PLAIN_TRANSFER_GAS) : undefined
    const guess = this.#lastFees?.tiers[urgency]
    const tokens = distinctTokens([draft.outflow.asset])
    const reads = [...snapshotRequests(draft.from, tokens), estimateRequest(draft)]
    const speculative = plain && guess ? [simulationRequest(plain, guess)] : []
    const code =
      draft.signature === undefined ? [] : [{ method: 'eth_getCode', params: [draft.callTo, 'latest'] }]
    const outcomes = await this.#client.batch([...reads, ...speculative, ...code], signal)
    if (code.length > 0) requireContract(draft, resultOf(outcomes.at(-1), 'eth_getCode', this.#client))
    const snapshot = this.#snapshot(outcomes, tokens)
    const terms = snapshot.fees.tiers[urgency]
    if (plain && speculative.length > 0) {
      const rehearsal = await this.#rehearsal(snapshot, outcomes[reads.length], signal)
      if (rehearsal?.outcome.ok) return { payload: plain, terms, rehearsal }
    }
    const estimate = outcomes[reads.length - 1]
    if (!estimate?.ok) return this.#refused(draft, terms, snapshot, estimate)
    const gas = fromQuantity(estimate.result, 'gas estimate', this.#client.host)
    const payload = draftPayload(draft, gas === PLAIN_TRANSFER_GAS ? gas : withBuffer(gas))
    const rehearsal = await this.rehearse(payload, terms, tokens, signal)
    return { payload, terms, rehearsal }
  }

  #refused(draft: EvmDraft, terms: FeeTerms, snapshot: Snapshot, estimate: RpcOutcome | undefined): Planned {
    const error = estimate?.ok === false ? estimate.error : { code: 0, message: 'no answer' }
    if (!isVerdict(error)) {
      const reason = `${this.#client.host} could not estimate gas (code ${error.code}: ${untrusted(error.message).untrusted})`
      throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
    }
    const data =
      typeof error.data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(error.data) ? (error.data as Hex) : '0x'
    const revert = decodeRevert(data)
    const outcome = { ok: false, gasUsed: 0n, effects: [], revert }
    const rehearsal = { ...snapshot, block: snapshot.head.ref, outcome }
    return { payload: draftPayload(draft, PLAIN_TRANSFER_GAS), terms, rehearsal }
  }

  async #rehearsal(
    snapshot: Snapshot,
    outcome: RpcOutcome | undefined,
    signal: AbortSignal,
  ): Promise<Rehearsal | undefined> {
    const { head, ...readings } = snapshot
    const simulation = parseSimulation(outcome, this.#client.host)
    if (!('logs' in simulation)) return { ...readings, block: head.ref, outcome: simulation }
    if (!ranOn(head, simulation)) return undefined
    return { ...readings, block: head.ref, outcome: await outcomeOf(simulation, this.#assets, signal) }
  }

  /** Adds the balances of tokens that leave without having been expected to, at the block of the simulation. */
  async #withBalances(
    rehearsal: Rehearsal,
    account: Hex,
    needed: readonly Asset[],
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const { block, tokenBalances } = rehearsal
    const tokens = needed.filter(({ id }) => !tokenBalances.has(id))
    if (tokens.length === 0) return rehearsal
    const requests = tokens.map((token) => balanceRequest(account, token, { blockHash: block.hash }))
    const outcomes = await this.#client.batch(requests, signal)
    const balances = this.#tokenBalances(tokens, outcomes)
    return { ...rehearsal, tokenBalances: new Map([...tokenBalances, ...balances]) }
  }

  #tokenBalances(tokens: readonly Asset[], outcomes: readonly RpcOutcome[]): ReadonlyMap<string, bigint> {
    const { host } = this.#client
    return new Map(
      tokens.flatMap(({ id }, index) => {
        const outcome = outcomes[index]
        // Only the contract can say that it has no balances; an endpoint that failed to ask is not its word.
        if (outcome?.ok === false && isVerdict(outcome.error)) return []
        const word = asHex(resultOf(outcome, 'eth_call', this.#client), 'token balance', host)
        return word.length === 66 ? [[id, BigInt(word)]] : []
      }),
    )
  }

  #snapshot(outcomes: readonly RpcOutcome[], tokens: readonly Asset[]): Snapshot {
    const { host } = this.#client
    const result = (index: number, method: string) => resultOf(outcomes[index], method, this.#client)
    const head = parseHead(result(0, 'eth_getBlockByNumber'), host)
    const fees = readFees(result(1, 'eth_feeHistory'), head.ref, host)
    this.#lastFees = fees
    return {
      head,
      fees,
      nativeBalance: fromQuantity(result(2, 'eth_getBalance'), 'balance', host),
      minedCount: fromQuantity(result(3, 'eth_getTransactionCount'), 'nonce', host),
      tokenBalances: this.#tokenBalances(tokens, outcomes.slice(4)),
    }
  }
}

/** What pre-flight and the nonce stand on, at a block that honest endpoints agree about. */
function accountFacts(account: Hex, tokens: readonly Asset[], blockHash: string): readonly Question[] {
  const at = { blockHash }
  const fact = (request: RpcRequest, what: string): Question => {
    return { request, what: `${what} of ${account}`, essence: (result) => String(result).toLowerCase() }
  }
  return [
    fact({ method: 'eth_getBalance', params: [account, at] }, 'the balance'),
    fact({ method: 'eth_getTransactionCount', params: [account, at] }, 'the nonce'),
    ...tokens.map((token) => fact(balanceRequest(account, token, at), `the balance in ${token.id}`)),
  ]
}

/** In the order that `#snapshot` reads. */
function snapshotRequests(from: Hex, tokens: readonly Asset[]): readonly RpcRequest[] {
  return [
    LATEST_BLOCK,
    FEE_HISTORY,
    { method: 'eth_getBalance', params: [from, 'latest'] },
    { method: 'eth_getTransactionCount', params: [from, 'latest'] },
    ...tokens.map((token) => balanceRequest(from, token, 'latest')),
  ]
}

function balanceRequest(account: Hex, token: Asset, at: 'latest' | { blockHash: string }): RpcRequest {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [account] })
  return { method: 'eth_call', params: [{ to: token.address, data }, at] }
}

/** The assets that have a contract, each once. */
function distinctTokens(assets: readonly Asset[]): readonly Asset[] {
  const byId = new Map(
    assets.filter(({ address }) => address !== undefined).map((asset) => [asset.id, asset]),
  )
  return [...byId.values()]
}

/** Below this, chains have contracts without code: the precompiles. */
const FIRST_ORDINARY_ADDRESS = 0x10000n

/** Throws `call_invalid` for a function call to an account without code, which would succeed and do nothing. */
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

/** A fifth on top, rounded up: state may move between now and inclusion. */
function withBuffer(gas: bigint): bigint {
  return (gas * 12n + 9n) / 10n
}
