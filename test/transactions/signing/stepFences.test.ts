import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AWKWARD,
  act,
  allowanceOf,
  finishOf,
  installAwkward,
  STRANGER,
  taking,
  tokenBalance,
} from '../../support/awkwardTokens.ts'
import { beginOnly } from '../../support/begun.ts'
import { AGENT, type Engine, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { snapshot } from '../../support/snapshot.ts'

// What keeps transactions of one operation in order, and those of two out of each other's way.

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  await baseFee(1_000_000_000)
  const restore = await snapshot(world.a)
  engine = startEngine({ lanes: [world.a] })
  return async () => {
    await engine.stop()
    await restore()
  }
})

/** The next block has this base fee, and so, about, has the one after it. */
async function baseFee(wei: number): Promise<void> {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', `0x${wei.toString(16)}`)
  await world.a.mine()
}

const { taker } = AWKWARD
const finish = (operationId: string) => finishOf(world.a, engine, operationId)

describe('R4: nonces of the steps of one operation', () => {
  it('grow with them: what another payment gives back below the approval is not for the call', async () => {
    const given = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'given back' })
    const { step: other } = await beginOnly(engine, given.intentId)
    const mined = BigInt((await world.a.ask('eth_getTransactionCount', AGENT, 'latest')) as string)
    expect(await engine.nonces.reserve(other, mined)).toBe(mined)
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    engine.broadcaster.broadcast = async (...given) => {
      engine.broadcaster.broadcast = broadcasts
      // The other one is given up before the call has its nonce.
      await engine.steps.abandon(other.id, 'given up')
      return broadcasts(...given)
    }
    const { steps, operationId } = await engine.execute(intentId)
    expect(steps.map(({ nonce }) => Number(nonce) - Number(mined))).toEqual([1, 2])
    // Nothing else takes the nonce that was given back, so it is filled.
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(25_000_000n)
    expect(await allowanceOf(world.a, USDC, AGENT, taker)).toBe(0n)
  })
})

describe('two operations that approve one token', () => {
  it('F5: both waited for lower fees, which come for both at once: one is signed after the other', async () => {
    await baseFee(50_000_000_000)
    const waiting = async (amount: string) => {
      const { intentId } = await engine.prepare({ ...taking(USDC, amount), maxFeeGwei: '2', waitHours: 1 })
      return (await engine.execute(intentId)).operationId
    }
    const both = [await waiting('10'), await waiting('20')]
    await baseFee(1_000_000_000)
    // Another process, which has read no higher fees.
    const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
    for (let looks = 0; looks < 6; looks++) {
      await Promise.allSettled(both.map((id) => other.driver.drive(id)))
      await world.a.mine(2)
    }
    await other.stop()
    for (const id of both) expect(await engine.get(id)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(30_000_000n)
    expect(await allowanceOf(world.a, USDC, AGENT, taker)).toBe(0n)
  })

  it('and one of another token does not wait for them', async () => {
    const token = AWKWARD.reset
    await act(world.a, STRANGER, token, 'mint', AGENT, 100_000_000n)
    const first = await engine.prepare(taking(USDC, '10'))
    const second = await engine.prepare(taking(token, '20'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    let between: string | undefined
    engine.broadcaster.broadcast = async (...given) => {
      engine.broadcaster.broadcast = broadcasts
      between = (await engine.execute(second.intentId)).operationId
      return broadcasts(...given)
    }
    const { operationId } = await engine.execute(first.intentId)
    for (const id of [operationId, between ?? ''])
      expect(await finish(id)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(10_000_000n)
    expect(await tokenBalance(world.a, token, taker)).toBe(20_000_000n)
  })

  it('what takes one approval back is not signed between the approval and the call of another', async () => {
    const first = await engine.prepare(taking(USDC, '10'))
    const { operationId } = await engine.execute(first.intentId)
    // It comes first in the block that has both: the call reverts, and its approval stands.
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    await world.a.mine()
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(64)}`)
    await engine.driver.drive(operationId)
    const second = await engine.prepare(taking(USDC, '20'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    let undone: unknown
    engine.broadcaster.broadcast = async (...given) => {
      engine.broadcaster.broadcast = broadcasts
      const sent = await broadcasts(...given)
      await world.a.mine(2)
      undone = await engine.driver.drive(operationId).catch((error: unknown) => error)
      return sent
    }
    const later = await engine.execute(second.intentId)
    expect(undone).toMatchObject({ code: 'allowance_in_use' })
    expect(await finish(later.operationId)).toMatchObject({ state: 'committed' })
    expect(await finish(operationId)).toMatchObject({ state: 'compensated' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(20_000_000n)
    expect(await allowanceOf(world.a, USDC, AGENT, taker)).toBe(0n)
  })
})
