import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { isLoopback } from '../../../src/mcp/http/hostGuard.ts'
import { asClient, callOf, errorOf, LIST, openDoor } from './support/httpDoor.ts'

describe('T27: names', () => {
  test.each([
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['localhost.', 403],
    ['0.0.0.0', 403],
    // What is no host at all does not get as far.
    ['localhost@evil.example', 400],
    ['evil.example#localhost', 400],
    ['127.0.0.1:80:80', 400],
  ])('T27: a request for the host "%s" is refused with %d whatever its token is', async (host, status) => {
    const door = await openDoor()
    const answer = await door.send({ headers: { ...asClient(await door.token()), host }, body: LIST })
    expect(answer.status).toBe(status)
    if (status === 403) expect(errorOf(answer)).toMatchObject({ code: 'host_refused', sideEffect: 'none' })
  })

  test.each([
    'POST /mcp HTTP/1.0\r\n\r\n',
    'POST /mcp HTTP/1.1\r\n\r\n',
    'POST /mcp HTTP/1.1\r\nHost:\r\n\r\n',
  ])('T27: a request without a host is refused: %j', async (bytes) => {
    const door = await openDoor()
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1')
    const [answer] = (await once(socket.end(bytes), 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 40[03] /)
  })

  test.each([
    ['evil.example', 403],
    ['localhost', 401],
  ])('T27: a request whose target names the host "%s" itself is answered with %d', async (host, status) => {
    const door = await openDoor()
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1')
    const head = `POST http://${host}/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`
    const [answer] = (await once(socket.end(head), 'data')) as [Buffer]
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  test.each([
    'localhost',
    'LOCALHOST:8402',
    '127.0.0.1:1',
    '[::1]:8402',
    'bursar.example',
    'Bursar.Example:443',
  ])('T27: a request for the host "%s" is served', async (host) => {
    const door = await openDoor({ http: { allowedHosts: ['bursar.example'] } })
    const answer = await door.send({ headers: { ...asClient(await door.token()), host }, body: LIST })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['http://evil.example', 403],
    ['null', 403],
    ['http://localhost.evil.example', 403],
    ['http://app.example', 403],
    ['https://app.example:444', 403],
    ['file://localhost', 403],
    ['https://app.example', 200],
    ['http://localhost:6274', 200],
  ])('T27: a page of %s is answered with %d', async (origin, status) => {
    const door = await openDoor({ http: { allowedOrigins: ['https://app.example'] } })
    const answer = await door.send({ headers: { ...asClient(await door.token()), origin }, body: LIST })
    expect(answer.status).toBe(status)
    expect(answer.headers['access-control-allow-origin']).toBe(status === 200 ? origin : undefined)
  })

  test('T27: a browser may ask for an allowed page what it may send, and for no other', async () => {
    const door = await openDoor({ http: { allowedOrigins: ['https://app.example'] } })
    const ask = (origin: string) =>
      door.send({
        method: 'OPTIONS',
        headers: {
          ...{ origin, 'access-control-request-method': 'POST' },
          'access-control-request-headers': 'authorization,content-type,mcp-protocol-version',
        },
      })
    const allowed = await ask('https://app.example')
    expect(allowed.status).toBe(204)
    expect(allowed.headers['access-control-allow-headers']).toContain('authorization')
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined()
    expect((await ask('https://evil.example')).status).toBe(403)
  })

  test('T27: healthz hides from strange names too, and tells nothing', async () => {
    const door = await openDoor()
    const ask = (headers: Record<string, string>) => door.send({ method: 'GET', path: '/healthz', headers })
    expect((await ask({ host: 'evil.example' })).status).toBe(403)
    expect(await ask({})).toMatchObject({ status: 200, body: '{"status":"ok"}' })
  })
})

describe('T28: what is open to others', () => {
  test('T28: beyond loopback it starts only with named hosts and a token', async () => {
    await expect(openDoor({ http: { host: '0.0.0.0' } })).rejects.toMatchObject({
      code: 'http_too_open',
      context: {
        missing: ['HTTP_ALLOWED_HOSTS names no host', 'there is no token that it would take'],
      },
    })
    const inner = await openDoor()
    const outside = { host: '0.0.0.0', allowedHosts: ['bursar.example'] }
    await expect(openDoor({ http: outside, folder: inner.folder })).rejects.toMatchObject({
      context: { missing: ['there is no token that it would take'] },
    })
  })

  test('T28: with both it listens there', async () => {
    const inner = await openDoor()
    const token = await inner.token()
    const door = await openDoor({
      http: { host: '0.0.0.0', allowedHosts: ['bursar.example'] },
      folder: inner.folder,
    })
    const headers = { ...asClient(token), host: 'bursar.example' }
    expect((await door.send({ headers, body: LIST })).status).toBe(200)
  })

  test('a port that is taken is told as such', async () => {
    const { url } = await openDoor()
    const port = Number(new URL(url).port)
    await expect(openDoor({ http: { port } })).rejects.toMatchObject({
      code: 'http_unavailable',
      context: { port, reason: 'EADDRINUSE' },
    })
  })

  test.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.1.7', false],
  ])('%s is reached from this machine only: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected)
  })
})

describe('what is no call', () => {
  test.each([
    ['a GET', { method: 'GET' }, 405, 'request_invalid'],
    ['a DELETE', { method: 'DELETE' }, 405, 'request_invalid'],
    ['another path', { path: '/other' }, 404, 'request_invalid'],
    ['the path with a slash', { path: '/mcp/' }, 404, 'request_invalid'],
    ['text', { headers: { 'content-type': 'text/plain' }, body: LIST }, 415, 'request_invalid'],
    [
      'a form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' },
      415,
      'request_invalid',
    ],
    ['what is compressed', { headers: { 'content-encoding': 'gzip' }, body: LIST }, 415, 'request_invalid'],
    ['no JSON', { body: '{"jsonrpc":' }, 400, 'request_invalid'],
    ['nothing', { body: '' }, 400, 'request_invalid'],
    ['what is nested too deep', { body: '['.repeat(500_000) }, 400, 'request_invalid'],
    ['what is too large', { body: `"${'x'.repeat(1_048_576)}"` }, 413, 'request_too_large'],
  ])('T34: %s is refused with the reason', async (_what, sending, status, code) => {
    const door = await openDoor()
    const headers = { ...asClient(await door.token()), ...('headers' in sending ? sending.headers : {}) }
    const answer = await door.send({ ...sending, headers })
    expect(answer.status).toBe(status)
    expect(errorOf(answer).code).toBe(code)
    expect(answer.headers.location).toBeUndefined()
    if (status === 405) expect(answer.headers.allow).toBe('POST')
  })

  test('T34: what is too large is refused by what arrives, when it does not say how much it is', async () => {
    const door = await openDoor()
    const headers = asClient(await door.token())
    const body = new ReadableStream({
      // Four times as much as is read, and an end: what reads all of it must fail here, and not this machine.
      start(controller) {
        for (let part = 0; part < 64; part++) controller.enqueue(new Uint8Array(65_536).fill(32))
        controller.close()
      },
    })
    const answer = await fetch(door.url, {
      method: 'POST',
      headers: { ...headers },
      body,
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(413)
  })

  test.each(['1.0', '1.1'])(
    'T34: the connection of HTTP/%s ends with its answer when the client says so',
    async (version) => {
      const door = await openDoor()
      const headers = { ...asClient(await door.token()), host: 'localhost', connection: 'close' }
      const lines = Object.entries({ ...headers, 'content-length': LIST.length }).map(
        ([name, value]) => `${name}: ${value}`,
      )
      const socket = connect(Number(new URL(door.url).port), '127.0.0.1')
      let answer = ''
      socket.on('data', (part: Buffer) => {
        answer += part.toString()
      })
      socket.write(`POST /mcp HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n${LIST}`)
      await once(socket, 'close')
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
      expect(answer).toContain('"simulate_transaction"')
    },
  )

  test('braces within texts are no depth, and 32 levels are served', async () => {
    const door = await openDoor()
    const headers = asClient(await door.token())
    const within = callOf('get_operation', { operation: `${'{['.repeat(60)}"\\` })
    expect((await door.send({ headers, body: within })).status).toBe(200)
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
    expect(errorOf(await door.send({ headers, body: deep(33) })).message).toContain('nested deeper')
    expect((await door.send({ headers, body: deep(32) })).body).not.toContain('nested deeper')
  })

  test('every answer tells browsers to keep, show and guess nothing', async () => {
    const door = await openDoor()
    for (const answer of [
      await door.send({ body: LIST }),
      await door.send({ method: 'GET', path: '/healthz' }),
      await door.send({ path: '/other' }),
    ]) {
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      })
      expect(answer.headers['x-powered-by']).toBeUndefined()
      expect(answer.headers['server']).toBeUndefined()
    }
  })
})
