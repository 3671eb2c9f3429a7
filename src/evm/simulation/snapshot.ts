import { encodeFunctionData, type Hex } from 'viem'
import type { Asset, FeeReading, Rehearsal } from '../../chains/adapter.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { erc20Abi } from '../calls/abi.ts'
import { isVerdict } from '../calls/reverts.ts'
import { asHex, fromQuantity } from '../quantity.ts'
import { type EvmHead, LATEST_BLOCK, parseHead } from '../reads/blocks.ts'
import type { Question } from '../reads/witnesses.ts'
import {
  accountRequests,
  depositRequest,
  depositTold,
  nonceRequest,
  nonceTold,
  type Payer,
} from '../userOperations/reads.ts'

/** The newest block, or one by its hash. */
export type BlockTag = 'latest' | { readonly blockHash: string }

/** What a decision about a payload of an account needs, besides its simulation. */
export interface Snapshot {
  readonly head: EvmHead
  readonly fees: FeeReading
  readonly nativeBalance: bigint
  /** By CAIP-19 id; a token whose contract does not answer is absent. */
  readonly tokenBalances: ReadonlyMap<string, bigint>
  readonly minedCount: bigint
  /** Of a contract account: what its entry point keeps for it, in wei. */
  readonly deposit?: bigint
}

/**
 * The reads of a snapshot, in the order that `readSnapshot` takes their answers. A simulation follows them directly:
 * where an endpoint takes few calls a second, what belongs to one block must leave in one second.
 */
export function snapshotRequests(
  payer: Payer,
  tokens: readonly Asset[],
  at: BlockTag = 'latest',
): readonly RpcRequest[] {
  const { from } = payer
  return [
    at === 'latest' ? LATEST_BLOCK : { method: 'eth_getBlockByHash', params: [at.blockHash, false] },
    { method: 'eth_getBalance', params: [from, at] },
    countRequest(payer, at),
    ...tokens.map((token) => balanceRequest(from, token, at)),
    ...accountRequests(payer, at),
  ]
}

export function readSnapshot(
  outcomes: readonly RpcOutcome[],
  fees: FeeReading,
  tokens: readonly Asset[],
  client: ChainClient,
  payer?: Payer,
): Snapshot {
  const { host } = client
  const result = (index: number, method: string) => resultOf(outcomes[index], method, client)
  return {
    head: parseHead(result(0, 'eth_getBlockByNumber'), host),
    fees,
    nativeBalance: fromQuantity(result(1, 'eth_getBalance'), 'balance', host),
    minedCount: payer?.userOperation
      ? nonceTold(outcomes[2], client)
      : fromQuantity(result(2, 'eth_getTransactionCount'), 'nonce', host),
    tokenBalances: tokenBalancesOf(outcomes.slice(3), tokens, client),
    ...(payer?.userOperation && { deposit: depositTold(outcomes.slice(0, 5 + tokens.length), client) }),
  }
}

/** Asks for the nonce that the next of an account's payloads has. */
function countRequest({ from, userOperation }: Payer, at: BlockTag): RpcRequest {
  if (userOperation) return nonceRequest(from, userOperation.entryPoint, at)
  return { method: 'eth_getTransactionCount', params: [from, at] }
}

/** Balances of the account at one block, by CAIP-19 id. */
export async function readTokenBalances(
  account: Hex,
  tokens: readonly Asset[],
  blockHash: string,
  client: ChainClient,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, bigint>> {
  const requests = tokens.map((token) => balanceRequest(account, token, { blockHash }))
  return tokenBalancesOf(await client.batch(requests, signal), tokens, client)
}

/** What pre-flight and the nonce stand on, as read, to be confirmed at the block of the simulation. */
export function accountFacts(
  payer: Payer,
  tokens: readonly Asset[],
  { block, nativeBalance, minedCount, tokenBalances, deposit }: Rehearsal,
): readonly Question[] {
  const { from: account } = payer
  const at = { blockHash: block.hash }
  const fact = (request: (block: BlockTag) => RpcRequest, what: string, claimed: bigint): Question => ({
    request: request(at),
    newest: request('latest'),
    what: `${what} of ${account}`,
    judged: 'payload',
    claimed: claimed.toString(),
    essence: (result) => BigInt(result as string).toString(),
  })
  return [
    fact((block) => ({ method: 'eth_getBalance', params: [account, block] }), 'the balance', nativeBalance),
    fact((block) => countRequest(payer, block), 'the nonce', minedCount),
    ...(deposit === undefined
      ? []
      : [fact((block) => depositRequest(payer, block), 'the deposit at the entry point', deposit)]),
    ...tokens.flatMap((token) => {
      const balance = tokenBalances.get(token.id)
      if (balance === undefined) return []
      return [fact((block) => balanceRequest(account, token, block), `the balance in ${token.id}`, balance)]
    }),
  ]
}

/** The assets whose contract has a balance of them, each once: what is one of a collection has none. */
export function distinctTokens(assets: readonly Asset[]): readonly Asset[] {
  const tokens = assets.filter(({ id }) => id.includes('/erc20:'))
  return [...new Map(tokens.map((token) => [token.id, token])).values()]
}

function balanceRequest(account: Hex, token: Asset, at: BlockTag): RpcRequest {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [account] })
  return { method: 'eth_call', params: [{ to: token.address, data }, at] }
}

function tokenBalancesOf(
  outcomes: readonly RpcOutcome[],
  tokens: readonly Asset[],
  client: ChainClient,
): ReadonlyMap<string, bigint> {
  return new Map(
    tokens.flatMap(({ id }, index) => {
      const outcome = outcomes[index]
      // Only the contract can say that it has no balances; an endpoint that failed to ask is not its word.
      if (outcome?.ok === false && isVerdict(outcome.error)) return []
      const word = asHex(resultOf(outcome, 'eth_call', client), 'token balance', client.host)
      return word.length === 66 ? [[id, BigInt(word)]] : []
    }),
  )
}
