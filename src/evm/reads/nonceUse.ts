import type { NonceUse, NonceUser } from '../../chains/nonceUses.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { asHex, asList, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import { saysOperationUsed } from '../userOperations/operationStatus.ts'
import { ENOUGH, testimony } from './testimony.ts'

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

/**
 * What used a nonce, by the word of every endpoint that answers and of at least two where there are two; undefined where
 * they do not tell the same, or nothing has used it.
 */
export async function userOfNonce(
  endpoints: readonly ChainClient[],
  use: Place,
  payload: EvmPayload,
  signal: AbortSignal,
): Promise<NonceUser | undefined> {
  const told = await Promise.all(
    endpoints.map((client) => testimony(signal, (limited) => saysUser(client, use, payload, limited))),
  )
  const answers = told.filter((answer) => answer !== undefined)
  const [first] = answers
  const agree = answers.every((one) => first && one?.hash === first.hash && one.isPayload === first.isPayload)
  return first && agree && answers.length >= Math.min(ENOUGH, endpoints.length) ? first : undefined
}

type Place = Pick<NonceUse, 'account' | 'nonce' | 'newest'>

/** Null: nothing has. */
async function saysUser(
  client: ChainClient,
  { account, nonce, newest }: Place,
  payload: EvmPayload,
  signal: AbortSignal,
): Promise<NonceUser | null> {
  const block = await blockThatUsed(client, account, nonce, newest, true, signal)
  for (const entry of block ?? []) {
    const one = asObject(entry, 'a transaction', client.host)
    const isMeant = isSame(one['from'], account) && fromQuantity(one['nonce'], 'nonce', client.host) === nonce
    if (!isMeant) continue
    const value = fromQuantity(one['value'], 'value', client.host)
    const isPayload =
      isSame(one['to'], payload.to) && isSame(one['input'], payload.data) && value === BigInt(payload.value)
    return { hash: asHex(one['hash'], 'a hash', client.host), isPayload }
  }
  return null
}

const isSame = (told: unknown, hex: string) => String(told).toLowerCase() === hex.toLowerCase()

async function saysUsed(
  client: ChainClient,
  { account, nonce, hashes, newest, operation }: NonceUse,
  signal: AbortSignal,
): Promise<boolean> {
  if (operation) return saysOperationUsed(client, account, hashes, newest, operation, signal)
  if ((await known(client, hashes, ['eth_getTransactionReceipt', KNOWN], signal)).length > 0) return false
  const block = await blockThatUsed(client, account, nonce, newest, false, signal)
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
 * The transactions (their hashes, unless `whole`) in the block in which the account's nonce was used, when that was at or
 * before block `newest`; undefined when it was still free then. Counts are monotonic, so the block is found by halving; recent
 * uses take few reads, and a node that no longer has the state throws, which proves nothing.
 */
async function blockThatUsed(
  client: ChainClient,
  account: string,
  nonce: bigint,
  newest: bigint,
  whole: boolean,
  signal: AbortSignal,
): Promise<readonly unknown[] | undefined> {
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
  const answer = await client.call('eth_getBlockByNumber', [toQuantity(used), whole], signal)
  const block = asObject(answer, 'the block', client.host)
  return asList(block['transactions'], 'transactions', client.host)
}
