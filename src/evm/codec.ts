import {
  concat,
  type Hex,
  hexToBytes,
  hexToSignature,
  keccak256,
  pad,
  parseTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerializableEIP1559,
  type TransactionSerializedEIP1559,
  toHex,
} from 'viem'
import { publicKeyToAddress } from 'viem/accounts'
import type { FeeTerms, ParsedTransaction, Payload, PayloadCodec } from '../chains/adapter.ts'
import type { CallKind } from '../chains/gasUses.ts'
import type { Chain } from '../chains/types.ts'
import { checksum } from './address.ts'
import { payloadCalls } from './calls/payloadCalls.ts'
import { asEvmPayload, type EvmPayload } from './evmPayload.ts'
import { nativeCurve } from './nativeCurve.ts'
import { NO_SMART_ACCOUNTS, type SmartAccounts } from './userOperations/smartAccount.ts'
import { userOperationCodec } from './userOperations/userOperationCodec.ts'

/** EIP-1559 bytes for one chain, and user operations of the contract accounts that wallets have there. */
export function evmCodec(chain: Chain, accounts: SmartAccounts = NO_SMART_ACCOUNTS): PayloadCodec {
  const chainId = chainIdOf(chain)
  const operations = userOperationCodec(chain, chainId, accounts)

  return {
    signingDigest: (payload, nonce, terms) =>
      operations.owns(payload)
        ? operations.signingDigest(payload, nonce, terms)
        : keccak256(unsignedBytes(chain, payload, nonce, terms)),
    assemble(payload, nonce, terms, signature) {
      if (operations.owns(payload)) return operations.assemble(payload, nonce, terms, signature)
      const raw = serializeTransaction(
        transaction(chainId, payload, nonce, terms),
        hexToSignature(signature as Hex),
      )
      return { raw, hash: keccak256(raw) }
    },
    parse: (raw) =>
      operations.isRaw(raw)
        ? operations.parse(raw)
        : parseRaw(chain, chainId, raw as TransactionSerializedEIP1559),
    maxFee: (payload, terms) => BigInt(asEvmPayload(payload).gasLimit) * BigInt(terms.maxFeePerGas),
    value: (payload) => BigInt(asEvmPayload(payload).value),
    gasLimit: (payload) => BigInt(asEvmPayload(payload).gasLimit),
    kind(payload) {
      const { to, data, userOperation } = asEvmPayload(payload)
      // What an account is told to do says nothing of what others take.
      return userOperation ? undefined : callKind(to, data)
    },
    calls: (payload) => payloadCalls(chain, asEvmPayload(payload), accounts),
    entryPoint: (payload) => asEvmPayload(payload).userOperation?.entryPoint,
  }
}

/** Contract and selector of a call; undefined for what carries no data. */
export function callKind(contract: Hex, data: Hex): CallKind | undefined {
  return data === '0x' ? undefined : { contract, selector: data.slice(0, 10).toLowerCase() }
}

/** What is signed. */
export function unsignedBytes(chain: Chain, payload: Payload, nonce: bigint, terms: FeeTerms): Hex {
  return serializeTransaction(transaction(chainIdOf(chain), payload, nonce, terms))
}

const chainIdOf = ({ id }: Chain) => Number(id.slice('eip155:'.length))

function transaction(
  chainId: number,
  payload: Payload,
  nonce: bigint,
  terms: FeeTerms,
): TransactionSerializableEIP1559 {
  const evm = asEvmPayload(payload)
  return {
    type: 'eip1559',
    chainId,
    nonce: Number(nonce),
    to: evm.to,
    value: BigInt(evm.value),
    data: evm.data,
    accessList: evm.accessList,
    gas: BigInt(evm.gasLimit),
    maxFeePerGas: BigInt(terms.maxFeePerGas),
    maxPriorityFeePerGas: BigInt(terms.maxPriorityFeePerGas),
  }
}

async function parseRaw(
  chain: Chain,
  chainId: number,
  raw: TransactionSerializedEIP1559,
): Promise<ParsedTransaction> {
  const parsed = parseTransaction(raw)
  if (parsed.type !== 'eip1559' || parsed.chainId !== chainId || !parsed.to) {
    throw new TypeError(`not an EIP-1559 transaction for ${chain.id}`)
  }
  const payload: EvmPayload = {
    family: 'evm',
    chain: chain.id,
    from: checksum(await signerOf(raw, parsed)),
    to: checksum(parsed.to),
    value: (parsed.value ?? 0n).toString(),
    data: parsed.data ?? '0x',
    accessList: (parsed.accessList ?? []).map(({ address, storageKeys }) => ({ address, storageKeys })),
    gasLimit: (parsed.gas ?? 0n).toString(),
  }
  return {
    payload,
    nonce: BigInt(parsed.nonce ?? 0),
    terms: {
      maxFeePerGas: (parsed.maxFeePerGas ?? 0n).toString(),
      maxPriorityFeePerGas: (parsed.maxPriorityFeePerGas ?? 0n).toString(),
    },
    hash: keccak256(raw),
  }
}

/** Throws when nobody can have signed so. */
async function signerOf(
  raw: TransactionSerializedEIP1559,
  parsed: TransactionSerializableEIP1559,
): Promise<Hex> {
  const native = await nativeCurve()
  if (!native) return recoverTransactionAddress({ serializedTransaction: raw })
  const { r, s, v, yParity, ...transaction } = parsed
  if (!r || !s || yParity === undefined) throw new TypeError('the transaction is not signed')
  const digest = hexToBytes(keccak256(serializeTransaction(transaction)))
  const signature = hexToBytes(concat([pad(r, { size: 32 }), pad(s, { size: 32 })]))
  return publicKeyToAddress(toHex(native.ecdsaRecover(signature, yParity, digest, false)))
}
