import { type BlockPoint, garbage, hashOf, quantityOf, recordOf } from './blocks.ts'

/** What is wanted, as eth_getLogs takes it: each topic is one value, any of several, or null for any at all. */
export interface LogFilter {
  readonly address?: string | readonly string[]
  readonly topics?: readonly (string | readonly string[] | null)[]
}

/** One contract event. Its data is a stranger's (R9); addresses and hashes are lower case. */
export interface LogEvent {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  readonly blockNumber: bigint
  readonly blockHash: string
  readonly transactionHash: string
  readonly transactionIndex: number
  readonly logIndex: number
}

/**
 * The events of an answer to eth_getLogs, in the order of the chain, each once. Throws `provider_garbage` when an
 * entry is no event, or none that was asked for (T12).
 */
export function parseLogs(result: unknown, filter: LogFilter, host: string): readonly LogEvent[] {
  if (!Array.isArray(result)) throw garbage(host, 'logs are not a list')
  const events = new Map<string, LogEvent>()
  for (const entry of result) {
    const event = parseLog(entry, host)
    if (!matches(event, filter)) throw garbage(host, 'an event that was not asked for')
    events.set(`${event.blockHash} ${event.transactionHash} ${event.logIndex}`, event)
  }
  return [...events.values()].sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)
}

/** The block that a pushed log is about, which may be of any shape. */
export function blockOfNotice(value: unknown): bigint | undefined {
  const number =
    typeof value === 'object' && value !== null && 'blockNumber' in value ? value.blockNumber : ''
  return typeof number === 'string' && /^0x[0-9a-f]{1,16}$/i.test(number) ? BigInt(number) : undefined
}

export function isOf(event: LogEvent, block: BlockPoint): boolean {
  return event.blockHash === block.hash && event.blockNumber === block.number
}

function parseLog(value: unknown, host: string): LogEvent {
  const log = recordOf(value, 'an event', host)
  const { address, topics, data } = log
  if (typeof address !== 'string' || !/^0x[0-9a-f]{40}$/i.test(address))
    throw garbage(host, 'an event without address')
  if (!Array.isArray(topics)) throw garbage(host, 'an event without topics')
  if (typeof data !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(data))
    throw garbage(host, 'an event without data')
  return {
    address: address.toLowerCase(),
    topics: topics.map((topic) => hashOf(topic, 'a topic', host)),
    data,
    blockNumber: quantityOf(log['blockNumber'], 'a block number', host),
    blockHash: hashOf(log['blockHash'], 'a block hash', host),
    transactionHash: hashOf(log['transactionHash'], 'a transaction hash', host),
    transactionIndex: Number(quantityOf(log['transactionIndex'], 'a transaction index', host)),
    logIndex: Number(quantityOf(log['logIndex'], 'a log index', host)),
  }
}

function matches(event: LogEvent, { address, topics = [] }: LogFilter): boolean {
  if (address !== undefined && !isAmong(event.address, address)) return false
  return topics.every((wanted, index) => wanted === null || isAmong(event.topics[index], wanted))
}

function isAmong(value: string | undefined, wanted: string | readonly string[]): boolean {
  const all = typeof wanted === 'string' ? [wanted] : wanted
  // An empty list stands for any value, as in eth_getLogs.
  return all.length === 0 || all.some((each) => each.toLowerCase() === value)
}
