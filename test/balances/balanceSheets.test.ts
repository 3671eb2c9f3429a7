import { getAddress, type Hex, pad, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BalanceSheets } from '../../src/balances/balanceSheets.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { evmAdapter } from '../../src/evm/evmAdapter.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { openChainAccess } from '../../src/rpc/chainAccess.ts'
import {
  AGENT,
  caller,
  type Engine,
  type Lane,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../support/engine.ts'
import { compile, installTokens, setHoldings, tokenAt } from '../support/tokens.ts'

const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const ACCOUNTS = Array.from({ length: 50 }, (_, i) => getAddress(pad(toHex(0xacc0000 + i), { size: 20 })))
const TOKENS: readonly Hex[] = [USDC, ...Array.from({ length: 9 }, (_, n) => tokenAt(n))]

let world: World
let engine: Engine
let sheets: BalanceSheets

beforeAll(async () => {
  world = await startWorld()
  for (const lane of [world.a, world.b]) {
    await installTokens(lane, 9)
    // Account i holds 1000·i + t units of token t on chain A, and one more on chain B.
    const extra = lane === world.a ? 0 : 1
    await setHoldings(
      lane,
      ACCOUNTS.flatMap((account, i) =>
        TOKENS.map((token, t) => ({ token, account, raw: BigInt(1_000 * i + t + extra) })),
      ),
    )
    await lane.mine()
  }
})
afterAll(() => world.stop())

beforeEach(() => {
  engine = startEngine({ lanes: [world.a, world.b] })
  sheets = new BalanceSheets(engine.chains, engine.wallets)
  world.a.proxy.reset()
  world.b.proxy.reset()
  return () => engine.stop()
})

const query = { accounts: ACCOUNTS, assets: [...TOKENS] }
const head = async (lane: Lane) => {
  const block = (await lane.ask('eth_getBlockByNumber', 'latest', false)) as { number: string; hash: string }
  return { number: BigInt(block.number).toString(), hash: block.hash }
}

it('R12: 50 accounts × 10 tokens on two chains are two round trips, right and dated', async () => {
  await sheets.read(query, caller())
  world.a.proxy.reset()
  world.b.proxy.reset()
  const { chains, failed } = await sheets.read(query, caller())
  expect([world.a.proxy.roundTrips, world.b.proxy.roundTrips]).toEqual([1, 1])
  expect(failed).toEqual([])
  for (const [lane, sheet, extra] of [
    [world.a, chains[0], 0],
    [world.b, chains[1], 1],
  ] as const) {
    expect(sheet?.at).toMatchObject(await head(lane))
    expect(sheet?.accounts).toHaveLength(50)
    for (const [i, { account, balances, missing }] of (sheet?.accounts ?? []).entries()) {
      expect(account).toBe(ACCOUNTS[i])
      expect(missing).toBeUndefined()
      expect(balances.map(({ raw }) => Number(raw))).toEqual(TOKENS.map((_, t) => 1_000 * i + t + extra))
    }
  }
  expect(chains[0]?.accounts[7]?.balances[3]).toMatchObject({ raw: '7003', display: '0.007003' })
})

it('R12: every answer is of the block that it names, also while blocks arrive', async () => {
  await sheets.read({ accounts: [AGENT], assets: ['native'], chains: ['sandbox-a'] }, caller())
  const start = await world.a.balance(ACCOUNTS[0] ?? '')
  let mining = true
  // Every block pays one wei, so a block's hash says what the balance is.
  const truth = new Map([[(await head(world.a)).hash, start]])
  const miner = (async () => {
    for (let paid = 1n; mining; paid++) {
      const payment = { from: TREASURY, to: ACCOUNTS[0], value: '0x1', gas: '0x5208' }
      await world.a.ask('eth_sendTransaction', payment)
      await world.a.mine()
      truth.set((await head(world.a)).hash, start + paid)
    }
  })()
  const { access } = await engine.chains.open('sandbox-a')
  const seen: { hash: string; raw: string | undefined }[] = []
  const blocks = new Set<string>()
  for (let tries = 0; (seen.length < 40 || blocks.size < 3) && tries < 1_000; tries++) {
    // What the cache holds is dated as well, and of one block: each of these reads asks the chain.
    access.headMoved()
    const { chains } = await sheets.read(
      { accounts: [ACCOUNTS[0] ?? ''], assets: ['native'], chains: ['sandbox-a'] },
      caller(),
    )
    // A chain whose head moves during every try is reported as failed, never as a mixture.
    const [sheet] = chains
    if (!sheet) continue
    seen.push({ hash: sheet.at.hash, raw: sheet.accounts[0]?.balances[0]?.raw })
    blocks.add(sheet.at.hash)
  }
  mining = false
  await miner
  expect(seen.length).toBeGreaterThanOrEqual(40)
  expect(blocks.size).toBeGreaterThanOrEqual(3)
  for (const { hash, raw } of seen) {
    // anvil answers a call on its head from its live state, which may be that of a block that it is just adding;
    // a node whose state belongs to blocks would give the first of these two only.
    const paid = truth.get(hash) ?? -1n
    expect([paid, paid + 1n]).toContain(BigInt(raw ?? -2))
  }
})

describe('R12, F17: a node whose head moves between the answers of one batch', () => {
  /** The balances are of the newest block, the block that comes with them is an older one. */
  async function staleHead() {
    const block = await world.a.ask('eth_getBlockByNumber', 'latest', false)
    await world.a.ask('eth_sendTransaction', {
      from: TREASURY,
      to: ACCOUNTS[49],
      value: '0x7',
      gas: '0x5208',
    })
    await world.a.mine()
    return (answer: string) => {
      const entries = JSON.parse(answer) as { result: { parentHash?: string } }[]
      return JSON.stringify(
        entries.map((entry) => (entry.result.parentHash === undefined ? entry : { ...entry, result: block })),
      )
    }
  }
  const ask = () =>
    sheets.read({ accounts: [ACCOUNTS[49] ?? ''], assets: ['native'], chains: ['sandbox-a'] }, caller())

  it('R12: is asked again, and the second answer is right', async () => {
    await ask()
    const text = await staleHead()
    let stale = true
    world.a.proxy.reset()
    world.a.proxy.setFault(() => {
      if (!stale) return undefined
      stale = false
      return { kind: 'rewrite', text }
    })
    const { chains } = await ask()
    expect(chains[0]?.at).toMatchObject(await head(world.a))
    expect(chains[0]?.accounts[0]?.balances[0]?.raw).toBe('7')
    expect(world.a.proxy.roundTrips).toBe(2)
  })

  it('R12: is reported as failed when it never stands still, not answered with a mixture', async () => {
    await ask()
    const text = await staleHead()
    world.a.proxy.setFault(() => ({ kind: 'rewrite', text }))
    expect(await ask()).toMatchObject({
      chains: [],
      failed: [{ code: 'provider_unreachable', message: expect.stringContaining('its head moved') }],
    })
  })
})

it('R12: a chain without Multicall3 answers the same, in one round trip', async () => {
  const access = openChainAccess(
    { ...sandboxA, contracts: { multicall3: '0x00000000000000000000000000000000000000aa' } },
    [{ url: new Secret(world.a.proxy.url), priority: 0 }],
    { timeoutMs: 5_000, cache: lruNodeCache(10), metrics: silentMetrics },
  )
  // Uncached, so that the second reading asks again.
  const bare = evmAdapter(
    { ...sandboxA, contracts: { multicall3: '0x00000000000000000000000000000000000000aa' } },
    { ...access, shown: access.client },
  )
  const signal = AbortSignal.timeout(10_000)
  const assets = await Promise.all(TOKENS.map((token) => bare.asset(token, signal)))
  const accounts = ACCOUNTS.slice(0, 5)
  const first = await bare.balances(accounts, [bare.native, ...assets], signal)
  world.a.proxy.reset()
  const second = await bare.balances(accounts, [bare.native, ...assets], signal)
  expect(world.a.proxy.roundTrips).toBe(1)
  expect(second).toEqual(first)
  expect(second.block).toMatchObject(await head(world.a))
  const raws = second.balances.filter(({ asset }) => asset.address).map(({ raw }) => Number(raw))
  expect(raws).toEqual(accounts.flatMap((_, i) => TOKENS.map((_, t) => 1_000 * i + t)))
  await access.close()
})

it('F17: a chain that is down is reported, and the other is right all the same', async () => {
  world.b.proxy.setFault(() => ({ kind: 'status', code: 503, body: 'down' }))
  const { chains, failed } = await sheets.read({ accounts: [MERCHANT], assets: ['native'] }, caller())
  expect(chains).toMatchObject([
    { chain: { id: 'eip155:31337' }, accounts: [{ balances: [{ raw: '10000000000000000000000' }] }] },
  ])
  expect(failed).toMatchObject([
    {
      chain: { id: 'eip155:31338' },
      code: 'provider_unreachable',
      message: expect.stringContaining('HTTP 503'),
    },
  ])
})

it('a token that reverts in balanceOf is missing for that account, and everything else is there', async () => {
  const broken = getAddress(tokenAt(100))
  await world.a.ask(
    'anvil_setCode',
    broken,
    compile(`contract Subject {
      function decimals() external pure returns (uint8) { return 6; }
      function symbol() external pure returns (string memory) { return "BROKEN"; }
      function balanceOf(address who) external pure returns (uint256) {
        require(who != ${ACCOUNTS[1]}, "no");
        return 5;
      }
    }`),
  )
  const { chains, failed } = await sheets.read(
    { chains: ['sandbox-a'], accounts: ACCOUNTS.slice(0, 3), assets: ['USDC', broken] },
    caller(),
  )
  expect(failed).toEqual([])
  const asset = `eip155:31337/erc20:${broken}`
  expect(
    chains[0]?.accounts.map(({ balances, missing }) => ({ raws: balances.map(({ raw }) => raw), missing })),
  ).toEqual([
    { raws: ['0', '5'], missing: undefined },
    { raws: ['1000'], missing: [asset] },
    { raws: ['2000', '5'], missing: undefined },
  ])
  // T7: it is not listed, so its symbol is its own claim.
  expect(chains[0]?.accounts[0]?.balances[1]).toMatchObject({ claims: { untrusted: 'BROKEN' } })
  expect(chains[0]?.accounts[0]?.balances[1]).not.toHaveProperty('symbol')
})

it('R13: a mistyped address is refused before anything is asked', async () => {
  const mistyped = `${AGENT.slice(0, -1)}9`
  await expect(sheets.read({ accounts: [mistyped] }, caller())).rejects.toMatchObject({
    code: 'address_invalid',
    sideEffect: 'none',
  })
  expect(world.a.proxy.roundTrips).toBe(0)
})
