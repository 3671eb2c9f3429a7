import { type IncomingMessage, createServer as plainServer, type RequestListener } from 'node:http'
import { type ServerOptions, createServer as secureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Hex, parseTransaction, serializeTransaction, type TransactionSerializableEIP1559 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

// A signer as Web3Signer is one: JSON-RPC over HTTP, eth_accounts and eth_signTransaction (docs.web3signer.consensys.io,
// "eth_signTransaction"). It signs whatever it is asked, and can lie in every way.

export interface SignerCall {
  readonly method: string
  readonly params: readonly Readonly<Record<string, unknown>>[]
  readonly authorization: string | undefined
}

type Change = Partial<Record<keyof TransactionSerializableEIP1559, unknown>>

export type SignerFault =
  | { readonly kind: 'hang' }
  /** It signs, and its answer is lost; all of them, or those after so many. */
  | { readonly kind: 'lost'; readonly change?: Change; readonly after?: number }
  | { readonly kind: 'refuse'; readonly message: string }
  | { readonly kind: 'status'; readonly code: number; readonly body?: string; readonly location?: string }
  | { readonly kind: 'result'; readonly result: unknown }
  /** It signs another transaction than it was asked to. */
  | { readonly kind: 'other'; readonly change: Change }
  /** It changes what it has signed. */
  | { readonly kind: 'bytes'; readonly change: (raw: Hex) => unknown }

export interface TestSigner {
  readonly url: string
  readonly calls: readonly SignerCall[]
  /** What it has signed, whoever got to know of it. */
  readonly signed: readonly Hex[]
  setFault(fault: SignerFault | undefined): void
  close(): Promise<void>
}

export async function startRemoteSigner(
  key: Hex,
  options: { readonly tls?: ServerOptions; readonly signAs?: Hex } = {},
): Promise<TestSigner> {
  const sockets = new Set<Socket>()
  const calls: SignerCall[] = []
  const signed: Hex[] = []
  let fault: SignerFault | undefined

  const sign = async (asked: Readonly<Record<string, unknown>>): Promise<Hex> => {
    const change = fault && 'change' in fault && fault.kind !== 'bytes' ? fault.change : {}
    const account = privateKeyToAccount(options.signAs ?? key)
    const raw = await account.signTransaction({ ...transactionOf(asked), ...change } as never)
    signed.push(raw)
    return raw
  }

  const resultOf = async ({ method, params: [asked = {}] }: Pick<SignerCall, 'method' | 'params'>) => {
    if (method === 'eth_accounts') return [privateKeyToAccount(key).address.toLowerCase()]
    const raw = await sign(asked)
    return fault?.kind === 'bytes' ? fault.change(raw) : raw
  }

  const serve: RequestListener = async (request, response) => {
    const { id, method, params } = JSON.parse(await textOf(request)) as SignerCall & { id: number }
    calls.push({ method, params, authorization: request.headers.authorization })
    const now = fault
    if (now?.kind === 'hang') return
    if (now?.kind === 'status') {
      response.writeHead(now.code, now.location === undefined ? {} : { location: now.location })
      return void response.end(now.body ?? '')
    }
    const answer =
      now?.kind === 'refuse'
        ? { error: { code: -32000, message: now.message } }
        : { result: now?.kind === 'result' ? now.result : await resultOf({ method, params }) }
    if (isLost(now, signed.length)) return void request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  }

  const server = options.tls ? secureServer(options.tls, serve) : plainServer(serve)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle))
  const { port } = server.address() as AddressInfo
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}/`,
    calls,
    signed,
    setFault(next) {
      fault = next
    },
    async close() {
      const closed = new Promise((settle) => server.close(settle))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const isLost = (fault: SignerFault | undefined, signed: number) =>
  fault?.kind === 'lost' && signed > (fault.after ?? 0)

function transactionOf(asked: Readonly<Record<string, unknown>>): TransactionSerializableEIP1559 {
  const quantity = (name: string) => BigInt(asked[name] as string)
  return {
    type: 'eip1559',
    chainId: Number(quantity('chainId')),
    nonce: Number(quantity('nonce')),
    to: asked['to'] as Hex,
    value: quantity('value'),
    data: asked['data'] as Hex,
    gas: quantity('gas'),
    maxFeePerGas: quantity('maxFeePerGas'),
    maxPriorityFeePerGas: quantity('maxPriorityFeePerGas'),
    accessList: (asked['accessList'] ?? []) as [],
  }
}

/** The same transaction, with a signature that says the same and that no chain takes (EIP-2). */
export function withHighS(raw: Hex): Hex {
  const { r, s, yParity, v: _v, ...transaction } = parseTransaction(raw)
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const high = `0x${(order - BigInt(s as Hex)).toString(16).padStart(64, '0')}` as Hex
  const signature = { r: r as Hex, s: high, yParity: 1 - (yParity as number) }
  return serializeTransaction(transaction as TransactionSerializableEIP1559, signature)
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
