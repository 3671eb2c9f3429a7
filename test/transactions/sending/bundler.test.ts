import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { tokenBalance } from '../../support/awkwardTokens.ts'
import { BUNDLER, type BundlerServer, startBundler } from '../../support/bundlerServer.ts'
import { type Engine, MERCHANT, startEngine, USDC, type World } from '../../support/engine.ts'
import { snapshot } from '../../support/snapshot.ts'
import { setVaultUsdc, startVaultWorld, TREASURY, VAULT } from '../../support/vault.ts'

let world: World
let bundler: BundlerServer
let engine: Engine

beforeAll(async () => {
  world = await startVaultWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  const restore = await snapshot(world.a)
  bundler = await startBundler(world.a)
  engine = start()
  return async () => {
    await engine.stop()
    await bundler.close()
    await restore()
  }
})

const start = (home?: string, speedUpAfterBlocks?: bigint) =>
  startEngine({
    ...{ lanes: [world.a], bundler, rpcTimeoutMs: 1_000 },
    ...(home && { home, clock: engine.clock }),
    ...(speedUpAfterBlocks && { speedUpAfterBlocks }),
  })
const prepare = () =>
  engine.prepare({
    wallet: 'vault',
    to: MERCHANT,
    amount: '12.5',
    asset: 'USDC',
    idempotencyKey: 'by a bundler',
  })

/** As a process that has sent nothing yet, and need not wait before it sends again. */
async function driveAfresh(operationId: string) {
  const other = start(engine.home)
  await other.driver.drive(operationId)
  await other.stop()
  return engine.get(operationId)
}

async function finish(operationId: string) {
  for (let looks = 0; looks < 4; looks++) {
    await world.a.mine(1)
    await driveAfresh(operationId)
  }
  return engine.get(operationId)
}

const arrived = async () => 500_000_000n - (await tokenBalance(world.a, USDC, VAULT))

describe('F1: with a bundler', () => {
  it('brings what an account pays by the bundler’s transaction, and its owner needs no gas', async () => {
    await world.a.ask('anvil_setBalance', TREASURY, '0x0')
    bundler.margin = 5_000n
    const { intentId } = await prepare()
    const sent = await engine.execute(intentId)
    expect(sent).toMatchObject({ steps: [{ state: 'sent' }] })
    expect(bundler.calls).toEqual([
      'eth_chainId',
      'eth_supportedEntryPoints',
      'eth_estimateUserOperationGas',
      'eth_sendUserOperation',
    ])
    const done = await finish(sent.operationId)
    expect(done).toMatchObject({ state: 'committed', steps: [{ nonce: '0' }] })
    const [attempt] = done.steps[0]?.attempts ?? []
    const receipt = await world.a.ask('eth_getTransactionReceipt', attempt?.hash)
    expect(receipt).toMatchObject({ from: BUNDLER.toLowerCase(), status: '0x1' })
    expect(await arrived()).toBe(12_500_000n)
    expect(engine.rows(`select id from operations where account = '${TREASURY}'`)).toEqual([])
  })

  it('R1: signs with as much gas as the bundler wants, simulated with exactly that', async () => {
    const plain = await prepare()
    bundler.margin = 7_000n
    const other = await engine.prepare({
      wallet: 'vault',
      to: MERCHANT,
      amount: '12.5',
      asset: 'USDC',
      idempotencyKey: 'more',
    })
    expect(Number(other.gasLimit) - Number(plain.gasLimit)).toBe(21_000)
  })

  it('R14: a bundler that refuses, lies or loses its answer proves nothing, and is asked again', async () => {
    const { intentId } = await prepare()
    bundler.conduct = 'refuses'
    const { operationId, steps } = await engine.execute(intentId)
    expect(steps).toMatchObject([
      { state: 'unknown', note: expect.stringContaining('it refused the operation (code -32500)') },
    ])
    // T14: its words, and the key in its URL, are for the log.
    expect(JSON.stringify(steps)).not.toContain('secret-key')
    bundler.conduct = 'lies'
    expect((await driveAfresh(operationId)).steps).toMatchObject([{ state: 'unknown' }])
    bundler.conduct = 'loses answers'
    expect((await driveAfresh(operationId)).steps).toMatchObject([{ state: 'unknown' }])
    expect(await arrived()).toBe(0n)
    bundler.conduct = 'honest'
    // It has it from before.
    expect((await driveAfresh(operationId)).steps).toMatchObject([{ state: 'sent' }])
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await arrived()).toBe(12_500_000n)
  })

  it('R14: a bundler that accepts and drops is believed in nothing: it is not included, and goes out again', async () => {
    const { intentId } = await prepare()
    bundler.conduct = 'drops'
    const { operationId } = await engine.execute(intentId)
    expect(await finish(operationId)).toMatchObject({ state: 'running', steps: [{ state: 'sent' }] })
    expect(await arrived()).toBe(0n)
    bundler.conduct = 'honest'
    await driveAfresh(operationId)
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await arrived()).toBe(12_500_000n)
    expect(engine.rows(`select id from attempts`)).toHaveLength(1)
  })

  it('C3: takes an operation that is sped up, whose fees are both higher by a tenth, in place of the other', async () => {
    const { intentId } = await prepare()
    const { operationId } = await engine.execute(intentId)
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up', urgency: 'slow' })
    const view = await engine.execute(faster.intentId)
    expect(view.steps).toMatchObject([
      { state: 'sent', attempts: [{ state: 'superseded' }, { state: 'sent' }] },
    ])
    const done = await finish(operationId)
    expect(done).toMatchObject({
      state: 'committed',
      steps: [{ attempts: [{ state: 'superseded' }, { state: 'included', hash: expect.any(String) }] }],
    })
    expect(await arrived()).toBe(12_500_000n)
  })

  it('C3: cancels what it has, or has lost, at the same nonce', async () => {
    const { intentId } = await prepare()
    bundler.conduct = 'drops'
    const { operationId } = await engine.execute(intentId)
    bundler.conduct = 'honest'
    await engine.execute((await engine.replace({ operation: operationId, kind: 'cancel' })).intentId)
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(await arrived()).toBe(0n)
  })

  it('C3: is offered more by itself where the operator wants that', async () => {
    const { intentId } = await prepare()
    bundler.conduct = 'drops'
    const { operationId } = await engine.execute(intentId)
    await world.a.mine(4)
    const eager = start(engine.home, 4n)
    await eager.driver.drive(operationId)
    await eager.stop()
    expect(engine.rows('select kind, live from attempts order by created_at')).toEqual([
      { kind: 'original', live: 0 },
      { kind: 'speed_up', live: 1 },
    ])
    bundler.conduct = 'honest'
    await driveAfresh(operationId)
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await arrived()).toBe(12_500_000n)
  })

  it('R1: what fails with its real signature is not handed to it', async () => {
    const { intentId } = await prepare()
    bundler.conduct = 'refuses'
    const { operationId } = await engine.execute(intentId)
    const before = bundler.calls.length
    await setVaultUsdc(world.a, 1n)
    const view = await driveAfresh(operationId)
    expect(view.steps).toMatchObject([{ state: 'unknown' }])
    expect(bundler.calls.slice(before)).not.toContain('eth_sendUserOperation')
  })

  it('R13: is not used when it serves another chain or entry point, or does not answer', async () => {
    const away = (reason: string) => ({ code: 'bundler_away', context: { host: expect.any(String), reason } })
    bundler.chainId = '0x1'
    await expect(prepare()).rejects.toMatchObject(away('it serves chain 1'))
    bundler.chainId = '0x7a69'
    bundler.entryPoints = [VAULT]
    await expect(prepare()).rejects.toMatchObject(
      away('it does not serve 0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108'),
    )
    bundler.conduct = 'hangs'
    await expect(prepare()).rejects.toMatchObject(away('it did not answer in time'))
    expect(engine.rows('select id from intents')).toEqual([])
  })
})
