import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { caller, type Engine, startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World
let engine: Engine
const GWEI = 1_000_000_000n

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
  await world.a.mine()
  world.a.proxy.reset()
})

/** Gives this for the fee history, and three gwei for the price of gas. */
function answering(history: object) {
  engine = startEngine({ lanes: [world.a] })
  world.a.proxy.setFault((calls) => {
    const index = calls.findIndex(({ method }) => method === 'eth_feeHistory' || method === 'eth_gasPrice')
    if (index < 0) return undefined
    const text = (answer: string) => {
      const parsed = JSON.parse(answer)
      const entries = Array.isArray(parsed) ? parsed : [parsed]
      const { id } = entries[index]
      const told = calls[index]?.method === 'eth_gasPrice' ? { result: '0xb2d05e00' } : history
      entries[index] = { jsonrpc: '2.0', id, ...told }
      return JSON.stringify(Array.isArray(parsed) ? entries : entries[0])
    }
    return { kind: 'rewrite', text }
  })
}
const fees = async () => (await engine.directory.adapter('sandbox-a')).fees(caller().signal)

it('E1: a node without a fee history is asked for its gas price, and the answer says so', async () => {
  answering({ error: { code: -32601, message: 'the method eth_feeHistory does not exist' } })
  try {
    expect(await fees()).toMatchObject({
      baseFee: GWEI,
      // An empty block of one gwei.
      nextBaseFee: 875_000_000n,
      source: 'gas-price',
      confidence: 'low',
      tiers: {
        slow: { maxPriorityFeePerGas: '2000000000' },
        standard: { maxPriorityFeePerGas: '2000000000' },
        fast: { maxPriorityFeePerGas: '2000000000' },
      },
    })
    const { fees: offered } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'none' })
    expect(offered).toMatchObject({ maxPriorityFeePerGasGwei: '2', expected: { raw: '60375000000000' } })
  } finally {
    await engine.stop()
  }
})

it('E1: so is one whose history does not say what was tipped; its base fees are used', async () => {
  const number = BigInt((await world.a.ask('eth_blockNumber')) as string)
  const result = {
    oldestBlock: `0x${number.toString(16)}`,
    baseFeePerGas: ['0x3b9aca00', '0x34630b80'],
    gasUsedRatio: [0],
  }
  answering({ result })
  try {
    expect(await fees()).toMatchObject({
      nextBaseFee: 878_906_240n,
      source: 'gas-price',
      tiers: { standard: { maxPriorityFeePerGas: '2000000000' } },
    })
  } finally {
    await engine.stop()
  }
})
