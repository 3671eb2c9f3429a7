import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/primitives/clock.ts'
import type { Readable } from '../src/store/audit/auditRows.ts'
import { verifyAudit } from '../src/store/audit/auditVerify.ts'
import { Journal } from '../src/store/journal.ts'
import { type Figures, line, median, round } from './support/figures.ts'

const TRANSITIONS = 2_000
const SIZES = [10_000, 1_000_000] as const
const TOGETHER = 5_000
const DETAIL = { hash: `0x${'ab'.repeat(32)}`, by: 'public', outcome: 'accepted' }

/**
 * What the audit log costs: a durable transition with its row against one without, and a walk over the chain of 1,000,000
 * rows against one of 10,000, in time for each row and in memory.
 */
export async function run(): Promise<Figures> {
  const home = mkdtempSync(join(tmpdir(), 'bursar-audit-'))
  const journal = new Journal(join(home, 'journal.db'), systemClock)
  try {
    const [plain, audited] = await appendMs(journal)
    line('transition', 'without ms', 'with ms')
    line('one durable row', plain.toFixed(3), audited.toFixed(3))
    const figures: Record<string, number> = { withoutAuditMs: round(plain), withAuditMs: round(audited) }
    line('rows', 'verify s', 'us a row', 'rss MB before', 'rss MB most')
    for (const size of SIZES) {
      await growTo(journal, size)
      const { seconds, before, most } = await walk(journal, size)
      line(
        String(size),
        seconds.toFixed(2),
        ((seconds / size) * 1e6).toFixed(2),
        before.toFixed(0),
        most.toFixed(0),
      )
      figures[`verify${size}S`] = round(seconds)
      figures[`rssGrowth${size}Mb`] = round(most - before)
    }
    return figures
  } finally {
    await journal.close()
    rmSync(home, { recursive: true, force: true })
  }
}

/** Medians of one transition after the other, in turns, so that a noisy moment meets both. */
async function appendMs(journal: Journal): Promise<readonly [number, number]> {
  const [plain, audited]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < TRANSITIONS; turn++) {
    for (const withAudit of [false, true]) {
      const began = performance.now()
      await journal.transact(async (tx, audit) => {
        const id = `${turn} ${withAudit}`
        await tx.insertInto('chains').values({ id, genesis: '0x', first_used_at: '' }).execute()
        if (withAudit) audit({ event: 'attempt.sent', subject: id, detail: DETAIL })
      })
      ;(withAudit ? audited : plain).push(performance.now() - began)
    }
  }
  return [median(plain), median(audited)]
}

async function growTo(journal: Journal, size: number): Promise<void> {
  const head = async () => {
    const newest = await journal.read((db) =>
      db.selectFrom('audit').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst(),
    )
    return newest?.seq ?? 0
  }
  for (let have = await head(); have < size; have = await head()) {
    const count = Math.min(TOGETHER, size - have)
    await journal.transact(async (_tx, audit) => {
      for (let index = 0; index < count; index++) {
        audit({ event: 'attempt.sent', subject: `step_${have + index}`, detail: DETAIL })
      }
    })
  }
}

async function walk(journal: Journal, size: number) {
  const rss = () => process.memoryUsage.rss() / 1e6
  const before = rss()
  let most = before
  const source: Readable = {
    read(query) {
      most = Math.max(most, rss())
      return journal.read(query)
    },
  }
  const began = performance.now()
  const { head, broken } = await verifyAudit(source)
  if (broken || head?.seq !== size) throw new Error(`the chain of ${size} rows is broken`)
  return { seconds: (performance.now() - began) / 1000, before, most }
}
