import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { caller, type Engine, startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

it('E1: the formula gives what a real node gives, block after block, and what its next block has', async () => {
  const adapter = await engine.directory.adapter('sandbox-a')
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x12a05f200')
  await world.a.mine()
  for (let blocks = 0; blocks < 4; blocks++) {
    const { nextBaseFee, source } = await adapter.fees(caller().signal)
    expect(source).toBe('exact')
    await world.a.mine()
    const { baseFeePerGas } = (await world.a.ask('eth_getBlockByNumber', 'latest', false)) as {
      baseFeePerGas: string
    }
    expect(BigInt(baseFeePerGas)).toBe(nextBaseFee)
  }
})
