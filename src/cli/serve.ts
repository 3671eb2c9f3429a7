import { tools } from '../../tools/index.ts'
import { allChains } from '../chains/allChains.ts'
import { chainRef, createRegistry } from '../chains/registry.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { policyPath } from '../config/policyPath.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import { instructionsFor } from '../mcp/instructions.ts'
import { createMcpServer } from '../mcp/server.ts'
import { serveOverStdio } from '../mcp/stdio.ts'
import { stderrLogger } from '../observability/stderrLogger.ts'
import { type Identity, LOCAL_IDENTITY } from '../primitives/scopes.ts'
import { deferredServices } from '../runtime/deferredServices.ts'
import type { Runtime } from '../runtime/runtime.ts'

/**
 * How long a client that is gone, or a signal, waits for operations to be handed over: whoever ends a service often
 * kills what is still there after ten seconds (F25).
 */
const DRAIN_MS = 9_000
/** The engine starts this long after the first message was answered, or the process began, whichever is first. */
const AFTER_ANSWER_MS = 5
const WITHOUT_CLIENT_MS = 1_000

/**
 * Serves MCP until a signal ends the process: over HTTP, or over stdio, where it ends with the connection too. Never
 * over both: who is served would depend on who asks.
 */
export async function serve(version: string, { http = false }: { http?: boolean } = {}): Promise<void> {
  const config = loadConfig(readEnvironment(), allChains)
  const logger = stderrLogger(config.logLevel)
  for (const warning of config.warnings) logger.warn(warning)
  // What is wrong with it is told at the start, as what is wrong with the environment.
  if (policyPath(config) !== undefined)
    (await import('../runtime/policyFile.ts')).loadRules(config, allChains)

  let engine: Promise<Runtime> | undefined
  const start = () => {
    engine ??= import('../runtime/runtime.ts').then(({ createRuntime }) => {
      const runtime = createRuntime(config, logger, version)
      runtime.start()
      return runtime
    })
    return engine
  }
  setTimeout(start, WITHOUT_CLIENT_MS).unref()

  let stopDoor: () => Promise<void> = async () => {}
  let ending = false
  const end = async (code: number) => {
    if (ending) return
    ending = true
    setTimeout(() => process.exit(code), DRAIN_MS).unref()
    await stopDoor()
      .then(() => engine?.then((runtime) => runtime.stop()))
      .catch((error: unknown) => logger.error('stopping failed', { cause: String(error) }))
    process.exit(code)
  }
  process.once('SIGTERM', () => void end(0))
  process.once('SIGINT', () => void end(0))
  if (policyPath(config) !== undefined)
    process.on('SIGHUP', () => void engine?.then((runtime) => runtime.reloadPolicy()))

  const registry = createRegistry(allChains, config.chains)
  const instructions = instructionsFor({ sandbox: config.sandbox.embedded })
  const services = deferredServices(async () => (await start()).services)
  const resolveChain = (id: string) => {
    const chain = registry.find(id)
    return chain && chainRef(chain)
  }
  const createServer = (identity: Identity, stopping?: AbortSignal) =>
    createMcpServer({
      ...{ tools, services, version, logger, instructions, resolveChain, identity },
      ...(stopping && { stopping }),
    })
  if (http) {
    const { openHttp } = await import('./serveHttp.ts')
    const service = await openHttp({ http: config.http, runtime: await start(), createServer, logger })
    stopDoor = () => service.stop()
    return
  }
  await serveOverStdio({
    createServer: () => {
      setTimeout(start, AFTER_ANSWER_MS)
      return createServer(LOCAL_IDENTITY)
    },
    logger,
  })
  await end(0)
}
