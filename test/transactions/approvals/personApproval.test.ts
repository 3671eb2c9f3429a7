import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { approverOf } from '../../../src/transactions/approvals/statement.ts'
import { intentDigest } from '../../../src/transactions/plan.ts'
import { AWKWARD, installAwkward, taking } from '../../support/awkwardTokens.ts'
import {
  caller,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { approveAs, refusalOf, writeJournal } from '../../support/people.ts'
import { snapshot } from '../../support/snapshot.ts'
import { testClock } from '../../support/testClock.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
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

const ABOVE = [
  { chain: '*', asset: 'native', max: '1' },
  { chain: '*', asset: 'USDC', max: '30' },
]

function start(options: Partial<EngineOptions> = {}): Engine {
  return startEngine({ lanes: [world.a], approvalAbove: ABOVE, ...options })
}

const pay = (amount: string, idempotencyKey = amount) =>
  engine.prepare({ to: MERCHANT, amount, idempotencyKey })

const approve = (intentId: string, on: Engine = engine) => approveAs(on, intentId)

const refusal = refusalOf

const sent = () => world.a.proxy.count('eth_sendRawTransaction')

const write = (sql: string) => writeJournal(engine.path, sql)

describe('F4: a payment above the threshold', () => {
  it('is prepared, says what it waits for, and moves nothing until a person has approved it', async () => {
    const intent = await pay('5')
    expect(intent).toMatchObject({
      status: 'needs_approval',
      verdict: { decision: 'needs_approval' },
      approval: {
        state: 'pending',
        why: ['5 ETH would leave, and above 1 ETH a person has to approve'],
        command: `bursar approvals approve ${intent.intentId}`,
      },
    })
    expect(Date.parse(intent.expiresAt) - engine.clock.now()).toBe(3_600_000)
    const before = await world.a.balance(MERCHANT)
    expect(await refusal(engine.execute(intent.intentId))).toMatchObject({
      code: 'approval_needed',
      message: expect.stringContaining('nobody has approved it yet'),
      sideEffect: 'none',
    })
    expect(engine.rows('select id from operations')).toEqual([])
    expect(sent()).toBe(0)

    expect(await approve(intent.intentId)).toMatchObject({ status: 'ready', approval: { state: 'approved' } })
    const { operationId } = await engine.execute(intent.intentId)
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 5_000000000000000000n)
    expect((await engine.execute(intent.intentId)).operationId).toBe(operationId)
    expect(sent()).toBe(1)
    expect(engine.rows('select state, operation_id from approvals')).toEqual([
      { state: 'used', operation_id: operationId },
    ])
    expect(engine.rows("select event from audit where event like 'approval%' order by seq")).toEqual([
      { event: 'approval.requested' },
      { event: 'approval.given' },
      { event: 'approval.used' },
    ])
  })

  it('needs none at the threshold itself', async () => {
    const { intentId, status } = await pay('1')
    expect(status).toBe('ready')
    await engine.execute(intentId)
    expect(sent()).toBe(1)
  })

  it('counts what one intent allows and takes once, and what it leaves allowed besides', async () => {
    expect(await engine.prepare(taking(USDC, '25'))).toMatchObject({ status: 'ready' })
    const { intentId } = await engine.prepare({ ...taking(USDC, '31'), idempotencyKey: 'more' })
    expect((await engine.people.show(intentId)).approval?.why).toEqual([
      '31 USDC would leave, and above 30 USDC a person has to approve',
    ])
    expect((await refusal(engine.execute(intentId))).code).toBe('approval_needed')
    await approve(intentId)
    const { steps } = await engine.execute(intentId)
    expect(steps).toHaveLength(2)
    expect(AWKWARD.taker).toBe(steps[1]?.to)
  })

  it('is ended by a person who denies it, whatever key or call comes again', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    expect(await engine.people.deny({ intentId, reason: 'not our supplier' })).toMatchObject({
      status: 'denied',
      approval: { state: 'denied', reason: 'not our supplier' },
    })
    expect(await refusal(engine.execute(intentId))).toMatchObject({
      code: 'approval_denied',
      message: expect.stringContaining('not our supplier'),
    })
    expect(await pay('5')).toMatchObject({ intentId, status: 'denied' })
    expect((await refusal(approve(intentId))).code).toBe('approval_closed')
    expect(sent()).toBe(0)
  })

  it('stays as it is while a person decides, and is renewed, to be approved anew, when fees outgrow it', async () => {
    const first = await pay('5')
    await world.a.mine()
    expect((await pay('5')).digest).toBe(first.digest)
    await approve(first.intentId)
    expect(await pay('5')).toMatchObject({ status: 'ready', digest: first.digest })
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await world.a.mine()
    expect((await refusal(engine.execute(first.intentId))).code).toBe('fees_moved')
    const renewed = await pay('5')
    expect(renewed.intentId).toBe(first.intentId)
    expect(renewed.digest).not.toBe(first.digest)
    expect(renewed.status).toBe('needs_approval')
    expect((await refusal(engine.execute(first.intentId))).code).toBe('approval_needed')
    expect(sent()).toBe(0)
  })
})

describe('T24: an approval', () => {
  /** An intent that is approved, its row, and how to put another one in its place. */
  async function approved() {
    const { intentId } = await pay('5')
    await approve(intentId)
    const [row] = engine.rows('select statement, signature, signer from approvals')
    return { intentId, statement: String(row?.['statement']), signature: String(row?.['signature']) }
  }

  it('counts for nothing when its row was written without the key', async () => {
    const { intentId } = await pay('5')
    write("update approvals set state = 'approved'")
    expect((await refusal(engine.execute(intentId))).message).toContain('nobody has signed it')
    // Right in every word, and signed with a key that the operator has never seen.
    const { digest, planDigest } = await engine.people.show(intentId)
    const [{ policy } = {}] = engine.rows(
      "select json_extract(plan, '$.receipt.policy') as policy from intents",
    )
    const forged = approverOf(generateKeyPairSync('ed25519').privateKey).sign({
      ...{ intentId, principal: 'local', digest, planDigest, policy: String(policy) },
      approvedAt: new Date(engine.clock.now()).toISOString(),
      expiresAt: '2099-01-01T00:00:00.000Z',
    })
    const values = Object.entries(forged).map(([name, value]) => `${name} = '${value}'`)
    write(`update approvals set ${values.join(', ')}`)
    expect((await refusal(engine.execute(intentId))).message).toContain('a key that does not count')
    expect(sent()).toBe(0)
    // The operator's own word in its place does.
    write("update approvals set state = 'pending', statement = null, signature = null, signer = null")
    await approve(intentId)
    await engine.execute(intentId)
    expect(sent()).toBe(1)
  })

  it('counts for nothing when one bit of any of its fields is another', async () => {
    const { intentId, statement, signature } = await approved()
    const fields = Object.keys(JSON.parse(statement) as object)
    expect(fields.toSorted()).toEqual([
      'approvedAt',
      'digest',
      'expiresAt',
      'intentId',
      'planDigest',
      'policy',
      'principal',
      'purpose',
      'random',
    ])
    for (const field of fields) {
      const value = String((JSON.parse(statement) as Record<string, string>)[field])
      const at = statement.indexOf(JSON.stringify(value)) + 1 + value.length - 1
      const code = statement.charCodeAt(at) ^ 1
      const flipped = statement.slice(0, at) + String.fromCharCode(code) + statement.slice(at + 1)
      write(`update approvals set statement = '${flipped}'`)
      expect((await refusal(engine.execute(intentId))).message, field).toContain('its signature is wrong')
    }
    write(`update approvals set statement = '${statement}'`)
    for (const at of [0, 63, 64, 127]) {
      const digit = (Number.parseInt(signature[at] as string, 16) ^ 1).toString(16)
      write(`update approvals set signature = '${signature.slice(0, at)}${digit}${signature.slice(at + 1)}'`)
      expect((await refusal(engine.execute(intentId))).message).toContain('its signature is wrong')
    }
    expect(sent()).toBe(0)
    write(`update approvals set signature = '${signature}'`)
    await engine.execute(intentId)
    expect(sent()).toBe(1)
  })

  it('is for one intent: put on another one it counts for nothing, nor for the same one prepared anew', async () => {
    const { intentId } = await approved()
    const second = await pay('7')
    write(`update approvals set state = 'approved', statement = one.statement, signature = one.signature,
      signer = one.signer from (select * from approvals where intent_id = '${intentId}') as one
      where approvals.intent_id = '${second.intentId}'`)
    expect((await refusal(engine.execute(second.intentId))).message).toContain('for another payment')
    // The same bytes to sign, and other effects beside them.
    write(`update intents set plan = json_set(plan, '$.moreEffects', 7) where id = '${intentId}'`)
    expect((await refusal(engine.execute(intentId))).message).toContain('call simulate_transaction')
    write(`update approvals set plan_digest = 'x' where intent_id = '${intentId}'`)
    expect((await refusal(engine.execute(intentId))).code).toBe('approval_needed')
    expect(sent()).toBe(0)
  })

  it('counts once: one that was taken back cannot be put back', async () => {
    const { intentId, statement, signature } = await approved()
    const signer = String(engine.rows('select signer from approvals')[0]?.['signer'])
    await engine.people.deny({ intentId, reason: 'no' })
    write(`update approvals set state = 'approved', statement = '${statement}', signature = '${signature}',
      signer = '${signer}'`)
    expect((await refusal(engine.execute(intentId))).message).toContain('was used or taken back')
    expect(sent()).toBe(0)
  })

  it('does not outlive the policy under which it was given', async () => {
    const { intentId } = await approved()
    const stricter = start({ home: engine.home, clock: engine.clock, maxGasPriceGwei: '400' })
    expect((await refusal(stricter.execute(intentId))).message).toContain('the policy has changed')
    await stricter.stop()
    expect(sent()).toBe(0)
  })

  it('counts only with a key that is pinned, once one is', async () => {
    const { intentId } = await approved()
    const pinned = start({ home: engine.home, clock: engine.clock, approverKeys: ['ab'.repeat(32)] })
    expect((await refusal(pinned.execute(intentId))).message).toContain('a key that does not count')
    expect((await refusal(approve((await pay('8')).intentId, pinned))).code).toBe('approver_unusable')
    await pinned.stop()
    expect(sent()).toBe(0)
  })
})

describe('T23: an approved intent', () => {
  it('is executed by nobody but its own principal', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    expect((await refusal(engine.execute(intentId, caller('mallory')))).code).toBe('intent_unknown')
    write(`update intents set principal = 'mallory'`)
    expect((await refusal(engine.execute(intentId, caller('mallory')))).message).toContain(
      'for another payment',
    )
    expect(sent()).toBe(0)
  })
})

describe('F20: when the clock is set', () => {
  it('an approval does not last longer, and one from the future does not count', async () => {
    const clock = testClock()
    engine = start({ clock })
    const { intentId } = await pay('5')
    clock.advance(600_000)
    await approve(intentId)
    clock.advance(-300_000)
    expect((await refusal(engine.execute(intentId))).message).toContain('the clock was set back')
    clock.advance(3_300_000)
    expect((await refusal(engine.execute(intentId))).code).toBe('intent_expired')
    write("update intents set expires_at = '2099-01-01T00:00:00.000Z'")
    expect((await refusal(engine.execute(intentId))).message).toContain('the approval has expired')
    expect(sent()).toBe(0)
    clock.advance(-60_000)
    await engine.execute(intentId)
    expect(sent()).toBe(1)
  })
})

describe('R3: one approval', () => {
  it('begins one operation when two processes use it at once', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    const other = start({ home: engine.home, clock: engine.clock })
    const before = await world.a.balance(MERCHANT)
    const calls = [engine, other, engine, other].map((one) => one.execute(intentId))
    const ids = (await Promise.all(calls)).map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(1)
    await other.stop()
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 5_000000000000000000n)
    expect(engine.rows('select count(*) as used from spent_approvals')).toEqual([{ used: 1 }])
  })
})

describe('R14: a process that dies after it has used the approval and before it signs', () => {
  /** Begins, and dies at once. */
  async function beginAndDie(intentId: string): Promise<string> {
    const dying = start({ home: engine.home, clock: engine.clock })
    dying.driver.drive = () => new Promise<number>(() => undefined)
    void dying.execute(intentId)
    const begun = () => engine.rows('select id from operations')
    await expect.poll(() => begun().length, { timeout: 10_000 }).toBe(1)
    return String(begun()[0]?.['id'])
  }

  it('leaves what another one signs, once, without asking again', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    const operationId = await beginAndDie(intentId)
    expect(sent()).toBe(0)
    expect(await takeOverHere(operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
    expect(sent()).toBe(1)
  })

  it('leaves nothing that is signed when the approval was not there', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    const operationId = await beginAndDie(intentId)
    write("update approvals set signature = '00'")
    expect(await takeOverHere(operationId)).toMatchObject({
      state: 'failed',
      steps: [{ note: expect.stringContaining('a person has to approve it') }],
    })
    expect(sent()).toBe(0)
  })

  async function takeOverHere(operationId: string) {
    const other = start({ home: engine.home, clock: engine.clock })
    await other.driver.drive(operationId)
    const view = await other.get(operationId)
    await other.stop()
    return view
  }
})

describe('a replacement', () => {
  it('of what was approved is not approved again: only its fees are higher', async () => {
    const { intentId } = await pay('5')
    await approve(intentId)
    const { operationId } = await engine.execute(intentId)
    const { intentId: faster } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const before = await world.a.balance(MERCHANT)
    const { steps } = await engine.execute(faster)
    expect(steps[0]?.attempts).toHaveLength(2)
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 5_000000000000000000n)
    expect(engine.rows('select count(*) as asked from approvals')).toEqual([{ asked: 1 }])
  })

  it('of a small payment does not become a large one by a changed plan', async () => {
    const { operationId } = await engine.execute((await pay('1')).intentId)
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const { plan } = engine.rows(`select plan from intents where id = '${intentId}'`)[0] as { plan: string }
    expect(JSON.parse(plan).payload.value).toBe('1000000000000000000')
    await forgeAmount(intentId, '5000000000000000000')
    expect((await refusal(engine.execute(intentId))).message).toContain('not what was approved')
  })

  /** As somebody does who can write the journal: with a digest that fits. */
  async function forgeAmount(intentId: string, value: string) {
    const row = engine.rows(`select plan from intents where id = '${intentId}'`)[0] as { plan: string }
    const plan = JSON.parse(row.plan)
    plan.payload.value = value
    plan.outflow.raw = value
    plan.effects[0].raw = value
    write(`update intents set plan = '${JSON.stringify(plan).replaceAll("'", "''")}',
      digest = '${intentDigest(plan)}' where id = '${intentId}'`)
  }
})
