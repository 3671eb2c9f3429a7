import { present } from '../errors/presenter.ts'

export type Grade = 'ok' | 'warn' | 'fail'

/** What doctor has looked at. */
export interface Finding {
  readonly grade: Grade
  readonly what: string
  readonly fix?: string
}

export function broken(what: string, error: unknown): Finding {
  const { message, fix } = present(error, () => undefined)
  return { grade: 'fail', what: `${what}: ${message}`, fix }
}
