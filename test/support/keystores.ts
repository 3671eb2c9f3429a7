import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encryptKeystoreJson } from 'ethers'
import { privateKeyToAddress } from 'viem/accounts'

/** A key that nobody else has, with its account. */
export const CANARY_KEY = '0xcafef00dcafef00d5d2f48607a1c9e3b5d2f48607a1c9e3b5d2f48607a1cca11'
export const CANARY_ACCOUNT = privateKeyToAddress(CANARY_KEY)
export const OTHER_KEY = '0x1f1e1d1c1b1a19181716151413121110f0e0d0c0b0a090807060504030201001'
export const OTHER_ACCOUNT = privateKeyToAddress(OTHER_KEY)
export const PASSWORD = 'canary-password-9b1d'

/** A keystore as ethers writes it, at a thousandth of the usual cost. */
export function foreignKeystore(privateKey: string, password = PASSWORD): Promise<string> {
  const account = { address: privateKeyToAddress(privateKey as `0x${string}`), privateKey }
  return encryptKeystoreJson(account, password, { scrypt: { N: 1024, r: 8, p: 1 } })
}

/** Puts a keystore where a server of this BURSAR_HOME looks for it; answers its path. */
export async function placeKeystore(
  home: string,
  name: string,
  privateKey: string,
  password = PASSWORD,
): Promise<string> {
  const folder = join(home, 'wallets')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${name}.json`)
  writeFileSync(path, await foreignKeystore(privateKey, password), { mode: 0o600 })
  return path
}

/** A file with a password that only its owner can read. */
export function placeSecret(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
