import { BursarError } from '../../errors/bursarError.ts'
import type { Secret } from '../../primitives/secret.ts'
import { keyFromFile } from '../../wallets/keyFromFile.ts'
import type { StoredWallet } from '../../wallets/keystore/storedWallet.ts'
import {
  passwordFromFile,
  passwordSource,
  requireGoodPassword,
  samePassword,
} from '../../wallets/passwords.ts'
import { askHidden } from '../terminal.ts'
import type { WalletDesk } from './walletDesk.ts'
import type { ImportOptions, NewPasswordOptions, PasswordOptions } from './walletOptions.ts'

/** The password that a wallet is to have: of a file, else typed twice. */
export async function newPassword({ passwordFile }: NewPasswordOptions, desk: WalletDesk): Promise<Secret> {
  const file = passwordFile ?? desk.passwordFile
  const password = file === undefined ? await askHidden('New password: ') : passwordFromFile(file)
  requireGoodPassword(password)
  if (file === undefined && !samePassword(await askHidden('The same again: '), password))
    throw new BursarError('wallet_input_invalid', { what: 'The password', reason: 'the two differ' })
  return password
}

/** The password that a wallet has: of a file, else as a server would find it, else typed. */
export async function oldPassword(
  wallet: StoredWallet,
  { oldPasswordFile }: PasswordOptions,
  { passwordFile, keyring }: WalletDesk,
): Promise<Secret> {
  if (oldPasswordFile !== undefined) return passwordFromFile(oldPasswordFile)
  try {
    return await passwordSource(passwordFile, keyring)(wallet)
  } catch {
    // Then a person knows it.
    return askHidden('Password that it has: ')
  }
}

/** The key that is to be taken over, as hex digits. It never comes from the command line, which others can see. */
export function keyToImport({ from, fromPasswordFile }: ImportOptions): Promise<Secret> {
  if (from === undefined) return askHidden('Private key, 64 hex digits: ')
  return keyFromFile(from, async () =>
    fromPasswordFile === undefined
      ? askHidden('Password of that keystore: ')
      : passwordFromFile(fromPasswordFile),
  )
}
