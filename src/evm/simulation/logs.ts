import { BursarError } from '../../errors/bursarError.ts'
import { checksum } from '../address.ts'
import { asHex, asList, asObject } from '../quantity.ts'
import type { RawLog } from './execution.ts'

/** More than any payment makes, and few enough to be judged one by one. */
const MAX_EVENTS = 2_000

/** The logs of an answer. Throws `effects_too_many`. */
export function parseLogs(value: unknown, host: string): readonly RawLog[] {
  const logs = asList(value, 'logs', host)
  requireJudgeable(logs.length)
  return logs.map((log) => parseLog(log, host))
}

export function parseLog(value: unknown, host: string): RawLog {
  const log = asObject(value, 'a log', host)
  return {
    address: checksum(asHex(log['address'], 'log address', host)),
    topics: asList(log['topics'], 'log topics', host).map((topic) => asHex(topic, 'log topic', host)),
    data: asHex(log['data'], 'log data', host),
  }
}

/** Throws `effects_too_many`: half of what a transaction does is not judged, and a stranger decides how much it is. */
export function requireJudgeable(found: number, what = 'events', limit = MAX_EVENTS): void {
  if (found > limit) {
    throw new BursarError('effects_too_many', { found: `${found} ${what}`, limit: String(limit) })
  }
}
