import { setMaxListeners } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RpcTransport } from '../../src/rpc/transport.ts'
import { AGENT, MERCHANT, startWorld, type World } from '../support/engine.ts'
import type { FaultAction } from '../support/rpcProxy.ts'
import { type SocketGateway, startSocketGateway } from './support/socketGateway.ts'
import { DEAD_HOST, type Endpoints, WRAPPERS, type Wrapper } from './support/transports.ts'

let world: World
let gateway: SocketGateway
let endpoints: Endpoints
beforeAll(async () => {
  world = await startWorld()
  gateway = await startSocketGateway(world.a.proxy.url)
  endpoints = { url: world.a.proxy.url, socket: gateway.url, otherChain: world.b.proxy.url }
})
afterAll(async () => {
  await gateway.close()
  await world.stop()
})

const never = new AbortController().signal
setMaxListeners(0, never)
const CHAIN_ID = { method: 'eth_chainId', params: [] }
const BALANCE = { method: 'eth_getBalance', params: [AGENT, 'latest'] }
/** A read with arguments that anvil refuses. */
const REFUSED = { method: 'eth_createAccessList', params: ['nonsense'] }
const REVERTING = {
  method: 'eth_call',
  params: [{ to: '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163', data: '0xcfc5de58' }, 'latest'],
}
/** Nobody keeps the answer. */
const VERSION = { method: 'web3_clientVersion', params: [] }
const SEND = { method: 'eth_sendRawTransaction', params: ['0x00'] }

const hostsOf = ({ hosts = ['url'] }: Wrapper) =>
  hosts.map((each) => (each === 'dead' ? DEAD_HOST : new URL(endpoints[each]).host))

for (const [name, wrapper] of Object.entries(WRAPPERS)) {
  describe(`transport conformance: ${name}`, () => {
    const opened: RpcTransport[] = []
    const begin = (fault?: FaultAction) => {
      world.a.proxy.reset()
      if (fault) world.a.proxy.setFault(() => fault)
      const transport = wrapper.open(endpoints)
      opened.push(transport)
      return transport
    }
    const untilReady = async (transport: RpcTransport) => {
      if (wrapper.ready) await expect.poll(() => wrapper.ready?.(transport), { timeout: 5_000 }).toBe(true)
    }
    const start = async () => {
      const transport = begin()
      await untilReady(transport)
      return transport
    }
    afterEach(async () => {
      world.a.proxy.setFault(undefined)
      for (const transport of opened.splice(0)) await transport.close()
    })

    it('gives outcomes in the order of the requests, a refusal among them', async () => {
      const outcomes = await (await start()).send([CHAIN_ID, REFUSED, BALANCE, CHAIN_ID], never)
      expect(outcomes).toMatchObject([
        { ok: true, result: '0x7a69' },
        { ok: false, error: { code: expect.any(Number), message: expect.any(String) } },
        { ok: true, result: '0x21e19e0c9bab2400000' },
        { ok: true, result: '0x7a69' },
      ])
    })

    it('gives a revert of the chain as an outcome with its data, not as a failure', async () => {
      const [outcome] = await (await start()).send([REVERTING], never)
      // Panic(0x12): division by zero.
      const data = `0x4e487b71${'12'.padStart(64, '0')}`
      expect(outcome).toMatchObject({ ok: false, error: { code: 3, data } })
    })

    it('names host and port of its endpoints, and nothing else, as its host', () => {
      expect(begin().host).toBe(hostsOf(wrapper).join(', '))
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
      const transport = await start()
      world.a.proxy.setFault(() => fault)
      await expect(transport.send([CHAIN_ID, BALANCE], never)).rejects.toMatchObject({
        code: wrapper.says?.[code] ?? code,
        context: { host: expect.toSatisfy((host: string) => hostsOf(wrapper).includes(host)) },
      })
      world.a.proxy.setFault(undefined)
      await untilReady(transport)
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
      const transport = await start()
      world.a.proxy.setFault(() => ({ kind: 'body', text }))
      await expect(transport.send([CHAIN_ID, BALANCE], never)).rejects.toMatchObject({
        code: wrapper.says?.provider_garbage ?? 'provider_garbage',
      })
    })

    it('ends with the reason of a caller who leaves', async () => {
      const transport = await start()
      await transport.send([CHAIN_ID], never)
      world.a.proxy.setFault(() => ({ kind: 'hang' }))
      const leaving = new AbortController()
      const waiting = transport.send([BALANCE], leaving.signal)
      leaving.abort(new Error('left'))
      await expect(waiting).rejects.toThrow('left')
      await expect(transport.send([BALANCE], leaving.signal)).rejects.toThrow('left')
    })

    it('asks nothing for a caller who has left already', async () => {
      const transport = await start()
      await transport.send([CHAIN_ID], never)
      await expect(transport.send([BALANCE], AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
      await transport.send([VERSION], never)
      expect(world.a.proxy.count('eth_getBalance')).toBe(0)
    })

    it('gives each of many callers their own answers', async () => {
      const transport = await start()
      const blocks = Array.from({ length: 12 }, (_, index) => ({
        method: 'eth_getBlockByNumber',
        params: ['0x0', index % 2 === 0],
      }))
      const balances = [AGENT, MERCHANT].map((account) => ({ ...BALANCE, params: [account, 'latest'] }))
      const answers = await Promise.all(
        [...blocks, ...balances, CHAIN_ID].map((request) => transport.send([request, CHAIN_ID], never)),
      )
      expect(answers).toMatchObject([
        ...Array(12).fill([{ result: { number: '0x0' } }, { result: '0x7a69' }]),
        ...Array(3).fill([{ result: expect.stringMatching(/^0x/) }, { result: '0x7a69' }]),
      ])
      expect(answers.slice(-3).map(([first]) => first?.ok && first.result)).toEqual([
        '0x21e19e0c9bab2400000',
        '0x21e19e0c9bab2400000',
        '0x7a69',
      ])
    })

    it('R13: gives an answer of another chain only if nobody wants it verified', async () => {
      const text = (answer: string) => answer.replaceAll('0x7a69', '0x7a6a')
      const answer = begin({ kind: 'rewrite', text }).send([CHAIN_ID], never)
      const { otherChain: code } = wrapper
      if (code === undefined) expect(await answer).toEqual([{ ok: true, result: '0x7a6a' }])
      else await expect(answer).rejects.toMatchObject({ code })
    })

    it('R7: lets signed bytes pass only where it is not for reads', async () => {
      const transport = await start()
      const { sendsRefused: code } = wrapper
      if (code === undefined) expect(await transport.send([SEND], never)).toMatchObject([{ ok: false }])
      else await expect(transport.send([CHAIN_ID, SEND], never)).rejects.toMatchObject({ code })
      expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(code === undefined ? 1 : 0)
    })

    it('asks the endpoint each time, unless it is a cache', async () => {
      const transport = await start()
      await transport.send([BALANCE], never)
      expect(world.a.proxy.count('eth_getBalance')).toBe(1)
      expect(await transport.send([BALANCE], never)).toEqual([{ ok: true, result: '0x21e19e0c9bab2400000' }])
      expect(world.a.proxy.count('eth_getBalance')).toBe(wrapper.remembers ? 1 : 2)
    })

    it('lets go of its connections when it is closed', async () => {
      const transport = await start()
      await transport.send([VERSION], never)
      await transport.close()
      await expect(transport.send([VERSION], never)).rejects.toThrow()
    })
  })
}
