import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SimulationReceipt } from '../../../src/chains/simulationReceipt.ts'
import { caller } from '../../support/engine.ts'
import {
  CALL,
  freshPrivateEngine,
  merchantUsdc,
  type PrivateEngine,
  type PrivateWorld,
  startPrivateEngine,
  startPrivateWorld,
} from '../../support/privateEngine.ts'

let world: PrivateWorld
let engine: PrivateEngine

beforeAll(async () => {
  world = await startPrivateWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  engine = await freshPrivateEngine(world)
  return () => engine.stop()
})

/** Blocks that the relay's builder has no part in. */
const pass = (blocks: number) => world.a.mine(blocks)
const usdc = () => merchantUsdc(world)

describe('D3: what no block takes privately', () => {
  it('D3: is stuck after 25 blocks, with what to do, and is asked for again', async () => {
    world.relay.includes = false
    const operationId = await engine.begin('ignored')
    await pass(24)
    await engine.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('running')
    await pass(1)
    await engine.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({
      state: 'stuck',
      steps: [
        {
          state: 'sent',
          note: 'no block has taken it by the private route for a while; replace_transaction with kind speed_up offers more, with kind cancel takes it back',
        },
      ],
    })
    expect(engine.asked()).toEqual([
      'callBundle',
      'sendPrivateTransaction',
      'callBundle',
      'sendPrivateTransaction',
    ])
    expect(engine.sentPublicly()).toBe(0)
    expect(engine.audited()).not.toContain('step.dropped')
    world.relay.includes = true
    await world.relay.mine()
    await engine.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('running')
  })

  it('D3: and that the relay refuses all the time, is stuck as well', async () => {
    world.relay.setFault(() => ({ kind: 'status', code: 500 }))
    const operationId = await engine.begin('refused')
    await pass(25)
    await engine.drive(operationId)
    await pass(1)
    await engine.drive(operationId)
    const view = await engine.get(operationId)
    expect(view).toMatchObject({ state: 'stuck', steps: [{ state: 'unknown' }] })
    expect(view.next).toContain('replace_transaction with kind cancel takes it back')
    expect(view.steps[0]?.note).toMatch(
      /^it was not handed over this time: .*status 500.*; replace_transaction with kind cancel takes it back$/,
    )
    // The next try that fails for the same reason leaves it as it is.
    const rows = engine.audited().length
    await pass(1)
    await engine.drive(operationId)
    expect(engine.audited()).toHaveLength(rows)
    world.relay.setFault(undefined)
    await pass(1)
    await engine.drive(operationId)
    expect((await engine.step(operationId))?.state).toBe('sent')
    await world.relay.mine()
    await engine.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('running')
  })

  it('C3: is cancelled publicly, and the relay is asked to forget it', async () => {
    const before = await usdc()
    world.relay.includes = false
    const operationId = await engine.begin('cancelled')
    const [hash] = engine.rows('select hash from attempts').map((row) => row['hash'])
    const { intentId } = await engine.replace({ operation: operationId, kind: 'cancel' })
    await engine.execute(intentId)
    expect(engine.sentPublicly()).toBe(1)
    expect(world.relay.calls.at(-1)).toMatchObject({
      ...{ method: 'eth_cancelPrivateTransaction', params: [{ txHash: hash }] },
    })
    world.relay.includes = true
    expect(await world.relay.mine()).toEqual([])
    await engine.drive(operationId)
    await pass(2)
    await engine.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect((await usdc()) - before).toBe(0n)
  })

  it('C3: is sped up by the same route, and paid once', async () => {
    const before = await usdc()
    world.relay.includes = false
    const operationId = await engine.begin('faster')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    await engine.execute(intentId)
    expect(engine.asked()).toEqual([
      'callBundle',
      'sendPrivateTransaction',
      'callBundle',
      'sendPrivateTransaction',
    ])
    expect(new Set(engine.raws()).size).toBe(2)
    world.relay.includes = true
    expect(await world.relay.mine()).toHaveLength(1)
    await engine.drive(operationId)
    await pass(2)
    await engine.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
    expect((await usdc()) - before).toBe(500_000n)
    expect(engine.sentPublicly()).toBe(0)
  })
})

describe('D3: a fallback that the operator allows', () => {
  it('D3: is not taken by who does not know how far the chain is', async () => {
    const falling = startPrivateEngine(world, { relay: { url: world.relay.url, fallbackBlocks: 3 } })
    await falling.begin('somewhere')
    const [attempt] = falling.rows('select raw, hash, account, receipt from attempts') as Record<
      'raw' | 'hash' | 'account' | 'receipt',
      string
    >[]
    const { raw = '', hash = '', account = '', receipt = '{}' } = attempt ?? {}
    const bytes = { raw, hash, account, receipt: JSON.parse(receipt) as SimulationReceipt }
    expect(bytes.receipt.publicFrom).toMatch(/^\d+$/)
    const adapter = await falling.chains.adapter('sandbox-a')
    expect(await falling.broadcaster.broadcast(adapter, bytes)).toMatchObject({ by: 'private' })
    expect(falling.sentPublicly()).toBe(0)
    await falling.stop()
  })

  it('D3: begins with the block that the receipt names, and not before; the note tells of it', async () => {
    const falling = startPrivateEngine(world, { relay: { url: world.relay.url, fallbackBlocks: 3 } })
    const before = await usdc()
    world.relay.includes = false
    const operationId = await falling.begin('falling')
    await pass(2)
    await falling.drive(operationId)
    expect(engine.sentPublicly()).toBe(0)
    await pass(1)
    await falling.drive(operationId)
    expect(engine.sentPublicly()).toBe(1)
    expect(await falling.step(operationId)).toMatchObject({
      state: 'sent',
      note: 'no block took it privately in time, so it went to public endpoints as well, as PRIVATE_FALLBACK_BLOCKS allows',
    })
    expect(falling.rows("select event from audit where event = 'step.dropped'")).toEqual([])
    await pass(1)
    await falling.drive(operationId)
    expect((await falling.step(operationId))?.state).toBe('included')
    expect((await usdc()) - before).toBe(500_000n)
    await falling.stop()
  })

  it('C3: has come for what speeds it up as well: it is out already', async () => {
    const falling = startPrivateEngine(world, { relay: { url: world.relay.url, fallbackBlocks: 2 } })
    const before = await usdc()
    world.relay.includes = false
    const operationId = await falling.begin('fallen')
    await pass(1)
    // The bytes that wait are taken by no block, and are public from now on.
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await pass(1)
    await falling.drive(operationId)
    const asked = world.relay.calls.length
    const { intentId } = await falling.replace({ operation: operationId, kind: 'speed_up' })
    await falling.execute(intentId)
    expect([engine.sentPublicly(), world.relay.calls.length - asked]).toEqual([2, 0])
    await pass(1)
    await falling.drive(operationId)
    expect((await falling.step(operationId))?.state).toBe('included')
    expect((await usdc()) - before).toBe(500_000n)
    await falling.stop()
  })

  it('D3: is not for what another process signed when nothing was allowed', async () => {
    world.relay.includes = false
    const operationId = await engine.begin('never')
    const allowed = startPrivateEngine(world, {
      ...{ home: engine.home, clock: engine.clock },
      relay: { url: world.relay.url, fallbackBlocks: 1 },
    })
    await pass(30)
    await allowed.drive(operationId)
    expect(engine.sentPublicly()).toBe(0)
    await allowed.stop()
    world.relay.includes = true
    await world.relay.mine()
  })
})

describe('D3: a payment that waits for lower fees', () => {
  it('D3, C9: keeps its route when it is signed at last, by another process too', async () => {
    const before = await usdc()
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await pass(1)
    const { intentId, route } = await engine.prepare({ ...CALL, maxFeeGwei: '50', idempotencyKey: 'waits' })
    expect(route).toBe('private')
    const { operationId } = await engine.execute(intentId, caller())
    await engine.drive(operationId)
    expect((await engine.step(operationId))?.state).toBe('queued')
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await pass(1)
    const other = startPrivateEngine(world, { home: engine.home, clock: engine.clock })
    await other.drive(operationId)
    expect((await engine.step(operationId))?.state).toBe('sent')
    expect([engine.sentPublicly(), engine.asked()]).toEqual([0, ['callBundle', 'sendPrivateTransaction']])
    await world.relay.mine()
    await other.drive(operationId)
    expect((await usdc()) - before).toBe(500_000n)
    await other.stop()
  })
})
