import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  AGENT,
  AGENT_KEY,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  type World,
} from '../support/engine.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const settings = () => ({ lanes: [world.a], confirmations: 12 })

async function payThree(engine: Engine, name: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (const amount of ['0.25', '0.5', '1']) {
    const { intentId } = await engine.prepare({ to: 'merchant', amount, idempotencyKey: `${name} ${amount}` })
    ids.push((await engine.execute(intentId)).operationId)
    await world.a.mine()
  }
  return ids
}

/** Looks at each as a process that has just started: it need not wait before it sends anything again. */
async function look({ home, clock }: Engine, ids: readonly string[]): Promise<readonly object[]> {
  const other = startEngine({ ...settings(), home, clock })
  try {
    for (const id of ids) await other.driver.drive(id)
    return await Promise.all(ids.map((id) => other.get(id)))
  } finally {
    await other.stop()
  }
}

const sent = () => {
  const raws = world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
  return { times: raws.length, bytes: new Set(raws.map(({ params }) => params[0])).size }
}

it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'F9, C4: a reorganisation of depth %i moves back what it undid, the same bytes go out again, each payment is made once',
  async (depth) => {
    const engine = startEngine(settings())
    world.a.proxy.reset()
    await world.a.mine(10)
    const before = await world.a.balance(MERCHANT)
    const ids = await payThree(engine, `depth ${depth}`)
    // The first is 10 deep, the last 8.
    await world.a.mine(7)
    const deep = [10, 9, 8].map((confirmations) => ({ steps: [{ state: 'included', confirmations }] }))
    expect(await look(engine, ids)).toMatchObject(deep)
    await world.a.ask('anvil_reorg', depth, [])
    const undone = [10, 9, 8].map((confirmations) => confirmations <= depth)
    const back = undone.map((isUndone, index) =>
      isUndone ? { sideEffect: 'possible', steps: [{ state: 'sent', confirmations: 0 }] } : deep[index],
    )
    expect(await look(engine, ids)).toMatchObject(back)
    expect(sent()).toEqual({ times: 3 + undone.filter((isUndone) => isUndone).length, bytes: 3 })
    await world.a.mine(12)
    expect(await look(engine, ids)).toMatchObject(ids.map(() => ({ state: 'committed' })))
    expect((await world.a.balance(MERCHANT)) - before).toBe(1_750_000_000_000_000_000n)
    expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
    await engine.stop()
  },
)

it("F9, F8: another program's transaction wins the nonce on the other branch: that payment is told as not made when it is final, and no sooner", async () => {
  const engine = startEngine(settings())
  world.a.proxy.reset()
  await world.a.mine(10)
  const before = await world.a.balance(MERCHANT)
  const ids = await payThree(engine, 'other branch')
  await world.a.mine(7)
  await look(engine, ids)
  const nonce = Number((await engine.get(ids[1] ?? '')).steps[0]?.nonce)
  const raw = await privateKeyToAccount(AGENT_KEY).signTransaction({
    type: 'eip1559',
    chainId: 31337,
    nonce,
    to: AGENT,
    value: 0n,
    gas: 21_000n,
    maxFeePerGas: 900_000_000_000n,
    maxPriorityFeePerGas: 90_000_000_000n,
  })
  // The second and the third are undone, and the stranger's is in the branch that counts now.
  await world.a.ask('anvil_reorg', 9, [[raw, 3]])
  const [first, second, third] = await look(engine, ids)
  expect(first).toMatchObject({ steps: [{ state: 'included' }] })
  expect(second).toMatchObject({ state: 'running', sideEffect: 'possible', steps: [{ state: 'unknown' }] })
  expect(third).toMatchObject({ steps: [{ state: 'sent' }] })
  await world.a.mine(2)
  expect((await look(engine, ids))[1]).toMatchObject({ state: 'running', steps: [{ state: 'unknown' }] })
  await world.a.mine(12)
  expect(await look(engine, ids)).toMatchObject([
    { state: 'committed' },
    { state: 'failed', sideEffect: 'none', steps: [{ state: 'replaced' }] },
    { state: 'committed' },
  ])
  expect((await world.a.balance(MERCHANT)) - before).toBe(1_250_000_000_000_000_000n)
  expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
  await engine.stop()
})
