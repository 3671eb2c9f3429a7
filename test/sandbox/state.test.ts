import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../src/primitives/logger.ts'
import { startSandbox } from '../../src/sandbox/startSandbox.ts'
import { bundleHolder, eventually, isGone, startHolder } from './support/processes.ts'
import { blockNumber, rpc } from './support/rpc.ts'

const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const STRANGER = '0x00000000000000000000000000000000000a11ce'
const USDC_DEPLOYER = '0x00000000000000000000000000000000b0125a01'

let cache: string
let holderScript: string
let folder: string

beforeAll(async () => {
  mkdirSync('node_modules/.cache', { recursive: true })
  cache = mkdtempSync(path.resolve('node_modules/.cache/bursar-state-'))
  holderScript = await bundleHolder(cache)
  return () => rmSync(cache, { recursive: true })
})
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(cache, 'run-')), 'state')
})
afterEach(() => rmSync(path.dirname(folder), { recursive: true }))

const start = (logger = silentLogger) => startSandbox({ logger, stateDir: folder })

/** Pays the stranger on a chain that mines by itself; returns the hash once it is mined. */
async function pay(url: string, value: string): Promise<unknown> {
  const hash = await rpc(url, 'eth_sendTransaction', { from: TREASURY, to: STRANGER, value })
  await rpc(url, 'anvil_mine', '0x1')
  return hash
}

test('balances, receipts, nonces and height survive stop and start, and nothing is installed twice', async () => {
  const first = await start()
  const [url31337 = '', url31338 = ''] = first.chains.map((chain) => chain.rpcUrl)
  const hash = await pay(url31337, '0x3039')
  await pay(url31338, '0xd431')
  const height = await blockNumber(url31337)
  await first.stop()

  const second = await start()
  const [again31337 = '', again31338 = ''] = second.chains.map((chain) => chain.rpcUrl)
  try {
    expect(await rpc(again31337, 'eth_getBalance', STRANGER, 'latest')).toBe('0x3039')
    expect(await rpc(again31338, 'eth_getBalance', STRANGER, 'latest')).toBe('0xd431')
    expect(await rpc(again31337, 'eth_getTransactionReceipt', hash)).toMatchObject({ status: '0x1' })
    expect(await rpc(again31337, 'eth_getTransactionCount', TREASURY, 'latest')).toBe('0x1')
    expect(await blockNumber(again31337)).toBeGreaterThanOrEqual(height)
    // One creation and four mints, once.
    expect(await rpc(again31337, 'eth_getTransactionCount', USDC_DEPLOYER, 'latest')).toBe('0x5')
  } finally {
    await second.stop()
  }
})

test('kill -9 of the holder loses no block, and its lock is taken over', async () => {
  const { process: holder, report } = await startHolder(holderScript, folder)
  if (!('chains' in report)) throw new Error(report.message)
  await pay(report.chains[0]?.rpcUrl ?? '', '0x3039')
  holder.kill('SIGKILL')
  await new Promise((resolve) => holder.once('exit', resolve))
  expect(existsSync(path.join(folder, 'lock.json'))).toBe(true)

  const sandbox = await start()
  try {
    expect(await rpc(sandbox.chains[0]?.rpcUrl ?? '', 'eth_getBalance', STRANGER, 'latest')).toBe('0x3039')
  } finally {
    await sandbox.stop()
  }
  expect(existsSync(path.join(folder, 'lock.json'))).toBe(false)
})

test('whoever takes over waits until the chains of the dead holder have written their state', async () => {
  const { process: holder, report } = await startHolder(holderScript, folder)
  if (!('chains' in report)) throw new Error(report.message)
  await pay(report.chains[0]?.rpcUrl ?? '', '0x3039')
  // A frozen chain stands for one that takes long to save; it is told to end as soon as the holder is gone.
  for (const { pid } of report.chains) process.kill(pid, 'SIGSTOP')
  holder.kill('SIGKILL')
  await new Promise((resolve) => holder.once('exit', resolve))
  const starting = start()
  setTimeout(() => {
    for (const { pid } of report.chains) process.kill(pid, 'SIGCONT')
  }, 500)
  const sandbox = await starting
  try {
    expect(await rpc(sandbox.chains[0]?.rpcUrl ?? '', 'eth_getBalance', STRANGER, 'latest')).toBe('0x3039')
  } finally {
    await sandbox.stop()
  }
})

test('a state folder that the file system refuses is the operator’s to mend', async () => {
  mkdirSync(folder)
  const file = path.join(folder, 'in the way')
  writeFileSync(file, '')
  await expect(startSandbox({ logger: silentLogger, stateDir: file })).rejects.toMatchObject({
    code: 'sandbox_unavailable',
    context: { reason: expect.stringMatching(/^the state folder .*in the way cannot be used \(EEXIST/) },
  })
})

test('a second process on the same folder is refused and told who holds it', async () => {
  const { process: holder, report } = await startHolder(holderScript, folder)
  if (!('chains' in report)) throw new Error(report.message)
  try {
    await expect(start()).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      context: { reason: expect.stringContaining(`${folder} is in use by process ${holder.pid} since `) },
    })
    // The refused one must not have taken anything from the holder.
    expect(await rpc(report.chains[0]?.rpcUrl ?? '', 'eth_chainId')).toBe('0x7a69')
    await expect(start()).rejects.toMatchObject({ code: 'sandbox_unavailable' })
  } finally {
    holder.kill('SIGKILL')
    // They still write their state to the folder, which is deleted after this test.
    await eventually('its chains end', () => report.chains.every(({ pid }) => isGone(pid)))
  }
})

test('a lock whose pid now belongs to another process is stale', async () => {
  mkdirSync(folder)
  const stale = {
    pid: process.pid,
    identity: `${process.pid}@1`,
    since: '2026-01-01T00:00:00.000Z',
    anvils: [],
  }
  writeFileSync(path.join(folder, 'lock.json'), JSON.stringify(stale))
  const sandbox = await start()
  await sandbox.stop()
})

test('of many that start at once on a stale lock exactly one gets the folder', async () => {
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'lock.json'), '{"pid":1,"identity":"1@0","since":"","anvils":[]}')
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => start()))
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  await Promise.all(started.map((sandbox) => sandbox.stop()))
  expect(started).toHaveLength(1)
})

test('a state torn by a crash is dropped for the last whole one, with a warning', async () => {
  const first = await start()
  await pay(first.chains[0]?.rpcUrl ?? '', '0x3039')
  await first.stop()
  writeFileSync(path.join(folder, '31337.next.json'), '{"block":{"number":"0x3"},"accounts":{"0x00')

  const warn = vi.fn()
  const second = await start({ ...silentLogger, warn })
  try {
    expect(warn).toHaveBeenCalledOnce()
    expect(await rpc(second.chains[0]?.rpcUrl ?? '', 'eth_getBalance', STRANGER, 'latest')).toBe('0x3039')
  } finally {
    await second.stop()
  }
})
