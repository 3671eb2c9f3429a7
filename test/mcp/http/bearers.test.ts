import { describe, expect, test } from 'vitest'
import type { Caller } from '../../../src/primitives/caller.ts'
import { ERAS } from '../../support/clients.ts'
import { connectHttp, FORMS } from '../../support/httpClients.ts'
import { answering } from '../catalogueAnswers.ts'
import { asClient, callOf, type Door, errorOf, LIST, openDoor, sendSlowly } from './support/httpDoor.ts'

const list = (door: Door, token: string) => door.send({ headers: asClient(token), body: LIST })

describe('T28: without a good token nobody is answered', () => {
  test.each([
    ['no Authorization', undefined],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no token in it', 'Bearer'],
    ['a token of somebody else', 'Bearer sk-0123456789'],
    ['a token that nobody made', `Bearer bursar_0123456789ab_${'A'.repeat(43)}`],
  ])('T28: %s is 401 with a challenge', async (_what, authorization) => {
    const door = await openDoor()
    for (const method of ['POST', 'GET', 'DELETE', 'PUT', 'OPTIONS']) {
      const answer = await door.send({
        method,
        headers: authorization === undefined ? {} : { authorization },
      })
      expect(answer.status).toBe(401)
      const challenge = authorization === undefined ? '' : ', error="invalid_token"'
      expect(answer.headers['www-authenticate']).toBe(`Bearer realm="bursar"${challenge}`)
      expect(errorOf(answer)).toMatchObject({ code: 'unauthenticated', retry: 'no', sideEffect: 'none' })
    }
  })

  test('T28: the id of a token without its secret is worth nothing, whichever digit is wrong', async () => {
    const door = await openDoor()
    const token = await door.token()
    expect((await list(door, token)).status).toBe(200)
    for (const at of [20, 40, 61]) {
      const wrong = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
      const answer = await list(door, wrong)
      expect(answer.status).toBe(401)
      expect(errorOf(answer).message).toContain('its token is not known here')
    }
  })

  test('T28: a token in the URL, or in a cookie, is none', async () => {
    const door = await openDoor()
    const token = await door.token()
    const { authorization: _taken, ...headers } = asClient(token)
    const path = `/mcp?access_token=${token}`
    expect(
      (await door.send({ path, headers: { ...headers, cookie: `token=${token}` }, body: LIST })).status,
    ).toBe(401)
    expect(door.log.join()).not.toContain(token)
  })

  test('T29: a token for another audience is 401, also on the same journal', async () => {
    const inner = await openDoor({ http: { audience: 'inner' } })
    const outer = await openDoor({ http: { audience: 'outer' }, folder: inner.folder })
    const token = await inner.token({ audience: 'inner' })
    expect((await list(inner, token)).status).toBe(200)
    const answer = await list(outer, token)
    expect(answer.status).toBe(401)
    expect(errorOf(answer).message).toContain('its token was made for another server')
    const elsewhere = await openDoor({ http: { audience: 'inner' } })
    expect((await list(elsewhere, token)).status).toBe(401)
  })

  test('T28: a token is refused from the moment that it expires', async () => {
    const door = await openDoor()
    const token = await door.token({ expires_at: door.journal.after(60_000) })
    door.clock.advance(59_999)
    expect((await list(door, token)).status).toBe(200)
    door.clock.advance(1)
    expect(errorOf(await list(door, token)).message).toContain('its token is expired')
  })

  test('T28: what one process revokes, another refuses with the next request', async () => {
    const one = await openDoor()
    const other = await openDoor({ folder: one.folder })
    const token = await one.token({ name: 'ci' })
    expect((await list(other, token)).status).toBe(200)
    await one.store.revoke('ci')
    expect(errorOf(await list(other, token)).message).toContain('its token is revoked')
  })

  test('T28: what a revoked token has under way ends within a second, and no other token’s', async () => {
    const waiting: Caller[] = []
    const get = (_query: object, caller: Caller) =>
      new Promise<never>((_resolve, reject) => {
        waiting.push(caller)
        caller.signal.addEventListener('abort', () => reject(caller.signal.reason))
      })
    const door = await openDoor({ services: { operations: { ...answering.operations, get } } })
    const call = async (name: string) => {
      const headers = asClient(await door.token({ name, principal: name }))
      return door.send({ headers, body: callOf('get_operation', { operation: 'x' }) }).catch(() => undefined)
    }
    const ending = call('ending')
    void call('staying')
    await expect.poll(() => waiting.length).toBe(2)
    const before = performance.now()
    await door.store.revoke('ending')
    await ending
    expect(performance.now() - before).toBeLessThan(1_000)
    const aborted = waiting.map(({ principal, signal }) => [principal, signal.aborted])
    expect(Object.fromEntries(aborted)).toEqual({ ending: true, staying: false })
  })

  test.each([
    ['revoked', (door: Door) => door.store.revoke('slow')],
    ['expired', (door: Door) => door.clock.advance(60_000)],
  ])('T28: a call is refused whose token is %s while its body is on its way', async (_what, end) => {
    let ran = 0
    const execute = () => {
      ran += 1
      return Promise.reject(new Error('it ran'))
    }
    const door = await openDoor({ services: { operations: { ...answering.operations, execute } } })
    const token = await door.token({ name: 'slow', expires_at: door.journal.after(60_000) })
    const call = callOf('send_transaction', { intentId: `int_${'0'.repeat(32)}` })
    const { answer, sendRest } = sendSlowly(door.url, asClient(token), call)
    // Then it has been let in.
    await expect.poll(async () => (await door.store.list())[0]?.last_used_at).not.toBeNull()
    await end(door)
    sendRest()
    expect(await answer).toBe(401)
    expect(ran).toBe(0)
  })

  test('the hour of its last use is kept', async () => {
    const door = await openDoor()
    await list(door, await door.token())
    const hour = `${door.journal.now().slice(0, 13)}:00:00.000Z`
    await expect.poll(async () => (await door.store.list())[0]?.last_used_at).toBe(hour)
  })
})

describe.each(ERAS)('T23: scopes and principals of a client of %s', (era) => {
  test.each([
    [
      'read',
      [
        'list_chains',
        'get_wallets',
        'get_balances',
        'quote_gas',
        'get_operation',
        'list_operations',
        'get_status',
      ],
    ],
    ['prepare', ['simulate_transaction', 'replace_transaction']],
    ['spend', ['send_transaction']],
    ['admin', []],
  ])('T23: with %s alone it is offered what has that effect, and nothing else', async (scopes, expected) => {
    const door = await openDoor()
    const client = await connectHttp(era, door.url, await door.token({ scopes }))
    expect((await client.listTools()).toSorted()).toEqual(expected.toSorted())
    await client.close()
  })

  test('T23: a call outside the scopes says which one is missing, and nothing runs', async () => {
    let ran = 0
    const execute = () => {
      ran += 1
      return Promise.reject(new Error('it ran'))
    }
    const door = await openDoor({ services: { operations: { ...answering.operations, execute } } })
    const client = await connectHttp(era, door.url, await door.token({ scopes: 'read,prepare,admin' }))
    const answer = await client.callTool('send_transaction', { intentId: 'int_1' })
    expect(answer.isError).toBe(true)
    expect(JSON.parse(answer.content[0]?.text ?? '')).toMatchObject({
      error: {
        code: 'scope_missing',
        message:
          'send_transaction needs the scope spend, and the token of this connection has read, prepare, admin. Nothing was done.',
        sideEffect: 'none',
        retry: 'no',
      },
    })
    expect(ran).toBe(0)
    await client.close()
  })

  test('R6: behind the door nobody is handed the secret of a token', async () => {
    const heard: (Request | undefined)[] = []
    const door = await openDoor({ hear: (request) => heard.push(request) })
    const token = await door.token()
    const client = await connectHttp(era, door.url, token)
    await client.listTools()
    await client.close()
    const told = heard.map((request) => [request?.headers.get('content-type'), ...(request?.headers ?? [])])
    expect(told.length).toBeGreaterThan(0)
    for (const [type] of told) expect(type).toBe('application/json')
    expect(heard.map((request) => request?.headers.get('authorization'))).toEqual(heard.map(() => null))
    expect(JSON.stringify(told)).not.toContain(token)
  })

  test('T23: services hear of the principal of the token, whatever the client says of itself', async () => {
    const principals: string[] = []
    const wallets = {
      list: (_query: object, caller: Caller) => {
        principals.push(caller.principal)
        return answering.wallets.list({}, caller)
      },
    }
    const door = await openDoor({ services: { wallets } })
    for (const principal of ['payroll', 'shop']) {
      const client = await connectHttp(era, door.url, await door.token({ principal }))
      expect(client.protocolVersion).toBe(era)
      await client.callTool('get_wallets', {})
      await client.close()
    }
    expect(principals).toEqual(['payroll', 'shop'])
  })

  test('T25: a client that says it shows forms is not asked: it may be the agent itself', async () => {
    const asking: boolean[] = []
    const execute: typeof answering.operations.execute = (request, caller) => {
      asking.push(caller.confirm !== undefined)
      return answering.operations.execute(request, caller)
    }
    const door = await openDoor({ services: { operations: { ...answering.operations, execute } } })
    // Whoever is asked over stdio gets no leave by its name either.
    for (const principal of ['payroll', 'local']) {
      const client = await connectHttp(era, door.url, await door.token({ principal }), FORMS)
      expect(
        (await client.callTool('send_transaction', { intentId: `int_${'0'.repeat(32)}` })).isError,
      ).toBeFalsy()
      await client.close()
    }
    expect(asking).toEqual([false, false])
  })

  test('progress reaches the client whose call it is, and a silent stream shows that it is alive', async () => {
    const get: typeof answering.operations.get = async (query, caller) => {
      for (const message of ['sent', 'included']) caller.progress(message)
      return answering.operations.get(query, caller)
    }
    const door = await openDoor({ services: { operations: { ...answering.operations, get } } })
    const client = await connectHttp(era, door.url, await door.token())
    const told: (string | undefined)[] = []
    const onprogress = ({ message }: { message?: string | undefined }) => void told.push(message)
    await client.callTool('get_operation', { operation: 'x' }, { onprogress })
    expect(told).toEqual(['sent', 'included'])
    await client.close()
  })

  test('a client that ends its call, or goes away, aborts it', async () => {
    const signals: AbortSignal[] = []
    const get = (_query: object, { signal }: Caller) =>
      new Promise<never>((_resolve, reject) => {
        signals.push(signal)
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const door = await openDoor({ services: { operations: { ...answering.operations, get } } })
    const token = await door.token()
    const client = await connectHttp(era, door.url, token)
    const lost = client.callTool('get_operation', { operation: 'x' }).catch((error: unknown) => error)
    await expect.poll(() => signals.length).toBe(1)
    await client.close()
    expect(await lost).toBeInstanceOf(Error)
    await expect.poll(() => signals[0]?.aborted).toBe(true)
  })
})

test('a stream that is silent carries comments until its answer comes', async () => {
  let answerNow = () => {}
  const get: typeof answering.operations.get = async (query, caller) => {
    await new Promise<void>((resolve) => {
      answerNow = resolve
    })
    return answering.operations.get(query, caller)
  }
  const door = await openDoor({ keepAliveMs: 20, services: { operations: { ...answering.operations, get } } })
  const answer = await fetch(door.url, {
    method: 'POST',
    headers: { ...asClient(await door.token()) },
    body: callOf('get_operation', { operation: 'x' }),
  })
  let text = ''
  for await (const part of answer.body ?? []) {
    text += Buffer.from(part).toString()
    if (/^:.*\n\n:/m.test(text)) answerNow()
  }
  expect(text).toMatch(/^:[\s\S]*"committed"/)
})
