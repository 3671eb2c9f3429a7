import {
  type Decision,
  type FlagName,
  type FlagSubject,
  type Flags,
  flagCatalogue,
  type Variant,
  variantOf,
} from '../../primitives/flags.ts'
import type { Logger } from '../../primitives/logger.ts'
import { EVERY_FLAG, type FlagState, type FlagStore } from './flags.ts'

/** A second at most passes until every process goes by what was set; reading takes some of it. */
const FRESH_MS = 500

interface Options {
  readonly store: Pick<FlagStore, 'state'>
  readonly logger: Logger
  /** Milliseconds of a clock that nobody sets back. */
  readonly elapsed?: () => number
}

/** Flags as a server goes by them. What cannot be read is at its safe value, never at what it was. */
export class CurrentFlags implements Flags {
  readonly #options: Required<Options>
  #known: { readonly state: Promise<FlagState>; readonly at: number } | undefined

  constructor(options: Options) {
    this.#options = { elapsed: () => performance.now(), ...options }
  }

  async decide<F extends FlagName>(flag: F, subject: FlagSubject): Promise<Decision<F>> {
    const spec = flagCatalogue[flag]
    const as = (variant: string, ruled: boolean) => ({ variant: variant as Variant<F>, ruled })
    try {
      const { rules, stopped } = await this.#state()
      if (stopped.has(flag) || stopped.has(EVERY_FLAG)) return as(spec.off, false)
      const rule = rules[flag]
      return rule ? as(variantOf(flag, rule, subject), true) : as(spec.usual, false)
    } catch (error) {
      this.#options.logger.warn('a flag could not be read', { flag, cause: String(error) })
      return as(spec.unread, false)
    }
  }

  #state(): Promise<FlagState> {
    const { store, elapsed } = this.#options
    const now = elapsed()
    if (this.#known && now - this.#known.at < FRESH_MS) return this.#known.state
    const known = { state: store.state(), at: now }
    this.#known = known
    known.state.catch(() => {
      if (this.#known === known) this.#known = undefined
    })
    return known.state
  }
}
