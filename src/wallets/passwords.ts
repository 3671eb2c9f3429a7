import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { Secret } from '../primitives/secret.ts'
import { readSecretFile } from './keystore/files.ts'
import type { PasswordOf } from './keystoreSigner.ts'
import type { Keyring } from './osKeyring.ts'

const LEAST_LENGTH = 8
const MOST_LENGTH = 1_024

/**
 * The password in a file, without the end of its line. Throws `secret_file_exposed`, `secret_file_unreadable` and
 * `wallet_input_invalid` when it is no password.
 */
export function passwordFromFile(path: string): Secret {
  const password = new Secret(readSecretFile(path).replace(/\r?\n$/, ''))
  if (password.equals('')) throw unusable(`The password in ${path}`, 'it is empty')
  return password
}

/** Throws `wallet_input_invalid` for one that is not to be chosen anew; an old one may be anything. */
export function requireGoodPassword(password: Secret): void {
  const { length } = password.reveal()
  if (length < LEAST_LENGTH || length > MOST_LENGTH)
    throw unusable('The password', `it needs ${LEAST_LENGTH} to ${MOST_LENGTH} characters`)
}

export function samePassword(one: Secret, other: Secret): boolean {
  return one.equals(other.reveal())
}

/** Where a server has passwords from: the file if one is configured, else the keyring of the system. */
export function passwordSource(file: string | undefined, keyring: Keyring): PasswordOf {
  if (file !== undefined) return async () => passwordFromFile(file)
  return async ({ name, address }) => {
    const password = await keyring.read(address).catch((error: unknown) => {
      if (!isBursarError(error, 'keyring_unavailable')) throw error
      throw locked(name, `KEYSTORE_PASSWORD_FILE is not set, and ${error.context.reason}`, error)
    })
    if (password) return password
    throw locked(name, 'KEYSTORE_PASSWORD_FILE is not set, and the keyring has no password for it')
  }
}

function locked(name: string, reason: string, cause?: unknown): BursarError {
  return new BursarError('wallet_locked', { name, reason }, { cause })
}

function unusable(what: string, reason: string): BursarError {
  return new BursarError('wallet_input_invalid', { what, reason })
}
