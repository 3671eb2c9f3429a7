import { Secret } from '../../../src/primitives/secret.ts'
import { evmKeySigner } from '../../../src/wallets/evmKeySigner.ts'
import { type Engine, startEngine, type TestClock } from '../../support/engine.ts'

export const crashKinds = ['native', 'token', 'pair', 'recovery', 'speed_up', 'cancel'] as const
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
  /** Private key of an account that no other job uses. */
  readonly key: string
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
export function openEngine(job: Pick<CrashJob, 'home' | 'rpcUrl' | 'redisUrl' | 'key'>, aheadMs = 0): Engine {
  const { home, rpcUrl, redisUrl, key } = job
  const clock: TestClock = { now: () => Date.now() + aheadMs, advance() {} }
  const engine = startEngine({
    lanes: [{ id: 'eip155:31337', rpcUrl, proxy: { url: rpcUrl } }],
    home,
    clock,
    ...(redisUrl === undefined ? {} : { redis: { url: redisUrl } }),
  })
  const signer = evmKeySigner(new Secret(key), clock)
  const wallet = { name: 'agent', kind: 'eoa', address: signer.account, signer, network: 'sandbox' } as const
  engine.wallets.on = () => [wallet]
  return engine
}

export async function preparePayment(
  engine: Engine,
  { to, asset, amount }: Payment,
  idempotencyKey: string,
): Promise<string> {
  return (await engine.prepare({ to, asset, amount, idempotencyKey })).intentId
}
