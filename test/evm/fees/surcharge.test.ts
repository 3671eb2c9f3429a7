import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AGENT, type Engine, startEngine, startWorld, type World } from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { compile } from '../../support/tokens.ts'
import { installOracle, opSandbox, replaceOracle } from './support/opStack.ts'

let world: World
let engine: Engine
let key = 0
const GWEI = 1_000_000_000n

const start = (options: Partial<EngineOptions> = {}) =>
  startEngine({ lanes: [world.a], chains: [opSandbox], ...options })
const prepare = (request: object = {}, by = engine) =>
  by.prepare({ to: 'merchant', amount: '1', ...request, idempotencyKey: `surcharge ${key++}` })

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  // Without a base fee the gas of a transfer costs 21,000,000,000 wei, at the least tip.
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x0')
  await world.a.mine(12)
  await world.a.ask('anvil_setBalance', AGENT, '0x8ac7230489e80000')
  await installOracle(world.a, 10n * GWEI, GWEI)
  engine = start()
  return () => engine.stop()
})

describe('E3: the data fee of an OP-stack chain', () => {
  // (16 × 5,227 × 10 gwei + 1,014,213 × 1 gwei) × 100 bytes, the least, / 10^6: by hand from the Fjord specification.
  const DATA_FEE = 185_053_300_000n

  it('E3: is in what a payment is expected to cost, and twice in its ceiling', async () => {
    const { fees } = await prepare()
    expect(fees.expected.raw).toBe('206053300000')
    expect(fees.ceiling.raw).toBe('391106600000')
    expect(BigInt(fees.expected.raw) - 21_000_000_000n).toBe(DATA_FEE)
  })

  it('E3: is larger for a payload that compresses less', async () => {
    const data = `0x12345678${Array.from({ length: 400 }, (_, n) => ((n * 7919 + n * n * 104_729) % 251).toString(16).padStart(2, '0')).join('')}`
    await world.a.ask('anvil_setCode', '0x00000000000000000000000000000000000cafe1', '0x00')
    const { simulation, fees } = await prepare({
      to: '0x00000000000000000000000000000000000cafe1',
      amount: undefined,
      data,
    })
    const gas = BigInt(simulation.gasUsed) * 1_000_000n
    expect(BigInt(fees.expected.raw) - gas).toBeGreaterThan(2n * DATA_FEE)
  })

  it('E3: is read in the round trip of the simulation', async () => {
    await prepare()
    world.a.proxy.reset()
    await prepare()
    expect(world.a.proxy.roundTrips).toBe(1)
  })

  it('C6, E3: must be there beforehand, to the wei', async () => {
    const needed = 10n ** 18n + 391_106_600_000n
    await world.a.ask('anvil_setBalance', AGENT, `0x${(needed - 1n).toString(16)}`)
    await expect(prepare()).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: { shortfall: '0.000000000000000001' },
    })
    await world.a.ask('anvil_setBalance', AGENT, `0x${needed.toString(16)}`)
    expect(await prepare()).toMatchObject({ status: 'ready' })
  })

  it('T35, E3: counts against the cap on fees', async () => {
    const capped = start({ feeCaps: [{ chain: '*', max: '0.0000003911' }] })
    try {
      await expect(prepare({}, capped)).rejects.toMatchObject({
        code: 'policy_denied',
        context: { rule: 'fee-cap' },
      })
    } finally {
      await capped.stop()
    }
  })

  it('R5, E3: is held while the payment is in flight', async () => {
    const { intentId } = await prepare()
    await engine.execute(intentId)
    expect(engine.rows("select raw from reservations where kind = 'fee'")).toEqual([{ raw: '391106600000' }])
  })

  it('E3: that has grown within the ceiling is paid', async () => {
    const { intentId } = await prepare()
    await installOracle(world.a, 19n * GWEI, GWEI)
    expect(await engine.execute(intentId)).toMatchObject({ state: 'running', sideEffect: 'possible' })
  })

  it('E3: that has grown above the ceiling that was shown is not', async () => {
    const { intentId } = await prepare()
    await installOracle(world.a, 50n * GWEI, GWEI)
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'surcharge_moved',
      context: { needed: '0.0000005195813', agreed: '0.0000003701066', asset: 'ETH' },
      sideEffect: 'none',
    })
  })

  it.each([
    ['there is no oracle', '0x'],
    ['the oracle reverts', '0x60006000fd'],
  ])('E3: nothing is prepared where it cannot be known: %s', async (_name, code) => {
    await replaceOracle(world.a, code)
    await expect(prepare()).rejects.toMatchObject({ code: 'provider_garbage', sideEffect: 'none' })
  })
})

it('E3: the operator fee (Isthmus) is expected for the gas used, and at most for the gas limit', async () => {
  const oracle = compile(`contract Subject {
    function getL1Fee(bytes memory) external pure returns (uint256) { return 1000000; }
    function getOperatorFee(uint256 gas) external pure returns (uint256) { return gas * 3 + 700; }
  }`)
  const SINK = '0x00000000000000000000000000000000000cafe2'
  await replaceOracle(world.a, oracle)
  await world.a.ask('anvil_setCode', SINK, '0x00')
  const { simulation, gasLimit, fees } = await prepare({ to: SINK, amount: undefined, data: '0x12345678' })
  expect([simulation.gasUsed, gasLimit]).toEqual(['21160', '25392'])
  // 21,160 gas at 1,000,000 wei, 1,000,000 for data, 3 × 21,160 + 700; and 25,392 gas, 2,000,000, 3 × 25,392 + 700.
  expect(fees.expected.raw).toBe('21161064180')
  expect(fees.ceiling.raw).toBe('25394076876')
})

it('E3: other chains charge for gas alone, and are asked nothing more', async () => {
  const plain = startEngine({ lanes: [world.a] })
  try {
    world.a.proxy.reset()
    expect((await prepare({}, plain)).fees).toMatchObject({
      expected: { raw: '21000000000' },
      ceiling: { raw: '21000000000' },
    })
    expect(world.a.proxy.count('eth_call')).toBe(0)
  } finally {
    await plain.stop()
  }
})
