import type { Agent } from './support/agent.ts'
import { countedSandbox } from './support/countedSandbox.ts'
import { type Figures, line, median, quantile, round } from './support/figures.ts'
import { FILL, PAYMENTS, type Payment, viemWallet } from './support/payments.ts'

const ROUND_TRIP_MS = 50
const TURNS = 15

/**
 * How long one payment takes through an endpoint that is 50 ms away: from simulate_transaction to the answer of
 * send_transaction, over stdio with a real client, against viem's sendTransaction, which simulates, judges and records
 * nothing. In turns, same chain, same proxy, at a node without eth_fillTransaction, as public endpoints are; that
 * refusal is told at once.
 */
export async function run(): Promise<Figures> {
  const world = await countedSandbox()
  try {
    const [chain] = world.chains
    chain.lack(FILL)
    const viem = viemWallet(chain.url)
    const figures: Record<string, number> = {}
    chain.slow(ROUND_TRIP_MS)
    line('ms a payment', 'bursar p50', 'p99', 'viem p50', 'p99', 'ratio')
    for (const payment of PAYMENTS) {
      await pay(world.agent, payment, 'warm-up')
      await viem.sendTransaction(payment.transaction)
      const turns: { readonly bursar: number; readonly viem: number }[] = []
      for (let turn = 0; turn < TURNS; turn++) {
        const bursar = await pay(world.agent, payment, String(turn))
        const began = performance.now()
        await viem.sendTransaction(payment.transaction)
        turns.push({ bursar, viem: performance.now() - began })
      }
      Object.assign(figures, report(payment.name, turns))
    }
    return figures
  } finally {
    await world.close()
  }
}

async function pay(agent: Agent, { name, args }: Payment, turn: string): Promise<number> {
  const request = { chain: 'sandbox-a', wallet: 'agent', ...args, idempotencyKey: `${name}-${turn}` }
  const began = performance.now()
  const { intentId } = await agent.call('simulate_transaction', request)
  const { operationId } = await agent.call('send_transaction', { intentId })
  const ms = performance.now() - began
  const wait = { operation: operationId, waitSeconds: 45, until: 'final' }
  const { state } = await agent.call('get_operation', wait)
  if (state !== 'committed') throw new Error(`${name} ended as ${String(state)}`)
  return ms
}

function report(name: string, turns: readonly { readonly bursar: number; readonly viem: number }[]): Figures {
  const ours = turns.map(({ bursar }) => bursar)
  const theirs = turns.map(({ viem }) => viem)
  const ratio = median(turns.map(({ bursar, viem }) => bursar / viem))
  const shown = [median(ours), quantile(ours, 0.99), median(theirs), quantile(theirs, 0.99)]
  line(name, ...shown.map((ms) => ms.toFixed(0)), ratio.toFixed(2))
  return {
    [`${name}Ms`]: round(median(ours)),
    [`${name}ViemMs`]: round(median(theirs)),
    [`${name}RatioToViem`]: round(ratio),
  }
}
