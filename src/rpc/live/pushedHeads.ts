import type { HeadBlock } from './blocks.ts'
import type { NoticeSource } from './socketConduct.ts'

/** How much faster than its block time a chain may seem to grow: blocks come in bursts, and clocks differ. */
const HASTE = 5
/** Blocks that may come at once: after a reconnect, with a reorganisation, from a chain that has caught up. */
const SLACK_BLOCKS = 50
/** Looks at the endpoints, a while apart, in which they know nothing of a block, before it counts as invented. */
const LOOKS_BEFORE_DOUBT = 2

/** What becomes of a pushed head. `ask`: only the endpoints can tell. `dropped`: its connection was ended for it. */
export type Hearing = 'take' | 'ask' | 'ignore' | 'dropped'

interface Pushed {
  readonly block: HeadBlock
  readonly source: NoticeSource
}

/**
 * Which pushed heads are followed at a socket's word. A push is a hint where to look and never proof, but each one
 * that is followed empties what is shown from the cache and wakes everybody who waits (T12). So a socket has no more of
 * them than the chain can have: what comes faster is not followed, and one look at the endpoints, once a while, tells
 * where the chain is. For an honest burst that is a little late, and nothing is lost. When the endpoints do not know
 * such a head a while later either it was invented, and the socket goes by what it pushes then.
 */
export class PushedHeads {
  readonly #msPerBlock: number
  readonly #now: () => number
  #allowed = SLACK_BLOCKS
  #countedAt: number
  #announced: Pushed | undefined
  #taken: Pushed | undefined
  /** A head that the endpoints are asked about, and how often they did not know it. */
  #suspect: (Pushed & { readonly unknown: number }) | undefined
  /** The connection whose heads the endpoints do not know. */
  #doubted: NoticeSource | undefined
  /** No head is taken before: the last one led nowhere, and a look follows. */
  #deafUntil = 0

  constructor(blockTimeMs: number, now: () => number = () => performance.now()) {
    this.#msPerBlock = blockTimeMs / HASTE
    this.#now = now
    this.#countedAt = now()
  }

  /** Whether one waits to be taken. */
  get waiting(): boolean {
    return this.#announced !== undefined
  }

  /** The hash of the head that the endpoints are to be asked about. */
  get suspect(): string | undefined {
    return this.#suspect?.block.hash
  }

  hear(block: HeadBlock, source: NoticeSource, newest: HeadBlock | undefined): Hearing {
    const known = this.#announced?.block ?? newest
    if (block.hash === known?.hash) return 'ignore'
    const isDeaf = this.#now() < this.#deafUntil
    if (!isDeaf && this.#allows(block, known)) {
      this.#announced = { block, source }
      return 'take'
    }
    if (this.#doubted === source && this.#blame(source)) return 'dropped'
    if (isDeaf) return 'ignore'
    this.#suspect ??= { block, source, unknown: 0 }
    return 'ask'
  }

  /** The newest of those that are followed, once. */
  take(): HeadBlock | undefined {
    const announced = this.#announced
    if (!announced) return undefined
    this.#announced = undefined
    this.#taken = announced
    return announced.block
  }

  /** The head that was taken last could not be joined to the chain: nothing more is taken for so long. */
  ledNowhere(ms: number): void {
    this.#deafUntil = this.#now() + ms
    this.#announced = undefined
    if (this.#taken) this.#suspect ??= { ...this.#taken, unknown: 0 }
  }

  /** Whether the endpoints know the suspect. */
  answered(isKnown: boolean): void {
    const suspect = this.#suspect
    if (!suspect) return
    const unknown = isKnown ? 0 : suspect.unknown + 1
    if (isKnown && this.#doubted === suspect.source) this.#doubted = undefined
    if (unknown >= LOOKS_BEFORE_DOUBT) this.#doubted = suspect.source
    this.#suspect = unknown % LOOKS_BEFORE_DOUBT === 0 ? undefined : { ...suspect, unknown }
  }

  /** The endpoints have another block in the place of this one. Whether a connection was ended for it. */
  refuted(hash: string): boolean {
    return this.#taken?.block.hash === hash && this.#blame(this.#taken.source)
  }

  /** A head that is not above the known one costs a block as well: branches can be invented like heights. */
  #allows({ number }: HeadBlock, known: HeadBlock | undefined): boolean {
    const now = this.#now()
    this.#allowed = Math.min(SLACK_BLOCKS, this.#allowed + (now - this.#countedAt) / this.#msPerBlock)
    this.#countedAt = now
    const cost = Math.max(1, known ? Number(number - known.number) : 1)
    if (cost > this.#allowed) return false
    this.#allowed -= cost
    return true
  }

  #blame(source: NoticeSource): boolean {
    return source.fault('invented', 'it pushes blocks that the endpoints do not know')
  }
}
