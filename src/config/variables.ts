import type { ChainForConfig, Provider } from './types.ts'

// The one table of what Bursar reads from its environment. The loader can name no variable that is not
// here, .env.example documents exactly these, and misspelt names are compared with them.

interface FixedVariable {
  /** Used when the variable is unset or empty; absent means that unset has a meaning of its own. */
  readonly default?: string
  /** The name is common enough that a near miss of it probably belongs to another program. */
  readonly common?: true
  /** Its value is taken out of `process.env` once it is read. */
  readonly secret?: true
}

/** In whole native units: what 200,000 gas cost at the default cap on the price of gas. */
export const DEFAULT_FEE_CAP = '0.1'

export const fixedVariables = {
  BURSAR_HOME: { default: '~/.bursar' },
  KEYSTORE_PASSWORD_FILE: {},
  ALLOW_ENVIRONMENT_KEYS: { default: 'false' },
  EVM_ENABLED_CHAINS: {},
  MIN_CONFIRMATIONS_ETH: {},
  MIN_CONFIRMATIONS_SOLANA: {},
  MAX_GAS_PRICE_GWEI: { default: '500' },
  MAX_FEE_PER_TRANSACTION: { default: `*=${DEFAULT_FEE_CAP}` },
  MAX_SLIPPAGE_PERCENT: { default: '2.0' },
  MAX_PER_TRANSACTION: { default: '*/native=10,*/USDC=10000' },
  APPROVAL_ABOVE: {},
  ELICIT_UP_TO: {},
  APPROVAL_TTL_SECONDS: { default: '3600' },
  APPROVER_KEYS: {},
  MIN_NATIVE_BALANCE: {},
  POLICY_FILE: {},
  SIMULATION_REQUIRED: { default: 'true' },
  SIMULATION_BACKENDS: { default: 'tenderly,local' },
  TENDERLY_API_KEY: { secret: true },
  TENDERLY_ACCOUNT: {},
  TENDERLY_PROJECT: {},
  TENDERLY_API_URL: { default: 'https://api.tenderly.co' },
  FINDINGS_ALLOWED: {},
  FLASHBOTS_AUTH_KEY: { secret: true },
  FLASHBOTS_RELAY_URL: {
    default: 'ethereum=https://relay.flashbots.net,sepolia=https://relay-sepolia.flashbots.net',
    secret: true,
  },
  BUNDLER_URL: { common: true, secret: true },
  PRIVATE_FALLBACK_BLOCKS: { default: '0' },
  INTENT_TTL_SECONDS: { default: '300' },
  SPEED_UP_AFTER_BLOCKS: {},
  RPC_TIMEOUT_MS: { default: '10000', common: true },
  RPC_RATE_LIMIT_ALCHEMY: { default: '25' },
  RPC_RATE_LIMIT_INFURA: { default: '10' },
  RPC_RATE_LIMIT_QUICKNODE: { default: '15' },
  RPC_RATE_LIMIT_PUBLIC: { default: '5' },
  REDIS_URL: { common: true, secret: true },
  REDIS_PASSWORD: { common: true, secret: true },
  REDIS_DB: { common: true },
  NONCE_FALLBACK: { default: 'journal' },
  HTTP_HOST: { default: '127.0.0.1', common: true },
  HTTP_PORT: { default: '8402', common: true },
  HTTP_ALLOWED_HOSTS: { common: true },
  HTTP_ALLOWED_ORIGINS: { common: true },
  HTTP_AUDIENCE: { default: 'bursar', common: true },
  HTTP_RATE_LIMIT_TOKEN: { default: '600', common: true },
  HTTP_RATE_LIMIT_ADDRESS: { default: '3000', common: true },
  LOG_LEVEL: { default: 'info', common: true },
  SANDBOX_STATE_DIR: {},
} as const satisfies Record<string, FixedVariable>

export type VariableName = keyof typeof fixedVariables

export function isFixed(name: string): name is VariableName {
  return Object.hasOwn(fixedVariables, name)
}

export function isCommon(name: VariableName): boolean {
  const spec: FixedVariable = fixedVariables[name]
  return spec.common === true
}

/** Names whose values are secrets without looking like a key or an endpoint. */
export function isSecret(name: string): boolean {
  const spec: FixedVariable | undefined = isFixed(name) ? fixedVariables[name] : undefined
  return spec?.secret === true
}

export function defaultOf(name: VariableName): string | undefined {
  const spec: FixedVariable = fixedVariables[name]
  return spec.default
}

interface EndpointSuffix {
  readonly suffix: string
  /** Of the WebSocket that the same provider offers beside it. */
  readonly socket: string
  readonly provider: Provider
}

/** Suffixes of the endpoint variables, the one that is tried first at the front. */
export const endpointSuffixes: readonly EndpointSuffix[] = [
  { suffix: 'RPC_URL', socket: 'WS_URL', provider: 'own' },
  { suffix: 'RPC_ALCHEMY', socket: 'WS_ALCHEMY', provider: 'alchemy' },
  { suffix: 'RPC_INFURA', socket: 'WS_INFURA', provider: 'infura' },
  { suffix: 'RPC_QUICKNODE', socket: 'WS_QUICKNODE', provider: 'quicknode' },
  { suffix: 'RPC_PUBLIC', socket: 'WS_PUBLIC', provider: 'public' },
]

export const CONFIRMATIONS_SUFFIX = 'CONFIRMATIONS'
export const OWN_RATE_LIMIT_SUFFIX = 'RPC_RATE_LIMIT'

/** Calls a second that a provider allows on one chain, by provider; own nodes have one variable a chain. */
export const providerRateLimits = {
  alchemy: 'RPC_RATE_LIMIT_ALCHEMY',
  infura: 'RPC_RATE_LIMIT_INFURA',
  quicknode: 'RPC_RATE_LIMIT_QUICKNODE',
  public: 'RPC_RATE_LIMIT_PUBLIC',
} as const satisfies Record<Exclude<Provider, 'own'>, VariableName>

/** Names with a part that the operator chooses; a sample stands for each of them in .env.example, as MAIN does for wallets. */
const samples = ['BASE_SEPOLIA_CONTRACT_MULTICALL3', 'WALLET_VAULT_OWNER', 'WALLET_VAULT_SALT'] as const

/** What may be said of a wallet: its key, or how the signer that has it is reached, and where it may act. */
export const walletSuffixes = [
  'PRIVATE_KEY',
  'CHAINS',
  'ADDRESS',
  'REMOTE_URL',
  'REMOTE_TOKEN_FILE',
  'REMOTE_CERT_FILE',
  'REMOTE_KEY_FILE',
  'REMOTE_CA_FILE',
] as const
export type WalletSuffix = (typeof walletSuffixes)[number]

const OF_A_WALLET = new RegExp(`^WALLET_([A-Za-z0-9_]+?)_(${walletSuffixes.join('|')})$`)
const WALLET_ACCOUNT = /^WALLET_([A-Za-z0-9_]+)_(OWNER|SALT)$/
// By shape, so that a misspelt prefix or suffix hides nothing.
const LIKE_AN_ENDPOINT = /_(?:RPC|WS)_(?:URL|ALCHEMY|INFURA|QUICKNODE|PUBLIC)$/
const LIKE_A_KEY = /^WALLET_.*(?:PRIVATE|SECRET|MNEMONIC|KEY)/
const LIKE_A_SIGNER = /^WALLET_.*_URL$/

/** The `<NAME>` of `WALLET_<NAME>_PRIVATE_KEY` and the like, and what is said of it. */
export function walletVariable(
  variable: string,
): { readonly part: string; readonly suffix: WalletSuffix } | undefined {
  const [, part, suffix] = OF_A_WALLET.exec(variable) ?? []
  return part === undefined ? undefined : { part, suffix: suffix as WalletSuffix }
}

/** The `<NAME>` of `WALLET_<NAME>_OWNER` or `WALLET_<NAME>_SALT`, and which of them it is. */
export function accountPart(
  variable: string,
): { readonly part: string; readonly what: 'OWNER' | 'SALT' } | undefined {
  const [, part, what] = WALLET_ACCOUNT.exec(variable) ?? []
  return part === undefined ? undefined : { part, what: what as 'OWNER' | 'SALT' }
}

/** The `<NAME>` of `<PREFIX>_CONTRACT_<NAME>` for this chain. */
export function contractPart(variable: string, chain: ChainForConfig): string | undefined {
  const prefix = `${chain.env}_CONTRACT_`
  return variable.startsWith(prefix) && variable.length > prefix.length
    ? variable.slice(prefix.length)
    : undefined
}

/** All variables of one chain whose names are fixed. */
export function chainVariables(chain: ChainForConfig): string[] {
  const suffixes = endpointSuffixes.flatMap(({ suffix, socket }) => [suffix, socket])
  return [...suffixes, OWN_RATE_LIMIT_SUFFIX, CONFIRMATIONS_SUFFIX].map((suffix) => `${chain.env}_${suffix}`)
}

export function looksLikeEndpoint(name: string): boolean {
  return LIKE_AN_ENDPOINT.test(name)
}

/** URLs of signers may carry credentials. */
export function looksLikeSigner(name: string): boolean {
  return LIKE_A_SIGNER.test(name)
}

export function looksLikeKey(name: string): boolean {
  return LIKE_A_KEY.test(name)
}

/** Every name that .env.example documents. */
export function documentedVariables(chains: readonly ChainForConfig[]): string[] {
  const wallet = walletSuffixes.map((suffix) => `WALLET_MAIN_${suffix}`)
  return [...Object.keys(fixedVariables), ...chains.flatMap(chainVariables), ...samples, ...wallet]
}
