import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { AGENT, MERCHANT, startWorld, TIP_JAR, type World } from '../support/engine.ts'
import { minedCount, sends } from './support/chainSide.ts'

// The built server and a real client. Blocks come only when a test mines them.

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const PAYROLL = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

describe('an agent of the older era pays several at once', () => {
  let world: World
  let bursar: Bursar
  const { home, remove } = temporaryHome()

  beforeAll(async () => {
    world = await startWorld()
    bursar = await startBursar({ era: '2025-11-25', env: environmentOf(world, home) })
  })
  afterAll(async () => {
    await bursar.close()
    await world.stop()
    remove()
  })

  const prepare = (idempotencyKey: string, calls: readonly object[]) =>
    ({ chain: 'sandbox-a', wallet: 'agent', calls, idempotencyKey }) as const
  const balances = () => Promise.all([MERCHANT, PAYROLL, TIP_JAR, MULTICALL3].map(world.a.balance))
  const tip = (amount?: string) => ({
    ...{ to: TIP_JAR, function: 'tip(string)', args: ['thank you'] },
    ...(amount !== undefined && { amount }),
  })

  test('C7: three payments, one of them to a contract, are made together and exactly once (R3, R8)', async () => {
    const calls = [{ to: 'merchant', amount: '1.25' }, { to: PAYROLL, amount: '2' }, tip('0.5')]
    const intent = await bursar.answer('simulate_transaction', prepare('salaries', calls))
    expect(intent).toMatchObject({
      status: 'ready',
      to: MULTICALL3,
      amount: { raw: '3750000000000000000', display: '3.75', symbol: 'ETH' },
      batch: { calls: 3, saved: { gas: expect.stringMatching(/^-?\d+$/), amount: { symbol: 'ETH' } } },
      simulation: {
        effects: [
          { kind: 'transfer', from: AGENT, to: MULTICALL3, amount: { display: '3.75' } },
          { kind: 'transfer', from: MULTICALL3, to: MERCHANT, amount: { display: '1.25' } },
          { kind: 'transfer', from: MULTICALL3, to: PAYROLL, amount: { display: '2' } },
          { kind: 'transfer', from: MULTICALL3, to: TIP_JAR, amount: { display: '0.5' } },
        ],
      },
    })
    expect(await balances()).toEqual([10_000_000000000000000000n, 10_000_000000000000000000n, 0n, 0n])

    const sent = await bursar.answer('send_transaction', { intentId: intent.intentId })
    await bursar.answer('send_transaction', { intentId: intent.intentId })
    await world.a.mine(2)
    const done = await bursar.answer('get_operation', {
      operation: sent.operationId,
      waitSeconds: 20,
      until: 'final',
    })
    expect(done).toMatchObject({ state: 'committed', steps: [{ calls: 3, amount: { display: '3.75' } }] })
    expect(await balances()).toEqual([
      10_001_250000000000000000n,
      10_002_000000000000000000n,
      500000000000000000n,
      0n,
    ])
    expect(sends(world.a)).toHaveLength(1)
    expect(await minedCount(world.a)).toBe(1)
    const { operations } = await bursar.answer('list_operations')
    expect(operations).toMatchObject([{ operationId: sent.operationId, calls: 3 }])
  })

  test('C7: where one of them reverts nothing moves at all, and the agent is told which one and why', async () => {
    const before = await balances()
    const calls = [{ to: 'merchant', amount: '1' }, tip(), { to: TREASURY, amount: '1' }]
    const error = await bursar.refusal('simulate_transaction', prepare('broken', calls))
    expect(error).toMatchObject({
      code: 'simulation_reverted',
      sideEffect: 'none',
      retry: 'no',
      quoted: { untrusted: 'TipJar: a tip needs value' },
      message: `The simulation reverted: calls[1] to ${TIP_JAR}, with a reason string (see quoted); in a batch the caller is Multicall3, which has no tokens, allowances or rights of the account. Nothing was prepared.`,
    })
    await world.a.mine()
    expect(await balances()).toEqual(before)
    expect(await minedCount(world.a)).toBe(1)
    expect((await bursar.answer('list_operations')).operations).toHaveLength(1)
  })
})
