import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Gaps } from '../../../src/transactions/recovering/gaps.ts'
import {
  AGENT,
  caller,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  type World,
} from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  await world.a.mine()
  return () => engine.stop()
})

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
const own = () => engine.rows("select state from operations where principal = 'bursar (itself)'")
const minedCount = async () => Number(await world.a.ask('eth_getTransactionCount', AGENT, 'latest'))

async function pay(idempotencyKey: string, amount = '0.5'): Promise<string> {
  const { intentId } = await engine.prepare({ to: 'merchant', amount, idempotencyKey })
  return (await engine.execute(intentId)).operationId
}

/** A payment that waits behind a nonce which was reserved for another that was given up before it was signed. */
async function payBehindGap(): Promise<string> {
  const { find } = engine.wallets
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.25', idempotencyKey: 'given up' })
  engine.wallets.find = (...given) => {
    const wallet = find.apply(engine.wallets, given)
    return { ...wallet, signer: { ...wallet.signer, sign: () => Promise.reject(new Error('no key today')) } }
  }
  const leaving = new AbortController()
  const waiting = engine.execute(intentId, caller('local', leaving.signal))
  await expect.poll(() => engine.rows('select nonce from nonces')).toHaveLength(1)
  leaving.abort(new Error('the caller does not wait for it'))
  engine.wallets.find = find
  const behind = await pay('behind')
  engine.clock.advance(3_600_000)
  const { operationId } = await waiting
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({
    state: 'failed',
    sideEffect: 'none',
  })
  expect(engine.rows('select nonce from nonces')).toHaveLength(1)
  return behind
}

describe('F7: a gap before payments that were sent', () => {
  it('is filled within two blocks by a transaction that moves nothing, and what waits behind it is mined', async () => {
    const [before, mined] = [await world.a.balance(MERCHANT), await minedCount()]
    const behind = await payBehindGap()
    await engine.driver.drive(behind)
    await engine.driver.drive(behind)
    expect(own()).toEqual([])
    await world.a.mine()
    await engine.driver.drive(behind)
    expect(own()).toEqual([{ state: 'running' }])
    await world.a.mine()
    expect((await minedCount()) - mined).toBe(2)
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
    const [fill] = engine.rows(`select payload from steps where recipient = '${AGENT}'`)
    expect(JSON.parse(String(fill?.['payload']))).toMatchObject({
      from: AGENT,
      to: AGENT,
      value: '0',
      data: '0x',
    })
    // Nobody who asks for payments is told of it.
    expect((await engine.list()).operations.map(({ idempotencyKey }) => idempotencyKey).sort()).toEqual([
      'behind',
      'given up',
    ])
  })

  it('is left to a payment of ours that takes it', async () => {
    const mined = await minedCount()
    const behind = await payBehindGap()
    await engine.driver.drive(behind)
    await pay('takes it')
    await engine.driver.drive(behind)
    await world.a.mine()
    await engine.driver.drive(behind)
    expect(own()).toEqual([])
    expect((await minedCount()) - mined).toBe(2)
  })

  it('taken by a payment while it is being filled: the filling is given up unsigned', async () => {
    const mined = await minedCount()
    const behind = await payBehindGap()
    await engine.driver.drive(behind)
    await world.a.mine()
    const { reserve } = engine.nonces
    let first = true
    engine.nonces.reserve = async (...given) => {
      // The payment comes between the decision to fill the gap and the nonce for it.
      if (first) {
        first = false
        await pay('comes between', '0.125')
      }
      return reserve.apply(engine.nonces, given)
    }
    const sends = sent().length
    await engine.driver.drive(behind)
    expect(own()).toEqual([{ state: 'failed' }])
    expect(sent()).toHaveLength(sends + 1)
    await world.a.mine()
    expect((await minedCount()) - mined).toBe(2)
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).not.toEqual([
      { held: 6 },
    ])
  })

  it('is filled once, however many processes see it', async () => {
    const mined = await minedCount()
    const behind = await payBehindGap()
    const others = [0, 1].map(() => startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock }))
    const all = [engine, ...others]
    await Promise.all(all.map(({ driver }) => driver.drive(behind)))
    await world.a.mine()
    await Promise.all(all.map(({ driver }) => driver.drive(behind)))
    await world.a.mine()
    expect((await minedCount()) - mined).toBe(2)
    expect(engine.rows('select count(*) as fills from attempts')).toEqual([{ fills: 2 }])
    await Promise.all(others.map((other) => other.stop()))
  })
})

describe('what is no gap', () => {
  const lane = { chain: 'eip155:31337', account: AGENT }
  const looks = async (held: readonly bigint[], ...heads: readonly string[]) => {
    const healed: bigint[] = []
    const gaps = new Gaps({
      held: async (_lane, from) =>
        held
          .filter((nonce) => nonce >= from)
          .map((nonce) => ({ nonce, step: `step_${nonce}`, state: 'signed' })),
      heal: async ({ nonce }) => void healed.push(nonce),
      logger: silentLogger,
    })
    for (const head of heads) await gaps.look(lane, 5n, head)
    return healed
  }

  it('a nonce that a step holds, however long it waits', async () => {
    expect(await looks([5n, 6n], '10', '11', '99')).toEqual([])
  })

  it('nothing that waits', async () => {
    expect(await looks([3n, 4n], '10', '11')).toEqual([])
  })

  it('and what is one is filled at the block after the one at which it was seen', async () => {
    expect(await looks([6n, 7n], '10', '10')).toEqual([])
    expect(await looks([6n, 7n], '10', '11')).toEqual([5n])
  })
})
