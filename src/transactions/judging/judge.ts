import type { ChainAdapter, Effect, FeeTerms, Rehearsal } from '../../chains/adapter.ts'
import type { Route } from '../../chains/routes.ts'
import { issueReceipt, type SimulationReceipt } from '../../chains/simulationReceipt.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { NeededApproval } from '../../policy/neededApproval.ts'
import type { Judged, Policy } from '../../policy/policy.ts'
import type { PaidOut } from '../../policy/rules/matter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Finding } from '../../primitives/findings.ts'
import type { Ledger, LedgerAsk } from '../../store/spending/reservations.ts'
import type { Counted } from '../../store/spending/spends.ts'
import { firstRecipient, largeShares, type Meant, unlikeMeant } from './paymentFindings.ts'
import { asOfRehearsal, type Funding, mostFee, requireFunds } from './preflight.ts'

export interface Case extends Funding {
  readonly adapter: ChainAdapter
  /** When the rehearsal was asked for, in milliseconds: what it found is not younger than that. */
  readonly askedAt: number
  /** It is signed when a block takes what it offers, and not before. */
  readonly waitsForFees?: boolean
  /** Public when absent. */
  readonly route?: Route
  readonly principal: string
  /** It only takes a permission or a nonce back. */
  readonly isProtective?: boolean
  /** Whom it pays that the account has never paid before, in words; told while it is prepared. */
  readonly paysFirst?: string
  /** What is to become of the tokens that it names, where that can be seen. */
  readonly meant?: Meant
  /** What transactions before it in the same intent allow others to take. */
  readonly allowedBefore?: readonly PaidOut[]
  /** The effects that the caller saw; absent while the payment is being prepared. */
  readonly shown?: readonly Effect[]
  /** The ceiling of the surcharge that the caller saw, in native base units; absent likewise. */
  readonly shownSurcharge?: bigint
}

export interface Verdict {
  readonly receipt: SimulationReceipt
  readonly rules: readonly string[]
  readonly findings: readonly Finding[]
  /** What it counts for towards caps over time, from now on. */
  readonly counted: Counted
  /** Present when a person has to approve it before it may be signed. */
  readonly approval?: NeededApproval
}

/** The one place where a simulated payload is judged: when it is prepared and again before it is signed. */
export class Judge {
  readonly policy: Policy
  /** Whether this process has a private relay for a chain, by CAIP-2 id. */
  readonly hasPrivateRoute: (chain: string) => boolean
  readonly #clock: Clock

  constructor(policy: Policy, hasPrivateRoute: Judge['hasPrivateRoute'], clock: Clock) {
    this.policy = policy
    this.hasPrivateRoute = hasPrivateRoute
    this.#clock = clock
  }

  /** What a verdict on these, which are signed one after the other, has to know of the journal. */
  ask(matters: readonly Case[]): LedgerAsk {
    const last = matters.at(-1)
    if (!last) throw new TypeError('there is nothing to judge')
    const asOf = asOfRehearsal(last.rehearsal)
    const { version: policy } = this.policy
    if (!this.policy.looksBack) return { policy, asOf, windows: [] }
    return { policy, asOf, windows: matters.flatMap((matter) => this.policy.questions(this.#judged(matter))) }
  }

  /**
   * A receipt for a payload that may be signed. Throws what speaks against it, and `policy_reloaded` when other rules
   * hold by now than those that asked: these may look back at more.
   */
  pass(matter: Case, { policy: asked, held, spent }: Ledger): Verdict {
    if (asked !== this.policy.version) throw new BursarError('policy_reloaded', {})
    const { adapter, payload, terms, rehearsal, askedAt, route, waitsForFees } = matter
    this.requireRoute(adapter.chain, route)
    requireFunds(adapter, matter, held)
    this.#requireSuccess(matter)
    if (!waitsForFees) requireIncludable(adapter, terms, rehearsal)
    requireSurcharge(matter)
    const { rules, found, spends, approval } = this.policy.judge(this.#judged(matter), spent)
    const { version: policy, privateFallbackBlocks: fallbackBlocks } = this.policy
    const judged = {
      ...{ policy, findings: found },
      ...(route === 'private' && { privately: { fallbackBlocks } }),
    }
    const receipt = issueReceipt(adapter.chain, payload, rehearsal, judged, askedAt)
    // Whichever is later: a clock that was set back must not date it before the windows that it belongs to (T21).
    const counted = { spends, at: Math.max(...this.#moments(rehearsal)) }
    return { receipt, rules, findings: found, counted, ...(approval && { approval }) }
  }

  #moments({ block }: Rehearsal): readonly number[] {
    return [this.#clock.now(), block.timestamp * 1000]
  }

  #judged(matter: Case): Judged {
    const { adapter, wallet, principal, payload, terms, outflow, rehearsal } = matter
    const { shown, paysFirst, meant, allowedBefore, isProtective } = matter
    const { effects, elsewhere, commanded } = rehearsal.outcome
    const account = payload.from
    const findings = [
      ...rehearsal.outcome.findings,
      ...largeShares(account, adapter.native, rehearsal),
      ...unlikeMeant(account, outflow, meant, effects),
      ...(paysFirst === undefined ? [] : [firstRecipient(account, paysFirst)]),
    ]
    return {
      chain: adapter.chain,
      ...{ account, wallet, principal, outflow, effects, findings, terms },
      calls: adapter.codec.calls(payload),
      moments: this.#moments(rehearsal),
      maxFee: mostFee(adapter, matter),
      native: adapter.native,
      ...(shown === undefined ? {} : { shown }),
      ...(elsewhere === undefined ? {} : { elsewhere }),
      ...(commanded === undefined ? {} : { commanded }),
      ...(allowedBefore && { allowedBefore }),
      ...(isProtective && adapter.codec.value(payload) === 0n && { isProtective }),
    }
  }

  /**
   * Throws `private_route_missing` for what this process could not hand over: signed, it would hold its nonce, and all
   * that waits behind it, until somebody takes it back.
   */
  requireRoute({ id, name }: Chain, route: Route | undefined): void {
    if (route !== 'private' || this.hasPrivateRoute(id)) return
    throw new BursarError('private_route_missing', { name }, { chain: id })
  }

  #requireSuccess({ adapter, rehearsal }: Case): void {
    const { ok, revert } = rehearsal.outcome
    if (ok) return
    const quoted = revert?.quoted ? { quoted: revert.quoted } : {}
    const reason = revert?.reason ?? 'without a reason'
    throw new BursarError('simulation_reverted', { reason }, { chain: adapter.chain.id, ...quoted })
  }
}

/** Throws `surcharge_moved` when what the chain takes besides gas is more by now than its caller was shown. */
function requireSurcharge({ adapter, rehearsal, shownSurcharge }: Case): void {
  const { expected } = rehearsal.surcharge
  if (shownSurcharge === undefined || expected <= shownSurcharge) return
  const { chain, native } = adapter
  const [needed, agreed] = [expected, shownSurcharge].map((raw) => formatUnits(raw, native.decimals))
  const asset = native.symbol ?? native.id
  throw new BursarError(
    'surcharge_moved',
    { needed: needed ?? '', agreed: agreed ?? '', asset },
    { chain: chain.id },
  )
}

const GWEI_DECIMALS = 9

/** Throws `fees_moved` when the next block would not take a transaction with these terms. */
function requireIncludable(adapter: ChainAdapter, terms: FeeTerms, rehearsal: Rehearsal): void {
  const { nextBaseFee } = rehearsal.fees
  const agreed = BigInt(terms.maxFeePerGas)
  if (nextBaseFee <= agreed) return
  const context = {
    needed: formatUnits(nextBaseFee, GWEI_DECIMALS),
    agreed: formatUnits(agreed, GWEI_DECIMALS),
  }
  throw new BursarError('fees_moved', context, { chain: adapter.chain.id })
}
