import { join } from 'node:path'
import { allChains } from '../../chains/allChains.ts'
import { loadConfig } from '../../config/loadConfig.ts'
import { readEnvironment } from '../../config/readEnvironment.ts'
import type { AccountConfig, RemoteWalletConfig } from '../../config/types.ts'
import { systemClock } from '../../primitives/clock.ts'
import { HaltStore } from '../../store/halts.ts'
import { Journal } from '../../store/journal.ts'
import { KeystoreFolder } from '../../wallets/keystore/keystoreFolder.ts'
import { type Keyring, osKeyring } from '../../wallets/osKeyring.ts'

/** What the commands about wallets work with. */
export interface WalletDesk {
  readonly folder: KeystoreFolder
  readonly remote: readonly RemoteWalletConfig[]
  /** The contract accounts that wallets own. */
  readonly accounts: readonly AccountConfig[]
  readonly keyring: Keyring
  /** Of KEYSTORE_PASSWORD_FILE. */
  readonly passwordFile: string | undefined
  /** What is stopped on the journal of this BURSAR_HOME. */
  readonly halts: HaltStore
  /** Writes to the audit log of this BURSAR_HOME. */
  readonly record: (event: string, name: string, detail: Readonly<Record<string, string>>) => Promise<void>
}

/** Runs a command about the wallets of this environment. Keystores and their log are in BURSAR_HOME, whatever serves. */
export async function withWalletDesk(action: (desk: WalletDesk) => Promise<void>): Promise<void> {
  // Whoever imports a key may still have it in the environment, which a server would refuse.
  const env = { ...readEnvironment(), ALLOW_ENVIRONMENT_KEYS: 'true' }
  const { home, remoteWallets: remote, accounts, keystorePasswordFile } = loadConfig(env, allChains)
  const journal = new Journal(join(home, 'journal.db'), systemClock)
  try {
    await action({
      folder: new KeystoreFolder(home, remote),
      remote,
      accounts,
      keyring: osKeyring(),
      passwordFile: keystorePasswordFile,
      halts: new HaltStore(journal),
      record: (event, subject, detail) =>
        journal.transact(async (_tx, audit) => audit({ event, subject, detail })),
    })
  } finally {
    await journal.close()
  }
}
