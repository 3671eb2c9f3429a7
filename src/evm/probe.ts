import { isBursarError } from '../errors/bursarError.ts'
import type { BlockRef } from '../primitives/chainRef.ts'
import { type ChainClient, isMissing } from '../rpc/chainClient.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'

export interface EndpointProbe {
  readonly host: string
  readonly reachable: boolean
  readonly latencyMs?: number
  readonly head?: BlockRef
  /** Whether it can simulate, which Bursar needs before it signs anything. */
  readonly simulates?: boolean
  readonly problem?: string
}

// Nothing is asked of this address but whether the method exists.
const EMPTY_SIMULATION = { blockStateCalls: [{ calls: [] }] }

/** One look at one endpoint: right chain, reachable, how fast, where its head is, whether it simulates. */
export async function probeEvmEndpoint(client: ChainClient, signal: AbortSignal): Promise<EndpointProbe> {
  const { host } = client
  const started = performance.now()
  try {
    const head = parseHead(await client.call(LATEST_BLOCK.method, LATEST_BLOCK.params, signal), host).ref
    const latencyMs = Math.round(performance.now() - started)
    const [simulated] = await client.batch(
      [{ method: 'eth_simulateV1', params: [EMPTY_SIMULATION, 'latest'] }],
      signal,
    )
    const simulates = simulated?.ok === true || (simulated?.ok === false && !isMissing(simulated.error))
    const problem = simulates
      ? {}
      : { problem: 'it does not offer eth_simulateV1, so nothing can be signed through it' }
    return { host, reachable: true, latencyMs, head, simulates, ...problem }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { host, reachable: false, problem: error.message }
  }
}
