import type { Urgency } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { FlagName, FlagSubject, Flags } from '../../primitives/flags.ts'
import type { ChosenVariants } from '../../store/flags/flagUses.ts'
import type { PrepareRequest } from '../views/views.ts'

/** What flags leave open for one payment. None of it is a limit: what comes of it is simulated and judged like any. */
export interface PaymentOptions {
  readonly prefersPrivate: boolean
  readonly batches: boolean
  readonly waits: boolean
  readonly learnsGas: boolean
  readonly urgency: Urgency
  /** What operators' rules have chosen, by flag; absent when there is no rule. */
  readonly chosen?: ChosenVariants
}

export async function chooseOptions(flags: Flags, subject: FlagSubject): Promise<PaymentOptions> {
  const chosen: Record<string, string> = {}
  const decide = async <F extends FlagName>(flag: F) => {
    const { variant, ruled } = await flags.decide(flag, subject)
    if (ruled) chosen[flag] = variant
    return variant
  }
  const isOn = async (flag: Exclude<FlagName, 'default-urgency'>) => (await decide(flag)) === 'on'
  const options = {
    prefersPrivate: await isOn('private-route'),
    batches: await isOn('call-batching'),
    waits: await isOn('wait-for-fees'),
    learnsGas: await isOn('learned-gas-limits'),
    urgency: await decide('default-urgency'),
  }
  // Looked at when it waits; counted for what it will be.
  await decide('automatic-speed-up')
  return Object.keys(chosen).length === 0 ? options : { ...options, chosen }
}

/** Throws `feature_off` for what the operator has switched off. */
export function requireSwitchedOn(
  { calls, contractAccount, maxFeeGwei }: PrepareRequest,
  { batches, waits }: PaymentOptions,
): void {
  if (calls && contractAccount === undefined && !batches) throw off('call-batching')
  if (maxFeeGwei !== undefined && !waits) throw off('wait-for-fees')
}

function off(flag: keyof typeof INSTEAD): BursarError {
  return new BursarError('feature_off', { flag, ...INSTEAD[flag] })
}

const INSTEAD = {
  'call-batching': {
    what: 'Several calls in one transaction by Multicall3',
    instead: 'Prepare each call by itself with simulate_transaction',
  },
  'wait-for-fees': {
    what: 'Waiting for lower fees (maxFeeGwei)',
    instead: 'Call simulate_transaction without maxFeeGwei and waitHours',
  },
} as const
