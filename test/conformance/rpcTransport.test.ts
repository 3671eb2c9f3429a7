import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/primitives/secret.ts'
import { coalesced } from '../../src/rpc/coalesce.ts'
import { httpTransport } from '../../src/rpc/endpoint/httpTransport.ts'
import { readsOnly, verifiedChain } from '../../src/rpc/guards.ts'
import type { RpcTransport } from '../../src/rpc/transport.ts'
import { AGENT, startWorld, type World } from '../support/engine.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const http = () => httpTransport({ url: new Secret(world.a.proxy.url), timeoutMs: 1_000 })
const identity = { method: 'eth_chainId', expected: '0x7a69' }

/** Every way to a chain. Whatever wraps a transport behaves as one. */
const TRANSPORTS: Readonly<Record<string, () => RpcTransport>> = {
  http,
  'verified chain': () => verifiedChain(http(), identity, 'eip155:31337'),
  'reads only': () => readsOnly(http()),
  coalesced: () => coalesced(http()),
  'all of them': () => readsOnly(coalesced(verifiedChain(http(), identity, 'eip155:31337'))),
}

const never = new AbortController().signal
const CHAIN_ID = { method: 'eth_chainId', params: [] }
const BALANCE = { method: 'eth_getBalance', params: [AGENT, 'latest'] }
/** A read with arguments that anvil refuses. */
const REFUSED = { method: 'eth_createAccessList', params: ['nonsense'] }
const REVERTING = {
  method: 'eth_call',
  params: [{ to: '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163', data: '0xcfc5de58' }, 'latest'],
}

for (const [name, open] of Object.entries(TRANSPORTS)) {
  describe(`transport conformance: ${name}`, () => {
    const opened: RpcTransport[] = []
    const start = () => {
      const transport = open()
      opened.push(transport)
      world.a.proxy.reset()
      return transport
    }
    afterEach(async () => {
      world.a.proxy.setFault(undefined)
      for (const transport of opened.splice(0)) await transport.close()
    })

    it('gives outcomes in the order of the requests, a refusal among them', async () => {
      const outcomes = await start().send([CHAIN_ID, REFUSED, BALANCE, CHAIN_ID], never)
      expect(outcomes).toMatchObject([
        { ok: true, result: '0x7a69' },
        { ok: false, error: { code: expect.any(Number), message: expect.any(String) } },
        { ok: true, result: '0x21e19e0c9bab2400000' },
        { ok: true, result: '0x7a69' },
      ])
    })

    it('gives a revert of the chain as an outcome with its data, not as a failure', async () => {
      const [outcome] = await start().send([REVERTING], never)
      // Panic(0x12): division by zero.
      const data = `0x4e487b71${'12'.padStart(64, '0')}`
      expect(outcome).toMatchObject({ ok: false, error: { code: 3, data } })
    })

    it('names host and port, and nothing else, as its host', () => {
      expect(start().host).toBe(new URL(world.a.proxy.url).host)
    })

    const body = '{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"slow down"}}'
    const location = 'http://169.254.169.254/'
    it.each([
      ['HTTP 500', 'provider_unreachable', { kind: 'status', code: 500, body: 'oops' }],
      ['a broken connection', 'provider_unreachable', { kind: 'reset' }],
      ['silence, after its time-out', 'provider_unreachable', { kind: 'hang' }],
      ['HTTP 429 with JSON', 'provider_throttled', { kind: 'status', code: 429, body }],
      ['a redirect (T13)', 'provider_unreachable', { kind: 'status', code: 307, headers: { location } }],
    ] as const)('F17: on %s throws %s, and serves again afterwards', async (_name, code, fault) => {
      const transport = start()
      world.a.proxy.setFault(() => fault)
      await expect(transport.send([CHAIN_ID, BALANCE], never)).rejects.toMatchObject({
        code,
        kind: 'provider',
        context: { host: transport.host },
      })
      world.a.proxy.setFault(undefined)
      expect(await transport.send([CHAIN_ID], never)).toEqual([{ ok: true, result: '0x7a69' }])
    })

    it.each([
      ['no JSON', 'hello'],
      ['nothing', ''],
      ['a cut answer', '[{"jsonrpc":"2.0","id":1,"result":"0x'],
      ['a number', '7'],
      ['null', 'null'],
      ['entries of other requests', '[{"jsonrpc":"2.0","id":777,"result":"0x1"}]'],
    ])('F17: throws provider_garbage on %s', async (_name, text) => {
      const transport = start()
      world.a.proxy.setFault(() => ({ kind: 'body', text }))
      await expect(transport.send([CHAIN_ID, BALANCE], never)).rejects.toMatchObject({
        code: 'provider_garbage',
        kind: 'provider',
      })
    })

    it('ends with the reason of a caller who leaves', async () => {
      const transport = start()
      await transport.send([CHAIN_ID], never)
      world.a.proxy.setFault(() => ({ kind: 'hang' }))
      const leaving = new AbortController()
      const waiting = transport.send([BALANCE], leaving.signal)
      leaving.abort(new Error('left'))
      await expect(waiting).rejects.toThrow('left')
      await expect(transport.send([BALANCE], leaving.signal)).rejects.toThrow('left')
    })

    it('lets go of its connections when it is closed', async () => {
      const transport = start()
      await transport.send([CHAIN_ID], never)
      await transport.close()
      await expect(transport.send([CHAIN_ID], never)).rejects.toThrow()
    })
  })
}
