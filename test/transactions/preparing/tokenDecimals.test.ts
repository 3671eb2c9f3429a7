import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { type Engine, MERCHANT, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

// Amounts are told in whole units, and caps are: whoever changes the decimals of a token changes all of them (T12).

const UNLISTED = '0x00000000000000000000000000000000000dec06'
let world: World
let second: RpcProxy
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
  const code = await world.a.ask('eth_getCode', USDC, 'latest')
  await world.a.ask('anvil_setCode', UNLISTED, code)
})
afterAll(() => world.stop())
beforeEach(async () => {
  second = await startRpcProxy(world.a.rpcUrl)
  const rules = [USDC, UNLISTED].map((asset, at) => {
    return { id: `cap-${at}`, chains: ['sandbox-a'], cap: { asset, max: '1', per: 'transaction' } }
  })
  const book = readRules(JSON.stringify({ version: 1, rules }), allChains)
  engine = startEngine({ lanes: [{ ...world.a, others: [{ url: second.url }] }], rules: book })
})
afterEach(async () => {
  world.a.proxy.setFault(undefined)
  await engine.stop()
  await second.close()
})

const SIX = `0x${'6'.padStart(64, '0')}`
/** The first endpoint says that tokens have eight decimals more than they have. */
const lies = () =>
  world.a.proxy.setFault((calls) =>
    calls.some(({ params }) => JSON.stringify(params).includes('0x313ce567'))
      ? { kind: 'rewrite', text: (answer) => answer.replaceAll(SIX, `0x${'e'.padStart(64, '0')}`) }
      : undefined,
  )
const approve = (token: string, raw: string, idempotencyKey: string) =>
  engine.prepare({
    ...{ to: token, function: 'approve(address,uint256)', args: [MERCHANT, raw], idempotencyKey },
  })

it('T12: a token that the registry lists has the decimals that it says, whatever an endpoint tells', async () => {
  lies()
  await expect(approve(USDC, '100000000', 'a hundred')).rejects.toMatchObject({
    code: 'provider_disagreement',
    sideEffect: 'none',
  })
  await expect(
    engine.prepare({ to: 'merchant', asset: 'USDC', amount: '0.00000001', idempotencyKey: 'one raw' }),
  ).rejects.toMatchObject({ code: 'provider_disagreement' })
  world.a.proxy.setFault(undefined)
  await expect(approve(USDC, '1000001', 'too much')).rejects.toMatchObject({ context: { rule: 'cap-0' } })
  await approve(USDC, '1000000', 'one')
})

it('T12: two endpoints tell the decimals of every other token alike', async () => {
  lies()
  await expect(approve(UNLISTED, '100000000', 'a hundred')).rejects.toMatchObject({
    code: 'provider_disagreement',
    sideEffect: 'none',
  })
  world.a.proxy.setFault(undefined)
  await expect(approve(UNLISTED, '1000001', 'too much')).rejects.toMatchObject({ context: { rule: 'cap-1' } })
  await approve(UNLISTED, '1000000', 'one')
})
