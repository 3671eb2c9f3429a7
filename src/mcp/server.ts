import { setMaxListeners } from 'node:events'
import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Caller } from '../primitives/caller.ts'
import type { ChainRef } from '../primitives/chainRef.ts'
import type { Logger } from '../primitives/logger.ts'
import { type Identity, LOCAL_IDENTITY } from '../primitives/scopes.ts'
import { untrusted } from '../primitives/untrusted.ts'
import { type CallOutcome, callTool } from './callTool.ts'
import { type Asking, askingOf, asQuestion, NO_QUESTIONS, verifyState } from './clientQuestions.ts'
import type { Tool } from './defineTool.ts'
import { failureFields } from './failureFields.ts'
import type { Services } from './services.ts'
import { listTool } from './toolListing.ts'

export interface McpServerOptions {
  readonly tools: readonly Tool[]
  readonly services: Services
  readonly version: string
  readonly logger: Logger
  readonly instructions: string
  /** Errors name their chain by CAIP-2 id; answers show it in full (A4). */
  readonly resolveChain: (id: string) => ChainRef | undefined
  readonly identity: Identity
  /** Ends calls before their client does, which is still answered: the server stops. */
  readonly stopping?: AbortSignal
  /** For tests: answers that break their tool's output schema become errors. */
  readonly strictOutput?: boolean
}

// The list is fixed for a process; five minutes bounds how long a cache can show an older version's tools after an
// upgrade. It depends on the scopes of who asks, so that nobody may be shown what was told to another (T30).
const LIST_CACHE = { ttlMs: 300_000, cacheScope: 'private' } as const

/**
 * An MCP server for one connection (or one HTTP request), in either protocol era.
 * The low-level Server is used because McpServer validates arguments itself and words the errors in its own
 * way; here each refusal is a tool result that the model can act on (R10).
 */
export function createMcpServer(options: McpServerOptions): Server {
  const { tools, services, version, logger, instructions, resolveChain } = options
  const { scopes } = options.identity
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  const offered = tools.filter(({ effect }) => scopes.has(effect))
  const context = { services, logger, resolveChain, scopes, strictOutput: options.strictOutput ?? false }
  const server = new Server(
    { name: 'bursar', title: 'Bursar', version },
    {
      capabilities: { tools: {} },
      instructions,
      requestState: { verify: verifyState },
      cacheHints: { 'tools/list': LIST_CACHE, 'server/discover': LIST_CACHE },
    },
  )
  // The entry that owns the connection reports these as well; here they only serve in-memory connections.
  server.onerror = (error) => logger.debug('protocol problem', failureFields(error))
  server.setRequestHandler('tools/list', () => ({ tools: offered.map(listTool) }))
  server.setRequestHandler('tools/call', async (request, ctx) => {
    const tool = byName.get(request.params.name)
    if (!tool) throw unknownTool(request.params.name)
    // Over HTTP the client may be the agent itself, and would answer for its user.
    const isLocal = options.identity === LOCAL_IDENTITY
    const asking = isLocal ? askingOf(ctx, server.getClientCapabilities()) : NO_QUESTIONS
    const call = callerOf(ctx, options, asking, logger)
    const outcome = await callTool(tool, request.params.arguments, call.caller, context)
    call.end()
    const question = outcome.ok ? undefined : asking.pending()
    return question ? asQuestion(question, ctx) : toResult(outcome)
  })
  return server
}

function unknownTool(name: string): ProtocolError {
  const shown = untrusted(name, 64).untrusted
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no tool "${shown}". tools/list shows all of them.`,
  )
}

/** Errors carry no structuredContent: clients of the 2025 era check it against the output schema even then. */
function toResult(outcome: CallOutcome): CallToolResult {
  const content = [{ type: 'text' as const, text: outcome.text }]
  return outcome.ok
    ? { content, structuredContent: outcome.answer as Record<string, unknown> }
    : { content, isError: true }
}

function callerOf(
  ctx: ServerContext,
  { identity: { principal }, stopping }: Pick<McpServerOptions, 'identity' | 'stopping'>,
  { confirm }: Asking,
  logger: Logger,
): { caller: Caller; end: () => void } {
  const { signal: own, notify, _meta } = ctx.mcpReq
  const signal = stopping ? AbortSignal.any([own, stopping]) : own
  // One call may wait for many chains at once.
  setMaxListeners(0, signal)
  const token = _meta?.progressToken
  let progress = 0
  let ended = false
  const caller: Caller = {
    principal,
    signal,
    ...(confirm && { confirm }),
    progress(message) {
      // A token is dead once its request is answered or cancelled, and clients complain about late news.
      if (token === undefined || ended || signal.aborted) return
      progress += 1
      notify({
        method: 'notifications/progress',
        params: { progressToken: token, progress, message },
      }).catch((error: unknown) => logger.debug('progress was not delivered', failureFields(error)))
    },
  }
  return {
    caller,
    end: () => {
      ended = true
    },
  }
}
