import { existsSync } from 'node:fs'
import { allChains } from '../chains/allChains.ts'
import type { Chain } from '../chains/types.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import type { Config } from '../config/types.ts'
import { probeEvmEndpoint } from '../evm/reads/probe.ts'
import { pause } from '../primitives/abort.ts'
import { silentLogger } from '../primitives/logger.ts'
import { NO_ANSWER, type RedisConnection } from '../redis/connection.ts'
import type { SocketProbe } from '../rpc/live/socketLine.ts'
import { createRuntime, type Runtime } from '../runtime/runtime.ts'
import { anvilBinary } from '../sandbox/anvilBinary.ts'
import { HaltStore, haltScope } from '../store/halts.ts'
import { broken, type Finding, type Grade } from './findings.ts'
import { print } from './output.ts'
import { checkWallets } from './wallets/walletChecks.ts'

const MIN_NODE_MAJOR = 20
const PROBE_MS = 15_000
const CONNECT_MS = 5_000
const BETWEEN_PINGS_MS = 100

/** Checks everything that Bursar stands on and says what to do. Exit code 1 when something must be mended. */
export async function doctor(version: string): Promise<void> {
  print(`bursar ${version} doctor`)
  const findings = [checkNode(), ...(await checkConfigured(version))]
  for (const { grade, what, fix } of findings) {
    print(`${MARKS[grade]} ${what}`)
    if (fix !== undefined) print(`       → ${fix}`)
  }
  const failed = findings.filter(({ grade }) => grade === 'fail').length
  print(failed === 0 ? 'Everything that must work does.' : `${failed} thing(s) to mend.`)
  process.exitCode = failed === 0 ? 0 : 1
}

const MARKS: Readonly<Record<Grade, string>> = { ok: '  ok  ', warn: ' warn ', fail: ' FAIL ' }

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= MIN_NODE_MAJOR) return { grade: 'ok', what: `Node ${process.versions.node}` }
  return {
    grade: 'fail',
    what: `Node ${process.versions.node} is too old`,
    fix: 'Install Node 20, 22 or 24.',
  }
}

async function checkConfigured(version: string): Promise<readonly Finding[]> {
  let config: Config
  try {
    config = loadConfig(readEnvironment(), allChains)
  } catch (error) {
    return [broken('Configuration', error)]
  }
  const warnings = config.warnings.map((what): Finding => ({ grade: 'warn', what }))
  const configured = config.sandbox.embedded
    ? 'nothing is configured, so the sandbox serves'
    : `${config.chains.length} chain(s)`
  const found: Finding = { grade: 'ok', what: `Configuration: ${configured}` }
  const runtime = createRuntime(config, silentLogger, version)
  try {
    const chains = config.sandbox.embedded ? await checkSandbox(runtime) : await checkChains(config, runtime)
    const stores = [await checkJournal(config, runtime), ...(await checkHalts(runtime))]
    stores.push(...(await checkRedis(runtime)))
    return [found, ...warnings, ...(await checkWallets(config, runtime.wallets)), ...chains, ...stores]
  } finally {
    await runtime.stop()
  }
}

async function checkSandbox(runtime: Runtime): Promise<readonly Finding[]> {
  try {
    anvilBinary()
    return await probe(runtime, ['sandbox-a', 'sandbox-b'])
  } catch (error) {
    return [broken('Sandbox', error)]
  }
}

function checkChains(config: Config, runtime: Runtime): Promise<readonly Finding[]> {
  const chains = config.chains.map(({ chainId }) => chainId)
  return probe(runtime, chains)
}

async function probe(runtime: Runtime, chains: readonly string[]): Promise<readonly Finding[]> {
  const findings = await Promise.all(chains.map((chain) => probeChain(runtime, chain)))
  return findings.flat()
}

async function probeChain(runtime: Runtime, text: string): Promise<readonly Finding[]> {
  const chain = runtime.chains.resolve(text)
  if (chain.family !== 'evm') {
    return [
      { grade: 'warn', what: `${chain.name}: this version of Bursar does not serve ${chain.family} chains` },
    ]
  }
  const { access } = await runtime.chains.open(text)
  const signal = AbortSignal.timeout(PROBE_MS)
  const [probes, sockets] = await Promise.all([
    Promise.all(access.endpoints.map((endpoint) => probeEvmEndpoint(endpoint, signal))),
    access.probeSockets(signal),
  ])
  const endpoints = probes.map(({ host, reachable, latencyMs, head, simulates, problem }): Finding => {
    const name = `${chain.name} (${chain.id}) at ${host}`
    if (!reachable) {
      return {
        grade: 'fail',
        what: `${name}: ${problem}`,
        fix: `Correct ${chain.env}_RPC_*, or choose another endpoint.`,
      }
    }
    const seen = `${name}: chain id right, block ${head?.number}, ${latencyMs} ms`
    if (problem === undefined) return { grade: 'ok', what: `${seen}, ${simulates} offered` }
    return {
      grade: 'fail',
      what: `${seen}; ${problem}`,
      fix: `Give ${chain.env} an endpoint that offers eth_simulateV1 or debug_traceCall.`,
    }
  })
  return [...endpoints, ...sockets.map((socket) => socketFinding(chain, socket))]
}

function socketFinding(chain: Chain, { host, latencyMs, problem }: SocketProbe): Finding {
  const name = `${chain.name} (${chain.id}), socket at ${host}`
  if (problem === undefined) return { grade: 'ok', what: `${name}: chain id right, ${latencyMs} ms` }
  const fix = `Correct ${chain.env}_WS_*, or leave it out: new blocks are then looked for.`
  return { grade: 'fail', what: `${name}: ${problem}`, fix }
}

async function checkJournal(config: Config, runtime: Runtime): Promise<Finding> {
  const place = config.sandbox.embedded ? 'the sandbox journal' : `the journal in ${config.home}`
  const fresh = !config.sandbox.embedded && !existsSync(config.home)
  try {
    await runtime.journal.prove()
    return { grade: 'ok', what: `Journal: ${place} can be written${fresh ? ' (just created)' : ''}` }
  } catch (error) {
    return broken('Journal', error)
  }
}

/** A journal that cannot be read is told by its own check. */
async function checkHalts({ journal }: Runtime): Promise<readonly Finding[]> {
  const halts = await new HaltStore(journal).list().catch(() => [])
  return halts.map((halt) => ({
    grade: 'warn',
    what: `Signing is halted ${haltScope(halt)} since ${halt.since}: ${halt.reason}`,
    fix: 'Run "bursar resume" with the same --wallet and --chain when it may go on.',
  }))
}

async function checkRedis({ redis }: Runtime): Promise<readonly Finding[]> {
  if (!redis) return []
  try {
    await connected(redis)
    return [{ grade: 'ok', what: `Redis at ${redis.host}: answers in ${(await redis.ping()).toFixed(1)} ms` }]
  } catch (error) {
    const reason = messageOf(error)
    return [
      {
        grade: 'fail',
        what: `Redis at ${redis.host}: ${reason}; each process keeps to its share of the rate limits meanwhile`,
        fix: 'Start Redis, correct REDIS_URL and REDIS_PASSWORD, or unset REDIS_URL if one process is all there is.',
      },
    ]
  }
}

/** To connect takes more round trips than a command, above all by TLS and by way of Sentinels: it is waited for. */
async function connected(redis: RedisConnection): Promise<void> {
  const until = performance.now() + CONNECT_MS
  for (;;) {
    try {
      await redis.ping()
      return
    } catch (error) {
      if (messageOf(error) !== NO_ANSWER || performance.now() >= until) throw error
      await pause(BETWEEN_PINGS_MS)
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'unknown failure')
