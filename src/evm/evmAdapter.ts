import type { Hex } from 'viem'
import type { ChainAdapter, PayloadShape, Price } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcRequest } from '../rpc/transport.ts'
import { parseAddress } from './address.ts'
import { EvmAssets } from './assets.ts'
import { EvmBalances } from './balances.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'
import { evmCodec } from './codec.ts'
import { draftAction, draftNothing, type EvmDraft } from './draft.ts'
import { asEvmPayload } from './evmPayload.ts'
import { FEE_HISTORY, readHistory } from './fees/feeHistory.ts'
import { feesFrom } from './fees/feesFrom.ts'
import { priceRequests, readPrice } from './fees/price.ts'
import { isKnown, usedByAnother } from './nonceUse.ts'
import type { EvmSimulator } from './simulation/execution.ts'
import { plainSimulator } from './simulation/plain.ts'
import { EvmPlans } from './simulation/plans.ts'
import { EvmRehearsals } from './simulation/rehearsals.ts'
import { Scrutiny } from './simulation/scrutiny.ts'
import { simulatorV1 } from './simulation/simulateV1.ts'
import { Simulators } from './simulation/simulators.ts'
import { tracedSimulator } from './simulation/traced.ts'
import { Tracers } from './simulation/tracers.ts'
import { inclusionFact, readStatus, requireCanonical } from './status.ts'
import { type HasStopped, type LeftOut, Witnesses } from './witnesses.ts'

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

/**
 * The EVM half of the engine for one chain. `ordered` puts services beside the simulators of the chain's own endpoints, in
 * the order in which they are asked. Throws `address_invalid` when an operator's override is mistyped.
 */
export function evmAdapter(
  chain: Chain,
  reads: EvmReads,
  ordered: SimulatorOrder = (local) => local,
): ChainAdapter {
  const { client, shown } = reads
  for (const [name, address] of Object.entries(chain.contracts)) {
    parseAddress(address, `${chain.env}_CONTRACT_${name.toUpperCase()}`)
  }
  const witnesses = new Witnesses(reads.witnesses, reads.witnessStopped, reads.witnessLeftOut)
  const assets = new EvmAssets(chain, client)
  const { host } = client
  const local = [simulatorV1(host), tracedSimulator(host), plainSimulator(host)]
  const simulators = new Simulators(ordered(local))
  const scrutiny = new Scrutiny(client, assets, new Tracers(reads.witnesses))
  const parts = { chain, client, witnesses, simulators, scrutiny }
  const rehearsals = new EvmRehearsals(parts)
  const plans = new EvmPlans(parts, rehearsals)
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
    codec: evmCodec(chain),
    address: parseAddress,
    asset: (text, signal) => assets.resolve(text, signal),
    draft: (action, from, signal) => draftAction(chain.id, action, from as Hex, assets, signal),
    nothing: (from) => draftNothing(chain.id, from as Hex, assets.native),
    plan: (draft, limit, earlier, signal) => plans.plan(draft as EvmDraft, limit, earlier, signal),
    rehearse: (payload, terms, leaving, earlier, signal) =>
      rehearsals.rehearse(asEvmPayload(payload), terms, leaving, earlier, signal),
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
    native: assets.native,
    async genesis(signal) {
      const block = await client.call('eth_getBlockByNumber', ['0x0', false], signal)
      return parseHead(block, client.host).ref.hash
    },
    usedByAnother: (use, signal) => usedByAnother(reads.endpoints, use, signal),
    async confirmInclusion(seen, signal) {
      await Promise.all([
        requireCanonical(client, seen, signal),
        witnesses.agree([inclusionFact(seen)], signal),
      ])
    },
    status: (account, hashes, ask) => readStatus(client, account, hashes, assets, ask),
    isKnown: (hashes, signal) => isKnown(reads.witnesses(), hashes, signal),
  }
}
