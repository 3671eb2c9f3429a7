import type { StatusAsk, StatusReading, TransactionStatus } from '../../chains/adapter.ts'
import { unattended } from '../../primitives/abort.ts'
import { digestOf } from '../../primitives/json.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome } from '../../rpc/transport.ts'
import { asHex, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import { effectsOf } from '../simulation/effects.ts'
import { PLAIN_TRANSFER_GAS } from '../simulation/gasLimit.ts'
import { parseLogs } from '../simulation/logs.ts'
import type { Tracers } from '../simulation/tracers.ts'
import type { EvmAssets } from './assets.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'
import { nativeMovesOf } from './nativeMoves.ts'
import { disagreement, type Question } from './witnesses.ts'

/** The receipt that is about to be taken for final, as every endpoint must tell it. */
export function inclusionFact({ hash, included }: Required<TransactionStatus>): Question {
  return {
    request: { method: 'eth_getTransactionReceipt', params: [hash] },
    what: `the receipt of ${hash}`,
    judged: 'inclusion',
    claimed: included.essence,
    essence: (result) => essenceOf(asObject(result, 'the receipt', 'an endpoint'), 'an endpoint'),
  }
}

/**
 * Throws `provider_disagreement` unless the block of a receipt is the one that the chain has at its number: a node that
 * left the chain goes on telling its receipts, and behind one URL others may count the blocks on top.
 */
export async function requireCanonical(
  client: ChainClient,
  { hash, included }: Required<TransactionStatus>,
  signal: AbortSignal,
): Promise<void> {
  const number = toQuantity(BigInt(included.blockNumber))
  const block = await client.call('eth_getBlockByNumber', [number, false], signal)
  if (parseHead(block, client.host).ref.hash.toLowerCase() === included.blockHash.toLowerCase()) return
  throw disagreement(client, { what: `the block that holds ${hash}`, judged: 'inclusion' })
}

/** Caps are settled by all of it (R5). What a chain takes besides gas is left out: not every node tells that. */
function essenceOf(fields: Record<string, unknown>, host: string): string {
  const numbers = ['status', 'gasUsed', 'effectiveGasPrice'].map((name) => {
    return fromQuantity(fields[name], name, host)
  })
  const block = asHex(fields['blockHash'], 'blockHash', host)
  return [block, ...numbers, digestOf(JSON.stringify(parseLogs(fields['logs'] ?? [], host)).toLowerCase())]
    .join(' ')
    .toLowerCase()
}

/** Head, mined count, what the chain knows of each hash and, if it is asked, the safe head, in one round trip. */
export async function readStatus(
  client: ChainClient,
  account: string,
  hashes: readonly string[],
  telling: Telling,
  { signal, safe = false }: StatusAsk,
): Promise<StatusReading> {
  const about = hashes.flatMap((hash) => [
    { method: 'eth_getTransactionReceipt', params: [hash] },
    { method: 'eth_getTransactionByHash', params: [hash] },
  ])
  const count = { method: 'eth_getTransactionCount', params: [account, 'latest'] }
  const asked = [LATEST_BLOCK, count, ...about]
  const outcomes = await client.batch(safe ? [...asked, SAFE_BLOCK] : asked, signal)
  const safeHead = safe ? numberOf(client, outcomes[asked.length]) : undefined
  const head = parseHead(resultOf(outcomes[0], 'eth_getBlockByNumber', client), client.host)
  return {
    head: head.ref,
    minedCount: fromQuantity(resultOf(outcomes[1], 'eth_getTransactionCount', client), 'nonce', client.host),
    ...(safeHead === undefined ? {} : { safe: safeHead }),
    transactions: hashes.map((hash, index) =>
      statusOf({ client, ...telling }, hash, outcomes[2 + 2 * index], outcomes[3 + 2 * index]),
    ),
  }
}

export const SAFE_BLOCK = { method: 'eth_getBlockByNumber', params: ['safe', false] }

/** Undefined where the chain knows no such block: not every chain calls one safe. */
export function numberOf(client: ChainClient, outcome: RpcOutcome | undefined): bigint | undefined {
  if (!outcome?.ok || outcome.result === null || outcome.result === undefined) return undefined
  return parseHead(outcome.result, client.host).number
}

/** What tells what an included transaction has done. */
export interface Telling {
  readonly assets: EvmAssets
  readonly tracers: Tracers
}

function statusOf(
  { client, assets, tracers }: Telling & { readonly client: ChainClient },
  hash: string,
  receipt: RpcOutcome | undefined,
  transaction: RpcOutcome | undefined,
): TransactionStatus {
  const mined = resultOf(receipt, 'eth_getTransactionReceipt', client)
  if (mined === null || mined === undefined) {
    const known = resultOf(transaction, 'eth_getTransactionByHash', client)
    return { hash, state: known === null || known === undefined ? 'unseen' : 'pending' }
  }
  const { host } = client
  const fields = asObject(mined, 'the receipt', host)
  const gasUsed = fromQuantity(fields['gasUsed'], 'gasUsed', host)
  const gasPrice = fromQuantity(fields['effectiveGasPrice'], 'effectiveGasPrice', host)
  return {
    hash,
    state: 'included',
    included: {
      blockNumber: fromQuantity(fields['blockNumber'], 'blockNumber', host).toString(),
      blockHash: asHex(fields['blockHash'], 'blockHash', host),
      succeeded: fromQuantity(fields['status'], 'status', host) === 1n,
      gasUsed,
      gasPrice,
      feePaid: gasUsed * gasPrice + surchargePaid(fields, gasUsed, host),
      essence: essenceOf(fields, host),
      async effects(ask) {
        const logs = parseLogs(fields['logs'] ?? [], host)
        // With that much gas no code runs.
        const isTraced = ask.native && gasUsed !== PLAIN_TRANSFER_GAS
        const native = isTraced ? await nativeMovesOf(tracers, hash) : undefined
        const [effects = []] = await effectsOf([[...logs, ...(native ?? [])]], assets, unattended())
        return { effects, withNative: native !== undefined }
      },
    },
  }
}

/**
 * What an OP-stack receipt says that was paid besides gas: the data fee, and since Isthmus the operator's by scalar and
 * constant (specs.optimism.io/protocol/isthmus/exec-engine.html#operator-fee; since Jovian, whose receipts have a data
 * footprint, the scalar counts for hundreds).
 */
function surchargePaid(fields: Record<string, unknown>, gasUsed: bigint, host: string): bigint {
  const told = (name: string) => {
    const value = fields[name]
    return value === undefined || value === null ? 0n : fromQuantity(value, name, host)
  }
  const isJovian = fields['daFootprintGasScalar'] !== undefined && fields['daFootprintGasScalar'] !== null
  const byGas = gasUsed * told('operatorFeeScalar')
  const byScalar = isJovian ? byGas * 100n : byGas / 1_000_000n
  return told('l1Fee') + byScalar + told('operatorFeeConstant')
}
