import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminText } from '../../../src/sandbox/adminRpc.ts'
import { readRows, type World } from '../../support/engine.ts'
import { readChain } from './chainRecord.ts'
import { openEngine } from './crashJob.ts'
import type { Programs } from './programs.ts'
import type { SenderJob } from './sender.ts'

export interface BurstOptions {
  readonly world: World
  readonly programs: Programs
  /** Nonces by way of this Redis. */
  readonly redisUrl?: string
  readonly processes: number
  /** Where they find the chain, when it is not the chain itself. */
  readonly through?: string
  /** Payments of each process. */
  readonly each: number
  readonly atATime?: number
  /** Happens while they pay; it may ask how many payments were signed so far. */
  readonly meanwhile?: (signed: () => number) => Promise<void>
}

/** What the chain says of a burst, and the journal of its operations. */
export interface Burst {
  /** Whether the nonces that the account used are 0, 1, 2 and so on. */
  readonly contiguous: boolean
  readonly mined: number
  /** Transactions that no block holds. */
  readonly waiting: number
  /** Recipients that got 0.25 exactly once. */
  readonly paidOnce: number
  readonly arrivals: number
  /** Second sends that led to the operation of the first. */
  readonly sentAgain: number
  readonly operations: readonly Readonly<Record<string, unknown>>[]
}

const QUARTER = 250_000_000_000_000_000n
const BLOCK_MS = 100
let made = 0

/** Several processes pay from one account at the same time, while blocks come (F4). */
export async function burst(options: BurstOptions): Promise<Burst> {
  const { world, programs, redisUrl, through, processes, each, atATime = 4, meanwhile } = options
  const { rpcUrl } = world.a
  const home = mkdtempSync(join(tmpdir(), 'bursar-burst-'))
  const name = `burst ${process.pid}-${made++}`
  const place = { home, rpcUrl, key: `0x${digest(name)}`, ...(redisUrl === undefined ? {} : { redisUrl }) }
  const stop = new AbortController()
  const rows = (sql: string) => readRows(join(home, 'journal.db'), sql)
  try {
    const account = await accountOf(place)
    await world.a.ask('anvil_setBalance', account, '0x21e19e0c9bab2400000')
    const from = Number(await adminText(rpcUrl, { method: 'eth_blockNumber' }))
    const jobs = Array.from({ length: processes }, (_, process): SenderJob => {
      const recipients = Array.from({ length: each }, (_, index) => recipient(`${name} ${process} ${index}`))
      return { ...place, ...(through === undefined ? {} : { rpcUrl: through }), recipients, atATime }
    })
    const mining = mineUntil(world, stop.signal)
    const signed = () => Number(rows('select count(*) as n from attempts')[0]?.['n'])
    const paying = Promise.all(jobs.map((job) => programs.run('sender', JSON.stringify(job))))
    const [ended] = await Promise.all([paying, meanwhile?.(signed)])
    stop.abort()
    await mining
    const to = Number(await adminText(rpcUrl, { method: 'eth_blockNumber' }))
    const chain = await readChain(rpcUrl, from + 1, to)
    const own = chain.transactions.filter((one) => one.from === account.toLowerCase())
    const nonces = own.map(({ nonce }) => nonce).sort((x, y) => x - y)
    const pending = Number(await world.a.ask('eth_getTransactionCount', account, 'pending'))
    const arrivals = new Map<string, bigint[]>()
    for (const { to, raw } of chain.arrivals) arrivals.set(to, [...(arrivals.get(to) ?? []), raw])
    const got = jobs.flatMap(({ recipients }) => recipients).map((to) => arrivals.get(to) ?? [])
    return {
      contiguous: nonces.every((nonce, index) => nonce === index),
      mined: nonces.length,
      waiting: pending - nonces.length,
      paidOnce: got.filter((raws) => raws.length === 1 && raws[0] === QUARTER).length,
      arrivals: got.flat().length,
      sentAgain: ended.flatMap(({ lines }) => lines).filter((line) => line !== 'sent as another operation')
        .length,
      operations: rows('select state, count(*) as n from operations group by state'),
    }
  } finally {
    stop.abort()
    rmSync(home, { recursive: true, force: true })
  }
}

async function accountOf(place: Parameters<typeof openEngine>[0]): Promise<string> {
  const engine = openEngine(place)
  const { address } = engine.wallets.find('agent', engine.chains.resolve('sandbox-a'))
  // The journal is made once; the processes open it at the same time.
  await engine.operations.countByState()
  await engine.stop()
  return address
}

async function mineUntil(world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await world.a.mine()
    await new Promise((resolve) => setTimeout(resolve, BLOCK_MS))
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const recipient = (text: string) => `0x${digest(text).slice(0, 40)}`
