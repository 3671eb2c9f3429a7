import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'

/** Another process that calls as fast as its limiter lets it. */
export interface Caller {
  /** When its calls left, in ms since the epoch; one entry a call. */
  readonly departures: readonly number[]
  /** What it wrote to stderr; anything is a failure. */
  readonly complaints: string
  /** Resolves when its first call has left. */
  readonly begun: Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface CallerProgram {
  start(redisUrl: string, perSecond: number, callers: number): Caller
  remove(): void
}

/** Bundles caller.ts: Node 20 runs no TypeScript. */
export async function callerProgram(): Promise<CallerProgram> {
  const file = join('node_modules', `.bursar-caller-${process.pid}.mjs`)
  await build({
    entryPoints: ['test/rpc/limits/support/caller.ts'],
    outfile: file,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  return {
    start: (...args) => follow(spawn(process.execPath, [file, ...args.map(String)])),
    remove: () => rmSync(file, { force: true }),
  }
}

function follow(
  child: ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream },
): Caller {
  const departures: number[] = []
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk)
  })
  const exited = once(child, 'exit')
  let begin: () => void = () => undefined
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const lines = createInterface(child.stdout)
  const read = once(lines, 'close')
  lines.on('line', (line) => {
    const [time, calls] = line.split(' ').map(Number)
    if (calls === undefined || time === undefined) return
    for (let call = 0; call < calls; call++) departures.push(time)
    begin()
  })
  return {
    departures,
    begun,
    get complaints() {
      return complaints
    },
    async kill() {
      child.kill('SIGKILL')
      await Promise.all([exited, read])
    },
    async stop() {
      child.stdin?.end()
      await Promise.all([exited, read])
    },
  }
}
