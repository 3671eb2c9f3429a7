import type { NonceUse } from '../chains/adapter.ts'
import { withDeadline } from '../primitives/abort.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import { asList, asObject, fromQuantity, toQuantity } from './quantity.ts'

const ENOUGH = 2
const PATIENCE_MS = 10_000

/**
 * Whether a nonce was used by another transaction than ours, by the word of every endpoint that answers and of at
 * least two where there are two: one that hides a payment must not have it made again (R14, T12).
 */
export async function usedByAnother(
  endpoints: readonly ChainClient[],
  use: NonceUse,
  signal: AbortSignal,
): Promise<boolean> {
  const told = await Promise.all(endpoints.map((client) => testimony(client, use, signal)))
  const answers = told.filter((answer) => answer !== undefined)
  return answers.length >= Math.min(ENOUGH, endpoints.length) && answers.every((byAnother) => byAnother)
}

/** Undefined when the endpoint does not answer. */
async function testimony(
  client: ChainClient,
  use: NonceUse,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    return await withDeadline(PATIENCE_MS, signal, (limited) => saysUsed(client, use, limited))
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

async function saysUsed(
  client: ChainClient,
  { account, nonce, hashes, newest }: NonceUse,
  signal: AbortSignal,
): Promise<boolean> {
  const questions = hashes.flatMap((hash) =>
    ['eth_getTransactionReceipt', 'eth_getTransactionByHash'].map((method) => ({ method, params: [hash] })),
  )
  const outcomes = await client.batch(questions, signal)
  const known = outcomes.map((outcome) => resultOf(outcome, 'eth_getTransactionByHash', client))
  if (known.some((each) => each !== null && each !== undefined)) return false
  const block = await blockThatUsed(client, account, nonce, newest, signal)
  return block !== undefined && !hashes.some((hash) => block.includes(hash))
}

/**
 * Hashes of the transactions in the block in which the account's nonce was used, when that was at or before block
 * `newest`; undefined when it was still free then. Counts are monotonic, so the block is found by halving; recent
 * uses take few reads, and a node that no longer has the state throws, which proves nothing.
 */
async function blockThatUsed(
  client: ChainClient,
  account: string,
  nonce: bigint,
  newest: bigint,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const usedAt = async (number: bigint) => {
    const count = await client.call('eth_getTransactionCount', [account, toQuantity(number)], signal)
    return fromQuantity(count, 'nonce', client.host) > nonce
  }
  if (!(await usedAt(newest))) return undefined
  let used = newest
  let free = -1n
  for (let step = 1n; used - step >= 0n; step *= 2n) {
    const earlier = used - step
    if (!(await usedAt(earlier))) {
      free = earlier
      break
    }
    used = earlier
  }
  while (used - free > 1n) {
    const middle = (used + free) / 2n
    if (await usedAt(middle)) used = middle
    else free = middle
  }
  const answer = await client.call('eth_getBlockByNumber', [toQuantity(used), false], signal)
  const block = asObject(answer, 'the block', client.host)
  return asList(block['transactions'], 'transactions', client.host).map(String)
}
