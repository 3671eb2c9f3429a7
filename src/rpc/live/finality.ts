import type { Chain } from '../../chains/types.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { ChainClient } from '../chainClient.ts'
import { type HeadBlock, parseBlock, toHex } from './blocks.ts'

/** How sure it is that a block stays: newest, unlikely to go, will not go. */
export type Finality = 'latest' | 'safe' | 'finalised'

const TAGS = { latest: 'latest', safe: 'safe', finalised: 'finalized' } as const

/**
 * The newest block of that finality. Where the node does not know the tag, the block that has as many confirmations
 * as the registry asks of the chain; the first block when the chain is younger than that.
 */
export async function blockAt(
  finality: Finality,
  chain: Chain,
  client: ChainClient,
  signal: AbortSignal,
): Promise<HeadBlock> {
  const tagged = await byTag(TAGS[finality], client, signal)
  if (tagged) return tagged
  const latest = await byTag('latest', client, signal)
  const depth = BigInt(Math.max(1, chain.confirmations)) - 1n
  const number = latest && latest.number > depth ? latest.number - depth : 0n
  const block = latest && (await byTag(toHex(number), client, signal))
  if (block) return block
  throw new BursarError('provider_garbage', { host: client.host, reason: 'no newest block' })
}

async function byTag(tag: string, client: ChainClient, signal: AbortSignal): Promise<HeadBlock | undefined> {
  try {
    const block = await client.call('eth_getBlockByNumber', [tag, false], signal)
    return block === null ? undefined : parseBlock(block, client.host)
  } catch (error) {
    // A node that does not know the tag refuses the parameter.
    if (isBursarError(error, 'rpc_refused')) return undefined
    throw error
  }
}
