import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'

export const TENDERLY_KEY = 'tenderly-access-key-of-the-tests'
export const TENDERLY_ACCOUNT = 'treasury'
export const TENDERLY_PROJECT = 'payments'

export type TenderlyFault =
  | { readonly kind: 'status'; readonly code: number; readonly body?: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'body'; readonly text: string }
  /** Changes what is answered. */
  | { readonly kind: 'rewrite'; readonly change: (answer: Simulated) => unknown }

/** Tenderly's simulation API as its client speaks it, before a real chain. */
export interface TenderlyServer {
  readonly url: string
  /** Bodies of the requests that reached a simulator. */
  readonly asked: readonly TenderlyRequest[]
  setFault(fault: TenderlyFault | undefined): void
  close(): Promise<void>
}

export interface TenderlyRequest {
  readonly network_id: string
  readonly call_args: CallArguments | readonly CallArguments[]
  readonly block_number_or_hash: { readonly blockNumber: number }
}

interface CallArguments {
  readonly from: string
  readonly to: string
  readonly gas: number
  readonly gas_price: string
  readonly value: string
  readonly data: string
}

/** `chains`: endpoints of the chains that it simulates, by chain id. */
export async function startTenderly(chains: Readonly<Record<number, string>>): Promise<TenderlyServer> {
  const asked: TenderlyRequest[] = []
  let fault: TenderlyFault | undefined
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      refuse(response, 500, 'internal', String(error))
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request)
    if (fault && failing(fault, response)) return
    if (isTurnedAway(request, response)) return
    const wanted = JSON.parse(body) as TenderlyRequest
    const url = chains[Number(wanted.network_id)]
    if (!url) return refuse(response, 400, 'invalid_network', 'The network is not supported.')
    asked.push(wanted)
    const told = await simulate(url, wanted)
    if (typeof told === 'string') return refuse(response, 400, 'invalid_transaction_simulation', told)
    const changed = fault?.kind === 'rewrite' ? told.map(fault.change) : told
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(request.url === PATH ? changed[0] : { simulations: changed }))
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    setFault(next) {
      fault = next
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const PATH = `/api/v2/account/${TENDERLY_ACCOUNT}/project/${TENDERLY_PROJECT}/simulations/simulate`

function isTurnedAway(request: IncomingMessage, response: ServerResponse): boolean {
  const knows = request.headers['x-access-key'] === TENDERLY_KEY
  if (!knows) refuse(response, 401, 'unauthorized', 'This action is unauthorized.')
  else if (request.url !== PATH && request.url !== `${PATH}/bundle`)
    refuse(response, 404, 'not_found', 'The requested resource was not found.')
  return response.headersSent
}

/** Whether the fault is all that is answered. */
function failing(fault: TenderlyFault, response: ServerResponse): boolean {
  if (fault.kind === 'body') response.end(fault.text)
  if (fault.kind === 'status') {
    response.writeHead(fault.code, { 'content-type': 'application/json' })
    response.end(fault.body ?? JSON.stringify({ error: { slug: 'failed', message: 'it failed' } }))
  }
  return fault.kind !== 'rewrite'
}

/** What each of the transactions does; a text when they are not run at all. */
async function simulate(url: string, wanted: TenderlyRequest): Promise<readonly Simulated[] | string> {
  const calls = [wanted.call_args].flat() as readonly CallArguments[]
  const block = wanted.block_number_or_hash.blockNumber
  const poor = await unfunded(url, calls, block)
  if (poor !== undefined) return poor
  const [only] = calls
  return calls.length === 1 && only ? [await traced(url, only, block)] : inOrder(url, calls, block)
}

/** What Tenderly refuses before it runs anything: an account that does not have what it offers. */
async function unfunded(
  url: string,
  calls: readonly CallArguments[],
  block: number,
): Promise<string | undefined> {
  const [first] = calls
  const [balance] = await adminBatch(url, [{ method: 'eth_getBalance', params: [first?.from, hex(block)] }])
  const needed = calls.reduce((sum, { value, gas, gas_price }) => {
    return sum + BigInt(value) + BigInt(gas) * BigInt(gas_price)
  }, 0n)
  return BigInt(String(balance)) < needed
    ? `insufficient funds for gas * price + value: have ${balance}`
    : undefined
}

export interface Simulated {
  readonly status: boolean
  readonly gas_used: number
  readonly block_number: number
  readonly logs: readonly unknown[]
  readonly trace: readonly unknown[]
}

interface Frame {
  readonly type: string
  readonly from: string
  readonly to?: string
  readonly gas: string
  readonly gasUsed: string
  readonly value?: string
  readonly input: string
  readonly output?: string
  readonly error?: string
  readonly revertReason?: string
  readonly logs?: readonly { address: string; topics: string[]; data: string }[]
  readonly calls?: readonly Frame[]
}

async function traced(url: string, call: CallArguments, block: number): Promise<Simulated> {
  const tracer = { tracer: 'callTracer', tracerConfig: { withLog: true } }
  const [top] = (await adminBatch(url, [
    { method: 'debug_traceCall', params: [transactionOf(call), hex(block), tracer] },
  ])) as [Frame]
  const trace = flat(top, [])
  return {
    status: top.error === undefined,
    gas_used: Number(top.gasUsed),
    block_number: block,
    logs: trace.flatMap(({ events }) => events.map((raw) => ({ raw }))),
    trace: trace.map(({ events: _events, ...entry }) => entry),
  }
}

/** Tenderly's list of calls: each tells by its path whose child it is. */
function flat(
  frame: Frame,
  path: readonly number[],
): readonly (Record<string, unknown> & { events: readonly object[] })[] {
  const calls = frame.calls ?? []
  const entry = {
    ...{ type: frame.type, from: frame.from, to: frame.to ?? null, input: frame.input },
    ...{ gas: Number(frame.gas), gas_used: Number(frame.gasUsed), value: Number(frame.value ?? 0) },
    ...{ output: frame.output ?? null, error: frame.error ?? null, error_reason: frame.revertReason ?? null },
    ...{ subtraces: calls.length, trace_address: path },
    events: (frame.error ? [] : (frame.logs ?? [])).map(({ address, topics, data }) => ({
      address,
      topics,
      data,
    })),
  }
  return [entry, ...calls.flatMap((call, index) => flat(call, [...path, index]))]
}

/** Several one after the other: what each does is told, and not whom it calls inside. */
async function inOrder(
  url: string,
  calls: readonly CallArguments[],
  block: number,
): Promise<readonly Simulated[]> {
  const options = { blockStateCalls: [{ calls: calls.map(transactionOf) }], validation: false }
  const [[simulated]] = (await adminBatch(url, [
    { method: 'eth_simulateV1', params: [options, hex(block)] },
  ])) as [
    [{ calls: { status: string; gasUsed: string; returnData: string; logs: Record<string, unknown>[] }[] }],
  ]
  return simulated.calls.map(({ status, gasUsed, returnData, logs }, index) => {
    const { from, to, gas, value, data } = calls[index] as CallArguments
    const failed = status === '0x1' ? null : 'execution reverted'
    const root = {
      ...{ type: 'CALL', from, to, input: data, gas, gas_used: Number(gasUsed), value: Number(value) },
      ...{ output: returnData, error: failed, error_reason: null, subtraces: 0, trace_address: [] },
    }
    return {
      ...{ status: failed === null, gas_used: Number(gasUsed), block_number: block },
      logs: logs.map(({ address, topics, data }) => ({ raw: { address, topics, data } })),
      trace: [root],
    }
  })
}

const transactionOf = ({ from, to, gas, gas_price, value, data }: CallArguments) => ({
  ...{ from, to, input: data, gas: hex(gas), gasPrice: hex(BigInt(gas_price)), value: hex(BigInt(value)) },
})

const hex = (value: number | bigint) => `0x${value.toString(16)}`

function refuse(response: ServerResponse, status: number, slug: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error: { id: 'a1b2c3', slug, message } }))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}
