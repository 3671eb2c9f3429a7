import { createPublicClient, defineChain, erc20Abi, type Hex, http } from 'viem'
import { sandboxContracts } from '../src/sandbox/sandboxAccounts.ts'
import { type CountedChain, type CountedSandbox, countedSandbox } from './support/countedSandbox.ts'
import { deployTokens } from './support/deployTokens.ts'
import { type Figures, line, median, round } from './support/figures.ts'

const ACCOUNTS = 50
const TOKENS = 10
const REPEATS = 30
const WARM_UP = 3

/** Other accounts each turn: the same question a moment later would be answered from the cache. */
const accountsOf = (turn: number) =>
  Array.from({ length: ACCOUNTS }, (_, index): Hex => {
    return `0x${(0xb0b0000 + turn * ACCOUNTS + index).toString(16).padStart(40, '0')}`
  })

interface Candidate {
  readonly name: string
  /** Reads everything once and returns how many balances it found. */
  readonly read: (turn: number) => Promise<number>
  readonly ms: number[]
  readonly trips: number[]
}

/**
 * get_balances of 50 accounts and 10 tokens on two chains, as an agent sees it over stdio, against viem's multicall
 * in this process: as it is by default, and told to send one batch. All of them through the same counting proxies.
 */
export async function run(): Promise<Figures> {
  const world = await countedSandbox()
  try {
    const tokens = await deployTokens(world.sandbox, TOKENS)
    const candidate = (name: string, read: Candidate['read']): Candidate => {
      return { name, read, ms: [], trips: [] }
    }
    const bursar = candidate('get_balances over stdio', (turn) => readByBursar(world, tokens, turn))
    const viem = candidate('viem multicall', viemReader(world.chains, tokens, undefined))
    const viemOneBatch = candidate('viem multicall, batchSize 0', viemReader(world.chains, tokens, 0))
    const again = candidate('get_balances again, from the cache', (turn) => readByBursar(world, tokens, turn))
    const candidates = [bursar, again, viem, viemOneBatch]
    for (let turn = 0; turn < WARM_UP + REPEATS; turn++) {
      for (const each of candidates) await measure(each, world.chains, turn)
    }
    line(`${ACCOUNTS} accounts, ${TOKENS} tokens, 2 chains`, 'round trips', 'median')
    for (const { name, trips, ms } of candidates)
      line(name, String(median(trips)), `${median(ms).toFixed(1)} ms`)
    return {
      trips: median(bursar.trips),
      mostTrips: Math.max(...bursar.trips),
      viemTrips: median(viem.trips),
      medianMs: round(median(bursar.ms)),
      cachedMs: round(median(again.ms)),
      cachedTrips: median(again.trips),
      latencyToViem: round(median(bursar.ms) / median(viem.ms)),
      latencyToViemOneBatch: round(median(bursar.ms) / median(viemOneBatch.ms)),
    }
  } finally {
    await world.close()
  }
}

async function measure(
  { name, read, ms, trips }: Candidate,
  chains: readonly CountedChain[],
  turn: number,
): Promise<void> {
  for (const chain of chains) chain.forget()
  const started = performance.now()
  const found = await read(turn)
  const elapsed = performance.now() - started
  const expected = ACCOUNTS * TOKENS * chains.length
  if (found !== expected) throw new Error(`${name} found ${found} balances instead of ${expected}`)
  if (turn < WARM_UP) return
  ms.push(elapsed)
  trips.push(chains.reduce((sum, chain) => sum + chain.trips.length, 0))
}

interface Sheet {
  readonly chains: readonly { readonly accounts: readonly { readonly balances: readonly unknown[] }[] }[]
}

async function readByBursar(
  { agent }: CountedSandbox,
  tokens: readonly Hex[],
  turn: number,
): Promise<number> {
  const query = { accounts: accountsOf(turn), assets: tokens }
  const sheet = (await agent.call('get_balances', query)) as unknown as Sheet
  return sheet.chains.flatMap((chain) => chain.accounts.flatMap(({ balances }) => balances)).length
}

function viemReader(
  chains: readonly CountedChain[],
  tokens: readonly Hex[],
  batchSize: number | undefined,
): Candidate['read'] {
  const clients = chains.map(({ url }, index) => {
    const chain = defineChain({
      id: 31337 + index,
      name: `Sandbox ${index}`,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [url] } },
      contracts: { multicall3: { address: sandboxContracts.multicall3 } },
    })
    return createPublicClient({ chain, transport: http(url) })
  })
  const size = batchSize === undefined ? {} : { batchSize }
  return async (turn) => {
    const contracts = accountsOf(turn).flatMap((account) =>
      tokens.map((address) => {
        return { address, abi: erc20Abi, functionName: 'balanceOf', args: [account] } as const
      }),
    )
    const answers = await Promise.all(clients.map((client) => client.multicall({ contracts, ...size })))
    return answers.flat().filter(({ status }) => status === 'success').length
  }
}
