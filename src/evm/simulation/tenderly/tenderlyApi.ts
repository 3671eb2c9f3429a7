import type { Secret } from '../../../primitives/secret.ts'
import { SimulatorAway } from '../execution.ts'
import type { SimulationOutput, TransactionParameters } from './sdkTypes.ts'
import { UNREADABLE } from './tenderlyAnswers.ts'

export interface TenderlyOptions {
  readonly account: string
  readonly project: string
  readonly accessToken: Secret
  /** Where its API is, without a path; https://api.tenderly.co unless the operator says otherwise. */
  readonly apiUrl: string
  readonly timeoutMs: number
}

/** A transaction that Tenderly would not run at all, in its words. */
export interface Unrunnable {
  readonly unrunnable: string
}

/**
 * Simulates transactions one after the other on a block, by Tenderly's own client. What it says of each; throws
 * `SimulatorAway` when it is down, refuses the key or limits requests. Nothing of its errors is passed on as it is:
 * they carry the request, and with it the key (T14).
 */
export async function simulateAtTenderly(
  options: TenderlyOptions,
  network: number,
  transactions: readonly TransactionParameters[],
  blockNumber: number,
  signal: AbortSignal,
): Promise<readonly SimulationOutput[] | Unrunnable> {
  const { simulator } = await clientFor(options, network, signal)
  const [only] = transactions
  try {
    if (transactions.length === 1 && only) {
      const output = await simulator.simulateTransaction({ transaction: only, blockNumber })
      return output ? [output] : []
    }
    return (await simulator.simulateBundle({ transactions: [...transactions], blockNumber })) ?? []
  } catch (error) {
    signal.throwIfAborted()
    return refusalOf(error, options.accessToken)
  }
}

/** The parts of an axios instance that the client keeps to itself. */
interface Wire {
  readonly defaults: {
    baseURL?: string
    timeout?: number
    signal?: AbortSignal
    maxRedirects?: number
    maxContentLength?: number
    proxy?: false
  }
}

/** More than any simulation that can be judged. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/**
 * The client has a fixed address, no time-out and no signal: they are set here, in the one place that knows its inside.
 * It is loaded with its first use, and made anew for each call, which takes microseconds, because signals are per call.
 */
async function clientFor(
  { account, project, accessToken, apiUrl, timeoutMs }: TenderlyOptions,
  network: number,
  signal: AbortSignal,
) {
  const { Tenderly } = await import('@tenderly/sdk')
  const key = accessToken.reveal()
  const client = new Tenderly({ accountName: account, projectName: project, accessKey: key, network })
  const simulator = client.simulator as unknown as Record<'apiV1' | 'apiV2', { readonly api: Wire }>
  for (const version of ['v1', 'v2'] as const) {
    const { defaults } = simulator[version === 'v1' ? 'apiV1' : 'apiV2'].api
    Object.assign(defaults, {
      ...{ baseURL: new URL(`/api/${version}`, apiUrl).href, timeout: timeoutMs, signal },
      ...{ maxRedirects: 0, maxContentLength: MAX_ANSWER_BYTES, proxy: false },
    } satisfies Wire['defaults'])
  }
  return client
}

interface Failure {
  /** Of Tenderly's own error, or of the answer that its client could not read. */
  readonly status?: number
  readonly response?: { readonly status?: number }
  readonly code?: string
  readonly slug?: string
  readonly message?: string
}

/** Returns what says something of the transaction; throws `SimulatorAway` for the rest. */
function refusalOf(error: unknown, accessToken: Secret): Unrunnable {
  const { status: own, response, code, slug = '', message = '' } = error as Failure
  const status = own ?? response?.status
  if (status === 400 && /invalid_transaction|insufficient/.test(`${slug} ${message}`)) {
    return { unrunnable: message.split(accessToken.reveal()).join('[secret]') }
  }
  if (status === 401 || status === 403) {
    throw new SimulatorAway(`it refused the key (${status}): check TENDERLY_API_KEY`, true)
  }
  if (status === 404) {
    throw new SimulatorAway(
      'it knows no such project (404): check TENDERLY_ACCOUNT and TENDERLY_PROJECT',
      true,
    )
  }
  if (status === 429) throw new SimulatorAway('it limits requests (429)')
  // Its own words stay out of the reason, which callers read as ours (R9), and may quote the key (T14).
  if (status !== undefined) throw new SimulatorAway(`it answered with status ${status}`)
  // Its client fell over what it was answered.
  if (error instanceof TypeError) throw new SimulatorAway(UNREADABLE)
  const isLate = code === 'ECONNABORTED' || code === 'ETIMEDOUT'
  throw new SimulatorAway(
    isLate ? 'it did not answer in time' : `it cannot be reached (${code ?? 'no reason'})`,
  )
}
