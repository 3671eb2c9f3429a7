import { concat, type Hex, pad, parseTransaction, toHex } from 'viem'
import type { PayloadCodec, SignedTransaction } from '../chains/adapter.ts'
import type { SigningOrder } from '../chains/simulationReceipt.ts'
import { asEvmPayload } from '../evm/evmPayload.ts'

/** Half of the order of secp256k1: of the two signatures of a transaction chains take the one not above it (EIP-2). */
const MOST_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * The signed transaction in what a signer elsewhere has answered, if it is, byte for byte, the one that was asked for,
 * signed by its payer (T33); else what is wrong. The bytes that go on are put together here, from what was asked and from
 * the signature alone.
 */
export async function signedAsAsked(
  answer: unknown,
  order: SigningOrder,
  codec: PayloadCodec,
): Promise<SignedTransaction | { readonly wrong: string }> {
  const raw = rawOf(answer)
  if (raw === undefined) return { wrong: 'it answered with what is no bytes' }
  const signature = readSignature(raw, order)
  if (typeof signature !== 'string') return signature
  const { payload, nonce, terms } = order
  try {
    const signed = codec.assemble(payload, nonce, terms, signature)
    if (signed.raw !== raw) return { wrong: 'its bytes are not those of the transaction' }
    const { from } = (await codec.parse(signed.raw)).payload
    return from === payload.from ? signed : { wrong: `it is signed by ${from}` }
  } catch {
    // Both throw for numbers that are no signature.
    return { wrong: 'it is signed by nobody' }
  }
}

/** Web3Signer answers with the bytes, Geth with an object that has them as `raw`. */
function rawOf(answer: unknown): Hex | undefined {
  const raw =
    typeof answer === 'object' && answer !== null ? (answer as { readonly raw?: unknown }).raw : answer
  return typeof raw === 'string' && /^0x[0-9a-f]+$/i.test(raw) ? (raw.toLowerCase() as Hex) : undefined
}

/** r, s and v, 65 bytes; or which fields say something else than was asked. */
function readSignature(raw: Hex, order: SigningOrder): Hex | { readonly wrong: string } {
  let parsed: ReturnType<typeof parseTransaction>
  try {
    parsed = parseTransaction(raw)
  } catch {
    return { wrong: 'its bytes are no transaction' }
  }
  const asked = fieldsOf(order)
  const differing = Object.keys(asked).filter((name) => {
    const told = (parsed as Readonly<Record<string, unknown>>)[name] ?? ABSENT[name]
    return spelt(told) !== spelt(asked[name])
  })
  if (differing.length > 0) return { wrong: `other than asked: ${differing.join(', ')}` }
  const { r, s, yParity } = parsed as { readonly r?: Hex; readonly s?: Hex; readonly yParity?: number }
  if (r === undefined || s === undefined || yParity === undefined) return { wrong: 'it is not signed' }
  if (BigInt(s) > MOST_S) return { wrong: 'its signature is one that no chain takes' }
  return concat([pad(r, { size: 32 }), pad(s, { size: 32 }), toHex(27 + yParity, { size: 1 })])
}

function fieldsOf({ payload, nonce, terms }: SigningOrder): Readonly<Record<string, unknown>> {
  const evm = asEvmPayload(payload)
  return {
    type: 'eip1559',
    chainId: evm.chain.slice('eip155:'.length),
    nonce,
    to: evm.to,
    value: evm.value,
    data: evm.data,
    gas: evm.gasLimit,
    maxFeePerGas: terms.maxFeePerGas,
    maxPriorityFeePerGas: terms.maxPriorityFeePerGas,
    accessList: evm.accessList,
  }
}

/** How the parser leaves out what is empty. */
const ABSENT: Readonly<Record<string, unknown>> = {
  nonce: 0,
  value: 0,
  data: '0x',
  gas: 0,
  maxFeePerGas: 0,
  maxPriorityFeePerGas: 0,
  accessList: [],
}

const spelt = (value: unknown) =>
  (typeof value === 'object' ? JSON.stringify(value) : String(value)).toLowerCase()
