import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { approveAs, refusalOf, writeJournal } from '../../support/people.ts'

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a], approvalAbove: [{ chain: '*', asset: 'native', max: '1' }] })
  return () => engine.stop()
})

const pay = () => engine.prepare({ to: MERCHANT, amount: '5', idempotencyKey: 'rent' })
const write = (sql: string) => writeJournal(engine.path, sql)
const sent = () => world.a.proxy.count('eth_sendRawTransaction')

it('F4: under other rules a payment is prepared anew, to be approved under those', async () => {
  const { intentId, digest } = await pay()
  expect(await pay()).toMatchObject({ intentId, digest })
  const rules = [{ id: 'daily', cap: { asset: 'native', max: '9', per: '24h' } }]
  engine.judge.policy.use(readRules(JSON.stringify({ version: 1, rules }), allChains))
  expect(await pay()).toMatchObject({ intentId, status: 'needs_approval' })
  await approveAs(engine, intentId)
  expect(await engine.execute(intentId)).toMatchObject({ steps: [{ state: 'sent' }] })
  expect(sent()).toBe(1)
})

describe('T10, F4: a person signs nothing', () => {
  it('of which the journal holds another payment than was prepared, whatever else was changed with it', async () => {
    const { intentId } = await pay()
    write("update intents set plan = json_set(plan, '$.payload.value', '9000000000000000000')")
    const { planDigest } = await engine.people.show(intentId)
    write(`update approvals set plan_digest = '${planDigest}'`)
    expect(await refusalOf(approveAs(engine, intentId))).toMatchObject({
      code: 'approval_closed',
      message: expect.stringContaining('another payment than the one that was prepared'),
    })
    expect(engine.rows('select state, statement from approvals')).toEqual([
      { state: 'pending', statement: null },
    ])
  })

  it('that has expired, by the second', async () => {
    const { clock } = engine
    const { intentId, expiresAt } = await pay()
    clock.advance(Date.parse(expiresAt) - clock.now())
    expect(await refusalOf(approveAs(engine, intentId))).toMatchObject({
      code: 'approval_closed',
      message: expect.stringContaining(`it expired at ${expiresAt}`),
    })
    clock.advance(-1)
    expect(await approveAs(engine, intentId)).toMatchObject({ status: 'ready' })
  })
})

describe('T5, T9: while a person decides', () => {
  const CAROL = '0xca40aaaabbbbccccddddeeeeffff0000111188c1'
  const LIKE_CAROL = '0xca401111222233334444555566667777888888c1'
  const payTo = (to: string) => engine.prepare({ to, amount: '5', idempotencyKey: to })

  it('a name that stands for somebody else by now has the payment prepared anew, for another decision', async () => {
    await engine.book.add({ name: 'carol', address: CAROL, chain: undefined })
    const { intentId, digest } = await payTo('carol')
    expect(await payTo('carol')).toMatchObject({ intentId, digest })
    await approveAs(engine, intentId)
    await engine.book.remove('carol')
    await engine.book.add({ name: 'carol', address: MERCHANT, chain: undefined })
    expect(await payTo('carol')).toMatchObject({ intentId, to: MERCHANT, status: 'needs_approval' })
    expect((await refusalOf(engine.execute(intentId))).code).toBe('approval_needed')
    expect(sent()).toBe(0)
  })

  it('whoever turns out to look like a contact is refused', async () => {
    const { intentId } = await payTo(LIKE_CAROL)
    await approveAs(engine, intentId)
    await engine.book.add({ name: 'carol', address: CAROL, chain: undefined })
    expect((await refusalOf(payTo(LIKE_CAROL))).code).toBe('recipient_lookalike')
    expect((await refusalOf(engine.execute(intentId))).code).toBe('recipient_lookalike')
    expect(sent()).toBe(0)
  })
})
