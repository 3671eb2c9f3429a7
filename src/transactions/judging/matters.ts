import type { ChainAdapter } from '../../chains/adapter.ts'
import { fitsNextBlock } from '../../chains/feeTerms.ts'
import type { SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { type NeededApproval, together } from '../../policy/neededApproval.ts'
import type { PaidOut } from '../../policy/rules/matter.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Admitted, OperationStore } from '../../store/operations.ts'
import type { IntentRow } from '../../store/schema.ts'
import type { Ledger } from '../../store/spending/reservations.ts'
import type { NewStep } from '../../store/steps/newSteps.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import {
  before,
  caseOf,
  type IntentPlan,
  leavingAssets,
  type PlannedStep,
  pricedAs,
  stepsOf,
} from '../plan.ts'
import type { Lookalikes } from '../recipients/lookalikes.ts'
import { partiesOf } from '../recipients/parties.ts'
import type { Case, Judge } from './judge.ts'
import { ledgerWith, reservationsOf } from './preflight.ts'

/** A transaction of a plan that was simulated again, to be judged. */
export type Matter = Case & { readonly planned: PlannedStep }

export interface RehearsedPlan {
  /** No block takes now what it offers, and it is to be queued until one does. */
  readonly waits: boolean
  readonly matters: readonly Matter[]
}

/** Simulates every transaction of a plan again, each after those before it. */
export async function rehearsePlan(
  { operations, clock }: { readonly operations: Pick<OperationStore, 'waiting'>; readonly clock: Clock },
  intent: Pick<IntentRow, 'chain' | 'account' | 'wallet' | 'principal'>,
  plan: IntentPlan,
  adapter: ChainAdapter,
  signal: AbortSignal,
): Promise<RehearsedPlan> {
  const askedAt = clock.now()
  const waiting = await operations.waiting(intent.chain, intent.account)
  // What no block takes now would not be simulated either: then at the fees of the market.
  const fees = plan.waitsForFees ? await adapter.fees(signal) : undefined
  const waits = fees !== undefined && !fitsNextBlock(plan.terms, fees)
  const steps = stepsOf(plan)
  const matters = await Promise.all(
    steps.map(async (planned, position) => {
      const terms = waits ? fees.tiers.standard : planned.terms
      const earlier = before(waiting, steps.slice(0, position))
      const leaving = leavingAssets(planned)
      const rehearsal = await adapter.rehearse(planned.payload, terms, leaving, earlier, signal)
      return { ...caseOf(planned, intent, { adapter, rehearsal, askedAt }), planned }
    }),
  )
  return { waits, matters }
}

export interface Passed {
  /** One for each transaction. */
  readonly steps: readonly (Admitted & { readonly receipt: SimulationReceipt })[]
  /** Present when a person has to approve the whole. */
  readonly approval?: NeededApproval
}

/** Judges the transactions of a plan; what those before one hold and count for, counts. Throws what speaks against any. */
export function passAll(
  judge: Judge,
  adapter: ChainAdapter,
  matters: readonly Matter[],
  ledger: Ledger,
): Passed {
  const admitted: Admitted[] = []
  let allowedBefore: readonly PaidOut[] = []
  let approval: NeededApproval | undefined
  const steps = matters.map((matter) => {
    const verdict = judge.pass({ ...matter, allowedBefore }, ledgerWith(ledger, admitted))
    const step = { reservations: reservationsOf(adapter, matter), counted: verdict.counted }
    admitted.push(step)
    allowedBefore = [...allowedBefore, ...allowedBy(matter)]
    approval = together(approval, verdict.approval)
    return { receipt: verdict.receipt, ...step }
  })
  return { steps, ...(approval && { approval }) }
}

/** Throws `recipient_lookalike` when a party of any of them looks like somebody else (T5). */
export async function requireNoLookalikes(
  { lookalikes, wallets }: { readonly lookalikes: Lookalikes; readonly wallets: WalletBook },
  matters: readonly Matter[],
): Promise<void> {
  for (const { adapter, payload, planned, rehearsal } of matters) {
    const { effects, commanded } = rehearsal.outcome
    const meant = [planned.to, ...(planned.batch?.payees ?? [])]
    const parties = partiesOf(payload.from, meant, effects, commanded)
    await lookalikes.requireNone(parties, wallets.on(adapter.chain), adapter.chain.id)
  }
}

/** What a transaction allows others to take from its account, as the simulation shows it. */
export function allowedBy({ payload, rehearsal }: Pick<Case, 'payload' | 'rehearsal'>): readonly PaidOut[] {
  const allowances = rehearsal.outcome.effects.filter(
    ({ kind, from }) => kind !== 'transfer' && from === payload.from,
  )
  return allowances.map(({ asset, to, raw }) => ({ asset, recipient: to, raw }))
}

/** A step as the journal records it when its operation begins. */
export function stepOf(
  { planned, rehearsal }: Matter,
  {
    receipt,
    note,
    ...admitted
  }: Admitted & {
    readonly receipt: SimulationReceipt
    readonly note: string | undefined
  },
): NewStep {
  const { role, to, payload, terms, outflow, urgency, batch } = planned
  return {
    // What waits is compared with what sending it at once would have cost.
    ...pricedAs(rehearsal, note === undefined ? urgency : 'wait'),
    ...(note === undefined ? {} : { note }),
    role,
    recipient: to,
    payload: JSON.stringify(payload),
    terms: JSON.stringify(terms),
    outflow: JSON.stringify(outflow),
    receipt: JSON.stringify(receipt),
    ...(batch && { batch }),
    ...admitted,
  }
}
