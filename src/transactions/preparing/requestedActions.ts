import type { Action, Batch } from '../../chains/actions.ts'
import type { ChainAdapter } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { CallRequest, PrepareRequest } from '../views/views.ts'

/** A recipient that was given by name. */
export interface GivenName {
  /** Which argument it is. */
  readonly field: string
  readonly given: string
  /** Address of the wallet that has this name; absent where the address book or ENS has to know it. */
  readonly wallet?: string
}

/**
 * What a caller asks for: one action, or several that are to happen together. Wallets are resolved; who is to be looked
 * up elsewhere stands in `to` as `name:` and the name, so that a key stands for the name that was given (R3), whatever
 * that leads to when it comes again.
 */
export type Requested = (
  | { readonly action: Action; readonly batch?: never }
  | { readonly batch: Batch; readonly action?: never }
) & { readonly names: readonly GivenName[] }

/** How an argument of a batch is called. */
export const callField = (at: number) => `calls[${at}].to`

/** What an EVM address may have been meant to be. */
const LIKE_AN_ADDRESS = /^0x|^[0-9a-f]{16,}$|^$|\s/i

/** Throws `input_invalid` unless it is either one action or several, and `address_invalid`. */
export function requestedActions(
  request: PrepareRequest,
  adapter: ChainAdapter,
  wallets: WalletBook,
): Requested {
  const { to, calls, contractAccount } = request
  const problems = problemsOf(request, adapter.chain.native.symbol)
  if (problems.length > 0) throw new BursarError('input_invalid', { tool: 'simulate_transaction', problems })
  const names: GivenName[] = []
  const resolve = (given: string, field: string) => {
    const wallet = wallets.addressOf(given, adapter.chain)
    if (wallet !== given) names.push({ field, given, wallet })
    if (wallet !== given || LIKE_AN_ADDRESS.test(given)) return adapter.address(wallet, field)
    names.push({ field, given })
    return `name:${given.toLowerCase()}`
  }
  if (to !== undefined) {
    const { asset } = request
    const single = actionOf({ ...request, to: resolve(to, 'to') })
    return { names, action: asset === undefined ? single : { ...single, asset } }
  }
  const all = calls ?? []
  const actions = all.map((call, index) => actionOf({ ...call, to: resolve(call.to, callField(index)) }))
  if (contractAccount === undefined) return { names, batch: { actions } }
  const through = adapter.address(wallets.addressOf(contractAccount, adapter.chain), 'contractAccount')
  return { names, batch: { actions, through } }
}

/** What belongs to a single action, and to each call of a batch by itself. */
const OF_ONE = ['amount', 'function', 'args', 'data'] as const

function problemsOf(request: PrepareRequest, native: string): readonly string[] {
  const { to, calls, asset, contractAccount } = request
  if (to === undefined && calls === undefined) return ['neither to nor calls is given']
  if (calls === undefined)
    return contractAccount === undefined
      ? []
      : ['contractAccount is given without calls, which it is to make']
  const misplaced = OF_ONE.filter((name) => request[name] !== undefined)
  return [
    ...(to === undefined ? [] : ['both to and calls are given']),
    ...misplaced.map((name) => `${name} belongs into each of calls, not beside them`),
    ...(asset === undefined || ['native', native.toLowerCase()].includes(asset.toLowerCase())
      ? []
      : ['calls carry the native token only, so asset can be nothing else: send tokens one by one']),
  ]
}

function actionOf({ to, amount, function: name, args, data }: CallRequest): Action {
  return {
    to,
    ...(amount === undefined ? {} : { amount }),
    ...(name === undefined ? {} : { function: name }),
    ...(args === undefined ? {} : { args }),
    ...(data === undefined ? {} : { data }),
  }
}
