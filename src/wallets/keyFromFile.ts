import { Secret } from '../primitives/secret.ts'
import { readSecretFile } from './keystore/files.ts'
import { openKeystore } from './keystore/storedWallet.ts'

/**
 * The key in a file: hex digits, or a keystore of any tool, for which a password is asked. Throws what reading and opening
 * it throws; hex digits are looked at by who uses them.
 */
export async function keyFromFile(path: string, password: () => Promise<Secret>): Promise<Secret> {
  const text = new Secret(readSecretFile(path).trim())
  return text.reveal().startsWith('{') ? openKeystore(path, await password()) : text
}
