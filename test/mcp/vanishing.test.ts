import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../sandbox/support/processes.ts'
import { environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { MERCHANT, startWorld, type World } from '../support/engine.ts'
import { isSend, minedCount, sends } from './support/chainSide.ts'

describe('a client that vanishes', () => {
  let world: World
  const { home, remove } = temporaryHome()
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(async () => {
    await world.stop()
    remove()
  })

  test('while its payment is on the way: a new server finds it by its key and it ends committed (F24)', async () => {
    const first = await startBursar({ env: environmentOf(world, home) })
    const { intentId } = await first.answer('simulate_transaction', {
      chain: 'sandbox-a',
      wallet: 'agent',
      to: 'merchant',
      amount: '3',
      idempotencyKey: 'vanished',
    })
    world.a.proxy.setFault((calls) => (isSend(calls) ? { kind: 'delay', ms: 400 } : undefined))
    const lost = first.connection.callTool('send_transaction', { intentId }).catch((error: unknown) => error)
    await eventually('the broadcast has begun', () => sends(world.a).length === 1)
    await first.close()
    expect(await first.ended).toBe(0)
    expect(await lost).toBeInstanceOf(Error)

    const second = await startBursar({ env: environmentOf(world, home) })
    const asked = { operation: 'vanished', waitSeconds: 20 }
    expect((await second.answer('list_operations')).operations).toMatchObject([
      { idempotencyKey: 'vanished', state: 'running' },
    ])
    await world.a.mine(2)
    expect(await second.answer('get_operation', { ...asked, until: 'final' })).toMatchObject({
      intentId,
      state: 'committed',
    })
    expect(await second.answer('send_transaction', { intentId })).toMatchObject({ state: 'committed' })
    // A server that ends may doubt its last broadcast; the same bytes may then be sent again, and no others.
    expect(new Set(sends(world.a)).size).toBe(1)
    expect(await minedCount(world.a)).toBe(1)
    expect(await world.a.balance(MERCHANT)).toBe(10_003_000000000000000000n)
    await second.close()
  })

  test('before its payment is in the journal: nothing happened, and the intent can be sent again (R2)', async () => {
    const first = await startBursar({ env: environmentOf(world, home) })
    const { intentId } = await first.answer('simulate_transaction', {
      chain: 'sandbox-b',
      wallet: 'agent',
      to: 'merchant',
      amount: '3',
      idempotencyKey: 'never-sent',
    })
    world.b.proxy.reset()
    world.b.proxy.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_simulateV1') ? { kind: 'hang' } : undefined,
    )
    const lost = first.connection.callTool('send_transaction', { intentId }).catch((error: unknown) => error)
    await eventually('the simulation has begun', () => world.b.proxy.count('eth_simulateV1') === 1)
    await first.close()
    expect(await lost).toBeInstanceOf(Error)
    world.b.proxy.reset()

    const second = await startBursar({ env: environmentOf(world, home) })
    expect(await second.answer('list_operations', { chain: 'sandbox-b' })).toEqual({ operations: [] })
    expect(await second.refusal('get_operation', { operation: 'never-sent' })).toMatchObject({
      code: 'operation_unknown',
      sideEffect: 'none',
    })
    expect(sends(world.b)).toEqual([])
    await second.answer('send_transaction', { intentId })
    await world.b.mine(2)
    const asked = { operation: 'never-sent', waitSeconds: 20, until: 'final' }
    expect(await second.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
    expect(sends(world.b)).toHaveLength(1)
    await second.close()
  })
})
