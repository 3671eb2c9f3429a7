import { hash } from 'node:crypto'
import type { IntentRow } from '../../store/schema.ts'

/**
 * SHA-256 over everything that was prepared and shown, 0x and 64 hex digits. An intent's own digest is over what will be
 * signed only: a person has also looked at what that does.
 */
export function planDigestOf({ plan }: Pick<IntentRow, 'plan'>): string {
  return `0x${hash('sha256', plan)}`
}
