import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FlagRule } from '../../../src/primitives/flags.ts'
import { FlagStore } from '../../../src/store/flags/flags.ts'
import { MERCHANT, startEngine, takeOver } from '../../support/engine.ts'
import {
  CALL,
  type PrivateEngine,
  type PrivateWorld,
  startPrivateEngine,
  startPrivateWorld,
} from '../../support/privateEngine.ts'

let world: PrivateWorld
let engine: PrivateEngine
let flags: FlagStore
let key = 0

beforeAll(async () => {
  world = await startPrivateWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  world.a.proxy.reset()
  await world.a.mine()
  engine = startPrivateEngine(world)
  flags = new FlagStore(engine.journal)
  return () => engine.stop()
})

const prepare = (request: object, idempotencyKey = `flags-${key++}`) =>
  engine.prepare({ ...request, idempotencyKey })
const PAY = { to: 'merchant', amount: '0.1' }
const rule = (variants: FlagRule['variants'], more: Partial<FlagRule> = {}): FlagRule => ({
  ...{ percent: 100, variants, otherwise: 'off' },
  ...more,
})
const uses = () => engine.rows('select flag, variant from flag_uses order by flag')

describe('F5: what the engine does with flags', () => {
  it('F5: private-route off: calls that name no route are public, those that ask for the private one stay private', async () => {
    expect((await prepare(CALL)).route).toBe('private')
    await flags.set('private-route', rule({ off: 1 }, { otherwise: 'on', wallets: ['agent'] }))
    expect((await prepare(CALL)).route).toBe('public')
    expect((await prepare({ ...CALL, wallet: 'treasury' })).route).toBe('private')
    expect((await prepare({ ...CALL, route: 'private' })).route).toBe('private')
  })

  it('F5: call-batching stopped: several calls are refused, one is not, and nothing is recorded but the refusal', async () => {
    const calls = { calls: [PAY, PAY] }
    expect((await prepare(calls)).batch?.calls).toBe(2)
    await flags.stop('call-batching', 'a bug in Multicall3')
    await expect(prepare(calls)).rejects.toMatchObject({
      code: 'feature_off',
      retry: 'no',
      sideEffect: 'none',
      context: { flag: 'call-batching' },
    })
    expect((await prepare(PAY)).status).toBe('ready')
    expect(
      engine.rows("select json_extract(detail, '$.code') as code from audit where event = 'verdict.refused'"),
    ).toEqual([{ code: 'feature_off' }])
  })

  it('F5: wait-for-fees off on one chain: payments may wait on the other only', async () => {
    await flags.set('wait-for-fees', rule({ off: 1 }, { otherwise: 'on', chains: ['eip155:31338'] }))
    const waiting = { ...PAY, maxFeeGwei: '1' }
    expect((await prepare(waiting)).status).toBe('ready')
    await flags.set('wait-for-fees', rule({ off: 1 }, { otherwise: 'on', chains: ['eip155:31337'] }))
    await expect(prepare(waiting)).rejects.toMatchObject({ code: 'feature_off' })
  })

  it('F5: automatic-speed-up off: what waits goes on waiting, and is sped up when it is switched on', async () => {
    const swift = startEngine({
      lanes: [world.a],
      home: engine.home,
      clock: engine.clock,
      speedUpAfterBlocks: 2n,
    })
    const { operationId } = await engine.execute((await prepare({ ...PAY, urgency: 'slow' })).intentId)
    await world.a.ask('anvil_dropAllTransactions')
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await world.a.mine(1)
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await world.a.mine(3)
    await flags.set('automatic-speed-up', rule({ off: 1 }, { otherwise: 'on' }))
    await swift.driver.drive(operationId)
    const kinds = () => engine.rows('select kind from attempts order by created_at').map(({ kind }) => kind)
    expect(kinds()).toEqual(['original'])
    await flags.rollback()
    await swift.driver.drive(operationId)
    expect(kinds()).toEqual(['original', 'speed_up'])
    await swift.stop()
    await world.a.mine(2)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
  })

  it('F5: default-urgency by halves: each payment keeps its variant, and both are counted with what they paid', async () => {
    const before = await world.a.balance(MERCHANT)
    await flags.set('default-urgency', rule({ slow: 1, fast: 1 }, { otherwise: 'standard' }))
    const tip = async (name: string, more = {}) =>
      Number((await prepare({ ...PAY, ...more }, name)).fees.maxPriorityFeePerGasGwei)
    const names = Array.from({ length: 8 }, (_, index) => `half-${index}`)
    const chosen: unknown[] = []
    for (const name of names) {
      const { intentId } = await prepare(PAY, name)
      expect((await prepare(PAY, name)).intentId).toBe(intentId)
      const { operationId } = await engine.execute(intentId)
      const [use] = engine.rows(
        `select variant, pace from flag_uses join steps using (operation_id) where operation_id = '${operationId}'`,
      )
      expect(use?.['variant']).toBe(use?.['pace'])
      chosen.push(use?.['variant'])
      await world.a.mine(2)
      await engine.driver.drive(operationId)
    }
    // By the hash of these keys, on every machine.
    expect(chosen.join()).toMatchInlineSnapshot(`"fast,slow,slow,fast,fast,slow,fast,slow"`)
    // Who says how it is to be priced is not asked.
    expect(await tip('explicit', { urgency: 'standard' })).toBeGreaterThan(0)
    const { flagOutcomes } = await import('../../../src/store/flags/flagUses.ts')
    const outcomes = await flagOutcomes(engine.journal, 'default-urgency')
    expect(outcomes.map(({ variant }) => variant)).toEqual(['fast', 'slow'])
    expect(outcomes.reduce((sum, { states }) => sum + (states.committed ?? 0), 0)).toBe(8)
    for (const { feePaid, included } of outcomes) expect(feePaid).toBeGreaterThan(21_000n * BigInt(included))
    expect((await world.a.balance(MERCHANT)) - before).toBe(800_000_000_000_000_000n)
  })

  it('F5: what no rule chose is counted nowhere; what a rule chose is, also for those it is not for', async () => {
    await engine.execute((await prepare(PAY)).intentId)
    expect(uses()).toEqual([])
    await flags.set('learned-gas-limits', rule({ on: 1 }, { percent: 0 }))
    await engine.execute((await prepare(PAY)).intentId)
    expect(uses()).toEqual([{ flag: 'learned-gas-limits', variant: 'off' }])
  })

  it('F5, R1, R5: no flag loosens policy: with every one on, a payment above its cap is refused all the same', async () => {
    const capped = startPrivateEngine(world, { caps: [{ chain: '*', asset: 'native', max: '0.05' }] })
    const own = new FlagStore(capped.journal)
    for (const flag of [
      'private-route',
      'call-batching',
      'wait-for-fees',
      'automatic-speed-up',
      'learned-gas-limits',
    ] as const)
      await own.set(flag, rule({ on: 1 }))
    for (const request of [PAY, { calls: [PAY, PAY] }, { ...PAY, maxFeeGwei: '100' }])
      await expect(capped.prepare({ ...request, idempotencyKey: `above-${key++}` })).rejects.toMatchObject({
        code: 'policy_denied',
      })
    await capped.stop()
  })
})
