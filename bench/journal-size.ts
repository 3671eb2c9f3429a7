import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { silentLogger } from '../src/primitives/logger.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { type Figures, line, median, round } from './support/figures.ts'
import { startPayers } from './support/payers.ts'
import { payingEngine, preparePayments } from './support/paying.ts'

const CHAIN = 31337
const SIZES = [0, 10_000, 100_000] as const
const PAYMENTS = 100
const LOOKS = 50

/**
 * What a long history costs: memory of a process that pays, and the time of a payment, of get_operation and of
 * list_operations, with 10,000 and 100,000 finished operations in the journal, against an empty one.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 1 })
  const rpcUrl = sandbox.chains.find(({ chainId }) => chainId === CHAIN)?.rpcUrl ?? ''
  const figures: Record<string, number> = {}
  try {
    line('operations', 'file MB', 'rss MB', 'payment ms', 'get ms', 'list ms', 'start ms')
    for (const size of SIZES) {
      const home = mkdtempSync(join(tmpdir(), 'bursar-history-'))
      await writeHistory(home, rpcUrl, size)
      const { latencies, rssMb } = await payInItsOwnProcess(rpcUrl, home)
      const looks = await look(rpcUrl, home)
      const fileMb = statSync(join(home, 'journal.db')).size / 1e6
      const shown = [fileMb, rssMb, median(latencies), looks.getMs, looks.listMs, looks.startMs]
      line(String(size), ...shown.map((figure) => figure.toFixed(1)))
      figures[`rss${size}Mb`] = round(rssMb)
      figures[`payment${size}Ms`] = round(median(latencies))
      figures[`get${size}Ms`] = round(looks.getMs)
      figures[`list${size}Ms`] = round(looks.listMs)
      rmSync(home, { recursive: true, force: true })
    }
    const [, few, many] = SIZES
    for (const each of ['rss', 'payment', 'get', 'list']) {
      const unit = each === 'rss' ? 'Mb' : 'Ms'
      figures[`${each}Growth10x`] = round(
        (figures[`${each}${many}${unit}`] ?? Number.NaN) / (figures[`${each}${few}${unit}`] ?? 1),
      )
    }
    return figures
  } finally {
    await sandbox.stop()
  }
}

async function payInItsOwnProcess(rpcUrl: string, home: string) {
  const payers = await startPayers({ rpcUrl, home, count: PAYMENTS, atATime: 1 }, 1)
  try {
    return await payers.pay()
  } finally {
    await payers.stop()
  }
}

/** Medians; `startMs` until a new process has heard of what is unfinished. */
async function look(rpcUrl: string, home: string) {
  const began = performance.now()
  const engine = payingEngine({ rpcUrl, home })
  await engine.operations.countByState()
  const startMs = performance.now() - began
  const [get, list]: [number[], number[]] = [[], []]
  const [newest] = (await engine.list()).operations
  for (let turn = 0; turn < LOOKS; turn++) {
    const asked = performance.now()
    await engine.get(newest?.operationId ?? '')
    const got = performance.now()
    await engine.list()
    get.push(got - asked)
    list.push(performance.now() - got)
  }
  await engine.leases.stop(() => engine.driver.settled())
  await engine.stop()
  return { startMs, getMs: median(get), listMs: median(list) }
}

const COPIED = ['intents', 'operations', 'steps', 'attempts', 'nonces', 'reservations'] as const
/** Columns that name a row, or must be unique. */
const NAMED: ReadonlySet<string> = new Set(
  'id intent_id operation_id step_id idempotency_key hash'.split(' '),
)

/** One payment of an account that pays nothing afterwards, made final, and its rows once for each operation. */
async function writeHistory(home: string, rpcUrl: string, size: number): Promise<void> {
  const engine = payingEngine({ rpcUrl, home })
  const [intentId = ''] = await preparePayments(engine, 'template', 1, ['payroll'])
  const { operationId } = await engine.execute(intentId)
  while ((await engine.get(operationId)).state !== 'committed')
    await new Promise((resolve) => setTimeout(resolve, 50))
  await engine.leases.stop(() => engine.driver.settled())
  await engine.stop()
  const db = new Database(join(home, 'journal.db'))
  db.exec('pragma foreign_keys = off')
  db.exec('begin')
  for (const table of COPIED) {
    const columns = db.prepare(`select name from pragma_table_info('${table}')`).all() as { name: string }[]
    const names = columns.map(({ name }) => name)
    const values = names.map((name) => {
      if (NAMED.has(name)) return `${name} || '-' || n`
      return name === 'nonce' ? `printf('%0' || length(nonce) || 'd', nonce + 1000000 + n)` : name
    })
    db.exec(
      `with recursive c(n) as (select 1 union all select n + 1 from c where n < ${size})
       insert into ${table} (${names}) select ${values} from ${table}, c where ${size} > 0`,
    )
  }
  db.exec('commit')
  db.close()
}
