import type { ChainClient } from '../rpc/chainClient.ts'
import { asList, asObject, fromQuantity, toQuantity } from './quantity.ts'

/**
 * Hashes of the transactions in the block in which the account's nonce was used, when that was at or before block
 * `newest`; undefined when it was still free then. Counts are monotonic, so the block is found by halving; recent
 * uses take few reads, and a node that no longer has the state throws, which proves nothing.
 */
export async function blockThatUsed(
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
