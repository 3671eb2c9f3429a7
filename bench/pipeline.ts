import { Pool } from 'undici'
import { privateKeyToAccount } from 'viem/accounts'
import { silentLogger } from '../src/primitives/logger.ts'
import { adminBatch } from '../src/sandbox/adminRpc.ts'
import { sandboxWallets } from '../src/sandbox/sandboxAccounts.ts'
import { type Sandbox, startSandbox } from '../src/sandbox/startSandbox.ts'
import { sandboxKeys } from '../src/wallets/sandboxKeys.ts'
import { type Engine, type Lane, startEngine } from '../test/support/engine.ts'
import { type Figures, line, median, quantile, round } from './support/figures.ts'

const IN_FLIGHT = [1, 16, 64] as const
const PAYMENTS = { 1: 200, 16: 600, 64: 1_200 } as const
const ROUNDS = 3
const MINE_EVERY_MS = 50
const CHAIN = 31337

/**
 * Payments a second from one account, each simulated, judged, given a nonce, signed, written to disk and broadcast,
 * beside a script that only posts transactions that it has signed before: same anvil, same blocks, same run, in turns.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const url = sandbox.chains.find(({ chainId }) => chainId === CHAIN)?.rpcUrl ?? ''
  const lane = { id: `eip155:${CHAIN}`, rpcUrl: url, proxy: { url } } as unknown as Lane
  const engine = startEngine({ lanes: [lane] })
  const mining = mineSteadily(sandbox)
  engine.leases.start((operationId) => engine.driver.drive(operationId))
  try {
    const figures: Record<string, number> = {}
    await pay(engine, 'warm-up', 100, 16)
    line('payments a second', 'blast', 'pipeline', 'ratio', 'p50 ms', 'p99 ms')
    for (const atATime of IN_FLIGHT) {
      const count = PAYMENTS[atATime]
      const turns: { readonly blast: number; readonly paid: Paid }[] = []
      for (let turn = 0; turn < ROUNDS; turn++) {
        const blasted = await blast(url, count, atATime)
        turns.push({ blast: blasted, paid: await pay(engine, `${atATime}-${turn}`, count, atATime) })
      }
      const blasts = median(turns.map((turn) => turn.blast))
      const paid = median(turns.map((turn) => turn.paid.perSecond))
      const ratio = median(turns.map((turn) => turn.paid.perSecond / turn.blast))
      const [p50, p99] = [0.5, 0.99].map((q) => median(turns.map((turn) => quantile(turn.paid.latencies, q))))
      line(
        `${atATime} in flight`,
        blasts.toFixed(0),
        paid.toFixed(0),
        ratio.toFixed(2),
        (p50 ?? 0).toFixed(1),
        (p99 ?? 0).toFixed(1),
      )
      figures[`blast${atATime}PerSecond`] = round(blasts)
      figures[`pipeline${atATime}PerSecond`] = round(paid)
      figures[`pipeline${atATime}ToBlast`] = round(ratio)
      figures[`pipeline${atATime}P99Ms`] = round(p99 ?? Number.NaN)
    }
    return figures
  } finally {
    await engine.leases.stop(() => engine.driver.settled())
    await mining.stop()
    await engine.stop()
    await sandbox.stop()
  }
}

interface Paid {
  readonly perSecond: number
  readonly latencies: readonly number[]
}

/** The intents are there; what is measured is their execution. */
async function pay(engine: Engine, name: string, count: number, atATime: number): Promise<Paid> {
  const intents: string[] = []
  await together(count, 16, async (index) => {
    const request = { to: 'merchant', amount: '0.0001', idempotencyKey: `${name} ${index}` }
    intents.push((await engine.prepare(request)).intentId)
  })
  const latencies: number[] = []
  const began = performance.now()
  await together(count, atATime, async (index) => {
    const asked = performance.now()
    const { steps } = await engine.execute(intents[index] ?? '')
    if (steps[0]?.state !== 'sent') throw new Error(`payment ${index} is ${steps[0]?.state}`)
    latencies.push(performance.now() - asked)
  })
  return { perSecond: (1_000 * count) / (performance.now() - began), latencies }
}

/** Signed before the clock starts, by an account that pays nothing else. */
async function blast(url: string, count: number, atATime: number): Promise<number> {
  const account = privateKeyToAccount(sandboxKeys.merchant.reveal() as `0x${string}`)
  const [first] = await adminBatch(url, [
    { method: 'eth_getTransactionCount', params: [account.address, 'pending'] },
  ])
  const raw = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      account.signTransaction({
        type: 'eip1559',
        chainId: CHAIN,
        nonce: Number(first) + index,
        to: sandboxWallets.agent.address,
        value: 1n,
        gas: 21_000n,
        maxFeePerGas: 10_000_000_000n,
        maxPriorityFeePerGas: 1_000_000_000n,
      }),
    ),
  )
  const pool = new Pool(new URL(url).origin, { connections: 64 })
  const headers = { 'content-type': 'application/json' }
  const began = performance.now()
  await together(count, atATime, async (index) => {
    const call = { jsonrpc: '2.0', id: index, method: 'eth_sendRawTransaction', params: [raw[index]] }
    const response = await pool.request({ method: 'POST', path: '/', headers, body: JSON.stringify(call) })
    const answer = await response.body.text()
    if (!answer.includes('"result"')) throw new Error(answer)
  })
  const perSecond = (1_000 * count) / (performance.now() - began)
  await pool.close()
  return perSecond
}

async function together(
  count: number,
  atATime: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
}

/** Blocks at a steady pace, as a chain makes them. */
function mineSteadily(sandbox: Sandbox): { stop(): Promise<void> } {
  let stopped = false
  const loop = (async () => {
    while (!stopped) {
      await sandbox.mine(CHAIN, 1)
      await new Promise((resolve) => setTimeout(resolve, MINE_EVERY_MS))
    }
  })()
  return {
    async stop() {
      stopped = true
      await loop
    },
  }
}
