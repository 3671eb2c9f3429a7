import type { Hex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
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

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const NOBODY: Hex = '0x0000000000000000000000000000000077770002'
const good = { to: 'merchant', amount: '0.1' }

let world: World
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
const start = (options: Partial<EngineOptions> = {}) => startEngine({ lanes: [world.a], ...options })
beforeEach(() => {
  world.a.proxy.reset()
  engine = start()
  return () => engine.stop()
})
const prepare = (request: object, by = engine) =>
  by.prepare({ ...request, idempotencyKey: `request ${key++}` })
const among = (call: object) => prepare({ calls: [good, call] })

describe('C7: either one payment or several', () => {
  it.each([
    ['neither', {}, ['neither to nor calls is given']],
    ['both', { to: MERCHANT, calls: [good, good] }, ['both to and calls are given']],
    [
      'what belongs to a single one beside several',
      { amount: '1', data: '0x12345678', calls: [good, good] },
      [
        'amount belongs into each of calls, not beside them',
        'data belongs into each of calls, not beside them',
      ],
    ],
    [
      'a token for several',
      { asset: 'USDC', calls: [good, good] },
      ['calls carry the native token only, so asset can be nothing else: send tokens one by one'],
    ],
  ])('%s is refused, with everything that is wrong', async (_what, request, problems) => {
    await expect(prepare(request)).rejects.toMatchObject({
      code: 'input_invalid',
      context: { tool: 'simulate_transaction', problems },
    })
    expect(world.a.proxy.calls).toEqual([])
  })

  it.each(['native', 'NATIVE', 'eth'])('the native token may be named all the same: %s', async (asset) => {
    expect(await prepare({ asset, calls: [good, good] })).toMatchObject({ amount: { display: '0.2' } })
  })
})

describe('R8, R13: each call of a batch is checked like a single one', () => {
  const overflow = (2n ** 256n / 10n ** 18n).toString()

  it.each([
    [
      'the zero address',
      { to: `0x${'0'.repeat(40)}`, amount: '1' },
      'recipient_refused',
      'it is the zero address, and what is sent there is lost',
    ],
    [
      'a token',
      { to: USDC, amount: '1' },
      'recipient_refused',
      'it is a token contract, and what is sent there is lost',
    ],
    ['no amount', { to: MERCHANT }, 'amount_invalid', 'a transfer needs an amount'],
    ['zero', { to: MERCHANT, amount: '0.0' }, 'amount_invalid', 'it is zero'],
    [
      'too many decimals',
      { to: MERCHANT, amount: '0.0000000000000000001' },
      'amount_invalid',
      'it has more decimals than the asset',
    ],
    ['a negative amount', { to: MERCHANT, amount: '-1' }, 'amount_invalid', 'it is negative'],
    [
      'args without function',
      { to: MERCHANT, amount: '1', args: ['1'] },
      'call_invalid',
      'args are given without function',
    ],
    [
      'function and data',
      { to: TIP_JAR, function: 'tip(string)', args: ['x'], data: '0x12345678' },
      'call_invalid',
      'both function and data are given',
    ],
    [
      'arguments that do not fit',
      { to: TIP_JAR, function: 'tip(string)', args: [] },
      'call_invalid',
      'tip(string) takes 1 argument(s), 0 given',
    ],
    [
      'a contract where there is none',
      { to: NOBODY, function: 'tip(string)', args: ['x'] },
      'call_invalid',
      `there is no contract at ${NOBODY} on this chain`,
    ],
  ])('%s is refused, naming the call', async (_what, call, code, reason) => {
    await expect(among(call)).rejects.toMatchObject({
      code,
      context: { reason: `${reason} (calls[1])` },
      sideEffect: 'none',
    })
  })

  it('R13: an address whose capitals do not match is refused, naming the field', async () => {
    const mistyped = '0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC'
    await expect(among({ to: mistyped, amount: '1' })).rejects.toMatchObject({
      code: 'address_invalid',
      context: { field: 'calls[1].to', given: mistyped },
    })
  })

  it('R8: amounts that only together are more than a word holds', async () => {
    const much = { to: MERCHANT, amount: overflow }
    await expect(prepare({ calls: [much, much] })).rejects.toMatchObject({
      code: 'amount_invalid',
      context: { reason: 'the amounts of all calls together do not fit into 256 bits' },
    })
  })

  it('more bytes than nodes pass on', async () => {
    const big = { to: TIP_JAR, data: `0x12345678${'ab'.repeat(32_000)}` }
    await expect(prepare({ calls: [big, big, big, big, big] })).rejects.toMatchObject({
      code: 'call_invalid',
      context: {
        reason: expect.stringMatching(/^all calls together are \d+ bytes, and a transaction holds 130000/),
      },
    })
  })
})

describe('C7: where the calls are made', () => {
  const without = (contracts: Readonly<Record<string, string>>) =>
    start({ chains: [{ ...sandboxA, contracts }] })

  it('a chain without Multicall3 is told so, whatever else is wrong with its calls', async () => {
    const broke = await world.a.ask('eth_getCode', MULTICALL3, 'latest')
    await world.a.ask('anvil_setCode', MULTICALL3, '0x')
    try {
      await expect(
        among({ to: NOBODY, function: 'tip(string)', args: ['x'], amount: '999999999' }),
      ).rejects.toMatchObject({
        code: 'batch_unavailable',
        chain: 'eip155:31337',
        context: { name: 'Sandbox A', env: 'SANDBOX_A', at: MULTICALL3 },
        sideEffect: 'none',
      })
    } finally {
      await world.a.ask('anvil_setCode', MULTICALL3, broke)
    }
  })

  it('a chain whose registry knows none is not even asked', async () => {
    const other = without({})
    try {
      await expect(prepare({ calls: [good, good] }, other)).rejects.toMatchObject({
        code: 'batch_unavailable',
        context: { at: undefined },
      })
      expect(world.a.proxy.count('eth_getCode')).toBe(0)
    } finally {
      await other.stop()
    }
  })

  it('the operator can say where it is', async () => {
    const moved: Hex = '0x0000000000000000000000000000000077770003'
    await world.a.ask('anvil_setCode', moved, await world.a.ask('eth_getCode', MULTICALL3, 'latest'))
    const other = without({ multicall3: moved })
    try {
      const { simulation, to } = await prepare({ calls: [good, good] }, other)
      expect(to).toBe(moved)
      expect(simulation.effects.map(({ from, to: payee, amount }) => [from, payee, amount.display])).toEqual([
        [AGENT, moved, '0.2'],
        [moved, MERCHANT, '0.1'],
        [moved, MERCHANT, '0.1'],
      ])
    } finally {
      await other.stop()
    }
  })

  it('what is no Multicall3 and keeps the money is not paid (T18)', async () => {
    const wrong: Hex = '0x0000000000000000000000000000000077770004'
    await world.a.ask('anvil_setCode', wrong, '0x00')
    const other = without({ multicall3: wrong })
    try {
      await expect(prepare({ calls: [good, good] }, other)).rejects.toMatchObject({
        code: 'policy_denied',
        context: { rule: 'left-in-multicall' },
      })
    } finally {
      await other.stop()
    }
  })
})
