import { tools } from '../../tools/index.ts'
import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import { instructionsFor } from '../mcp/instructions.ts'
import { createMcpServer } from '../mcp/server.ts'
import { serveOverStdio } from '../mcp/stdio.ts'
import { stderrLogger } from '../observability/stderrLogger.ts'
import { createRuntime } from '../runtime/runtime.ts'

/** How long a client that is gone, or a signal, waits for operations to be handed over. */
const DRAIN_MS = 10_000

/** Serves MCP over stdio until the client closes the connection or a signal ends the process. */
export async function serve(version: string): Promise<void> {
  const config = loadConfig(readEnvironment(), allChains)
  const logger = stderrLogger(config.logLevel)
  for (const warning of config.warnings) logger.warn(warning)
  const runtime = createRuntime(config, logger, version)

  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= runtime.stop()
    return stopping
  }
  const end = async (code: number) => {
    setTimeout(() => process.exit(code), DRAIN_MS).unref()
    await stop().catch((error: unknown) => logger.error('stopping failed', { cause: String(error) }))
    process.exit(code)
  }
  process.once('SIGTERM', () => void end(0))
  process.once('SIGINT', () => void end(0))

  const instructions = instructionsFor({ sandbox: config.sandbox.embedded })
  // The client's first request is answered before anything else starts.
  setImmediate(() => runtime.start())
  const { services, resolveChain } = runtime
  await serveOverStdio({
    createServer: () => createMcpServer({ tools, services, version, logger, instructions, resolveChain }),
    logger,
  })
  await end(0)
}
