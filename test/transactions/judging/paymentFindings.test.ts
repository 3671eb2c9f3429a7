import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT,
  caller,
  type Engine,
  MERCHANT,
  readRows,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'
import { setHoldings } from '../../support/tokens.ts'

let world: World
let engine: Engine
let home: string
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bursar-findings-'))
  engine = startEngine({ lanes: [world.a], home })
  return async () => {
    await engine.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

const prepare = async (request: object, by = caller()) =>
  engine.prepare({ ...request, idempotencyKey: `payment ${key++}` }, by)
const codes = async (request: object, by = caller()) =>
  ((await prepare(request, by)).simulation.findings ?? []).map(({ code }) => code)

async function pay(request: object) {
  const { intentId } = await prepare(request)
  const { operationId } = await engine.execute(intentId)
  await world.a.mine()
  await engine.driver.drive(operationId)
  return operationId
}

describe('D2: somebody who is paid for the first time', () => {
  it('is told until a payment is in a block', async () => {
    const request = { to: 'merchant', amount: '0.01' }
    const { simulation } = await prepare(request)
    expect(simulation.findings).toEqual([
      {
        code: 'first-recipient',
        severity: 'info',
        detail: `${AGENT} has paid nothing to ${MERCHANT} before, as far as the journal knows`,
      },
    ])
    const { intentId } = await prepare(request)
    await engine.execute(intentId)
    expect(await codes(request)).toEqual(['first-recipient'])
    await world.a.mine()
    await pay(request)
    expect(await codes(request)).toEqual([])
    expect(await codes({ ...request, asset: 'USDC' })).toEqual([])
  })

  it('is told to each principal for itself', async () => {
    await pay({ to: 'merchant', amount: '0.01' })
    expect(await codes({ to: 'merchant', amount: '0.01' }, caller('another'))).toEqual(['first-recipient'])
  })

  it('is nobody who is only called, nor the account itself', async () => {
    const approve = { to: USDC, function: 'approve(address,uint256)', args: [TIP_JAR, '5'] }
    expect(await codes(approve)).toEqual([])
    expect(await codes({ to: AGENT, amount: '0.01' })).toEqual([])
  })
})

describe('D2: a payment of most of what there is', () => {
  it('is told above half of it, to the unit', async () => {
    const had = (await world.a.ask('eth_getBalance', AGENT, 'latest')) as string
    await setHoldings(world.a, [{ token: USDC, account: AGENT, raw: 1_000_000n }])
    expect(await codes({ to: 'merchant', amount: '0.5', asset: 'USDC' })).not.toContain('large-share')
    const { simulation } = await prepare({ to: 'merchant', amount: '0.500001', asset: 'USDC' })
    expect(simulation.findings).toContainEqual({
      code: 'large-share',
      severity: 'warning',
      detail: `0.500001 of the 1 USDC that ${AGENT} has would leave, 50 per cent`,
    })
    await world.a.ask('anvil_setBalance', AGENT, '0xde0b6b3a7640000')
    expect(await codes({ to: 'merchant', amount: '0.6' })).toContain('large-share')
    expect(await codes({ to: 'merchant', amount: '0.4' })).not.toContain('large-share')
    await world.a.ask('anvil_setBalance', AGENT, had)
  })
})

it('recipients are looked up by an index', async () => {
  await engine.operations.countByState()
  const plan = readRows(
    engine.path,
    "explain query plan select id from steps where chain = 'x' and account = 'y' and recipient = 'z' and state in ('final')",
  )
  expect(String(plan[0]?.['detail'])).toContain('steps_recipient')
})
