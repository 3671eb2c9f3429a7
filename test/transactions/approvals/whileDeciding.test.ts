import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { approveAs, refusalOf } from '../../support/people.ts'

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

const sent = () => world.a.proxy.count('eth_sendRawTransaction')

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
