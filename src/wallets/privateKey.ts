import { randomBytes } from 'node:crypto'
import { type Hex, toHex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { isPublicKnowledge } from '../config/publicKeys.ts'
import { privateKeyOf } from '../config/wallets.ts'
import { Secret } from '../primitives/secret.ts'

/** A new one. All but one in 2^128 of the random numbers are keys; `draw` is for a test of the others. */
export function newPrivateKey(draw: () => Uint8Array = () => randomBytes(32)): Secret {
  for (;;) {
    const drawn = draw()
    const key = privateKeyOf(toHex(drawn))
    drawn.fill(0)
    if (key !== undefined) return new Secret(key)
  }
}

/** What is wrong with a text that is to be somebody's private key, without showing it; undefined: nothing. */
export function keyProblem(text: Secret): string | undefined {
  const key = privateKeyOf(text.reveal())
  if (key === undefined) return 'it is not a private key: 64 hex digits, with or without 0x, and not zero'
  return isPublicKnowledge(key) ? 'it is a development key: everybody can spend from it' : undefined
}

/** In the one spelling: 0x and 64 lower-case hex digits. For keys that `keyProblem` has nothing against. */
export function canonicalKey(text: Secret): Secret {
  return new Secret(privateKeyOf(text.reveal()) as string)
}

/** EIP-55 spelling. */
export function addressOfKey(key: Secret): string {
  return privateKeyToAddress(key.reveal() as Hex)
}
