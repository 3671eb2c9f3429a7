import { type Finding, finding } from '../../primitives/findings.ts'
import type { Evidence } from './evidence.ts'

/** What could not be looked at: not to be taken for innocence. */
export function unseen({
  runsCode,
  reduced,
  touched = [],
  made,
  elsewhere,
  task,
}: Evidence): readonly Finding[] {
  if (!runsCode) return []
  if (reduced) {
    const words = 'no endpoint offers a simulation that shows what happens inside contracts'
    const others = touched.length === 0 ? '' : `; besides ${task.payload.to} it touches ${some(touched)}`
    return [finding('effects-unseen', `${words}${others}`)]
  }
  const missing = [
    ...(made ? [] : ['who calls whom inside (no endpoint traced it)']),
    ...(elsewhere ? [] : ['whether it does the same in another block']),
  ]
  if (missing.length === 0) return []
  const after = task.before.length > 0 ? ', since it runs after payments that wait' : ''
  return [finding('not-traced', `not looked at: ${missing.join('; ')}${after}`)]
}

const MOST_NAMED = 8

function some(addresses: readonly string[]): string {
  const more = addresses.length > MOST_NAMED ? ` and ${addresses.length - MOST_NAMED} more` : ''
  return `${addresses.slice(0, MOST_NAMED).join(', ')}${more}`
}
