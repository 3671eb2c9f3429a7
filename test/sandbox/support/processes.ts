import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'

/** Polls until `condition` holds; fails naming it after `ms`. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** No such process, or only its zombie, which some containers never reap. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return true
  }
  return process.platform === 'linux' && !/^State:\s+[^ZX]/m.test(statusOf(pid))
}

/** Living children of a process; Linux only. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && statusOf(Number(entry)).includes(`\nPPid:\t${pid}\n`))
    .map(Number)
    .filter((child) => !isGone(child))
}

/** Empty for a process that has just ended. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

/** Bundles the holder fixture as the server is bundled; Node 20 runs no TypeScript. Returns its path. */
export async function bundleHolder(folder: string): Promise<string> {
  const outfile = path.join(folder, 'holder.mjs')
  await build({
    entryPoints: ['test/sandbox/support/holder.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['@foundry-rs/anvil'],
    logLevel: 'error',
  })
  return outfile
}

type HolderReport =
  | { readonly chains: readonly { chainId: number; rpcUrl: string; pid: number }[] }
  | { readonly code: string; readonly message: string }

export interface Holder {
  readonly process: ChildProcess
  readonly report: HolderReport
  /** Everything on its stdout so far. */
  stdout(): string
}

/** A process of its own that starts a sandbox, reports and then stays until it is killed. */
export async function startHolder(script: string, ...args: string[]): Promise<Holder> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(line))
  await eventually('the holder reports', () => lines.length > 0, 20_000)
  return {
    process: child,
    report: JSON.parse(lines[0] ?? '') as HolderReport,
    stdout: () => lines.join('\n'),
  }
}
