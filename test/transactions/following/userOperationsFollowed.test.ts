import { type Hex, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ENTRY_POINT } from '../../../src/evm/userOperations/smartAccount.ts'
import { bundleOf, recorded } from '../../../src/evm/userOperations/userOperation.ts'
import { tokenBalance } from '../../support/awkwardTokens.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  takeOver,
  USDC,
  type World,
} from '../../support/engine.ts'
import { driveOpen, finishOpen } from '../../support/openOperations.ts'
import { snapshot } from '../../support/snapshot.ts'
import { fillVault, startVaultWorld, TREASURY, VAULT } from '../../support/vault.ts'

const NEW: Hex = '0x0000000000000000000000000000000077777022'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startVaultWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  const restore = await snapshot(world.a)
  engine = startEngine({ lanes: [world.a] })
  return async () => {
    await engine.stop()
    await restore()
  }
})

/** As a process that did not send the bytes itself, and so need not wait before sending them again. */
const driveAfresh = (operationId: string) => takeOver(engine, [world.a], operationId)
/** What brings user operations: all that the owner's account did. */
const bundles = () =>
  engine.rows(`select state from operations where account = '${TREASURY}' order by state desc`)
const bytes = () => engine.rows(`select raw, hash, nonce from attempts where account = '${VAULT}'`)

async function send(amount = '12.5', key = 'followed') {
  const request = { wallet: 'vault', to: MERCHANT, amount, asset: 'USDC', idempotencyKey: key }
  const { intentId } = await engine.prepare(request)
  return (await engine.execute(intentId)).operationId
}

async function finish(operationId: string) {
  await finishOpen(engine, world.a)
  return engine.get(operationId)
}

/** Somebody else brings what is recorded, before Bursar's own transaction is included. */
async function bringByAnother(): Promise<Hex> {
  const [row] = bytes()
  const data = bundleOf(recorded(row?.['raw'] as Hex), AGENT)
  const fees = { maxFeePerGas: toHex(90_000_000_000n), maxPriorityFeePerGas: toHex(50_000_000_000n) }
  const transaction = { from: AGENT, to: ENTRY_POINT, data, gas: toHex(2_000_000n), ...fees }
  return (await world.a.ask('eth_sendTransaction', transaction)) as Hex
}

describe('R14: a user operation is followed by what the chain says of it', () => {
  for (const [name, undo] of [
    ['anvil_reorg', () => world.a.ask('anvil_reorg', 1, [])],
    ['anvil_rollback', () => world.a.ask('anvil_rollback', 1)],
  ] as const) {
    it(`F9: a block undone by ${name} takes its transaction back, and it is included again, once`, async () => {
      const operationId = await send()
      await world.a.mine(1)
      const [first] = (await driveAfresh(operationId)).steps[0]?.attempts ?? []
      expect(first).toMatchObject({ state: 'included', hash: expect.any(String) })
      await undo()
      const after = await driveAfresh(operationId)
      expect(after).toMatchObject({ sideEffect: 'possible', steps: [{ confirmations: 0 }] })
      expect(after.steps[0]?.attempts[0]).not.toHaveProperty('hash')
      expect(engine.rows(`select transaction_hash from steps where account = '${VAULT}'`)).toEqual([
        { transaction_hash: null },
      ])
      const done = await finish(operationId)
      expect(done).toMatchObject({ state: 'committed', steps: [{ nonce: '0', attempts: [{}] }] })
      expect(await tokenBalance(world.a, USDC, VAULT)).toBe(487_500_000n)
      expect(bytes()).toHaveLength(1)
    })
  }

  it('that somebody else brings is included by their transaction, and no other is made', async () => {
    const operationId = await send()
    const theirs = await bringByAnother()
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'committed', steps: [{ attempts: [{ hash: theirs }] }] })
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(487_500_000n)
    // Its own came too late, and reverted.
    expect(bundles()).toEqual([{ state: 'failed' }])
  })

  it('R2: is brought again, by the same bytes, when its own transaction was displaced', async () => {
    const operationId = await send()
    // The owner's hand, at the nonce of the transaction that was to bring it.
    const fees = { maxFeePerGas: toHex(90_000_000_000n), maxPriorityFeePerGas: toHex(50_000_000_000n) }
    await world.a.ask('anvil_dropAllTransactions')
    await world.a.ask('eth_sendTransaction', { from: TREASURY, to: NEW, value: '0x1', nonce: '0x0', ...fees })
    await world.a.mine(3)
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'committed' })
    expect(bundles()).toEqual([{ state: 'failed' }, { state: 'committed' }])
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(487_500_000n)
    expect(bytes()).toHaveLength(1)
  })

  it('F8: is replaced when another operation has used its nonce, and that is final', async () => {
    const operationId = await send()
    await world.a.ask('anvil_dropAllTransactions')
    // Another program of the owner's, with a journal of its own.
    const other = startEngine({ lanes: [world.a] })
    const request = { wallet: 'vault', to: NEW, amount: '3', asset: 'USDC', idempotencyKey: 'theirs' }
    await other.execute((await other.prepare(request)).intentId)
    await other.stop()
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'failed', sideEffect: 'none', steps: [{ state: 'replaced' }] })
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(497_000_000n)
    // The next payment goes on where that one has ended.
    const next = await finish(await send('2.5', 'next'))
    expect(next).toMatchObject({ state: 'committed', steps: [{ nonce: '1' }] })
  })

  it('goes on between payments of its owner, who shares no nonce with it', async () => {
    const first = await send('1', 'one')
    const { intentId } = await engine.prepare({
      wallet: 'treasury',
      to: NEW,
      amount: '1',
      idempotencyKey: 'own',
    })
    const own = (await engine.execute(intentId)).operationId
    const second = await send('2', 'two')
    for (const id of [first, own, second]) expect(await finish(id)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(497_000_000n)
    expect(await world.a.balance(NEW)).toBe(1_000_000_000_000_000_000n)
  })
})

const driveAll = () => driveOpen(engine, [world.a], 2)

it('lets six transactions revert to bring one operation at most, and says that somebody has to look', async () => {
  const operationId = await send()
  for (let round = 0; round < 12; round++) {
    // It can pay when it is looked at, and cannot any more when it is included.
    await world.a.ask('anvil_setBalance', VAULT, '0x0')
    await world.a.mine(3)
    await fillVault(world.a)
    await driveAll()
  }
  expect(bundles()).toEqual(Array.from({ length: 6 }, () => ({ state: 'failed' })))
  expect((await engine.get(operationId)).steps).toMatchObject([
    { state: 'unknown', note: expect.stringContaining('6 transactions that were to bring it have reverted') },
  ])
  expect(await tokenBalance(world.a, USDC, VAULT)).toBe(500_000_000n)
})

it('R2: is brought however often the transactions for it were displaced, which cost nothing', async () => {
  const operationId = await send()
  const fees = { maxFeePerGas: toHex(90_000_000_000n), maxPriorityFeePerGas: toHex(50_000_000_000n) }
  for (let round = 0; round < 14; round++) {
    await world.a.ask('anvil_dropAllTransactions')
    await world.a.ask('eth_sendTransaction', { from: TREASURY, to: NEW, value: '0x1', ...fees })
    await world.a.mine(3)
    await driveAll()
  }
  expect(bundles().length).toBeGreaterThan(6)
  expect(await finish(operationId)).toMatchObject({ state: 'committed' })
  expect(await tokenBalance(world.a, USDC, VAULT)).toBe(487_500_000n)
})
