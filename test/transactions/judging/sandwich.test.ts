import { encodeFunctionData, type Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AGENT, type Engine, startEngine } from '../../support/engine.ts'
import { type PrivateWorld, startPrivateWorld } from '../../support/privateEngine.ts'
import { snapshot } from '../../support/snapshot.ts'
import { FOREVER, installUniswap, ROUTER, tokenBalance, type Uniswap } from '../../support/uniswap.ts'

// A real attacker on a real pool: it reads what waits in public, buys before the victim's swap by offering more per
// gas, and sells after it by offering less.

const WHOLE = 10n ** 18n

let world: PrivateWorld
let uniswap: Uniswap
let restore: () => Promise<void>
let attacker: Attacker
let engine: Engine

beforeAll(async () => {
  world = await startPrivateWorld()
  uniswap = await installUniswap(world.a)
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.relay.reset()
  world.a.proxy.reset()
  restore = await snapshot(world.a)
  attacker = await startAttacker()
})
afterEach(async () => {
  await engine.stop()
  await restore()
})

interface Attacker {
  /** Swaps of others that it saw in the public pool. */
  readonly seen: readonly string[]
  /** Looks once, and puts its two transactions around what it finds. */
  look(): Promise<void>
  /** What it has more of the native token than it began with, gas paid. */
  profit(): Promise<bigint>
}

async function startAttacker(): Promise<Attacker> {
  const { a } = world
  const account = privateKeyToAccount(generatePrivateKey())
  await a.ask('anvil_setBalance', account.address, `0x${(500n * WHOLE).toString(16)}`)
  const { router, coin, weth } = uniswap
  const seen: string[] = []
  const began = await a.balance(account.address)
  const send = async (nonce: number, to: Hex, data: Hex, price: bigint, value = 0n) => {
    const raw = await account.signTransaction({
      ...{ type: 'eip1559', chainId: 31337, nonce, to, data, value, gas: 300_000n },
      ...{ maxFeePerGas: price, maxPriorityFeePerGas: 1n },
    })
    await a.ask('eth_sendRawTransaction', raw)
  }
  // So that it can sell what it will have bought.
  const approve = `0x095ea7b3${router.slice(2).padStart(64, '0')}${'f'.repeat(64)}` as const
  await send(0, coin, approve, 100_000_000_000n)
  // A pool that was used at the same moment takes less gas than it will in the next block.
  await a.ask('evm_increaseTime', 60)
  await a.mine()
  return {
    seen,
    async look() {
      const { pending } = (await a.ask('txpool_content')) as Pool
      const swaps = Object.values(pending)
        .flatMap((each) => Object.values(each))
        .filter(({ to, hash, from }) => {
          const isSwap = to?.toLowerCase() === router.toLowerCase()
          return isSwap && from !== account.address.toLowerCase() && !seen.includes(hash)
        })
      for (const { hash, maxFeePerGas } of swaps) {
        seen.push(hash)
        const bought = encodeFunctionData({
          ...{ abi: ROUTER, functionName: 'swapExactETHForTokens' },
          args: [0n, [weth, coin], account.address, FOREVER],
        } as const)
        // What 100 native units buy of a pool of 1,000 and 2,000,000, at a fee of 0.3 per cent.
        const amount = 181_322_178_776_029_826_316_268n
        const sold = encodeFunctionData({
          ...{ abi: ROUTER, functionName: 'swapExactTokensForETH' },
          args: [amount, 0n, [coin, weth], account.address, FOREVER],
        } as const)
        await send(1, router, bought, BigInt(maxFeePerGas) + 1n, 100n * WHOLE)
        await send(2, router, sold, BigInt(maxFeePerGas) - 1n)
      }
    },
    profit: async () => (await a.balance(account.address)) - began,
  }
}

interface Waiting {
  readonly hash: string
  readonly to: string | null
  readonly from: string
  readonly maxFeePerGas: string
}
type Pool = Record<'pending', Record<string, Record<string, Waiting>>>

/** Ten native units for whatever the router gives, at least `least` of it. */
const buy = (least: bigint, idempotencyKey: string) => ({
  ...{
    to: uniswap.router,
    function: 'swapExactETHForTokens(uint256,address[],address,uint256)',
    amount: '10',
  },
  args: [String(least), JSON.stringify([uniswap.weth, uniswap.coin]), AGENT, String(FOREVER)],
  idempotencyKey,
})
const bought = async () => (await tokenBalance(world.a, uniswap.coin, AGENT)) - 100_000n * WHOLE

/** What ten native units buy when nobody trades before: 19,743.16 */
const FAIR = 19_743_160_687_941_225_977_009n

describe('D3: a swap that somebody wants to sandwich', () => {
  it('D3: is refused when it lets itself be, and the words name the bound that does not', async () => {
    engine = startEngine({ lanes: [world.a] })
    await expect(engine.prepare(buy(0n, 'loose'))).rejects.toMatchObject({
      code: 'policy_denied',
      context: {
        rule: 'loose-slippage',
        reason: expect.stringContaining('pass at least 19348297474182401457469 as amountOutMin'),
      },
    })
    await attacker.look()
    expect(attacker.seen).toEqual([])
  })

  it('D3: is harmed in public when the operator allows it to be: the attacker works', async () => {
    engine = startEngine({ lanes: [world.a], findingsAllowed: ['loose-slippage'] })
    const { intentId, route } = await engine.prepare(buy(0n, 'harmed'))
    expect(route).toBe('public')
    const { operationId } = await engine.execute(intentId)
    await attacker.look()
    expect(attacker.seen).toHaveLength(1)
    await world.relay.mine()
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('included')
    // A sixth less than what it was shown; the difference went to the attacker, less its gas.
    expect(await bought()).toBe(16_335_772_928_640_398_057_268n)
    expect(await attacker.profit()).toBeGreaterThan(1_185_000_000_000_000_000n)
  })

  it('D3: is not made worse than its bound in public: it fails instead, and pays gas', async () => {
    engine = startEngine({ lanes: [world.a] })
    const { intentId } = await engine.prepare(buy((FAIR * 99n) / 100n, 'bounded'))
    const { operationId } = await engine.execute(intentId)
    await attacker.look()
    expect(attacker.seen).toHaveLength(1)
    await world.relay.mine()
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('reverted')
    expect(await bought()).toBe(0n)
  })

  it('D3: is not seen on its private way, and gets all that it can get, even with a bound that allows less', async () => {
    engine = startEngine({ lanes: [world.a], relay: world.relay, findingsAllowed: ['loose-slippage'] })
    const { intentId, route } = await engine.prepare(buy(0n, 'private'))
    expect(route).toBe('private')
    await attacker.look()
    const { operationId } = await engine.execute(intentId)
    for (let looks = 0; looks < 20; looks++) await attacker.look()
    expect(await world.relay.mine()).toHaveLength(1)
    await attacker.look()
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('included')
    expect(attacker.seen).toEqual([])
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
    expect(await bought()).toBe(FAIR)
  })
})
