import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { type Candidate, timeToAnswer } from './support/coldStart.ts'
import { type Figures, line, median, round } from './support/figures.ts'

const ROUNDS = 21
const WARM_UP = 3
const SANDBOX_ROUNDS = 5

const ENV = { PATH: '/usr/bin:/bin', LOG_LEVEL: 'silent' }
const ME = { name: 'bursar-bench', version: '1' }

/** What a client of the 2025 era says first, and what one of the 2026 era does. */
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: ME },
}
const DISCOVER = {
  jsonrpc: '2.0',
  id: 1,
  method: 'server/discover',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': ME,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
}
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' }
const LIST_TOOLS = { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} }
const callOf = (name: string) => ({
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name, arguments: {} },
})

/**
 * From spawn to the answer to a client's first message. The candidates take turns, so that what else the machine
 * does falls on all of them.
 */
export async function run(): Promise<Figures> {
  const home = mkdtempSync(join(tmpdir(), 'bursar-bench-'))
  const unbundled = await unbundledServer()
  // What a killed server leaves behind goes with the folder.
  const env = { ...ENV, BURSAR_HOME: home, TMPDIR: home }
  const serve = [resolve('dist/bursar.js'), 'serve']
  const opening = { env, messages: [INITIALIZE], awaited: 1 }
  const candidates = {
    node: { name: 'node -e 0', env, args: ['-e', '0'], messages: [], awaited: 0 },
    minimal: {
      ...opening,
      name: 'minimal SDK server, no tools',
      args: [resolve('bench/fixtures/minimalServer.mjs')],
    },
    unbundled: { ...opening, name: 'bursar, dependencies not bundled', args: [unbundled.file, 'serve'] },
    initialize: { ...opening, name: 'bursar, initialize', args: serve },
    discover: { ...opening, name: 'bursar, server/discover', args: serve, messages: [DISCOVER] },
    tools: {
      ...opening,
      name: 'bursar, initialize and tools/list',
      args: serve,
      messages: [INITIALIZE, INITIALIZED, LIST_TOOLS],
      awaited: 2,
    },
  } satisfies Record<string, Candidate>
  try {
    const ms = await measure(candidates, ROUNDS, WARM_UP)
    console.log(`Median of ${ROUNDS}, spawn to answer:`)
    for (const [key, { name }] of Object.entries(candidates)) line(name, `${ms[key]?.toFixed(0)} ms`)
    const firstCall = await firstCalls(opening, serve)
    const of = (key: keyof typeof candidates) => ms[key] ?? Number.NaN
    return {
      initializeMs: round(of('initialize')),
      discoverMs: round(of('discover')),
      nodeMs: round(of('node')),
      minimalServerMs: round(of('minimal')),
      ratioToNode: round(of('initialize') / of('node')),
      ratioToMinimalServer: round(of('initialize') / of('minimal')),
      ratioToUnbundled: round(of('initialize') / of('unbundled')),
      ...firstCall,
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
    unbundled.remove()
  }
}

/** For information: the first tool call waits for the engine, and one that asks a chain for the sandbox too. */
async function firstCalls(
  opening: Omit<Candidate, 'name' | 'args'>,
  args: readonly string[],
): Promise<Figures> {
  const call = (tool: string): Candidate => {
    return { ...opening, name: tool, args, messages: [INITIALIZE, INITIALIZED, callOf(tool)], awaited: 2 }
  }
  const candidates = { operations: call('list_operations'), balances: call('get_balances') }
  const ms = await measure(candidates, SANDBOX_ROUNDS, 1)
  console.log(`\nMedian of ${SANDBOX_ROUNDS}, spawn to the answer of a first tool call:`)
  line('list_operations (engine and journal)', `${ms['operations']?.toFixed(0)} ms`)
  line('get_balances (engine and sandbox)', `${ms['balances']?.toFixed(0)} ms`)
  return {
    firstCallMs: round(ms['operations'] ?? Number.NaN),
    firstSandboxCallMs: round(ms['balances'] ?? Number.NaN),
  }
}

async function measure(
  candidates: Readonly<Record<string, Candidate>>,
  rounds: number,
  warmUp: number,
): Promise<Readonly<Record<string, number>>> {
  const times = new Map<string, number[]>()
  for (let round = -warmUp; round < rounds; round++) {
    for (const [key, candidate] of Object.entries(candidates)) {
      const elapsed = await timeToAnswer(candidate)
      if (round >= 0) times.set(key, [...(times.get(key) ?? []), elapsed])
    }
  }
  return Object.fromEntries([...times].map(([key, values]) => [key, median(values)]))
}

/** Our own sources in chunks as they are shipped, with every package loaded from node_modules. */
async function unbundledServer(): Promise<{ readonly file: string; remove(): void }> {
  const folder = mkdtempSync(resolve('node_modules/.cache/bursar/unbundled-'))
  await build({
    entryPoints: { server: 'src/cli/main.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  return { file: join(folder, 'server.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
