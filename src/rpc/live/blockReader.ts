import { unattended, withDeadline } from '../../primitives/abort.ts'
import { type ChainClient, chainClient, resultOf } from '../chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../transport.ts'
import { garbage, type HeadBlock, parseBlock, toHex } from './blocks.ts'
import type { BlockSource } from './headChain.ts'
import type { SocketConnection } from './socketConnection.ts'

/** Blocks that were announced or read ahead, by hash, and are perhaps not asked for. */
const HINTS = 512
/** A socket that has gone silent costs so much of a read, and no time-out. */
const SOCKET_PATIENCE_MS = 1_000
/** Headers asked for in one round trip. */
const AHEAD = 100

/**
 * Reads blocks: from the socket first while it is live, because the node that announced a block has its parents,
 * else from the pool.
 */
export class BlockReader implements BlockSource {
  readonly #client: ChainClient
  readonly #overSocket: ChainClient | undefined
  readonly #socket: SocketConnection | undefined
  readonly #hints = new Map<string, HeadBlock>()

  constructor(client: ChainClient, socket?: SocketConnection) {
    this.#client = client
    this.#socket = socket
    this.#overSocket = socket && chainClient(client.chain, socket)
  }

  /** Remembers a block that may soon be asked for. */
  hint(block: HeadBlock): void {
    this.#hints.delete(block.hash)
    this.#hints.set(block.hash, block)
    if (this.#hints.size <= HINTS) return
    const oldest = this.#hints.keys().next()
    if (!oldest.done) this.#hints.delete(oldest.value)
  }

  async byHash(hash: string): Promise<HeadBlock> {
    const hinted = this.#hints.get(hash)
    if (hinted) return hinted
    const found = await this.#block({ method: 'eth_getBlockByHash', params: [hash, false] })
    if (found?.hash === hash) return found
    throw garbage(
      this.#client.host,
      found ? 'another block than was asked for' : 'a block that it announced is missing',
    )
  }

  byNumber(number: bigint): Promise<HeadBlock | undefined> {
    return this.#block(at(number))
  }

  /** The same as the pool sees it, for when a socket must not vouch for itself. */
  async byNumberInPool(number: bigint): Promise<HeadBlock | undefined> {
    const { method, params } = at(number)
    const result = await this.#client.call(method, params, unattended())
    return result === null ? undefined : parseBlock(result, this.#client.host)
  }

  /** Whether the pool knows a block of that hash. */
  async isInPool(hash: string): Promise<boolean> {
    const result = await this.#client.call('eth_getBlockByHash', [hash, false], unattended())
    return result !== null && parseBlock(result, this.#client.host).hash === hash
  }

  /** The newest block as the pool sees it: a socket may be stuck behind the chain without knowing. */
  async latest(): Promise<HeadBlock> {
    const result = await this.#client.call('eth_getBlockByNumber', ['latest', false], unattended())
    return parseBlock(result, this.#client.host)
  }

  /**
   * Reads the blocks of these heights in few round trips and keeps them as hints. Nothing is believed of their
   * place in the chain, and none has to be there: it only saves asking for each by hash.
   */
  async readAhead(from: bigint, to: bigint): Promise<readonly HeadBlock[]> {
    const found: HeadBlock[] = []
    for (let first = from; first <= to; first += BigInt(AHEAD)) {
      const last = first + BigInt(AHEAD) - 1n < to ? first + BigInt(AHEAD) - 1n : to
      const requests = Array.from({ length: Number(last - first) + 1 }, (_, index) =>
        at(first + BigInt(index)),
      )
      for (const outcome of await this.#send(requests)) {
        if (!outcome.ok || outcome.result === null) continue
        const block = parseBlock(outcome.result, this.#client.host)
        this.hint(block)
        found.push(block)
      }
    }
    return found
  }

  async #block(request: RpcRequest): Promise<HeadBlock | undefined> {
    const [outcome] = await this.#send([request])
    const result = resultOf(outcome, request.method, this.#client)
    return result === null ? undefined : parseBlock(result, this.#client.host)
  }

  async #send(requests: readonly RpcRequest[]): Promise<readonly RpcOutcome[]> {
    if (this.#overSocket && this.#socket?.live) {
      try {
        const socket = this.#overSocket
        const ask = (signal: AbortSignal) => socket.batch(requests, signal)
        const outcomes = await withDeadline(SOCKET_PATIENCE_MS, unattended(), ask)
        if (outcomes.every((outcome) => outcome.ok && outcome.result !== null)) return outcomes
      } catch {
        // The socket is down, or was when the call was under way; the pool is there for that.
      }
    }
    return this.#client.batch(requests, unattended())
  }
}

const at = (number: bigint): RpcRequest => ({
  method: 'eth_getBlockByNumber',
  params: [toHex(number), false],
})
