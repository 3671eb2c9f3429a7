import type { Earlier, FeeTerms, Planned, PriceLimit } from '../../chains/adapter.ts'
import type { Bundler } from '../../chains/bundler.ts'
import { withinLimit } from '../../chains/feeTerms.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { formatUnits } from '../../primitives/amount.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome } from '../../rpc/transport.ts'
import type { EvmDraft } from '../draft.ts'
import { asEvmPayload, type EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { feesFrom } from '../fees/feesFrom.ts'
import { fromQuantity } from '../quantity.ts'
import { type EvmHead, LATEST_BLOCK, parseHead } from '../reads/blocks.ts'
import { payloadsOf, unminedOf } from '../simulation/earlier.ts'
import { mostOf } from '../simulation/gasLimit.ts'
import type { EvmRehearsals } from '../simulation/rehearsals.ts'
import { readUnpriced, unpricedRequest } from '../simulation/simulateV1.ts'
import { distinctTokens } from '../simulation/snapshot.ts'
import { codeRequests, requireContracts } from '../simulation/targets.ts'
import { executionOf } from './execution.ts'
import {
  callGasLimit,
  preVerificationGas,
  SOME_SIGNATURE,
  verificationGasLimit,
  WELL_FORMED_SIGNATURE,
} from './gasLimits.ts'
import { nonceRequest, nonceTold } from './reads.ts'
import { deploymentRun, runOf } from './runs.ts'
import { ACCOUNT_FACTORY, deploymentOf, ENTRY_POINT, type SmartAccount } from './smartAccount.ts'
import { fieldsOf, packed, record } from './userOperation.ts'

export interface AccountPlanParts {
  readonly chain: Chain
  readonly client: ChainClient
  readonly rehearsals: EvmRehearsals
  /** Who brings the operations; their owners when absent. */
  readonly bundler?: Bundler
}

/** Makes user operations of drafts of contract accounts: how much gas they may use, and what they do. */
export class AccountPlans {
  readonly #parts: AccountPlanParts

  constructor(parts: AccountPlanParts) {
    this.#parts = parts
  }

  /**
   * Two round trips: one for what is there and how much gas is used, one for the finished operation. Throws
   * `accounts_unavailable`, `bundling_unfunded`, and what planning a transaction throws.
   */
  async plan(
    account: SmartAccount,
    draft: EvmDraft,
    limit: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Planned> {
    const { chain, client, rehearsals } = this.#parts
    const inner = { ...draft, isCall: draft.calls === undefined && draft.isCall }
    const [block, history, ...rest] = await client.batch(
      [LATEST_BLOCK, FEE_HISTORY, ...standing(account), ...codeRequests(inner)],
      signal,
    )
    const head = parseHead(resultOf(block, LATEST_BLOCK.method, client), client.host)
    const fees = await feesFrom(chain, client, resultOf(block, LATEST_BLOCK.method, client), history, signal)
    const { isDeployed, mined, funds } = this.#standing(rest.slice(0, STANDING), account)
    requireContracts(chain, inner, rest.slice(STANDING), client)
    const terms = withinLimit(fees, limit)
    const waiting = unminedOf(earlier, mined)
    const deploys = !isDeployed && !waiting.some(({ payload }) => isDeployment(payload))
    const likely = operationOf(account, draft, deploys, { verification: mostOf(head), call: mostOf(head) })
    const used = await this.#measure(likely, waiting, head, signal)
    const limits = {
      verification: verificationGasLimit(used.deployment),
      call: callGasLimit(used.call, likely.data),
    }
    const measured = operationOf(account, draft, deploys, limits, terms)
    const payload = await this.#agreed(account, measured, { terms, mined, funds }, signal)
    const tokens = distinctTokens([draft.outflow.asset])
    const rehearsal = await rehearsals.rehearse(payload, terms, tokens, waiting, signal)
    return { payload, terms, gasLimitBasis: { source: 'estimate', confidence: 'medium' }, rehearsal }
  }

  #standing(outcomes: readonly RpcOutcome[], { owner }: SmartAccount) {
    const { client } = this.#parts
    const codes = outcomes.slice(0, 3).map((outcome) => resultOf(outcome, 'eth_getCode', client))
    for (const [index, what] of ['entry point', 'account factory'].entries()) {
      if (codes[index] === '0x')
        throw new BursarError('accounts_unavailable', { what }, { chain: client.chain })
    }
    return {
      isDeployed: codes[2] !== '0x',
      mined: nonceTold(outcomes[3], client),
      funds: fromQuantity(
        resultOf(outcomes[4], 'eth_getBalance', client),
        `the balance of ${owner}`,
        client.host,
      ),
    }
  }

  /** Gas that the deployment and the call use as transactions, after what waits; of the call also when it fails. */
  async #measure(
    payload: EvmPayload,
    waiting: readonly Earlier[],
    { gasLimit }: EvmHead,
    signal: AbortSignal,
  ): Promise<{ readonly deployment?: bigint; readonly call: bigint }> {
    const { client } = this.#parts
    const before = payloadsOf(waiting).map(runOf)
    // All of them must fit into one block, and the last two are given what is left.
    const taken = before.reduce((sum, run) => sum + BigInt(run.gasLimit), 0n)
    const room = ((gasLimit > taken ? gasLimit - taken : 0n) * 9n) / 20n
    const runs = [...deploymentRun(payload), runOf(payload)].map((run) => {
      const gas = BigInt(run.gasLimit) < room ? BigInt(run.gasLimit) : room
      return { from: run.from, to: run.to, input: run.data, gas: `0x${gas.toString(16)}` }
    })
    const [outcome] = await client.batch([unpricedRequest(before, runs, 'latest')], signal)
    const told = readUnpriced(outcome, client.host)?.slice(-runs.length)
    const [call, deployment] = [told?.at(-1), told?.at(-2)]
    if (call === undefined) {
      const reason = `${client.host} does not tell with eth_simulateV1 what a contract account does`
      throw new BursarError('simulation_unavailable', { reason }, { chain: client.chain })
    }
    return { ...(deployment && { deployment: deployment.gasUsed }), call: call.gasUsed }
  }

  /** With as much gas as whoever brings it wants to see. */
  async #agreed(
    account: SmartAccount,
    payload: EvmPayload,
    { terms, mined, funds }: { readonly terms: FeeTerms; readonly mined: bigint; readonly funds: bigint },
    signal: AbortSignal,
  ): Promise<EvmPayload> {
    const { bundler } = this.#parts
    if (!bundler) {
      this.#requireBundler(account, payload, terms, funds)
      return payload
    }
    const fields = fieldsOf(payload)
    const nonce = fields.factory ? 0n : mined
    const operation = packed(payload, nonce, terms, WELL_FORMED_SIGNATURE)
    const asked = await bundler.estimate(record({ entryPoint: ENTRY_POINT, operation }), signal)
    const most = (own: string, its: bigint) => (BigInt(own) > its ? BigInt(own) : its)
    const limits = [
      most(fields.verificationGasLimit, asked.verificationGasLimit),
      most(fields.callGasLimit, asked.callGasLimit),
      most(fields.preVerificationGas, asked.preVerificationGas),
    ] as const
    const [verificationGasLimit, callGasLimit, preVerificationGas] = limits.map(String) as [
      string,
      string,
      string,
    ]
    return {
      ...payload,
      gasLimit: limits.reduce((sum, each) => sum + each, 0n).toString(),
      userOperation: { ...fields, verificationGasLimit, callGasLimit, preVerificationGas },
    }
  }

  /** Whoever brings it pays for that first. The bytes around the operation are in what it pays back. */
  #requireBundler(
    { owner, address }: SmartAccount,
    payload: EvmPayload,
    terms: FeeTerms,
    funds: bigint,
  ): void {
    const { native, id } = this.#parts.chain
    const needed = BigInt(payload.gasLimit) * BigInt(terms.maxFeePerGas)
    if (funds >= needed) return
    const [need, has] = [needed, funds].map((raw) => formatUnits(raw, native.decimals))
    const context = { wallet: address, owner, needed: need ?? '', available: has ?? '', asset: native.symbol }
    throw new BursarError('bundling_unfunded', context, { chain: id })
  }
}

/** What has to be known of an account before it can be told what it takes; answers come in this order. */
const standing = ({ address, owner }: SmartAccount) => [
  ...[ENTRY_POINT, ACCOUNT_FACTORY, address].map((at) => ({ method: 'eth_getCode', params: [at, 'latest'] })),
  nonceRequest(address, ENTRY_POINT, 'latest'),
  { method: 'eth_getBalance', params: [owner, 'latest'] },
]
const STANDING = 5

const isDeployment = (payload: Earlier['payload']) =>
  asEvmPayload(payload).userOperation?.factory !== undefined

interface Limits {
  readonly verification: bigint
  readonly call: bigint
}

function operationOf(
  account: SmartAccount,
  draft: EvmDraft,
  deploys: boolean,
  { verification, call }: Limits,
  terms: FeeTerms = SOME_TERMS,
): EvmPayload {
  const { address } = account
  const userOperation = {
    entryPoint: ENTRY_POINT,
    ...(deploys && { factory: deploymentOf(account) }),
    verificationGasLimit: verification.toString(),
    callGasLimit: call.toString(),
    preVerificationGas: '0',
  }
  const payload: EvmPayload = {
    ...{ family: 'evm', chain: draft.chain, from: address, to: address, value: '0' },
    ...{ data: executionOf(draft), accessList: [], gasLimit: '0', userOperation },
  }
  const around = preVerificationGas(ENTRY_POINT, packed(payload, 0n, terms, SOME_SIGNATURE))
  return {
    ...payload,
    gasLimit: (verification + call + around).toString(),
    userOperation: { ...userOperation, preVerificationGas: around.toString() },
  }
}

/** As long as real ones are: they count by their bytes. */
const SOME_TERMS: FeeTerms = { maxFeePerGas: '30123456789', maxPriorityFeePerGas: '1234567890' }
