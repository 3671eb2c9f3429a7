import path from 'node:path'
import { BursarError } from '../errors/bursarError.ts'
import type { Logger } from '../primitives/logger.ts'
import { adminBatch, adminText } from './adminRpc.ts'
import { anvilBinary } from './anvilBinary.ts'
import { type AnvilProcess, spawnAnvil } from './anvilProcess.ts'
import { installContracts } from './installContracts.ts'
import { type SandboxChainId, sandboxChainIds } from './sandboxAccounts.ts'
import { keepWritten, type StateFiles, stateFiles } from './stateFiles.ts'
import { acquireStateLock, type StateLock } from './stateLock.ts'

export interface SandboxChain {
  readonly chainId: SandboxChainId
  readonly rpcUrl: string
  /** anvil serves both on one port. */
  readonly socketUrl: string
  /** Of the anvil itself. */
  readonly pid: number
}

export interface Sandbox {
  readonly chains: readonly SandboxChain[]
  /** Mines n blocks now on one chain. Throws `sandbox_unavailable` when its anvil has died. */
  mine(chainId: number, blocks?: number): Promise<void>
  /** Ends both chains, saving state when a state folder was given. */
  stop(): Promise<void>
}

export interface SandboxOptions {
  /** Chains continue from this folder and are saved to it; without it every start is a fresh one. */
  readonly stateDir?: string
  readonly logger: Logger
  /** Seconds between blocks, 1 by default. */
  readonly blockTimeSeconds?: number
  /** Fixed ports; a chain without one gets a free one. */
  readonly ports?: Readonly<Partial<Record<SandboxChainId, number>>>
}

interface Slot {
  readonly chainId: SandboxChainId
  readonly anvil: AnvilProcess
  readonly files: StateFiles | undefined
}

/**
 * Starts two local chains with funded wallets and contracts at fixed addresses. They end when this process
 * ends, however it ends. Throws `sandbox_unavailable` when anvil is not installed, does not come up, or when
 * another process uses the state folder.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const binary = anvilBinary()
  const folder = options.stateDir === undefined ? undefined : path.resolve(options.stateDir)
  let lock: StateLock | undefined
  const slots: Slot[] = []
  try {
    if (folder !== undefined) lock = await acquireStateLock(folder)
    for (const chainId of sandboxChainIds) slots.push(await launch(chainId, binary, folder, options))
    lock?.cover(slots.map(({ anvil }) => anvil.pid))
    const chains = await Promise.all(slots.map(makeReady))
    options.logger.info('sandbox started', {
      chains: chains.map(({ chainId, rpcUrl }) => ({ chainId, rpcUrl })),
    })
    return {
      chains,
      mine: (chainId, blocks = 1) => mine(slots, chains, chainId, blocks),
      stop: once(() => shutDown(slots, lock, options.logger)),
    }
  } catch (error) {
    await shutDown(slots, lock, options.logger)
    throw asSandboxError(error, folder)
  }
}

/** A file system that refuses is the operator's to mend. */
function asSandboxError(error: unknown, folder: string | undefined): unknown {
  if (folder === undefined || !(error instanceof Error) || !('syscall' in error)) return error
  const reason = `the state folder ${folder} cannot be used (${error.message})`
  return new BursarError('sandbox_unavailable', { reason }, { cause: error })
}

async function launch(
  chainId: SandboxChainId,
  binary: string,
  folder: string | undefined,
  { logger, ports, blockTimeSeconds = 1 }: SandboxOptions,
): Promise<Slot> {
  const files = folder === undefined ? undefined : stateFiles(folder, chainId)
  const load = files && (await keepWritten(files, logger))
  const anvil = spawnAnvil({
    binary,
    chainId,
    port: ports?.[chainId] ?? 0,
    blockTimeSeconds,
    logger,
    ...(files && { state: { save: files.next, ...(load !== undefined && { load }) } }),
  })
  // Awaited in makeReady; a failure before that must not count as unhandled.
  anvil.listening.catch(() => undefined)
  return { chainId, anvil, files }
}

async function makeReady({ chainId, anvil }: Slot): Promise<SandboxChain> {
  const rpcUrl = await anvil.listening
  // A kept state carries no chain id of its own, and a fixed port could be somebody else's.
  const found = Number(await adminText(rpcUrl, { method: 'eth_chainId' }))
  if (found !== chainId) {
    throw new BursarError('sandbox_unavailable', {
      reason: `${rpcUrl} serves chain ${found}, not ${chainId}`,
    })
  }
  await installContracts(rpcUrl)
  anvil.assertAlive()
  return { chainId, rpcUrl, socketUrl: rpcUrl.replace(/^http/, 'ws'), pid: anvil.pid }
}

async function mine(
  slots: readonly Slot[],
  chains: readonly SandboxChain[],
  chainId: number,
  blocks: number,
): Promise<void> {
  const index = chains.findIndex((chain) => chain.chainId === chainId)
  const chain = chains[index]
  if (!chain)
    throw new BursarError('chain_unknown', { given: `${chainId}`, known: sandboxChainIds.map(String) })
  slots[index]?.anvil.assertAlive()
  await adminBatch(chain.rpcUrl, [{ method: 'anvil_mine', params: [`0x${blocks.toString(16)}`] }])
}

async function shutDown(slots: readonly Slot[], lock: StateLock | undefined, logger: Logger): Promise<void> {
  await Promise.all(
    slots.map(async ({ anvil, files }) => {
      await anvil.stop()
      if (files) await keepWritten(files, logger)
    }),
  )
  lock?.release()
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}
