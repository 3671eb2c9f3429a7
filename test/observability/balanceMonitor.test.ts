import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type BalanceFloor, BalanceMonitor } from '../../src/observability/balanceMonitor.ts'
import { unattended } from '../../src/primitives/abort.ts'
import type { Alert } from '../../src/primitives/alerts.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { nativeSpendOf } from '../../src/store/spending/nativeSpend.ts'
import { AGENT, type Engine, startEngine, startWorld, type World } from '../support/engine.ts'

let world: World
let engine: Engine
let raised: Alert[]
let cleared: Alert[]

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  raised = []
  cleared = []
  await setBalance('0x56bc75e2d63100000')
  return () => engine.stop()
})

/** In wei, as hex; what was read before is forgotten. */
async function setBalance(wei: string): Promise<void> {
  await world.a.ask('anvil_setBalance', AGENT, wei)
  const { access } = await engine.chains.open(world.a.id)
  access.headMoved()
}

const monitor = (floors: readonly BalanceFloor[]) =>
  new BalanceMonitor({
    ...{
      directory: engine.chains,
      floors,
      metrics: silentMetrics,
      logger: silentLogger,
      clock: engine.clock,
    },
    walletsOn: (chain) => engine.wallets.on(chain),
    spentSince: (chain, account, native, since) =>
      nativeSpendOf(engine.journal, { chain, account, native, since }),
    sink: { raise: (alert) => void raised.push(alert), clear: (alert) => void cleared.push(alert) },
  })

it('E5: a wallet below its floor is told once, with the amount to send, and told again when that changes', async () => {
  const watch = monitor([{ chain: '*', min: '0.5' }])
  await watch.look(unattended())
  expect(raised).toEqual([])
  await setBalance('0x16345785d8a0000')
  await watch.look(unattended())
  await watch.look(unattended())
  expect(raised).toMatchObject([
    {
      ...{ code: 'low-balance', chain: 'eip155:31337', wallet: 'agent' },
      message: `agent has 0.1 ETH on Sandbox A, less than the 0.5 ETH that it should have for gas. Send 0.4 ETH to ${AGENT} on eip155:31337: that also covers what it spent in the last 7 days (0 ETH).`,
    },
  ])
  await setBalance('0xb1a2bc2ec50000')
  await watch.look(unattended())
  expect(raised).toHaveLength(2)
  expect(watch.alerts).toMatchObject([
    { since: raised[0]?.since, message: expect.stringContaining('Send 0.45 ETH') },
  ])
})

it('E5: the top-up covers what was spent: what moved and what its gas cost', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1.5', idempotencyKey: 'spend' })
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  const { feePaid } = (await engine.get(operationId)).steps[0] ?? {}
  expect(Number(feePaid?.display)).toBeGreaterThan(0)
  await setBalance('0x0')
  const watch = monitor([{ chain: 'eip155:31337', min: '0.25' }])
  await watch.look(unattended())
  const missing = BigInt(feePaid?.raw ?? 0) + 1_750_000_000_000_000_000n
  const whole = (missing / 10n ** 18n).toString()
  const part = (missing % 10n ** 18n).toString().padStart(18, '0').replace(/0+$/, '')
  expect(raised[0]?.message).toContain(`Send ${whole}.${part} ETH to ${AGENT}`)
})

it('E5: what moved in tokens is no native spend, and what failed cost its fee only', async () => {
  const operations: string[] = []
  for (const request of [
    { amount: '2', asset: 'USDC' },
    { amount: '0.75', asset: 'native' },
    { amount: '0.5', asset: 'native' },
  ]) {
    const { intentId } = await engine.prepare({ to: 'merchant', ...request, idempotencyKey: request.amount })
    operations.push((await engine.execute(intentId)).operationId)
  }
  await world.a.mine(2)
  for (const operationId of operations) await engine.driver.drive(operationId)
  const fees = await Promise.all(
    operations.map(async (operationId) => (await engine.get(operationId)).steps[0]?.feePaid?.raw),
  )
  await engine.journal.transact(async (tx) => {
    await tx
      .updateTable('steps')
      .set({ state: 'reverted' })
      .where('operation_id', '=', operations[2] ?? '')
      .execute()
  })
  const asked = { chain: world.a.id, account: AGENT, native: 'eip155:31337/slip44:1' }
  const paid = fees.reduce((sum, raw) => sum + BigInt(raw ?? 0), 0n)
  expect(await nativeSpendOf(engine.journal, { ...asked, since: '2000-01-01T00:00:00.000Z' })).toBe(
    750_000_000_000_000_000n + paid,
  )
  expect(await nativeSpendOf(engine.journal, { ...asked, since: '2999-01-01T00:00:00.000Z' })).toBe(0n)
})

it('E5: it is over when the wallet has enough again', async () => {
  await setBalance('0x0')
  const watch = monitor([{ chain: '*', min: '0.5' }])
  await watch.look(unattended())
  expect(watch.alerts).toHaveLength(1)
  await setBalance('0x6f05b59d3b20000')
  await watch.look(unattended())
  expect(watch.alerts).toEqual([])
  expect(cleared).toMatchObject([{ wallet: 'agent' }])
})

it('E5: a chain without a floor is not asked, and one that does not answer is not low', async () => {
  await monitor([{ chain: 'eip155:1', min: '1' }]).look(unattended())
  expect(world.a.proxy.roundTrips).toBe(0)
  world.a.proxy.setFault(() => ({ kind: 'reset' }))
  const watch = monitor([{ chain: '*', min: '1000' }])
  await watch.look(unattended())
  expect(watch.alerts).toEqual([])
})

it('E5: the wallets of a chain are looked at in one round trip', async () => {
  await monitor([{ chain: '*', min: '0.5' }]).look(unattended())
  world.a.proxy.reset()
  await monitor([{ chain: '*', min: '0.5' }]).look(unattended())
  expect(world.a.proxy.roundTrips).toBe(1)
})
