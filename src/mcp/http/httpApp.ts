import type { HttpBindings } from '@hono/node-server'
import type { McpHttpHandler } from '@modelcontextprotocol/server'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import { BursarError } from '../../errors/bursarError.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { BearerTokens } from './bearerTokens.ts'
import type { Exchanges } from './exchanges.ts'
import type { HostGuard } from './hostGuard.ts'
import { addressKey, type RateLimit } from './rateLimits.ts'
import { refusal } from './refusal.ts'
import { readBody } from './requestBody.ts'

type Env = { Bindings: HttpBindings }

export interface HttpAppOptions {
  readonly mcp: Pick<McpHttpHandler, 'fetch'>
  readonly guard: HostGuard
  readonly tokens: BearerTokens
  readonly exchanges: Exchanges
  readonly limits: { readonly perAddress: RateLimit; readonly perToken: RateLimit }
  readonly logger: Logger
}

export const MCP_PATH = '/mcp'
const PREFLIGHT_S = 600

/** The routes: the cheapest checks first, and nothing is read of a request before its sender is known. */
export function httpApp(options: HttpAppOptions): Hono<Env> {
  const { guard, limits, logger } = options
  const app = new Hono<Env>()
  app.onError((error, c) => refusal(error, c, logger))
  app.notFound((c) => {
    const wrong = new BursarError('request_invalid', { status: 404, reason: 'there is nothing at this path' })
    return refusal(wrong, c, logger)
  })
  app.use(secureHeaders(NOTHING_TO_SHOW))
  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    // A target that is a whole URL says itself whom it is for.
    for (const host of [c.req.header('host'), new URL(c.req.url).host]) {
      guard.require(host, c.req.header('origin'))
    }
    await limits.perAddress(addressKey(c.env.incoming.socket.remoteAddress))
    return c.req.header('origin') === undefined ? next() : forPages(c, next)
  })
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.all(MCP_PATH, (c) => serveMcp(c, options))
  return app
}

/** For pages of the origins that the guard lets through. */
const forPages = cors({
  origin: (origin) => origin,
  allowMethods: ['POST'],
  exposeHeaders: ['Retry-After', 'WWW-Authenticate'],
  maxAge: PREFLIGHT_S,
})

/** Answers are JSON for programs: no browser has to show, frame or keep any of it. */
const NOTHING_TO_SHOW = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  crossOriginResourcePolicy: 'same-origin',
  strictTransportSecurity: false,
} satisfies Parameters<typeof secureHeaders>[0]

async function serveMcp(
  c: Context<Env>,
  { tokens, limits, exchanges, mcp }: HttpAppOptions,
): Promise<Response> {
  const authorization = c.req.header('authorization')
  const bearer = await tokens.verify(authorization)
  await limits.perToken(bearer.tokenId)
  if (c.req.method !== 'POST') {
    throw new BursarError('request_invalid', { status: 405, reason: `${c.req.method} is not served here` })
  }
  const ending = exchanges.begin(bearer.tokenId, c.env.outgoing)
  const body = await readBody(c.req.raw)
  // A body may take half a minute: what was revoked meanwhile is refused, and what has ended is not begun.
  await tokens.verify(authorization)
  if (ending.gone.aborted) throw new BursarError('cancelled', { what: 'The request' })
  // A batch is as many requests as it holds.
  if (Array.isArray(body)) await limits.perToken(bearer.tokenId, Math.max(0, body.length - 1))
  const headers = new Headers(c.req.raw.headers)
  // From here on nobody needs the secret.
  headers.delete('authorization')
  const { tokenId, principal, scopes } = bearer
  const answer = await mcp.fetch(new Request(c.req.url, { method: 'POST', headers, signal: ending.gone }), {
    authInfo: {
      token: tokenId,
      clientId: principal,
      scopes: [...scopes],
      extra: { stopping: ending.stopping },
    },
    parsedBody: body,
  })
  // Whether the connection stays is for it and its client to say: "keep-alive" would hold those that want it closed.
  answer.headers.delete('connection')
  return answer
}
