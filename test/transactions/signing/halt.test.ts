import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AWKWARD, allowanceOf, installAwkward, taking } from '../../support/awkwardTokens.ts'
import { beginOnly } from '../../support/begun.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { snapshot } from '../../support/snapshot.ts'
import { fillVault } from '../../support/vault.ts'

let world: World
let engine: Engine
let before: bigint

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  await world.a.mine()
  const restore = await snapshot(world.a)
  engine = startEngine({ lanes: [world.a], othersBroadcastMs: 300 })
  before = await world.a.balance(MERCHANT)
  return async () => {
    await engine.stop()
    await restore()
  }
})

const HALF = 500_000_000_000_000_000n
const paid = async () => (await world.a.balance(MERCHANT)) - before
const sent = () => world.a.proxy.count('eth_sendRawTransaction')
const signed = () => engine.rows('select id from attempts').length
const halt = () => engine.halts.halt({}, 'a key leaked')
const prepare = (idempotencyKey: string) => engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey })
const again = (operationId: string) => takeOver(engine, [world.a], operationId)
/** Another process, which looks at it once. */
async function drivenBy(options: Partial<EngineOptions>, operationId: string) {
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock, ...options })
  await other.driver.drive(operationId).finally(() => other.stop())
}

/** Signed and recorded by a process that ends before it hands the bytes over. */
async function signedOnly(idempotencyKey: string): Promise<string> {
  const { broadcast } = engine.broadcaster
  engine.broadcaster.broadcast = () => Promise.reject(new Error('killed'))
  const { operationId } = await engine.execute((await prepare(idempotencyKey)).intentId)
  engine.broadcaster.broadcast = broadcast
  expect(engine.rows('select state from steps')).toEqual([{ state: 'signed' }])
  return operationId
}

describe('F5: while signing is halted', () => {
  it('F5, R2: send_transaction is refused with the reason, preparing says so, and resuming pays once', async () => {
    await halt()
    const intent = await prepare('rent')
    expect(intent.status).toBe('ready')
    expect(intent.next).toMatch(
      /^The operator has halted signing for every wallet on every chain since \S+Z: a key leaked\. send_transaction is refused/,
    )
    await expect(engine.execute(intent.intentId)).rejects.toMatchObject({
      code: 'halted',
      retry: 'no',
      sideEffect: 'none',
      context: { reason: 'a key leaked', since: expect.stringMatching(/Z$/) },
    })
    expect(engine.rows('select id from operations')).toEqual([])
    expect(engine.rows('select step_id from nonces')).toEqual([])
    await engine.halts.resume({})
    expect((await prepare('rent')).next).toMatch(/^Check the effects/)
    const { operationId } = await engine.execute(intent.intentId)
    expect((await engine.execute(intent.intentId)).operationId).toBe(operationId)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect({ signed: signed(), sent: sent(), paid: await paid() }).toEqual({ signed: 1, sent: 1, paid: HALF })
  })

  it('F5: an executed intent still answers with its operation, which is followed to its end', async () => {
    const { intentId } = await prepare('rent')
    const { operationId } = await engine.execute(intentId)
    await halt()
    expect((await engine.execute(intentId)).operationId).toBe(operationId)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect(await paid()).toBe(HALF)
  })

  it('F5: what was begun and not signed waits, says so, and is signed once when signing goes on', async () => {
    const { intentId } = await prepare('rent')
    const { operationId } = await beginOnly(engine, intentId)
    await halt()
    const waiting = await again(operationId)
    expect(waiting).toMatchObject({ state: 'running', steps: [{ state: 'queued', attempts: [] }] })
    expect(waiting.next).toContain('What is not sent yet waits for the operator to end that')
    expect(signed()).toBe(0)
    await engine.halts.resume({})
    await again(operationId)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect({ signed: signed(), paid: await paid() }).toEqual({ signed: 1, paid: HALF })
  })

  it('F5, R2: a halt that comes while the key signs leaves no bytes behind, and frees the nonce', async () => {
    const { intentId } = await prepare('rent')
    const { find } = engine.wallets
    let halting: Promise<unknown> | undefined
    engine.wallets.find = (...given) => {
      const wallet = find.apply(engine.wallets, given)
      const sign: typeof wallet.signer.sign = async (...order) => {
        const bytes = await wallet.signer.sign(...order)
        halting ??= halt()
        await halting
        return bytes
      }
      return { ...wallet, signer: { ...wallet.signer, sign } }
    }
    const waiting = engine.execute(intentId)
    await expect.poll(() => engine.rows('select reason from halts')).toHaveLength(1)
    expect(await waiting).toMatchObject({ state: 'running', steps: [{ state: 'queued', attempts: [] }] })
    expect({ signed: signed(), sent: sent() }).toEqual({ signed: 0, sent: 0 })
    expect(engine.rows('select nonce from nonces')).toEqual([])
  })

  it('F5: bytes that were never handed out stay here until signing goes on', async () => {
    const operationId = await signedOnly('rent')
    await halt()
    const waiting = await again(operationId)
    expect(waiting).toMatchObject({ state: 'running', steps: [{ state: 'signed' }] })
    expect(waiting.next).toContain('The operator has halted signing')
    expect(sent()).toBe(0)
    await engine.halts.resume({})
    await again(operationId)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect({ signed: signed(), sent: sent(), paid: await paid() }).toEqual({ signed: 1, sent: 1, paid: HALF })
  })

  it('F5, R14: bytes of a process that died while it handed them over are looked for, not sent', async () => {
    const operationId = await signedOnly('rent')
    const [row] = engine.rows('select raw from attempts')
    await world.a.ask('eth_sendRawTransaction', row?.['raw'])
    await halt()
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect({ sent: sent(), paid: await paid() }).toEqual({ sent: 0, paid: HALF })
  })

  it('F5: what the network had and lost is sent again', async () => {
    const { operationId } = await engine.execute((await prepare('rent')).intentId)
    await world.a.ask('anvil_dropAllTransactions')
    await halt()
    await again(operationId)
    expect(sent()).toBe(2)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'committed' })
    expect({ signed: signed(), paid: await paid() }).toEqual({ signed: 1, paid: HALF })
  })

  it('F5: what waits too long is not sped up, by itself or by a caller', async () => {
    const { operationId } = await engine.execute((await prepare('rent')).intentId)
    await world.a.ask('anvil_setBlockGasLimit', '0x5208')
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await world.a.mine(1)
    await halt()
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x174876e800')
    await world.a.mine(3)
    await drivenBy({ speedUpAfterBlocks: 2n }, operationId)
    expect(engine.rows('select kind from attempts')).toEqual([{ kind: 'original' }])
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(faster.next).toMatch(/^The operator has halted signing/)
    await expect(engine.execute(faster.intentId)).rejects.toMatchObject({ code: 'halted' })
    expect(engine.rows('select kind from attempts')).toEqual([{ kind: 'original' }])
    await engine.halts.resume({})
    await drivenBy({ speedUpAfterBlocks: 2n }, operationId)
    expect(engine.rows('select kind from attempts order by created_at')).toEqual([
      { kind: 'original' },
      { kind: 'speed_up' },
    ])
  })

  it('F5, C8: an approval whose payment did not happen is taken back when signing goes on, not before', async () => {
    const { taker } = AWKWARD
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const { broadcast } = engine.broadcaster
    let sends = 0
    engine.broadcaster.broadcast = async (...given) => {
      const result = await broadcast.apply(engine.broadcaster, given)
      if (++sends === 1) throw new Error('killed')
      return result
    }
    const { operationId } = await engine.execute(intentId)
    engine.broadcaster.broadcast = broadcast
    // The call is given up: its intent expires before it is signed.
    engine.clock.advance(3_600_000)
    await world.a.mine(2)
    await halt()
    for (let drives = 0; drives < 3; drives++) await again(operationId)
    expect(await allowanceOf(world.a, USDC, AGENT, taker)).toBe(25_000_000n)
    expect(
      engine.rows("select s.id from attempts a join steps s on s.id = a.step_id where role = 'undo'"),
    ).toEqual([])
    await engine.halts.resume({})
    await again(operationId)
    await world.a.mine(2)
    await again(operationId)
    await world.a.mine(2)
    expect(await again(operationId)).toMatchObject({ state: 'compensated' })
    expect(await allowanceOf(world.a, USDC, AGENT, taker)).toBe(0n)
  })

  it('F5: a gap is not filled', async () => {
    // So that there is one before it.
    await world.a.ask('anvil_setNonce', AGENT, '0x1')
    const { operationId } = await engine.execute((await prepare('rent')).intentId)
    // As if the nonce before it were nobody's: the chain waits for it.
    await world.a.ask('anvil_dropAllTransactions')
    const taken = await world.a.ask('eth_getTransactionCount', AGENT, 'latest')
    await world.a.ask('anvil_setNonce', AGENT, `0x${(Number(taken) - 1).toString(16)}`)
    await halt()
    for (let blocks = 0; blocks < 3; blocks++) {
      await world.a.mine()
      await engine.driver.drive(operationId).catch(() => undefined)
    }
    const own = () => engine.rows("select id from intents where principal = 'bursar (itself)'")
    expect(own()).toEqual([])
    await engine.halts.resume({})
    for (let blocks = 0; blocks < 3; blocks++) {
      await world.a.mine()
      await engine.driver.drive(operationId)
    }
    expect(own()).toHaveLength(1)
  })
})

describe('F5: a wallet whose key leaked', () => {
  const fromVault = (idempotencyKey: string) =>
    engine.prepare({ wallet: 'vault', to: 'merchant', amount: '0.5', idempotencyKey })

  beforeEach(() => fillVault(world.a))

  it.each(['treasury', '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'])(
    'F5: signs nothing for the contract account that it owns once %s is halted, begun or not',
    async (wallet) => {
      const { intentId } = await fromVault('begun before')
      const { operationId: waiting } = await beginOnly(engine, intentId)
      await engine.halts.halt({ wallet }, 'its key leaked')
      const intent = await fromVault('rent')
      expect(intent.next).toContain('The operator has halted signing for wallet')
      await expect(engine.execute(intent.intentId)).rejects.toMatchObject({ code: 'halted' })
      await engine.driver.drive(waiting)
      await again(waiting)
      expect({ signed: signed(), sent: sent() }).toEqual({ signed: 0, sent: 0 })
      // Its own halt is the other way round: whoever owns it goes on.
      await engine.halts.resume('all')
      await engine.halts.halt({ wallet: 'vault' }, 'only that one')
      const own = await engine.prepare({
        wallet: 'treasury',
        to: 'merchant',
        amount: '0.5',
        idempotencyKey: 'own',
      })
      await engine.execute(own.intentId)
      expect(signed()).toBe(1)
    },
  )

  it('F5: keeps back what it has signed for that account and nobody has', async () => {
    const { broadcast } = engine.broadcaster
    engine.broadcaster.broadcast = () => Promise.reject(new Error('killed'))
    const { operationId } = await engine.execute((await fromVault('signed')).intentId)
    engine.broadcaster.broadcast = broadcast
    expect(signed()).toBe(1)
    await engine.halts.halt({ wallet: 'treasury' }, 'its key leaked')
    await again(operationId)
    expect({ signed: signed(), sent: sent() }).toEqual({ signed: 1, sent: 0 })
    expect(engine.rows('select state from steps')).toEqual([{ state: 'signed' }])
  })
})
