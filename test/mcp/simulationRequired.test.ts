import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { startWorld, type World } from '../support/engine.ts'
import { withoutMethods } from '../support/missingMethods.ts'

let world: World
let bursar: Bursar
const { home, remove } = temporaryHome()
const WARNING =
  'SIMULATION_REQUIRED=false changes nothing: what was not simulated is not signed, on test networks either'

beforeAll(async () => {
  world = await startWorld()
  bursar = await startBursar({ env: { ...environmentOf(world, home), SIMULATION_REQUIRED: 'false' } })
})
afterAll(async () => {
  await bursar.close()
  await world.stop()
  remove()
})

test('R1: with SIMULATION_REQUIRED=false the start warns, and what nobody can simulate is refused', async () => {
  const { warnings } = await bursar.answer('get_status')
  expect(warnings).toContain(WARNING)
  expect(bursar.stderr()).toContain(WARNING)
  world.a.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall', 'eth_call']))
  const payment = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '0.1', idempotencyKey: 'k' }
  expect(await bursar.refusal('simulate_transaction', payment)).toMatchObject({
    code: 'simulation_unavailable',
  })
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
})
