import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { AGENT, type Engine, startEngine, startWorld, TIP_JAR, USDC, type World } from '../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const draft = async (action: { to: string } & Record<string, unknown>) =>
  (await engine.chains.adapter('sandbox-a')).draft(action, AGENT, AbortSignal.timeout(10_000))
const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

it('R8: amounts are scaled by the decimals that the chain gives', async () => {
  expect((await draft({ to: MERCHANT, amount: '1.5' })).outflow.raw).toBe(1_500_000_000_000_000_000n)
  expect((await draft({ to: MERCHANT, amount: '1.5', asset: 'usdc' })).outflow.raw).toBe(1_500_000n)
  expect((await draft({ to: MERCHANT, amount: '1.5', asset: USDC.toLowerCase() })).outflow).toMatchObject({
    raw: 1_500_000n,
    asset: { symbol: 'USDC', address: USDC },
  })
})

it.each([
  ['a transfer without an amount', { to: MERCHANT }, 'amount_invalid'],
  ['nothing', { to: MERCHANT, amount: '0' }, 'amount_invalid'],
  ['less than nothing', { to: MERCHANT, amount: '-1' }, 'amount_invalid'],
  [
    'more decimals than the token has',
    { to: MERCHANT, amount: '0.0000001', asset: 'USDC' },
    'amount_invalid',
  ],
  ['more than 256 bits', { to: MERCHANT, amount: '9'.repeat(70) }, 'amount_invalid'],
  ['the zero address', { to: `0x${'0'.repeat(40)}`, amount: '1' }, 'recipient_refused'],
  ['the token itself', { to: USDC, amount: '1', asset: 'USDC' }, 'recipient_refused'],
  ['native tokens to a token contract', { to: USDC, amount: '1' }, 'recipient_refused'],
  ['a bad checksum', { to: `${MERCHANT.slice(0, -1)}c`, amount: '1' }, 'address_invalid'],
  ['an asset that nobody knows', { to: MERCHANT, amount: '1', asset: 'DOGE' }, 'asset_unknown'],
  ['an asset without a contract', { to: MERCHANT, amount: '1', asset: AGENT }, 'asset_unknown'],
  ['a contract that is no token', { to: MERCHANT, amount: '1', asset: TIP_JAR }, 'asset_unknown'],
  ['function and data together', { to: TIP_JAR, function: 'f()', data: '0x12345678' }, 'call_invalid'],
  ['args without function', { to: TIP_JAR, data: '0x12345678', args: [] }, 'call_invalid'],
  ['args of a transfer', { to: MERCHANT, amount: '1', args: ['x'] }, 'call_invalid'],
  [
    'a call to the token that it carries',
    { to: USDC, function: 'f()', asset: 'USDC', amount: '1' },
    'call_invalid',
  ],
  [
    'a call that carries an amount of a token that it does not tell',
    { to: TIP_JAR, function: 'f()', asset: 'USDC' },
    'amount_invalid',
  ],
])('R8, R13: refuses %s, before anything is prepared', async (_name, action, code) => {
  await expect(draft(action)).rejects.toMatchObject({ code, sideEffect: 'none', kind: 'input' })
})
