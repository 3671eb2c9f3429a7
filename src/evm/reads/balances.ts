import { decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import multicall3 from '../../../contracts/artifacts/Multicall3.json' with { type: 'json' }
import type { Asset, BalanceReading } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { BlockRef } from '../../primitives/chainRef.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import { erc20Abi, multicall3Abi } from '../calls/abi.ts'
import { asHex } from '../quantity.ts'
import { ranOn, readSimulatedCalls } from '../simulation/simulateV1.ts'
import { type EvmHead, LATEST_BLOCK, parseHead } from './blocks.ts'

interface Question {
  readonly account: Hex
  readonly asset: Asset
}

/** Bounds the gas and the answer of one eth_call; more questions travel as more calls of the same batch. */
const QUESTIONS_PER_CALL = 1_000
const MAX_TRIES = 3

/** Where Multicall3 runs from when the chain does not have it: as code that a simulation is given. */
const STAND_IN: Hex = '0xca11ca11ca11ca11ca11ca11ca11ca11ca11ca11'

/**
 * Balances at one proven block, in one round trip: through Multicall3 where it is deployed, which answers with the
 * block that it ran in, else through a simulation that brings Multicall3 along.
 */
export class EvmBalances {
  readonly #shown: ChainClient
  readonly #client: ChainClient
  readonly #multicall: Hex | undefined
  #deployed: boolean

  /** `shown` may answer from a cache; `client` asks the chain, for when that answer does not hold together. */
  constructor(chain: Chain, shown: ChainClient, client: ChainClient) {
    this.#shown = shown
    this.#client = client
    this.#multicall = chain.contracts['multicall3'] as Hex | undefined
    // On Arbitrum the EVM's block number is that of the parent chain, so Multicall3 cannot date its answer.
    this.#deployed = this.#multicall !== undefined && chain.feeModel !== 'arbitrum'
  }

  async read(questions: readonly Question[], signal: AbortSignal): Promise<BalanceReading> {
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const source = tries === 1 ? this.#shown : this.#client
      const reading = await (this.#deployed
        ? this.#call(questions, source, signal)
        : this.#simulate(questions, source, signal))
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

  /** Undefined when the head moved between the two reads of the batch. */
  async #call(
    questions: readonly Question[],
    client: ChainClient,
    signal: AbortSignal,
  ): Promise<Raws | undefined> {
    const multicall = this.#multicall ?? STAND_IN
    const groups = chunks(questions, QUESTIONS_PER_CALL)
    const requests = groups.map((group) => {
      return { method: 'eth_call', params: [{ to: multicall, data: aggregate(multicall, group) }, 'latest'] }
    })
    const outcomes = await client.batch([LATEST_BLOCK, ...requests], signal)
    const head = parseHead(resultOf(outcomes[0], 'eth_getBlockByNumber', client), client.host)
    const raws: (bigint | undefined)[] = []
    for (const outcome of outcomes.slice(1)) {
      const data = asHex(resultOf(outcome, 'eth_call', client), 'balances', client.host)
      if (data === '0x') {
        this.#deployed = false
        return this.#simulate(questions, client, signal)
      }
      const [number, parent, ...balances] = decodeAggregate(data)
      if (!dates(head, number, parent)) return undefined
      raws.push(...balances.map(asAmount))
    }
    return { block: head.ref, raws }
  }

  /** The same questions to Multicall3's code, lent to an empty address for one simulation. */
  async #simulate(
    questions: readonly Question[],
    client: ChainClient,
    signal: AbortSignal,
  ): Promise<Raws | undefined> {
    const { host } = client
    const calls = chunks(questions, QUESTIONS_PER_CALL).map((group) => {
      return { to: STAND_IN, input: aggregate(STAND_IN, group) }
    })
    const stateOverrides = { [STAND_IN]: { code: multicall3.deployedBytecode } }
    const simulation = { blockStateCalls: [{ stateOverrides, calls }], validation: false }
    const outcomes = await client.batch(
      [LATEST_BLOCK, { method: 'eth_simulateV1', params: [simulation, 'latest'] }],
      signal,
    )
    const head = parseHead(resultOf(outcomes[0], 'eth_getBlockByNumber', client), host)
    const { block, answers } = readSimulatedCalls(resultOf(outcomes[1], 'eth_simulateV1', client), host)
    if (!ranOn(head, block)) return undefined
    const raws = answers.flatMap((data) => decodeAggregate(data).slice(2).map(asAmount))
    return { block: head.ref, raws }
  }
}

interface Raws {
  readonly block: BlockRef
  readonly raws: readonly (bigint | undefined)[]
}

type Aggregated = { readonly success: boolean; readonly returnData: Hex }

/** Calldata for Multicall3 at `multicall`: its block and that block's parent, then one answer a question. */
function aggregate(multicall: Hex, questions: readonly Question[]): Hex {
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
  return encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] })
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

const balanceOf = (account: Hex) =>
  encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [account] })
const ethBalance = (account: Hex) =>
  encodeFunctionData({ abi: multicall3Abi, functionName: 'getEthBalance', args: [account] })

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}
