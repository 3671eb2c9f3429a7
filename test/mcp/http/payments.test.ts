import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../sandbox/support/processes.ts'
import { connectAgent, type HttpServer, makeToken, startHttp } from '../../support/bursarHttp.ts'
import { environmentOf, temporaryHome } from '../../support/bursarServer.ts'
import { ERAS } from '../../support/clients.ts'
import { MERCHANT, startWorld, type World } from '../../support/engine.ts'
import { isSend, minedCount, sends } from '../support/chainSide.ts'
import { asClient, LIST, send } from './support/httpDoor.ts'

// The built server over HTTP, two processes on one journal, and real clients. Blocks come only when a test mines them.

let world: World
let env: Readonly<Record<string, string>>
let one: HttpServer
let two: HttpServer
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
  env = environmentOf(world, home, { LOG_LEVEL: 'debug' })
  one = await startHttp(env)
  two = await startHttp(env)
})
afterAll(async () => {
  await Promise.all([one.terminate(), two.terminate()])
  await world.stop()
  remove()
})

const payment = (idempotencyKey: string, amount: string, chain = 'sandbox-a') => ({
  ...{ chain, wallet: 'agent', to: 'merchant', amount, idempotencyKey },
})
const ALL = ['--scopes', 'read,prepare,spend']

describe.each(ERAS)('an agent of %s', (era) => {
  test('R3, T23: pays over one server and looks over the other; nobody else sees any of it', async () => {
    const key = `rent ${era}`.replaceAll(' ', '-')
    const before = await world.a.balance(MERCHANT)
    const mine = await makeToken(env, `mine-${era}`, '--principal', `tenant-${era}`, ...ALL)
    const agent = await connectAgent(era, one.url, mine)
    const { intentId } = await agent.answer('simulate_transaction', payment(key, '1.25'))

    const theirs = await connectAgent(era, two.url, await makeToken(env, `theirs-${era}`, ...ALL))
    const unknown = await theirs.refusal('send_transaction', { intentId })
    const never = await theirs.refusal('send_transaction', {
      intentId: 'int_00000000000000000000000000000000',
    })
    expect(unknown.code).toBe('intent_unknown')
    // Word for word what is said of an intent that there never was.
    const same = JSON.stringify(never).replaceAll('int_00000000000000000000000000000000', intentId)
    expect(JSON.stringify(unknown)).toBe(same)
    expect(sends(world.a)).toHaveLength(Number(era === '2025-11-25'))

    const sent = await agent.answer('send_transaction', { intentId })
    await world.a.mine(2)
    const asked = { operation: key, waitSeconds: 20, until: 'final' }
    // The same principal by another token, over the other process.
    const again = await makeToken(env, `again-${era}`, '--principal', `tenant-${era}`, ...ALL)
    const other = await connectAgent(era, two.url, again)
    const { operationId } = sent
    expect(await other.answer('get_operation', asked)).toMatchObject({ operationId, state: 'committed' })
    expect((await other.answer('simulate_transaction', payment(key, '1.25'))).intentId).toBe(intentId)
    expect(await other.refusal('simulate_transaction', payment(key, '1.3'))).toMatchObject({
      code: 'idempotency_conflict',
    })
    expect(await other.answer('send_transaction', { intentId })).toMatchObject({
      operationId: sent.operationId,
    })

    for (const operation of [key, intentId, sent.operationId]) {
      expect((await theirs.refusal('get_operation', { operation })).code).toBe('operation_unknown')
      const replacing = { operation, kind: 'cancel', idempotencyKey: `steal-${operation.length}` }
      expect((await theirs.refusal('replace_transaction', replacing)).code).toBe('operation_unknown')
    }
    expect((await theirs.answer('list_operations')).operations).toEqual([])
    // The same key is another one for somebody else.
    expect((await theirs.answer('simulate_transaction', payment(key, '9'))).intentId).not.toBe(intentId)
    expect((await world.a.balance(MERCHANT)) - before).toBe(1_250000000000000000n)
    for (const { connection } of [agent, theirs, other]) await connection.close()
  }, 60_000)

  test('F24: vanishes in the middle of its payment, which goes on and is found by its key', async () => {
    const key = `vanished-${era}`
    const token = await makeToken(env, key, ...ALL)
    const agent = await connectAgent(era, one.url, token)
    const { intentId } = await agent.answer('simulate_transaction', payment(key, '3', 'sandbox-b'))
    const [before, mined] = [await world.b.balance(MERCHANT), await minedCount(world.b)]
    world.b.proxy.reset()
    world.b.proxy.setFault((calls) => (isSend(calls) ? { kind: 'delay', ms: 400 } : undefined))
    const lost = agent.connection.callTool('send_transaction', { intentId }).catch((error: unknown) => error)
    await eventually('the broadcast has begun', () => sends(world.b).length === 1)
    await agent.connection.close()
    expect(await lost).toBeInstanceOf(Error)
    world.b.proxy.setFault(() => undefined)

    const back = await connectAgent(era, two.url, token)
    await eventually('it was sent', async () => {
      const { state } = await back.answer('get_operation', { operation: key })
      return state === 'running'
    })
    await eventually('the chain has it', async () => {
      const pool = (await world.b.ask('txpool_status')) as { readonly pending: string }
      return pool.pending === '0x1'
    })
    await world.b.mine(2)
    const asked = { operation: key, waitSeconds: 20, until: 'final' }
    expect(await back.answer('get_operation', asked)).toMatchObject({ intentId, state: 'committed' })
    expect((await world.b.balance(MERCHANT)) - before).toBe(3_000000000000000000n)
    expect((await minedCount(world.b)) - mined).toBe(1)
    await back.connection.close()
  }, 60_000)
})

test('R3: eight calls at once over two servers execute an intent once', async () => {
  const token = await makeToken(env, 'burst', ...ALL)
  const agents = await Promise.all([one, two].map(({ url }) => connectAgent('2026-07-28', url, token)))
  const [agent] = agents
  if (!agent) throw new Error('there are two')
  const before = await world.a.balance(MERCHANT)
  const { intentId } = await agent.answer('simulate_transaction', payment('burst', '0.5'))
  const calls = [...agents, ...agents, ...agents, ...agents].map((one) =>
    one.answer('send_transaction', { intentId }),
  )
  expect(new Set((await Promise.all(calls)).map(({ operationId }) => operationId)).size).toBe(1)
  await world.a.mine(2)
  await agent.answer('get_operation', { operation: 'burst', waitSeconds: 20, until: 'final' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(500000000000000000n)
  for (const { connection } of agents) await connection.close()
}, 60_000)

test('R6, T14: no secret of a token is in a log, an error or the journal, whatever was wrong with a request', async () => {
  const token = await makeToken(env, 'canary', ...ALL)
  const secret = token.slice(20)
  const good = asClient(token)
  const answers = [
    await send(one.url, { headers: good, body: '{"jsonrpc"' }),
    await send(one.url, { headers: good, body: `"${'x'.repeat(1_048_576)}"` }),
    await send(one.url, {
      headers: good,
      body: JSON.stringify({ jsonrpc: '2.0', id: token, method: token }),
    }),
    await send(one.url, { headers: { ...good, 'mcp-protocol-version': token }, body: LIST }),
    await send(one.url, { headers: { ...good, accept: token }, body: LIST }),
    await send(one.url, { headers: { ...good, host: secret }, body: LIST }),
    await send(one.url, { headers: { ...good, origin: `http://${secret}` }, body: LIST }),
    await send(one.url, { headers: { ...good, authorization: `Basic ${secret}` }, body: LIST }),
    await send(one.url, { headers: { ...good, authorization: `Bearer ${token}x` }, body: LIST }),
    await send(one.url, { method: 'GET', headers: good }),
    await send(one.url, { path: `/${secret}?token=${secret}`, headers: good, body: LIST }),
  ]
  // What is not refused at the door is told by the protocol.
  expect(answers.map(({ status }) => status)).toEqual([400, 413, 200, 400, 406, 403, 403, 401, 401, 405, 404])
  const files = readdirSync(home).map((name) => readFileSync(join(home, name), 'latin1'))
  expect(one.stderr()).toContain('request refused')
  // An id and a version are the client's own words, and are told to nobody else.
  const told = answers.map(({ body }) => body).filter((_body, index) => index !== 2 && index !== 3)
  const texts = [one.stderr(), two.stderr(), ...told, ...files]
  expect(texts.filter((text) => text.includes(secret))).toEqual([])
})

test('R11: nothing was written to stdout', () => {
  expect(one.stdout() + two.stdout()).toBe('')
})
