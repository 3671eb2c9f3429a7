import type { RpcRequest } from '../transport.ts'

/** How long an answer stays true. `head`: at most so long, and not after the chain has a new block. */
export type Lifetime =
  | { readonly kind: 'forever' }
  | { readonly kind: 'head'; readonly ms: number }
  | { readonly kind: 'never' }

const NEVER: Lifetime = { kind: 'never' }
const FOREVER: Lifetime = { kind: 'forever' }
const head = (seconds: number): Lifetime => ({ kind: 'head', ms: seconds * 1000 })

const LATEST: Readonly<Record<string, Lifetime>> = {
  eth_blockNumber: head(12),
  eth_gasPrice: head(15),
  eth_maxPriorityFeePerGas: head(15),
  eth_feeHistory: head(15),
  eth_getBalance: head(30),
  eth_getTransactionCount: head(30),
  eth_getCode: head(30),
  eth_getStorageAt: head(30),
  eth_call: head(30),
  eth_getBlockByNumber: head(12),
  eth_getTransactionReceipt: head(12),
  eth_getTransactionByHash: head(12),
}

/** Methods whose last parameter names a block; where it does so by hash the answer never changes. */
export const AT_BLOCK = /^eth_(getBalance|getTransactionCount|getCode|getStorageAt|call)$/

/** How long the answer to one call may be kept. What is not known is not kept. */
export function lifetimeOf({ method, params }: RpcRequest): Lifetime {
  if (method === 'eth_chainId') return FOREVER
  if (method === 'eth_getBlockByHash') return FOREVER
  if (AT_BLOCK.test(method) && namesHash(params.at(-1))) return FOREVER
  return LATEST[method] ?? NEVER
}

/** A batch is one answer about one moment, so it is kept as a whole, as long as its shortest-lived part. */
export function lifetimeOfBatch(requests: readonly RpcRequest[]): Lifetime {
  let ms = Number.POSITIVE_INFINITY
  for (const request of requests) {
    const lifetime = lifetimeOf(request)
    if (lifetime.kind === 'never') return NEVER
    if (lifetime.kind === 'head') ms = Math.min(ms, lifetime.ms)
  }
  return ms === Number.POSITIVE_INFINITY ? FOREVER : { kind: 'head', ms }
}

function namesHash(parameter: unknown): boolean {
  return typeof parameter === 'object' && parameter !== null && 'blockHash' in parameter
}
