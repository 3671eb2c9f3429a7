import { BursarError } from '../errors/bursarError.ts'
import type { BlockRef } from '../primitives/chainRef.ts'
import type { Finding } from '../primitives/findings.ts'
import { digestOf } from '../primitives/json.ts'
import type { FeeTerms, Payload, Rehearsal } from './adapter.ts'
import type { Route } from './routes.ts'
import type { Chain } from './types.ts'

/**
 * Proof that exactly this payload was simulated and passed (R1). The signer and the broadcaster each check it
 * against what they are about to use.
 */
export interface SimulationReceipt {
  /** SHA-256 over the canonical JSON of the payload. */
  readonly payloadDigest: string
  readonly chain: string
  readonly backend: string
  /** Simulators that were to be asked before, and why they could not tell. */
  readonly skipped: readonly string[]
  readonly block: BlockRef
  readonly gasUsed: string
  /** SHA-256 over everything that it does and that was found in it. */
  readonly effectsDigest: string
  /** Digest of the policy that judged it. */
  readonly policy: string
  readonly route: Route
  /** Private: number of the block from which on it may go to public endpoints as well; null: never. */
  readonly publicFrom: string | null
  /** ISO 8601. */
  readonly simulatedAt: string
  readonly expiresAt: string
  /** Not valid once the chain has passed this block. */
  readonly expiresAtBlock: string
  /** SHA-256 over all of the above: none of it can be changed by itself. */
  readonly seal: string
}

/** A simulation is good for signing for this long, in seconds and in the blocks that fit into it. */
const RECEIPT_SECONDS = 60

function payloadDigest(payload: Payload): string {
  return digestOf(payload)
}

export interface Judgement {
  /** Digest of the policy that judged it. */
  readonly policy: string
  readonly findings: readonly Finding[]
  /** Present when it may go by a private relay only. */
  readonly privately?: {
    /** Blocks after the simulation from which on it may go to public endpoints as well; 0: never. */
    readonly fallbackBlocks: number
  }
}

/** A receipt for a rehearsal that passed and was asked for at `askedAt`. Throws `receipt_refused` for one that did not. */
export function issueReceipt(
  chain: Chain,
  payload: Payload,
  rehearsal: Rehearsal,
  judged: Judgement,
  askedAt: number,
): SimulationReceipt {
  if (!rehearsal.outcome.ok) throw refused('its simulation did not pass', chain.id)
  const blocks = Math.max(2, Math.ceil((RECEIPT_SECONDS * 1000) / chain.blockTimeMs))
  const { simulator, outcome, block } = rehearsal
  const { policy, findings, privately } = judged
  const fallback = privately?.fallbackBlocks ?? 0
  const effects = outcome.effects.map((effect) => ({
    ...{ kind: effect.kind, asset: effect.asset.id, raw: effect.raw.toString() },
    ...{ from: effect.from, to: effect.to },
  }))
  return sealed({
    payloadDigest: payloadDigest(payload),
    chain: chain.id,
    backend: simulator.name,
    skipped: simulator.skipped,
    block,
    gasUsed: outcome.gasUsed.toString(),
    effectsDigest: digestOf({ effects, findings }),
    policy,
    route: privately ? 'private' : 'public',
    publicFrom: fallback > 0 ? (BigInt(block.number) + BigInt(fallback)).toString() : null,
    simulatedAt: new Date(askedAt).toISOString(),
    expiresAt: new Date(askedAt + RECEIPT_SECONDS * 1000).toISOString(),
    expiresAtBlock: (BigInt(block.number) + BigInt(blocks)).toString(),
  })
}

function sealed(fields: Omit<SimulationReceipt, 'seal'>): SimulationReceipt {
  return { ...fields, seal: digestOf(fields) }
}

/** Throws `receipt_refused` unless the receipt is as it was issued, and for exactly this payload. */
export function checkBinding(receipt: SimulationReceipt, payload: Payload): void {
  if (receipt.chain !== payload.chain) throw refused('its receipt is for another chain', payload.chain)
  if (receipt.payloadDigest !== payloadDigest(payload)) {
    throw refused('it is not the payload that was simulated', payload.chain)
  }
  const { seal, ...fields } = receipt
  if (seal !== digestOf(fields)) throw refused('its receipt is not as it was issued', payload.chain)
}

/** Throws `receipt_refused` when the receipt is too old by the clock, or by the newest block that is known. */
export function checkFreshness(receipt: SimulationReceipt, now: number, head: BlockRef): void {
  const age = now - Date.parse(receipt.simulatedAt)
  // A receipt from the future means that the clock was set back: its age is not known (F20).
  if (!(age >= 0) || now >= Date.parse(receipt.expiresAt))
    throw refused('its simulation is too old', receipt.chain)
  if (BigInt(head.number) > BigInt(receipt.expiresAtBlock)) {
    throw refused('the chain has moved on since its simulation', receipt.chain)
  }
}

/** The way that a receipt allows at a block; the strictest where the newest block is not known. */
export function routeAt({ route, publicFrom }: SimulationReceipt, head?: bigint): Route {
  // What a journal from before there were routes holds is public.
  if (route !== 'private') return 'public'
  return publicFrom !== null && head !== undefined && head >= BigInt(publicFrom) ? 'public' : 'private'
}

function refused(reason: string, chain: string): BursarError {
  return new BursarError('receipt_refused', { reason }, { chain })
}

/** What a signer is asked to sign, with the proof that it may. */
export interface SigningOrder {
  readonly payload: Payload
  readonly nonce: bigint
  readonly terms: FeeTerms
  readonly receipt: SimulationReceipt
  /** The newest block that is known. */
  readonly head: BlockRef
}
