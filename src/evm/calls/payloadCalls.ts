import { type AbiFunction, type Hex, parseAbiItem, toFunctionSelector } from 'viem'
import type { ArgumentText, PayloadCall } from '../../chains/payloadCalls.ts'
import type { Chain } from '../../chains/types.ts'
import { checksum } from '../address.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { NO_SMART_ACCOUNTS, type SmartAccounts } from '../userOperations/smartAccount.ts'
import { declaredCalls } from './declaredCalls.ts'
import { exactArguments } from './exactArguments.ts'
import { tokenMoves } from './tokenCalls.ts'

/**
 * What a payload asks for: itself, and recursively what it carries (T18). A batch by Multicall3 is its calls. `accounts`
 * are the contract accounts that wallets have on the chain.
 */
export function payloadCalls(
  chain: Chain,
  { from, to, data, userOperation }: Pick<EvmPayload, 'from' | 'to' | 'data' | 'userOperation'>,
  accounts: SmartAccounts = NO_SMART_ACCOUNTS,
): readonly PayloadCall[] {
  if (data === '0x') return [payment(to, to)]
  const listed = new Set(chain.tokens.map(({ address }) => checksum(address)))
  const multicall = chain.contracts['multicall3']
  const declared = declaredCalls(from, to, data)
  return declared.map((call, index): PayloadCall => {
    const { self, input, problem } = call
    const contract = checksum(self)
    if (input === '0x') return payment(contract, contract)
    const more = {
      selector: input.slice(0, 10).toLowerCase(),
      ...(problem !== undefined && { problem }),
      ...(contract !== checksum(from) && accounts(contract) && { commands: true as const }),
      arguments: (signature: string) => argumentsOf(input, signature),
    }
    const to = reachedBy(call)
    if (to.length > 0 && listed.has(contract) && PAYMENTS.has(more.selector))
      return { contract, kind: 'payment', to, ...more }
    // What a contract account is told to do begins with a call of itself. One of its payer's own may be anything.
    const isItself = userOperation !== undefined && index === 0
    const isBatch = multicall !== undefined && contract === checksum(multicall)
    const carries =
      (isBatch || isItself) && declared.some(({ within, sender }) => within && checksum(sender) === contract)
    return { contract, kind: carries && problem === undefined ? 'carrier' : 'call', to, ...more }
  })
}

/** `transfer` and `approve`: what a listed token does with them is known. */
const PAYMENTS: ReadonlySet<string> = new Set(['0xa9059cbb', '0x095ea7b3'])

/** Whoever the contract is: what looks like a token's function may be one. */
function reachedBy(call: Parameters<typeof tokenMoves>[0]): readonly string[] {
  const moves = tokenMoves(call)
  return Array.isArray(moves) ? moves.map(({ to }) => checksum(to)) : []
}

function payment(contract: Hex, to: Hex): PayloadCall {
  return { contract: checksum(contract), kind: 'payment', to: [checksum(to)], arguments: () => undefined }
}

/**
 * The types of a function's parameters, without the arrays that they are in, such as `address`, `uint256` or `tuple`;
 * undefined when one of them is a type that there is not.
 */
export function parameterTypes(signature: string): readonly string[] | undefined {
  return readSignature(signature)?.abi.inputs.map(({ type }) => type.replace(/(\[\d*\])+$/, ''))
}

/** Whether two signatures name one function, however they spell its types; false for what is no signature. */
export function isSameFunction(one: string, other: string): boolean {
  const known = readSignature(one)
  return known !== undefined && known.selector === readSignature(other)?.selector
}

function readSignature(signature: string): { readonly abi: AbiFunction; readonly selector: Hex } | undefined {
  try {
    const abi = parseAbiItem(`function ${signature}` as 'function f()') as AbiFunction
    return { abi, selector: toFunctionSelector(abi) }
  } catch {
    return undefined
  }
}

function argumentsOf(input: Hex, signature: string): readonly ArgumentText[] | 'unreadable' | undefined {
  const abi = parseAbiItem(`function ${signature}` as 'function f()') as AbiFunction
  if (toFunctionSelector(abi) !== input.slice(0, 10).toLowerCase()) return undefined
  try {
    return exactArguments(abi.inputs, input).map(textOf)
  } catch {
    return 'unreadable'
  }
}

function textOf(value: unknown): ArgumentText {
  if (Array.isArray(value)) return value.map(textOf)
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textOf)
  return String(value)
}
