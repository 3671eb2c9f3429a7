import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll } from 'vitest'
import type * as z from 'zod'
import type { PresentedError } from '../../src/errors/presenter.ts'
import type { OperationOutput } from '../../src/mcp/operationShape.ts'
import type { BalanceSheetOutput } from '../../tools/get-balances.ts'
import type { StatusOutput } from '../../tools/get-status.ts'
import type { WalletListOutput } from '../../tools/get-wallets.ts'
import type { ChainListOutput } from '../../tools/list-chains.ts'
import type { OperationPageOutput } from '../../tools/list-operations.ts'
import type { GasQuoteOutput } from '../../tools/quote-gas.ts'
import type { ReplacementOutput } from '../../tools/replace-transaction.ts'
import type { IntentOutput } from '../../tools/simulate-transaction.ts'
import {
  type CallOptions,
  type Command,
  type Connection,
  connectClient,
  type Elicit,
  type Era,
} from './clients.ts'
import type { World } from './engine.ts'

// The built server as a process of its own, as an agent host runs it.

/** The bundle that the global set-up has built. */
export const BURSAR = resolve('dist/bursar.js')

export interface Answers {
  readonly list_chains: z.infer<typeof ChainListOutput>
  readonly get_wallets: z.infer<typeof WalletListOutput>
  readonly get_balances: z.infer<typeof BalanceSheetOutput>
  readonly quote_gas: z.infer<typeof GasQuoteOutput>
  readonly simulate_transaction: z.infer<typeof IntentOutput>
  readonly send_transaction: z.infer<typeof OperationOutput>
  readonly get_operation: z.infer<typeof OperationOutput>
  readonly list_operations: z.infer<typeof OperationPageOutput>
  readonly replace_transaction: z.infer<typeof ReplacementOutput>
  readonly get_status: z.infer<typeof StatusOutput>
}
export type ToolName = keyof Answers

export interface Bursar {
  readonly connection: Connection
  /** Lines of stdout so far. */
  readonly lines: readonly string[]
  readonly stderr: () => string
  /** How the process ended: its exit code, or the signal. */
  readonly ended: Promise<number | string | null>
  /** The structured answer; fails when the tool refuses, when its text says something else, or on a stray byte. */
  answer<N extends ToolName>(name: N, args?: object, options?: CallOptions): Promise<Answers[N]>
  /** The error of a call that must be refused. */
  refusal(name: ToolName, args?: object, options?: CallOptions): Promise<PresentedError>
  /** Fails unless every line that the server ever wrote to stdout is a JSON-RPC message (R11). */
  requireCleanStdout(): void
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Ends it as a host does, after which stdout must have been clean. */
  close(): Promise<void>
}

export interface BursarOptions {
  readonly era?: Era
  readonly env: Readonly<Record<string, string>>
  /** The client shows forms, and this is what is answered. */
  readonly elicit?: Elicit
  /** Another way to start the same server. */
  readonly command?: Partial<Pick<Command, 'command' | 'args' | 'cwd'>>
  /** npm prints a banner before the server speaks. */
  readonly bannerAllowed?: boolean
}

/** A test that fails leaves its server behind, and a server that does not end is what some tests look for. */
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

export async function startBursar(options: BursarOptions): Promise<Bursar> {
  const lines: string[] = []
  let stderr = ''
  let ended: Promise<number | string | null> = Promise.resolve(null)
  const watch = (child: ChildProcess) => {
    if (child.stdout) createInterface(child.stdout).on('line', (line) => lines.push(line))
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    running.add(child)
    ended = new Promise((settle) => child.once('exit', (code, signal) => settle(code ?? signal)))
    child.once('exit', () => running.delete(child))
  }
  const command = {
    command: process.execPath,
    args: [BURSAR, 'serve'],
    cwd: tmpdir(),
    ...options.command,
    env: options.env,
  }
  const connection = await connectClient(options.era ?? '2026-07-28', command, watch, options.elicit).catch(
    (error: unknown) => {
      throw new Error(`the server did not answer; stderr: ${stderr}`, { cause: error })
    },
  )
  const requireCleanStdout = () => {
    const stray = options.bannerAllowed ? undefined : lines.find((line) => !isJsonRpc(line))
    if (stray !== undefined) throw new Error(`stdout carried what is not JSON-RPC (R11): ${stray}`)
  }
  return {
    connection,
    lines,
    stderr: () => stderr,
    ended,
    requireCleanStdout,
    async answer(name, args = {}, callOptions) {
      const { isError, content, structuredContent } = await connection.callTool(name, args, callOptions)
      const text = content[0]?.text ?? ''
      if (isError) throw new Error(`${name} was refused: ${text}`)
      if (text !== JSON.stringify(structuredContent)) throw new Error(`${name}: text and structure differ`)
      requireCleanStdout()
      return structuredContent as never
    },
    async refusal(name, args = {}, callOptions) {
      const { isError, content, structuredContent } = await connection.callTool(name, args, callOptions)
      const text = content[0]?.text ?? ''
      if (!isError || structuredContent !== undefined) throw new Error(`${name} was not refused: ${text}`)
      requireCleanStdout()
      return (JSON.parse(text) as { readonly error: PresentedError }).error
    },
    async kill() {
      connection.process.kill('SIGKILL')
      await ended
      requireCleanStdout()
      await connection.close()
    },
    async close() {
      await connection.close()
      requireCleanStdout()
    },
  }
}

function isJsonRpc(line: string): boolean {
  try {
    return (JSON.parse(line) as { readonly jsonrpc?: unknown }).jsonrpc === '2.0'
  } catch {
    return false
  }
}

/** A fresh BURSAR_HOME, and a way to remove it. */
export function temporaryHome(): { readonly home: string; remove(): void } {
  const home = mkdtempSync(join(tmpdir(), 'bursar-home-'))
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) }
}

/** The environment of a server whose chains are both sandbox chains, behind their recording proxies. */
export function environmentOf(world: World, home: string, extra: Readonly<Record<string, string>> = {}) {
  return {
    PATH: '/usr/bin:/bin',
    BURSAR_HOME: home,
    LOG_LEVEL: 'info',
    SANDBOX_A_RPC_URL: world.a.proxy.url,
    SANDBOX_B_RPC_URL: world.b.proxy.url,
    ...extra,
  }
}

export interface Ran {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end with nothing on its stdin. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<Ran> {
  const child = spawn(command, args, {
    env: options.env,
    cwd: options.cwd ?? tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      output[name] += chunk.toString()
    })
  }
  const code = await new Promise<number | string | null>((settle, reject) => {
    child.once('error', reject)
    child.once('close', (exit, signal) => settle(exit ?? signal))
  })
  return { code, ...output }
}
