import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ENTRY_POINT } from '../../../src/evm/userOperations/smartAccount.ts'
import { AWKWARD, allowanceOf, installAwkward, taking, tokenBalance } from '../../support/awkwardTokens.ts'
import {
  type Engine,
  MERCHANT,
  startEngine,
  TIP_JAR,
  takeOver,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { openOperations } from '../../support/openOperations.ts'
import { type ProxyCall, startRpcProxy } from '../../support/rpcProxy.ts'
import { snapshot } from '../../support/snapshot.ts'
import { compile, setHoldings } from '../../support/tokens.ts'
import { setVaultUsdc, startVaultWorld, TREASURY, VAULT } from '../../support/vault.ts'

const NEW: Hex = '0x0000000000000000000000000000000077777021'
const ETHER = 1_000_000_000_000_000_000n

let world: World
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startVaultWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())
beforeEach(async () => {
  const restore = await snapshot(world.a)
  engine = start()
  return async () => {
    await engine.stop()
    await restore()
  }
})

const start = (options: Partial<EngineOptions> = {}) => startEngine({ lanes: [world.a], ...options })
const prepare = (request: object, by = engine) =>
  by.prepare({ wallet: 'vault', idempotencyKey: `vault ${key++}`, ...request })

/** Prepared, sent, included and final, with the transaction that brings it. */
async function pay(request: object, by = engine) {
  const { intentId } = await prepare(request, by)
  const { operationId } = await by.execute(intentId)
  return settle(operationId, by)
}

async function settle(operationId: string, by = engine) {
  await world.a.mine(1)
  await by.driver.drive(operationId)
  await world.a.mine(1)
  for (const id of openOperations(by)) await by.driver.drive(id)
  return by.get(operationId)
}

const deposit = async () => {
  const abi = parseAbi(['function balanceOf(address) view returns (uint256)'])
  const data = encodeFunctionData({ abi, args: [VAULT] })
  return BigInt((await world.a.ask('eth_call', { to: ENTRY_POINT, data }, 'latest')) as string)
}
const isOfBundle = ({ params }: ProxyCall) => JSON.stringify(params).includes('0x765e827f')
/** It passes whether it gives anything or not. */
const GIVER: Hex = '0x0000000000000000000000000000000009140e00'
const GIVING = `
interface Token { function transfer(address to, uint256 amount) external returns (bool); }
contract Subject {
  function give(address token) external { try Token(token).transfer(msg.sender, 7000000) {} catch {} }
}`
/** Operations that bring others. */
const brought = () => engine.rows(`select id, state from operations where account = '${TREASURY}'`)
const codeOf = (address: string) => world.a.ask('eth_getCode', address, 'latest')

describe('F1: a contract account pays', () => {
  it('deploys itself with its first payment, and pays its own gas to the owner who brings it', async () => {
    const [paid, owner] = [await world.a.balance(VAULT), await world.a.balance(TREASURY)]
    expect(await codeOf(VAULT)).toBe('0x')
    const intent = await prepare({ to: NEW, amount: '1.5' })
    expect(intent.simulation.effects).toMatchObject([
      { from: VAULT, to: NEW, amount: { raw: '1500000000000000000' } },
    ])
    const { operationId } = await engine.execute(intent.intentId)
    const view = await settle(operationId)
    expect(view).toMatchObject({ state: 'committed', sideEffect: 'done' })
    expect(await world.a.balance(NEW)).toBe(1_500_000_000_000_000_000n)
    expect(await codeOf(VAULT)).not.toBe('0x')
    const fee = BigInt(view.steps[0]?.feePaid?.raw ?? 0)
    // What it paid in advance and did not use stays its own.
    expect(paid - (await world.a.balance(VAULT)) - (await deposit())).toBe((ETHER * 3n) / 2n + fee)
    // The owner got the fee and paid the transaction: neither gains or loses much.
    const difference = (await world.a.balance(TREASURY)) - owner
    expect(difference).toBeGreaterThan(-fee / 5n)
    expect(difference).toBeLessThan(fee / 5n)
  })

  it('pays again without deploying, from its deposit first, at the next nonce', async () => {
    await pay({ to: NEW, amount: '1' })
    const view = await pay({ to: NEW, amount: '0.5' })
    expect(view).toMatchObject({ state: 'committed', steps: [{ nonce: '1', state: 'final' }] })
    expect(await world.a.balance(NEW)).toBe(1_500_000_000_000_000_000n)
    const gas = engine.rows(`select gas_used from steps where account = '${VAULT}'`)
    expect(Number(gas[1]?.['gas_used'])).toBeLessThan(Number(gas[0]?.['gas_used']) - 100_000)
  })

  it('R14: tells the hash of the operation and that of its transaction apart', async () => {
    const { intentId } = await prepare({ to: MERCHANT, amount: '12.5', asset: 'USDC' })
    const sent = await engine.execute(intentId)
    const [attempt] = sent.steps[0]?.attempts ?? []
    expect(attempt?.userOperationHash).toMatch(/^0x[0-9a-f]{64}$/)
    expect(attempt).not.toHaveProperty('hash')
    expect((await engine.list()).operations[0]).not.toHaveProperty('hash')
    const done = await settle(sent.operationId)
    const [included] = done.steps[0]?.attempts ?? []
    expect(included?.userOperationHash).toBe(attempt?.userOperationHash)
    expect(included?.hash).not.toBe(included?.userOperationHash)
    const receipt = await world.a.ask('eth_getTransactionReceipt', included?.hash)
    expect(receipt).toMatchObject({
      status: '0x1',
      to: '0x4337084d9e255ff0702461cf8895ce9e3b5ff108',
      from: TREASURY.toLowerCase(),
    })
    expect(await world.a.ask('eth_getTransactionReceipt', included?.userOperationHash)).toBeNull()
    expect((await engine.list()).operations[0]).toMatchObject({ hash: included?.hash })
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(487_500_000n)
  })

  it('R3: one intent is one operation at one nonce, however often it is sent', async () => {
    const { intentId } = await prepare({ to: NEW, amount: '1' })
    const [first, second] = await Promise.all([engine.execute(intentId), engine.execute(intentId)])
    expect(second.operationId).toBe(first.operationId)
    await engine.execute(intentId)
    await settle(first.operationId)
    expect(await world.a.balance(NEW)).toBe(1_000_000_000_000_000_000n)
    expect(brought()).toHaveLength(1)
  })

  it('C7: makes several calls at once as itself, and none of them when one fails', async () => {
    const transfer = (raw: string) => ({
      ...{ to: USDC, function: 'transfer(address,uint256)', args: [MERCHANT, raw] },
    })
    const calls = [
      { to: NEW, amount: '0.25' },
      transfer('25000000'),
      { to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.1' },
    ]
    const intent = await prepare({ calls })
    expect(intent).toMatchObject({ to: VAULT, amount: { raw: '350000000000000000' }, batch: { calls: 3 } })
    const { operationId } = await engine.execute(intent.intentId)
    expect(await settle(operationId)).toMatchObject({ state: 'committed' })
    expect(await world.a.balance(NEW)).toBe(250_000_000_000_000_000n)
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(475_000_000n)
    await expect(prepare({ calls: [transfer('1'), transfer('999000000000')] })).rejects.toMatchObject({
      code: 'simulation_reverted',
    })
    await expect(prepare({ calls, contractAccount: TREASURY })).rejects.toMatchObject({
      code: 'call_invalid',
    })
  })

  it('C8: allows exactly what a call takes in the same operation, and nothing is left allowed', async () => {
    const view = await pay({ ...taking(USDC, '40'), idempotencyKey: 'taking' })
    expect(view).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
    expect(view.steps).toHaveLength(1)
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(460_000_000n)
    expect(await allowanceOf(world.a, USDC, VAULT, AWKWARD.taker)).toBe(0n)
  })
})

describe('what is held and what is refused', () => {
  it('C6: names exactly what the account lacks, its fee included, and what its owner lacks to bring it', async () => {
    await expect(prepare({ to: NEW, amount: '10' })).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: expect.objectContaining({ wallet: 'vault', asset: 'ETH', available: '10' }),
    })
    const owner = await world.a.ask('eth_getBalance', TREASURY, 'latest')
    await world.a.ask('anvil_setBalance', TREASURY, '0x1')
    await expect(prepare({ to: NEW, amount: '1' })).rejects.toMatchObject({
      code: 'bundling_unfunded',
      context: expect.objectContaining({ owner: TREASURY, available: '0.000000000000000001' }),
    })
    await world.a.ask('anvil_setBalance', TREASURY, owner)
  })

  it('C6: fees are paid from what the entry point keeps for it, and nothing else is', async () => {
    const abi = parseAbi(['function depositTo(address account) payable'])
    const data = encodeFunctionData({ abi, args: [VAULT] })
    await world.a.ask('eth_sendTransaction', {
      from: MERCHANT,
      to: ENTRY_POINT,
      data,
      value: '0xde0b6b3a7640000',
    })
    await world.a.mine(1)
    await expect(prepare({ to: NEW, amount: '10.000000000000000001' })).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: expect.objectContaining({ needed: '10.000000000000000001', available: '10' }),
    })
    expect(await pay({ to: NEW, amount: '10' })).toMatchObject({ state: 'committed' })
    expect(await world.a.balance(VAULT)).toBe(0n)
    expect(await world.a.balance(NEW)).toBe(10_000_000_000_000_000_000n)
  })

  it('R5, T20: the account is held to the caps, and what is in flight from it counts', async () => {
    const capped = start({ caps: [{ chain: '*', asset: 'native', max: '2' }] })
    await expect(prepare({ to: NEW, amount: '2.000000000000000001' }, capped)).rejects.toMatchObject({
      code: 'policy_denied',
    })
    const calls = [
      { to: NEW, amount: '1.5' },
      { to: MERCHANT, amount: '0.6' },
    ]
    await expect(prepare({ calls }, capped)).rejects.toMatchObject({ code: 'policy_denied' })
    await capped.stop()
    const { intentId } = await prepare({ to: NEW, amount: '6' })
    const { operationId } = await engine.execute(intentId)
    await expect(prepare({ to: NEW, amount: '4' })).rejects.toMatchObject({ code: 'insufficient_funds' })
    expect(await settle(operationId)).toMatchObject({ state: 'committed' })
  })

  it('R4: several in flight come one after the other, and only the first deploys', async () => {
    const sent: string[] = []
    for (const amount of ['0.1', '0.2', '0.3']) {
      const { intentId } = await prepare({ to: NEW, amount })
      sent.push((await engine.execute(intentId)).operationId)
    }
    for (const id of sent) await settle(id)
    for (const [index, id] of sent.entries()) {
      expect(await engine.get(id)).toMatchObject({ state: 'committed', steps: [{ nonce: `${index}` }] })
    }
    expect(await world.a.balance(NEW)).toBe(600_000_000_000_000_000n)
  })

  it('R1: of two that were to deploy it, the second is not signed once the first is', async () => {
    const [one, other] = [
      await prepare({ to: NEW, amount: '0.1' }),
      await prepare({ to: NEW, amount: '0.2' }),
    ]
    const { operationId } = await engine.execute(one.intentId)
    await expect(engine.execute(other.intentId)).rejects.toMatchObject({
      code: 'simulation_reverted',
      message: expect.stringContaining('was deployed since this was prepared'),
    })
    expect(await settle(operationId)).toMatchObject({ state: 'committed' })
    await expect(engine.execute(other.intentId)).rejects.toMatchObject({ code: 'simulation_reverted' })
  })

  it('R1: is not signed as if the account were there when a reorganisation has taken it away', async () => {
    const before = Number(await world.a.ask('eth_blockNumber'))
    await pay({ to: NEW, amount: '0.1' })
    const { intentId } = await prepare({ to: NEW, amount: '0.2' })
    const after = Number(await world.a.ask('eth_blockNumber'))
    await world.a.ask('anvil_rollback', after - before)
    expect(await codeOf(VAULT)).toBe('0x')
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'simulation_reverted',
      message: expect.stringContaining('is not deployed, and this was prepared as if it were'),
    })
  })

  it('cannot go privately, and says why', async () => {
    await expect(prepare({ to: NEW, amount: '1', route: 'private' })).rejects.toMatchObject({
      code: 'account_route',
    })
  })

  it('R1: is refused where the factory deploys nothing: a call of an account that is not there passes', async () => {
    await world.a.ask('anvil_setCode', '0x13E9ed32155810FDbd067D4522C492D6f68E5944', '0x00')
    await expect(prepare({ to: NEW, amount: '1' })).rejects.toMatchObject({
      code: 'simulation_reverted',
      message: expect.stringContaining('its factory does not deploy the account'),
    })
  })

  it('is refused on a chain without the entry point, before anything is prepared', async () => {
    await world.a.ask('anvil_setCode', ENTRY_POINT, '0x')
    await expect(prepare({ to: NEW, amount: '1' })).rejects.toMatchObject({
      code: 'accounts_unavailable',
      context: { what: 'entry point' },
    })
  })
})

describe('T12: with two endpoints', () => {
  it('an operation is final when both tell the same of it, and not before', async () => {
    const second = await startRpcProxy(world.a.rpcUrl)
    const lanes = [{ ...world.a, others: [{ url: second.url }] }]
    const watched = startEngine({ lanes })
    // It hides what became of operations: the data of an event that says success.
    const success = `${'0'.repeat(63)}1`
    second.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_getTransactionReceipt')
        ? { kind: 'rewrite', text: (answer) => answer.replaceAll(success, '0'.repeat(64)) }
        : undefined,
    )
    const { intentId } = await prepare({ to: NEW, amount: '1' }, watched)
    const { operationId } = await watched.execute(intentId)
    await world.a.mine(2)
    await expect(watched.driver.drive(operationId)).rejects.toMatchObject({ code: 'provider_disagreement' })
    expect(await watched.get(operationId)).not.toMatchObject({ state: 'committed' })
    second.setFault(undefined)
    await watched.driver.drive(operationId)
    expect(await watched.get(operationId)).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
    await watched.stop()
    await second.close()
  })
})

describe('what is brought to the entry point', () => {
  it('F1: a call that fails when it is included is reverted: its fee is paid, and nothing else moves', async () => {
    await pay({ to: NEW, amount: '0.1' })
    const { intentId } = await prepare({ to: MERCHANT, amount: '400', asset: 'USDC' })
    const { operationId } = await engine.execute(intentId)
    // The owner's own hand, in the same block.
    await setVaultUsdc(world.a, 100_000_000n)
    const view = await settle(operationId)
    expect(view).toMatchObject({ state: 'failed', sideEffect: 'done', steps: [{ state: 'reverted' }] })
    expect(BigInt(view.steps[0]?.feePaid?.raw ?? 0)).toBeGreaterThan(0n)
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(100_000_000n)
    const { status } = (await world.a.ask('eth_getTransactionReceipt', view.steps[0]?.attempts[0]?.hash)) as {
      status: string
    }
    expect(status).toBe('0x1')
  })

  it('R1: what fails with its real signature is not brought, and is brought when it passes again', async () => {
    await pay({ to: NEW, amount: '0.1' })
    const { intentId } = await prepare({ to: MERCHANT, amount: '400', asset: 'USDC' })
    // Between the signature and the look that comes after it.
    let taken = false
    world.a.proxy.setFault((calls) => {
      if (taken || !calls.some(isOfBundle)) return undefined
      taken = true
      const until = setVaultUsdc(world.a, 100_000_000n)
      return { kind: 'hold', until }
    })
    const { operationId, steps } = await engine.execute(intentId)
    expect(steps).toMatchObject([
      { state: 'unknown', note: expect.stringContaining('its user operation fails') },
    ])
    expect(steps[0]?.attempts).toMatchObject([{ state: 'signed' }])
    expect(brought()).toHaveLength(1)
    world.a.proxy.setFault(undefined)
    await setVaultUsdc(world.a, 500_000_000n)
    await takeOver(engine, [world.a], operationId)
    expect(await settle(operationId)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, VAULT)).toBe(100_000_000n)
  })

  it('T11, R1: what gives the account less with its real signature than it was shown is not brought', async () => {
    await setHoldings(world.a, [{ token: USDC, account: GIVER, raw: 50_000_000n }])
    await world.a.ask('anvil_setCode', GIVER, compile(GIVING))
    const give = { to: GIVER, function: 'give(address)', args: [USDC] }
    const { intentId, simulation } = await prepare(give)
    expect(simulation.effects).toMatchObject([{ from: GIVER, to: VAULT, amount: { raw: '7000000' } }])
    let taken = false
    world.a.proxy.setFault((calls) => {
      if (taken || !calls.some(isOfBundle)) return undefined
      taken = true
      return { kind: 'hold', until: setHoldings(world.a, [{ token: USDC, account: GIVER, raw: 0n }]) }
    })
    const { steps } = await engine.execute(intentId)
    world.a.proxy.setFault(undefined)
    expect(steps).toMatchObject([
      { state: 'unknown', note: expect.stringContaining('0 USDC would come in, not 7 USDC') },
    ])
    expect(brought()).toEqual([])
  })

  it('R2: another process brings what one that died has signed, once', async () => {
    const { intentId } = await prepare({ to: NEW, amount: '1' })
    const { operationId } = await engine.execute(intentId)
    for (const _process of ['one', 'another']) {
      // No node knows it by its hash, which does not mean that it was lost.
      expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
    }
    expect(engine.rows(`select event from audit where event = 'step.dropped'`)).toEqual([])
    expect(await settle(operationId)).toMatchObject({ state: 'committed' })
    expect(await world.a.balance(NEW)).toBe(1_000_000_000_000_000_000n)
    expect(brought()).toHaveLength(1)
  })
})
