import { type Clock, monotonicClock } from '../../primitives/clock.ts'
import type { UntrustedText } from '../../primitives/untrusted.ts'
import { type EvmSimulator, SimulatorAway } from './execution.ts'

/** What an endpoint does not offer it may offer after an upgrade: so long it is not asked again. */
const LASTING_MS = 600_000

/** Simulators in the order in which they are asked, and which of them cannot be used now. */
export class Simulators {
  readonly #all: readonly EvmSimulator[]
  readonly #away = new Map<EvmSimulator, { readonly reason: string; readonly until: number }>()
  readonly #clock: Clock

  constructor(all: readonly EvmSimulator[], clock: Clock = monotonicClock) {
    this.#all = all
    this.#clock = clock
  }

  /** The one that would be asked first, and why not those before it. */
  get first(): { readonly simulator: EvmSimulator | undefined; readonly skipped: readonly string[] } {
    const at = this.#all.findIndex((each) => this.#reasonFor(each) === undefined)
    const before = at < 0 ? this.#all : this.#all.slice(0, at)
    return { simulator: this.#all[at], skipped: before.flatMap((each) => this.#reasonFor(each) ?? []) }
  }

  /**
   * What the first one that can tell does; with whom that was, and why not those before. Undefined when none can:
   * then `skipped` says why.
   */
  async ask<T>(look: (simulator: EvmSimulator) => Promise<T>): Promise<{
    readonly found?: { readonly by: EvmSimulator; readonly value: T }
    readonly skipped: readonly string[]
    /** What one of those before said of it, in its own words. */
    readonly quoted?: UntrustedText
  }> {
    const skipped: string[] = []
    let quoted: UntrustedText | undefined
    for (const simulator of this.#all) {
      const known = this.#reasonFor(simulator)
      if (known !== undefined) {
        skipped.push(known)
        continue
      }
      try {
        return { found: { by: simulator, value: await look(simulator) }, skipped }
      } catch (error) {
        if (!(error instanceof SimulatorAway)) throw error
        const reason = `${simulator.name}: ${error.message}`
        if (error.lasting) this.#away.set(simulator, { reason, until: this.#clock.now() + LASTING_MS })
        skipped.push(reason)
        quoted ??= error.quoted
      }
    }
    return { skipped, ...(quoted && { quoted }) }
  }

  #reasonFor(simulator: EvmSimulator): string | undefined {
    const away = this.#away.get(simulator)
    if (away === undefined) return undefined
    if (this.#clock.now() < away.until) return away.reason
    this.#away.delete(simulator)
    return undefined
  }
}
