import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import { openWallets } from '../../../src/wallets/openWallets.ts'
import { temporaryHome } from '../../support/bursarServer.ts'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { CANARY_ACCOUNT, CANARY_KEY, placeKeystore, placeSecret } from '../../support/keystores.ts'

const ONE = 1_000_000_000_000_000_000n

let world: World
let engine: Engine
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
  await world.a.ask('anvil_setBalance', CANARY_ACCOUNT, `0x${(10n * ONE).toString(16)}`)
  await placeKeystore(home, 'main', CANARY_KEY, 'right password')
})
afterAll(async () => {
  await world.stop()
  remove()
})
beforeEach(() => {
  const keystorePasswordFile = placeSecret(home, 'password', 'canary-wrong')
  const settings = {
    home,
    wallets: [],
    remoteWallets: [],
    accounts: [],
    walletChains: new Map(),
    rpcTimeoutMs: 1_000,
  }
  engine = startEngine({
    lanes: [world.a],
    chains: [{ ...sandboxA, network: 'testnet' }],
    book: (clock) => openWallets({ ...settings, keystorePasswordFile }, clock).book,
  })
  return () => engine.stop()
})

it('R4, T15: a wallet that is locked is told before anything is reserved; with the right password it pays', async () => {
  const before = await world.a.balance(MERCHANT)
  const payment = { wallet: 'main', to: MERCHANT, amount: '1', asset: 'native', idempotencyKey: 'locked' }
  const { intentId } = await engine.prepare(payment)
  const error = await engine.execute(intentId).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'password_wrong', sideEffect: 'none' })
  expect(JSON.stringify(error)).not.toContain('canary')
  for (const table of ['operations', 'steps', 'nonces', 'reservations'])
    expect([table, engine.rows(`select count(*) as n from ${table}`)]).toEqual([table, [{ n: 0 }]])
  placeSecret(home, 'password', 'right password\n')
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect((await engine.get(operationId)).state).toBe('committed')
  expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
})
