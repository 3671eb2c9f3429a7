import { encodeFunctionData, parseAbi } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AGENT } from '../../support/engine.ts'
import { type PrivateWorld, startPrivateEngine, startPrivateWorld } from '../../support/privateEngine.ts'
import { FOREVER, installUniswap, tokenBalance, type Uniswap } from '../../support/uniswap.ts'

let world: PrivateWorld
let uniswap: Uniswap
beforeAll(async () => {
  world = await startPrivateWorld()
  uniswap = await installUniswap(world.a)
  await uniswap.act(AGENT, uniswap.coin, NO_ALLOWANCE())
})
afterAll(() => world.stop())

const APPROVE = parseAbi(['function approve(address spender, uint256 value)'])
const NO_ALLOWANCE = () =>
  encodeFunctionData({ abi: APPROVE, functionName: 'approve', args: [uniswap.router, 0n] })

it('D3: a call that needs an approval first takes the same way with it: both go to the relay, as one bundle, and neither in public', async () => {
  const engine = startPrivateEngine(world, { findingsAllowed: ['loose-slippage'] })
  const { router, coin, weth } = uniswap
  const { intentId, route } = await engine.prepare({
    ...{ to: router, function: 'swapExactTokensForTokens(uint256,uint256,address[],address,uint256)' },
    args: [`${10n ** 21n}`, '488286589135316045', JSON.stringify([coin, weth]), AGENT, `${FOREVER}`],
    ...{ asset: coin, amount: '1000', idempotencyKey: 'approve-and-swap' },
  })
  expect(route).toBe('private')
  const { operationId } = await engine.execute(intentId)
  expect(engine.rows('select role, state from steps order by position')).toEqual([
    { role: 'approval', state: 'sent' },
    { role: 'pivot', state: 'sent' },
  ])
  expect(engine.asked()).toEqual(['callBundle', 'sendPrivateTransaction', 'callBundle', 'sendBundle'])
  expect(world.relay.calls[3]?.params[0]?.['txs']).toEqual(
    engine.rows('select raw from attempts order by nonce').map(({ raw }) => raw),
  )
  expect(await world.relay.mine()).toHaveLength(2)
  await engine.drive(operationId)
  await world.a.mine(2)
  await engine.drive(operationId)
  expect((await engine.get(operationId)).state).toBe('committed')
  expect(await tokenBalance(world.a, weth, AGENT)).toBe(498_251_621_566_649_025n)
  expect(await tokenBalance(world.a, coin, AGENT)).toBe(99_000n * 10n ** 18n)
  expect(engine.sentPublicly()).toBe(0)
  await engine.stop()
})

it('D3, C9: an approval that waits for lower fees, and the call behind it, are signed for the relay, by another process too', async () => {
  const engine = startPrivateEngine(world, { findingsAllowed: ['loose-slippage'] })
  const { router, burning, weth } = uniswap
  await uniswap.act(AGENT, burning, NO_ALLOWANCE())
  world.relay.reset()
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
  await world.a.mine()
  const name = 'swapExactTokensForTokensSupportingFeeOnTransferTokens'
  const { intentId } = await engine.prepare({
    ...{ to: router, function: `${name}(uint256,uint256,address[],address,uint256)` },
    args: [`${10n ** 21n}`, '976086841419105152', JSON.stringify([burning, weth]), AGENT, `${FOREVER}`],
    ...{ asset: burning, amount: '1000', maxFeeGwei: '50', idempotencyKey: 'waits' },
  })
  const { operationId, steps } = await engine.execute(intentId)
  expect(steps.map(({ state }) => state)).toEqual(['queued', 'queued'])
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
  await world.a.mine()
  const { home, clock } = engine
  const other = startPrivateEngine(world, { home, clock, findingsAllowed: ['loose-slippage'] })
  await other.drive(operationId)
  await other.drive(operationId)
  expect(engine.asked().filter((method) => method !== 'callBundle')).toEqual([
    ...['sendPrivateTransaction', 'sendBundle'],
  ])
  expect(await world.relay.mine()).toHaveLength(2)
  await other.drive(operationId)
  expect(engine.sentPublicly()).toBe(0)
  await other.stop()
  await engine.stop()
})
