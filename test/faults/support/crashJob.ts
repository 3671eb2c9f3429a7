import { allChains } from '../../../src/chains/allChains.ts'
import { smartAccountOf } from '../../../src/evm/userOperations/smartAccount.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { hostOf, Secret } from '../../../src/primitives/secret.ts'
import { evmKeySigner } from '../../../src/wallets/evmKeySigner.ts'
import { remoteSigner } from '../../../src/wallets/remoteSigner.ts'
import { type Engine, startEngine, USDC } from '../../support/engine.ts'
import type { TestClock } from '../../support/testClock.ts'

/** `call`: an approval, and the call that it is for. `account`: by a contract account, which it deploys. */
export const crashKinds = [
  'native',
  'token',
  'pair',
  'call',
  'recovery',
  'speed_up',
  'cancel',
  'account',
] as const
export type CrashKind = (typeof crashKinds)[number]

/** One payment, as it is asked for. */
export interface Payment {
  /** An address that nobody else pays. */
  readonly to: string
  readonly asset: 'native' | 'USDC'
  readonly amount: string
}

/** What processes of one journal are to do; it travels to them as JSON. */
export interface CrashJob {
  readonly name: string
  readonly kind: CrashKind
  /** Folder of a journal of its own. */
  readonly home: string
  readonly rpcUrl: string
  readonly redisUrl?: string
  /** Of a private relay: contract calls go there. */
  readonly relayUrl?: string
  /** Above so many native tokens a person has to approve; absent: nothing is asked. */
  readonly approvalAbove?: string
  /** So many native tokens may leave in a day, whoever pays; absent: any number. */
  readonly dailyCap?: string
  /** Private key of an account that no other job uses. */
  readonly key: string
  /** Who signs with it instead of the process itself. */
  readonly signerUrl?: string
  /** What is executed while the process is killed, and once more when another one has taken over. */
  readonly intents: readonly string[]
  /** What is driven on instead: an operation that a process before it left behind. */
  readonly operation?: string
  /** When the intents are sent for the second time: while they are being resumed, or after everything has ended. */
  readonly again: 'at once' | 'afterwards'
  /** What the account pays in the end, when nothing of it is stuck. */
  readonly next: Payment
}

/** The engine of one process of a job. Its clock runs, `aheadMs` ahead of the machine's. */
export function openEngine(
  job: Omit<CrashJob, 'name' | 'kind' | 'intents' | 'operation' | 'again' | 'next'>,
  aheadMs = 0,
): Engine {
  const { home, rpcUrl, redisUrl, relayUrl, approvalAbove: max, dailyCap, key, signerUrl: url } = job
  const clock: TestClock = { now: () => Date.now() + aheadMs, advance() {} }
  const engine = startEngine({
    lanes: [{ id: 'eip155:31337', rpcUrl, proxy: { url: rpcUrl } }],
    home,
    clock,
    ...(redisUrl === undefined ? {} : { redis: { url: redisUrl } }),
    ...(relayUrl === undefined ? {} : { relay: { url: relayUrl } }),
    ...(dailyCap === undefined ? {} : { rules: capOf(dailyCap) }),
    ...(max === undefined ? {} : { approvalAbove: [{ chain: '*', asset: 'native', max }] }),
  })
  const held = evmKeySigner(new Secret(key), clock)
  const elsewhere = url && { url: new Secret(url), host: hostOf(url), timeoutMs: 5_000 }
  const signer = elsewhere
    ? remoteSigner({ name: 'agent', address: held.account, ...elsewhere }, clock)
    : held
  const wallet = { name: 'agent', kind: 'eoa', address: signer.account, signer, network: 'sandbox' } as const
  const { address } = smartAccountOf(signer.account as `0x${string}`, 0n)
  const vault = {
    name: 'vault',
    kind: 'smart-account',
    address,
    network: 'sandbox',
    owner: { name: 'agent', address: signer.account, salt: 0n },
    signer: evmKeySigner(new Secret(key), clock, address),
  } as const
  engine.wallets.on = () => [wallet, vault]
  return engine
}

function capOf(max: string) {
  const rules = [{ id: 'daily', cap: { asset: 'native', max, per: '24h' } }]
  return readRules(JSON.stringify({ version: 1, rules }), allChains)
}

export async function preparePayment(
  engine: Engine,
  { to, asset, amount }: Payment,
  idempotencyKey: string,
  wallet = 'agent',
): Promise<string> {
  return (await engine.prepare({ wallet, to, asset, amount, idempotencyKey })).intentId
}

/** Who pays what a job is for. */
export const payerOf = (kind: CrashKind) => (kind === 'account' ? 'vault' : 'agent')

/** Passes tokens of its caller on, by what it was allowed. */
export const PASSER = '0x000000000000000000000000000000000ba55e40'
export const PASSER_SOURCE = `
interface Token { function transferFrom(address from, address to, uint256 amount) external returns (bool); }
contract Subject {
  function pass(address token, address to, uint256 amount) external { Token(token).transferFrom(msg.sender, to, amount); }
}`

/** A payment by way of that contract: it takes an approval first. */
export async function prepareCall(
  engine: Engine,
  { to, amount }: Payment,
  idempotencyKey: string,
): Promise<string> {
  const pass = { function: 'pass(address,address,uint256)', args: [USDC, to, '12500000'] }
  return (await engine.prepare({ to: PASSER, ...pass, asset: USDC, amount, idempotencyKey })).intentId
}
