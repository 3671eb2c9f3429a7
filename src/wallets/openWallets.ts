import type { Config } from '../config/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { parseAddress } from '../evm/address.ts'
import type { Clock } from '../primitives/clock.ts'
import { KeystoreFolder, type KnownAccount, requireFree } from './keystore/keystoreFolder.ts'
import { keystoreSigner } from './keystoreSigner.ts'
import { type Keyring, osKeyring } from './osKeyring.ts'
import { passwordSource } from './passwords.ts'
import { addressOfKey } from './privateKey.ts'
import { type RemoteSigner, remoteSigner } from './remoteSigner.ts'
import type { TransactionSigner } from './signer.ts'
import { WalletBook, type WalletKind } from './walletBook.ts'

type WalletSettings = Pick<
  Config,
  'home' | 'wallets' | 'accounts' | 'remoteWallets' | 'walletChains' | 'keystorePasswordFile' | 'rpcTimeoutMs'
>

/** The wallets of a configuration, and what of them cannot be used. */
export interface OpenWallets {
  readonly book: WalletBook
  /** Those whose keys are in encrypted files. */
  readonly stored: readonly { readonly name: string; readonly signer: TransactionSigner }[]
  readonly remote: readonly { readonly name: string; readonly host: string; readonly signer: RemoteSigner }[]
  /** By the name that it would have; `*`: the folder of keystores. */
  readonly broken: ReadonlyMap<string, BursarError>
  /** What looks wrong, for the log. */
  readonly warnings: readonly string[]
}

/** Nothing is opened, decrypted or asked before a wallet is needed. Of two that are one account the first counts. */
export function openWallets(
  config: WalletSettings,
  clock: Clock,
  keyring: Keyring = osKeyring(),
): OpenWallets {
  const broken = new Map<string, BursarError>()
  const known: KnownAccount[] = config.wallets.map(({ name, privateKey }) => {
    return { name, address: addressOfKey(privateKey) }
  })
  const remote = config.remoteWallets.flatMap(({ address: given, ...settings }) => {
    const { name, host } = settings
    try {
      const address = parseAddress(given, variableOf(name, 'ADDRESS'))
      requireFree({ name, address }, known)
      known.push({ name, address })
      const signer = remoteSigner({ ...settings, address, timeoutMs: config.rpcTimeoutMs }, clock)
      return [{ name, host, signer }]
    } catch (error) {
      broken.set(name, error as BursarError)
      return []
    }
  })
  const folder = new KeystoreFolder(config.home, known).list()
  for (const [name, error] of folder.broken) broken.set(name, error)
  const passwordOf = passwordSource(config.keystorePasswordFile, keyring)
  const stored = folder.wallets.map((wallet) => {
    return { name: wallet.name, signer: keystoreSigner(wallet, passwordOf, clock) }
  })
  const wallets = [
    ...remote.map(({ name, signer }) => walletOf(name, 'remote', signer)),
    ...stored.map(({ name, signer }) => walletOf(name, 'eoa', signer)),
  ]
  const chains = config.walletChains
  const owners = new Set([...config.wallets, ...stored].map(({ name }) => name))
  const accounts = config.accounts.filter(({ name, owner }) => {
    if (owners.has(owner)) return true
    broken.set(name, new BursarError('wallet_unknown', { given: owner, known: [...owners] }))
    return false
  })
  const names = new Set([...known, ...wallets].map(({ name }) => name))
  const idle = [...chains.keys()].filter((name) => !names.has(name) && !broken.has(name))
  return {
    book: new WalletBook(config.wallets, clock, { wallets, accounts, broken, chains }),
    stored,
    remote,
    broken,
    warnings: [
      ...[...broken.values()].map(({ message, fix }) => `${message} ${fix}`),
      ...idle.map((name) => `${variableOf(name, 'CHAINS')} does nothing: there is no wallet "${name}"`),
    ],
  }
}

const walletOf = (name: string, kind: WalletKind, signer: TransactionSigner) => {
  return { name, kind, address: signer.account, signer }
}

const variableOf = (name: string, suffix: string) =>
  `WALLET_${name.toUpperCase().replaceAll('-', '_')}_${suffix}`
