import { getAddress, pad } from 'viem'
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
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  USDC,
  type World,
} from '../../support/engine.ts'
import { snapshot } from '../../support/snapshot.ts'
import { compile } from '../../support/tokens.ts'

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
  engine = startEngine({ lanes: [world.a] })
  return async () => {
    await engine.stop()
    await restore()
  }
})

const { taker, reset, fee, refusing } = AWKWARD
const agent = AGENT

const finish = (operationId: string) => finishOf(world.a, engine, operationId)

/** Takes what it is allowed to, and then does whatever its caller says with all that it has. */
const OPEN_DOOR = `
interface Token { function transferFrom(address from, address to, uint256 amount) external returns (bool); }
contract Subject {
  function take(address token, uint256 amount, address code) external {
    Token(token).transferFrom(msg.sender, address(this), amount);
    (bool done,) = code.delegatecall(abi.encodeWithSignature("closed()"));
    require(done);
  }
}`

describe('C8: a call that takes tokens', () => {
  it('is prepared with the exact approval that it needs, and both are paid as one operation', async () => {
    const intent = await engine.prepare(taking(USDC, '25'))
    expect(intent).toMatchObject({
      status: 'ready',
      first: [`allows ${taker} exactly 25 USDC; taken back if the call does not happen`],
      amount: { display: '25', symbol: 'USDC' },
    })
    expect(intent.simulation.effects).toMatchObject([
      { kind: 'approval', from: agent, to: taker, amount: { raw: '25000000' } },
      { kind: 'transfer', from: agent, to: taker, amount: { raw: '25000000' } },
    ])
    const sent = await engine.execute(intent.intentId)
    expect(sent.steps).toMatchObject([
      { role: 'approval', to: USDC, state: 'sent' },
      { to: taker, state: 'sent' },
    ])
    expect(Number(sent.steps[1]?.nonce)).toBe(Number(sent.steps[0]?.nonce) + 1)
    expect(await finish(sent.operationId)).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [{ state: 'final' }, { state: 'final' }],
      next: 'Done: the payment is final.',
    })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(25_000_000n)
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('fees of all its transactions are told, held and judged', async () => {
    const { fees, intentId } = await engine.prepare(taking(USDC, '25'))
    const { operationId } = await engine.execute(intentId)
    const held = engine.rows("select raw from reservations where kind = 'fee' order by id")
    const sum = held.reduce((total, { raw }) => total + BigInt(raw as string), 0n)
    expect(held).toHaveLength(2)
    expect(fees.ceiling.raw).toBe(sum.toString())
    await finish(operationId)
  })

  it('C6, R5: is refused to the unit when fees of all its transactions are more than there is', async () => {
    const { fees, intentId } = await engine.prepare(taking(USDC, '25'))
    const short = BigInt(fees.ceiling.raw) - 1n
    await world.a.ask('anvil_setBalance', agent, `0x${short.toString(16)}`)
    const refusal = {
      code: 'insufficient_funds',
      sideEffect: 'none',
      message: expect.stringContaining('0.000000000000000001 ETH'),
    }
    await expect(engine.prepare({ ...taking(USDC, '25'), idempotencyKey: 'short' })).rejects.toMatchObject(
      refusal,
    )
    await expect(engine.execute(intentId)).rejects.toMatchObject(refusal)
    expect(engine.rows('select id from operations')).toEqual([])
  })

  it('R14: is not signed before the network has its approval', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    engine.broadcaster.broadcast = async () => ({ by: 'public', outcome: 'unknown', evidence: 'no answer' })
    const { operationId } = await engine.execute(intentId)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps).toMatchObject([
      { role: 'approval', state: 'unknown', attempts: [{}] },
      { state: 'queued', attempts: [] },
    ])
    engine.broadcaster.broadcast = broadcasts
    await takeOver(engine, [world.a], operationId)
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(25_000_000n)
  })

  it('needs no approval while the allowance is enough', async () => {
    await act(world.a, agent, USDC, 'approve', taker, 30_000_000n)
    expect(await engine.prepare(taking(USDC, '30'))).not.toHaveProperty('first')
    expect((await engine.prepare(taking(USDC, '30.000001', '30000001'))).first).toHaveLength(1)
    const intent = await engine.prepare(taking(USDC, '25'))
    expect(intent).not.toHaveProperty('first')
    const { operationId } = await engine.execute(intent.intentId)
    expect((await finish(operationId)).steps).toHaveLength(1)
    expect(await tokenBalance(world.a, USDC, taker)).toBe(25_000_000n)
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(5_000_000n)
  })

  it('of a token without return values that changes no allowance but from zero, has it reset before', async () => {
    await act(world.a, STRANGER, reset, 'mint', agent, 100_000_000n)
    await act(world.a, agent, reset, 'approve', taker, 1n)
    const intent = await engine.prepare(taking(reset, '40'))
    const token = `eip155:31337/erc20:${getAddress(reset)}`
    expect(intent.first).toEqual([
      `sets the allowance of ${taker} in ${token} from 0.000001 to 0, which this token wants before it is changed`,
      `allows ${taker} exactly 40 ${token}; taken back if the call does not happen`,
    ])
    const { operationId, steps } = await engine.execute(intent.intentId)
    expect(steps.map(({ role, state }) => `${role} ${state}`)).toEqual([
      'reset sent',
      'approval sent',
      'undefined sent',
    ])
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, reset, taker)).toBe(40_000_000n)
    expect(await tokenBalance(world.a, reset, agent)).toBe(60_000_000n)
  })

  it('R3: executed twice, and by two processes at once, it is one operation of two transactions', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '3'))
    const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
    const views = await Promise.all([
      engine.execute(intentId),
      other.execute(intentId),
      engine.execute(intentId),
    ])
    await other.stop()
    expect(new Set(views.map(({ operationId }) => operationId)).size).toBe(1)
    await finish(views[0]?.operationId ?? '')
    expect(engine.rows('select state from attempts')).toEqual([{ state: 'included' }, { state: 'included' }])
    expect(await tokenBalance(world.a, USDC, taker)).toBe(3_000_000n)
  })

  it('T11: after its approval, is looked at as closely as without one', async () => {
    const proxy = pad('0x5e7a09', { size: 20 })
    await world.a.ask('anvil_setCode', proxy, compile(OPEN_DOOR))
    const { simulation, first } = await engine.prepare({
      ...{ to: proxy, function: 'take(address,uint256,address)', args: [USDC, '1000000', taker] },
      ...{ asset: USDC, amount: '1', idempotencyKey: 'open door' },
    })
    expect(first).toHaveLength(1)
    expect(simulation.findings).toContainEqual(
      expect.objectContaining({
        code: 'delegatecall-unknown',
        detail: expect.stringContaining(getAddress(taker)),
      }),
    )
    expect(simulation.findings?.map(({ code }) => code)).not.toContain('not-traced')
  })

  it('T11: is not taken for another one in another block because of what is mined and not yet known to be', async () => {
    const first = await engine.prepare(taking(USDC, '10'))
    await engine.execute(first.intentId)
    // It comes first in the block that has both: the call reverts, and its approval stands.
    const closed = (now: string) =>
      world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${now.padStart(64, '0')}`)
    await closed('1')
    await world.a.mine()
    await closed('0')
    await world.a.mine()
    // Run once more, the first call would take all that it is allowed, and the next approval would need more gas.
    expect(await engine.prepare(taking(USDC, '20'))).toMatchObject({
      status: 'ready',
      first: [
        `allows ${taker} exactly 20 USDC in the place of 10 USDC; its allowance is set to 0 if the call does not happen`,
      ],
    })
  })

  it('C8: an allowance that there was is told before it is overwritten', async () => {
    await act(world.a, agent, USDC, 'approve', taker, 5_000_001n)
    const { first, intentId } = await engine.prepare(taking(USDC, '25'))
    expect(first).toEqual([
      `allows ${taker} exactly 25 USDC in the place of 5.000001 USDC; its allowance is set to 0 if the call does not happen`,
    ])
    expect((await engine.prepare(taking(USDC, '25'))).intentId).toBe(intentId)
  })

  it.each([
    ['amount', '17d7840"', '27d7840"'],
    ['spender', taker.slice(2), agent.slice(2).toLowerCase()],
    ['price of gas', '"maxFeePerGas":"', '"maxFeePerGas":"1'],
  ])('T10: an approval whose %s was changed after it was shown is not executed', async (_what, from, to) => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    await engine.journal.transact(async (tx) => {
      const { plan } = await tx.selectFrom('intents').select('plan').executeTakeFirstOrThrow()
      const { first, ...rest } = JSON.parse(plan) as { first: unknown }
      const forged = JSON.stringify(first).replace(from, to)
      expect(forged).not.toBe(JSON.stringify(first))
      const changed = JSON.stringify({ ...rest, first: JSON.parse(forged) as unknown })
      await tx.updateTable('intents').set({ plan: changed }).execute()
    })
    const refused = { code: 'intent_changed', sideEffect: 'none' }
    await expect(engine.execute(intentId)).rejects.toMatchObject(refused)
    expect(engine.rows('select id from steps')).toEqual([])
  })

  it('R10: names the token that it calls, or no amount: refused with what to do', async () => {
    const request = taking(USDC, '5')
    await expect(
      engine.prepare({ ...request, to: USDC, function: 'transfer(address,uint256)', args: [taker, '5'] }),
    ).rejects.toMatchObject({
      code: 'call_invalid',
      message: expect.stringContaining('drop asset and amount'),
    })
    const { amount: _amount, ...without } = request
    await expect(engine.prepare(without)).rejects.toMatchObject({ code: 'amount_invalid' })
    await expect(engine.prepare({ ...request, amount: '99000000' })).rejects.toMatchObject({
      code: 'insufficient_funds',
    })
    expect(engine.rows('select * from intents')).toEqual([])
  })
})

describe('two payments that approve one token', () => {
  it('F5: the second is not begun between the approval of the first and its call', async () => {
    const first = await engine.prepare(taking(USDC, '10'))
    const second = await engine.prepare(taking(USDC, '20'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    let refusal: unknown
    engine.broadcaster.broadcast = async (...given) => {
      engine.broadcaster.broadcast = broadcasts
      refusal = await engine.execute(second.intentId).catch((error: unknown) => error)
      return broadcasts(...given)
    }
    const { operationId } = await engine.execute(first.intentId)
    expect(refusal).toMatchObject({ code: 'allowance_in_use', sideEffect: 'none' })
    // It was not begun, so the same intent is executed now.
    const later = await engine.execute(second.intentId)
    for (const id of [operationId, later.operationId])
      expect(await finish(id)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(30_000_000n)
  })

  it('are signed one after the other: each approval is spent by its own call', async () => {
    const first = await engine.prepare(taking(USDC, '10'))
    const second = await engine.prepare(taking(USDC, '20'))
    const views = await Promise.allSettled([engine.execute(first.intentId), engine.execute(second.intentId)])
    const refused = views.filter(({ status }) => status === 'rejected')
    for (const { reason } of refused as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'allowance_in_use' })
    // Again, as its error says.
    for (const { intentId } of [first, second]) await finish((await engine.execute(intentId)).operationId)
    expect(await tokenBalance(world.a, USDC, taker)).toBe(30_000_000n)
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })
})

describe('C8: what becomes of tokens that are not as others', () => {
  const codes = async (request: Parameters<Engine['prepare']>[0]) =>
    (await engine.prepare(request)).simulation.findings?.filter(({ code }) => !code.startsWith('first'))

  it('with a transfer fee: what is received is told, and sent all the same', async () => {
    await act(world.a, STRANGER, fee, 'mint', agent, 1_000_000_000n)
    const request = { to: 'merchant', asset: fee, amount: '100', idempotencyKey: 'fee' }
    const findings = await codes(request)
    const token = `eip155:31337/erc20:${getAddress(fee)}`
    expect(findings).toMatchObject([
      {
        code: 'transfer-fee',
        severity: 'warning',
        detail: `${MERCHANT} receives 95 ${token} of the 100 ${token}: the token keeps the rest`,
      },
    ])
    const { intentId } = await engine.prepare(request)
    await finish((await engine.execute(intentId)).operationId)
    expect(await tokenBalance(world.a, fee, MERCHANT)).toBe(95_000_000n)
  })

  it('without return values: an ordinary transfer, and nothing to tell', async () => {
    await act(world.a, STRANGER, reset, 'mint', agent, 1_000_000_000n)
    expect(await codes({ to: 'merchant', asset: reset, amount: '100', idempotencyKey: 'none' })).toEqual([])
  })

  it('R14: that answer false and move nothing: not paid, whatever the transaction says', async () => {
    await act(world.a, STRANGER, refusing, 'mint', agent, 1_000_000_000n)
    const request = { to: 'merchant', asset: refusing, amount: '100', idempotencyKey: 'refusing' }
    await expect(engine.prepare(request)).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringMatching(/not-received.*nothing of the 100 .* reaches/s),
    })
  })

  it('and a call that takes less than it may: what stays allowed is told', async () => {
    expect(await codes(taking(USDC, '25', '20000000'))).toMatchObject([
      {
        code: 'allowance-left',
        detail: `${taker} is allowed 25 USDC and would take 20 USDC: the rest stays allowed`,
      },
    ])
  })
})
