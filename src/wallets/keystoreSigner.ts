import type { Clock } from '../primitives/clock.ts'
import type { Secret } from '../primitives/secret.ts'
import { evmKeySigner, type KeySigner } from './evmKeySigner.ts'
import { openKeystore, type StoredWallet } from './keystore/storedWallet.ts'
import type { TransactionSigner } from './signer.ts'

/** The password of a wallet. Throws `wallet_locked`, and what is wrong with the file that it is in. */
export type PasswordOf = (wallet: StoredWallet) => Promise<Secret>

/**
 * An EOA whose key is in an encrypted file, which is opened when it is first needed, once, outside of the event loop. What
 * fails is tried again at the next call.
 */
export function keystoreSigner(
  wallet: StoredWallet,
  passwordOf: PasswordOf,
  clock: Clock,
): TransactionSigner {
  let opening: Promise<KeySigner> | undefined
  const open = async () => evmKeySigner(await openKeystore(wallet.path, await passwordOf(wallet)), clock)
  const opened = () => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    can: 'sign',
    account: wallet.address,
    made: 'here',
    async ready() {
      await opened()
    },
    forAccount: (address) => ({
      can: 'sign',
      account: address,
      made: 'here',
      async ready() {
        await opened()
      },
      sign: async (order, codec) => (await opened()).forAccount(address).sign(order, codec),
    }),
    // The account that signs is the one that the key has: an order for another one is refused there.
    sign: async (order, codec) => (await opened()).sign(order, codec),
  }
}
