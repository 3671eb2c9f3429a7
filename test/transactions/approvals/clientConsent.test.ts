import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller, Question } from '../../../src/primitives/caller.ts'
import { caller, type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { approveAs, refusalOf, writeJournal } from '../../support/people.ts'
import { snapshot } from '../../support/snapshot.ts'

// What the engine makes of a client's yes. test/mcp/approvals.test.ts asks through real clients.

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  world.a.proxy.reset()
  await world.a.mine()
  const restore = await snapshot(world.a)
  engine = start()
  return async () => {
    await engine.stop()
    await restore()
  }
})

const native = (max: string) => [{ chain: '*', asset: 'native', max }]

function start(options: Partial<EngineOptions> = {}): Engine {
  return startEngine({ lanes: [world.a], approvalAbove: native('1'), elicitUpTo: native('3'), ...options })
}

const pay = (amount: string) => engine.prepare({ to: MERCHANT, amount, idempotencyKey: amount })

/** A client that answers so, and remembers what it was asked. */
function client(answer: ReturnType<NonNullable<Caller['confirm']>>) {
  const asked: Question[] = []
  const by: Caller = {
    ...caller(),
    confirm(question) {
      asked.push(question)
      return answer
    },
  }
  return { asked, by }
}

const sent = () => world.a.proxy.count('eth_sendRawTransaction')

describe('F4: a yes in the client', () => {
  it('is enough up to the second threshold, itself included, and is recorded as what it is', async () => {
    const { asked, by } = client('accepted')
    const before = await world.a.balance(MERCHANT)
    const { operationId } = await engine.execute((await pay('3')).intentId, by)
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 3_000000000000000000n)
    expect(asked).toHaveLength(1)
    expect(engine.rows('select state, operation_id, statement, signature from approvals')).toEqual([
      { state: 'used', operation_id: operationId, statement: null, signature: null },
    ])
  })

  it('T25: is not asked for above it, nor for what needs no approval', async () => {
    const { asked, by } = client('accepted')
    const { intentId } = await pay('3.000000000000000001')
    expect((await refusalOf(engine.execute(intentId, by))).code).toBe('approval_needed')
    expect(sent()).toBe(0)
    await engine.execute((await pay('1')).intentId, by)
    expect(asked).toEqual([])
    expect(sent()).toBe(1)
  })

  it('T25: is never asked for unless the operator allows it', async () => {
    const { asked, by } = client('accepted')
    const strict = startEngine({ lanes: [world.a], approvalAbove: native('1') })
    const { intentId } = await strict.prepare({ to: MERCHANT, amount: '1.1', idempotencyKey: 'strict' })
    expect((await refusalOf(strict.execute(intentId, by))).code).toBe('approval_needed')
    await strict.stop()
    expect([asked, sent()]).toEqual([[], 0])
  })

  it.each([
    ['asked', 'nobody has approved it yet'],
    ['refused', 'did not accept'],
  ] as const)('that is %s moves nothing', async (answer, words) => {
    const { by } = client(answer)
    const { intentId } = await pay('2')
    expect((await refusalOf(engine.execute(intentId, by))).message).toContain(words)
    expect(engine.rows('select id from operations')).toEqual([])
    expect(sent()).toBe(0)
  })

  it('is not asked for when a person has approved it already', async () => {
    const { asked, by } = client('refused')
    const { intentId } = await pay('2')
    await approveAs(engine, intentId)
    await engine.execute(intentId, by)
    expect([asked, sent()]).toEqual([[], 1])
  })

  it('does not undo a no', async () => {
    const { asked, by } = client('accepted')
    const { intentId } = await pay('2')
    await engine.people.deny({ intentId, reason: '' })
    expect(await refusalOf(engine.execute(intentId, by))).toMatchObject({
      code: 'approval_denied',
      message: expect.stringContaining('no reason was given'),
    })
    expect([asked, sent()]).toEqual([[], 0])
  })

  it('is asked about with all that moves, and stands for this very plan', async () => {
    const { asked, by } = client('asked')
    const { intentId, digest } = await pay('2')
    await refusalOf(engine.execute(intentId, by))
    await refusalOf(engine.execute(intentId, by))
    expect(asked[0]?.message.split('\n')).toEqual([
      'Pay from wallet "agent" (0x70997970C51812dc3A010C7d01b50e0d17dc79C8) on Sandbox A (eip155:31337)?',
      `Recipient or contract: ${MERCHANT}`,
      `2 ETH from 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 to ${MERCHANT}`,
      expect.stringMatching(/^Fees: at most 0\.\d+ ETH$/),
      `Digest: ${digest}`,
    ])
    expect(asked[1]?.key).toBe(asked[0]?.key)
    const plans = `json_set(plan, '$.moreEffects', 1)`
    writeJournal(engine.path, `update intents set plan = ${plans}`)
    await refusalOf(engine.execute(intentId, by))
    expect(asked).toHaveLength(2)
  })
})

describe('R14: a process that dies after a yes and before it signs', () => {
  async function beginAndDie() {
    const dying = start({ home: engine.home, clock: engine.clock })
    dying.driver.drive = () => new Promise<number>(() => undefined)
    void dying.execute((await pay('2')).intentId, client('accepted').by)
    const begun = () => engine.rows('select id from operations')
    await expect.poll(() => begun().length, { timeout: 10_000 }).toBe(1)
    return String(begun()[0]?.['id'])
  }

  it.each([
    ['leaves what another one signs', undefined, { steps: [{ state: 'sent' }] }, 1],
    ['leaves nothing where a yes is not enough any more', '1.5', { state: 'failed' }, 0],
  ])('%s', async (_title, upTo, view, signed) => {
    const operationId = await beginAndDie()
    const elicitUpTo = upTo === undefined ? {} : { elicitUpTo: native(upTo) }
    const other = start({ home: engine.home, clock: engine.clock, ...elicitUpTo })
    await other.driver.drive(operationId)
    expect(await other.get(operationId)).toMatchObject(view)
    await other.stop()
    expect(sent()).toBe(signed)
  })
})
