import { type Hex, keccak256, parseTransaction, recoverTransactionAddress, toHex } from 'viem'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'

/** Signed bytes as a relay holds them. */
export interface SignedBytes {
  readonly raw: Hex
  readonly hash: Hex
  readonly from: Hex
}

/** What a builder was given: all of it or nothing, in a block of these numbers, both included. */
export interface BuilderTask {
  readonly bytes: readonly SignedBytes[]
  readonly from: number
  readonly to: number
  readonly by: string
}

interface Run {
  readonly status: boolean
  readonly gasUsed: number
  readonly returnData: Hex
}

export type Tried =
  | { readonly runs: readonly Run[]; readonly block: number }
  /** One of them cannot be run at all: its nonce, its fees or the balance of its account. */
  | { readonly refused: string }

export function signedBytes(raws: readonly Hex[]): Promise<readonly SignedBytes[]> {
  return Promise.all(
    raws.map(async (raw) => {
      const from = await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` })
      return { raw, hash: keccak256(raw), from }
    }),
  )
}

/** Runs them one after the other on the newest block, by the rules of a real block. Nobody else sees them. */
export async function tryOut(rpcUrl: string, bytes: readonly SignedBytes[]): Promise<Tried> {
  const calls = bytes.map(({ raw, from }) => {
    const { to, value, data, nonce, gas, maxFeePerGas, maxPriorityFeePerGas } = parseTransaction(raw)
    return {
      ...{ from, to, input: data ?? '0x', value: toHex(value ?? 0n), nonce: toHex(nonce ?? 0) },
      ...{ gas: toHex(gas ?? 0n), maxFeePerGas: toHex(maxFeePerGas ?? 0n) },
      maxPriorityFeePerGas: toHex(maxPriorityFeePerGas ?? 0n),
    }
  })
  const head = (await ask(rpcUrl, 'eth_getBlockByNumber', 'latest', false)) as { readonly timestamp: Hex }
  const blockOverrides = { time: toHex(BigInt(head.timestamp) + 1n) }
  const simulate = {
    method: 'eth_simulateV1',
    params: [{ blockStateCalls: [{ blockOverrides, calls }], validation: true }, 'latest'],
  }
  const wrong = await wrongNonce(rpcUrl, bytes)
  if (wrong !== undefined) return { refused: wrong }
  try {
    const [[block], number] = (await adminBatch(rpcUrl, [simulate, { method: 'eth_blockNumber' }])) as [
      [{ calls: { status: Hex; gasUsed: Hex; returnData: Hex }[] }],
      Hex,
    ]
    const runs = block.calls.map(({ status, gasUsed, returnData }) => {
      return { status: status === '0x1', gasUsed: Number(gasUsed), returnData }
    })
    return { runs, block: Number(number) }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}

/** anvil simulates whatever nonces there are; nodes do not. */
async function wrongNonce(rpcUrl: string, bytes: readonly SignedBytes[]): Promise<string | undefined> {
  const counts = new Map<Hex, number>()
  for (const { raw, from } of bytes) {
    const state = counts.get(from) ?? Number(await ask(rpcUrl, 'eth_getTransactionCount', from, 'latest'))
    const { nonce = 0 } = parseTransaction(raw)
    const which = nonce > state ? 'high' : 'low'
    if (nonce !== state) return `nonce too ${which}: address ${from}, tx: ${nonce} state: ${state}`
    counts.set(from, state + 1)
  }
  return undefined
}

/** Of what it was given, all that passes in the next block, in order. What reverts costs nobody anything. */
export async function includable(
  rpcUrl: string,
  tasks: readonly BuilderTask[],
): Promise<readonly SignedBytes[]> {
  const [head] = (await adminBatch(rpcUrl, [{ method: 'eth_blockNumber' }])) as [Hex]
  const next = Number(head) + 1
  let chosen: readonly SignedBytes[] = []
  for (const { bytes } of tasks.filter(({ from, to }) => from <= next && next <= to)) {
    const fresh = bytes.filter(({ hash }) => !chosen.some((one) => one.hash === hash))
    const tried = await tryOut(rpcUrl, [...chosen, ...fresh])
    if (fresh.length > 0 && 'runs' in tried && tried.runs.every(({ status }) => status)) {
      chosen = [...chosen, ...fresh]
    }
  }
  return chosen
}

/** One block: of these alone when there are some, and the pool is as it was afterwards; else of what the pool has. */
export async function seal(rpcUrl: string, chosen: readonly SignedBytes[]): Promise<void> {
  const waiting = chosen.length === 0 ? [] : await takePool(rpcUrl)
  for (const { raw } of chosen) await ask(rpcUrl, 'eth_sendRawTransaction', raw)
  await ask(rpcUrl, 'evm_mine')
  for (const raw of waiting) {
    // One whose nonce is used by now is nobody's any more.
    await ask(rpcUrl, 'eth_sendRawTransaction', raw).catch(() => undefined)
  }
}

async function takePool(rpcUrl: string): Promise<readonly unknown[]> {
  const { pending, queued } = (await ask(rpcUrl, 'txpool_content')) as Record<
    'pending' | 'queued',
    Record<string, Record<string, { readonly hash: Hex }>>
  >
  const all = [...Object.values(pending), ...Object.values(queued)].flatMap((each) => Object.values(each))
  const raws = await Promise.all(all.map(({ hash }) => ask(rpcUrl, 'eth_getRawTransactionByHash', hash)))
  await ask(rpcUrl, 'anvil_dropAllTransactions')
  return raws
}

async function ask(rpcUrl: string, method: string, ...params: unknown[]): Promise<unknown> {
  return (await adminBatch(rpcUrl, [{ method, params }]))[0]
}
