import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import type { PayerJob, PayerReport } from './payer.ts'

export interface Payers {
  /** Has all of them pay at the same time: the seconds until the last has ended, and what they report together. */
  pay(): Promise<PayerReport & { readonly seconds: number }>
  stop(): Promise<void>
}

/** Processes with one journal (a new one, unless `home` names its folder), each with its payments prepared. */
export async function startPayers(job: Omit<PayerJob, 'name'>, processes: number): Promise<Payers> {
  const own = mkdtempSync(join(tmpdir(), 'bursar-payers-'))
  const cache = resolve('node_modules/.cache/bursar')
  mkdirSync(cache, { recursive: true })
  // Inside the project: packages are found from where the bundle lies.
  const folder = mkdtempSync(join(cache, 'payers-'))
  const program = join(folder, 'payer.mjs')
  await build({
    entryPoints: ['bench/support/payer.ts'],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  const children = Array.from({ length: processes }, (_, index) => {
    const given: PayerJob = { home: own, ...job, name: `payer ${index}` }
    const child = spawn(process.execPath, [program, JSON.stringify(given)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  })
  const hear = async () => {
    const heard = await Promise.all(children.map(({ lines }) => lines.next()))
    if (heard.some(({ done }) => done)) throw new Error('a payer has ended')
    return heard.map(({ value }) => String(value))
  }
  await hear()
  return {
    async pay() {
      const began = performance.now()
      for (const { child } of children) child.stdin.write('go\n')
      const heard = await hear()
      const seconds = (performance.now() - began) / 1_000
      const reports = heard.map((line) => JSON.parse(line) as PayerReport)
      return {
        seconds,
        latencies: reports.flatMap(({ latencies }) => latencies),
        rssMb: reports.reduce((sum, { rssMb }) => sum + rssMb, 0),
      }
    },
    async stop() {
      for (const { child } of children) child.stdin.end()
      await Promise.all(children.map(({ lines }) => lines.next()))
      rmSync(own, { recursive: true, force: true })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
