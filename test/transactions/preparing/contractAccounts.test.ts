import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { tokenBalance } from '../../support/awkwardTokens.ts'
import { createContractAccount } from '../../support/contractAccounts.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { setHoldings } from '../../support/tokens.ts'

const OTHER: Hex = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
const NEW: Hex = '0x0000000000000000000000000000000077777009'

let world: World
let engine: Engine
let account: Hex
let key = 0

beforeAll(async () => {
  world = await startWorld()
  account = await createContractAccount(world.a, AGENT)
  await world.a.ask('anvil_setBalance', account, '0x8ac7230489e80000')
  await setHoldings(world.a, [{ token: USDC, account, raw: 500_000_000n }])
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = start()
  return () => engine.stop()
})

const start = (options: Partial<EngineOptions> = {}) => startEngine({ lanes: [world.a], ...options })
const prepare = (calls: readonly object[], by = engine, contractAccount: string = account) =>
  by.prepare({ calls: calls as never, contractAccount, idempotencyKey: `account ${key++}` })
const usdc = (to: string, raw: string) => ({
  to: USDC,
  function: 'transfer(address,uint256)',
  args: [to, raw],
})

describe('C7: a contract account of the wallet makes the calls of a batch', () => {
  it('pays tokens and native ones with what it holds, in one transaction, and the wallet pays the fee', async () => {
    const before = await Promise.all([world.a.balance(MERCHANT), world.a.balance(NEW)])
    const intent = await prepare([
      { to: MERCHANT, amount: '1.5' },
      usdc(MERCHANT, '25000000'),
      { to: NEW, amount: '0.25' },
    ])
    expect(intent).toMatchObject({ to: account, amount: { raw: '0' }, batch: { calls: 3 } })
    expect(intent.simulation.effects).toMatchObject([
      { from: account, to: MERCHANT, amount: { raw: '1500000000000000000', symbol: 'ETH' } },
      { from: account, to: MERCHANT, amount: { raw: '25000000', symbol: 'USDC' } },
      { from: account, to: NEW, amount: { raw: '250000000000000000' } },
    ])
    // Three transactions through the account would each cost their 21,000 and its own work.
    expect(Number(intent.batch?.saved?.gas)).toBeGreaterThan(42_000)
    const { operationId } = await engine.execute(intent.intentId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
    expect((await world.a.balance(MERCHANT)) - (before[0] ?? 0n)).toBe(1_500_000_000_000_000_000n)
    expect((await world.a.balance(NEW)) - (before[1] ?? 0n)).toBe(250_000_000_000_000_000n)
    expect(await world.a.balance(account)).toBe(8_250_000_000_000_000_000n)
    expect(await tokenBalance(world.a, USDC, account)).toBe(475_000_000n)
  })

  it('is what contracts see: an approval in it is its own, and is spent by the next call', async () => {
    const approve = { to: USDC, function: 'approve(address,uint256)', args: [TIP_JAR, '1000000'] }
    const { simulation } = await prepare([
      approve,
      { to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.1' },
    ])
    expect(simulation.effects).toMatchObject([
      { kind: 'approval', from: account, to: TIP_JAR, amount: { raw: '1000000' } },
      { kind: 'transfer', from: account, to: TIP_JAR, amount: { raw: '100000000000000000' } },
    ])
  })

  it('T17, T20: what it gives is held against the caps of the wallet, by whichever call', async () => {
    const caps = [
      { chain: '*', asset: 'native', max: '2' },
      { chain: '*', asset: 'USDC', max: '30' },
    ]
    const capped = start({ caps })
    const denied = {
      code: 'policy_denied',
      message: expect.stringContaining('cap of 30 USDC per transaction'),
    }
    const tokens = [usdc(MERCHANT, '20000000'), usdc(OTHER, '10000001')]
    await expect(prepare(tokens, capped)).rejects.toMatchObject(denied)
    const native = [
      { to: MERCHANT, amount: '1' },
      { to: OTHER, amount: '1.000000000000000001' },
    ]
    await expect(prepare(native, capped)).rejects.toMatchObject({ code: 'policy_denied' })
    // Not as a batch either: its owner may command it by hand.
    const transfer = parseAbi(['function transfer(address to, uint256 amount)'])
    const data = encodeFunctionData({ abi: transfer, args: [MERCHANT, 30_000_001n] })
    const byHand = {
      ...{ to: account, function: 'execute(address,uint256,bytes)', args: [USDC, '0', data] },
      idempotencyKey: 'by hand',
    }
    await expect(capped.prepare(byHand)).rejects.toMatchObject(denied)
    const { verdict } = await prepare([usdc(MERCHANT, '20000000'), usdc(OTHER, '10000000')], capped)
    expect(verdict.decision).toBe('allow')
    await capped.stop()
  })

  it('T18: what it would give without limit is denied as outside of it', async () => {
    const unlimited = [
      { to: USDC, function: 'approve(address,uint256)', args: [TIP_JAR, `${2n ** 256n - 1n}`] },
    ]
    await expect(prepare([...unlimited, usdc(MERCHANT, '1')])).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining('unlimited-approval'),
    })
  })

  it('D2: a call that fails is named with its reason, and nothing moves', async () => {
    const short = prepare([usdc(MERCHANT, '1'), usdc(MERCHANT, '999000000000')])
    await expect(short).rejects.toMatchObject({
      code: 'simulation_reverted',
      message: expect.stringMatching(/calls\[1\], ERC20InsufficientBalance\(/),
    })
    expect(engine.rows('select * from intents')).toEqual([])
  })

  it('R10: that is none, belongs to another, or has no calls, is told before anything else', async () => {
    const calls = [usdc(MERCHANT, '1'), usdc(OTHER, '1')]
    const foreign = await createContractAccount(world.a, OTHER)
    await expect(prepare(calls, engine, foreign)).rejects.toMatchObject({
      code: 'call_invalid',
      message: expect.stringContaining('has no executeBatch, or another owner'),
    })
    await expect(prepare(calls, engine, NEW)).rejects.toMatchObject({
      code: 'call_invalid',
      message: expect.stringContaining('it has to be deployed first'),
    })
    const request = { to: MERCHANT, amount: '1', contractAccount: account, idempotencyKey: 'alone' }
    await expect(engine.prepare(request)).rejects.toMatchObject({ code: 'input_invalid' })
  })

  it('R3: the account is one of the arguments of a key', async () => {
    const calls = [
      { to: MERCHANT, amount: '0.1' },
      { to: OTHER, amount: '0.1' },
    ] as never
    await engine.prepare({ calls, contractAccount: account, idempotencyKey: 'same' })
    await expect(engine.prepare({ calls, idempotencyKey: 'same' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    })
  })
})

it('a contract that only claims to follow the account hides nothing of what the account gives it', async () => {
  // Anybody may have an `executeBatch`; paying it is a payment.
  const capped = start({ caps: [{ chain: '*', asset: 'native', max: '2' }] })
  const data = encodeFunctionData({
    abi: parseAbi(['function executeBatch(address[] targets, bytes[] datas)']),
    args: [[MERCHANT], ['0x12345678']],
  })
  await world.a.ask('anvil_setCode', '0x0000000000000000000000000000000000e111e1', '0x00')
  await expect(
    capped.prepare({
      ...{ to: '0x0000000000000000000000000000000000e111e1', data, amount: '2.000000000000000001' },
      idempotencyKey: 'claims',
    }),
  ).rejects.toMatchObject({ code: 'policy_denied', message: expect.stringContaining('cap of 2') })
  await capped.stop()
})
