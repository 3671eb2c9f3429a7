import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import Database from 'libsql'
import { allChains } from '../src/chains/allChains.ts'
import { base } from '../src/chains/data/base.ts'
import { type Judged, Policy } from '../src/policy/policy.ts'
import { readRules } from '../src/policy/rules/readRules.ts'
import { systemClock } from '../src/primitives/clock.ts'
import { Journal } from '../src/store/journal.ts'
import { OperationStore } from '../src/store/operations.ts'
import { bucketsOf } from '../src/store/spending/spentWindow.ts'
import { type Figures, line, quantile, round } from './support/figures.ts'

const RULES = 1_000
const HISTORY = 1_000_000
const VERDICTS = 2_000
const PROCESSES = 8
const EACH = 250

const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const USDC = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913'
const asset = { id: `eip155:8453/erc20:${USDC}`, address: USDC, decimals: 6, symbol: 'USDC' }
const native = { id: 'eip155:8453/slip44:60', decimals: 18, symbol: 'ETH' }
const settings = {
  ...{ maxGasPriceGwei: '500', perTransaction: [], findingsAllowed: [], maxSlippagePercent: '2' },
  feePerTransaction: [{ chain: '*', max: '1' }],
}

/**
 * What a verdict takes, the questions to the journal included: with three rules and a thousand, on an empty journal and
 * on one with a million payments. Then how many payments a second are reserved under a cap over time, by one process and
 * by eight on one journal, against the same without a cap.
 */
export async function run(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-bench-policy-'))
  try {
    const few = await verdicts(join(folder, 'few.db'), 3, 0)
    const rules = await verdicts(join(folder, 'rules.db'), RULES, 0)
    const history = await verdicts(join(folder, 'history.db'), RULES, HISTORY)
    line(`verdict p50 / p99 ms: 3 rules ${few.p50} / ${few.p99}; ${RULES} rules ${rules.p50} / ${rules.p99}`)
    line(`${RULES} rules and ${HISTORY} payments before: ${history.p50} / ${history.p99}`)
    const bare = await reservations(join(folder, 'bare.db'), 1, '[]')
    const alone = await reservations(join(folder, 'alone.db'), 1, CAPPED)
    const together = await reservations(join(folder, 'together.db'), PROCESSES, CAPPED)
    line(
      `reservations a second: ${bare} without a cap, ${alone} with one, ${together} by ${PROCESSES} processes`,
    )
    return {
      p50WithFewRules: few.p50,
      p99WithFewRules: few.p99,
      p50WithManyRules: rules.p50,
      p99WithManyRules: rules.p99,
      p50WithHistory: history.p50,
      p99WithHistory: history.p99,
      historyRatio: round(history.p50 / rules.p50),
      rulesRatio: round(rules.p50 / few.p50),
      reservationsPerSecond: together,
      cappedRatio: round(alone / bare),
      togetherRatio: round(together / alone),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Caps over time on the asset, and as many rules more as are wanted, about other wallets and other recipients. */
function policyOf(count: number): Policy {
  const caps = ['1h', '24h', '30d'].map((per, index) => ({
    id: `cap-${index}`,
    cap: { asset: 'USDC', max: '1000000000', per, ...(index === 1 && { each: ['recipient'] }) },
  }))
  const others = Array.from({ length: count - caps.length }, (_, index) =>
    index % 2 === 0
      ? { id: `other-${index}`, wallets: [`wallet-${index}`], cap: { asset: 'USDC', max: '5', per: '24h' } }
      : { id: `deny-${index}`, deny: { recipients: [`0x${(index + 1).toString(16).padStart(40, '0')}`] } },
  )
  return new Policy(
    settings,
    readRules(JSON.stringify({ version: 1, rules: [...caps, ...others] }), allChains),
  )
}

async function verdicts(path: string, rules: number, history: number) {
  const policy = policyOf(rules)
  const journal = new Journal(path, systemClock)
  const operations = new OperationStore(journal)
  await operations.spent([])
  if (history > 0) fill(path, history)
  const times: number[] = []
  for (let turn = 0; turn < VERDICTS; turn++) {
    const judged = payment()
    const started = performance.now()
    policy.judge(judged, await operations.spent(policy.questions(judged)))
    times.push(performance.now() - started)
  }
  await journal.close()
  return { p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)) }
}

function payment(): Judged {
  const now = Date.now()
  return {
    ...{ chain: base, account: ACCOUNT, wallet: 'agent', principal: 'local', native, maxFee: 1n },
    outflow: { asset, raw: 1_000_000n },
    effects: [{ kind: 'transfer', asset, from: ACCOUNT, to: MERCHANT, raw: 1_000_000n }],
    ...{ findings: [], moments: [now, now] },
    calls: [{ contract: USDC, kind: 'payment', to: [MERCHANT], arguments: () => undefined }],
    terms: { maxFeePerGas: '1', maxPriorityFeePerGas: '1' },
  }
}

/** Payments of the last 60 days, one after the other, as the journal keeps and sums them. */
function fill(path: string, count: number): void {
  const db = new Database(path)
  db.exec('pragma foreign_keys = off; begin')
  const spend = db.prepare('insert into spends values (?, ?, ?, ?, ?, ?, ?)')
  const sums = new Map<string, bigint>()
  const step = (60 * 86_400_000) / count
  for (let index = 0; index < count; index++) {
    const at = Math.floor(Date.now() - index * step)
    for (const recipient of ['', MERCHANT]) {
      spend.run(`s${index}`, asset.id, recipient, ACCOUNT, 'local', '1000', `${at}`.padStart(20, '0'))
      for (const { level, start } of bucketsOf(at)) {
        const key = `${recipient} ${level} ${start}`
        sums.set(key, (sums.get(key) ?? 0n) + 1_000n)
      }
    }
  }
  const put = db.prepare('insert into spend_sums values (?, ?, ?, ?, ?, ?, ?)')
  for (const [key, raw] of sums) {
    const [recipient = '', level, start] = key.split(' ')
    put.run(asset.id, recipient, Number(level), Number(start), ACCOUNT, 'local', raw.toString())
  }
  db.exec('commit')
  db.close()
}

const CAPPED = JSON.stringify([{ id: 'daily', cap: { asset: 'USDC', max: '1000000000', per: '24h' } }])

/** Payments a second that are begun, from the first process' start to the last one's end, starts taken off. */
async function reservations(path: string, processes: number, rules: string): Promise<number> {
  const spender = join('node_modules', `.bursar-bench-spender-${process.pid}.mjs`)
  await build({
    ...{ entryPoints: ['test/policy/support/spender.ts'], outfile: spender, external: ['libsql'] },
    ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  })
  const text = `{"version":1,"rules":${rules === '[]' ? BIG : rules}}`
  const spend = (name: string, count: number) =>
    promisify(execFile)(process.execPath, [spender, path, name, `${count}`, text])
  try {
    // The first makes the journal, and shows what a start takes.
    const started = performance.now()
    await spend('first', 0)
    const start = performance.now() - started
    const begun = performance.now()
    await Promise.all(Array.from({ length: processes }, (_, index) => spend(`p${index}`, EACH)))
    return round(((processes * EACH) / (performance.now() - begun - start)) * 1_000)
  } finally {
    rmSync(spender, { force: true })
  }
}

/** A cap on a single payment: the journal is asked nothing. */
const BIG = JSON.stringify([{ id: 'single', cap: { asset: 'USDC', max: '1000000000', per: 'transaction' } }])
