import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import { stderrLogger } from '../observability/stderrLogger.ts'
import { startSandbox } from '../sandbox/startSandbox.ts'
import { print } from './output.ts'

/** Runs the sandbox's chains until a signal ends it; servers use them through the printed variables. */
export async function sandbox(stateDir?: string): Promise<void> {
  const config = loadConfig(readEnvironment(), allChains)
  const folder = stateDir ?? config.sandbox.stateDir
  const logger = stderrLogger(config.logLevel)
  const running = await startSandbox({ ...(folder === undefined ? {} : { stateDir: folder }), logger })
  for (const { chainId, rpcUrl, socketUrl } of running.chains) {
    const chain = allChains.find(({ id }) => id === `eip155:${chainId}`)
    print(`${chain?.env}_RPC_URL=${rpcUrl}`)
    print(`${chain?.env}_WS_URL=${socketUrl}`)
  }
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  await running.stop()
}
