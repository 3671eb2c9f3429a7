import { expect, test } from 'vitest'
import { eventually } from '../../sandbox/support/processes.ts'
import { connectAgent, makeToken, startHttp } from '../../support/bursarHttp.ts'
import { environmentOf, temporaryHome } from '../../support/bursarServer.ts'
import { MERCHANT, startWorld } from '../../support/engine.ts'
import { isSend, sends } from '../support/chainSide.ts'

const PAYMENTS = 8

test('F25, F24: SIGTERM under load ends the server within 10 s; the next one ends every payment, each once', async () => {
  const world = await startWorld()
  const { home, remove } = temporaryHome()
  const env = environmentOf(world, home)
  const server = await startHttp(env)
  const token = await makeToken(env, 'shop', '--scopes', 'read,prepare,spend')
  const agents = await Promise.all(
    (['2026-07-28', '2025-11-25'] as const).map((era) => connectAgent(era, server.url, token)),
  )
  const [agent] = agents
  if (!agent) throw new Error('there are two')
  const keys = Array.from({ length: PAYMENTS }, (_, n) => `drain-${n}`)
  const intents: string[] = []
  for (const idempotencyKey of keys) {
    const wanted = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '0.25', idempotencyKey }
    intents.push((await agent.answer('simulate_transaction', wanted)).intentId)
  }
  const paid = await agent.answer('send_transaction', { intentId: intents[0] })
  // One waits for a block that does not come, as agents do; one hangs in the hands of an endpoint.
  const waits = agents.map(({ answer }) =>
    answer('get_operation', { operation: paid.operationId, waitSeconds: 45, until: 'final' }),
  )
  let slow = 0
  world.a.proxy.setFault((calls) => {
    if (!isSend(calls)) return undefined
    slow += 1
    return slow % 2 === 0 ? { kind: 'hang' } : { kind: 'delay', ms: 300 }
  })
  const lost = intents
    .slice(1)
    .map((intentId, n) =>
      (agents[n % 2] ?? agent).answer('send_transaction', { intentId }).catch(() => 'ended'),
    )
  await eventually('broadcasts are under way', () => slow >= 3)

  const told = performance.now()
  await server.terminate()
  expect(performance.now() - told).toBeLessThan(10_000)
  // Who waited is told how it stands; what was cut off in the middle is known to the journal.
  expect((await Promise.all(waits)).map(({ state }) => state)).toEqual(['running', 'running'])
  for (const { connection } of agents) await connection.close()
  await Promise.all(lost)
  await expect(fetch(server.url)).rejects.toThrow()
  expect(server.stdout()).toBe('')

  world.a.proxy.setFault(() => undefined)
  const next = await startHttp(env)
  const back = await connectAgent('2026-07-28', next.url, token)
  // What had not begun when the server ended is begun now; what had is the same operation.
  for (const intentId of intents) await back.answer('send_transaction', { intentId })
  await eventually('all of them are in the pool', async () => {
    const { pending } = (await world.a.ask('txpool_status')) as { readonly pending: string }
    return Number(pending) === PAYMENTS
  })
  await world.a.mine(2)
  for (const operation of keys) {
    const asked = { operation, waitSeconds: 20, until: 'final' }
    expect(await back.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
  }
  expect(new Set(sends(world.a)).size).toBe(PAYMENTS)
  // 10,000 and eight times 0.25.
  expect(await world.a.balance(MERCHANT)).toBe(10_002_000000000000000000n)
  await next.terminate()
  await world.stop()
  remove()
}, 90_000)
