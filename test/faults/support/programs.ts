import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'

const PROGRAMS = ['victim', 'resumer', 'sender', 'paused', 'refused', 'soaker'] as const

type ProgramName = (typeof PROGRAMS)[number]

/** How a process ended. */
export interface Ended {
  readonly lines: readonly string[]
  readonly signal: NodeJS.Signals | null
}

/** The programs beside this file, as processes of their own. */
export interface Programs {
  /** Runs one until it ends. Throws what it complained about when it ended otherwise than well or by SIGKILL. */
  run(name: ProgramName, ...args: readonly string[]): Promise<Ended>
  /** The same under a command that runs what it is given, such as strace. */
  runUnder(command: readonly string[], name: ProgramName, ...args: readonly string[]): Promise<Ended>
  /** The same as `run`; each line is told as it comes. */
  watch(hear: (line: string) => void, name: ProgramName, ...args: readonly string[]): Promise<Ended>
  remove(): void
}

/**
 * Bundles them: Node 20 runs no TypeScript, and one file starts in half the time. Inside the project, because libsql
 * is found from where it lies.
 */
export async function crashPrograms(): Promise<Programs> {
  const cache = resolve('node_modules/.cache/bursar')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-'))
  await build({
    entryPoints: PROGRAMS.map((name) => `test/faults/support/${name}.ts`),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['libsql', '@foundry-rs/anvil', 'secp256k1'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  const start = async (
    command: readonly string[],
    name: ProgramName,
    args: readonly string[],
    hear?: (line: string) => void,
  ): Promise<Ended> => {
    const [file = '', ...rest] = [...command, process.execPath, join(folder, `${name}.mjs`), ...args]
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let complaints = ''
    child.stdout.on('data', (chunk) => {
      said += String(chunk)
    })
    if (hear) createInterface(child.stdout).on('line', hear)
    child.stderr.on('data', (chunk) => {
      complaints += String(chunk)
    })
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    if (complaints !== '' || (code !== 0 && signal !== 'SIGKILL'))
      throw new Error(`${name} ended with ${code ?? signal}: ${complaints}`)
    return { lines: said.split('\n').slice(0, -1), signal }
  }
  return {
    runUnder: (command, name, ...args) => start(command, name, args),
    run: (name, ...args) => start([], name, args),
    watch: (hear, name, ...args) => start([], name, args, hear),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
