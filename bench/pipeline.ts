import { Pool } from 'undici'
import { privateKeyToAccount } from 'viem/accounts'
import { nativeCurve } from '../src/evm/nativeCurve.ts'
import { silentLogger } from '../src/primitives/logger.ts'
import { adminBatch } from '../src/sandbox/adminRpc.ts'
import { sandboxWallets } from '../src/sandbox/sandboxAccounts.ts'
import { type Sandbox, startSandbox } from '../src/sandbox/startSandbox.ts'
import { sandboxKeys } from '../src/wallets/sandboxKeys.ts'
import type { Engine } from '../test/support/engine.ts'
import { type Figures, line, median, quantile, round } from './support/figures.ts'
import { startPayers } from './support/payers.ts'
import { addAccounts, executeAll, payingEngine, preparePayments, together } from './support/paying.ts'

const ROUNDS = 3
const MINE_EVERY_MS = 50
/**
 * anvil 1.7.1 files what arrives while a block is made under a nonce of before that block, where it waits for good, and
 * everything behind it: the same bytes are refused as known. Other bytes at its nonce free them all.
 */
const FREED_AFTER_BLOCKS = 10
const CHAIN = 31337
const ACCOUNTS = 50
const PROCESSES = 4

/**
 * Payments a second, each simulated, judged, given a nonce, signed, written to disk and broadcast, beside a script that
 * only posts transactions that it has signed before: same anvil, same blocks, same run, in turns. From one account by
 * one process, from 50 accounts, and from one account by four processes.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const rpcUrl = sandbox.chains.find(({ chainId }) => chainId === CHAIN)?.rpcUrl ?? ''
  const engine = payingEngine({ rpcUrl, speedUpAfterBlocks: FREED_AFTER_BLOCKS })
  const wallets = addAccounts(engine, ACCOUNTS)
  const fund = wallets.map(({ address }) => ({
    method: 'anvil_setBalance',
    params: [address, '0x56bc75e2d63100000'],
  }))
  await adminBatch(rpcUrl, fund)
  const mining = mineSteadily(sandbox)
  try {
    await pay(engine, 'warm-up', 100, 16)
    console.log(`Signatures are made by ${(await nativeCurve()) ? 'native code' : 'JavaScript'}.`)
    line('payments a second', 'blast', 'pipeline', 'ratio', 'p50 ms', 'p99 ms')
    const names = wallets.map(({ name }) => name)
    const cases: readonly Case[] = [
      { name: '1', atATime: 1, count: 200, pay: (turn) => pay(engine, `1 ${turn}`, 200, 1) },
      { name: '16', atATime: 16, count: 600, pay: (turn) => pay(engine, `16 ${turn}`, 600, 16) },
      { name: '64', atATime: 64, count: 1_200, pay: (turn) => pay(engine, `64 ${turn}`, 1_200, 64) },
      {
        name: '64of50Accounts',
        atATime: 64,
        count: 1_200,
        pay: (turn) => pay(engine, `50 ${turn}`, 1_200, 64, names),
      },
      { name: '64of4Processes', atATime: 64, count: 1_200, pay: () => payByMany(rpcUrl, 1_200, 64) },
    ]
    const figures: Record<string, number> = {}
    for (const each of cases) Object.assign(figures, await measure(each, rpcUrl))
    return figures
  } finally {
    await engine.leases.stop(() => engine.driver.settled())
    await mining.stop()
    await engine.stop()
    await sandbox.stop()
  }
}

interface Case {
  readonly name: string
  readonly atATime: number
  readonly count: number
  readonly pay: (turn: number) => Promise<Paid>
}

interface Paid {
  readonly perSecond: number
  readonly latencies: readonly number[]
}

async function measure({ name, atATime, count, pay }: Case, rpcUrl: string): Promise<Figures> {
  const turns: { readonly blast: number; readonly paid: Paid }[] = []
  for (let turn = 0; turn < ROUNDS; turn++)
    turns.push({ blast: await blast(rpcUrl, count, atATime), paid: await pay(turn) })
  const blasts = median(turns.map((turn) => turn.blast))
  const paid = median(turns.map((turn) => turn.paid.perSecond))
  const ratio = median(turns.map((turn) => turn.paid.perSecond / turn.blast))
  const at = (q: number) => median(turns.map((turn) => quantile(turn.paid.latencies, q)))
  line(name, blasts.toFixed(0), paid.toFixed(0), ratio.toFixed(2), at(0.5).toFixed(1), at(0.99).toFixed(1))
  return {
    [`blast${name}PerSecond`]: round(blasts),
    [`pipeline${name}PerSecond`]: round(paid),
    [`pipeline${name}ToBlast`]: round(ratio),
    [`pipeline${name}P99Ms`]: round(at(0.99)),
  }
}

/** The intents are there; what is measured is their execution. */
async function pay(
  engine: Engine,
  name: string,
  count: number,
  atATime: number,
  wallets?: readonly string[],
): Promise<Paid> {
  const intents = await preparePayments(engine, name, count, wallets)
  const began = performance.now()
  const latencies = await executeAll(engine, intents, atATime)
  return { perSecond: (1_000 * count) / (performance.now() - began), latencies }
}

async function payByMany(rpcUrl: string, count: number, atATime: number): Promise<Paid> {
  const speedUpAfterBlocks = FREED_AFTER_BLOCKS
  const job = { rpcUrl, speedUpAfterBlocks, count: count / PROCESSES, atATime: atATime / PROCESSES }
  const payers = await startPayers(job, PROCESSES)
  try {
    const { seconds, latencies } = await payers.pay()
    return { perSecond: count / seconds, latencies }
  } finally {
    await payers.stop()
  }
}

/** Signed before the clock starts, by an account that pays nothing else. */
async function blast(url: string, count: number, atATime: number): Promise<number> {
  const account = privateKeyToAccount(sandboxKeys.merchant.reveal() as `0x${string}`)
  const [first] = await adminBatch(url, [
    { method: 'eth_getTransactionCount', params: [account.address, 'pending'] },
  ])
  const raw = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      account.signTransaction({
        type: 'eip1559',
        chainId: CHAIN,
        nonce: Number(first) + index,
        to: sandboxWallets.agent.address,
        value: 1n,
        gas: 21_000n,
        maxFeePerGas: 10_000_000_000n,
        maxPriorityFeePerGas: 1_000_000_000n,
      }),
    ),
  )
  const pool = new Pool(new URL(url).origin, { connections: 64 })
  const headers = { 'content-type': 'application/json' }
  const began = performance.now()
  await together(count, atATime, async (index) => {
    const call = { jsonrpc: '2.0', id: index, method: 'eth_sendRawTransaction', params: [raw[index]] }
    const response = await pool.request({ method: 'POST', path: '/', headers, body: JSON.stringify(call) })
    const answer = await response.body.text()
    if (!answer.includes('"result"')) throw new Error(answer)
  })
  const perSecond = (1_000 * count) / (performance.now() - began)
  await pool.close()
  return perSecond
}

/** Blocks at a steady pace, as a chain makes them. */
function mineSteadily(sandbox: Sandbox): { stop(): Promise<void> } {
  let stopped = false
  const loop = (async () => {
    while (!stopped) {
      await sandbox.mine(CHAIN, 1)
      await new Promise((resolve) => setTimeout(resolve, MINE_EVERY_MS))
    }
  })()
  return {
    async stop() {
      stopped = true
      await loop
    },
  }
}
