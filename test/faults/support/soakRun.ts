import { crashPrograms } from './programs.ts'
import { addTotals, type Failure, neverDid, noTotals, type Totals } from './soak/soak.ts'
import { ENDS } from './soak/verdict.ts'
import type { Memory, Said } from './soaker.ts'

/** The machine has two cores. */
const WORKERS = 2

/**
 * Memory is flat when what a process still uses after a full garbage collection is at most a tenth and 4 MB more in
 * the end than after a tenth of its schedules, by when everything that is made once was made; and when what it takes of
 * the machine, which follows the rhythm of its garbage, is at most a tenth and 16 MB more than at half time.
 */
const isFlat = ([tenth, half, end]: readonly Memory[]) =>
  tenth !== undefined &&
  half !== undefined &&
  end !== undefined &&
  end.heap <= 1.1 * tenth.heap + 4 &&
  end.resident <= 1.1 * half.resident + 16

/** With fewer, neither memory nor what happened is judged: one schedule that is looked at again shows neither. */
const ENOUGH = 1_000

/** What must have happened at least once, else nothing was proven about it. */
const EVENTS = [
  ...['step.included', 'step.reorganised', 'step.dropped', 'step.unknown', 'step.reverted'],
  ...['step.abandoned', 'step.replaced', 'intent.renewed'],
]

export interface SoakResult {
  readonly lines: readonly string[]
  readonly ok: boolean
}

/** Runs that many schedules in several processes. Says how far it has come. */
export async function soakRun(
  schedules: number,
  firstSeed: number,
  say: (line: string) => void,
): Promise<SoakResult> {
  const programs = await crashPrograms()
  try {
    const done = Array.from({ length: WORKERS }, () => 0)
    const workers = await Promise.all(
      done.map(async (_, worker) => {
        const count = Math.floor(schedules / WORKERS) + (worker < schedules % WORKERS ? 1 : 0)
        const said: Said[] = []
        const hear = (line: string) => {
          const one = JSON.parse(line) as Said
          said.push(one)
          done[worker] = one.totals.schedules
          say(`${done.reduce((sum, n) => sum + n, 0)} of ${schedules}`)
        }
        await programs.watch(hear, 'soaker', `${firstSeed + worker}`, `${WORKERS}`, `${count}`)
        return said
      }),
    )
    return verdictOf(workers, schedules)
  } finally {
    programs.remove()
  }
}

function verdictOf(workers: readonly (readonly Said[])[], schedules: number): SoakResult {
  const totals = noTotals()
  for (const said of workers) addTotals(totals, said.at(-1)?.totals ?? noTotals())
  const failures = workers.flat().flatMap(({ failure }) => failure ?? [])
  const missing = [
    ...neverDid(totals).map((name) => `no "${name}" did anything`),
    ...ENDS.filter((end) => !totals.ends[end]).map((end) => `nothing ended as "${end}"`),
    ...EVENTS.filter((event) => !totals.events[event]).map((event) => `no "${event}"`),
  ]
  const memories = workers.map((said) => said.flatMap(({ memory }) => memory ?? []))
  const flat = memories.every(isFlat)
  const enough = schedules < ENOUGH || (missing.length === 0 && flat)
  return {
    lines: [
      ...describe(totals),
      ...memories.map((memory, worker) => `memory of process ${worker + 1}: ${memoryLine(memory)}`),
      `memory ${flat ? 'flat' : 'not flat'}`,
      ...missing,
      ...failures.flatMap(failureLines),
      `schedules ${totals.schedules} of ${schedules}, rules broken in ${failures.length}`,
    ],
    ok: failures.length === 0 && enough && totals.schedules === schedules,
  }
}

const memoryLine = (memory: readonly Memory[]) =>
  ['10 %', '50 %', '100 %']
    .map((at, index) => `${at} heap ${memory[index]?.heap} MB, resident ${memory[index]?.resident} MB`)
    .join('; ')

function describe(totals: Totals): readonly string[] {
  return (['did', 'idle', 'ends', 'events', 'refused'] as const).map((part) => {
    const counts = Object.entries(totals[part]).sort(([, x], [, y]) => y - x)
    return `${part}: ${counts.map(([what, times]) => `${what} ${times}`).join(', ')}`
  })
}

function failureLines({ seed, wrong, shortest, wrongThen }: Failure): readonly string[] {
  return [
    `seed ${seed}:`,
    ...wrong.map((line) => `  ${line}`),
    `  shortest: ${JSON.stringify(shortest)}`,
    ...wrongThen.map((line) => `  ${line}`),
  ]
}
