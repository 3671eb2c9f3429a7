import { join } from 'node:path'
import Database from 'libsql'
import { readRows } from '../../support/engine.ts'
import type { CrashJob } from './crashJob.ts'
import { type Kill, leaveAndResume, type Stage } from './crashRun.ts'
import type { Verdict } from './verdict.ts'

/** A command under which writes to files fail, from a moment on that `at` decides. */
export type BadDisk = (at: number, job: CrashJob) => readonly string[]

/** No file grows beyond `at` kibibytes: the write-ahead log of the journal is what wants to. */
export const fullDisk: BadDisk = (at) => ['sh', '-c', `ulimit -f ${2 * at}; exec "$0" "$@"`]

/** From the `at`-th on, no flush succeeds: EIO on fsync, as of a disk that fails. Needs strace. */
export const failingDisk: BadDisk = (at, { home }) => [
  ...['strace', '-f', '-qq', '-o', join(home, 'strace.txt'), '-e', 'trace=fsync,fdatasync'],
  ...['-e', `inject=fsync,fdatasync:error=EIO:when=${at}+`],
]

/** What a process on a bad disk left, and what came of it. */
export interface Refused {
  /** How each send ended: "<state>", or "<code> <side effect>". */
  readonly said: readonly string[]
  /** Transactions in the pool when the process had ended. */
  readonly sent: number
  /** Those of which the journal has no bytes (R2). */
  readonly unrecorded: number
  readonly verdict: Verdict
}

/** Runs a process on each of these disks; then another one, on a good disk, takes over (F21). */
export async function refuseAndResume(
  stage: Stage,
  disk: BadDisk,
  moments: readonly number[],
): Promise<readonly Refused[]> {
  const pools = new Map<string, Pick<Refused, 'sent' | 'unrecorded'>>()
  const kills = moments.map(
    (at, index): Kill => ({
      kind: 'pair',
      redis: false,
      at,
      again: index % 2 === 0 ? 'at once' : 'afterwards',
    }),
  )
  const ended = await leaveAndResume(stage, kills, async (job, { at }) => {
    emptyLog(job)
    const death = await stage.programs.runUnder(disk(at, job), 'refused', JSON.stringify(job))
    pools.set(job.name, await poolOf(stage, job))
    return death
  })
  return ended.map(({ death, resumed, verdict }) => ({
    said: death.lines,
    ...(pools.get(resumed.name) ?? { sent: -1, unrecorded: -1 }),
    verdict,
  }))
}

/** What was written before is moved out of the log, so that all of them begin with the same. */
function emptyLog(job: CrashJob): void {
  const db = new Database(join(job.home, 'journal.db'))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** Addresses are in lower case there. */
async function poolOf({ world }: Stage, { home }: CrashJob): Promise<Pick<Refused, 'sent' | 'unrecorded'>> {
  const path = join(home, 'journal.db')
  const [owner] = readRows(path, 'select distinct account from intents')
  const recorded = new Set(readRows(path, 'select hash from attempts').map(({ hash }) => String(hash)))
  const pool = (await world.a.ask('txpool_content')) as Pool
  const hashes = [pool.pending, pool.queued].flatMap((part) =>
    Object.values(part[String(owner?.['account']).toLowerCase()] ?? {}).map(({ hash }) => hash),
  )
  return { sent: hashes.length, unrecorded: hashes.filter((hash) => !recorded.has(hash)).length }
}

type ByNonce = Readonly<Record<string, { readonly hash: string }>>
type Pool = Readonly<Record<'pending' | 'queued', Readonly<Record<string, ByNonce>>>>
