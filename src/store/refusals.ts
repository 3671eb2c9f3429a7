import type { Journal } from './journal.ts'

/** What was asked and refused. Nothing of it is kept but a row of the audit log. */
export interface Refusal {
  readonly at: 'prepare' | 'replace' | 'send'
  readonly principal: string
  /** The caller's key, or the intent that was to be executed. */
  readonly reference: string
  readonly chain: string
  readonly wallet: string
  /** Code of the error. */
  readonly code: string
  /** Of the policy, where one spoke against it. */
  readonly rule?: string
}

/** Verdicts against a payment: those for one are told where it is recorded. */
export class RefusalStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  record({ reference, ...detail }: Refusal): Promise<void> {
    return this.#journal.transact(async (_tx, audit) =>
      audit({ event: 'verdict.refused', subject: reference, detail: { ...detail } }),
    )
  }
}
