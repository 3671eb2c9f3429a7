import {
  type Hex,
  hexToSignature,
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerializableEIP1559,
} from 'viem'
import type { FeeTerms, ParsedTransaction, Payload, PayloadCodec } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { checksum } from './address.ts'
import { asEvmPayload, type EvmPayload } from './evmPayload.ts'

/** EIP-1559 bytes for one chain. */
export function evmCodec(chain: Chain): PayloadCodec {
  const chainId = Number(chain.id.slice('eip155:'.length))

  function transaction(payload: Payload, nonce: bigint, terms: FeeTerms): TransactionSerializableEIP1559 {
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

  return {
    signingDigest: (payload, nonce, terms) =>
      keccak256(serializeTransaction(transaction(payload, nonce, terms))),
    assemble(payload, nonce, terms, signature) {
      const raw = serializeTransaction(transaction(payload, nonce, terms), hexToSignature(signature as Hex))
      return { raw, hash: keccak256(raw) }
    },
    parse: (raw) => parseRaw(chain, chainId, raw as `0x02${string}`),
    maxFee: (payload, terms) => BigInt(asEvmPayload(payload).gasLimit) * BigInt(terms.maxFeePerGas),
    value: (payload) => BigInt(asEvmPayload(payload).value),
  }
}

async function parseRaw(chain: Chain, chainId: number, raw: `0x02${string}`): Promise<ParsedTransaction> {
  const parsed = parseTransaction(raw)
  if (parsed.type !== 'eip1559' || parsed.chainId !== chainId || !parsed.to) {
    throw new TypeError(`not an EIP-1559 transaction for ${chain.id}`)
  }
  const payload: EvmPayload = {
    family: 'evm',
    chain: chain.id,
    from: checksum(await recoverTransactionAddress({ serializedTransaction: raw })),
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
