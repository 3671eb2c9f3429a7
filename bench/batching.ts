import type { Hex } from 'viem'
import { sandboxContracts } from '../src/sandbox/sandboxAccounts.ts'
import type { PrepareRequest } from '../src/transactions/views/views.ts'
import { type Engine, startEngine, startWorld, type World } from '../test/support/engine.ts'
import { type Figures, line, round } from './support/figures.ts'

const SIZES = [2, 10, 50] as const
/** 1 gwei in the block before, so that each block that is measured has a base fee of 0.875. */
const BASE_FEE = '0x3b9aca00'

type Call = NonNullable<PrepareRequest['calls']>[number]

/** What is paid, for the n-th of a size; each is paid twice, together and one by one, to accounts of the same kind. */
const KINDS: Readonly<Record<string, (address: (n: number) => Hex, n: number) => Call>> = {
  known: (address, n) => ({ to: address(n), amount: '0.001' }),
  fresh: (address, n) => ({ to: address(n), amount: '0.001' }),
  call: () => ({ to: sandboxContracts.tipJar, amount: '0.001', function: 'tip(string)', args: ['thanks'] }),
}

/**
 * Gas and fee of so many payments in one transaction, and of the same as transactions of their own: both are prepared,
 * signed, sent and mined, in blocks of the same base fee. To accounts that have something already, to some that nobody
 * has used, and as calls of a contract. And by how much that differs from what the intent said that it saves.
 */
export async function run(): Promise<Figures> {
  const world = await startWorld()
  const engine = startEngine({ lanes: [world.a] })
  try {
    const figures: Record<string, number> = {}
    line('', 'batched gas', 'separate gas', 'ratio', 'batched fee', 'separate fee', 'told wrong')
    // The first tips of an account and of Multicall3 store more than later ones.
    await warmUp(world, engine)
    for (const [kind, callOf] of Object.entries(KINDS)) {
      for (const size of SIZES) Object.assign(figures, await compare(world, engine, kind, callOf, size))
    }
    return figures
  } finally {
    await engine.stop()
    await world.stop()
  }
}

async function compare(
  world: World,
  engine: Engine,
  kind: string,
  callOf: (address: (n: number) => Hex, n: number) => Call,
  size: number,
): Promise<Figures> {
  const calls = async (way: number) => {
    const address = (n: number): Hex => {
      const number = 0x7000_0000 + way * 0x100_0000 + size * 0x1_0000 + n + (kind === 'fresh' ? 0x1000 : 0)
      return `0x${number.toString(16).padStart(40, '0')}`
    }
    const all = Array.from({ length: size }, (_, n) => callOf(address, n))
    if (kind === 'known') {
      for (const { to } of all) await world.a.ask('anvil_setBalance', to, '0x1')
    }
    return all
  }
  const key = `${kind} ${size}`
  const separate = await pay(
    world,
    engine,
    key,
    (await calls(1)).map((call) => ({ ...call })),
  )
  const batched = await pay(world, engine, `${key} batched`, [{ calls: await calls(2) }])
  const wrong = separate.gas - batched.gas - (batched.told ?? Number.NaN)
  const ratio = round(batched.gas / separate.gas)
  line(
    key,
    ...[batched.gas, separate.gas, ratio].map(String),
    ...[batched.fee, separate.fee].map((fee) => fee.toPrecision(4)),
    String(wrong),
  )
  const name = `${kind}${size}`
  return {
    [`${name}BatchedGas`]: batched.gas,
    [`${name}SeparateGas`]: separate.gas,
    [`${name}GasRatio`]: ratio,
    [`${name}BatchedFeeEth`]: batched.fee,
    [`${name}SeparateFeeEth`]: separate.fee,
    [`${name}ToldWrongGas`]: wrong,
  }
}

interface Spent {
  readonly gas: number
  readonly fee: number
  /** What the intent said that it saves, in gas. */
  readonly told?: number
}

/** Pays all of it in one block. */
async function pay(
  world: World,
  engine: Engine,
  key: string,
  requests: readonly Partial<PrepareRequest>[],
): Promise<Spent> {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', BASE_FEE)
  await world.a.mine()
  const operations: string[] = []
  let told: string | undefined
  for (const [index, request] of requests.entries()) {
    const intent = await engine.prepare({ ...request, idempotencyKey: `${key} ${index}` })
    told = intent.batch?.saved?.gas
    operations.push((await engine.execute(intent.intentId)).operationId)
  }
  await world.a.mine(2)
  let [gas, fee] = [0, 0n]
  for (const operation of operations) {
    await engine.driver.drive(operation)
    const { state, steps } = await engine.get(operation)
    if (state !== 'committed') throw new Error(`${key} ended as ${state}`)
    gas += Number(steps[0]?.gasUsed)
    fee += BigInt(steps[0]?.feePaid?.raw ?? 0)
  }
  return { gas, fee: Number(fee) / 1e18, ...(told === undefined ? {} : { told: Number(told) }) }
}

async function warmUp(world: World, engine: Engine): Promise<void> {
  const tip = KINDS['call']?.(() => '0x', 0)
  if (!tip) throw new Error('there is nothing to warm up with')
  await pay(world, engine, 'warm-up', [{ ...tip }, { calls: [tip, tip] }])
}
