import { withDeadline } from '../../primitives/abort.ts'
import { type ChainClient, chainClient, resultOf } from '../chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../transport.ts'
import { type BlockPoint, garbage, type HeadBlock, parseBlock, toHex } from './blocks.ts'
import { isOf, type LogEvent, type LogFilter, parseLogs } from './logEvents.ts'
import type { SocketConnection } from './socketConnection.ts'

/** Events of a range, with its ends as the node that answered sees them; absent where it does not have them. */
export interface RangeAnswer {
  readonly first: HeadBlock | undefined
  readonly last: HeadBlock | undefined
  readonly logs: readonly LogEvent[]
}

/** A socket that has gone silent costs so much of a read, and no time-out. */
const SOCKET_PATIENCE_MS = 2_000

/** Reads the events of one filter. Throws what the endpoint's failure or refusal is. */
export class LogReader {
  readonly #client: ChainClient
  readonly #filter: LogFilter
  readonly #socket: SocketConnection | undefined
  readonly #overSocket: ChainClient | undefined

  constructor(client: ChainClient, filter: LogFilter, socket?: SocketConnection) {
    this.#client = client
    this.#filter = filter
    this.#socket = socket
    this.#overSocket = socket && chainClient(client.chain, socket)
  }

  /**
   * The events of exactly these blocks, asked for by hash: a node that does not have one says so, where a range
   * would be answered with what the node happens to have. The socket is asked first, since it told of the blocks.
   */
  async ofBlocks(blocks: readonly BlockPoint[], signal: AbortSignal): Promise<readonly LogEvent[]> {
    const requests = blocks.map(({ hash }) => this.#logs({ blockHash: hash }))
    const outcomes = await this.#first(requests, signal)
    return outcomes.flatMap((outcome, index) => {
      const logs = this.#parsed(outcome)
      const block = blocks[index] as BlockPoint
      if (!logs.every((event) => isOf(event, block)))
        throw garbage(this.#client.host, 'an event of another block')
      return logs
    })
  }

  /** The events of a range; one round trip, so that its ends are those of the node that answered. */
  async ofRange(from: bigint, to: bigint, signal: AbortSignal): Promise<RangeAnswer> {
    const logs = this.#logs({ fromBlock: toHex(from), toBlock: toHex(to) })
    const outcomes = await this.#client.batch([headerAt(from), logs, headerAt(to)], signal)
    const [first, last] = [outcomes[0], outcomes[2]].map((outcome) => {
      const result = resultOf(outcome, 'eth_getBlockByNumber', this.#client)
      return result === null ? undefined : parseBlock(result, this.#client.host)
    })
    const events = this.#parsed(outcomes[1])
    if (events.some(({ blockNumber }) => blockNumber < from || blockNumber > to))
      throw garbage(this.#client.host, 'an event of another block')
    return { first, last, logs: events }
  }

  #parsed(outcome: RpcOutcome | undefined): readonly LogEvent[] {
    return parseLogs(resultOf(outcome, 'eth_getLogs', this.#client), this.#filter, this.#client.host)
  }

  #logs(where: Readonly<Record<string, string>>): RpcRequest {
    return { method: 'eth_getLogs', params: [{ ...where, ...this.#filter }] }
  }

  async #first(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    const socket = this.#overSocket
    if (socket && this.#socket?.live) {
      try {
        const ask = (limited: AbortSignal) => socket.batch(requests, limited)
        const outcomes = await withDeadline(SOCKET_PATIENCE_MS, signal, ask)
        if (outcomes.every(({ ok }) => ok)) return outcomes
      } catch {
        // The socket is down, or its node has another chain by now; the pool decides.
      }
    }
    return this.#client.batch(requests, signal)
  }
}

const headerAt = (number: bigint): RpcRequest => ({
  method: 'eth_getBlockByNumber',
  params: [toHex(number), false],
})
