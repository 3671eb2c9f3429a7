import { silentLogger } from '../../src/primitives/logger.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/startSandbox.ts'
import { type ProxyCall, type RpcProxy, startRpcProxy } from '../../test/support/rpcProxy.ts'
import { type Agent, startAgent } from './agent.ts'

/** The calls of one HTTP request. */
export type RoundTrip = readonly ProxyCall[]

export interface CountedChain {
  /** Where the endpoint seems to be. */
  readonly url: string
  /** Round trips since the last `forget`, in order. */
  readonly trips: readonly RoundTrip[]
  forget(): void
  /** From now on answers this method as a node does that has never heard of it. */
  lack(method: string): void
  /** From now on each round trip takes so many milliseconds more. */
  slow(ms: number): void
}

/** The sandbox's chains behind counting proxies, and a server that is configured with those. */
export interface CountedSandbox {
  readonly sandbox: Sandbox
  readonly chains: readonly [CountedChain, CountedChain]
  readonly agent: Agent
  close(): Promise<void>
}

export async function countedSandbox(): Promise<CountedSandbox> {
  const sandbox = await startSandbox({ logger: silentLogger })
  const [a, b] = await Promise.all(sandbox.chains.map(({ rpcUrl }) => startRpcProxy(rpcUrl)))
  if (!a || !b) throw new Error('the sandbox has two chains')
  const agent = await startAgent({ SANDBOX_A_RPC_URL: a.url, SANDBOX_B_RPC_URL: b.url })
  return {
    sandbox,
    chains: [counted(a), counted(b)],
    agent,
    async close() {
      await agent.close()
      await Promise.all([a.close(), b.close()])
      await sandbox.stop()
    },
  }
}

function counted(proxy: RpcProxy): CountedChain {
  let trips: RoundTrip[] = []
  const lacking = new Set<string>()
  let delayMs = 0
  // The proxy asks for a fault once per request, which shows what travelled together.
  proxy.setFault((calls) => {
    trips.push(calls)
    if (!calls.some(({ method }) => lacking.has(method)))
      return delayMs > 0 ? { kind: 'delay', ms: delayMs } : undefined
    return {
      kind: 'body',
      text: '{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}',
    }
  })
  return {
    url: proxy.url,
    get trips() {
      return trips
    },
    forget() {
      trips = []
    },
    lack: (method) => void lacking.add(method),
    slow(ms) {
      delayMs = ms
    },
  }
}
