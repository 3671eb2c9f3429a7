import { keccak256, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { Secret } from '../../src/primitives/secret.ts'
import { evmKeySigner } from '../../src/wallets/evmKeySigner.ts'
import { type Engine, startEngine } from '../../test/support/engine.ts'

/** What a process needs to pay on the sandbox. */
export interface PayingOptions {
  readonly rpcUrl: string
  /** The journal's folder, when several processes share one. */
  readonly home?: string
  /** What waits for so many blocks is sped up. */
  readonly speedUpAfterBlocks?: number
}

/** An engine on the sandbox's first chain, with a clock that runs. */
export function payingEngine({ rpcUrl, home, speedUpAfterBlocks }: PayingOptions): Engine {
  const engine = startEngine({
    lanes: [{ id: 'eip155:31337', rpcUrl, proxy: { url: rpcUrl } }],
    clock: { now: () => Date.now(), advance() {} },
    ...(home === undefined ? {} : { home }),
    ...(speedUpAfterBlocks === undefined ? {} : { speedUpAfterBlocks: BigInt(speedUpAfterBlocks) }),
  })
  engine.leases.start((operationId) => engine.driver.drive(operationId))
  return engine
}

/** Gives the engine so many accounts beside the sandbox's, and answers with their names and addresses. */
export function addAccounts(engine: Engine, count: number): readonly { name: string; address: string }[] {
  const known = engine.wallets.on(engine.chains.resolve('sandbox-a'))
  const added = Array.from({ length: count }, (_, index) => {
    const key = keccak256(toHex(`account ${index} of a benchmark`))
    const signer = evmKeySigner(new Secret(key), engine.clock)
    const { address } = privateKeyToAccount(key)
    return { name: `account-${index}`, kind: 'eoa', address, signer, network: 'sandbox' } as const
  })
  engine.wallets.on = () => [...known, ...added]
  return added
}

/** Prepared payments of 0.0001 to the merchant, by whose accounts in turns. */
export async function preparePayments(
  engine: Engine,
  name: string,
  count: number,
  wallets: readonly string[] = ['agent'],
): Promise<readonly string[]> {
  const intents: string[] = []
  await together(count, 16, async (index) => {
    const wallet = wallets[index % wallets.length] ?? 'agent'
    const request = { wallet, to: 'merchant', amount: '0.0001', idempotencyKey: `${name} ${index}` }
    intents.push((await engine.prepare(request)).intentId)
  })
  return intents
}

/** Executes them, so many at a time; answers with how long each took, in milliseconds. */
export async function executeAll(
  engine: Engine,
  intents: readonly string[],
  atATime: number,
): Promise<readonly number[]> {
  const latencies: number[] = []
  await together(intents.length, atATime, async (index) => {
    const asked = performance.now()
    const { steps } = await engine.execute(intents[index] ?? '')
    if (steps[0]?.state !== 'sent') throw new Error(`payment ${index} is ${steps[0]?.state}`)
    latencies.push(performance.now() - asked)
  })
  return latencies
}

/** Does `work` for 0 to `count`, so many at a time. */
export async function together(
  count: number,
  atATime: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
}
