import type { Engine } from '../../../support/engine.ts'

type Method = (...args: unknown[]) => Promise<unknown>

const forEver = () => new Promise<never>(() => undefined)

/**
 * Where an engine touches the journal and the network it passes a gate, right before and right after. At a chosen
 * point the gate closes: for ever, as kill -9 ends a process there, or until it is opened, as SIGSTOP and SIGCONT do.
 */
export class Gate {
  #left = 0
  #closesFor: 'ever' | 'a while' = 'ever'
  #closed = false
  #dead = false
  #passers: (() => void)[] = []
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #watchers = new Set<() => void>()

  get isClosed(): boolean {
    return this.#closed
  }

  /** Puts it into the path of an engine that was just made. */
  guard({ journal, broadcaster }: Pick<Engine, 'journal' | 'broadcaster'>): void {
    this.#wrap(journal, 'transact')
    this.#wrap(journal, 'read')
    this.#wrap(broadcaster, 'broadcast')
  }

  /** The gate closes at the `point`-th time that somebody passes from now on. */
  arm(point: number, closesFor: 'ever' | 'a while'): void {
    this.#left = point
    this.#closesFor = closesFor
  }

  /** It closes no more; one that is closed stays so. */
  disarm(): void {
    this.#left = 0
  }

  close(closesFor: 'ever' | 'a while'): void {
    this.#left = 0
    this.#closed = true
    this.#dead ||= closesFor === 'ever'
    for (const told of [...this.#watchers]) told()
  }

  /** Whoever waits goes on, unless it is closed for ever. */
  open(): void {
    if (this.#dead) return
    this.#closed = false
    for (const pass of this.#passers.splice(0)) pass()
  }

  /** Resolves with the work's own end, or when the gate has closed; its end is the caller's to await then. */
  whileOpen<T>(work: Promise<T>): Promise<T | 'closed'> {
    return new Promise((resolve, reject) => {
      const told = () => {
        this.#watchers.delete(told)
        resolve('closed')
      }
      if (this.#closed) return told()
      this.#watchers.add(told)
      work.then(resolve, reject).finally(() => this.#watchers.delete(told))
    })
  }

  /** Resolves when nothing is being written or sent any more. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  async #pass(): Promise<void> {
    if (this.#left > 0 && --this.#left === 0) this.close(this.#closesFor)
    if (this.#dead) await forEver()
    if (this.#closed) await new Promise<void>((resolve) => this.#passers.push(resolve))
  }

  #wrap(target: object, name: string): void {
    const original = Reflect.get(target, name) as Method
    Reflect.set(target, name, async (...args: unknown[]) => {
      await this.#pass()
      const work = original.apply(target, args)
      this.#underWay.add(work)
      try {
        return await work
      } finally {
        this.#underWay.delete(work)
        await this.#pass()
      }
    })
  }
}
