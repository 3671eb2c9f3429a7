import { createCipheriv, createDecipheriv, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { hexToBytes, keccak256 } from 'viem'
import * as z from 'zod'
import { Secret } from '../../primitives/secret.ts'
import { derivation, scryptMemory } from './derivation.ts'

// Web3 Secret Storage, version 3 (ethereum.org, "Web3 secret storage definition"): what geth, ethers and others read.

/** What geth calls standard: a second and 256 MiB for each guess. */
const STANDARD = { n: 262_144, r: 8, p: 1 }
/** What a file may ask for: a stranger's must not take the machine's memory, or an hour. */
const MOST_MEMORY = 2 ** 30 + 2 ** 20
const MOST_LANES = 16
const MOST_ROUNDS = 10_000_000
const CIPHER = 'aes-128-ctr'

const bytes = (count: number) =>
  z
    .string()
    .regex(new RegExp(`^(?:0x)?[0-9a-fA-F]{${2 * count}}$`))
    .transform((text) => text.replace(/^0x/, '').toLowerCase())
const salt = z
  .string()
  .regex(/^(?:0x)?(?:[0-9a-fA-F]{2}){8,64}$/)
  .transform((text) => text.replace(/^0x/, ''))
const whole = (most: number) => z.number().int().min(1).max(most)

const sealed = {
  cipher: z.literal(CIPHER),
  cipherparams: z.object({ iv: bytes(16) }),
  ciphertext: bytes(32),
  mac: bytes(32),
}
const scryptParameters = z
  .object({ n: whole(2 ** 23).min(2), r: whole(64), p: whole(MOST_LANES), dklen: z.literal(32), salt })
  .refine(({ n }) => Number.isInteger(Math.log2(n)))
  // RFC 7914, section 2: neither OpenSSL nor ethers takes more.
  .refine(({ n, r }) => Math.log2(n) < 16 * r)
  .refine((parameters) => scryptMemory(parameters) <= MOST_MEMORY)
const pbkdf2Parameters = z.object({
  c: whole(MOST_ROUNDS),
  prf: z.literal('hmac-sha256'),
  dklen: z.literal(32),
  salt,
})
const Keystore = z.object({
  version: z.literal(3),
  address: bytes(20).exactOptional(),
  crypto: z.discriminatedUnion('kdf', [
    z.object({ ...sealed, kdf: z.literal('scrypt'), kdfparams: scryptParameters }),
    z.object({ ...sealed, kdf: z.literal('pbkdf2'), kdfparams: pbkdf2Parameters }),
  ]),
})

/** An encrypted key; `address` is 40 lower-case hex digits, and only a claim until the key was decrypted. */
export type Keystore = z.infer<typeof Keystore>

/** The keystore that a text spells, or what is wrong with it, in our words: neither shows what is in it. */
export function parseKeystore(text: string): Keystore | { readonly wrong: string } {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return { wrong: 'it is not complete JSON: it was cut off or changed' }
  }
  const result = Keystore.safeParse(withLowerCaseCrypto(document))
  if (result.success) return result.data
  const { version } = (document ?? {}) as { readonly version?: unknown }
  if (version !== undefined && version !== 3)
    return {
      wrong: `its version is ${typeof version === 'number' ? version : 'unknown'}, and only 3 can be read`,
    }
  const paths = [...new Set(result.error.issues.map(({ path }) => path.join('.') || 'all of it'))]
  return { wrong: `it is no keystore of version 3 (${paths.join(', ')})` }
}

/** Some tools write it in capitals. */
function withLowerCaseCrypto(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || !('Crypto' in document)) return document
  return { crypto: document.Crypto, ...document }
}

const derive = derivation()

/**
 * Encrypts a key (0x and 64 hex digits) under a password, as JSON text. `address`: 0x and 40 hex digits. What Bursar
 * writes costs what is standard.
 */
export async function encryptKeystore(key: Secret, address: string, password: Secret): Promise<string> {
  const parameters = { ...STANDARD, salt: randomBytes(32).toString('hex') }
  const derived = await withPassword(password.reveal().normalize('NFKC'), (bytes) =>
    derive(bytes, parameters),
  )
  const iv = randomBytes(16)
  const cipher = createCipheriv(CIPHER, derived.subarray(0, 16), iv)
  const plain = Buffer.from(key.reveal().slice(2), 'hex')
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  plain.fill(0)
  const mac = macOf(derived, ciphertext)
  derived.fill(0)
  return JSON.stringify({
    version: 3,
    id: randomUUID(),
    address: address.slice(2).toLowerCase(),
    crypto: {
      cipher: CIPHER,
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf: 'scrypt',
      kdfparams: { ...parameters, dklen: 32 },
      mac: mac.toString('hex'),
    },
  })
}

/**
 * The key in it, 0x and 64 hex digits; undefined when the password is wrong. Passwords are normalised (NFKC), as ethers does; a file of a
 * tool that does not is tried with the password as it was typed.
 */
export async function decryptKeystore({ crypto }: Keystore, password: Secret): Promise<Secret | undefined> {
  const typed = password.reveal()
  const ciphertext = Buffer.from(crypto.ciphertext, 'hex')
  for (const text of new Set([typed.normalize('NFKC'), typed])) {
    const derived = await withPassword(text, (bytes) => derive(bytes, crypto.kdfparams))
    try {
      if (!timingSafeEqual(macOf(derived, ciphertext), Buffer.from(crypto.mac, 'hex'))) continue
      const iv = Buffer.from(crypto.cipherparams.iv, 'hex')
      const decipher = createDecipheriv(CIPHER, derived.subarray(0, 16), iv)
      const plain = Buffer.concat([decipher.update(ciphertext), decipher.final()])
      const key = new Secret(`0x${plain.toString('hex')}`)
      plain.fill(0)
      return key
    } finally {
      derived.fill(0)
    }
  }
  return undefined
}

async function withPassword<T>(text: string, use: (bytes: Buffer) => Promise<T>): Promise<T> {
  const bytes = Buffer.from(text, 'utf8')
  try {
    return await use(bytes)
  } finally {
    bytes.fill(0)
  }
}

/** Keccak-256 over the derived key's second half and the ciphertext. */
function macOf(derived: Buffer, ciphertext: Buffer): Buffer {
  const covered = Buffer.concat([derived.subarray(16, 32), ciphertext])
  const mac = Buffer.from(hexToBytes(keccak256(covered)))
  covered.fill(0)
  return mac
}
