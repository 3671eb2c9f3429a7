import type { Outflow } from '../chains/adapter.ts'
import type { ArgumentText, PayloadCall } from '../chains/payloadCalls.ts'
import type { Chain } from '../chains/types.ts'
import { checksum } from '../evm/address.ts'
import { encodeCall } from '../evm/calls/calls.ts'
import { isSameFunction, payloadCalls } from '../evm/calls/payloadCalls.ts'

// The calls of a case as those of a payload are read, so that rules judge the two alike.

/** Of nobody: cases are not about one account. Arguments that are to be the account itself say `self`. */
export const ACCOUNT = checksum('0x00000000000000000000000000000000005e1f00')

export interface CaseCall {
  readonly contract: string
  readonly function: string
  readonly arguments: readonly ArgumentText[]
}

/** A payment to a canonical address: of a token by its own function, else of value without data. */
export function paymentCalls(
  chain: Chain,
  to: string,
  { asset: { address }, raw }: Outflow,
): readonly PayloadCall[] {
  if (address !== undefined) {
    const transfer = { function: 'transfer(address,uint256)', arguments: [to, raw.toString()] }
    return callsOf(chain, { contract: address, ...transfer })
  }
  return [{ contract: to, kind: 'payment', to: [to], arguments: () => undefined }]
}

/** Arguments that do not fit the function's types are such as cannot be read. */
export function callsOf(chain: Chain, call: CaseCall): readonly PayloadCall[] {
  const { contract, function: signature } = call
  const data = dataOf(call)
  if (data !== undefined && chain.family === 'evm')
    return payloadCalls(chain, { from: ACCOUNT, to: checksum(contract), data })
  return [
    {
      contract,
      kind: 'call',
      selector: signature,
      arguments: (asked) => (isSameFunction(asked, signature) ? 'unreadable' : undefined),
    },
  ]
}

function dataOf({ function: signature, arguments: given }: CaseCall): `0x${string}` | undefined {
  const texts = given.map(withAccount).map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
  try {
    return encodeCall(signature, texts).data
  } catch {
    return undefined
  }
}

function withAccount(given: ArgumentText): ArgumentText {
  if (typeof given !== 'string') return given.map(withAccount)
  return given === 'self' ? ACCOUNT : given
}
