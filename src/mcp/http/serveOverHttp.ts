import type { Server as NodeServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import {
  createMcpHandler,
  type McpRequestContext,
  type McpServer,
  type Server,
} from '@modelcontextprotocol/server'
import type { HttpConfig } from '../../config/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { Logger } from '../../primitives/logger.ts'
import { type Identity, isScope } from '../../primitives/scopes.ts'
import { failureFields } from '../failureFields.ts'
import type { BearerTokens } from './bearerTokens.ts'
import { type ExchangeLimits, Exchanges } from './exchanges.ts'
import { HostGuard, isLoopback } from './hostGuard.ts'
import { httpApp, MCP_PATH } from './httpApp.ts'
import { perMinute } from './rateLimits.ts'
import { MAX_BODY_BYTES } from './requestBody.ts'

export interface HttpOptions {
  readonly http: HttpConfig
  readonly tokens: BearerTokens
  /** Called for each request, with who sent it and what ends its calls before their time. */
  readonly createServer: (identity: Identity, stopping: AbortSignal) => Server | McpServer
  readonly logger: Logger
  readonly atOnce?: ExchangeLimits
  readonly timeouts?: HttpTimeouts
  /** How often a stream that is silent shows that it is alive. */
  readonly keepAliveMs?: number
}

/** In milliseconds from the first byte of a request. */
export interface HttpTimeouts {
  readonly headersMs: number
  readonly requestMs: number
  /** How often both are looked at. */
  readonly checkMs: number
}

export interface HttpService {
  /** Where MCP is served. */
  readonly url: string
  /** Lets those that are served end for a moment, then ends them; takes a few seconds at most. */
  stop(): Promise<void>
}

/** A call may wait 45 s, and fifty agents may do so at once. */
const AT_ONCE: ExchangeLimits = { atOnce: 256, perToken: 64 }
const MOST_CONNECTIONS = 1_024
const MOST_SUBSCRIPTIONS = 16
const TIMEOUTS: HttpTimeouts = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000 }
const IDLE_CONNECTION_MS = 65_000
/** What is revoked ends within a second, also what is under way. */
const REVOCATION_MS = 500
/** Twice this is left of the ten seconds that a service has to end in (F25). */
const GRACE_MS = 1_500

/** Serves MCP over Streamable HTTP in both protocol eras. Throws `http_too_open` and `http_unavailable`. */
export async function serveOverHttp(options: HttpOptions): Promise<HttpService> {
  const { http, tokens, createServer, logger } = options
  await requireClosed(http, tokens)
  const mcp = createMcpHandler((context) => createServer(identityOf(context), stoppingOf(context)), {
    onerror: (error) => logger.debug('protocol problem', failureFields(error)),
    maxRequestBodySize: MAX_BODY_BYTES,
    maxSubscriptions: MOST_SUBSCRIPTIONS,
    ...(options.keepAliveMs !== undefined && { keepAliveMs: options.keepAliveMs }),
  })
  const exchanges = new Exchanges(options.atOnce ?? AT_ONCE)
  const limits = {
    perAddress: perMinute(http.limits.perAddress, 'This address'),
    perToken: perMinute(http.limits.perToken, 'This token'),
  }
  const app = httpApp({ mcp, guard: new HostGuard(http), tokens, exchanges, limits, logger })
  const { headersMs, requestMs, checkMs } = options.timeouts ?? TIMEOUTS
  const server = createAdaptorServer({
    fetch: app.fetch,
    // Others in this process have their own ideas of a request.
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      keepAliveTimeout: IDLE_CONNECTION_MS,
    },
  }) as NodeServer
  server.maxConnections = MOST_CONNECTIONS
  const url = await listen(server, http)
  const watch = setInterval(() => void endRevoked(exchanges, tokens, logger), REVOCATION_MS)
  watch.unref()
  return {
    url,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      await exchanges.stop(GRACE_MS)
      clearInterval(watch)
      await mcp.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Who is served is decided before the protocol: an instance without a sender is a bug, and serves nobody. */
function identityOf({ authInfo }: McpRequestContext): Identity {
  if (!authInfo) throw new TypeError('a request reached the protocol without a sender')
  return { principal: authInfo.clientId, scopes: new Set(authInfo.scopes.filter(isScope)) }
}

function stoppingOf({ authInfo }: McpRequestContext): AbortSignal {
  const stopping = authInfo?.extra?.['stopping']
  if (stopping instanceof AbortSignal) return stopping
  throw new TypeError('a request reached the protocol that nothing could end')
}

/** Whoever opens the server to others has said by which names, and to whom. */
async function requireClosed({ host, allowedHosts }: HttpConfig, tokens: BearerTokens): Promise<void> {
  if (isLoopback(host)) return
  const missing = [
    ...(allowedHosts.length === 0 ? ['HTTP_ALLOWED_HOSTS names no host'] : []),
    ...((await tokens.count()) === 0 ? ['there is no token that it would take'] : []),
  ]
  if (missing.length > 0) throw new BursarError('http_too_open', { host, missing })
}

async function listen(server: NodeServer, { host, port }: HttpConfig): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? 'unknown reason'
      reject(new BursarError('http_unavailable', { host, port, reason }, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const { address, family, port: bound } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}${MCP_PATH}`
}

async function endRevoked(exchanges: Exchanges, tokens: BearerTokens, logger: Logger): Promise<void> {
  try {
    for (const tokenId of exchanges.tokenIds) if (!(await tokens.isGood(tokenId))) exchanges.abort(tokenId)
  } catch (error) {
    // New requests are refused as long as the journal cannot be read; what is under way ends within a minute.
    logger.warn('tokens could not be looked at', failureFields(error))
  }
}
