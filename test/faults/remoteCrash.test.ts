import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Hex, keccak256, toHex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { startRemoteSigner, type TestSigner } from '../support/remoteSigner.ts'
import { type CrashJob, openEngine } from './support/crashJob.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 on the way of a payment whose signature is made elsewhere. Each process has a journal, an account and a
// signer of its own. What that has signed outlives whoever asked for it, and its operator may send it as well.

let world: World
let programs: Programs
let folder: string
const signers: TestSigner[] = []
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-remote-crash-'))
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await Promise.all(signers.map((signer) => signer.close()))
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** By then the leases of the dead have run out. */
const LEASES_OVER_MS = 60_000

/** A payment of one native token to somebody whom nobody else pays. */
async function prepare(name: string) {
  const key: Hex = keccak256(toHex(`key ${name}`))
  const to = `0x${keccak256(toHex(`to ${name}`)).slice(26)}`
  const signer = await startRemoteSigner(key)
  signers.push(signer)
  const home = mkdtempSync(join(folder, 'home-'))
  const place = { home, rpcUrl: world.a.rpcUrl, key, signerUrl: signer.url }
  await world.a.ask('anvil_setBalance', privateKeyToAddress(key), '0x56bc75e2d63100000')
  const engine = openEngine(place)
  const { intentId } = await engine.prepare({ to, asset: 'native', amount: '1', idempotencyKey: name })
  await engine.stop()
  const next = { to, asset: 'native', amount: '0.25' } as const
  const job: CrashJob = { name, kind: 'native', ...place, intents: [intentId], again: 'at once', next }
  return { job, to, signer }
}

/** Takes over: what was left open is driven, the same is asked for again, and then something else is paid. */
async function resume({ next, intents: [intentId = ''], ...job }: CrashJob) {
  const engine = openEngine(job, LEASES_OVER_MS)
  const finish = async () => {
    for (let blocks = 0; blocks < 8; blocks++) {
      const open = engine.rows(`select id from operations where state in ('running', 'stuck')`)
      for (const { id } of open) await engine.driver.drive(String(id))
      await world.a.mine(1)
    }
  }
  try {
    await finish()
    const { operationId } = await engine.execute(intentId)
    await finish()
    const { intentId: another } = await engine.prepare({ ...next, idempotencyKey: 'next' })
    await engine.execute(another)
    await finish()
    const states = engine.rows('select state from operations order by created_at').map(({ state }) => state)
    return { first: (await engine.get(operationId)).state, states }
  } finally {
    await engine.stop()
  }
}

/** Where each dies, counted from where the signer is asked. */
const POINTS = [
  [-2, 'before sql commit'],
  [-1, 'after sql commit'],
  [0, 'before signer.sign'],
  [1, 'before codec.parse'],
  [3, 'after signer.sign'],
  [10, 'before sql insert attempts'],
  [11, 'after sql insert attempts'],
  [18, 'before sql commit'],
  [19, 'after sql commit'],
] as const

for (const [who, leaked] of [
  ['nobody else sends', false],
  ['its signer sends as well', true],
] as const) {
  it(`F1, R2, R14: a process that dies around a signature that is made elsewhere, and that ${who}, has paid once`, async () => {
    const whole = await prepare(`${who}: whole`)
    const { lines } = await programs.run('victim', JSON.stringify([whole.job]), '0')
    const names = JSON.parse((lines[0] ?? '').replace('reached ', '')) as string[]
    // Nobody sends what is not signed yet.
    const points = leaked ? POINTS.slice(3) : POINTS
    for (const [offset, point] of points) {
      const at = names.indexOf('before signer.sign') + offset
      const { job, to, signer } = await prepare(`${who}: ${at}`)
      const { signal, lines: last } = await programs.run('victim', JSON.stringify([job]), String(at + 1))
      const died = `${offset}: ${point}`
      expect([signal, last.at(-1)], died).toEqual(['SIGKILL', `killed ${point}`])
      if (leaked) await world.a.ask('eth_sendRawTransaction', ...signer.signed)
      expect(await resume(job), died).toEqual({ first: 'committed', states: ['committed', 'committed'] })
      expect(await world.a.balance(to), died).toBe(1_250_000_000_000_000_000n)
    }
    // Some twenty seconds on two idle cores.
  }, 240_000)
}
