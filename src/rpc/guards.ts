import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { unattended } from '../primitives/abort.ts'
import { nameOf, type RpcOutcome, type RpcRequest, type RpcTransport } from './transport.ts'

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

/** For an answer that names no chain: its words are a stranger's, and stand in no sentence of ours (R9). */
export const NO_CHAIN_ID = 'unknown'

/** An endpoint is asked again which chain it serves when it was last asked so long ago: routes change under us. */
const IDENTITY_MS = 10_000

/**
 * Asks the endpoint for its chain before anything else passes (R13), and again along with what is asked later. Refuses
 * it with `provider_wrong_chain` for as long as it gives another answer; no answer is not another one.
 */
export function verifiedChain(
  inner: RpcTransport,
  identity: ChainIdentity,
  chainId: string,
  identityMs = IDENTITY_MS,
): RpcTransport {
  const question: RpcRequest = { method: identity.method, params: [] }
  let verification: Promise<void> | undefined
  let askedAt = Number.POSITIVE_INFINITY

  function check(outcome: RpcOutcome | undefined): void {
    if (!outcome?.ok) {
      const reason = `it does not say which chain it serves (code ${outcome?.error.code ?? 0})`
      throw new BursarError('provider_unreachable', { host: inner.host, reason }, { chain: chainId })
    }
    const found = String(outcome.result)
    if (found.toLowerCase() !== identity.expected) {
      const shown = /^0x[0-9a-f]{1,16}$/i.test(found) ? BigInt(found).toString() : NO_CHAIN_ID
      const context = { host: inner.host, expected: chainId, found: shown }
      throw new BursarError('provider_wrong_chain', context, { chain: chainId })
    }
  }

  function forget(): void {
    verification = undefined
    askedAt = Number.POSITIVE_INFINITY
  }

  async function verify(): Promise<void> {
    // Not the caller's signal: others wait for the same answer. The transport bounds the time.
    const [outcome] = await inner.send([question], unattended())
    check(outcome)
    askedAt = performance.now()
  }

  /** In one round trip with what is asked: an answer of another chain never passes. */
  async function along(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    askedAt = performance.now()
    const [own, ...outcomes] = await inner.send([question, ...requests], signal).catch((error: unknown) => {
      throw isBursarError(error, 'answer_too_large') ? tooLarge(error, requests) : error
    })
    try {
      check(own)
    } catch (error) {
      forget()
      throw error
    }
    return outcomes
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    async send(requests, signal) {
      if (verification && performance.now() - askedAt >= identityMs && requests.every(isRead)) {
        return along(requests, signal)
      }
      verification ??= verify()
      try {
        await verification
      } catch (error) {
        // A failed or wrong answer is asked for again next time: endpoints recover.
        forget()
        throw error
      }
      return inner.send(requests, signal)
    },
  }
}

/** Told of what was asked for, and not of what was asked along with it. */
function tooLarge(error: BursarError<'answer_too_large'>, requests: readonly RpcRequest[]): BursarError {
  const { chain, cause } = error
  return new BursarError(
    'answer_too_large',
    { ...error.context, method: nameOf(requests) },
    { cause, ...(chain && { chain }) },
  )
}

/** Signed bytes name their chain themselves, and must not wait for anything. */
const isRead = ({ method }: RpcRequest) => READS.has(method)
