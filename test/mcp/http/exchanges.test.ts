import { once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Exchanges } from '../../../src/mcp/http/exchanges.ts'

/** The server's side of a request whose client has hung up, and of one whose client waits. */
async function vanishedAndWaiting(): Promise<readonly [ServerResponse, ServerResponse]> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async () => {
    const asked = request({ port, host: '127.0.0.1', agent: false }).end()
    asked.on('error', () => {})
    const [, outgoing] = (await once(server, 'request')) as [unknown, ServerResponse]
    return { asked, outgoing }
  }
  const vanished = await ask()
  const hungUp = once(vanished.outgoing, 'close')
  vanished.asked.destroy()
  await hungUp
  const waiting = await ask()
  onTestFinished(() => void waiting.asked.destroy())
  return [vanished.outgoing, waiting.outgoing]
}

test('T34: whose client vanished while its token was looked up takes nobody’s room, and holds up no end', async () => {
  const [vanished, waiting] = await vanishedAndWaiting()
  const exchanges = new Exchanges({ atOnce: 1, perToken: 1 })
  expect(exchanges.begin('t1', vanished).gone.aborted).toBe(true)
  expect([...exchanges.tokenIds]).toEqual([])
  expect(exchanges.begin('t1', waiting).gone.aborted).toBe(false)
  expect([...exchanges.tokenIds]).toEqual(['t1'])
})

test('F25: who comes while the server stops is sent away, also on a connection that was there before', async () => {
  const [, waiting] = await vanishedAndWaiting()
  const exchanges = new Exchanges({ atOnce: 1, perToken: 1 })
  await exchanges.stop(0)
  expect(() => exchanges.begin('t1', waiting)).toThrow('the server is stopping')
})
