import type { HttpConfig } from '../config/types.ts'
import { BearerTokens } from '../mcp/http/bearerTokens.ts'
import { isLoopback } from '../mcp/http/hostGuard.ts'
import { type HttpOptions, type HttpService, serveOverHttp } from '../mcp/http/serveOverHttp.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { TokenStore } from '../store/tokens.ts'

export interface OpenHttp {
  readonly http: HttpConfig
  readonly runtime: Pick<Runtime, 'journal' | 'stop'>
  readonly createServer: HttpOptions['createServer']
  readonly logger: Logger
}

/** Opens the server to clients over HTTP and says on stderr where; stops the engine where that cannot be. */
export async function openHttp({ http, runtime, createServer, logger }: OpenHttp): Promise<HttpService> {
  const tokens = new BearerTokens(new TokenStore(runtime.journal), http.audience, logger)
  try {
    const service = await serveOverHttp({ http, tokens, createServer, logger })
    if (!isLoopback(http.host)) {
      logger.warn('tokens travel in the clear beyond this machine: put a proxy that ends TLS in front', {
        host: http.host,
      })
    }
    if ((await tokens.count()) === 0) {
      logger.warn('no token was made yet, so nobody is served: bursar token create NAME')
    }
    // Whoever started it reads this, at every level of the log.
    process.stderr.write(`${JSON.stringify({ listening: service.url })}\n`)
    return service
  } catch (error) {
    await runtime.stop()
    throw error
  }
}
