import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { silentLogger } from '../../src/primitives/logger.ts'
import { startSandbox } from '../../src/sandbox/startSandbox.ts'
import { bundleHolder, childrenOf, eventually, isGone, startHolder } from './support/processes.ts'
import { blockNumber } from './support/rpc.ts'

const linux = process.platform === 'linux'
let scratch: string
let holderScript: string

beforeAll(async () => {
  mkdirSync('node_modules/.cache', { recursive: true })
  // Inside the repository, so that the bundle finds the installed packages.
  scratch = mkdtempSync(path.resolve('node_modules/.cache/bursar-lifecycle-'))
  holderScript = await bundleHolder(scratch)
})
afterAll(() => rmSync(scratch, { recursive: true }))

test('kill -9 of the process that started it leaves no anvil and no guard', async () => {
  const { process: holder, report, stdout } = await startHolder(holderScript)
  if (!('chains' in report)) throw new Error(report.message)
  const anvils = report.chains.map((chain) => chain.pid)
  const guards = linux ? anvils.flatMap(childrenOf) : []
  expect(anvils.some(isGone)).toBe(false)
  expect(guards).toHaveLength(linux ? 2 : 0)
  // R11: while the chains mine and log, nothing but the holder's own line reaches its stdout.
  const [first] = report.chains
  await eventually('the chain mines', async () => (await blockNumber(first?.rpcUrl ?? '')) >= 3)
  expect(stdout()).toBe(JSON.stringify(report))

  holder.kill('SIGKILL')
  await eventually('both anvils and their guards vanish', () => [...anvils, ...guards].every(isGone), 5_000)
})

test('stop ends both chains and their guards, and may be called twice', async () => {
  const sandbox = await startSandbox({ logger: silentLogger })
  const pids = sandbox.chains.map((chain) => chain.pid)
  const guards = linux ? pids.flatMap(childrenOf) : []
  await Promise.all([sandbox.stop(), sandbox.stop()])
  expect(pids.every(isGone)).toBe(true)
  await eventually('the guards vanish', () => guards.every(isGone), 2_000)
  await expect(sandbox.mine(31337)).rejects.toMatchObject({ code: 'sandbox_unavailable' })
})

test('an anvil that dies is logged as an error, later calls say so, and the other chain goes on', async () => {
  const error = vi.fn()
  const sandbox = await startSandbox({ logger: { ...silentLogger, error } })
  try {
    const [first, second] = sandbox.chains
    const guards = linux ? childrenOf(first?.pid ?? 0) : []
    process.kill(first?.pid ?? 0, 'SIGKILL')
    await eventually('the death is logged', () => error.mock.calls.length > 0, 5_000)
    expect(error).toHaveBeenCalledExactlyOnceWith(
      'sandbox chain ended',
      expect.objectContaining({ chain: 31337, ending: 'the anvil of chain 31337 ended (SIGKILL)' }),
    )
    await expect(sandbox.mine(31337)).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      context: { reason: 'the anvil of chain 31337 ended (SIGKILL)' },
    })
    await eventually('its guard vanishes', () => guards.every(isGone), 2_000)
    await sandbox.mine(31338)
    expect(isGone(second?.pid ?? 0)).toBe(false)
  } finally {
    await sandbox.stop()
  }
})

test('without the anvil package it says what is missing', async () => {
  const elsewhere = mkdtempSync(path.join(tmpdir(), 'bursar-bare-'))
  try {
    const { report } = await startHolder(await bundleHolder(elsewhere))
    expect(report).toMatchObject({ code: 'sandbox_missing' })
    expect('message' in report && report.message).toMatch(
      /package @foundry-rs\/anvil \(.*\) is not installed/,
    )
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
})

test('a fixed port that is taken fails with the reason and leaves no other chain behind', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const before = linux ? childrenOf(process.pid) : []
  try {
    await expect(startSandbox({ logger: silentLogger, ports: { 31338: port } })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      context: { reason: expect.stringContaining('the anvil of chain 31338 ended') },
    })
    if (linux) expect(childrenOf(process.pid).filter((pid) => !before.includes(pid))).toEqual([])
  } finally {
    server.close()
  }
})
