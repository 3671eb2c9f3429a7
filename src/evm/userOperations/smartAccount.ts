import {
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  pad,
  parseAbi,
} from 'viem'
import proxy from '../../../contracts/artifacts/SimpleAccountProxy.json' with { type: 'json' }
import { toQuantity } from '../quantity.ts'

// SimpleAccount of ERC-4337, release 0.8.0 (github.com/eth-infinitism/account-abstraction). A CREATE2 deployer gave the
// entry point and the factory their addresses, so what stands there on any chain is their code, or nothing.

export const ENTRY_POINT: Hex = '0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108'
export const ACCOUNT_FACTORY: Hex = '0x13E9ed32155810FDbd067D4522C492D6f68E5944'
/** The only caller that the factory serves: the entry point made it first of all. */
export const SENDER_CREATOR: Hex = getContractAddress({ from: ENTRY_POINT, nonce: 1n })
/** The code behind each account's proxy; its factory made it first of all. */
const IMPLEMENTATION: Hex = getContractAddress({ from: ACCOUNT_FACTORY, nonce: 1n })

const factoryAbi = parseAbi([
  'function createAccount(address owner, uint256 salt) returns (address)',
  'function initialize(address owner)',
])

/** A contract account that is, or will be, at an address that follows from its owner and a salt. */
export interface SmartAccount {
  readonly address: Hex
  /** The account whose signature it accepts. */
  readonly owner: Hex
  readonly salt: bigint
}

/** Finds the account of an address; undefined for every other address. */
export type SmartAccounts = (address: string) => SmartAccount | undefined

export const NO_SMART_ACCOUNTS: SmartAccounts = () => undefined

export function smartAccountOf(owner: Hex, salt: bigint): SmartAccount {
  const initialize = encodeFunctionData({ abi: factoryAbi, functionName: 'initialize', args: [owner] })
  const constructed = encodeAbiParameters(
    [{ type: 'address' }, { type: 'bytes' }],
    [IMPLEMENTATION, initialize],
  )
  const address = getContractAddress({
    opcode: 'CREATE2',
    from: ACCOUNT_FACTORY,
    salt: pad(toQuantity(salt), { size: 32 }),
    bytecode: concat([proxy.bytecode as Hex, constructed]),
  })
  return { address, owner, salt }
}

/** What makes the factory deploy it. */
export function deploymentOf({ owner, salt }: SmartAccount): { readonly address: Hex; readonly data: Hex } {
  const data = encodeFunctionData({ abi: factoryAbi, functionName: 'createAccount', args: [owner, salt] })
  return { address: ACCOUNT_FACTORY, data }
}
