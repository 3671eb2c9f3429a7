import { BursarError } from '../../errors/bursarError.ts'
import { checksum } from '../../evm/address.ts'
import type { Secret } from '../../primitives/secret.ts'
import { addressOfKey, keyProblem } from '../privateKey.ts'
import { readSecretFile } from './files.ts'
import { decryptKeystore, type Keystore, parseKeystore } from './v3.ts'

/** A wallet whose key is in a file. */
export interface StoredWallet {
  readonly name: string
  /** EIP-55 spelling, as the file says; proven when it is opened. */
  readonly address: string
  readonly path: string
}

/** The wallet of a file. Throws what `readKeystore` does, and `keystore_damaged` where it does not say whose it is. */
export function readStoredWallet(name: string, path: string): StoredWallet {
  const { address } = readKeystore(path)
  if (address === undefined) throw damaged(path, 'it has no address: import it instead')
  return { name, address: checksum(`0x${address}`), path }
}

/** Throws `keystore_damaged`, `secret_file_exposed` and `secret_file_unreadable`. */
function readKeystore(path: string): Keystore {
  const keystore = parseKeystore(readSecretFile(path))
  if ('wrong' in keystore) throw damaged(path, keystore.wrong)
  return keystore
}

/** The key of a file. Throws `password_wrong`, and what `readKeystore` throws; takes about a second. */
export async function openKeystore(path: string, password: Secret): Promise<Secret> {
  const keystore = readKeystore(path)
  const key = await decryptKeystore(keystore, password)
  if (key === undefined) throw new BursarError('password_wrong', { path })
  const wrong = keyProblem(key)
  if (wrong !== undefined) throw damaged(path, wrong)
  // Somebody has changed the part that no password protects: payments would be prepared for another account.
  const address = addressOfKey(key)
  if (keystore.address !== undefined && checksum(`0x${keystore.address}`) !== address)
    throw damaged(path, `its key is that of ${address}, and its address is another one`)
  return key
}

function damaged(path: string, reason: string): BursarError {
  return new BursarError('keystore_damaged', { path, reason })
}
