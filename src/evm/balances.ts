import { decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import type { Asset, BalanceReading } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import type { BlockRef } from '../primitives/chainRef.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../rpc/transport.ts'
import { erc20Abi, multicall3Abi } from './abi.ts'
import { type EvmHead, LATEST_BLOCK, parseHead } from './blocks.ts'

interface Question {
  readonly account: Hex
  readonly asset: Asset
}

/** Bounds the gas and the answer of one eth_call; more questions travel as more calls of the same batch. */
const QUESTIONS_PER_CALL = 1_000
const MAX_TRIES = 3

/**
 * Balances at one proven block, in one round trip: through Multicall3 where it is deployed, else as a batch of
 * single reads. Multicall3 answers with the block it ran in; single reads stand between two looks at the head.
 */
export class EvmBalances {
  readonly #client: ChainClient
  readonly #multicall: Hex | undefined
  #hasMulticall: boolean

  constructor(chain: Chain, client: ChainClient) {
    this.#client = client
    this.#multicall = chain.contracts['multicall3'] as Hex | undefined
    // On Arbitrum the EVM's block number is that of the parent chain, so Multicall3 cannot date its answer.
    this.#hasMulticall = this.#multicall !== undefined && chain.feeModel !== 'arbitrum'
  }

  async read(questions: readonly Question[], signal: AbortSignal): Promise<BalanceReading> {
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const reading = this.#hasMulticall
        ? await this.#together(questions, signal)
        : await this.#singly(questions, signal)
      if (reading) {
        const balances = questions.map((question, index) => {
          const raw = reading.raws[index]
          return { ...question, ...(raw === undefined ? {} : { raw }) }
        })
        return { block: reading.block, balances }
      }
    }
    const reason = `its head moved during each of ${MAX_TRIES} reads`
    throw new BursarError(
      'provider_unreachable',
      { host: this.#client.host, reason },
      { chain: this.#client.chain },
    )
  }

  async #together(questions: readonly Question[], signal: AbortSignal): Promise<Raws | undefined> {
    const multicall = this.#multicall ?? '0x'
    const groups = chunks(questions, QUESTIONS_PER_CALL)
    const requests = groups.map((group) => aggregate(multicall, group))
    const outcomes = await this.#client.batch([LATEST_BLOCK, ...requests], signal)
    const head = parseHead(resultOf(outcomes[0], 'eth_getBlockByNumber', this.#client), this.#client.host)
    const raws: (bigint | undefined)[] = []
    for (const outcome of outcomes.slice(1)) {
      const data = resultOf(outcome, 'eth_call', this.#client)
      if (data === '0x') {
        this.#hasMulticall = false
        return this.#singly(questions, signal)
      }
      const [number, parent, ...balances] = decodeAggregate(data as Hex)
      if (!dates(head, number, parent)) return undefined
      raws.push(...balances.map(asAmount))
    }
    return { block: head.ref, raws }
  }

  async #singly(questions: readonly Question[], signal: AbortSignal): Promise<Raws | undefined> {
    const outcomes = await this.#client.batch([LATEST_BLOCK, ...questions.map(single), LATEST_BLOCK], signal)
    const [before, after] = [outcomes[0], outcomes.at(-1)].map((outcome) =>
      parseHead(resultOf(outcome, 'eth_getBlockByNumber', this.#client), this.#client.host),
    )
    if (!before || before.ref.hash !== after?.ref.hash) return undefined
    return { block: before.ref, raws: outcomes.slice(1, -1).map(amountOf) }
  }
}

interface Raws {
  readonly block: BlockRef
  readonly raws: readonly (bigint | undefined)[]
}

type Aggregated = { readonly success: boolean; readonly returnData: Hex }

function aggregate(multicall: Hex, questions: readonly Question[]): RpcRequest {
  const own = (functionName: 'getBlockNumber' | 'getLastBlockHash') => ({
    target: multicall,
    allowFailure: true,
    callData: encodeFunctionData({ abi: multicall3Abi, functionName }),
  })
  const balances = questions.map(({ account, asset }) => ({
    target: (asset.address ?? multicall) as Hex,
    allowFailure: true,
    callData: asset.address ? balanceOf(account) : ethBalance(account),
  }))
  const calls = [own('getBlockNumber'), own('getLastBlockHash'), ...balances]
  const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] })
  return { method: 'eth_call', params: [{ to: multicall, data }, 'latest'] }
}

function decodeAggregate(data: Hex): readonly Aggregated[] {
  return decodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3', data })
}

function dates(head: EvmHead, number: Aggregated | undefined, parent: Aggregated | undefined): boolean {
  return asAmount(number) === head.number && (parent?.returnData === head.parentHash || head.number === 0n)
}

function asAmount(entry: Aggregated | undefined): bigint | undefined {
  return entry?.success && entry.returnData.length === 66 ? BigInt(entry.returnData) : undefined
}

function single({ account, asset }: Question): RpcRequest {
  return asset.address
    ? { method: 'eth_call', params: [{ to: asset.address, data: balanceOf(account) }, 'latest'] }
    : { method: 'eth_getBalance', params: [account, 'latest'] }
}

function amountOf(outcome: RpcOutcome): bigint | undefined {
  if (!outcome.ok || typeof outcome.result !== 'string') return undefined
  return /^0x[0-9a-fA-F]{1,64}$/.test(outcome.result) ? BigInt(outcome.result) : undefined
}

const balanceOf = (account: Hex) =>
  encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [account] })
const ethBalance = (account: Hex) =>
  encodeFunctionData({ abi: multicall3Abi, functionName: 'getEthBalance', args: [account] })

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}
