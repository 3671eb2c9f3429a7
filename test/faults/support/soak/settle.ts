import { replayAll } from './others.ts'
import { LEASES_OVER_MS, type Schedule } from './schedule.ts'
import { CONFIRMATIONS, type Process } from './stage.ts'

/** After so many blocks what is still running never ends. */
const MOST_ROUNDS = 30
/** Whoever has sent bytes a moment ago waits before it sends them again; another process need not. */
const FRESH_EVERY = 3

/**
 * Lifts every fault, then drives and mines until nothing of the schedule's account is running. Answers what still is.
 */
export async function settle(schedule: Schedule): Promise<readonly string[]> {
  const { stage } = schedule
  stage.liftFaults()
  await stage.setFee('lowest')
  await schedule.goOn()
  await stage.fund(1_000_000_000n)
  await replayAll(schedule)
  const second = stage.process('second')
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    stage.clock.advance(LEASES_OVER_MS)
    if (round % FRESH_EVERY === 0) await withFresh(schedule, (fresh) => look(schedule, fresh, 'all'))
    else await look(schedule, second, 'held')
    if ((await schedule.running(second)).length === 0) return []
    await schedule.mine(CONFIRMATIONS)
  }
  return schedule.running(second)
}

const look = (schedule: Schedule, process: Process, which: 'held' | 'all') =>
  schedule.attempt(process, 'drive', () => schedule.driveAll(process, which))

async function withFresh(schedule: Schedule, work: (fresh: Process) => Promise<unknown>): Promise<void> {
  const fresh = schedule.stage.fresh()
  try {
    await work(fresh)
  } finally {
    await fresh.engine.stop()
  }
}
