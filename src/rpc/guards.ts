import { BursarError } from '../errors/bursarError.ts'
import { unattended } from '../primitives/abort.ts'
import type { RpcTransport } from './transport.ts'

/**
 * What may be asked by anyone: reads and simulations. It is a list of what is allowed, so that a send method
 * that a node invents tomorrow is refused as well (R7).
 */
const READS: ReadonlySet<string> = new Set([
  'eth_blobBaseFee',
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_createAccessList',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getLogs',
  'eth_getProof',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_simulateV1',
  'eth_syncing',
  'debug_traceCall',
  'debug_traceTransaction',
  'net_version',
  'web3_clientVersion',
])

/** Refuses everything but reads with `send_forbidden`, before anything leaves the process. */
export function readsOnly(inner: RpcTransport): RpcTransport {
  return {
    host: inner.host,
    close: () => inner.close(),
    send(requests, signal) {
      const forbidden = requests.find(({ method }) => !READS.has(method))
      if (forbidden) return Promise.reject(new BursarError('send_forbidden', { method: forbidden.method }))
      return inner.send(requests, signal)
    },
  }
}

/** How an endpoint says which chain it serves. */
export interface ChainIdentity {
  readonly method: string
  /** The answer that proves the right chain. */
  readonly expected: string
}

/**
 * Asks the endpoint once for its chain before anything else passes (R13), and refuses it with
 * `provider_wrong_chain` for as long as it gives another answer.
 */
export function verifiedChain(inner: RpcTransport, identity: ChainIdentity, chainId: string): RpcTransport {
  let verification: Promise<void> | undefined

  async function verify(): Promise<void> {
    // Not the caller's signal: others wait for the same answer. The transport bounds the time.
    const [outcome] = await inner.send([{ method: identity.method, params: [] }], unattended())
    const found = outcome?.ok ? String(outcome.result) : 'none'
    if (found.toLowerCase() === identity.expected) return
    const shown = /^0x[0-9a-f]{1,16}$/i.test(found) ? BigInt(found).toString() : found.slice(0, 64)
    throw new BursarError(
      'provider_wrong_chain',
      { host: inner.host, expected: chainId, found: shown },
      { chain: chainId },
    )
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    async send(requests, signal) {
      verification ??= verify()
      try {
        await verification
      } catch (error) {
        // A failed or wrong answer is asked for again next time: endpoints recover.
        verification = undefined
        throw error
      }
      return inner.send(requests, signal)
    },
  }
}
