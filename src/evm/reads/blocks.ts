import type { BlockRef } from '../../primitives/chainRef.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import { asHex, asObject, fromQuantity } from '../quantity.ts'

export const LATEST_BLOCK: RpcRequest = { method: 'eth_getBlockByNumber', params: ['latest', false] }

export interface EvmHead {
  readonly ref: BlockRef
  readonly number: bigint
  readonly parentHash: string
  /** The most gas that one block takes. */
  readonly gasLimit: bigint
}

/** The head that an answer to `eth_getBlockByNumber` describes. */
export function parseHead(result: unknown, host: string): EvmHead {
  const block = asObject(result, 'the latest block', host)
  const number = fromQuantity(block['number'], 'block number', host)
  return {
    number,
    parentHash: asHex(block['parentHash'], 'parent hash', host),
    gasLimit: fromQuantity(block['gasLimit'], 'block gas limit', host),
    ref: {
      number: number.toString(),
      hash: asHex(block['hash'], 'block hash', host),
      timestamp: Number(fromQuantity(block['timestamp'], 'block timestamp', host)),
    },
  }
}
