import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keccak256, toHex } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { USDC } from '../support/engine.ts'
import { type PrivateWorld, startPrivateWorld } from '../support/privateEngine.ts'
import { setHoldings } from '../support/tokens.ts'
import { tokenBalance } from '../support/uniswap.ts'
import { type CrashJob, openEngine } from './support/crashJob.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 at points from the signature of a private payment to its answer. Each process has a journal and an
// account of its own, and another process takes over what it leaves.

let world: PrivateWorld
let programs: Programs
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-private-crash-'))
  ;[world, programs] = await Promise.all([startPrivateWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** By then the leases of the dead have run out. */
const LEASES_OVER_MS = 11_000

/** An account with funds, and an intent for half a USDC to a recipient of its own. */
async function prepare(name: string) {
  const key = keccak256(toHex(`key ${name}`))
  const recipient = `0x${keccak256(toHex(`to ${name}`)).slice(26)}` as const
  const home = mkdtempSync(join(folder, 'home-'))
  const place = { home, rpcUrl: world.a.proxy.url, relayUrl: world.relay.url, key }
  const engine = openEngine(place)
  const { adapter } = await engine.chains.open('sandbox-a')
  const account = engine.wallets.find('agent', adapter.chain).address as `0x${string}`
  await world.a.ask('anvil_setBalance', account, '0x56bc75e2d63100000')
  await setHoldings(world.a, [{ token: USDC, account, raw: 1_000_000_000n }])
  const call = { to: USDC, function: 'transfer(address,uint256)', args: [recipient, '500000'] }
  const { intentId, route } = await engine.prepare({ ...call, idempotencyKey: name })
  expect(route).toBe('private')
  await engine.stop()
  const next = { to: recipient, asset: 'native', amount: '1' } as const
  const job: CrashJob = { name, kind: 'token', ...place, intents: [intentId], again: 'at once', next }
  return { job, recipient }
}

/** Takes over and goes on until the payment has ended. Answers its state, and how many bytes were signed for it. */
async function resume(job: CrashJob): Promise<readonly [state: string, attempts: number]> {
  const engine = openEngine(job, LEASES_OVER_MS)
  const [intentId = ''] = job.intents
  const operationId = (await engine.operations.findByIntent('local', intentId)) ?? ''
  let state = 'running'
  for (let blocks = 0; blocks < 8 && state === 'running'; blocks++) {
    await engine.driver.drive(operationId)
    await world.relay.mine()
    ;({ state } = await engine.get(operationId))
  }
  const attempts = engine.rows('select raw from attempts').length
  await engine.stop()
  return [state, attempts]
}

/** From the signature to the answer: what a relay may have heard of, and what not. */
const POINTS = [
  ...['after signer.sign', 'before sql insert attempts', 'after sql insert attempts'],
  ...['before broadcaster.broadcast', 'before flashbots.simulate', 'after flashbots.simulate'],
  ...['before flashbots.sendPrivateTransaction', 'after flashbots.sendPrivateTransaction'],
  ...['after broadcaster.broadcast', 'acknowledged'],
] as const

it('F1, R2, D3: a private payment whose process dies anywhere after its signature is made once, with the same bytes, and never in public', async () => {
  const whole = await prepare('whole')
  const { lines } = await programs.run('victim', JSON.stringify([whole.job]), '0')
  const names = JSON.parse((lines[0] ?? '').replace('reached ', '')) as string[]
  expect(await resume(whole.job)).toEqual(['committed', 1])
  for (const point of POINTS) {
    const { job, recipient } = await prepare(point)
    const at = String(names.indexOf(point) + 1)
    const { signal, lines: last } = await programs.run('victim', JSON.stringify([job]), at)
    expect([signal, last.at(-1)]).toEqual(['SIGKILL', `killed ${point}`])
    expect(await resume(job), point).toEqual(['committed', 1])
    expect(await tokenBalance(world.a, USDC, recipient), point).toBe(500_000n)
  }
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
  // Some twenty seconds on two idle cores.
}, 240_000)
