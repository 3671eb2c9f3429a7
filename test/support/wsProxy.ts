import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of a WebSocket server that fails as networks do. */
export interface WsProxy {
  readonly url: string
  /** Connections that were accepted and carried to the target. */
  readonly accepted: number
  /** Connections that are open now. */
  readonly open: number
  /** Resets every connection; new ones are taken. */
  cut(): void
  /** Half-open: what is open stays open, and no byte passes any more. New connections freeze too. */
  freeze(): void
  /** Resets every new connection; what is open stays. */
  refuse(): void
  /** Forwards new connections elsewhere. */
  retarget(url: string): void
  /** Takes new connections again; frozen ones stay frozen. */
  heal(): void
  /** Cuts all connections whenever so many bytes have come from the target, in the middle of a frame if need be. */
  cutAfter(bytes: (() => number) | undefined): void
  /** Loses every piece from the target that contains this text. */
  mute(text: string | undefined): void
  close(): Promise<void>
}

export async function startWsProxy(targetUrl: string): Promise<WsProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly target: Socket }>()
  let target = new URL(targetUrl)
  let mode: 'pass' | 'freeze' | 'refuse' = 'pass'
  let accepted = 0
  let nextCut: (() => number) | undefined
  let left = 0
  let muted: string | undefined

  const cut = () => {
    for (const { client, target: upstream } of pairs) {
      client.resetAndDestroy()
      upstream.destroy()
    }
  }

  const server = createServer((client) => {
    client.on('error', () => undefined)
    if (mode === 'refuse') return void client.resetAndDestroy()
    accepted++
    const upstream = connect(Number(target.port), target.hostname)
    const pair = { client, target: upstream }
    pairs.add(pair)
    upstream.on('error', () => undefined)
    client.on('data', (data) => void upstream.write(data))
    upstream.on('data', (data) => {
      if (muted !== undefined && data.includes(muted)) return
      client.write(data)
      if (!nextCut) return
      left -= data.length
      if (left > 0) return
      left = nextCut()
      cut()
    })
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    client.on('close', end)
    upstream.on('close', end)
    if (mode === 'freeze') freezePair(pair)
  })

  const freezePair = (pair: { readonly client: Socket; readonly target: Socket }) => {
    for (const socket of [pair.client, pair.target]) {
      socket.removeAllListeners('data')
      // Still read, so that a reset by the other side is noticed; nothing passes.
      socket.on('data', () => undefined)
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  return {
    url: `ws://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    get open() {
      return pairs.size
    },
    cut,
    freeze() {
      mode = 'freeze'
      for (const pair of pairs) freezePair(pair)
    },
    refuse() {
      mode = 'refuse'
    },
    retarget(url) {
      target = new URL(url)
    },
    heal() {
      mode = 'pass'
    },
    cutAfter(bytes) {
      nextCut = bytes
      left = bytes?.() ?? 0
    },
    mute(text) {
      muted = text
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      await closed
    },
  }
}
