import { expect } from 'vitest'
import type { LogEvent } from '../../../../src/rpc/live/logEvents.ts'
import type { LogBatch } from '../../../../src/rpc/live/logWalk.ts'
import type { ProxyCall } from '../../../support/rpcProxy.ts'

/** Events after all batches; fails when one is told twice, or withdrawn without having been told. */
export function standing(batches: readonly LogBatch[]): LogEvent[] {
  let told: LogEvent[] = []
  for (const batch of batches) {
    if (batch.kind === 'removed') {
      const kept = told.filter(({ blockNumber }) => blockNumber <= batch.above)
      expect(keys(told.slice(kept.length))).toEqual(keys(batch.logs))
      told = kept
    } else {
      told.push(...batch.logs)
    }
    expect(new Set(keys(told)).size).toBe(told.length)
  }
  return told
}

const key = (event: Pick<LogEvent, 'blockHash' | 'transactionHash' | 'logIndex'>) =>
  `${event.blockHash} ${event.transactionHash} ${event.logIndex}`
export const keys = (events: readonly LogEvent[]) => events.map(key)

/** Blocks that one eth_getLogs asks for. */
export function sizeOf({ params }: ProxyCall): number {
  const { fromBlock, toBlock } = params[0] as { fromBlock?: string; toBlock?: string }
  return fromBlock && toBlock ? Number(toBlock) - Number(fromBlock) + 1 : 1
}

/** The answer of a node on another branch, which has no events: lists are empty and block hashes others. */
export function withoutLogs(answer: string): string {
  return rewritten(answer, (result) => {
    if (Array.isArray(result)) return { result: [] }
    return { result: { ...(result as object), hash: `0x${'ff'.repeat(32)}` } }
  })
}

/** The answer without the events of one block, as a node gives it that does not have that block yet. */
export function withoutLogsOf(block: bigint, answer: string): string {
  return rewritten(answer, (result) => {
    if (!Array.isArray(result)) return { result }
    return { result: result.filter((log: { blockNumber: string }) => BigInt(log.blockNumber) !== block) }
  })
}

/** The answer with every list in it refused, as a provider refuses a range. */
export function refusingLogs(answer: string): string {
  const error = { code: -32005, message: 'query returned more than 10000 results' }
  return rewritten(answer, (result) => (Array.isArray(result) ? { error } : { result }))
}

/** The answer of a node that refuses a block which is asked for by its hash, for a reason of its own. */
export function refusingHashes(code: number, message: string): (answer: string) => string {
  return (answer) =>
    rewritten(answer, (result) => (Array.isArray(result) ? { error: { code, message } } : { result }))
}

/** The answer with each list backwards, and then again. */
export function doubledLogs(answer: string): string {
  return rewritten(answer, (result) =>
    Array.isArray(result) ? { result: [...result.toReversed(), ...result] } : { result },
  )
}

function rewritten(answer: string, change: (result: unknown) => object): string {
  const entries = [JSON.parse(answer) as { id: number; result: unknown }].flat()
  const changed = entries.map(({ id, result }) => ({ jsonrpc: '2.0', id, ...change(result) }))
  return JSON.stringify(answer.startsWith('[') ? changed : changed[0])
}
