import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import { installOracle, opSandbox, replaceOracle } from '../../evm/fees/support/opStack.ts'
import { type Engine, startEngine, startWorld, TIP_JAR, type World } from '../../support/engine.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

const GWEI = 1_000_000_000n
const tip = { to: TIP_JAR, amount: '0.01', function: 'tip(string)', args: ['thanks'] }
const pay = (to: string) => ({ to, amount: '0.01' })

let world: World
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return async () => {
    world.a.proxy.reset()
    await engine.stop()
  }
})
const prepare = (request: object, by = engine) =>
  by.prepare({ ...request, idempotencyKey: `saving ${key++}` })

/** Gas that it really takes. */
async function spend(request: object): Promise<bigint> {
  const { operationId } = await engine.execute((await prepare(request)).intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  return BigInt((await engine.get(operationId)).steps[0]?.gasUsed ?? 0)
}

describe('C7: what a batch saves', () => {
  it('C7: is what the same calls take one by one, to the unit of gas, as they then really do', async () => {
    await spend(tip)
    const calls = [tip, tip, tip, tip, tip]
    const { batch, simulation, next } = await prepare({ calls })
    const apart: bigint[] = []
    for (const call of calls) apart.push(await spend(call))
    const together = await spend({ calls })
    expect(apart).toEqual([39_708n, 39_708n, 39_708n, 39_708n, 39_708n])
    expect(simulation.gasUsed).toBe(together.toString())
    expect(batch?.saved?.gas).toBe((5n * 39_708n - together).toString())
    expect(BigInt(batch?.saved?.gas ?? 0)).toBeGreaterThan(0n)
    expect(next).toMatch(/^Check the effects/)
  })

  it('C7: is negative where a batch takes more, and then the answer says to send them separately', async () => {
    const calls = [pay('merchant'), pay('payroll')]
    const { batch, fees, simulation, next } = await prepare({ calls })
    const together = await spend({ calls })
    expect(batch?.saved?.gas).toBe((42_000n - together).toString())
    expect(batch?.saved?.gas).toMatch(/^-\d+$/)
    expect(batch?.saved?.amount).toMatchObject({ symbol: 'ETH', display: expect.stringMatching(/^-0\./) })
    // At the price that the fee is expected at, to the wei.
    const price = BigInt(fees.expected.raw) / BigInt(simulation.gasUsed)
    expect(BigInt(batch?.saved?.amount.raw ?? 0)).toBe(price * (42_000n - together))
    expect(next).toMatch(/^Together these calls cost more than one by one: prepare them separately, unless/)
  })

  it('is measured in the round trip that finds the gas limit, and once', async () => {
    await prepare({ calls: [pay('merchant'), pay('payroll')] })
    world.a.proxy.reset()
    await prepare({ calls: [pay('merchant'), pay('payroll')] })
    const simulations = world.a.proxy.calls.filter(({ method, params }) => {
      return method === 'eth_simulateV1' && JSON.stringify(params).includes('"validation":false')
    })
    expect(simulations).toHaveLength(1)
  })

  it('is absent where a call cannot be made outside of the batch', async () => {
    const gate = tokenAt(710)
    await world.a.ask(
      'anvil_setCode',
      gate,
      compile(`contract Subject { function only() external view {
        require(msg.sender == 0xcA11bde05977b3631167028862bE2a173976CA11); } }`),
    )
    const { batch, next } = await prepare({ calls: [pay('merchant'), { to: gate, function: 'only()' }] })
    expect(batch).toEqual({ calls: 2 })
    expect(next).toMatch(/^Check the effects/)
  })

  it('is absent where the endpoint cannot simulate, and nothing is invented', async () => {
    world.a.proxy.setFault(withoutMethods(['eth_simulateV1']))
    const { batch, simulation } = await prepare({ calls: [pay('merchant'), pay('payroll')] })
    expect(simulation.backend).toBe('local:debug_traceCall')
    expect(batch).toEqual({ calls: 2 })
  })

  it('is absent on Arbitrum, whose simulations do not count the gas for data', async () => {
    const arbitrum = startEngine({ lanes: [world.a], chains: [{ ...sandboxA, feeModel: 'arbitrum' }] })
    try {
      const { batch } = await prepare({ calls: [pay('merchant'), pay('payroll')] }, arbitrum)
      expect(batch).toEqual({ calls: 2 })
    } finally {
      await arbitrum.stop()
    }
  })

  it('goes on from what waits, as the batch does', async () => {
    const once = tokenAt(711)
    await world.a.ask(
      'anvil_setCode',
      once,
      compile(`contract Subject { bool open; function start() external { open = true; }
        function use() external payable { require(open); } }`),
    )
    const first = await prepare({ to: once, function: 'start()' })
    const { operationId } = await engine.execute(first.intentId)
    const use = { to: once, function: 'use()' }
    const { batch } = await prepare({ calls: [pay('merchant'), use] })
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(batch?.saved?.gas).toMatch(/^-?\d+$/)
  })
})

describe('E3: on an OP-stack chain', () => {
  // As in surcharge.test.ts: by hand from the Fjord specification, for a payload of the least size.
  const DATA_FEE = 185_053_300_000n

  it('E3: the data fee of each transaction that is not sent is saved, that of the batch is not', async () => {
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x0')
    await world.a.mine(12)
    await installOracle(world.a, 10n * GWEI, GWEI)
    const op = startEngine({ lanes: [world.a], chains: [opSandbox] })
    try {
      const calls = ['merchant', 'payroll', 'treasury', 'merchant'].map(pay)
      const { batch, fees, simulation } = await prepare({ calls }, op)
      const gasPrice = 1_000_000n
      const dataFee = BigInt(fees.expected.raw) - gasPrice * BigInt(simulation.gasUsed)
      expect(dataFee).toBeGreaterThan(DATA_FEE)
      expect(dataFee).toBeLessThan(4n * DATA_FEE)
      expect(BigInt(batch?.saved?.amount.raw ?? 0)).toBe(
        gasPrice * (84_000n - BigInt(simulation.gasUsed)) + 4n * DATA_FEE - dataFee,
      )
    } finally {
      await op.stop()
    }
  })

  it('E3: and the operator fee, whose fixed part each transaction pays', async () => {
    const oracle = compile(`contract Subject {
      function getL1Fee(bytes memory) external pure returns (uint256) { return 1000000; }
      function getOperatorFee(uint256 gas) external pure returns (uint256) { return gas * 3 + 700; }
    }`)
    await replaceOracle(world.a, oracle)
    const op = startEngine({ lanes: [world.a], chains: [opSandbox] })
    try {
      const { batch, simulation } = await prepare({ calls: [pay('merchant'), pay('payroll')] }, op)
      const gas = 42_000n - BigInt(simulation.gasUsed)
      // One data fee of 1,000,000 and one fixed 700 more than the batch, and 3 for each unit of gas.
      expect(BigInt(batch?.saved?.amount.raw ?? 0)).toBe(1_000_000n * gas + 1_000_000n + 700n + 3n * gas)
    } finally {
      await op.stop()
    }
  })
})
