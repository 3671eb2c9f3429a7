import { compiled, type Values } from '../database/compiled.ts'
import type { AttemptRow } from '../schema.ts'

// What a transition of a step does to its attempts, its nonce and what it holds.

export const setAttempt = compiled((db, value: Values<Pick<AttemptRow, 'id' | 'state'>>) =>
  db
    .updateTable('attempts')
    .set({ state: value('state') })
    .where('id', '=', value('id')),
)

/** Exactly one of them counts. */
export const markIncluded = compiled((db, value: Values<{ stepId: string; id: string }>) =>
  db
    .updateTable('attempts')
    .set(({ eb }) => ({
      state: eb
        .case()
        .when('id', '=', value('id'))
        .then('included' as const)
        .else('superseded' as const)
        .end(),
    }))
    .where('step_id', '=', value('stepId')),
)

/** Any of them may be included again; the newest is what is sent. */
export const markReorganised = compiled((db, value: Values<{ stepId: string }>) =>
  db
    .updateTable('attempts')
    .set(({ eb }) => ({
      state: eb
        .case()
        .when('live', '=', 1)
        .then('sent' as const)
        .else('superseded' as const)
        .end(),
    }))
    .where('step_id', '=', value('stepId')),
)

export const setNonce = compiled(
  (db, value: Values<{ stepId: string; state: 'sent' | 'mined'; now: string }>) =>
    db
      .updateTable('nonces')
      .set({ state: value('state'), updated_at: value('now') })
      .where('step_id', '=', value('stepId')),
)

export const setReservations = compiled(
  (db, value: Values<{ stepId: string; state: 'held' | 'settled' | 'released' }>) =>
    db
      .updateTable('reservations')
      .set({ state: value('state') })
      .where('step_id', '=', value('stepId')),
)
