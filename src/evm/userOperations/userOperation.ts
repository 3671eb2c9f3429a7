import {
  concat,
  decodeAbiParameters,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  hashTypedData,
  pad,
  parseAbi,
  parseAbiParameters,
  size,
  slice,
} from 'viem'
import type { FeeTerms } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { checksum } from '../address.ts'
import type { EvmPayload, UserOperationTerms } from '../evmPayload.ts'
import { toQuantity } from '../quantity.ts'

// User operations of EntryPoint 0.8 (ERC-4337), as it takes and hashes them.

/** As the entry point takes it. */
export interface PackedUserOperation {
  readonly sender: Hex
  readonly nonce: bigint
  readonly initCode: Hex
  readonly callData: Hex
  readonly accountGasLimits: Hex
  readonly preVerificationGas: bigint
  readonly gasFees: Hex
  readonly paymasterAndData: Hex
  readonly signature: Hex
}

const TUPLE =
  '(address sender, uint256 nonce, bytes initCode, bytes callData, bytes32 accountGasLimits, uint256 preVerificationGas, bytes32 gasFees, bytes paymasterAndData, bytes signature)'

export const entryPointAbi = parseAbi([
  'struct PackedUserOperation { address sender; uint256 nonce; bytes initCode; bytes callData; bytes32 accountGasLimits; uint256 preVerificationGas; bytes32 gasFees; bytes paymasterAndData; bytes signature; }',
  'function handleOps(PackedUserOperation[] ops, address beneficiary)',
  'function getNonce(address sender, uint192 key) view returns (uint256)',
  'function balanceOf(address account) view returns (uint256)',
  'event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed)',
  'event UserOperationRevertReason(bytes32 indexed userOpHash, address indexed sender, uint256 nonce, bytes revertReason)',
  'event BeforeExecution()',
])

/** A user operation with the entry point that it is for: what the journal keeps and what is handed on. */
const RECORDED = parseAbiParameters(`address entryPoint, ${TUPLE} operation`)

export interface RecordedOperation {
  readonly entryPoint: Hex
  readonly operation: PackedUserOperation
}

/** Whether bytes are a user operation: transactions begin with their type, and this with an address. */
export function isUserOperation(raw: string): boolean {
  return raw.startsWith(`0x${'0'.repeat(24)}`)
}

/** The operation of a payload. Throws `receipt_refused` at a nonce at which it could never be included. */
export function packed(
  payload: EvmPayload,
  nonce: bigint,
  terms: FeeTerms,
  signature: Hex,
): PackedUserOperation {
  const fields = fieldsOf(payload)
  // The account is deployed by the first operation of all and by no other: the entry point refuses a second deployment.
  if (fields.factory && nonce !== 0n) {
    const reason = `it would deploy ${payload.from}, which the operation with nonce 0 does`
    throw new BursarError('receipt_refused', { reason }, { chain: payload.chain })
  }
  return {
    sender: payload.from,
    nonce,
    initCode: fields.factory ? concat([fields.factory.address, fields.factory.data]) : '0x',
    callData: payload.data,
    accountGasLimits: halves(fields.verificationGasLimit, fields.callGasLimit),
    preVerificationGas: BigInt(fields.preVerificationGas),
    gasFees: halves(terms.maxPriorityFeePerGas, terms.maxFeePerGas),
    paymasterAndData: '0x',
    signature,
  }
}

export function fieldsOf({ userOperation, from }: EvmPayload): UserOperationTerms {
  if (!userOperation) throw new TypeError(`what ${from} pays is no user operation`)
  return userOperation
}

export function record({ entryPoint, operation }: RecordedOperation): Hex {
  return encodeAbiParameters(RECORDED, [entryPoint, operation])
}

/** Throws when the bytes are no user operation. */
export function recorded(raw: Hex): RecordedOperation {
  const [entryPoint, operation] = decodeAbiParameters(RECORDED, raw)
  return { entryPoint: checksum(entryPoint), operation }
}

/** The payload and the terms that an operation is of. Throws for what this module packs no operations of. */
export function unpacked(
  chain: string,
  { entryPoint, operation }: RecordedOperation,
): { readonly payload: EvmPayload; readonly terms: FeeTerms } {
  const { sender, initCode, callData, accountGasLimits, preVerificationGas, gasFees } = operation
  if (operation.paymasterAndData !== '0x')
    throw new TypeError('an operation that somebody else is to pay for')
  const [verification, call] = halvesOf(accountGasLimits)
  const [tip, most] = halvesOf(gasFees)
  const from = checksum(sender)
  const factory = size(initCode) < 20 ? undefined : factoryIn(initCode)
  if (!factory && initCode !== '0x') throw new TypeError('an operation with a factory that is no address')
  const payload: EvmPayload = {
    ...{ family: 'evm', chain, from, to: from, value: '0', data: callData, accessList: [] },
    gasLimit: (verification + call + preVerificationGas).toString(),
    userOperation: {
      entryPoint,
      ...(factory && { factory }),
      verificationGasLimit: verification.toString(),
      callGasLimit: call.toString(),
      preVerificationGas: preVerificationGas.toString(),
    },
  }
  return { payload, terms: { maxFeePerGas: most.toString(), maxPriorityFeePerGas: tip.toString() } }
}

/** What its account signs, and what names it: EIP-712 over all but the signature, bound to chain and entry point. */
export function userOperationHash(chainId: number, { entryPoint, operation }: RecordedOperation): Hex {
  const { signature: _signature, ...message } = operation
  return hashTypedData({
    domain: { name: 'ERC4337', version: '1', chainId, verifyingContract: entryPoint },
    types: { PackedUserOperation: SIGNED },
    primaryType: 'PackedUserOperation',
    message,
  })
}

const SIGNED = [
  { name: 'sender', type: 'address' },
  { name: 'nonce', type: 'uint256' },
  { name: 'initCode', type: 'bytes' },
  { name: 'callData', type: 'bytes' },
  { name: 'accountGasLimits', type: 'bytes32' },
  { name: 'preVerificationGas', type: 'uint256' },
  { name: 'gasFees', type: 'bytes32' },
  { name: 'paymasterAndData', type: 'bytes' },
] as const

/** Calldata of the transaction that carries one operation; who sends it gets its fee at `beneficiary`. */
export function bundleOf({ operation }: RecordedOperation, beneficiary: Hex): Hex {
  const args = [[operation], beneficiary] as const
  return encodeFunctionData({ abi: entryPointAbi, functionName: 'handleOps', args })
}

const factoryIn = (initCode: Hex) => ({
  address: checksum(slice(initCode, 0, 20)),
  data: size(initCode) > 20 ? slice(initCode, 20) : ('0x' as Hex),
})

/** Two numbers of 16 bytes each, as decimal text. Throws when one is larger. */
function halves(high: string, low: string): Hex {
  return concat([high, low].map((text) => pad(toQuantity(BigInt(text)), { size: 16 })))
}

const halvesOf = (word: Hex) => [BigInt(slice(word, 0, 16)), BigInt(slice(word, 16, 32))] as const
