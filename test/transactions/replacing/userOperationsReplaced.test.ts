import { encodeFunctionData, type Hex, parseAbi, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ENTRY_POINT } from '../../../src/evm/userOperations/smartAccount.ts'
import { bundleOf, recorded } from '../../../src/evm/userOperations/userOperation.ts'
import { tokenBalance } from '../../support/awkwardTokens.ts'
import { AGENT, type Engine, MERCHANT, startEngine, USDC, type World } from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { driveOpen, finishOpen, openOperations } from '../../support/openOperations.ts'
import { snapshot } from '../../support/snapshot.ts'
import { fillVault, startVaultWorld, TREASURY, VAULT } from '../../support/vault.ts'

const NEW: Hex = '0x0000000000000000000000000000000077777023'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startVaultWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  const restore = await snapshot(world.a)
  engine = start()
  // What was set for a next block outlives what is taken back.
  await setBaseFee(1_000_000_000n)
  return async () => {
    await engine.stop()
    await restore()
  }
})

const start = (options: Partial<EngineOptions> = {}) => startEngine({ lanes: [world.a], ...options })
/** What the owner's account has signed to bring what the vault pays, in the order of its nonces. */
const brought = () =>
  engine.rows(
    `select cast(nonce as integer) as nonce, kind, state, live from attempts
     where account = '${TREASURY}' order by nonce, created_at`,
  )
const setBaseFee = (wei: bigint) => world.a.ask('anvil_setNextBlockBaseFeePerGas', toHex(wei))

async function send(amount = '12.5', key = 'replaced') {
  const request = { wallet: 'vault', to: MERCHANT, amount, asset: 'USDC', idempotencyKey: key }
  const { intentId } = await engine.prepare(request)
  return (await engine.execute(intentId)).operationId
}

async function replace(operation: string, kind: 'speed_up' | 'cancel', by = engine) {
  const { intentId } = await by.replace({ operation, kind })
  return by.execute(intentId)
}

async function finish(operationId: string) {
  await finishOpen(engine, world.a)
  return engine.get(operationId)
}

const driveAll = () => driveOpen(engine, [world.a], 2)

const vaultHas = () => tokenBalance(world.a, USDC, VAULT)

/** Gas prices rise over what the transaction of the owner offers, which waits from then on. */
async function outbid() {
  await setBaseFee(30_000_000_000n)
  await world.a.mine(1)
  await setBaseFee(30_000_000_000n)
}

describe('C3: what a contract account pays is replaced while no block has it', () => {
  it('F11, R2: speeding up raises both of its fees and brings it in place of what waits, once', async () => {
    const operationId = await send()
    const before = await vaultHas()
    await outbid()
    const { intentId, replaces, fees } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(replaces).toMatchObject({ operationId, kind: 'speed_up', nonce: '0' })
    expect(Number(fees.maxFeePerGasGwei)).toBeGreaterThan(30)
    const sped = await engine.execute(intentId)
    // R14: neither is included, so no transaction is named.
    expect(sped.steps).toMatchObject([
      {
        state: 'sent',
        nonce: '0',
        attempts: [
          { kind: 'original', state: 'superseded', userOperationHash: expect.any(String) },
          { kind: 'speed_up', state: 'sent', userOperationHash: expect.any(String) },
        ],
      },
    ])
    for (const attempt of sped.steps[0]?.attempts ?? []) expect(attempt).not.toHaveProperty('hash')
    // Whoever looks after it.
    for (const _process of ['one', 'another']) await driveAll()
    expect(brought()).toEqual([
      { nonce: 0, kind: 'original', state: 'superseded', live: 0 },
      { nonce: 0, kind: 'speed_up', state: 'sent', live: 1 },
    ])
    // Less comes in for bringing it than was expected, which is no loss of the owner's.
    await setBaseFee(10_000_000_000n)
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'committed', sideEffect: 'done' })
    expect(engine.rows('select state, note from steps')).toEqual([
      { state: 'final', note: null },
      { state: 'final', note: null },
    ])
    const [old, raised] = done.steps[0]?.attempts ?? []
    expect([old?.state, raised?.state]).toEqual(['superseded', 'included'])
    expect(old).not.toHaveProperty('hash')
    expect(await world.a.ask('eth_getTransactionReceipt', raised?.hash)).toMatchObject({ status: '0x1' })
    expect(before).toBe(500_000_000n)
    expect(await vaultHas()).toBe(487_500_000n)
    expect(engine.rows(`select state from operations where account = '${TREASURY}'`)).toEqual([
      { state: 'committed' },
    ])
  })

  it('is stuck when no block has it for long, and says what can be done', async () => {
    const operationId = await send()
    await setBaseFee(300_000_000_000n)
    await world.a.mine(20)
    await driveAll()
    const stuck = await engine.get(operationId)
    expect(stuck).toMatchObject({ state: 'stuck', steps: [{ state: 'sent' }] })
    expect(stuck.steps[0]?.note).toContain('replace_transaction with kind speed_up offers more')
    expect((await replace(operationId, 'speed_up')).steps[0]).not.toHaveProperty('note')
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await vaultHas()).toBe(487_500_000n)
  })

  it('cancelling it moves nothing, uses its nonce, and the account pays again', async () => {
    const operationId = await send()
    await outbid()
    const cancelled = await replace(operationId, 'cancel')
    expect(cancelled.steps).toMatchObject([{ attempts: [{ kind: 'original' }, { kind: 'cancel' }] }])
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(done.next).toContain('Cancelled')
    expect(await vaultHas()).toBe(500_000_000n)
    expect(brought()).toEqual([
      { nonce: 0, kind: 'original', state: 'superseded', live: 0 },
      { nonce: 0, kind: 'speed_up', state: 'included', live: 1 },
    ])
    const next = await finish(await send('2.5', 'next'))
    expect(next).toMatchObject({ state: 'committed', steps: [{ nonce: '1' }] })
    expect(await vaultHas()).toBe(497_500_000n)
  })

  it('one in the middle is cancelled where it stands, and those around it are paid once each', async () => {
    const sent: string[] = []
    for (const amount of ['1', '20', '300']) sent.push(await send(amount, amount))
    await replace(sent[1] ?? '', 'cancel')
    expect(brought().map(({ nonce, kind }) => `${nonce} ${kind}`)).toEqual([
      '0 original',
      '1 original',
      '1 speed_up',
      '2 original',
    ])
    const states = []
    for (const id of sent) states.push((await finish(id)).state)
    expect(states).toEqual(['committed', 'failed', 'committed'])
    expect(await vaultHas()).toBe(199_000_000n)
    // Nothing was brought twice.
    expect(brought()).toHaveLength(4)
  })

  it('what nobody has seen yet is never seen when it is cancelled: its transaction is given up unsigned', async () => {
    const { adapter } = await engine.chains.open('sandbox-a')
    const { signer } = engine.wallets.find('treasury', adapter.chain)
    const { sign } = signer
    Reflect.set(signer, 'sign', () => {
      throw new Error('the process dies here')
    })
    const operationId = await send()
    Reflect.set(signer, 'sign', sign)
    expect(brought()).toEqual([])
    expect(openOperations(engine)).toHaveLength(2)
    await replace(operationId, 'cancel')
    expect(await finish(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(await vaultHas()).toBe(500_000_000n)
    expect(brought()).toEqual([{ nonce: 0, kind: 'original', state: 'included', live: 1 }])
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).toEqual([
      { held: 0 },
    ])
  })

  it('R1: what is prepared behind it is simulated after what has taken its place', async () => {
    const cancelled = await send('300', 'cancelled')
    await replace(cancelled, 'cancel')
    const [live] = engine.rows(`select raw from attempts where account = '${VAULT}' and live = 1`)
    expect(await engine.operations.waiting(world.a.id, TREASURY)).toMatchObject([
      { nonce: 0n, payload: { data: bundleOf(recorded(live?.['raw'] as Hex), TREASURY) } },
    ])
    // What was cancelled would have deployed the account, and what takes its place does.
    const next = await send('150', 'behind')
    expect(await engine.get(next)).toMatchObject({ steps: [{ state: 'sent', nonce: '1' }] })
    expect([(await finish(cancelled)).state, (await finish(next)).state]).toEqual(['failed', 'committed'])
    expect(await vaultHas()).toBe(350_000_000n)
    expect(brought().map(({ state }) => state)).toEqual(['superseded', 'included', 'included'])
  })

  it('F12: the original may be included all the same, and counts', async () => {
    const operationId = await send()
    const [row] = engine.rows(`select raw from attempts where account = '${VAULT}'`)
    await replace(operationId, 'cancel')
    const data = bundleOf(recorded(row?.['raw'] as Hex), AGENT)
    const fees = { maxFeePerGas: toHex(90_000_000_000n), maxPriorityFeePerGas: toHex(50_000_000_000n) }
    await world.a.ask('eth_sendTransaction', {
      ...{ from: AGENT, to: ENTRY_POINT, data, gas: toHex(2_000_000n) },
      ...fees,
    })
    const done = await finish(operationId)
    expect(done).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [
        {
          attempts: [
            { kind: 'original', state: 'included', hash: expect.any(String) },
            { kind: 'cancel', state: 'superseded' },
          ],
        },
      ],
    })
    expect(await vaultHas()).toBe(487_500_000n)
  })

  it('R5, D4: is judged like a payment: a cap on fees refuses it, and what was sent goes on waiting', async () => {
    const operationId = await send()
    await outbid()
    const capped = start({
      home: engine.home,
      clock: engine.clock,
      feeCaps: [{ chain: '*', max: '0.001' }],
    })
    for (const kind of ['speed_up', 'cancel'] as const) {
      await expect(capped.replace({ operation: operationId, kind })).rejects.toMatchObject({
        code: 'policy_denied',
      })
    }
    await capped.stop()
    await setBaseFee(1_000_000_000n)
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await vaultHas()).toBe(487_500_000n)
  })

  it('what is included is not replaced any more', async () => {
    const operationId = await send()
    await world.a.mine(1)
    for (const kind of ['speed_up', 'cancel'] as const) {
      await expect(engine.replace({ operation: operationId, kind })).rejects.toMatchObject({
        code: 'not_replaceable',
      })
    }
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
  })
})

/** It passes whenever it is looked at, and its account refuses it whenever it is included. */
async function exhaust(operationId: string) {
  const code = await world.a.ask('eth_getCode', VAULT, 'latest')
  for (let round = 0; round < 12; round++) {
    await world.a.ask('anvil_setCode', VAULT, '0x60006000fd')
    await world.a.mine(3)
    await world.a.ask('anvil_setCode', VAULT, code)
    await driveAll()
  }
  return engine.get(operationId)
}

describe('C3, C5: what six transactions were to bring, and all of them have reverted', () => {
  beforeEach(async () => {
    await finish(await send('1', 'deploys it'))
  })
  const reverted = () =>
    engine.rows(`select count(*) as n from steps where account = '${TREASURY}' and state = 'reverted'`)

  it('is stuck, and cancelling it frees the account', async () => {
    const operationId = await send()
    const stuck = await exhaust(operationId)
    expect(reverted()).toEqual([{ n: 6 }])
    expect(stuck).toMatchObject({ state: 'stuck', sideEffect: 'possible', steps: [{ state: 'unknown' }] })
    expect(stuck.steps[0]?.note).toContain('6 transactions that were to bring it have reverted')
    expect(stuck.next).toContain('Do not pay again: replace_transaction with kind cancel takes it back')
    await replace(operationId, 'cancel')
    expect(await finish(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(await vaultHas()).toBe(499_000_000n)
    expect(reverted()).toEqual([{ n: 6 }])
    expect(await finish(await send('2', 'next'))).toMatchObject({
      state: 'committed',
      steps: [{ nonce: '2' }],
    })
    expect(await vaultHas()).toBe(497_000_000n)
  })

  it('is brought when it is sped up, which has others made', async () => {
    const operationId = await send()
    await exhaust(operationId)
    await replace(operationId, 'speed_up')
    expect(await finish(operationId)).toMatchObject({ state: 'committed', steps: [{ nonce: '1' }] })
    expect(await vaultHas()).toBe(486_500_000n)
  })

  it('R14: has failed, proven by its nonce, when another operation has used that', async () => {
    const operationId = await send()
    await exhaust(operationId)
    const other = start()
    const request = { wallet: 'vault', to: NEW, amount: '3', asset: 'USDC', idempotencyKey: 'theirs' }
    await other.execute((await other.prepare(request)).intentId)
    await other.stop()
    await world.a.mine(3)
    expect(await finish(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(await vaultHas()).toBe(496_000_000n)
  })

  it('C6: without gas it cannot even be cancelled, which says how much is missing', async () => {
    const operationId = await send()
    await exhaust(operationId)
    const abi = parseAbi(['function balanceOf(address) view returns (uint256)'])
    const data = encodeFunctionData({ abi, args: [VAULT] })
    const kept = await world.a.ask('eth_call', { to: ENTRY_POINT, data }, 'latest')
    expect(BigInt(kept as string)).toBeGreaterThan(0n)
    await world.a.ask('anvil_setBalance', VAULT, '0x0')
    await setBaseFee(100_000_000_000n)
    await world.a.mine(1)
    await expect(replace(operationId, 'cancel')).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: expect.objectContaining({ wallet: 'vault', asset: 'ETH' }),
    })
    await fillVault(world.a)
    await replace(operationId, 'cancel')
    expect(await finish(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(await vaultHas()).toBe(499_000_000n)
  })
})
