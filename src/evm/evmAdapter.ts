import type { Hex } from 'viem'
import type { ChainAdapter, PayloadShape, Price } from '../chains/adapter.ts'
import type { Bundler } from '../chains/bundler.ts'
import { type GasUses, NO_GAS_USES } from '../chains/gasUses.ts'
import type { Chain } from '../chains/types.ts'
import { defaultOf } from '../config/variables.ts'
import { parseAmount } from '../primitives/amount.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcRequest } from '../rpc/transport.ts'
import { parseAddress } from './address.ts'
import { approvalsFor, revocationOf } from './approvals.ts'
import { draftBatch } from './batching/draftBatch.ts'
import { evmCodec } from './codec.ts'
import { draftAction, draftNothing, type EvmDraft } from './draft.ts'
import { asEvmPayload } from './evmPayload.ts'
import { FEE_HISTORY, readHistory } from './fees/feeHistory.ts'
import { feesFrom } from './fees/feesFrom.ts'
import { priceRequests, readPrice } from './fees/price.ts'
import { EvmAssets } from './reads/assets.ts'
import { EvmBalances } from './reads/balances.ts'
import { LATEST_BLOCK, parseHead } from './reads/blocks.ts'
import { resolveEnsName } from './reads/ens.ts'
import { isKnown, usedByAnother, userOfNonce } from './reads/nonceUse.ts'
import { inclusionFact, readStatus, requireCanonical } from './reads/status.ts'
import { hasReached } from './reads/testimony.ts'
import { type HasStopped, type LeftOut, Witnesses } from './reads/witnesses.ts'
import type { EvmSimulator } from './simulation/execution.ts'
import { plainSimulator } from './simulation/plain.ts'
import { EvmPlans } from './simulation/plans.ts'
import { EvmRehearsals, GAS_PRICE } from './simulation/rehearsals.ts'
import { Scrutiny } from './simulation/scrutiny.ts'
import { simulatorV1 } from './simulation/simulateV1.ts'
import { Simulators } from './simulation/simulators.ts'
import { tracedSimulator } from './simulation/traced.ts'
import { Tracers } from './simulation/tracers.ts'
import { bundleFor, draftBatchOfAccount, draftOfAccount } from './userOperations/accountDrafts.ts'
import { AccountPlans } from './userOperations/accountPlans.ts'
import { operationFact, readOperationStatus } from './userOperations/operationStatus.ts'
import { accountRequests, depositTold } from './userOperations/reads.ts'
import { ENTRY_POINT, NO_SMART_ACCOUNTS, type SmartAccounts } from './userOperations/smartAccount.ts'

const MAX_TRIES = 3

export type SimulatorOrder = (local: readonly EvmSimulator[]) => readonly EvmSimulator[]

/** The ways to one chain that the adapter needs. */
export interface EvmReads {
  /** As the chain is now. */
  readonly client: ChainClient
  /** From the cache while it is true, for what is only shown. */
  readonly shown: ChainClient
  /** Endpoints that answer now, each by itself. */
  readonly witnesses: () => readonly ChainClient[]
  /** Whether one of them has long stopped following the chain; absent: none ever. */
  readonly witnessStopped?: HasStopped
  /** Told of each witness that was asked in vain. */
  readonly witnessLeftOut?: LeftOut
  /** Every endpoint, each by itself. */
  readonly endpoints: readonly ChainClient[]
}

/** What is known of a chain besides what its endpoints say. */
export interface EvmOptions {
  /** Puts services beside the simulators of the endpoints, in the order in which they are asked. */
  readonly ordered?: SimulatorOrder | undefined
  /** The contract accounts of wallets; none when absent. */
  readonly accounts?: SmartAccounts
  /** Who brings what they pay to the chain; their owners when absent. */
  readonly bundler?: Bundler
  /** What calls used before. */
  readonly gasUses?: GasUses
  /** Decimal text: how much worse than now a swap may let itself be done. */
  readonly maxSlippagePercent?: string
}

/** The EVM half of the engine for one chain. Throws `address_invalid` when an operator's override is mistyped. */
export function evmAdapter(chain: Chain, reads: EvmReads, options: EvmOptions = {}): ChainAdapter {
  const { ordered = (local) => local, gasUses = NO_GAS_USES } = options
  const { maxSlippagePercent = defaultSlippage(), accounts = NO_SMART_ACCOUNTS } = options
  const { client, shown } = reads
  for (const [name, address] of Object.entries(chain.contracts)) {
    parseAddress(address, `${chain.env}_CONTRACT_${name.toUpperCase()}`)
  }
  const witnesses = new Witnesses(reads.witnesses, reads.witnessStopped, reads.witnessLeftOut)
  const assets = new EvmAssets(chain, client, (questions, signal) => witnesses.agree(questions, signal))
  const { host } = client
  const local = [simulatorV1(host), tracedSimulator(host), plainSimulator(host)]
  const simulators = new Simulators(ordered(local))
  const before = new Tracers(reads.witnesses)
  const scrutiny = new Scrutiny({
    chain,
    client,
    assets,
    tracers: before,
    maxSlippage: hundredths(maxSlippagePercent),
  })
  // Those that trace what was included: not always those that trace what might be.
  const tracers = new Tracers(reads.witnesses)
  const parts = { chain, client, witnesses, simulators, scrutiny }
  const rehearsals = new EvmRehearsals(parts)
  const plans = new EvmPlans(parts, rehearsals, gasUses)
  const { bundler } = options
  const accountPlans = new AccountPlans({ chain, client, rehearsals, ...(bundler && { bundler }) })
  const place = { chain, client, assets }
  const balances = new EvmBalances(chain, shown, client)

  async function price(shape: PayloadShape, signal: AbortSignal): Promise<Price> {
    const { fees, answers, source } = await readings(priceRequests(chain, shape), signal)
    return readPrice(chain, shape, fees, answers, source)
  }

  /** Fees, and the answers to further requests, in one round trip. */
  async function readings(more: readonly RpcRequest[], signal: AbortSignal) {
    for (let tries = 1; ; tries++) {
      // An answer from the cache that does not hold together is asked for again past it.
      const source = tries === 1 ? shown : client
      const [first, second, ...answers] = await source.batch([LATEST_BLOCK, FEE_HISTORY, ...more], signal)
      const block = resultOf(first, 'eth_getBlockByNumber', source)
      const fees = await feesFrom(chain, source, block, second, signal)
      const newest = second?.ok ? readHistory(second.result, source.host).newest : undefined
      // A node may answer a batch in any order: fees from before the head would be older than they say (R12).
      if (newest !== undefined && newest < BigInt(fees.block.number) && tries < MAX_TRIES) continue
      rehearsals.noteFees(fees)
      return { fees, answers, source }
    }
  }

  return {
    chain,
    codec: evmCodec(chain, accounts),
    address: parseAddress,
    resolveName: (name, forChain, signal) =>
      resolveEnsName({ chain, client, witnesses }, name, forChain, signal),
    asset: (text, signal) => assets.resolve(text, signal),
    draft(action, from, signal) {
      const account = accounts(from)
      if (account) return draftOfAccount(place, action, account, signal)
      return draftAction(chain.id, action, from as Hex, assets, signal)
    },
    draftBatch(batch, from, signal) {
      const account = accounts(from)
      if (account) return draftBatchOfAccount(place, batch, account, signal)
      return draftBatch(place, batch, from as Hex, signal)
    },
    async approvals(draft, signal) {
      // A contract account allows what its call needs in the same operation.
      return accounts(draft.from) ? [] : approvalsFor(draft as EvmDraft, assets.native, client, signal)
    },
    bundle: (raw) => bundleFor(place, accounts, raw),
    revocation: (approval) => revocationOf(asEvmPayload(approval), assets.native),
    nothing: (from) => draftNothing(chain.id, from as Hex, assets.native),
    plan(draft, limit, earlier, signal) {
      const account = accounts(draft.from)
      if (account) return accountPlans.plan(account, draft as EvmDraft, limit, earlier, signal)
      return plans.plan(draft as EvmDraft, limit, earlier, signal)
    },
    rehearse: (payload, terms, leaving, earlier, signal) =>
      rehearsals.rehearse(asEvmPayload(payload), terms, leaving, earlier, signal, [GAS_PRICE]),
    fees: async (signal) => (await readings([], signal)).fees,
    price,
    balances: (accounts, wanted, signal) => {
      const questions = accounts.flatMap((account) =>
        wanted.map((asset) => ({ account: account as Hex, asset })),
      )
      return balances.read(questions, signal)
    },
    async head(signal) {
      return parseHead(await shown.call(LATEST_BLOCK.method, LATEST_BLOCK.params, signal), shown.host).ref
    },
    async contractAccount(address, signal) {
      const asked = accountRequests({ from: address as Hex, userOperation: AT_ENTRY_POINT }, 'latest')
      const answers = await client.batch(asked, signal)
      const deployed = resultOf(answers[0], 'eth_getCode', client) !== '0x'
      return { deployed, deposit: depositTold(answers, client) }
    },
    native: assets.native,
    async genesis(signal) {
      const block = await client.call('eth_getBlockByNumber', ['0x0', false], signal)
      return parseHead(block, client.host).ref.hash
    },
    usedByAnother: (use, signal) => usedByAnother(reads.endpoints, use, signal),
    userOfNonce: (use, payload, signal) => userOfNonce(reads.endpoints, use, asEvmPayload(payload), signal),
    async confirmInclusion(seen, signal) {
      const { transactionHash } = seen.included
      const fact =
        transactionHash === undefined
          ? inclusionFact(seen)
          : operationFact(seen, transactionHash, ENTRY_POINT)
      await Promise.all([requireCanonical(client, seen, signal), witnesses.agree([fact], signal)])
    },
    status(account, hashes, { operation, ...ask }) {
      return operation
        ? readOperationStatus(client, account, hashes, { assets, tracers }, { ...ask, operation })
        : readStatus(client, account, hashes, { assets, tracers }, ask)
    },
    isKnown: (hashes, signal) => isKnown(reads.witnesses(), hashes, signal),
    hasReached: (number, signal) => hasReached(reads.witnesses(), number, signal),
  }
}

const AT_ENTRY_POINT = { entryPoint: ENTRY_POINT }

const defaultSlippage = () => defaultOf('MAX_SLIPPAGE_PERCENT') ?? '0'

/** Of a per cent; the configuration was checked when it was read. */
function hundredths(percent: string): bigint {
  const raw = parseAmount(percent, 2)
  if (typeof raw !== 'bigint') throw new TypeError(`"${percent}" is ${raw}`)
  return raw
}
