import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { systemClock } from '../src/primitives/clock.ts'
import { ContactStore } from '../src/store/contacts.ts'
import { IntentStore } from '../src/store/intents.ts'
import { Journal } from '../src/store/journal.ts'
import { Lookalikes } from '../src/transactions/recipients/lookalikes.ts'
import { type Figures, line, median, quantile, round } from './support/figures.ts'

const SIZES = [1_000, 1_000_000] as const
const CHECKS = 2_000
const SCANS = 5

/**
 * What it costs to find that a recipient looks like nobody, and like somebody, who was paid: with 1,000 and 1,000,000
 * payments to as many addresses in the journal, against a look at each of them.
 */
export async function run(): Promise<Figures> {
  const figures: Record<string, number> = {}
  line('paid addresses', 'innocent us', 'p99 us', 'poison us', 'p99 us', 'a scan us')
  for (const size of SIZES) {
    const home = mkdtempSync(join(tmpdir(), 'bursar-lookalikes-'))
    try {
      const { innocent, poison, scan } = await measure(join(home, 'journal.db'), size)
      const shown = [median(innocent), quantile(innocent, 0.99), median(poison), quantile(poison, 0.99), scan]
      line(String(size), ...shown.map((each) => each.toFixed(0)))
      figures[`innocent${size}Us`] = round(median(innocent))
      figures[`innocentP99${size}Us`] = round(quantile(innocent, 0.99))
      figures[`poison${size}Us`] = round(median(poison))
      figures[`scan${size}Us`] = round(scan)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  }
  const [few, many] = SIZES
  figures['growth1000x'] = round(
    (figures[`innocent${many}Us`] ?? Number.NaN) / (figures[`innocent${few}Us`] ?? 1),
  )
  return figures
}

async function measure(path: string, size: number) {
  const journal = new Journal(path, systemClock)
  await journal.prove()
  const known = fill(path, size)
  const lookalikes = new Lookalikes(new ContactStore(journal), new IntentStore(journal))
  const timed = async (addresses: readonly string[], refused: boolean) => {
    const times: number[] = []
    for (const address of addresses) {
      const began = performance.now()
      const found = await lookalikes.requireNone([address]).then(
        () => false,
        () => true,
      )
      times.push((performance.now() - began) * 1000)
      // Of a million known addresses chance makes one in 4,300 strangers look like one.
      if (refused && !found) throw new Error(`${address} was not refused`)
    }
    return times
  }
  const strangers = Array.from({ length: CHECKS }, () => `0x${digits(40)}`)
  const poisons = known.map((each) => `${each.slice(0, 6)}${digits(32)}${each.slice(-4)}`)
  await timed(strangers.slice(0, 100), false)
  const innocent = await timed(strangers, false)
  const poison = await timed(poisons, true)
  const scan = timeScan(path)
  await journal.close()
  return { innocent, poison, scan }
}

const digits = (length: number) =>
  Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('')

/** So many payments in blocks, each to another address; some of the addresses. */
function fill(path: string, size: number): readonly string[] {
  const db = new Database(path)
  db.exec('pragma foreign_keys = off; pragma synchronous = off; pragma cache_size = -400000')
  db.exec(`begin;
    insert into counterparties
      with recursive c(n) as (select 1 union all select n + 1 from c where n < ${size}),
        made as materialized (select '0x' || lower(hex(randomblob(20))) as recipient from c)
      select 'eip155:31337', 'payer', recipient, substr(recipient, 3, 4) || substr(recipient, 39, 4),
        substr(recipient, 3, 8), substr(recipient, 35, 8) from made;
    insert into steps (id, operation_id, position, chain, account, state, recipient, payload, terms, outflow, receipt, updated_at)
      select recipient, recipient, 0, chain, account, 'final', recipient, '', '', '', '', '' from counterparties;
    commit`)
  const rows = db.prepare(`select recipient from counterparties limit ${CHECKS / 2}`).all()
  db.close()
  return (rows as { recipient: string }[]).map(({ recipient }) => recipient)
}

/** The baseline: every address is looked at. In microseconds. */
function timeScan(path: string): number {
  const db = new Database(path, { readonly: true })
  const query = db.prepare(
    "select count(*) as found from steps where recipient like '0xabcd%' and recipient like '%abcd'",
  )
  const times = Array.from({ length: SCANS }, () => {
    const began = performance.now()
    query.all()
    return (performance.now() - began) * 1000
  })
  db.close()
  return median(times)
}
