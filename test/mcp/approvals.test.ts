import { createPrivateKey } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  BURSAR,
  type Bursar,
  environmentOf,
  run,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { type Elicit, ERAS } from '../support/clients.ts'
import { MERCHANT, startWorld, type World } from '../support/engine.ts'

// The built server and command line, and real clients of both eras. Above 1 ETH a person approves; up to 3 ETH a yes in
// the client is enough.

let world: World
const { home, remove } = temporaryHome()
const THRESHOLDS = { APPROVAL_ABOVE: '*/native=1', ELICIT_UP_TO: '*/native=3' }
let env: Record<string, string>
const servers: Bursar[] = []
/** Everything that anybody was shown, for the canary. */
const shown: string[] = []

beforeAll(async () => {
  world = await startWorld()
  env = environmentOf(world, home, { ...THRESHOLDS, LOG_LEVEL: 'debug' })
})
afterAll(async () => {
  await world.stop()
  remove()
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await server.close()
    shown.push(server.stderr(), ...server.lines)
  }
})

async function start(era: (typeof ERAS)[number], elicit?: Elicit): Promise<Bursar> {
  const server = await startBursar({ era, env, ...(elicit && { elicit }) })
  servers.push(server)
  return server
}

async function bursar(...args: string[]) {
  const ran = await run(process.execPath, [BURSAR, ...args], { env })
  shown.push(ran.stdout, ran.stderr)
  return ran
}

let payments = 0
async function prepare(server: Bursar, amount: string) {
  payments += 1
  const args = { chain: 'sandbox-a', wallet: 'agent', to: MERCHANT, amount }
  return server.answer('simulate_transaction', { ...args, idempotencyKey: `payment-${payments}` })
}

const sent = () => world.a.proxy.count('eth_sendRawTransaction')
const accept = { action: 'accept', content: { approve: true } } as const

describe.each(ERAS)('F4: a client of %s', (era) => {
  test('T25: that accepts everything moves nothing above the second threshold, and is not even asked', async () => {
    const asked: string[] = []
    const server = await start(era, ({ message }) => {
      asked.push(message)
      return accept
    })
    const before = [await world.a.balance(MERCHANT), sent()]
    const { intentId, status, next, approval } = await prepare(server, '3.000000000000000001')
    expect(status).toBe('needs_approval')
    expect(next).toMatch(/^Tell the user/)
    expect(approval?.command).toBe(`bursar approvals approve ${intentId}`)
    for (let tries = 0; tries < 3; tries++) {
      expect(await server.refusal('send_transaction', { intentId })).toMatchObject({
        code: 'approval_needed',
        retry: 'later',
        sideEffect: 'none',
        fix: expect.stringContaining(`bursar approvals approve ${intentId}`),
      })
    }
    await world.a.mine()
    expect(asked).toEqual([])
    expect([await world.a.balance(MERCHANT), sent()]).toEqual(before)
  })

  test('is asked between the thresholds, with effects and digest, and pays once when its user says yes', async () => {
    const asked: string[] = []
    const server = await start(era, ({ message }) => {
      asked.push(message)
      return accept
    })
    const before = await world.a.balance(MERCHANT)
    const { intentId, digest, next } = await prepare(server, '2')
    expect(next).toMatch(/^send_transaction asks the user here/)
    const { operationId } = await server.answer('send_transaction', { intentId })
    expect((await server.answer('send_transaction', { intentId })).operationId).toBe(operationId)
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 2_000000000000000000n)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain(
      '2 ETH from 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 to 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
    )
    expect(asked[0]).toContain(`Digest: ${digest}`)
  })

  test.each([
    ['declines', { action: 'decline' }],
    ['leaves the question', { action: 'cancel' }],
    ['sends the form without a yes', { action: 'accept', content: { approve: false } }],
  ] as const)(
    'moves nothing when its user %s, and a person may still approve it elsewhere',
    async (_what, says) => {
      const server = await start(era, () => says)
      const before = sent()
      const { intentId, digest } = await prepare(server, '2')
      expect((await server.refusal('send_transaction', { intentId })).message).toContain('did not accept')
      expect(sent()).toBe(before)
      expect((await bursar('approvals', 'approve', intentId, '--digest', digest)).code).toBe(0)
      await server.answer('send_transaction', { intentId })
      expect(sent()).toBe(before + 1)
      await world.a.mine(2)
    },
  )

  test('that shows no forms is told what to do instead', async () => {
    const server = await start(era)
    const { intentId } = await prepare(server, '2')
    expect((await server.refusal('send_transaction', { intentId })).code).toBe('approval_needed')
  })
})

describe('T24: the state of a question', () => {
  let client: Client
  beforeAll(async () => {
    client = new Client(
      { name: 'forger', version: '1' },
      {
        versionNegotiation: { mode: { pin: '2026-07-28' } },
        capabilities: { elicitation: { form: {} } },
        inputRequired: { autoFulfill: false },
      },
    )
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [BURSAR, 'serve'],
      env,
      stderr: 'ignore',
    })
    await client.connect(transport)
  })
  afterAll(() => client.close())

  const call = (name: string, given: object, more: object = {}) =>
    client.request(
      { method: 'tools/call', params: { name, arguments: given, ...more } } as never,
      { allowInputRequired: true } as never,
    ) as unknown as Promise<{
      resultType?: string
      requestState?: string
      structuredContent?: { intentId: string }
    }>
  const answers = { inputResponses: { approval: accept } }
  async function asked(amount: string) {
    payments += 1
    const args = {
      chain: 'sandbox-a',
      wallet: 'agent',
      to: MERCHANT,
      amount,
      idempotencyKey: `forged-${payments}`,
    }
    const { intentId = '' } = (await call('simulate_transaction', args)).structuredContent ?? {}
    const { resultType, requestState = '' } = await call('send_transaction', { intentId })
    expect(resultType).toBe('input_required')
    return { intentId, state: requestState }
  }

  test('that was never given, is another question’s, or has another bit, is no yes', async () => {
    const before = sent()
    const one = await asked('2')
    const other = await asked('2.5')
    const send = (more: object) =>
      call('send_transaction', { intentId: one.intentId }, { ...answers, ...more })
    // No state, and another question's: asked again.
    expect((await send({})).resultType).toBe('input_required')
    expect((await send({ requestState: other.state })).resultType).toBe('input_required')
    for (const at of [4, Math.floor(one.state.length / 2), one.state.length - 3]) {
      const bit = one.state[at] === 'A' ? 'B' : 'A'
      const requestState = `${one.state.slice(0, at)}${bit}${one.state.slice(at + 1)}`
      await expect(send({ requestState })).rejects.toMatchObject({ code: -32602 })
    }
    await expect(send({ requestState: 'v1.e30.AAAA' })).rejects.toMatchObject({ code: -32602 })
    expect(sent()).toBe(before)
    await send({ requestState: one.state })
    expect(sent()).toBe(before + 1)
    await world.a.mine(2)
  })
})

describe('bursar approvals', () => {
  test('lists, shows, approves in a terminal by the digest that is typed, and denies', async () => {
    const server = await start('2026-07-28')
    const { intentId, digest } = await prepare(server, '4')
    const listed = await bursar('approvals', 'list')
    expect(listed.stdout).toContain(`${intentId}  waits  4 ETH to ${MERCHANT}  agent on Sandbox A`)
    const one = await bursar('approvals', 'show', intentId)
    expect(one.stdout).toContain(
      `Effect     transfer 4 ETH from 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 to ${MERCHANT}`,
    )
    expect(one.stdout).toContain('Why        4 ETH would leave, and above 1 ETH a person has to approve')
    expect(one.stdout).toContain(`Digest     ${digest}`)

    // Without a terminal nobody looks; a wrong digest is for something else.
    expect((await bursar('approvals', 'approve', intentId)).stderr).toContain('no terminal to ask in')
    expect((await bursar('approvals', 'approve', intentId, '--digest', digest.slice(0, 9))).code).toBe(1)
    expect((await bursar('approvals', 'approve', intentId, '--digest', `0x${'00'.repeat(32)}`)).code).toBe(1)
    expect((await server.refusal('send_transaction', { intentId })).code).toBe('approval_needed')
    expect((await typed(intentId, 'deadbeef')).stdout).toContain('look at it again')
    expect((await typed(intentId, digest.slice(2, 10))).stdout).toContain('Approved until')
    const before = await world.a.balance(MERCHANT)
    await server.answer('send_transaction', { intentId })
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 4_000000000000000000n)

    const denied = await prepare(server, '5')
    const said = await bursar('approvals', 'deny', denied.intentId, '--reason', 'not \u001b[31mours')
    expect(said.stdout).toContain('Denied. It will not be signed.')
    expect(said.stdout).not.toContain('\u001b')
    expect(await server.refusal('send_transaction', { intentId: denied.intentId })).toMatchObject({
      code: 'approval_denied',
      retry: 'no',
    })
    // A dozen processes, one after the other.
  }, 90_000)

  /** In a terminal, as a person does. */
  function typed(intentId: string, digits: string) {
    const command = `${process.execPath} ${BURSAR} approvals approve ${intentId}`
    return run('/bin/sh', ['-c', `echo ${digits} | script -qec "${command}" /dev/null`], { env })
  }

  test('makes a key that only its owner may read, and refuses one that others may', async () => {
    const { stdout } = await bursar('approvals', 'key')
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/)
    expect((await bursar('approvals', 'key')).stdout).toBe(stdout)
    expect(statSync(join(home, 'operator', 'approval.key')).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(home, 'operator')).toSorted()).toEqual(['approval.key', 'approval.pub'])
    chmodSync(join(home, 'operator', 'approval.key'), 0o640)
    const refused = await bursar('approvals', 'key')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('others than its owner may read')
    chmodSync(join(home, 'operator', 'approval.key'), 0o600)
  })

  test('R6: shows the private key nowhere', async () => {
    await bursar('approvals', 'list', '--json')
    await bursar('doctor')
    const pem = readFileSync(join(home, 'operator', 'approval.key'), 'utf8')
    const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' })
    const seed = Buffer.from(d, 'base64url')
    const canaries = [d, seed.toString('hex'), seed.toString('base64'), pem.split('\n')[1] ?? '']
    const journal = readdirSync(home).filter((file) => file.startsWith('journal.db'))
    const places = [...shown, ...journal.map((file) => readFileSync(join(home, file), 'latin1'))]
    expect(shown.length).toBeGreaterThan(10)
    expect(journal.length).toBeGreaterThan(0)
    for (const canary of canaries) {
      expect(canary.length).toBeGreaterThan(30)
      expect(places.filter((place) => place.includes(canary))).toEqual([])
    }
  })
})
