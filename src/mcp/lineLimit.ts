import { Transform, type TransformCallback } from 'node:stream'

export interface LineLimitOptions {
  /** Longest line that passes, in bytes, without its newline. */
  readonly maxBytes: number
  /** Told about each line that was dropped: its first and last bytes and its length. */
  readonly onDropped: (dropped: DroppedLine) => void
}

export interface DroppedLine {
  readonly head: string
  readonly tail: string
  readonly bytes: number
}

const NEWLINE = 0x0a
const EDGE = 512

/**
 * Passes complete lines on, one chunk a line, and drops lines that are too long while they arrive, so that
 * no sender can make the reader behind hold more than `maxBytes` (T34) or lose the connection over it.
 */
export class LineLimit extends Transform {
  readonly #options: LineLimitOptions
  #parts: Buffer[] = []
  #held = 0
  /** Set while a line that is too long goes by. */
  #dropping: { head: Buffer; tail: Buffer; bytes: number } | undefined

  constructor(options: LineLimitOptions) {
    super()
    this.#options = options
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, at))
      this.#endLine()
      from = at + 1
    }
    this.#take(chunk.subarray(from))
    done()
  }

  #take(part: Buffer): void {
    if (part.length === 0) return
    if (this.#dropping) {
      const { head, tail, bytes } = this.#dropping
      const last = Buffer.concat([tail, part.subarray(-EDGE)]).subarray(-EDGE)
      this.#dropping = { head, tail: last, bytes: bytes + part.length }
      return
    }
    this.#parts.push(part)
    this.#held += part.length
    if (this.#held <= this.#options.maxBytes) return
    const line = Buffer.concat(this.#parts)
    // Copies, because a slice would keep the whole line in memory.
    const head = Buffer.from(line.subarray(0, EDGE))
    this.#dropping = { head, tail: Buffer.from(line.subarray(-EDGE)), bytes: this.#held }
    this.#reset()
  }

  #endLine(): void {
    if (this.#dropping) {
      const { head, tail, bytes } = this.#dropping
      this.#dropping = undefined
      this.#options.onDropped({ head: head.toString(), tail: tail.toString(), bytes })
      return
    }
    this.push(Buffer.concat([...this.#parts, Buffer.of(NEWLINE)]))
    this.#reset()
  }

  #reset(): void {
    this.#parts = []
    this.#held = 0
  }
}
