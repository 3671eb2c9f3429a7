import type { ChainAdapter } from './adapter.ts'
import type { Chain } from './types.ts'

/** Heads of a chain, as they are pushed. */
export interface HeadWatch {
  /** Whether they are pushed now: then there is no need to look for them. */
  pushed(): boolean
  stop(): void
}

/** The chains that can be used now, each with its adapter. */
export interface ChainDirectory {
  /** Every chain that is known, configured or not. */
  known(): readonly Chain[]
  /** The chain of an id or alias; throws `chain_unknown`. Asks no endpoint. */
  resolve(text: string): Chain
  /** Its adapter; throws `chain_not_configured`. Waits for the sandbox when the chain is part of it. */
  adapter(text: string): Promise<ChainAdapter>
  /** Calls `moved` when the end of the chain has moved; undefined where nothing can be pushed. */
  watch(chain: string, moved: () => void): Promise<HeadWatch | undefined>
  /** The chains that have endpoints, or will have them once the sandbox is up. */
  configured(): readonly Chain[]
}
