import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { concat, type Hex, keccak256, parseTransaction, recoverMessageAddress, toHex } from 'viem'
import { type BuilderTask, includable, type SignedBytes, seal, signedBytes, tryOut } from './builder.ts'

// Flashbots' relay and a block builder behind it, for one anvil that mines on demand: docs.flashbots.net,
// "JSON-RPC Endpoints". What it simulates and includes, that anvil executes.

export interface RelayCall {
  readonly method: string
  readonly params: readonly Record<string, unknown>[]
  /** Whose signature the request carries. */
  readonly by: string
}

export type RelayFault =
  | { readonly kind: 'hang' }
  | { readonly kind: 'status'; readonly code: number; readonly body?: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refuse'; readonly message: string }
  /** It does what is asked, and its answer is lost. */
  | { readonly kind: 'lost' }

export interface FlashbotsRelay {
  readonly url: string
  readonly calls: readonly RelayCall[]
  /** Header lines that were no right signature. */
  readonly badSignatures: number
  count(method: string): number
  setFault(rule: ((method: string) => RelayFault | undefined) | undefined): void
  /** Whether its builder puts what it was given into blocks. */
  includes: boolean
  /** Builds a block: of what it holds and can include now, else of the public pool. Answers the hashes of the former. */
  mine(): Promise<readonly string[]>
  reset(): void
  close(): Promise<void>
}

export async function startFlashbotsRelay(rpcUrl: string): Promise<FlashbotsRelay> {
  const sockets = new Set<Socket>()
  let calls: RelayCall[] = []
  let badSignatures = 0
  let fault: ((method: string) => RelayFault | undefined) | undefined
  let tasks: BuilderTask[] = []

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await textOf(request)
    const by = await signerOf(request.headers['x-flashbots-signature'], body)
    if (by === undefined) {
      badSignatures++
      return refuse(response, 403, 'signature is not that of the address')
    }
    const { id, method, params } = JSON.parse(body) as RelayCall & { id: number }
    calls.push({ method, params, by })
    const action = fault?.(method)
    if (action?.kind === 'hang') return
    if (action?.kind === 'status') return void response.writeHead(action.code).end(action.body ?? '')
    if (action?.kind === 'text') return void response.writeHead(200).end(action.text)
    if (action?.kind === 'refuse') return refuse(response, 400, action.message)
    const outcome = await answer(method, params[0] ?? {}, by)
    if (action?.kind === 'lost') return void request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }))
  }

  const answer = async (method: string, ask: Record<string, unknown>, by: string) => {
    if (method === 'eth_callBundle') return callBundle(rpcUrl, await signedBytes(ask['txs'] as Hex[]))
    if (method === 'eth_sendBundle') {
      const bytes = await signedBytes(ask['txs'] as Hex[])
      const block = Number(ask['blockNumber'])
      tasks.push({ bytes, from: block, to: block, by })
      return { result: { bundleHash: bundleHash(bytes) } }
    }
    if (method === 'eth_sendPrivateTransaction') {
      if (!/^0x[0-9a-f]+$/.test(String(ask['maxBlockNumber']))) return error(-32602, 'maxBlockNumber: hex')
      const bytes = await signedBytes([ask['tx'] as Hex])
      tasks.push({ bytes, from: 0, to: Number(ask['maxBlockNumber']), by })
      return { result: bytes[0]?.hash }
    }
    if (method === 'eth_cancelPrivateTransaction') {
      const isMeant = (task: BuilderTask) =>
        task.from === 0 && task.by === by && task.bytes[0]?.hash === ask['txHash']
      const known = tasks.some(isMeant)
      tasks = tasks.filter((task) => !isMeant(task))
      return { result: known }
    }
    return error(-32601, `the method ${method} does not exist`)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy())
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const relay: FlashbotsRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/relay?key=s3cr3t-of-the-relay`,
    includes: true,
    get calls() {
      return calls
    },
    get badSignatures() {
      return badSignatures
    },
    count: (method) => calls.filter((call) => call.method === method).length,
    setFault(rule) {
      fault = rule
    },
    async mine() {
      const chosen = relay.includes ? await includable(rpcUrl, tasks) : []
      await seal(rpcUrl, chosen)
      const isDone = (hash: string) => chosen.some((one) => one.hash === hash)
      tasks = tasks.filter(({ bytes }) => !bytes.every(({ hash }) => isDone(hash)))
      return chosen.map(({ hash }) => hash)
    },
    reset() {
      calls = []
      badSignatures = 0
      fault = undefined
      tasks = []
      relay.includes = true
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return relay
}

/** Simulates at the top of the next block. A transaction that fails is told so; one that cannot be run refuses all. */
async function callBundle(rpcUrl: string, bytes: readonly SignedBytes[]) {
  const tried = await tryOut(rpcUrl, bytes)
  if ('refused' in tried) return error(-32000, `err: ${tried.refused}; txhash ${bytes.at(-1)?.hash}`)
  const results = bytes.map(({ raw, hash, from }, index) => {
    const { gasUsed, status, returnData } = tried.runs[index] as (typeof tried.runs)[number]
    const outcome = status ? { value: returnData } : { error: 'execution reverted', revert: returnData }
    return {
      ...{ txHash: hash, gasUsed, gasPrice: '1000000000', gasFees: String(gasUsed * 1_000_000_000) },
      ...{ fromAddress: from, toAddress: parseTransaction(raw).to, coinbaseDiff: '0' },
      ...{ ethSentToCoinbase: '0', ...outcome },
    }
  })
  const totalGasUsed = results.reduce((sum, { gasUsed }) => sum + gasUsed, 0)
  const sums = { bundleGasPrice: '1000000000', coinbaseDiff: '0', ethSentToCoinbase: '0', gasFees: '0' }
  return {
    result: {
      ...sums,
      ...{ bundleHash: bundleHash(bytes), results, stateBlockNumber: tried.block, totalGasUsed },
    },
  }
}

const bundleHash = (bytes: readonly SignedBytes[]) => keccak256(concat(bytes.map(({ hash }) => hash)))

/** The address that signed the text of the body's hash; undefined when it is not the one that the header names. */
async function signerOf(header: string | string[] | undefined, body: string): Promise<string | undefined> {
  const [address, signature] = String(header).split(':')
  if (address === undefined || signature === undefined) return undefined
  const message = keccak256(toHex(new TextEncoder().encode(body)))
  try {
    const signer = await recoverMessageAddress({ message, signature: signature as Hex })
    return signer.toLowerCase() === address.toLowerCase() ? signer : undefined
  } catch {
    return undefined
  }
}

const error = (code: number, message: string) => ({ error: { code, message } })

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, ...error(-32000, message) }))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}
