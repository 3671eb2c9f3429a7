import { BursarError } from '../../errors/bursarError.ts'

export interface Position {
  readonly createdAt: string
  readonly id: string
}

/** An opaque cursor of list_operations. */
export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt} ${id}`).toString('base64url')
}

/** Throws `cursor_invalid` on anything that `encodeCursor` did not write. */
export function decodeCursor(cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString()
  const [, createdAt, id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (op_[0-9a-f]{32})$/.exec(text) ?? []
  if (createdAt === undefined || id === undefined) throw new BursarError('cursor_invalid', {})
  return { createdAt, id }
}
