import { decodeEventLog, type Hex, toEventSelector } from 'viem'
import type { OperationTrace } from '../../chains/nonceUses.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import { asHex, asList, asObject, toQuantity } from '../quantity.ts'
import type { RawLog } from '../simulation/execution.ts'
import { entryPointAbi } from './userOperation.ts'

/** Blocks that are looked through with one request; providers refuse much more. */
const SPAN = 500n

/** keccak256 of UserOperationEvent(bytes32,address,address,uint256,bool,uint256,uint256). */
const OPERATION_EVENT: Hex = '0x49628fd1471006c1482da88028e9ce4dbb080b815c9b0344d39e5a8e6ec1419f'
const BEFORE_EXECUTION = toEventSelector('BeforeExecution()')

/** What the entry point tells of an operation that it has run. Amounts in wei and units of gas. */
export interface OperationEvent {
  readonly hash: Hex
  readonly success: boolean
  readonly gasCost: bigint
  readonly gasUsed: bigint
}

/** Which of some operations was included, and by which transaction; undefined where this endpoint knows of none. */
export async function includedBy(
  client: ChainClient,
  { entryPoint, since }: OperationTrace,
  hashes: readonly string[],
  head: bigint,
  signal: AbortSignal,
): Promise<{ readonly hash: string; readonly transactionHash: Hex } | undefined> {
  // What was included lately is what is asked for: from the newest block back.
  for (let to = head; to >= since && to >= 0n; to -= SPAN) {
    const oldest = to - SPAN + 1n
    const from = oldest > since ? oldest : since
    const filter = {
      address: entryPoint,
      topics: [OPERATION_EVENT, hashes],
      fromBlock: toQuantity(from),
      toBlock: toQuantity(to),
    }
    const [outcome] = await client.batch([{ method: 'eth_getLogs', params: [filter] }], signal)
    const logs = asList(resultOf(outcome, 'eth_getLogs', client), 'the events', client.host)
    const [log] = logs.map((each) => asObject(each, 'an event', client.host))
    if (log === undefined) continue
    const [, hash] = asList(log['topics'], 'topics', client.host)
    const transactionHash = asHex(log['transactionHash'], 'transactionHash', client.host)
    return { hash: asHex(hash, 'an operation hash', client.host), transactionHash }
  }
  return undefined
}

/** What one of the events of a transaction says of an operation; undefined when none is about it. */
export function eventOf(
  logs: readonly RawLog[],
  entryPoint: string,
  hash: string,
): OperationEvent | undefined {
  const log = logs.find((each) => isAbout(each, entryPoint, hash))
  if (!log) return undefined
  const { args } = decodeEventLog({
    abi: entryPointAbi,
    eventName: 'UserOperationEvent',
    topics: log.topics as [Hex, ...Hex[]],
    data: log.data,
  })
  const { success, actualGasCost: gasCost, actualGasUsed: gasUsed } = args
  return { hash: args.userOpHash, success, gasCost, gasUsed }
}

/** The events that an operation itself has caused, of all that its transaction did: it is run after what is before it. */
export function ownLogs(logs: readonly RawLog[], entryPoint: string, hash: string): readonly RawLog[] {
  const end = logs.findIndex((each) => isAbout(each, entryPoint, hash))
  const before = logs.slice(0, end)
  const start = before.findLastIndex(({ address, topics: [topic] }) => {
    return address === entryPoint && (topic === OPERATION_EVENT || topic === BEFORE_EXECUTION)
  })
  return before.slice(start + 1)
}

const isAbout = ({ address, topics }: RawLog, entryPoint: string, hash: string) =>
  address === entryPoint && topics[0] === OPERATION_EVENT && topics[1] === hash
