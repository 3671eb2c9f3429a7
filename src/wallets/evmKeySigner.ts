import { concat, type Hex, hexToBytes, toHex } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { BursarError } from '../errors/bursarError.ts'
import { nativeCurve } from '../evm/nativeCurve.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Secret } from '../primitives/secret.ts'
import type { TransactionSigner } from './signer.ts'
import { checkOrder } from './signingOrder.ts'

/** What a signature's last byte counts from. */
const V_OF_RECID_0 = 27

/** A key at hand signs for every contract account that it owns. */
export type KeySigner = Required<TransactionSigner>

/**
 * An EOA whose key is held in memory, behind a Secret, and used here only (R6). With `owned` it signs for that contract
 * account of the EOA's, and for nothing else.
 */
export function evmKeySigner(key: Secret, clock: Clock, owned?: string): KeySigner {
  const account = owned ?? privateKeyToAddress(key.reveal() as Hex)
  return {
    can: 'sign',
    account,
    made: 'here',
    async ready() {},
    forAccount: (address) => evmKeySigner(key, clock, address),
    async sign(order, codec) {
      const { payload, nonce, terms } = order
      // A transaction signed for an account of its owner's would be one of the owner itself.
      if ((codec.entryPoint(payload) === undefined) !== (owned === undefined))
        throw new BursarError('receipt_refused', { reason: `it is not what ${account} signs` })
      checkOrder(order, account, clock)
      const digest = codec.signingDigest(payload, nonce, terms) as Hex
      return codec.assemble(payload, nonce, terms, await signatureOf(digest, key))
    },
  }
}

async function signatureOf(digest: Hex, key: Secret): Promise<Hex> {
  const privateKey = key.reveal() as Hex
  const native = await nativeCurve()
  if (!native) return sign({ hash: digest, privateKey, to: 'hex' })
  const { signature, recid } = native.ecdsaSign(hexToBytes(digest), hexToBytes(privateKey))
  return concat([toHex(signature), toHex(V_OF_RECID_0 + recid)])
}
