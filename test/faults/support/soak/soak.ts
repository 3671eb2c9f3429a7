import fc from 'fast-check'
import { type Command, commandNames, scheduleOf, schedules } from './commands.ts'
import { replayAll } from './others.ts'
import { Schedule } from './schedule.ts'
import { settle } from './settle.ts'
import { CONFIRMATIONS, Stage } from './stage.ts'
import { type Findings, Verdict } from './verdict.ts'

/** How often something happened. */
export type Counts = Record<string, number>

/** What came of some schedules, added up. */
export interface Totals {
  schedules: number
  /** Commands that did something. */
  readonly did: Counts
  /** Commands that came at a moment at which they could do nothing, or were refused. */
  readonly idle: Counts
  readonly ends: Counts
  readonly events: Counts
  readonly refused: Counts
}

export const noTotals = (): Totals => ({ schedules: 0, did: {}, idle: {}, ends: {}, events: {}, refused: {} })

/** Adds what one process counted to what others did. */
export function addTotals(sum: Totals, more: Totals): void {
  sum.schedules += more.schedules
  for (const part of ['did', 'idle', 'ends', 'events', 'refused'] as const) {
    for (const [what, times] of Object.entries(more[part])) count(sum[part], what, times)
  }
}

/** Commands that never did anything: nothing was tried with them. */
export const neverDid = ({ did }: Totals): readonly string[] => commandNames.filter((name) => !did[name])

/** The first schedule that broke a rule. */
export interface Failure {
  readonly seed: number
  readonly wrong: readonly string[]
  /** The shortest sequence found that breaks one as well. */
  readonly shortest: readonly Command[]
  readonly wrongThen: readonly string[]
}

export interface SoakOptions {
  /** One schedule each. */
  readonly seeds: Iterable<number>
  /** Told after each one. */
  readonly progress?: (totals: Totals) => Promise<void>
}

const SHRINKING_MS = 60_000

/** Runs schedules one after the other until one breaks a rule. */
export async function soak({ seeds, progress }: SoakOptions): Promise<{ totals: Totals; failure?: Failure }> {
  const totals = noTotals()
  const stage = await Stage.open()
  const verdict = new Verdict()
  try {
    for (const seed of seeds) {
      const findings = await runOne(stage, verdict, `${seed}`, scheduleOf(seed), totals)
      if (findings.wrong.length > 0) return { totals, failure: await shrink(seed, findings.wrong) }
      await progress?.(totals)
    }
    return { totals }
  } finally {
    await stage.close()
  }
}

/** The commands in turn, then everything is brought to its end, and one more payment is made. */
async function runOne(
  stage: Stage,
  verdict: Verdict,
  name: string,
  commands: readonly Command[],
  totals: Totals,
): Promise<Findings> {
  const schedule = new Schedule(stage, await stage.begin(name))
  for (const command of commands) count((await schedule.run(command)) ? totals.did : totals.idle, command.do)
  const stuck = [...(await settle(schedule))]
  // Nothing that is out there can make what was told come true a second time, or otherwise.
  await replayAll(schedule)
  await schedule.mine(1)
  // What another program left in the pool is none of ours.
  await stage.lane.ask('anvil_dropAllTransactions')
  await schedule.pay('second', 'native')
  await schedule.mine(CONFIRMATIONS)
  stuck.push(...(await settle(schedule)))
  const findings = await verdict.of(schedule)
  const wrong = [...schedule.wrong, ...findings.wrong, ...stuck.map((id) => `wedged: ${id} does not end`)]
  const last = schedule.asked.at(-1)
  if (!(await isCommitted(schedule))) wrong.push(`wedged: the next payment (${last?.key}) was not made`)
  totals.schedules++
  for (const end of findings.ends) count(totals.ends, end)
  for (const [event, times] of findings.events) count(totals.events, event, times)
  for (const code of schedule.refused) count(totals.refused, code)
  return { ...findings, wrong }
}

async function isCommitted({ asked, stage }: Schedule): Promise<boolean> {
  const operationId = asked.at(-1)?.operationId
  if (operationId === undefined) return false
  return (await stage.process('second').engine.get(operationId)).state === 'committed'
}

function count(counts: Counts, what: string, times = 1): void {
  counts[what] = (counts[what] ?? 0) + times
}

/** Looks for a shorter sequence that breaks a rule, on a stage of its own for each. */
async function shrink(seed: number, wrong: readonly string[]): Promise<Failure> {
  let shortest = scheduleOf(seed)
  let wrongThen: readonly string[] = []
  let runs = 0
  const breaks = fc.asyncProperty(schedules, async (commands) => {
    const stage = await Stage.open()
    try {
      const found = await runOne(stage, new Verdict(), `${seed} ${runs++}`, commands, noTotals())
      if (found.wrong.length === 0) return true
      shortest = commands
      wrongThen = found.wrong
      return false
    } finally {
      await stage.close()
    }
  })
  await fc.check(breaks, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINKING_MS })
  return { seed, wrong, shortest, wrongThen }
}
