import Database from 'libsql'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import type { Engine } from './engine.ts'

/** Approves an intent as a person does who has looked at it. */
export async function approveAs({ people }: Engine, intentId: string) {
  const { digest, planDigest } = await people.show(intentId)
  return people.approve({ intentId, digest, planDigest })
}

/** Changes the journal as somebody does who can write its file. */
export function writeJournal(path: string, sql: string): void {
  const db = new Database(path, { timeout: 5_000 })
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

/** Of a call that must be refused; all is undefined when it was not. */
export async function refusalOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as { code: ErrorCode; message: string; sideEffect: string },
  )
  return { code: error?.code, message: error?.message, sideEffect: error?.sideEffect }
}
