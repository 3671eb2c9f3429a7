import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { expect } from 'vitest'

/** Another process that signs and records; see payer.ts. */
export interface Payer {
  /** What it said so far. */
  readonly said: readonly string[]
  /** Resolves once it has said `count` lines that begin so; throws when it ends before. */
  heard(beginning: string, count?: number): Promise<void>
  tell(line: string): void
  freeze(): void
  thaw(): void
  /** Resolves when it has ended well; throws what it complained about otherwise. */
  ended(): Promise<void>
  kill(): Promise<void>
}

export interface PayerOptions {
  readonly journal: string
  readonly redis: string
  readonly leaseMs?: number
  readonly count: number
  readonly atATime?: number
  readonly hold?: boolean
}

export interface PayerProgram {
  start(options: PayerOptions): Payer
  remove(): void
}

/** Bundles payer.ts: Node 20 runs no TypeScript. Inside the project, because libsql is found from where it lies. */
export async function payerProgram(): Promise<PayerProgram> {
  const file = join('node_modules', `.bursar-payer-${process.pid}.mjs`)
  await build({
    entryPoints: ['test/nonces/support/payer.ts'],
    outfile: file,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  return {
    start({ journal, redis, leaseMs = 10_000, count, atATime = 1, hold = false }) {
      const args = [journal, redis, leaseMs, count, atATime, hold ? 'hold' : 'go'].map(String)
      return follow(spawn(process.execPath, [file, ...args]))
    },
    remove: () => rmSync(file, { force: true }),
  }
}

function follow(
  child: ChildProcess & {
    stdin: NodeJS.WritableStream
    stdout: NodeJS.ReadableStream
    stderr: NodeJS.ReadableStream
  },
): Payer {
  const said: string[] = []
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk)
  })
  createInterface(child.stdout).on('line', (line) => void said.push(line))
  const exited = once(child, 'exit')
  return {
    said,
    async heard(beginning, count = 1) {
      const lines = () => said.filter((line) => line.startsWith(beginning)).length
      await expect
        .poll(() => lines() >= count || child.exitCode !== null, { timeout: 20_000, interval: 2 })
        .toBe(true)
      if (lines() < count) throw new Error(`it ended: ${complaints}`)
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async ended() {
      const [code] = await exited
      if (code !== 0 || complaints !== '') throw new Error(`it ended with ${code}: ${complaints}`)
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
