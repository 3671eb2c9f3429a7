import { getAddress, type Hex, pad, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { AGENT, type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import type { FaultRule } from '../../support/rpcProxy.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

// T11: what a contract does once nobody simulates it any more.
let world: World
let engine: Engine
let key = 0

const SHOP = tokenAt(120)
const SHOP_SEEN = getAddress(SHOP)
beforeAll(async () => {
  world = await startWorld()
  // It takes 5 and gives 100; what it really does is in its first two slots.
  const code = compile(`contract Subject {
    uint256 taken; uint256 given; uint256 events; uint256 kept;
    event Transfer(address indexed from, address indexed to, uint256 value);
    function decimals() external pure returns (uint8) { return 0; }
    function pay(uint256 change) private { payable(msg.sender).transfer(change); }
    function buy() external payable {
      emit Transfer(msg.sender, address(this), 5 + taken);
      emit Transfer(address(this), msg.sender, 100 - given);
      pay(1000 - kept);
      for (uint i = 0; i < events; i++) emit Transfer(address(this), address(1), 1);
    }
  }`)
  await world.a.ask('anvil_setCode', SHOP, code)
  await world.a.ask('anvil_setBalance', SHOP, '0xde0b6b3a7640000')
})
afterAll(() => world.stop())
beforeEach(async () => {
  for (const slot of [0, 1, 2, 3]) await set(slot, 0)
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const word = (value: number): Hex => pad(toHex(value), { size: 32 })
const set = (slot: number, value: number) => world.a.ask('anvil_setStorageAt', SHOP, word(slot), word(value))

/** Bought and sent; then the shop changes its ways, and the block comes. */
async function buyFrom(change: () => Promise<unknown>, amount = '0') {
  const request = { to: SHOP, function: 'buy()', amount, idempotencyKey: `post ${key++}` }
  const { intentId } = await engine.prepare(request)
  const { operationId } = await engine.execute(intentId)
  await change()
  await world.a.mine(1)
  await engine.driver.drive(operationId)
  const included = await engine.get(operationId)
  await world.a.mine(1)
  await engine.driver.drive(operationId)
  return { included, final: await engine.get(operationId) }
}

it('T11: a payment that did what was simulated has nothing to be said about', async () => {
  const { included, final } = await buyFrom(async () => undefined)
  expect(included.steps[0]).not.toHaveProperty('note')
  expect(final).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
  expect(final.steps[0]).not.toHaveProperty('note')
})

it('T11: one that took more says so, from its inclusion on and for good', async () => {
  const { included, final } = await buyFrom(() => set(0, 1))
  const note = `what happened is worse than what was simulated: 6 eip155:31337/erc20:${SHOP_SEEN} would go to ${SHOP_SEEN}, not 5 eip155:31337/erc20:${SHOP_SEEN}`
  expect(included.steps[0]).toMatchObject({ state: 'included', note })
  expect(final).toMatchObject({ state: 'committed', steps: [{ state: 'final', note }] })
  const [audited] = engine.rows(`select detail from audit where event = 'operation.committed'`)
  expect(JSON.parse(String(audited?.['detail']))).toMatchObject({ worse: note })
})

it('T11: one that gave less says so, where the difference is more than may be', async () => {
  const less = await buyFrom(() => set(1, 3))
  expect(less.final.steps[0]?.note).toBe(
    `what happened is worse than what was simulated: 97 eip155:31337/erc20:${SHOP_SEEN} would come in, not 100 eip155:31337/erc20:${SHOP_SEEN}`,
  )
  const hardly = await buyFrom(() => set(1, 2))
  expect(hardly.final.steps[0]).not.toHaveProperty('note')
})

it('T11, T34: one that floods its receipt with events is followed to its end all the same', async () => {
  const { final } = await buyFrom(() => set(2, 1))
  expect(final).toMatchObject({ state: 'committed' })
})

const traces = () => world.a.proxy.count('debug_traceTransaction')

it('T11: native tokens that a contract pays are compared as well, where an endpoint traces', async () => {
  const before = await world.a.balance(AGENT)
  const { final } = await buyFrom(() => set(3, 400))
  const fee = BigInt(final.steps[0]?.feePaid?.raw ?? 0)
  expect((await world.a.balance(AGENT)) - before + fee).toBe(600n)
  expect(final.steps[0]?.note).toBe(
    'what happened is worse than what was simulated: 0.0000000000000006 ETH would come in, not 0.000000000000001 ETH',
  )
  expect(traces()).toBeGreaterThan(0)
})

it('T11: a contract that pays more native tokens than was simulated has done nothing worse', async () => {
  await set(3, 400)
  const { final } = await buyFrom(() => set(3, 0))
  expect(final.steps[0]).not.toHaveProperty('note')
})

it.each([
  ['traces', withoutMethods(['debug_traceTransaction'])],
  [
    'gives a trace',
    (calls) =>
      calls.some(({ method }) => method === 'debug_traceTransaction')
        ? {
            kind: 'rewrite',
            text: (answer) => answer.replace(/"result":\{.*\}(\}\]?)$/, '"result":"none"$1'),
          }
        : undefined,
  ],
] as const satisfies readonly (readonly [string, FaultRule])[])(
  'T11: where no endpoint %s, tokens are compared, and of native ones nothing is said',
  async (_what, fault) => {
    world.a.proxy.setFault(fault)
    const unseen = await buyFrom(() => set(3, 400))
    expect(unseen.final).toMatchObject({ state: 'committed' })
    expect(unseen.final.steps[0]).not.toHaveProperty('note')
    const seen = await buyFrom(() => set(0, 1))
    expect(seen.final.steps[0]?.note).toContain('6 eip155:31337/erc20:')
  },
)

it('T11: where the simulation showed no native tokens, what was paid of them is no surprise', async () => {
  world.a.proxy.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_simulateV1')
      ? { kind: 'rewrite', text: withoutNativeMoves }
      : undefined,
  )
  const { final } = await buyFrom(async () => undefined, '0.000001')
  expect(final).toMatchObject({ state: 'committed' })
  expect(final.steps[0]).not.toHaveProperty('note')
  expect(traces()).toBe(0)
})

interface SimulatedBlock {
  readonly calls?: readonly { logs: readonly { readonly address: string }[] }[]
}

/** As a node answers that does not know how to trace transfers. */
function withoutNativeMoves(answer: string): string {
  const told = JSON.parse(answer) as { readonly result: unknown } | readonly { readonly result: unknown }[]
  for (const { result } of [told].flat()) {
    const blocks = Array.isArray(result) ? (result as readonly SimulatedBlock[]) : []
    for (const call of blocks.flatMap(({ calls = [] }) => calls))
      call.logs = call.logs.filter(({ address }) => !address.startsWith('0xeeee'))
  }
  return JSON.stringify(told)
}

it('an endpoint that does not trace is asked once, not again with each payment', async () => {
  world.a.proxy.setFault(withoutMethods(['debug_traceTransaction']))
  await buyFrom(async () => undefined)
  await buyFrom(async () => undefined)
  expect(traces()).toBe(1)
})

it.each([
  ['native tokens', { amount: '0.1' }],
  ['tokens', { amount: '1', asset: 'USDC' }],
])('a payment of %s to an account is not traced', async (_what, request) => {
  const { intentId } = await engine.prepare({ to: 'merchant', ...request, idempotencyKey: `post ${key++}` })
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed', steps: [{ to: MERCHANT }] })
  expect(traces()).toBe(0)
})
