import type { NonceUse } from '../chains/adapter.ts'
import { withDeadline } from '../primitives/abort.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import { asList, asObject, fromQuantity, toQuantity } from './quantity.ts'

const ENOUGH = 2
const PATIENCE_MS = 10_000
const KNOWN = 'eth_getTransactionByHash'

/**
 * Whether a nonce was used by another transaction than ours, by the word of every endpoint that answers and of at
 * least two where there are two: one that hides a payment must not have it made again (R14, T12).
 */
export async function usedByAnother(
  endpoints: readonly ChainClient[],
  use: NonceUse,
  signal: AbortSignal,
): Promise<boolean> {
  const told = await Promise.all(
    endpoints.map((client) => testimony(signal, (limited) => saysUsed(client, use, limited))),
  )
  const answers = told.filter((answer) => answer !== undefined)
  return answers.length >= Math.min(ENOUGH, endpoints.length) && answers.every((byAnother) => byAnother)
}

/** Whether one of the endpoints knows one of the transactions, pending or included; undefined when none answers. */
export async function isKnown(
  endpoints: readonly ChainClient[],
  hashes: readonly string[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const asked = endpoints.map((client) =>
    testimony(signal, async (limited) => (await known(client, hashes, [KNOWN], limited)).length > 0),
  )
  const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined)
  return answers.length === 0 ? undefined : answers.some((knows) => knows)
}

/** Undefined when the endpoint does not answer. */
async function testimony(
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<boolean>,
): Promise<boolean | undefined> {
  try {
    return await withDeadline(PATIENCE_MS, signal, ask)
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
  if ((await known(client, hashes, ['eth_getTransactionReceipt', KNOWN], signal)).length > 0) return false
  const block = await blockThatUsed(client, account, nonce, newest, signal)
  return block !== undefined && !hashes.some((hash) => block.includes(hash))
}

/** What an endpoint answers of the transactions by these methods; nothing of those that it does not know. */
async function known(
  client: ChainClient,
  hashes: readonly string[],
  methods: readonly string[],
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const questions = hashes.flatMap((hash) => methods.map((method) => ({ method, params: [hash] })))
  const outcomes = await client.batch(questions, signal)
  const results = outcomes.map((outcome) => resultOf(outcome, KNOWN, client))
  return results.filter((result) => result !== null && result !== undefined)
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
