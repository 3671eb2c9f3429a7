import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { type Engine, startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
  engine = startEngine({ lanes: [world.a] })
})
afterAll(async () => {
  await engine.stop()
  await world.stop()
})

const bookOf = (max: string) => {
  const rules = [{ id: 'daily', cap: { asset: 'native', max, per: '24h' } }]
  return readRules(JSON.stringify({ version: 1, rules }), allChains)
}

/** Other rules come into force after what the old ones ask was asked, and before they judge. */
function reloadBetween(max: string): void {
  const ask = engine.judge.ask.bind(engine.judge)
  vi.spyOn(engine.judge, 'ask').mockImplementationOnce((matters) => {
    const asked = ask(matters)
    engine.judge.policy.use(bookOf(max))
    return asked
  })
}

const reloaded = { code: 'policy_reloaded', retry: 'same', sideEffect: 'none' }
const pay = (amount: string) => engine.prepare({ to: 'merchant', amount, idempotencyKey: amount })

it('F3, R1: rules that come into force between the question and the verdict are asked anew, and nothing is signed', async () => {
  reloadBetween('2')
  await expect(pay('1')).rejects.toMatchObject(reloaded)
  const { intentId } = await pay('1')
  reloadBetween('0.5')
  await expect(engine.execute(intentId)).rejects.toMatchObject(reloaded)
  expect(engine.rows('select id from operations')).toEqual([])
  await expect(engine.execute(intentId)).rejects.toMatchObject({ context: { rule: 'daily' } })
  engine.judge.policy.use(bookOf('1'))
  expect(await engine.execute(intentId)).toMatchObject({ steps: [{ state: 'sent' }] })
})
