import { BursarError } from '../errors/bursarError.ts'
import { Secret } from '../primitives/secret.ts'

/** Passwords of keystores, by account, where the system keeps such things. Each throws `keyring_unavailable`. */
export interface Keyring {
  read(account: string): Promise<Secret | undefined>
  store(account: string, password: Secret): Promise<void>
}

/** What of @napi-rs/keyring is used. */
export interface KeyringLibrary {
  readonly AsyncEntry: new (
    service: string,
    account: string,
    options: { readonly linux: { readonly store: 'secret-service' } },
  ) => {
    getPassword(signal: AbortSignal): Promise<string | null>
    setPassword(password: string, signal: AbortSignal): Promise<void>
  }
}

const SERVICE = 'bursar'
/** On Linux the library would fall back to the kernel's keyring, which is empty after each start of the machine. */
const OPTIONS = { linux: { store: 'secret-service' } } as const
/** A keyring that is locked asks its owner, who may not be there. */
const MOST_MS = 20_000

/** Keychain, Credential Manager or Secret Service; the library is loaded with its first use. */
export function osKeyring(load: () => Promise<KeyringLibrary> = () => import('@napi-rs/keyring')): Keyring {
  const use = async <T>(
    account: string,
    act: (entry: InstanceType<KeyringLibrary['AsyncEntry']>, signal: AbortSignal) => Promise<T>,
  ) => {
    const { AsyncEntry } = await load().catch((error: unknown) => {
      throw unavailable('its library @napi-rs/keyring is not installed', error)
    })
    try {
      return await act(new AsyncEntry(SERVICE, account.toLowerCase(), OPTIONS), AbortSignal.timeout(MOST_MS))
    } catch (error) {
      throw unavailable('no keyring of this system answers', error)
    }
  }
  return {
    async read(account) {
      const password = await use(account, (entry, signal) => entry.getPassword(signal))
      return password === null ? undefined : new Secret(password)
    },
    store: (account, password) =>
      use(account, (entry, signal) => entry.setPassword(password.reveal(), signal)),
  }
}

function unavailable(reason: string, cause: unknown): BursarError {
  return new BursarError('keyring_unavailable', { reason }, { cause })
}
