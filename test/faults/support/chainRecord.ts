import { adminBatch } from '../../../src/sandbox/adminRpc.ts'
import { USDC } from '../../support/engine.ts'

/** A transaction that is in a block. Addresses are in lower case. */
export interface MinedTransaction {
  readonly block: number
  readonly from: string
  readonly nonce: number
}

/** Value that has arrived: of a transaction that succeeded, or by a Transfer event of the test USDC. */
export interface Arrival {
  readonly block: number
  readonly to: string
  readonly asset: 'native' | 'USDC'
  readonly raw: bigint
}

/** What a chain says happened in a range of blocks: the truth, whatever journals say. */
export interface ChainRecord {
  readonly transactions: readonly MinedTransaction[]
  readonly arrivals: readonly Arrival[]
}

interface Block {
  readonly number: string
  readonly transactions: readonly {
    readonly hash: string
    readonly from: string
    readonly to: string | null
    readonly nonce: string
    readonly value: string
  }[]
}

interface Receipt {
  readonly transactionHash: string
  readonly status: string
  readonly logs: readonly {
    readonly address: string
    readonly topics: readonly string[]
    readonly data: string
  }[]
}

const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const BLOCKS_AT_ONCE = 100

/** Reads every block from `from` to `to` and every receipt in them. */
export async function readChain(rpcUrl: string, from: number, to: number): Promise<ChainRecord> {
  const transactions: MinedTransaction[] = []
  const arrivals: Arrival[] = []
  for (let first = from; first <= to; first += BLOCKS_AT_ONCE) {
    const last = Math.min(to, first + BLOCKS_AT_ONCE - 1)
    const numbers = Array.from(
      { length: last - first + 1 },
      (_, index) => `0x${(first + index).toString(16)}`,
    )
    const blocks = (await adminBatch(
      rpcUrl,
      numbers.map((number) => ({ method: 'eth_getBlockByNumber', params: [number, true] })),
    )) as Block[]
    const receipts = (await adminBatch(
      rpcUrl,
      numbers.map((number) => ({ method: 'eth_getBlockReceipts', params: [number] })),
    )) as Receipt[][]
    for (const [index, block] of blocks.entries()) {
      for (const { from: sender, nonce } of block.transactions) {
        transactions.push({ block: Number(block.number), from: sender.toLowerCase(), nonce: Number(nonce) })
      }
      arrivals.push(...arrivalsIn(block, receipts[index] ?? []))
    }
  }
  return { transactions, arrivals }
}

function arrivalsIn(block: Block, receipts: readonly Receipt[]): Arrival[] {
  const number = Number(block.number)
  const good = receipts.filter(({ status }) => status === '0x1')
  const succeeded = new Set(good.map(({ transactionHash }) => transactionHash))
  const native = block.transactions
    .filter(({ hash, value }) => succeeded.has(hash) && BigInt(value) > 0n)
    .map(({ to, value }) => ({
      ...{ block: number, to: (to ?? '').toLowerCase() },
      ...{ asset: 'native' as const, raw: BigInt(value) },
    }))
  const tokens = good
    .flatMap(({ logs }) => logs)
    .filter(({ address, topics }) => address.toLowerCase() === USDC.toLowerCase() && topics[0] === TRANSFER)
    .map(({ topics, data }) => ({
      ...{ block: number, to: `0x${(topics[2] ?? '').slice(-40)}` },
      ...{ asset: 'USDC' as const, raw: BigInt(data) },
    }))
  return [...native, ...tokens]
}
