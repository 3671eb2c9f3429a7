import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isWalletName, MAX_NAME_LENGTH } from '../../config/wallets.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { makeFolder } from '../../primitives/makeFolder.ts'
import type { Secret } from '../../primitives/secret.ts'
import { addressOfKey, canonicalKey, keyProblem, newPrivateKey } from '../privateKey.ts'
import { addFile, codeOf, linkFile, removeFile, replaceFile } from './files.ts'
import { openKeystore, readStoredWallet, type StoredWallet } from './storedWallet.ts'
import { encryptKeystore } from './v3.ts'

export interface StoredWallets {
  /** By name. */
  readonly wallets: readonly StoredWallet[]
  /** What cannot be used, by the name that it would have; `*` when it is the folder. */
  readonly broken: ReadonlyMap<string, BursarError>
}

/** An account that is known by a name already. */
export interface KnownAccount {
  readonly name: string
  readonly address: string
}

const SUFFIX = '.json'
const WRITABLE_BY_OTHERS = 0o022
/** Of what a rotation keeps: a name, and until when. */
const MOST_IN_FILES = MAX_NAME_LENGTH + '-until-20260101'.length

/** Encrypted keys, one file a wallet, in `$BURSAR_HOME/wallets`. */
export class KeystoreFolder {
  readonly #folder: string
  readonly #others: readonly KnownAccount[]

  /** `others`: wallets whose keys are elsewhere; their names and accounts are taken as well. */
  constructor(home: string, others: readonly KnownAccount[] = []) {
    this.#folder = join(home, 'wallets')
    this.#others = others
  }

  /** What is in the folder, without opening anything. Of files with one account the first counts. */
  list(): StoredWallets {
    const wallets: StoredWallet[] = []
    const broken = new Map<string, BursarError>()
    // What these throw is told in their words; nothing else is expected of them.
    const unless = <T>(at: string, read: () => T): T | undefined => {
      try {
        return read()
      } catch (error) {
        broken.set(at, error as BursarError)
        return undefined
      }
    }
    for (const name of unless('*', () => this.#names()) ?? []) {
      unless(name, () => {
        const wallet = readStoredWallet(name, this.#path(name))
        requireFree(wallet, [...this.#others, ...wallets])
        wallets.push(wallet)
      })
    }
    return { wallets, broken }
  }

  /** The one of that name. Throws `wallet_unknown`, or what is wrong with its file. */
  find(name: string): StoredWallet {
    const { wallets, broken } = this.list()
    const found = wallets.find((wallet) => wallet.name === name)
    if (found) return found
    const known = wallets.map((wallet) => wallet.name)
    const wrong = broken.get(name) ?? broken.get('*')
    throw wrong ?? new BursarError('wallet_unknown', { given: name.slice(0, 80), known })
  }

  /** A new key under a new name. Throws `wallet_exists`, `wallet_input_invalid` and `keystore_unwritable`. */
  create(name: string, password: Secret): Promise<StoredWallet> {
    return this.#add(name, newPrivateKey(), password)
  }

  /** A key that somebody has already, as hex digits. Throws what `create` does. */
  async import(name: string, given: Secret, password: Secret): Promise<StoredWallet> {
    const wrong = keyProblem(given)
    if (wrong !== undefined) throw invalid('The private key', wrong)
    return this.#add(name, canonicalKey(given), password)
  }

  /** Whether a wallet may get another name; throws why not: what `find` does, `wallet_exists`, `wallet_input_invalid`. */
  requireRenamable(from: string, to: string): void {
    if (this.#isHalfRenamed(from, to)) return
    this.find(from)
    this.requireFreeName(to)
  }

  /** If it ends half-way, the file has both names, and the same again goes on from there. Throws `keystore_unwritable` too. */
  rename(from: string, to: string): StoredWallet {
    this.requireRenamable(from, to)
    const [old, next] = [this.#path(from), this.#path(to)]
    // Two names for a moment: if it ends here, none is lost.
    if (!this.#isHalfRenamed(from, to)) linkFile(old, next, to)
    removeFile(old)
    return readStoredWallet(to, next)
  }

  /**
   * A new key under the name; the old one under another, so that what it holds can be moved. If it ends half-way, the
   * old file has both names, and rotating again goes on from there. Throws what `rename` does.
   */
  async rotate(name: string, keptAs: string, password: Secret): Promise<StoredWallet> {
    const { path } = this.find(name)
    const kept = this.#path(keptAs)
    const key = newPrivateKey()
    const address = addressOfKey(key)
    const text = await encryptKeystore(key, address, password)
    if (!isSameFile(path, kept)) linkFile(path, kept, keptAs)
    replaceFile(path, text)
    return { name, address, path }
  }

  /** Encrypts a wallet anew. Throws `password_wrong`, what `find` does, and `keystore_unwritable`. */
  async changePassword(name: string, old: Secret, next: Secret): Promise<StoredWallet> {
    const wallet = this.find(name)
    const key = await openKeystore(wallet.path, old)
    replaceFile(wallet.path, await encryptKeystore(key, wallet.address, next))
    return wallet
  }

  /** Throws `wallet_exists` and `wallet_input_invalid`: what is asked for is known to be wrong before a password is. */
  requireFreeName(name: string): void {
    if (!isWalletName(name)) {
      const rule = `lower-case letters and digits, parted by single hyphens, ${MAX_NAME_LENGTH} at most`
      throw invalid(`The name "${name.slice(0, 80)}"`, `a wallet's name is ${rule}`)
    }
    const taken = [...this.#others.map((one) => one.name), ...this.#names()].includes(name)
    if (taken) throw new BursarError('wallet_exists', { name, reason: 'there is one of that name' })
  }

  #isHalfRenamed(from: string, to: string): boolean {
    // What is no name could be another way to the same file.
    const areNames = isWalletName(from, MOST_IN_FILES) && isWalletName(to) && from !== to
    return areNames && isSameFile(this.#path(from), this.#path(to))
  }

  async #add(name: string, key: Secret, password: Secret): Promise<StoredWallet> {
    this.requireFreeName(name)
    const wallet = { name, address: addressOfKey(key), path: this.#path(name) }
    requireFree(wallet, [...this.#others, ...this.list().wallets])
    const text = await encryptKeystore(key, wallet.address, password)
    try {
      makeFolder(this.#folder)
    } catch (error) {
      throw new BursarError('keystore_unwritable', { path: this.#folder, reason: codeOf(error) })
    }
    addFile(wallet.path, name, text)
    return wallet
  }

  #path(name: string): string {
    return join(this.#folder, `${name}${SUFFIX}`)
  }

  /** Throws `secret_file_exposed` where others may put keys of theirs into it, and `secret_file_unreadable`. */
  #names(): readonly string[] {
    const path = this.#folder
    try {
      const mode = statSync(path).mode & 0o777
      if ((mode & WRITABLE_BY_OTHERS) !== 0)
        throw new BursarError('secret_file_exposed', { path, mode: mode.toString(8) })
      const files = readdirSync(path).filter((file) => file.endsWith(SUFFIX))
      const names = files.map((file) => file.slice(0, -SUFFIX.length))
      return names.filter((name) => isWalletName(name, MOST_IN_FILES)).sort()
    } catch (error) {
      if (error instanceof BursarError) throw error
      if (codeOf(error) === 'ENOENT') return []
      throw new BursarError('secret_file_unreadable', { path, reason: codeOf(error) })
    }
  }
}

/** Two names for one account would give it two sets of limits. */
export function requireFree({ name, address }: KnownAccount, known: readonly KnownAccount[]): void {
  const same = known.find((one) => one.name === name || one.address === address)
  if (!same) return
  const reason =
    same.name === name ? 'there is one of that name' : `"${same.name}" is the same account, ${address}`
  throw new BursarError('wallet_exists', { name, reason })
}

function invalid(what: string, reason: string): BursarError {
  return new BursarError('wallet_input_invalid', { what, reason })
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev
}
