import { writeSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { getAddress } from 'viem'
import { type Failure, soak, type Totals } from './soak/soak.ts'

/** Megabytes. */
export interface Memory {
  /** Still used after a full garbage collection. */
  readonly heap: number
  readonly resident: number
}

/** One line of JSON each. */
export interface Said {
  readonly totals: Totals
  /** Where it is measured: after a tenth, after a half, and in the end. */
  readonly memory?: Memory
  readonly failure?: Failure
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

// Run as a process of its own: runs schedules with the seeds from the first one on, `step` apart, and says how far it
// has come. Arguments: the first seed, the step, how many schedules.
const [first = 0, step = 1, count = 0] = process.argv.slice(2).map(Number)
const measured = new Set([0.1, 0.5, 1].map((part) => Math.round(part * count)))
const told = Math.max(Math.round(count / 20), 1)
const say = (said: Said) => writeSync(1, `${JSON.stringify(said)}\n`)

/** As many as viem remembers the spelling of: filled up only half-way through, that would look like growth. */
const REMEMBERED_ADDRESSES = 8_192
for (let index = 0; index < REMEMBERED_ADDRESSES; index++)
  getAddress(`0x${index.toString(16).padStart(40, '0')}`)

async function measure(): Promise<Memory> {
  // What is freed by finalizers is freed a turn later.
  for (let times = 0; times < 3; times++) {
    collect()
    await new Promise(setImmediate)
  }
  const { heapUsed, rss } = process.memoryUsage()
  const inMegabytes = (bytes: number) => Math.round(bytes / 104_857.6) / 10
  return { heap: inMegabytes(heapUsed), resident: inMegabytes(rss) }
}

const { totals, failure } = await soak({
  seeds: Array.from({ length: count }, (_, index) => first + index * step),
  async progress(sofar) {
    if (measured.has(sofar.schedules)) say({ totals: sofar, memory: await measure() })
    else if (sofar.schedules % told === 0) say({ totals: sofar })
  },
})
if (failure) say({ totals, failure })
process.exit(0)
