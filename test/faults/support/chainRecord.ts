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

/** What an account has given away, or paid for gas, in a transaction of its own or by an event of the test USDC. */
export interface Outgoing {
  readonly from: string
  readonly asset: 'native' | 'USDC' | 'fees'
  readonly raw: bigint
}

/** What a chain says happened in a range of blocks: the truth, whatever journals say. */
export interface ChainRecord {
  readonly transactions: readonly MinedTransaction[]
  readonly arrivals: readonly Arrival[]
  readonly outgoing: readonly Outgoing[]
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
  readonly from: string
  readonly gasUsed: string
  readonly effectiveGasPrice: string
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
  const outgoing: Outgoing[] = []
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
      outgoing.push(...outgoingIn(block, receipts[index] ?? []))
    }
  }
  return { transactions, arrivals, outgoing }
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
  const tokens = transfersIn(good).map(({ to, raw }) => ({ block: number, to, asset: 'USDC' as const, raw }))
  return [...native, ...tokens]
}

/** What failed has cost its fee; what goes back to its sender has not left. */
function outgoingIn({ transactions }: Block, receipts: readonly Receipt[]): Outgoing[] {
  const good = receipts.filter(({ status }) => status === '0x1')
  const succeeded = new Set(good.map(({ transactionHash }) => transactionHash))
  const native = transactions
    .filter(({ hash, from, to }) => succeeded.has(hash) && from.toLowerCase() !== to?.toLowerCase())
    .map(({ from, value }) => ({ from, asset: 'native' as const, raw: BigInt(value) }))
  const fees = receipts.map(({ from, gasUsed, effectiveGasPrice }) => ({
    ...{ from, asset: 'fees' as const, raw: BigInt(gasUsed) * BigInt(effectiveGasPrice) },
  }))
  const tokens = transfersIn(good).map(({ from, raw }) => ({ from, asset: 'USDC' as const, raw }))
  return [...native, ...fees, ...tokens].map((one) => ({ ...one, from: one.from.toLowerCase() }))
}

function transfersIn(receipts: readonly Receipt[]) {
  return receipts
    .flatMap(({ logs }) => logs)
    .filter(({ address, topics }) => address.toLowerCase() === USDC.toLowerCase() && topics[0] === TRANSFER)
    .map(({ topics, data }) => ({
      from: `0x${(topics[1] ?? '').slice(-40)}`,
      to: `0x${(topics[2] ?? '').slice(-40)}`,
      raw: BigInt(data),
    }))
}
