import { getAddress as checksummed, encodeFunctionData, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, startEngine, TIP_JAR } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { FOREVER, installUniswap, ROUTER, type Uniswap } from '../../support/uniswap.ts'

let looks: Looks
let uniswap: Uniswap

beforeAll(async () => {
  looks = await startLooks()
  uniswap = await installUniswap(looks.world.a)
})
afterAll(() => looks.stop())

const LOOSE = 'loose-slippage critical'
const WHOLE = 10n ** 18n
const V2 = 'uint256,uint256,address[],address,uint256'
const SENT = 'uint256,address[],address,uint256'
type Token = 'coin' | 'weth' | 'burning'

/** Exactly so much goes in, or comes out; the other side is bounded. `limit` is the last bound that is no finding. */
const EXACT_IN: readonly (readonly [name: string, path: readonly [Token, Token], limit: bigint])[] = [
  [`swapExactTokensForTokens(${V2})`, ['coin', 'weth'], 488_286_589_135_316_045n],
  [`swapExactTokensForETH(${V2})`, ['coin', 'weth'], 488_286_589_135_316_045n],
  [
    `swapExactTokensForTokensSupportingFeeOnTransferTokens(${V2})`,
    ['burning', 'weth'],
    976_086_841_419_105_152n,
  ],
  [
    `swapExactTokensForETHSupportingFeeOnTransferTokens(${V2})`,
    ['burning', 'weth'],
    976_086_841_419_105_152n,
  ],
]
const EXACT_IN_SENT: typeof EXACT_IN = [
  [`swapExactETHForTokens(${SENT})`, ['weth', 'coin'], 1_952_173_682_838_210_304_327n],
  [
    `swapExactETHForTokensSupportingFeeOnTransferTokens(${SENT})`,
    ['weth', 'burning'],
    956_662_713_274_864_959_636n,
  ],
]
const EXACT_OUT: typeof EXACT_IN = [
  [`swapTokensForExactTokens(${V2})`, ['coin', 'weth'], 2_048_186_601_847_584_796_431n],
  [`swapTokensForExactETH(${V2})`, ['coin', 'weth'], 2_048_186_601_847_584_796_431n],
]

/** Looks at a call of the router, to the agent itself. */
async function swap(name: string, amounts: readonly bigint[], path: readonly Token[], amount?: string) {
  const tokens = JSON.stringify(path.map((token) => uniswap[token]))
  return looks.at({
    to: uniswap.router,
    function: name,
    args: [...amounts.map(String), tokens, AGENT, String(FOREVER)],
    ...(amount === undefined ? {} : { amount }),
  })
}

describe('D3: a swap', () => {
  it.each(EXACT_IN)('D3: %s must give nearly what it gives now', async (name, path, limit) => {
    const at = (bound: bigint) => swap(name, [1_000n * WHOLE, bound], path)
    expect((await at(limit)).found).toEqual([])
    const loose = await at(limit - 1n)
    expect(loose.found).toEqual([LOOSE])
    expect(loose.details[0]).toContain(`pass at least ${limit} as amountOutMin`)
    expect((await at(0n)).found).toEqual([LOOSE])
  })

  it.each(EXACT_IN_SENT)('D3: %s must give nearly what it gives now', async (name, path, limit) => {
    const at = (bound: bigint) => swap(name, [bound], path, '1')
    expect((await at(limit)).found).toEqual([])
    const loose = await at(limit - 1n)
    expect(loose.found).toEqual([LOOSE])
    expect(loose.details[0]).toContain(`pass at least ${limit} as amountOutMin`)
  })

  it.each(EXACT_OUT)('D3: %s must not take much more than it takes now', async (name, path, limit) => {
    const at = (bound: bigint) => swap(name, [WHOLE, bound], path)
    expect((await at(limit)).found).toEqual([])
    const loose = await at(limit + 1n)
    expect(loose.found).toEqual([LOOSE])
    expect(loose.details[0]).toContain(`pass at most ${limit} as amountInMax`)
  })

  it(`D3: swapETHForExactTokens(${SENT}) must not be sent much more than it takes now`, async () => {
    const at = (amount: string) =>
      swap(`swapETHForExactTokens(${SENT})`, [1_000n * WHOLE], ['weth', 'coin'], amount)
    expect((await at('0.511790499060964785')).found).toEqual([])
    const loose = await at('0.511790499060964786')
    expect(loose.found).toEqual([LOOSE])
    expect(loose.details[0]).toContain('send at most 511790499060964785 base units along')
  })

  it('D3: is refused with its words unless the operator allows it, and by the percentage that the operator sets', async () => {
    const { coin, weth, router } = uniswap
    const sell = (bound: bigint) => ({
      ...{ to: router, function: `swapExactTokensForETH(${V2})`, idempotencyKey: `policy ${bound}` },
      args: [`${1_000n * WHOLE}`, `${bound}`, JSON.stringify([coin, weth]), AGENT, `${FOREVER}`],
    })
    const strict = startEngine({ lanes: [looks.world.a], maxSlippagePercent: '0.5' })
    await expect(strict.prepare(sell(0n))).rejects.toMatchObject({
      code: 'policy_denied',
      context: { rule: 'loose-slippage', reason: expect.stringContaining('495760363458815780') },
    })
    // 498251621566649025 less half a per cent.
    expect((await strict.prepare(sell(495_760_363_458_815_780n))).simulation.findings).toBeUndefined()
    await expect(strict.prepare(sell(495_760_363_458_815_779n))).rejects.toMatchObject({
      code: 'policy_denied',
    })
    await strict.stop()
  })
})

describe('D3: an exchange by calls that cannot be read', () => {
  /** In the way of an aggregator, whose functions nobody knows by name. */
  const aggregator = () =>
    looks.install(`
      interface Router { function swapExactETHForTokens(uint256, address[] calldata, address, uint256) external payable; }
      contract Subject {
        function go(address to) external payable {
          address[] memory path = new address[](2);
          (path[0], path[1]) = (${checksummed(uniswap.weth)}, ${checksummed(uniswap.coin)});
          Router(${checksummed(uniswap.router)}).swapExactETHForTokens{ value: msg.value }(0, path, to, ${FOREVER});
        }
      }`)

  it('D3: is told, since nothing shows what bounds it', async () => {
    const at = await aggregator()
    const { found, details } = await looks.at({ to: at, function: 'go(address)', args: [AGENT], amount: '1' })
    expect(found).toEqual(['loose-slippage warning'])
    expect(details[0]).toMatch(
      /^1 .+ would go for 1992\.013962079806432986 .+, by calls that cannot be read: whether a bound keeps others from trading around it is not known$/,
    )
  })

  it('D3: a present to somebody else, and shares in what is paid in, are no exchange', async () => {
    const present = { to: await aggregator(), function: 'go(address)', args: [TIP_JAR], amount: '1' }
    expect((await looks.at(present)).found).toEqual([])
    const vault = await looks.install(`contract Subject {
      event Transfer(address indexed from, address indexed to, uint256 amount);
      function join() external payable { emit Transfer(address(0), msg.sender, msg.value); }
      function leave() external {
        emit Transfer(msg.sender, address(0), 5);
        payable(msg.sender).transfer(5);
      }
    }`)
    await looks.world.a.ask('anvil_setBalance', vault, '0x64')
    expect((await looks.at({ to: vault, function: 'join()', amount: '1' })).found).toEqual([])
    expect((await looks.at({ to: vault, function: 'leave()' })).found).toEqual([])
  })
})

/** What an endpoint says that has another state: the payload fails there, and changes nothing. */
function failedTrace(answer: string): string {
  const entries = [JSON.parse(answer)].flat() as { result?: { type?: string; pre?: object } }[]
  const told = entries.map((entry) => {
    if (entry.result?.pre) return { ...entry, result: { pre: {}, post: {} } }
    if (!entry.result?.type) return entry
    return { ...entry, result: { ...entry.result, error: 'execution reverted', logs: [], calls: [] } }
  })
  return JSON.stringify(Array.isArray(JSON.parse(answer)) ? told : told[0])
}

it('D2, F17: a trace of another state than the simulation says nothing of it', async () => {
  const { proxy } = looks.world.a
  proxy.setFault((calls) =>
    calls.some(({ method }) => method === 'debug_traceCall')
      ? { kind: 'rewrite', text: failedTrace }
      : undefined,
  )
  const { found, details } = await swap(
    `swapExactTokensForETH(${V2})`,
    [1_000n * WHOLE, 0n],
    ['coin', 'weth'],
  )
  proxy.reset()
  expect(found).toEqual([LOOSE, 'not-traced info'])
  expect(details[1]).toBe('not looked at: who calls whom inside (no endpoint traced it)')
})

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const AGGREGATE = parseAbi([
  'struct Call { address target; bool allowFailure; uint256 value; bytes callData; }',
  'function aggregate3Value(Call[] calls) payable',
])

describe('D3: swaps within another call', () => {
  /** One native unit to each swap, for the agent. */
  const aggregate = (bounds: readonly bigint[], { deadline = FOREVER, allowFailure = false } = {}) => {
    const { router, weth, coin } = uniswap
    const calls = bounds.map((bound) => {
      const args = [bound, [weth, coin], AGENT as Hex, deadline] as const
      const callData = encodeFunctionData({ abi: ROUTER, functionName: 'swapExactETHForTokens', args })
      return { target: router, allowFailure, value: WHOLE, callData }
    })
    const data = encodeFunctionData({ abi: AGGREGATE, functionName: 'aggregate3Value', args: [calls] })
    return looks.at({ to: MULTICALL3, data, amount: String(bounds.length) })
  }

  it('D3: are seen there', async () => {
    expect((await aggregate([0n])).found).toEqual([LOOSE])
    expect((await aggregate([1_960n * WHOLE])).found).toEqual([])
  })

  it('D3: are judged together where they give one account the same', async () => {
    expect((await aggregate([1_960n * WHOLE, 1_960n * WHOLE])).found).toEqual([])
    expect((await aggregate([1_960n * WHOLE, 0n])).found).toEqual([LOOSE])
  })

  it('D3: that fail there cannot be judged, which is told', async () => {
    const look = await aggregate([0n], { deadline: 1n, allowFailure: true })
    expect(look.found).toContain('loose-slippage warning')
    expect(look.found).not.toContain(LOOSE)
    expect(look.details.join()).toContain('whether its amountOutMin bounds it is not known')
  })
})

describe('D3: what looks like a swap', () => {
  const LIKE = (body: string) => `contract Subject { event Done(uint256 a);
    function swapExactTokensForTokens(uint256 a, uint256 b, address[] calldata c, address d, uint256 e) external ${body} }`

  it('D3: and gives nobody anything is none', async () => {
    for (const body of [
      '{ emit Done(a + b + c.length + e + uint160(d)); }',
      'returns (uint256) { return 7; }',
    ]) {
      const to = await looks.install(LIKE(body))
      const args = ['5', '0', JSON.stringify([uniswap.coin, uniswap.weth]), AGENT, '9']
      const look = await looks.at({ to, function: `swapExactTokensForTokens(${V2})`, args })
      expect(look.found).toEqual([])
    }
  })
})

describe('D3: a swap that nobody traces', () => {
  it('D3: is judged by what it moves', async () => {
    looks.world.a.proxy.setFault(withoutMethods(['debug_traceCall']))
    const at = async (bound: bigint) => {
      const look = await swap(`swapExactTokensForETH(${V2})`, [1_000n * WHOLE, bound], ['coin', 'weth'])
      return look.found
    }
    expect(await at(488_286_589_135_316_045n)).toEqual(['not-traced info'])
    expect(await at(488_286_589_135_316_044n)).toEqual([LOOSE, 'not-traced info'])
    looks.world.a.proxy.setFault(undefined)
  })
})
