import { type Hex, hexToBytes, recoverAddress, size, slice, toHex } from 'viem'
import { publicKeyToAddress } from 'viem/accounts'
import type { FeeTerms, ParsedTransaction, Payload, SignedTransaction } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { checksum } from '../address.ts'
import { asEvmPayload } from '../evmPayload.ts'
import { nativeCurve } from '../nativeCurve.ts'
import type { SmartAccounts } from './smartAccount.ts'
import {
  fieldsOf,
  isUserOperation,
  packed,
  type RecordedOperation,
  record,
  recorded,
  unpacked,
  userOperationHash,
} from './userOperation.ts'

/** The coding of user operations for one chain: what an account's owner signs, and what is recorded of it. */
export interface UserOperationCodec {
  owns(payload: Payload): boolean
  isRaw(raw: string): boolean
  signingDigest(payload: Payload, nonce: bigint, terms: FeeTerms): Hex
  assemble(payload: Payload, nonce: bigint, terms: FeeTerms, signature: string): SignedTransaction
  /** Throws when the signature is not that of the owner of an account of ours. */
  parse(raw: string): Promise<ParsedTransaction>
}

export function userOperationCodec(
  chain: Chain,
  chainId: number,
  accounts: SmartAccounts,
): UserOperationCodec {
  const recordOf = (payload: Payload, nonce: bigint, terms: FeeTerms, signature: Hex): RecordedOperation => {
    const evm = asEvmPayload(payload)
    const { entryPoint } = fieldsOf(evm)
    return { entryPoint, operation: packed(evm, nonce, terms, signature) }
  }
  return {
    owns: (payload) => asEvmPayload(payload).userOperation !== undefined,
    isRaw: isUserOperation,
    signingDigest: (payload, nonce, terms) =>
      userOperationHash(chainId, recordOf(payload, nonce, terms, '0x')),
    assemble(payload, nonce, terms, signature) {
      const whole = recordOf(payload, nonce, terms, signature as Hex)
      return { raw: record(whole), hash: userOperationHash(chainId, whole) }
    },
    async parse(raw) {
      const whole = recorded(raw as Hex)
      const { sender, nonce, signature } = whole.operation
      const hash = userOperationHash(chainId, whole)
      const owner = accounts(checksum(sender))?.owner
      if (owner === undefined) throw new TypeError(`${sender} is no account of a wallet on ${chain.id}`)
      if ((await signerOf(hash, signature)) !== owner)
        throw new TypeError(`the owner of ${sender} has not signed it`)
      return { ...unpacked(chain.id, whole), nonce, hash }
    },
  }
}

/** Throws when nobody can have signed so. */
async function signerOf(hash: Hex, signature: Hex): Promise<Hex> {
  if (size(signature) !== 65) throw new TypeError('the operation is not signed')
  const native = await nativeCurve()
  if (!native) return checksum(await recoverAddress({ hash, signature }))
  const recid = Number(slice(signature, 64, 65)) - V_OF_RECID_0
  const key = native.ecdsaRecover(hexToBytes(slice(signature, 0, 64)), recid, hexToBytes(hash), false)
  return publicKeyToAddress(toHex(key))
}

/** What a signature's last byte counts from. */
const V_OF_RECID_0 = 27
