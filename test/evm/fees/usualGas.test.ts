import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

let world: World
let engine: Engine
let key = 0

const WORKER = tokenAt(77)

beforeAll(async () => {
  world = await startWorld()
  // Each round writes one slot that was never written: some 22,000 gas.
  const code = compile(`contract Subject {
    mapping(uint256 => uint256) private slots;
    uint256 private next;
    function work(uint256 rounds) external { for (uint i = 0; i < rounds; i++) slots[next++] = 1; }
  }`)
  await world.a.ask('anvil_setCode', WORKER, code)
})
afterAll(() => world.stop())
beforeEach(async () => {
  engine = startEngine({ lanes: [world.a] })
  await prepare({ to: 'merchant', amount: '0.1' })
  return () => engine.stop()
})

async function prepare(request: object) {
  world.a.proxy.reset()
  const intent = await engine.prepare({ ...request, idempotencyKey: `usual ${key++}` })
  // Traces are asked for at the same time as the simulation, two in a request: they are waited for together.
  const traces = world.a.proxy.count('debug_traceCall') / 2
  return { ...intent, roundTrips: world.a.proxy.roundTrips - traces }
}

/** Prepares `work(rounds)`; the gas limit is the one that will be signed. */
async function work(rounds: number) {
  const { intentId, roundTrips } = await prepare({
    to: WORKER,
    function: 'work(uint256)',
    args: [String(rounds)],
  })
  const plan = JSON.parse((await engine.intents.find(intentId))?.plan ?? '{}')
  const [gas] = [
    await world.a.ask('eth_estimateGas', { from: plan.payload.from, to: WORKER, input: plan.payload.data }),
  ]
  return { intentId, roundTrips, gasLimit: Number(plan.payload.gasLimit), needed: Number(gas) }
}

it('C6: a token transfer is simulated in several round trips at first, and in one from then on', async () => {
  const first = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
  const second = await prepare({ to: 'merchant', amount: '2.5', asset: 'USDC' })
  // The first also reads what the token says of itself.
  expect([first.roundTrips, second.roundTrips]).toEqual([3, 1])
  expect(second.simulation.effects).toMatchObject([
    { kind: 'transfer', amount: { display: '2.5', asset: `eip155:31337/erc20:${USDC}` } },
  ])
  const { operationId } = await engine.execute(second.intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
})

it('C6: a call that takes more than its like is simulated again with what it takes', async () => {
  const small = await work(2)
  const large = await work(12)
  expect([small.roundTrips, large.roundTrips]).toEqual([2, 2])
  expect(large.gasLimit).toBe(Math.floor((large.needed * 12 + 9) / 10))
  // What it learnt is the larger one; work that takes half of that is not given all of it.
  const again = await work(12)
  expect([again.roundTrips, again.gasLimit]).toEqual([1, large.gasLimit])
  // One that would pass with it, but without the margin that it must have.
  const more = await work(13)
  expect([more.roundTrips, more.gasLimit]).toEqual([2, Math.floor((more.needed * 12 + 9) / 10)])
  const less = await work(4)
  expect(less.roundTrips).toBe(2)
  expect(less.gasLimit).toBe(Math.floor((less.needed * 12 + 9) / 10))
  // A little less is.
  const little = await work(3)
  expect([little.roundTrips, little.gasLimit]).toEqual([1, less.gasLimit])
})

it('C6, C7: a batch is of the kind of those with as many calls', async () => {
  const batch = (size: number) =>
    prepare({ calls: Array.from({ length: size }, () => ({ to: 'merchant', amount: '0.001' })) })
  const first = [await batch(3), await batch(12)]
  const again = [await batch(3), await batch(12)]
  // That nothing stays in Multicall3 is looked at in one of its own.
  expect(first.map(({ roundTrips }) => roundTrips)).toEqual([3, 3])
  expect(again.map(({ roundTrips }) => roundTrips)).toEqual([2, 2])
})

it('C6: nothing is guessed while calls wait that it may depend on', async () => {
  await work(2)
  expect((await work(2)).roundTrips).toBe(1)
  const { intentId } = await work(2)
  await engine.execute(intentId)
  expect((await work(2)).roundTrips).toBe(2)
  await world.a.mine(1)
})
