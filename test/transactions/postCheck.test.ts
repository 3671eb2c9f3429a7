import { getAddress, type Hex, pad, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../support/engine.ts'
import { compile, tokenAt } from '../support/tokens.ts'

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
    uint256 taken; uint256 given; uint256 events;
    event Transfer(address indexed from, address indexed to, uint256 value);
    function decimals() external pure returns (uint8) { return 0; }
    function buy() external {
      emit Transfer(msg.sender, address(this), 5 + taken);
      emit Transfer(address(this), msg.sender, 100 - given);
      for (uint i = 0; i < events; i++) emit Transfer(address(this), address(1), 1);
    }
  }`)
  await world.a.ask('anvil_setCode', SHOP, code)
})
afterAll(() => world.stop())
beforeEach(async () => {
  for (const slot of [0, 1, 2]) await set(slot, 0)
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const word = (value: number): Hex => pad(toHex(value), { size: 32 })
const set = (slot: number, value: number) => world.a.ask('anvil_setStorageAt', SHOP, word(slot), word(value))

/** Bought and sent; then the shop changes its ways, and the block comes. */
async function buyFrom(change: () => Promise<unknown>) {
  const request = { to: SHOP, function: 'buy()', idempotencyKey: `post ${key++}` }
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

it('a payment to an account has no receipt to compare', async () => {
  const { intentId } = await engine.prepare({
    to: 'merchant',
    amount: '0.1',
    idempotencyKey: `post ${key++}`,
  })
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed', steps: [{ to: MERCHANT }] })
})
