import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Agent, request } from 'undici'
import { takeSocket, textFrame } from '../../support/rawSocketServer.ts'

/**
 * A WebSocket in front of an HTTP JSON-RPC endpoint: each message is one request there, each answer one message. What
 * HTTP says by a status a socket can only say by closing.
 */
export interface SocketGateway {
  readonly url: string
  close(): Promise<void>
}

export async function startSocketGateway(target: string): Promise<SocketGateway> {
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  const open = new Set<Socket>()
  const ask = async (body: string) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await request(target, { method: 'POST', headers, body, dispatcher: agent })
    const text = await answer.body.text()
    return answer.statusCode === 200 ? text : undefined
  }
  const server = createServer()
  server.on('upgrade', (upgrade, socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    takeSocket(upgrade, socket, (text) => {
      ask(text).then(
        (answer) => (answer === undefined ? socket.destroy() : socket.write(textFrame(answer))),
        () => socket.destroy(),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
      await agent.destroy()
    },
  }
}
