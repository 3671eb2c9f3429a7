import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Agent, request } from 'undici'

export interface ProxyCall {
  readonly method: string
  readonly params: readonly unknown[]
}

export type FaultAction =
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Ends the connection without an answer; the target sees nothing. */
  | { readonly kind: 'reset' }
  | {
      readonly kind: 'status'
      readonly code: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Answers 200 with this text instead of asking the target. */
  | { readonly kind: 'body'; readonly text: string }
  /** The target accepts the request, and its answer is lost. */
  | { readonly kind: 'forward-then-drop' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The target answers at once, and its answer arrives when this resolves: by then it may be old. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** The target's answer is changed on the way back: a lying endpoint. */
  | { readonly kind: 'rewrite'; readonly text: (answer: string) => string }

export type FaultRule = (calls: readonly ProxyCall[]) => FaultAction | undefined

/** An HTTP JSON-RPC proxy that records what passes and fails as told. */
export interface RpcProxy {
  readonly url: string
  /** Every call of every request, in order of arrival; the entries of a batch follow each other. */
  readonly calls: readonly ProxyCall[]
  /** HTTP requests. */
  readonly roundTrips: number
  count(method: string): number
  /** Decides for each request before it is forwarded; it may look at the world, and runs before the target knows. */
  setFault(rule: FaultRule | undefined): void
  /** Forgets records and faults. */
  reset(): void
  close(): Promise<void>
}

export async function startRpcProxy(target: string): Promise<RpcProxy> {
  const agent = new Agent({ connections: 64, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 })
  const sockets = new Set<Socket>()
  let calls: ProxyCall[] = []
  let roundTrips = 0
  let fault: FaultRule | undefined

  const forward = async (body: string) => {
    const answer = await request(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      dispatcher: agent,
    })
    return { status: answer.statusCode, text: await answer.body.text() }
  }

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await bodyOf(incoming)
    const asked = callsOf(body)
    roundTrips++
    calls.push(...asked)
    const action = fault?.(asked)
    if (action && answeredAlone(action, incoming, outgoing)) return
    if (action?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, action.ms))
    const { status, text } = await forward(body)
    if (action?.kind === 'hold') await action.until
    if (action?.kind === 'forward-then-drop') return void incoming.socket.destroy()
    answerJson(outgoing, status, action?.kind === 'rewrite' ? action.text(text) : text)
  }

  const server = createServer((incoming, outgoing) => {
    // A target or a client that has gone ends the connection, as a proxy's does.
    serve(incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  server.keepAliveTimeout = 30_000
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    get calls() {
      return calls
    },
    get roundTrips() {
      return roundTrips
    },
    count: (method) => calls.filter((call) => call.method === method).length,
    setFault(rule) {
      fault = rule
    },
    reset() {
      calls = []
      roundTrips = 0
      fault = undefined
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
      await agent.destroy()
    },
  }
}

/** Whether the fault is all that happens: the target is not asked. */
function answeredAlone(action: FaultAction, incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  switch (action.kind) {
    case 'hang':
      return true
    case 'reset':
      incoming.socket.destroy()
      return true
    case 'status':
      outgoing.writeHead(action.code, action.headers ?? {}).end(action.body ?? '')
      return true
    case 'body':
      answerJson(outgoing, 200, action.text)
      return true
    default:
      return false
  }
}

function answerJson(outgoing: ServerResponse, status: number, text: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** What is not JSON-RPC is forwarded all the same, and recorded as a round trip without calls. */
function callsOf(body: string): ProxyCall[] {
  try {
    const parsed = JSON.parse(body) as unknown
    const entries = (Array.isArray(parsed) ? parsed : [parsed]) as { method?: unknown; params?: unknown }[]
    return entries.map(({ method, params }) => ({
      method: String(method),
      params: Array.isArray(params) ? params : [],
    }))
  } catch {
    return []
  }
}
