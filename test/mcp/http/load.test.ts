import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { addressKey } from '../../../src/mcp/http/rateLimits.ts'
import type { Caller } from '../../../src/primitives/caller.ts'
import { makeToken, startHttp } from '../../support/bursarHttp.ts'
import { temporaryHome } from '../../support/bursarServer.ts'
import { ERAS } from '../../support/clients.ts'
import { connectHttp } from '../../support/httpClients.ts'
import { answering } from '../catalogueAnswers.ts'
import { asClient, callOf, errorOf, LIST, openDoor } from './support/httpDoor.ts'

describe('T30: many at once', () => {
  test('T30: fifty clients with canaries: no answer, error or progress of one reaches another', async () => {
    const get: typeof answering.operations.get = async ({ operation }, caller) => {
      caller.progress(`${caller.principal} asks for ${operation}`)
      // Answers cross: each waits for another number of turns.
      for (let turn = operation.length % 7; turn > 0; turn--) await new Promise(setImmediate)
      if (operation.endsWith('0')) throw new Error(`no answer for ${caller.principal}`)
      const view = await answering.operations.get({ operation }, caller)
      return { ...view, operationId: operation, idempotencyKey: caller.principal }
    }
    const door = await openDoor({ services: { operations: { ...answering.operations, get } } })
    const clients = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const canary = `canary-${n}-${'x'.repeat(n % 5)}`
        const token = await door.token({ principal: canary })
        const client = await connectHttp(n % 2 === 0 ? ERAS[0] : ERAS[1], door.url, token)
        return { canary, client }
      }),
    )
    let seen = 0
    await Promise.all(
      clients.map(async ({ canary, client }) => {
        for (let call = 1; call <= 10; call++) {
          const operation = `${canary}-${call}`
          const told: (string | undefined)[] = []
          const onprogress = ({ message }: { message?: string | undefined }) => void told.push(message)
          const answer = await client.callTool('get_operation', { operation }, { onprogress })
          const text = JSON.stringify([answer, told])
          const foreign = [...text.matchAll(/canary-\d+-x*/g)].filter(([found]) => found !== canary)
          expect(foreign).toEqual([])
          expect(told).toEqual([`${canary} asks for ${operation}`])
          expect(answer.isError ?? false).toBe(call === 10)
          if (!answer.isError)
            expect(answer.structuredContent).toMatchObject({ idempotencyKey: canary, operationId: operation })
          seen += 1
        }
      }),
    )
    expect(seen).toBe(500)
    for (const { client } of clients) await client.close()
  }, 60_000)
})

describe('T34: too much', () => {
  test('T34: a token that sends too much is told how long to wait, and others are served', async () => {
    const door = await openDoor({ http: { limits: { perToken: 3, perAddress: undefined } } })
    const [greedy, other] = [asClient(await door.token()), asClient(await door.token())]
    const statuses: number[] = []
    for (let n = 0; n < 4; n++) statuses.push((await door.send({ headers: greedy, body: LIST })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    const refused = await door.send({ headers: greedy, body: LIST })
    const seconds = Number(refused.headers['retry-after'])
    expect(seconds).toBeGreaterThan(50)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(errorOf(refused)).toMatchObject({ code: 'too_many_requests', retry: 'later' })
    expect((await door.send({ headers: other, body: LIST })).status).toBe(200)
  })

  test('T34: each message of a batch counts', async () => {
    const door = await openDoor({ http: { limits: { perToken: 5, perAddress: undefined } } })
    const headers = asClient(await door.token())
    const batch = JSON.stringify(Array.from({ length: 6 }, (_, id) => ({ ...JSON.parse(LIST), id })))
    expect((await door.send({ headers, body: batch })).status).toBe(429)
  })

  test('T34: an address that sends too much is refused before its tokens are looked at', async () => {
    const door = await openDoor({ http: { limits: { perToken: undefined, perAddress: 2 } } })
    const guess = () => door.send({ headers: { authorization: 'Bearer guess' } })
    expect([(await guess()).status, (await guess()).status, (await guess()).status]).toEqual([401, 401, 429])
    expect((await door.send({ method: 'GET', path: '/healthz' })).status).toBe(429)
  })

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:DB8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::7', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    [undefined, 'unknown'],
  ])('T34: the address %s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  test('T34: one token may wait for so much at once, all of them for so much, and the room is free again', async () => {
    const waiting: { caller: Caller; answer: () => void }[] = []
    const get: typeof answering.operations.get = (query, caller) =>
      new Promise((resolve) => {
        waiting.push({ caller, answer: () => resolve(answering.operations.get(query, caller)) })
      })
    const services = { operations: { ...answering.operations, get } }
    const door = await openDoor({ services, atOnce: { atOnce: 3, perToken: 2 } })
    const [first, second] = [asClient(await door.token()), asClient(await door.token())]
    const wait = (headers: Readonly<Record<string, string>>) =>
      door.send({ headers, body: callOf('get_operation', { operation: 'x' }) })
    const begun = [wait(first), wait(first)]
    await expect.poll(() => waiting.length).toBe(2)
    const own = await wait(first)
    expect(own).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    expect(errorOf(own).message).toContain('this token has 2 requests under way already')
    begun.push(wait(second))
    await expect.poll(() => waiting.length).toBe(3)
    expect(errorOf(await wait(second)).message).toContain('as many as are served at once are under way')
    for (const { answer } of waiting) answer()
    expect((await Promise.all(begun)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await door.send({ headers: first, body: LIST })).status).toBe(200)
  })

  test.each([
    ['headers', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
    [
      'a body',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nAuthorization: Bearer TOKEN\r\n\r\n{',
    ],
  ])('T34: whoever is slow with %s loses the connection', async (_what, bytes) => {
    const timeouts = { headersMs: 100, requestMs: 200, checkMs: 50 }
    const door = await openDoor({ timeouts })
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1')
    socket.write(bytes.replace('TOKEN', await door.token()))
    const parts: Buffer[] = []
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('error', () => {})
    await once(socket, 'close')
    expect(Buffer.concat(parts).toString()).toMatch(/^(?:HTTP\/1.1 408 |$)/)
    expect((await door.send({ method: 'GET', path: '/healthz' })).status).toBe(200)
  })

  test('T34: 10,000 calls, and a hundred of 10 MB, leave the built server with bounded memory', async () => {
    const { home, remove } = temporaryHome()
    const env = {
      ...{
        PATH: '/usr/bin:/bin',
        BURSAR_HOME: home,
        LOG_LEVEL: 'error',
        SANDBOX_A_RPC_URL: 'http://127.0.0.1:9',
      },
      ...{ HTTP_RATE_LIMIT_TOKEN: 'none', HTTP_RATE_LIMIT_ADDRESS: 'none' },
    }
    const server = await startHttp(env)
    const headers = { ...asClient(await makeToken(env, 'busy', '--scopes', 'read')) }
    const post = (body: string) => fetch(server.url, { method: 'POST', headers, body })
    const calls = async (count: number) => {
      const statuses = new Set<number>()
      const lane = async () => {
        for (let n = 0; n < count / 8; n++) {
          const answer = await post(callOf('list_operations'))
          await answer.text()
          statuses.add(answer.status)
        }
      }
      await Promise.all(Array.from({ length: 8 }, lane))
      expect([...statuses]).toEqual([200])
    }
    const megabytes = () => {
      const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
      return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024
    }
    await calls(2_000)
    const warm = megabytes()
    await calls(8_000)
    const huge = callOf('list_operations', { wallet: 'x'.repeat(10_000_000) })
    const large = await Promise.all(
      Array.from({ length: 100 }, async () => {
        // Where the server has hung up before all of it was sent, there may be no answer to read.
        const answer = await post(huge).catch(() => undefined)
        return answer?.status ?? 413
      }),
    )
    expect(new Set(large)).toEqual(new Set([413]))
    expect((await post(LIST)).status).toBe(200)
    const peak = megabytes()
    process.stderr.write(
      `peak memory: ${warm.toFixed(0)} MB after 2,000 calls, ${peak.toFixed(0)} MB at the end\n`,
    )
    expect(peak - warm).toBeLessThan(150)
    await server.terminate()
    remove()
  }, 180_000)
})
