import { BursarError } from '../../errors/bursarError.ts'
import { canonicalJson } from '../../primitives/json.ts'
import type { IntentRow } from '../../store/schema.ts'

/** Throws `idempotency_conflict` naming the arguments that differ (T22). */
export function requireSameArguments(intent: IntentRow, args: string): void {
  if (intent.arguments === args) return
  const [before, now] = [intent.arguments, args].map((text) => JSON.parse(text) as Record<string, unknown>)
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(now ?? {})])
  const differs = [...names].filter(
    (name) => canonicalJson(before?.[name] ?? null) !== canonicalJson(now?.[name] ?? null),
  )
  throw new BursarError(
    'idempotency_conflict',
    { key: intent.idempotency_key, intentId: intent.id, differs: differs.sort() },
    { chain: intent.chain },
  )
}
