import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { foreignUses } from '../../src/store/nonces/foreignUses.ts'
import { beginOnly } from '../support/begun.ts'
import {
  AGENT,
  AGENT_KEY,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  type World,
} from '../support/engine.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** What another program that has the key sends: more fees than ours, so that the pool takes it in the place of ours. */
async function foreignPayment(nonce: number): Promise<void> {
  const raw = await privateKeyToAccount(AGENT_KEY).signTransaction({
    type: 'eip1559',
    chainId: 31337,
    nonce,
    to: AGENT,
    value: 0n,
    gas: 21_000n,
    maxFeePerGas: 900_000_000_000n,
    maxPriorityFeePerGas: 90_000_000_000n,
  })
  await world.a.ask('eth_sendRawTransaction', raw)
}

it('F8: another program takes the nonce in the middle of three payments: that one is not made, the others are, and nothing waits', async () => {
  const engine = startEngine({ lanes: [world.a] })
  const before = await world.a.balance(MERCHANT)
  const amounts = ['0.25', '0.5', '1']
  const sent = []
  for (const amount of amounts) {
    const { intentId } = await engine.prepare({ to: 'merchant', amount, idempotencyKey: amount })
    sent.push({ ...(await engine.execute(intentId)), intentId })
  }
  const [first, second, third] = sent
  if (!first || !second || !third) throw new Error('three were sent')
  expect(sent.map(({ steps }) => steps[0]?.nonce)).toEqual(['0', '1', '2'])
  await foreignPayment(1)
  await world.a.mine(2)
  for (const { operationId } of sent) await takeOver(engine, [world.a], operationId)
  expect(await engine.get(first.operationId)).toMatchObject({ state: 'committed' })
  expect(await engine.get(second.operationId)).toMatchObject({
    state: 'failed',
    sideEffect: 'none',
    steps: [{ state: 'replaced', note: "nonce 1 was used by a transaction that is not Bursar's" }],
  })
  expect(await engine.get(third.operationId)).toMatchObject({ state: 'committed' })
  const { updatedAt: lastAt } = await engine.get(second.operationId)
  const use = { chain: 'eip155:31337', wallet: 'agent', times: 1, lastNonce: '1', lastAt }
  expect(await foreignUses(engine.journal)).toEqual([use])
  expect(await engine.execute(second.intentId)).toMatchObject({
    operationId: second.operationId,
    state: 'failed',
  })
  await world.a.mine(3)
  expect((await world.a.balance(MERCHANT)) - before).toBe(1_250_000_000_000_000_000n)
  expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
  // Asked for again under another key it is made, at the nonce above all of them.
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'once more' })
  const again = await engine.execute(intentId)
  expect(again.steps[0]?.nonce).toBe('3')
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], again.operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(1_750_000_000_000_000_000n)
  // What is cancelled by its owner is nobody else's doing.
  const regretted = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'regretted' })
  const { operationId } = await engine.execute(regretted.intentId)
  const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
  await engine.execute(cancel.intentId)
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'replaced' }] })
  expect(await foreignUses(engine.journal)).toEqual([use])
  await engine.stop()
})

it('F8: each use is counted, for its chain', async () => {
  const engine = startEngine({ lanes: [world.a] })
  const first = Number(await world.a.ask('eth_getTransactionCount', AGENT, 'latest'))
  for (const nonce of [first, first + 1]) {
    const { intentId } = await engine.prepare({
      to: 'merchant',
      amount: '0.5',
      idempotencyKey: String(nonce),
    })
    const { operationId } = await engine.execute(intentId)
    await foreignPayment(nonce)
    await world.a.mine(2)
    await takeOver(engine, [world.a], operationId)
  }
  expect(await foreignUses(engine.journal)).toMatchObject([{ times: 2, lastNonce: String(first + 1) }])
  await engine.stop()
})

it('F8, R4: what was reserved and not signed when another program used the nonce is paid at the next one', async () => {
  const engine = startEngine({ lanes: [world.a] })
  const before = await world.a.balance(MERCHANT)
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.125', idempotencyKey: 'late' })
  const { operationId, step } = await beginOnly(engine, intentId)
  const nonce = Number(await world.a.ask('eth_getTransactionCount', AGENT, 'latest'))
  expect(await engine.nonces.reserve(step, BigInt(nonce))).toBe(BigInt(nonce))
  await foreignPayment(nonce)
  await world.a.mine()
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({
    steps: [{ state: 'sent', nonce: String(nonce + 1) }],
  })
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(125_000_000_000_000_000n)
  await engine.stop()
})
