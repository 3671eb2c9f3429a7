import { afterAll, beforeAll, expect, it } from 'vitest'
import { startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

it('B4, R1: a chain that outruns its endpoint’s rate limit is paid on: what is judged is of one block', async () => {
  const engine = startEngine({ lanes: [world.a], rateLimit: 5 })
  let mining = true
  const miner = (async () => {
    while (mining) {
      await world.a.mine()
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  })()
  try {
    const payment = { to: 'merchant', amount: '5', asset: 'USDC', idempotencyKey: 'slow' }
    const { intentId } = await engine.prepare(payment)
    const { steps } = await engine.execute(intentId)
    expect(steps[0]?.attempts).toHaveLength(1)
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(1)
  } finally {
    mining = false
    await miner
    await engine.stop()
  }
}, 60_000)
