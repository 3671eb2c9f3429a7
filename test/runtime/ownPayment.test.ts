import { afterAll, beforeAll, expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import { caller, startWorld, type World } from '../support/engine.ts'

let world: World
let runtime: Runtime
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
  const env = { BURSAR_HOME: home, SANDBOX_A_RPC_URL: world.a.proxy.url }
  // Not started: nothing follows the payment, so nothing but sending it can tell that the chain moves.
  runtime = createRuntime(loadConfig(env, allChains), silentLogger, 'test')
})
afterAll(async () => {
  await runtime.stop()
  await world.stop()
  remove()
})

test('F19: a balance that is shown after a payment of our own is not older than the payment', async () => {
  const { balances, intents, operations } = runtime.services
  const shown = async () => {
    const query = { chains: ['sandbox-a'], accounts: ['merchant'], assets: ['native'] }
    const { chains } = await balances.read(query, caller())
    return chains[0]?.accounts[0]?.balances[0]?.raw
  }
  const payment = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '1', idempotencyKey: 'own' }
  const { intentId } = await intents.prepare(payment, caller())
  expect(await shown()).toBe('10000000000000000000000')
  await operations.execute({ intentId }, caller())
  await world.a.mine()
  expect(await shown()).toBe('10001000000000000000000')
})
