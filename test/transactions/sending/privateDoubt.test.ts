import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startEngine } from '../../support/engine.ts'
import {
  CALL,
  freshPrivateEngine,
  merchantUsdc,
  type PrivateEngine,
  type PrivateWorld,
  startPrivateEngine,
  startPrivateWorld,
} from '../../support/privateEngine.ts'
import { startRpcProxy } from '../../support/rpcProxy.ts'

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

/** Another process on the journal, to which no relay is configured. */
const withoutRelay = () => startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })

describe('D3: a process without the relay', () => {
  it('D3: does not sign what it could not hand over: nothing is begun, and the lane stays free', async () => {
    const { intentId } = await engine.prepare({ ...CALL, idempotencyKey: 'elsewhere' })
    const without = withoutRelay()
    await expect(without.execute(intentId)).rejects.toMatchObject({
      ...{ code: 'private_route_missing', sideEffect: 'none' },
    })
    expect(engine.rows('select id from operations')).toEqual([])
    expect(engine.rows('select nonce from nonces')).toEqual([])
    const before = await usdc()
    const { operationId } = await engine.execute(intentId)
    expect(await world.relay.mine()).toHaveLength(1)
    await engine.drive(operationId)
    expect((await usdc()) - before).toBe(500_000n)
    await without.stop()
  })

  it('D3, C9: leaves what waits for lower fees to a process that has it', async () => {
    const before = await usdc()
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await pass(1)
    const { intentId } = await engine.prepare({ ...CALL, maxFeeGwei: '50', idempotencyKey: 'waits' })
    const { operationId } = await engine.execute(intentId)
    expect((await engine.step(operationId))?.state).toBe('queued')
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await pass(1)
    const without = withoutRelay()
    await expect(without.driver.drive(operationId)).rejects.toMatchObject({ code: 'private_route_missing' })
    expect((await engine.step(operationId))?.state).toBe('queued')
    expect(engine.raws()).toEqual([])
    const other = startPrivateEngine(world, { home: engine.home, clock: engine.clock })
    await other.drive(operationId)
    expect(await world.relay.mine()).toHaveLength(1)
    expect((await usdc()) - before).toBe(500_000n)
    await other.stop()
    await without.stop()
  })

  it('D3: does not put bytes that nobody passes on in the place of those that the relay has', async () => {
    world.relay.includes = false
    const operationId = await engine.begin('faster')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const without = withoutRelay()
    await expect(without.execute(intentId)).rejects.toMatchObject({ code: 'private_route_missing' })
    expect(engine.raws()).toHaveLength(1)
    world.relay.includes = true
    expect(await world.relay.mine()).toHaveLength(1)
    await engine.drive(operationId)
    await without.stop()
  })

  it('R14: does not say that nothing is on its way of what the relay took from another process', async () => {
    const operationId = await engine.begin('handed over')
    const without = withoutRelay()
    await without.driver.drive(operationId)
    const note = (await engine.step(operationId))?.note
    expect(note).toContain('FLASHBOTS_AUTH_KEY or FLASHBOTS_RELAY_URL is missing')
    expect(note).not.toContain('not on its way')
    expect(note).toContain('it was not handed over this time')
    expect(await world.relay.mine()).toHaveLength(1)
    await engine.drive(operationId)
    await without.stop()
  })
})

describe('R14: what went to public endpoints', () => {
  it('R14: and was not confirmed there is not said to be the relay’s alone', async () => {
    const falling = startPrivateEngine(world, { relay: { url: world.relay.url, fallbackBlocks: 2 } })
    const before = await usdc()
    world.relay.setFault(() => ({ kind: 'status', code: 503 }))
    const operationId = await falling.begin('both')
    expect((await falling.step(operationId))?.note).toMatch(/public endpoints get it from block \d+ on/)
    await pass(2)
    world.a.proxy.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_sendRawTransaction')
        ? { kind: 'forward-then-drop' }
        : undefined,
    )
    await falling.drive(operationId)
    expect(engine.sentPublicly()).toBe(1)
    const step = await falling.step(operationId)
    expect(step?.state).toBe('unknown')
    expect(step?.note).not.toContain('nobody but the private relay')
    expect(step?.note).toContain('the network did not confirm that it has the transaction')
    world.a.proxy.setFault(undefined)
    await pass(1)
    await falling.drive(operationId)
    expect((await usdc()) - before).toBe(500_000n)
    await falling.stop()
  })
})

describe('T12: the block from which on a payment may be public', () => {
  it('T12: is not believed to have come by the word of one endpoint', async () => {
    const honest = await startRpcProxy(world.a.rpcUrl)
    const falling = startPrivateEngine(world, {
      lanes: [{ ...world.a, others: [{ url: honest.url }] }],
      relay: { url: world.relay.url, fallbackBlocks: 30 },
    })
    world.relay.setFault(() => ({ kind: 'status', code: 503 }))
    const operationId = await falling.begin('early')
    await pass(1)
    const ahead = (answer: string) =>
      answer.replace(
        /"number":"0x([0-9a-f]+)"/g,
        (_, hex) => `"number":"0x${(Number(`0x${hex}`) + 40).toString(16)}"`,
      )
    world.a.proxy.setFault((calls) =>
      calls.some(({ params }) => params[0] === 'latest') ? { kind: 'rewrite', text: ahead } : undefined,
    )
    await falling.drive(operationId).catch(() => undefined)

    expect(engine.sentPublicly() + honest.count('eth_sendRawTransaction')).toBe(0)
    expect((await falling.step(operationId))?.note).toContain('status 503')
    world.a.proxy.setFault(undefined)
    await pass(30)
    await falling.drive(operationId)
    expect(engine.sentPublicly() + honest.count('eth_sendRawTransaction')).toBe(2)
    await falling.stop()
    await honest.close()
  })
})
