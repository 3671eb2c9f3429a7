import { concat, type Hex, hexToBytes, toHex } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { checkBinding, checkFreshness } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import { nativeCurve } from '../evm/nativeCurve.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Secret } from '../primitives/secret.ts'
import type { Signer } from './signer.ts'

/** What a signature's last byte counts from. */
const V_OF_RECID_0 = 27

/** An EOA whose key is held in memory, behind a Secret, and used here only (R6). */
export function evmKeySigner(key: Secret, clock: Clock): Signer {
  const account = privateKeyToAddress(key.reveal() as Hex)
  return {
    account,
    async sign(order, codec) {
      const { payload, nonce, terms, receipt, head } = order
      if (payload.from !== account) {
        throw new BursarError('receipt_refused', {
          reason: `it is to be paid by ${payload.from}, not ${account}`,
        })
      }
      checkBinding(receipt, payload)
      checkFreshness(receipt, clock.now(), head)
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
