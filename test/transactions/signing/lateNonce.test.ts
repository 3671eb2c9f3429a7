import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, startEngine, startWorld, TIP_JAR, type World } from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({
    lanes: [world.a],
    caps: [{ chain: 'eip155:31337', asset: 'native', max: '100' }],
  })
  return () => engine.stop()
})

const nothingHappened = () => {
  expect(engine.rows('select * from nonces')).toEqual([])
  expect(engine.rows('select * from operations')).toEqual([])
  expect(engine.rows('select * from reservations')).toEqual([])
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
}

it('R4, F6: a payment that reverts when it is prepared takes no nonce', async () => {
  const request = { to: TIP_JAR, function: 'tip(string)', args: ['no value'], idempotencyKey: 'reverting' }
  await expect(engine.prepare(request)).rejects.toMatchObject({
    code: 'simulation_reverted',
    quoted: { untrusted: 'TipJar: a tip needs value' },
    sideEffect: 'none',
  })
  nothingHappened()
  expect(engine.rows('select * from intents')).toEqual([])
})

it('R4, F6: a payment that reverts only when it is executed takes no nonce', async () => {
  // The jar holds one token when the withdrawal is prepared, and none when it is executed.
  await world.a.ask('anvil_setBalance', TIP_JAR, '0xde0b6b3a7640000')
  const { intentId } = await engine.prepare({
    wallet: 'merchant',
    to: TIP_JAR,
    function: 'withdraw(address,uint256)',
    args: ['0x90F79bf6EB2c4f870365E785982E1f101E93b906', '1000000000000000000'],
    idempotencyKey: 'reverting later',
  })
  await world.a.ask('anvil_setBalance', TIP_JAR, '0x0')
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'simulation_reverted' })
  nothingHappened()
})

it('R4, R5: a payment above its cap takes no nonce, and one of exactly the cap does', async () => {
  const above = { to: 'merchant', amount: '100.000000000000000001', idempotencyKey: 'above' }
  await expect(engine.prepare(above)).rejects.toMatchObject({ code: 'policy_denied', sideEffect: 'none' })
  nothingHappened()
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '100', idempotencyKey: 'exactly' })
  await engine.execute(intentId)
  expect(engine.rows('select nonce, state from nonces')).toEqual([
    { nonce: '00000000000000000000', state: 'sent' },
  ])
  await world.a.mine()
})

it('D4: a payment is not signed when the next block would cost a third more than it offers', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'a third more' })
  const { terms } = JSON.parse((await engine.intents.find(intentId))?.plan ?? '{}')
  await world.a.ask(
    'anvil_setNextBlockBaseFeePerGas',
    `0x${((BigInt(terms.maxFeePerGas) * 3n) / 2n).toString(16)}`,
  )
  await world.a.mine()
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'fees_moved', sideEffect: 'none' })
})

it('R4, D4: a payment whose gas became too dear after it was prepared takes no nonce', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'dear' })
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
  await world.a.mine()
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'fees_moved', sideEffect: 'none' })
  nothingHappened()
})

it('R4: payments in flight from one account take nonces in a row', async () => {
  // anvil lowers the base fee from what the last test left.
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
  await world.a.mine()
  const keys = ['one', 'two', 'three']
  for (const idempotencyKey of keys) {
    const { intentId } = await engine.prepare({
      wallet: 'payroll',
      to: 'merchant',
      amount: '1',
      idempotencyKey,
    })
    await engine.execute(intentId)
  }
  expect(engine.rows('select nonce from nonces order by nonce').map((row) => row['nonce'])).toEqual([
    '00000000000000000000',
    '00000000000000000001',
    '00000000000000000002',
  ])
  await world.a.mine()
  const count = await world.a.ask(
    'eth_getTransactionCount',
    '0x90F79bf6EB2c4f870365E785982E1f101E93b906',
    'latest',
  )
  expect(count).toBe('0x3')
})
