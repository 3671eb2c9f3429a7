import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { RELAY_KEY } from '../support/engine.ts'
import { CALL, merchantUsdc, type PrivateWorld, startPrivateWorld } from '../support/privateEngine.ts'

// The built server, which is killed between the relay's word and the block, and started again.

let world: PrivateWorld
let bursar: Bursar
const { home, remove } = temporaryHome()
const env = () =>
  environmentOf(world, home, {
    FLASHBOTS_AUTH_KEY: RELAY_KEY,
    FLASHBOTS_RELAY_URL: `sandbox-a=${world.relay.url}`,
    LOG_LEVEL: 'debug',
  })
beforeAll(async () => {
  world = await startPrivateWorld()
  bursar = await startBursar({ env: env() })
})
afterAll(async () => {
  await world.stop()
  remove()
})

it('D3, F1: an agent’s contract call goes by the relay, outlives its process, is made once and public at no time; no secret is told (T14)', async () => {
  const before = await merchantUsdc(world)
  const call = { chain: 'sandbox-a', wallet: 'agent', ...CALL, idempotencyKey: 'private' }
  const { intentId, route } = await bursar.answer('simulate_transaction', call)
  expect(route).toBe('private')
  const sent = await bursar.answer('send_transaction', { intentId })
  expect(sent.steps[0]?.state).toBe('sent')
  const heard = bursar.stderr()
  await bursar.kill()

  const again = await startBursar({ env: env() })
  const same = await again.answer('send_transaction', { intentId })
  expect(same.operationId).toBe(sent.operationId)
  expect(await world.relay.mine()).toHaveLength(1)
  const included = await again.answer('get_operation', { operation: intentId, waitSeconds: 20 })
  expect(included.steps[0]).toMatchObject({ state: 'included', attempts: [{ state: 'included' }] })
  await world.a.mine(2)
  const final = await again.answer('get_operation', { operation: intentId, waitSeconds: 20, until: 'final' })
  expect(final.state).toBe('committed')
  expect((await merchantUsdc(world)) - before).toBe(500_000n)

  const refused = await again.refusal('simulate_transaction', {
    ...{ chain: 'sandbox-b', wallet: 'agent', to: 'merchant', amount: '1', route: 'private' },
    idempotencyKey: 'nobody-offers-it',
  })
  expect(refused.code).toBe('private_route_missing')
  world.relay.setFault(() => ({ kind: 'status', code: 500, body: 'oops' }))
  const failing = await again.answer('simulate_transaction', { ...call, idempotencyKey: 'failing' })
  const { steps } = await again.answer('send_transaction', { intentId: failing.intentId })
  expect(steps[0]?.note).toContain('it answered with status 500')
  await again.close()
  const everything = [heard, again.stderr(), ...bursar.lines, ...again.lines].join('\n')
  expect(everything).not.toMatch(/s3cr3t|c0ffee11/i)
  expect(again.stderr()).toContain('broadcast without proof')
  expect(world.relay.badSignatures).toBe(0)
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
}, 90_000)
