import type { Hex } from 'viem'
import { FINDINGS, type FindingCode } from '../../src/primitives/findings.ts'
import { type Engine, startEngine, startWorld, type World } from './engine.ts'
import { compile, tokenAt } from './tokens.ts'

/** What payloads look like to an engine that denies none of them: every code is allowed. */
export interface Looks {
  readonly world: World
  readonly engine: Engine
  /** Puts the contract `Subject` of this Solidity on the chain, with these words in its storage. */
  install(source: string, storage?: Readonly<Record<string, string>>): Promise<Hex>
  /** Effects as `kind from>to amount`, and findings as `code severity`, with their details. */
  at(request: object): Promise<Look>
  stop(): Promise<void>
}

export interface Look {
  readonly found: readonly string[]
  readonly details: readonly string[]
  readonly effects: readonly {
    readonly kind: string
    readonly from: string
    readonly to: string
    readonly amount: { readonly raw: string; readonly asset: string }
  }[]
}

/** Told of every payment that is the first or a large one, which is not what is tested here. */
const OF_THE_PAYMENT: readonly FindingCode[] = ['first-recipient', 'large-share']

export async function startLooks(): Promise<Looks> {
  const world = await startWorld()
  const engine = startEngine({ lanes: [world.a], findingsAllowed: Object.keys(FINDINGS) as FindingCode[] })
  let count = 0
  return {
    world,
    engine,
    async install(source, storage = {}) {
      const at = tokenAt(500 + count++)
      await world.a.ask('anvil_setCode', at, compile(source))
      for (const [slot, word] of Object.entries(storage))
        await world.a.ask('anvil_setStorageAt', at, slot, word)
      return at
    },
    async at(request) {
      const { simulation } = await engine.prepare({ ...request, idempotencyKey: `look ${count++}` })
      const findings = (simulation.findings ?? []).filter(
        ({ code }) => !OF_THE_PAYMENT.includes(code as FindingCode),
      )
      return {
        found: findings.map(({ code, severity }) => `${code} ${severity}`),
        details: findings.map(({ detail }) => detail),
        effects: simulation.effects as Look['effects'],
      }
    },
    async stop() {
      await engine.stop()
      await world.stop()
    },
  }
}

/** A word of storage that holds an address. */
export const wordOf = (address: string): Hex => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`
