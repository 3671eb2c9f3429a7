import type { AccountConfig } from '../../config/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { smartAccountOf } from '../../evm/userOperations/smartAccount.ts'
import { baseName } from '../../primitives/walletNames.ts'
import { haltScope } from '../../store/halts.ts'
import type { StoredWallet } from '../../wallets/keystore/storedWallet.ts'
import { print } from '../output.ts'
import { type WalletDesk, withWalletDesk } from './walletDesk.ts'
import type { ImportOptions, NewPasswordOptions, PasswordOptions, RotateOptions } from './walletOptions.ts'
import { keyToImport, newPassword, oldPassword } from './walletSecrets.ts'

const DAY_MS = 86_400_000
const RESTART = 'A server that runs sees it when it is started again.'

/** `bursar wallet create` */
export function create(name: string, options: NewPasswordOptions): Promise<void> {
  return withNewPassword(options, async (desk, password) => {
    desk.folder.requireFreeName(name)
    return tell(desk, 'created', await desk.folder.create(name, await password()))
  })
}

/** `bursar wallet import` */
export function importKey(name: string, options: ImportOptions): Promise<void> {
  return withNewPassword(options, async (desk, password) => {
    desk.folder.requireFreeName(name)
    const key = await keyToImport(options)
    const wallet = await desk.folder.import(name, key, await password())
    await tell(desk, 'imported', wallet)
    const { from } = options
    print(
      from === undefined
        ? 'Remove the key from where you have it in plain text.'
        : `Remove ${from} if it has the key in plain text.`,
    )
    return wallet
  })
}

/** `bursar wallet list` */
export function list(): Promise<void> {
  return withWalletDesk(async ({ folder, remote }) => {
    const { wallets, broken } = folder.list()
    for (const { name, address } of wallets) print(`${name}  ${address}`)
    for (const { name, address, host } of remote) print(`${name}  ${address}  (signer at ${host})`)
    for (const [name, { message, fix }] of broken) print(`${name}  cannot be used: ${message} ${fix}`)
    if (wallets.length + remote.length + broken.size === 0)
      print('There are no wallets yet. Run "bursar wallet create NAME" to make one.')
  })
}

/** `bursar wallet rename` */
export function rename(name: string, next: string): Promise<void> {
  return withWalletDesk(async (desk) => {
    desk.folder.requireRenamable(name, next)
    // Before it has the name: at no moment may it be signed for.
    await keepHalted(desk, name, next)
    await tell(desk, 'renamed', desk.folder.rename(name, next), { from: name })
  })
}

/** Halts are kept by the name that was given. Those of the old one stay: servers that run know the wallet by it. */
async function keepHalted({ halts }: WalletDesk, name: string, next: string): Promise<void> {
  for (const { wallet, reason, since: _since, ...where } of await halts.list()) {
    if (wallet !== name && wallet !== baseName(name)) continue
    const kept = await halts.halt({ ...where, wallet: next }, reason)
    print(`Signing is halted ${haltScope(kept)} as well: ${kept.reason}`)
  }
}

/** `bursar wallet rotate` */
export function rotate(name: string, options: RotateOptions): Promise<void> {
  return withNewPassword(options, async (desk, password) => {
    const old = desk.folder.find(name)
    const keptAs = `${name}-until-${dateIn(options.days)}`
    const wallet = await desk.folder.rotate(name, keptAs, await password())
    await tell(desk, 'rotated', wallet, { old: old.address, keptAs })
    print(`The old key (${old.address}) is kept as "${keptAs}", with the password that it had.`)
    print(`Move what it holds to ${wallet.address}, tell those who pay to it, and delete its file only then:`)
    print(`  ${old.path.replace(/[^/]+$/, `${keptAs}.json`)}`)
    tellMovedAccounts(desk.accounts, old.address, wallet, keptAs)
    return wallet
  })
}

/** Where a contract account is follows from its owner's key. */
function tellMovedAccounts(
  accounts: readonly AccountConfig[],
  oldOwner: string,
  { name: wallet, address: newOwner }: StoredWallet,
  keptAs: string,
): void {
  for (const { name, owner, salt } of accounts) {
    if (owner !== wallet) continue
    const [before, now] = [oldOwner, newOwner].map(
      (each) => smartAccountOf(each as `0x${string}`, salt).address,
    )
    const variable = `WALLET_OLD_${name.toUpperCase().replaceAll('-', '_')}`
    const salted = salt === 0n ? '' : ` and ${variable}_SALT=${salt}`
    print(`The contract account "${name}" is at ${now} from now on. It was at ${before}:`)
    print(`to move what that has, make it a wallet of its own by ${variable}_OWNER=${keptAs}${salted}`)
  }
}

/** `bursar wallet password` */
export function changePassword(name: string, options: PasswordOptions): Promise<void> {
  return withNewPassword(options, async (desk, password) => {
    const old = await oldPassword(desk.folder.find(name), options, desk)
    const wallet = await desk.folder.changePassword(name, old, await password())
    await tell(desk, 'password-changed', wallet)
    return wallet
  })
}

/** A command after which the password may go to the keyring: whether there is one is known before anything is written. */
function withNewPassword(
  options: NewPasswordOptions,
  act: (desk: WalletDesk, password: () => ReturnType<typeof newPassword>) => Promise<StoredWallet>,
): Promise<void> {
  return withWalletDesk(async (desk) => {
    if (options.keyring) await desk.keyring.read('nobody')
    let chosen: ReturnType<typeof newPassword> | undefined
    const password = () => {
      chosen ??= newPassword(options, desk)
      return chosen
    }
    const { address } = await act(desk, password)
    if (options.keyring) {
      await desk.keyring.store(address, await password())
      print('Its password is in the keyring of this system.')
    }
  })
}

async function tell(
  { record }: WalletDesk,
  event: 'created' | 'imported' | 'renamed' | 'rotated' | 'password-changed',
  wallet: StoredWallet,
  detail: Readonly<Record<string, string>> = {},
): Promise<StoredWallet> {
  const { name, address, path } = wallet
  print(`${name}  ${address}`)
  print(
    `Its key is encrypted in ${path}: back up that file and remember its password, there is no other copy.`,
  )
  print(RESTART)
  // Last: what was written is told, whatever becomes of the log.
  await record(`wallet.${event}`, name, { address, ...detail })
  return wallet
}

/** As 20260131. Throws `wallet_input_invalid`. */
function dateIn(days: string): string {
  const number = /^\d{1,4}$/.test(days) ? Number(days) : 0
  if (number === 0)
    throw new BursarError('wallet_input_invalid', { what: '--days', reason: 'it is a number from 1 to 9999' })
  return new Date(Date.now() + number * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
}
