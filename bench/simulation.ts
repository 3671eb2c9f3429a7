import { Pool } from 'undici'
import type { FeeTerms } from '../src/chains/adapter.ts'
import { sandboxA } from '../src/chains/data/sandboxA.ts'
import type { SimulatorOrder } from '../src/evm/evmAdapter.ts'
import type { EvmPayload } from '../src/evm/evmPayload.ts'
import type { Task } from '../src/evm/simulation/execution.ts'
import { simulationRequest, transactionArguments } from '../src/evm/simulation/simulateV1.ts'
import { tenderlySimulator } from '../src/evm/simulation/tenderly/tenderly.ts'
import { traceRequests } from '../src/evm/simulation/traced.ts'
import { Secret } from '../src/primitives/secret.ts'
import type { RpcRequest } from '../src/rpc/transport.ts'
import { AGENT, startEngine, startWorld, type World } from '../test/support/engine.ts'
import {
  startTenderly,
  TENDERLY_ACCOUNT,
  TENDERLY_KEY,
  TENDERLY_PROJECT,
  type TenderlyServer,
} from '../test/support/tenderlyServer.ts'
import { type Figures, line, median, quantile, round } from './support/figures.ts'
import { PAYMENTS } from './support/payments.ts'

const TURNS = 150
const WARM_UP = 10

/**
 * How long a simulation takes by each backend (head, balances, nonce, fees and findings included), against the one call
 * that the backend itself is asked with, bare and of the same payload, in turns: a transfer, a token transfer and a
 * contract call. Tenderly is its own client before a server that runs everything on the same chain.
 */
export async function run(): Promise<Figures> {
  const world = await startWorld()
  const tenderly = await startTenderly({ 31337: world.a.rpcUrl })
  const backends = backendsOf(tenderly)
  try {
    line('ms a simulation', 'bare p50', 'p99', 'bursar p50', 'p99', 'ratio')
    const figures: Record<string, number> = {}
    for (const backend of backends) Object.assign(figures, await measure(backend, world))
    return figures
  } finally {
    await Promise.all(backends.map(({ close }) => close?.()))
    await tenderly.close()
    await world.stop()
  }
}

interface Backend {
  /** As figures and receipts name it. */
  readonly name: string
  readonly receipt: string
  readonly order: SimulatorOrder
  /** What it is asked with; absent where that is no call of the chain's endpoint. */
  readonly request?: (task: Task) => RpcRequest
  /** The same of a backend elsewhere. */
  readonly ask?: () => Promise<void>
  readonly close?: () => Promise<void>
}

function backendsOf(tenderly: TenderlyServer): readonly Backend[] {
  const only = (name: string): SimulatorOrder => {
    return (local) => local.filter((each) => each.name === name)
  }
  return [
    atTenderly(tenderly),
    {
      name: 'simulateV1',
      receipt: 'local',
      order: only('local'),
      request: (task) => simulationRequest(task),
    },
    {
      name: 'traceCall',
      receipt: 'local:debug_traceCall',
      order: only('local:debug_traceCall'),
      request: (task) => traceRequests(task)[0],
    },
    {
      name: 'plain',
      receipt: 'local:eth_call',
      order: only('local:eth_call'),
      request: ({ payload, terms, at }) => ({
        method: 'eth_call',
        params: [transactionArguments(payload, terms), at],
      }),
    },
  ]
}

/** What is posted bare is what its client has posted last. */
function atTenderly({ url, asked }: TenderlyServer): Backend {
  const simulator = tenderlySimulator(sandboxA, {
    ...{ account: TENDERLY_ACCOUNT, project: TENDERLY_PROJECT, accessToken: new Secret(TENDERLY_KEY) },
    ...{ apiUrl: url, timeoutMs: 5_000 },
  })
  const pool = new Pool(url)
  const path = `/api/v2/account/${TENDERLY_ACCOUNT}/project/${TENDERLY_PROJECT}/simulations/simulate`
  const headers = { 'content-type': 'application/json', 'x-access-key': TENDERLY_KEY }
  return {
    name: 'tenderly',
    receipt: 'tenderly',
    order: () => [simulator],
    async ask() {
      const body = JSON.stringify(asked.at(-1))
      const answer = await pool.request({ method: 'POST', path, headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(text)
      JSON.parse(text)
    },
    close: () => pool.close(),
  }
}

async function measure(backend: Backend, world: World): Promise<Figures> {
  const engine = startEngine({ lanes: [world.a], services: () => backend.order })
  const figures: Record<string, number> = {}
  try {
    const { adapter, access } = await engine.chains.open(sandboxA.id)
    const { signal } = new AbortController()
    const terms = (await adapter.fees(signal)).tiers.standard
    const usdc = await adapter.asset('USDC', signal)
    for (const [name, payload] of payloads()) {
      // As a payment of it is expected to take it.
      const leaving = payload.to === usdc.address ? [usdc] : []
      const bare = async () => {
        if (backend.ask) return backend.ask()
        const [outcome] = await access.client.batch([callOf(backend, payload, terms)], signal)
        if (!outcome?.ok) throw new Error(`${backend.name} refused ${name}`)
      }
      const whole = async () => {
        const { outcome, simulator } = await adapter.rehearse(payload, terms, leaving, [], signal)
        if (!outcome.ok || simulator.name !== backend.receipt)
          throw new Error(`${name} by ${simulator.name}: ${outcome.revert?.reason}`)
      }
      const turns: { readonly bare: number; readonly whole: number }[] = []
      await whole()
      for (let turn = -WARM_UP; turn < TURNS; turn++) {
        const times = { bare: await timed(bare), whole: await timed(whole) }
        if (turn >= 0) turns.push(times)
      }
      Object.assign(figures, report(`${backend.name}${name}`, turns))
    }
  } finally {
    await engine.stop()
  }
  return figures
}

function callOf({ request }: Backend, payload: EvmPayload, terms: FeeTerms): RpcRequest {
  if (!request) throw new TypeError('it is asked otherwise')
  return request({ payload, terms, at: 'latest', before: [] })
}

function payloads(): readonly (readonly [name: string, payload: EvmPayload])[] {
  return PAYMENTS.map(({ name, transaction: { to, value = 0n, data = '0x' } }) => {
    const gasLimit = data === '0x' ? '21000' : '120000'
    const payload: EvmPayload = {
      ...{ family: 'evm', chain: sandboxA.id, from: AGENT, to, value: value.toString() },
      ...{ data, accessList: [], gasLimit },
    }
    return [`${name[0]?.toUpperCase()}${name.slice(1)}`, payload] as const
  })
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function report(name: string, turns: readonly { readonly bare: number; readonly whole: number }[]): Figures {
  const [bare, whole] = [turns.map((turn) => turn.bare), turns.map((turn) => turn.whole)]
  const ratio = median(whole) / median(bare)
  const shown = [median(bare), quantile(bare, 0.99), median(whole), quantile(whole, 0.99)]
  line(name, ...shown.map((ms) => ms.toFixed(2)), ratio.toFixed(1))
  return {
    [`${name}BareP50Ms`]: round(median(bare)),
    [`${name}P50Ms`]: round(median(whole)),
    [`${name}P99Ms`]: round(quantile(whole, 0.99)),
    [`${name}RatioToBare`]: round(ratio),
  }
}
