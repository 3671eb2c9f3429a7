import type { Socket } from 'node:net'
import { Agent, buildConnector, WebSocket } from 'undici'
import { BursarError } from '../../errors/bursarError.ts'
import { hostOf, type Secret } from '../../primitives/secret.ts'

/** One open WebSocket that carries text. */
export interface SocketWire {
  send(text: string): void
  /** Ends it at once, also when the other side has long stopped listening. */
  destroy(why?: string): void
  /** Resolves, with the reason, when it is no longer open. */
  readonly closed: Promise<string>
}

export interface WireOptions {
  readonly url: Secret
  /** Bound on connection and handshake together. */
  readonly timeoutMs: number
  readonly onText: (text: string) => void
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** Opens a WebSocket; throws `provider_unreachable`, which names the host only (T14). Redirects are not followed. */
export async function openWire(options: WireOptions, signal: AbortSignal): Promise<SocketWire> {
  const { timeoutMs, onText } = options
  const url = new URL(options.url.reveal())
  const { host } = url
  // No server is told a fragment, and a WebSocket does not open with one.
  url.hash = ''
  // A closing handshake waits for the other side for ever: the socket underneath is kept to end it without one.
  const sockets = new Set<Socket>()
  const dial = buildConnector({ timeout: timeoutMs })
  const agent = new Agent({
    webSocket: { maxPayloadSize: MAX_MESSAGE_BYTES },
    connect(target, callback) {
      dial(target, (...result) => {
        if (result[1]) sockets.add(result[1].unref())
        callback(...result)
      })
    },
  })
  const headers = credentialsOf(url)
  const socket = new WebSocket(url.href, { dispatcher: agent, headers })

  let reason = 'it could not be opened as a WebSocket'
  const closed = new Promise<string>((resolve) => {
    socket.addEventListener('close', () => resolve(reason), { once: true })
  })
  void closed.then(() => agent.destroy())
  let isEnded = false
  const destroy = (why: string) => {
    // What ended it, and not what was done to it afterwards.
    if (!isEnded) reason = why
    isEnded = true
    // Aborts a handshake; an open socket is told goodbye and ended without waiting for an answer.
    socket.close()
    for (const each of sockets) each.destroy()
  }
  // The event's own words may hold the URL.
  socket.addEventListener('error', () => undefined)
  socket.addEventListener('message', ({ data }) => {
    // What had arrived before it was ended is not wanted any more, however much it is.
    if (isEnded) return
    if (typeof data === 'string') onText(data)
    else destroy('it sent something else than text')
  })
  const opened = new Promise<void>((resolve) => {
    const onOpen = () => {
      reason = 'the connection was lost'
      resolve()
    }
    socket.addEventListener('open', onOpen, { once: true })
  })

  const timer = setTimeout(() => destroy(`no WebSocket handshake within ${timeoutMs} ms`), timeoutMs)
  const leave = () => destroy('it was no longer wanted')
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  const failure = await Promise.race([opened, closed])
  clearTimeout(timer)
  signal.removeEventListener('abort', leave)
  if (failure !== undefined) throw new BursarError('provider_unreachable', { host, reason: failure })
  return {
    send: (text) => socket.send(text),
    destroy: (why = 'it was ended') => destroy(why),
    closed,
  }
}

/** Credentials go into a header: a URL that holds them is refused by some servers. They are taken out of `url`. */
function credentialsOf(url: URL): Record<string, string> {
  if (url.username === '') return {}
  const text = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

export const wireHost = (url: Secret): string => hostOf(url.reveal())
