import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { caller, type Engine, startEngine, startWorld, type World } from '../../support/engine.ts'
import { compile } from '../../support/tokens.ts'
import { installOracle, opSandbox } from './support/opStack.ts'

let world: World
let engine: Engine
const NODE_INTERFACE = '0x00000000000000000000000000000000000000c8'
const arbitrumSandbox: Chain = { ...sandboxA, feeModel: 'arbitrum' }

beforeAll(async () => {
  world = await startWorld()
  await installOracle(world.a, 10_000_000_000n, 1_000_000_000n)
  // 1,000 gas, and 16 for each byte.
  const code = compile(`contract Subject {
    function gasEstimateL1Component(address, bool, bytes calldata data) external payable
      returns (uint64, uint256, uint256) { return (uint64(1000 + 16 * data.length), 7, 9); }
  }`)
  await world.a.ask('anvil_setCode', NODE_INTERFACE, code)
})
afterAll(() => world.stop())

const startAs = (chain: Chain) => {
  engine = startEngine({ lanes: [world.a], chains: [chain] })
  return () => engine.stop()
}
const price = async (shape: { gasLimit?: bigint; dataBytes: number }) =>
  (await engine.directory.adapter('sandbox-a')).price(shape, caller().signal)

describe('E3: a quote on an OP-stack chain', () => {
  beforeEach(() => startAs(opSandbox))

  it('E3: has the data fee of a plain transfer, in one round trip', async () => {
    await price({ dataBytes: 1 })
    await world.a.mine()
    world.a.proxy.reset()
    const { gas, surcharge, dataFee } = await price({ dataBytes: 0 })
    expect([gas, surcharge, dataFee]).toEqual([
      21_000n,
      { expected: 185_053_300_000n, ceiling: 370_106_600_000n },
      185_053_300_000n,
    ])
    expect(world.a.proxy.roundTrips).toBe(1)
  })

  it('E3: of a payload by its size, as if nothing of it could be compressed', async () => {
    // (836,500 × bytes of FastLZ − 42,585,600) / 10^6 bytes at 18,505.33 gwei the thousand; noise grows in FastLZ.
    const [small, large] = [await price({ dataBytes: 1_000 }), await price({ dataBytes: 2_000 })]
    const perByte = (large.surcharge.expected - small.surcharge.expected) / 1_000n
    expect(perByte).toBeGreaterThan(1_547_000_000n)
    expect(perByte).toBeLessThan(1_700_000_000n)
  })
})

describe('E3: on Arbitrum', () => {
  beforeEach(() => startAs(arbitrumSandbox))

  it('E3: a plain transfer has the gas for its data in its gas', async () => {
    const { gas, surcharge, dataFee, fees } = await price({ dataBytes: 0 })
    expect([gas, surcharge]).toEqual([22_000n, { expected: 0n, ceiling: 0n }])
    expect(dataFee).toBe(1_000n * fees.nextBaseFee)
  })

  it('E3: a gas limit that was estimated has it in it, and it is told apart', async () => {
    const { gas, dataFee, fees } = await price({ gasLimit: 80_000n, dataBytes: 68 })
    expect([gas, dataFee]).toEqual([80_000n, 2_088n * fees.nextBaseFee])
  })

  it('E3: a transfer is prepared with the gas that the node estimates, never with 21,000 by rote', async () => {
    world.a.proxy.setFault((calls) => {
      const index = calls.findIndex(({ method }) => method === 'eth_estimateGas')
      if (index < 0) return undefined
      const text = (answer: string) => {
        const entries = JSON.parse(answer)
        entries[index] = { jsonrpc: '2.0', id: entries[index].id, result: '0x61a8' }
        return JSON.stringify(entries)
      }
      return { kind: 'rewrite', text }
    })
    try {
      for (const idempotencyKey of ['first', 'second']) {
        const { gasLimit } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey })
        // 25,000 and a fifth.
        expect(gasLimit).toBe('30000')
      }
    } finally {
      world.a.proxy.reset()
    }
  })
})
