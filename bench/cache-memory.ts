import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import NodeCache from 'node-cache'
import { lruNodeCache } from '../src/rpc/cache/lruNodeCache.ts'
import { type Figures, line, round } from './support/figures.ts'

const KEYS = 1_000_000
/** As the server has it. */
const BOUND = 20_000
const MEGABYTE = 1_048_576

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What stays in memory after a million distinct questions: the bounded cache, and node-cache as it comes. */
export async function run(): Promise<Figures> {
  const bounded = lruNodeCache(BOUND)
  const ours = fill((key, value) => bounded.set(key, value, 3_600_000))
  const { size, evictions } = bounded.stats()
  bounded.close()
  const plain = new NodeCache({ useClones: false, checkperiod: 0 })
  const unbounded = fill((key, value) => plain.set(key, value, 3_600))
  plain.close()
  line(`${KEYS} distinct keys`, 'kept', 'heap', 'a key')
  const row = (name: string, kept: number, { bytes, microseconds }: Filled) =>
    line(name, String(kept), `${(bytes / MEGABYTE).toFixed(0)} MB`, `${microseconds.toFixed(2)} µs`)
  row(`bounded at ${BOUND}`, size, ours)
  row('node-cache alone', KEYS, unbounded)
  return {
    keys: KEYS,
    kept: size,
    evictions,
    megabytes: round(ours.bytes / MEGABYTE),
    microsecondsPerKey: round(ours.microseconds),
    memoryToUnbounded: round(ours.bytes / unbounded.bytes),
    timeToUnbounded: round(ours.microseconds / unbounded.microseconds),
  }
}

interface Filled {
  readonly bytes: number
  readonly microseconds: number
}

function fill(set: (key: string, value: unknown) => void): Filled {
  collect()
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  for (let index = 0; index < KEYS; index++) {
    const word = index.toString(16).padStart(64, '0')
    set(`eip155:1 7 [["eth_getBalance",["0x${word.slice(24)}","latest"]]]`, [
      { ok: true, result: `0x${word}` },
    ])
  }
  const microseconds = ((performance.now() - started) * 1_000) / KEYS
  collect()
  return { bytes: process.memoryUsage().heapUsed - before, microseconds }
}
