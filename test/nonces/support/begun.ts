import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../src/primitives/clock.ts'
import { IntentStore } from '../../../src/store/intents.ts'
import { Journal } from '../../../src/store/journal.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import type { AttemptRow, StepRow } from '../../../src/store/schema.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { fromTheStart, uncounted } from '../../support/ledger.ts'

export const LANE = { chain: 'eip155:31337', account: '0xA' } as const

/** A journal in a folder of its own. */
export interface JournalFile {
  readonly path: string
  /** Another process has another one on the same file. */
  open(clock?: Clock): Journal
  remove(): Promise<void>
}

export function journalFile(): JournalFile {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-nonces-'))
  const path = join(folder, 'journal.db')
  const opened: Journal[] = []
  return {
    path,
    open(clock = systemClock) {
      const journal = new Journal(path, clock)
      opened.push(journal)
      return journal
    },
    async remove() {
      await Promise.all(opened.map((journal) => journal.close()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

let made = 0

/** A step that was begun and has no nonce. */
export async function begin(
  journal: Journal,
  lane: { chain: string; account: string } = LANE,
): Promise<StepRow> {
  const name = `${process.pid}-${made++}`
  const { intent } = await new IntentStore(journal).save({
    id: `int_${name}`,
    principal: 'local',
    idempotency_key: name,
    arguments: '{}',
    digest: '0x',
    ...lane,
    wallet: 'agent',
    plan: '{}',
    expires_at: '2099-01-01T00:00:00.000Z',
  })
  const operations = new OperationStore(journal)
  const step = {
    role: 'pivot' as const,
    recipient: '0x',
    payload: '{}',
    terms: '{}',
    outflow: '{}',
    receipt: '{}',
    reservations: [],
    ...uncounted,
  }
  const lease = { owner: 'test', until: '2099-01-01T00:00:00.000Z' }
  const { id } = await operations.begin(intent, lease, fromTheStart, () => [step])
  const row = (await operations.find(id))?.steps[0]?.step
  if (!row) throw new Error('a begun operation has its step')
  return row
}

export function beginMany(journal: Journal, count: number): Promise<readonly StepRow[]> {
  return Promise.all(Array.from({ length: count }, () => begin(journal)))
}

/** Bytes that nobody will send; they differ from step to step and from nonce to nonce. */
export function bytesOf(step: StepRow, nonce: bigint): { raw: string; hash: string } {
  return { raw: `0x02${step.id}${nonce}`, hash: `0x${step.id}-${nonce}` }
}

export function record(journal: Journal, step: StepRow, nonce: bigint): Promise<AttemptRow> {
  return new StepStore(journal).recordAttempt(step, nonce, bytesOf(step, nonce), { receipt: '{}' })
}

export const sorted = (nonces: readonly bigint[]) => [...nonces].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))

/** `from`, and the ones after it. */
export const row = (from: bigint, count: number) =>
  Array.from({ length: count }, (_, index) => from + BigInt(index))
