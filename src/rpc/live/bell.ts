const MAX_TIMER_MS = 2 ** 31 - 1

/** Wakes one waiter. A ring that comes while nobody waits is kept, so that none is lost between look and wait. */
export class Bell {
  #rung = false
  #waiter: (() => void) | undefined

  readonly ring = (): void => {
    this.#rung = true
    this.#waiter?.()
  }

  /** Resolves at the next ring, after `ms`, or when the signal aborts. */
  async heard(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted && ms > 0) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          resolve()
        }
        // Whoever waits for a ring is background: it does not keep a process that has nothing else to do.
        const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS)).unref()
        signal.addEventListener('abort', done)
        this.#waiter = done
      })
      this.#waiter = undefined
    }
    this.#rung = false
  }
}
