import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, startEngine, startWorld, TIP_JAR, type World } from '../../support/engine.ts'

// Contracts name permissions over all that somebody has in many ways; each is denied unless its operator allows it (T17).

/** Takes every call and tells no events. */
const SILENT = '0x0000000000000000000000000000000000005173'
let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
  await world.a.ask('anvil_setCode', SILENT, '0x600160005260206000f3')
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const call = (name: string, args: readonly string[]) =>
  engine.prepare({ to: SILENT, function: name, args, idempotencyKey: `${name} ${args.join()}` })

it.each([
  ['setApprovalForAll(address,bool)', [TIP_JAR, 'true']],
  // ERC-6909.
  ['setOperator(address,bool)', [TIP_JAR, 'true']],
  // ERC-777.
  ['authorizeOperator(address)', [TIP_JAR]],
  // Morpho, and Compound III.
  ['setAuthorization(address,bool)', [TIP_JAR, 'true']],
  ['allow(address,bool)', [TIP_JAR, 'true']],
])('T17: %s is a permission over everything', async (name, args) => {
  await expect(call(name, args)).rejects.toMatchObject({
    code: 'policy_denied',
    context: { rule: 'approval-for-all' },
    sideEffect: 'none',
  })
  // To take it back is none.
  if (args.length > 1) await call(name, [TIP_JAR, 'false'])
})

it('T17: debts that somebody may make in the account’s name are an approval of so much', async () => {
  const { simulation } = await call('approveDelegation(address,uint256)', [TIP_JAR, '500'])
  expect(simulation.effects).toMatchObject([{ kind: 'approval', to: TIP_JAR, amount: { raw: '500' } }])
  const all = (2n ** 256n - 1n).toString()
  await expect(call('approveDelegation(address,uint256)', [TIP_JAR, all])).rejects.toMatchObject({
    context: { rule: 'unlimited-approval' },
  })
})
