import { zeroAddress } from 'viem'
import { isBursarError } from '../../errors/bursarError.ts'
import type { BlockRef } from '../../primitives/chainRef.ts'
import { type ChainClient, isMissing } from '../../rpc/chainClient.ts'
import type { RpcOutcome } from '../../rpc/transport.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'

export interface EndpointProbe {
  readonly host: string
  readonly reachable: boolean
  readonly latencyMs?: number
  readonly head?: BlockRef
  /** How it can simulate, which Bursar needs before it signs anything: by `call` it shows nothing inside contracts. */
  readonly simulates?: 'eth_simulateV1' | 'debug_traceCall' | 'eth_call'
  readonly problem?: string
}

// Nothing is asked but whether the methods exist.
const SIMULATE = { method: 'eth_simulateV1', params: [{ blockStateCalls: [{ calls: [] }] }, 'latest'] }
const TRACE = {
  method: 'debug_traceCall',
  params: [{ to: zeroAddress }, 'latest', { tracer: 'callTracer' }],
}

/** One look at one endpoint: right chain, reachable, how fast, where its head is, how it simulates. */
export async function probeEvmEndpoint(client: ChainClient, signal: AbortSignal): Promise<EndpointProbe> {
  const { host } = client
  const started = performance.now()
  try {
    const head = parseHead(await client.call(LATEST_BLOCK.method, LATEST_BLOCK.params, signal), host).ref
    const latencyMs = Math.round(performance.now() - started)
    const [simulated, traced] = await client.batch([SIMULATE, TRACE], signal)
    const simulates = isOffered(simulated)
      ? 'eth_simulateV1'
      : isOffered(traced)
        ? 'debug_traceCall'
        : 'eth_call'
    const problem =
      simulates === 'eth_call'
        ? {
            problem:
              'it offers neither eth_simulateV1 nor debug_traceCall: no contract can be called through it',
          }
        : {}
    return { host, reachable: true, latencyMs, head, simulates, ...problem }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { host, reachable: false, problem: error.message }
  }
}

const isOffered = (outcome: RpcOutcome | undefined) =>
  outcome?.ok === true || (outcome?.ok === false && !isMissing(outcome.error))
