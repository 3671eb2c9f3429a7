import { startWorld } from '../../support/engine.ts'
import { startRedisServer } from '../../support/redisServer.ts'
import { type Burst, burst } from './burst.ts'
import { type Kill, type Killed, killAndResume, pointsOf, type Stage, totalsOf, ways } from './crashRun.ts'
import { failingDisk, refuseAndResume } from './disks.ts'
import { crashPrograms } from './programs.ts'

const AT_LEAST = 1_000
const IN_A_BATCH = 60

const PROCESSES = 8
const EACH = 250
/** Two payments flush some ten times. */
const FLUSHES = 12

/** One line of totals, and whether nothing was wrong. */
interface Finding {
  readonly line: string
  readonly ok: boolean
}

/**
 * `what` is "kills", "bursts" or "disks"; all of them when it is left out. Of the points to kill at, each `every`th is
 * taken. Says how far it has come.
 */
export async function longRun(
  { what, every }: { readonly what: string | undefined; readonly every: number },
  say: (line: string) => void,
): Promise<readonly Finding[]> {
  const [world, redis, programs] = await Promise.all([startWorld(), startRedisServer(), crashPrograms()])
  try {
    const stage: Stage = { world, redisUrl: redis.url, programs }
    const findings: Finding[] = []
    const does = (part: string) => what === undefined || what === part
    if (does('kills')) findings.push(await killEverywhere(stage, every, say))
    if (does('bursts')) findings.push(await burstOf(stage, 'the journal'), await burstOf(stage, 'redis'))
    if (does('disks')) findings.push(await failEverywhere(stage))
    return findings
  } finally {
    programs.remove()
    await Promise.all([world.stop(), redis.stop()])
  }
}

/** Kills at every point of every way, and goes on from the first until there were enough. */
async function killEverywhere(stage: Stage, every: number, say: (line: string) => void): Promise<Finding> {
  const points = await pointsOf(stage)
  const known = points.reduce((total, names) => total + names.length, 0)
  say(`${known} points of ${ways.length} ways`)
  const killed: Killed[] = []
  const atLeast = AT_LEAST / every
  for (let round = 0; round === 0 || totalsOf(killed).kills < atLeast; round++) {
    const kills = everyPoint(points, round).filter((_, index) => index % every === 0)
    for (const batch of batchesOf(kills)) {
      const results = await killAndResume(stage, batch)
      killed.push(...results)
      for (const note of results.flatMap(({ verdict }) => verdict.notes)) say(note)
      say(`${killed.length} of ${kills.length * (round + 1)}`)
    }
  }
  const { kills, points: names, duplicates, lost, wedged, miscounted } = totalsOf(killed)
  const wrong = duplicates + lost + wedged + miscounted
  const line = `kills ${kills}, points ${known} (${names} by name), duplicates ${duplicates}, lost ${lost}, wedged ${wedged}, miscounted ${miscounted}`
  return { line, ok: wrong === 0 && kills >= atLeast }
}

async function burstOf(
  { world, redisUrl, programs }: Stage,
  through: 'the journal' | 'redis',
): Promise<Finding> {
  const place = { world, programs, processes: PROCESSES, each: EACH }
  const seen = await burst({ ...place, ...(through === 'redis' ? { redisUrl } : {}) })
  const { operations, ...counts } = seen
  const line = `${PROCESSES} processes x ${EACH} sends through ${through}: ${JSON.stringify(counts)}, ${JSON.stringify(operations)}`
  return { line, ok: isWhole(seen) }
}

/** EIO on fsync from the first flush on, from the second, and so on (F21). */
async function failEverywhere(stage: Stage): Promise<Finding> {
  const moments = Array.from({ length: FLUSHES }, (_, index) => index + 1)
  const refused = await refuseAndResume(stage, failingDisk, moments)
  const wrong = refused.flatMap(({ verdict }) => verdict.notes)
  const unrecorded = refused.reduce((total, each) => total + each.unrecorded, 0)
  const refusals = refused.flatMap(({ said }) => said).filter((line) => line === 'journal_unavailable none')
  const line = `disks that fail ${FLUSHES}, sends refused ${refusals.length}, sent without record ${unrecorded}, wrong ${wrong.length}`
  return { line, ok: wrong.length === 0 && unrecorded === 0 && refusals.length > 0 }
}

function isWhole({ contiguous, mined, waiting, paidOnce, arrivals, sentAgain }: Burst): boolean {
  return (
    contiguous && waiting === 0 && [mined, paidOnce, arrivals, sentAgain].every((count) => count === 2_000)
  )
}

/** The ways take turns, so that a batch has some of each. */
function everyPoint(points: readonly (readonly string[])[], round: number): readonly Kill[] {
  const most = Math.max(...points.map(({ length }) => length))
  return Array.from({ length: most }, (_, index) => index + 1).flatMap((at) =>
    ways.flatMap((way, index): Kill[] => {
      if (at > (points[index]?.length ?? 0)) return []
      return [{ ...way, at, again: (at + round) % 2 === 0 ? 'at once' : 'afterwards' }]
    }),
  )
}

function batchesOf(kills: readonly Kill[]): readonly (readonly Kill[])[] {
  return Array.from({ length: Math.ceil(kills.length / IN_A_BATCH) }, (_, index) =>
    kills.slice(index * IN_A_BATCH, (index + 1) * IN_A_BATCH),
  )
}
