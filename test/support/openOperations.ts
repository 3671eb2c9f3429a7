import { type Engine, type Lane, startEngine } from './engine.ts'

/** Ids of the operations that have not ended. */
export const openOperations = (engine: Engine): readonly string[] =>
  engine.rows(`select id from operations where state in ('running', 'stuck')`).map(({ id }) => String(id))

/**
 * Drives what has not ended as a process that has sent nothing yet, and need not wait before it sends again. More than
 * once, so that what has ended is followed by what comes next.
 */
export async function driveOpen(engine: Engine, lanes: readonly Lane[], times = 1): Promise<void> {
  const ids = openOperations(engine)
  const other = startEngine({ lanes, home: engine.home, clock: engine.clock })
  for (let time = 0; time < times; time++) for (const id of ids) await other.driver.drive(id)
  await other.stop()
}

/** Mines and drives so until all has ended, or one of them will not. */
export async function finishOpen(engine: Engine, lane: Lane): Promise<void> {
  for (let looks = 0; looks < 8 && openOperations(engine).length > 0; looks++) {
    await lane.mine(1)
    await driveOpen(engine, [lane])
  }
}
