import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminBatch, adminText } from '../../../src/sandbox/adminRpc.ts'
import { beginOnly } from '../../support/begun.ts'
import { type Engine, USDC, type World } from '../../support/engine.ts'
import { compile, setHoldings } from '../../support/tokens.ts'
import { readChain } from './chainRecord.ts'
import {
  type CrashJob,
  type CrashKind,
  crashKinds,
  openEngine,
  PASSER,
  PASSER_SOURCE,
  type Payment,
  payerOf,
  prepareCall,
  preparePayment,
} from './crashJob.ts'
import type { Ended, Programs } from './programs.ts'
import { type Expected, judge, type Resumed, type Verdict } from './verdict.ts'

/** One process that is killed. */
export interface Kill {
  readonly kind: CrashKind
  /** Nonces by way of Redis. */
  readonly redis: boolean
  /** The number of the point at which it dies; beyond the last one it survives. */
  readonly at: number
  readonly again: CrashJob['again']
}

export interface Killed {
  readonly kill: Kill
  /** Where it died; undefined when it came to its end. */
  readonly point: string | undefined
  readonly verdict: Verdict
}

/** The machine has two cores. */
const AT_A_TIME = 3

export interface Stage {
  readonly world: World
  readonly redisUrl: string
  readonly programs: Programs
}

let made = 0
/** Compiled once. */
let passer: string | undefined

/** A kind of payment, and where its nonces come from. */
export type Way = Pick<Kill, 'kind' | 'redis'>

export const ways: readonly Way[] = crashKinds.flatMap((kind) => [
  { kind, redis: false },
  { kind, redis: true },
])

/** The points that a process of each way comes by when nothing happens to it. */
export async function pointsOf(stage: Stage): Promise<readonly (readonly string[])[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-crash-'))
  try {
    const kills = ways.map((way) => ({ ...way, at: 0, again: 'afterwards' }) as const)
    const prepared = await inTurn(kills, AT_A_TIME, (kill) => prepare(stage, folder, kill))
    const jobs = JSON.stringify(prepared.map(({ job }) => job))
    const { lines } = await stage.programs.run('victim', jobs, '0')
    return lines.map((line) => JSON.parse(line.replace('reached ', '')) as string[])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Kills one process a journal and account, all on one chain; has another process take over all of them; and judges by
 * what the chain says.
 */
export async function killAndResume(stage: Stage, kills: readonly Kill[]): Promise<readonly Killed[]> {
  const ended = await leaveAndResume(stage, kills, (job, { at }) =>
    stage.programs.run('victim', JSON.stringify([job]), String(at)),
  )
  return ended.map(({ death, ...rest }) => {
    const last = death.lines.at(-1) ?? ''
    return { ...rest, point: death.signal === 'SIGKILL' ? last.replace('killed ', '') : undefined }
  })
}

/** The same with processes that `leave` runs to whatever end. */
export async function leaveAndResume(
  stage: Stage,
  kills: readonly Kill[],
  leave: (job: CrashJob, kill: Kill) => Promise<Ended>,
): Promise<
  readonly {
    readonly kill: Kill
    readonly death: Ended
    readonly resumed: Resumed
    readonly verdict: Verdict
  }[]
> {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-crash-'))
  const { rpcUrl } = stage.world.a
  try {
    const from = Number(await adminText(rpcUrl, { method: 'eth_blockNumber' }))
    const prepared = await inTurn(kills, AT_A_TIME, async (kill) => ({
      kill,
      ...(await prepare(stage, folder, kill)),
    }))
    const deaths = await inTurn(prepared, AT_A_TIME, ({ job, kill }) => leave(job, kill))
    const file = join(folder, 'jobs.json')
    writeFileSync(file, JSON.stringify(prepared.map(({ job }) => job)))
    const { lines } = await stage.programs.run('resumer', file)
    const said = lines.map((line) => JSON.parse(line) as Resumed)
    const to = Number(await adminText(rpcUrl, { method: 'eth_blockNumber' }))
    const chain = await readChain(rpcUrl, from + 1, to)
    const pending = await adminBatch(
      rpcUrl,
      prepared.map(({ account }) => ({ method: 'eth_getTransactionCount', params: [account, 'pending'] })),
    )
    return prepared.map((expected, index) => {
      const [resumed, death] = [said[index], deaths[index]]
      if (!resumed || !death || resumed.name !== expected.job.name) throw new Error('one each')
      return {
        kill: expected.kill,
        death,
        resumed,
        verdict: judge(expected, resumed, chain, Number(pending[index])),
      }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Totals {
  readonly kills: number
  /** Different points at which one died: their names, by way. */
  readonly points: number
  readonly duplicates: number
  readonly lost: number
  readonly wedged: number
  readonly miscounted: number
}

export function totalsOf(killed: readonly Killed[]): Totals {
  const died = killed.filter(({ point }) => point !== undefined)
  const sum = (kind: 'duplicates' | 'lost' | 'wedged' | 'miscounted') =>
    killed.reduce((total, { verdict }) => total + verdict[kind], 0)
  return {
    kills: died.length,
    points: new Set(died.map(({ kill, point }) => `${kill.kind} ${kill.redis} ${point}`)).size,
    ...{ duplicates: sum('duplicates'), lost: sum('lost'), wedged: sum('wedged') },
    miscounted: sum('miscounted'),
  }
}

/** An account with funds, a journal, and what is to be executed. */
async function prepare({ world, redisUrl }: Stage, folder: string, kill: Kill): Promise<Expected> {
  const { kind, redis, at, again } = kill
  const name = `${kind}${redis ? ' through redis' : ''} at ${at}, sent again ${again} (${process.pid}-${made++})`
  const home = join(folder, String(made))
  mkdirSync(home)
  const place = { home, rpcUrl: world.a.rpcUrl, key: `0x${digest(`key ${name}`)}` }
  const engine = openEngine(place)
  try {
    const { adapter } = await engine.chains.open('sandbox-a')
    const { address } = engine.wallets.find('agent', adapter.chain)
    const account = address as `0x${string}`
    await world.a.ask('anvil_setBalance', account, '0x56bc75e2d63100000')
    await setHoldings(world.a, [{ token: USDC, account, raw: 1_000_000_000n }])
    const vault = engine.wallets.find('vault', adapter.chain).address as `0x${string}`
    await world.a.ask('anvil_setBalance', vault, '0x56bc75e2d63100000')
    await setHoldings(world.a, [{ token: USDC, account: vault, raw: 1_000_000_000n }])
    passer ??= compile(PASSER_SOURCE)
    if (kind === 'call') await world.a.ask('anvil_setCode', PASSER, passer)
    const payments = paymentsOf(kind, name)
    // Native tokens that a contract account gives are in no transaction's value.
    const last = kind === 'account' ? { asset: 'USDC', amount: '12.5' } : { asset: 'native', amount: '0.5' }
    const next = { to: recipient(`next ${name}`), ...(last as Omit<Payment, 'to'>) }
    const work = await workOf(engine, kind, payments)
    const job = { name, kind, ...place, ...(redis ? { redisUrl } : {}), ...work, again, next }
    return { job, account: account.toLowerCase(), vault: vault.toLowerCase(), payments }
  } finally {
    await engine.stop()
  }
}

function paymentsOf(kind: CrashKind, name: string): readonly Payment[] {
  const native = { to: recipient(`native ${name}`), asset: 'native', amount: '0.25' } as const
  const token = { to: recipient(`token ${name}`), asset: 'USDC', amount: '12.5' } as const
  if (kind === 'pair') return [native, token]
  return [kind === 'token' || kind === 'call' || kind === 'account' ? token : native]
}

async function workOf(
  engine: Engine,
  kind: CrashKind,
  payments: readonly Payment[],
): Promise<Pick<CrashJob, 'intents' | 'operation'>> {
  const intents: string[] = []
  for (const [index, payment] of payments.entries())
    intents.push(
      kind === 'call'
        ? await prepareCall(engine, payment, `payment ${index}`)
        : await preparePayment(engine, payment, `payment ${index}`, payerOf(kind)),
    )
  const [first = ''] = intents
  if (kind === 'recovery') return { intents, operation: (await beginOnly(engine, first)).operationId }
  if (kind !== 'speed_up' && kind !== 'cancel') return { intents }
  const { operationId } = await engine.execute(first)
  return { intents: [(await engine.replace({ operation: operationId, kind })).intentId] }
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const recipient = (text: string) => `0x${digest(text).slice(0, 40)}`

/** Results in the order of `items`; so many at a time. */
async function inTurn<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const left = items.entries()
  const worker = async () => {
    for (const [index, item] of left) results[index] = await work(item, index)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return results
}
