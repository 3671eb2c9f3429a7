import { inspect } from 'node:util'
import type { LogFields, Logger } from '../../../../src/primitives/logger.ts'
import { type RawSocketServer, startRawSocketServer } from '../../../support/rawSocketServer.ts'

/** A socket that serves the right chain id, takes every subscription, and says what a test wants. */
export function startLiar(
  blockAt: (number: bigint) => SaidHead | undefined = () => undefined,
): Promise<RawSocketServer> {
  return startRawSocketServer(({ method, params }) => {
    if (method === 'eth_chainId') return '0x7a69'
    if (method === 'eth_subscribe') return '0xf00d'
    const head = method === 'eth_getBlockByNumber' ? blockAt(BigInt(String(params[0]))) : undefined
    return head ? saidBlock(head) : null
  })
}

export interface SaidHead {
  readonly number: number | bigint
  readonly hash: string
  readonly parentHash: string
}

/** The notice of a head; of any other thing, a malformed one. */
export function headNotice(head: SaidHead | unknown): string {
  const isHead = typeof head === 'object' && head !== null && 'number' in head && 'hash' in head
  const result = isHead ? saidBlock(head as SaidHead) : head
  return JSON.stringify({
    jsonrpc: '2.0',
    method: 'eth_subscription',
    params: { subscription: '0xf00d', result },
  })
}

function saidBlock(head: SaidHead): object {
  return { ...head, number: `0x${head.number.toString(16)}`, timestamp: '0x1' }
}

/** A hash that no block has; the same for the same names. */
export const inventedHash = (branch: number, number: number | bigint) =>
  `0x${branch.toString(16).padStart(8, 'f')}${number.toString(16).padStart(56, '0')}`

export interface RecordingLogger extends Logger {
  readonly lines: readonly { readonly message: string; readonly fields: LogFields }[]
  /** Lines with this message. */
  count(message: string): number
  /** All of them as text. */
  text(): string
}

export function recordingLogger(): RecordingLogger {
  const lines: { message: string; fields: LogFields }[] = []
  const write = (message: string, fields: LogFields = {}) => void lines.push({ message, fields })
  return {
    ...{ debug: write, info: write, warn: write, error: write, lines },
    count: (message) => lines.filter((line) => line.message === message).length,
    text: () => inspect(lines, { depth: 12 }),
  }
}
