import type { ChainAdapter, Effect, FeeTerms, Rehearsal } from '../chains/adapter.ts'
import { issueReceipt, type SimulationReceipt } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import type { Policy } from '../policy/policy.ts'
import { formatUnits } from '../primitives/amount.ts'
import type { Finding } from '../primitives/findings.ts'
import { firstRecipient, largeShares } from './paymentFindings.ts'
import { type Funding, type Held, mostFee, requireFunds } from './preflight.ts'

export interface Case extends Funding {
  readonly adapter: ChainAdapter
  /** When the rehearsal was asked for, in milliseconds: what it found is not younger than that. */
  readonly askedAt: number
  /** It is signed when a block takes what it offers, and not before. */
  readonly waitsForFees?: boolean
  /** Whom it pays, when the account has never paid that before; told while it is prepared. */
  readonly paysFirst?: string
  /** The effects that the caller saw; absent while the payment is being prepared. */
  readonly shown?: readonly Effect[]
  /** The ceiling of the surcharge that the caller saw, in native base units; absent likewise. */
  readonly shownSurcharge?: bigint
}

export interface Verdict {
  readonly receipt: SimulationReceipt
  readonly rules: readonly string[]
  readonly findings: readonly Finding[]
}

/** The one place where a simulated payload is judged: when it is prepared and again before it is signed. */
export class Judge {
  readonly policy: Policy

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** A receipt for a payload that may be signed. Throws what speaks against it. */
  pass(matter: Case, held: Held): Verdict {
    const { adapter, payload, terms, outflow, rehearsal, askedAt, shown, waitsForFees, paysFirst } = matter
    requireFunds(adapter, matter, held)
    this.#requireSuccess(matter)
    if (!waitsForFees) requireIncludable(adapter, terms, rehearsal)
    requireSurcharge(matter)
    const { effects, elsewhere } = rehearsal.outcome
    const account = payload.from
    const findings = [
      ...rehearsal.outcome.findings,
      ...largeShares(account, adapter.native, rehearsal),
      ...(paysFirst === undefined ? [] : [firstRecipient(account, paysFirst)]),
    ]
    const { rules, found } = this.policy.judge({
      chain: adapter.chain,
      account,
      outflow,
      effects,
      findings,
      terms,
      maxFee: mostFee(adapter, matter),
      native: adapter.native,
      ...(shown === undefined ? {} : { shown }),
      ...(elsewhere === undefined ? {} : { elsewhere }),
    })
    const receipt = issueReceipt(
      adapter.chain,
      payload,
      rehearsal,
      { policy: this.policy.version, findings: found },
      askedAt,
    )
    return { receipt, rules, findings: found }
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
