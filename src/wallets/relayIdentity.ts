import type { Hex } from 'viem'
import { privateKeyToAddress, signMessage } from 'viem/accounts'
import type { RelayIdentity } from '../chains/routes.ts'
import type { Secret } from '../primitives/secret.ts'

/** The identity of FLASHBOTS_AUTH_KEY (R6). Configuration refuses a key that a wallet has: it signs what it is given. */
export function relayIdentity(key: Secret): RelayIdentity {
  return {
    address: privateKeyToAddress(key.reveal() as Hex),
    signMessage: (message) => signMessage({ message, privateKey: key.reveal() as Hex }),
  }
}
