import { decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import { type FeeTerms, NO_SURCHARGE, type Surcharge } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { gasPriceOracleAbi, multicall3Abi } from '../calls/abi.ts'
import { unsignedBytes } from '../codec.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { asHex } from '../quantity.ts'
import type { BlockTag } from '../simulation/snapshot.ts'

/** Stands for terms that are not known yet: as many bytes as real ones have. */
export const SOME_TERMS = { maxFeePerGas: '30123456789', maxPriorityFeePerGas: '1234567890' }

/** Three bytes, as few accounts need: the oracle compresses the bytes, and a longer nonce costs more. */
const SOME_NONCE = 0xfffffen
/**
 * The parent's base fee rises by an eighth a block at most, and a simulation is good for five of its blocks: in these
 * it can rise to 1.8 times what it was (EIP-1559).
 */
const DATA_FEE_MARGIN = 2n

/**
 * One call for what an OP-stack chain charges for a payload besides gas: the data fee of its unsigned bytes
 * (docs.optimism.io, "Transaction fees on OP Mainnet") and since Isthmus the operator's fee, which is linear in gas
 * (specs.optimism.io/protocol/isthmus/exec-engine.html#operator-fee). Empty on chains that charge for gas alone.
 */
export function surchargeRequests(
  chain: Chain,
  payload: EvmPayload,
  terms: FeeTerms,
  at: BlockTag = 'latest',
): readonly RpcRequest[] {
  return surchargeRequestsOfAll(chain, [payload], terms, at)
}

/** The same for several payloads that are transactions of their own. */
export function surchargeRequestsOfAll(
  chain: Chain,
  payloads: readonly EvmPayload[],
  terms: FeeTerms,
  at: BlockTag,
): readonly RpcRequest[] {
  const { gasPriceOracle, multicall3 } = chain.contracts
  if (chain.feeModel !== 'op-stack' || gasPriceOracle === undefined) return []
  const gas = payloads.reduce((sum, { gasLimit }) => sum + BigInt(gasLimit), 0n)
  const questions = [
    encodeFunctionData({ abi: gasPriceOracleAbi, functionName: 'getOperatorFee', args: [0n] }),
    encodeFunctionData({ abi: gasPriceOracleAbi, functionName: 'getOperatorFee', args: [gas] }),
    ...payloads.map((payload) => {
      const bytes = unsignedBytes(chain, payload, SOME_NONCE, terms)
      return encodeFunctionData({ abi: gasPriceOracleAbi, functionName: 'getL1Fee', args: [bytes] })
    }),
  ]
  const calls = questions.map((callData) => ({
    target: gasPriceOracle as Hex,
    allowFailure: true,
    callData,
  }))
  const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] })
  return [{ method: 'eth_call', params: [{ to: multicall3, data }, at] }]
}

/** What the answers say, for so much gas used of so much. Throws `provider_garbage` when the data fee is not told. */
export function readSurcharge(
  outcomes: readonly RpcOutcome[],
  gasUsed: bigint,
  gasLimit: bigint,
  client: ChainClient,
): Surcharge {
  return readSurchargeOfAll(outcomes, 1, gasUsed, gasLimit, client)
}

/** The same for so many payloads, which together use so much gas of so much. */
export function readSurchargeOfAll(
  outcomes: readonly RpcOutcome[],
  count: number,
  gasUsed: bigint,
  gasLimit: bigint,
  client: ChainClient,
): Surcharge {
  if (outcomes.length === 0) return NO_SURCHARGE
  const told = feesTold(resultOf(outcomes[0], 'eth_call', client), client.host)
  const [fixed = 0n, most = 0n, ...dataFees] = told
  let dataFee = 0n
  for (const fee of dataFees.length === count ? dataFees : [undefined]) {
    if (fee === undefined) {
      const reason = 'its gas price oracle does not tell the fee for data'
      throw new BursarError('provider_garbage', { host: client.host, reason }, { chain: client.chain })
    }
    dataFee += fee
  }
  const byGas = gasLimit === 0n ? 0n : ((most - fixed) * gasUsed) / gasLimit
  // Each transaction pays what is fixed.
  const others = fixed * BigInt(count - 1)
  return { expected: dataFee + fixed + others + byGas, ceiling: dataFee * DATA_FEE_MARGIN + most + others }
}

/** One for each question; undefined where the oracle does not know it. */
function feesTold(result: unknown, host: string): readonly (bigint | undefined)[] {
  try {
    const data = asHex(result, 'the fees told', host)
    const answers = decodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3', data })
    return answers.map(({ success, returnData }) =>
      success && returnData.length === 66 ? BigInt(returnData) : undefined,
    )
  } catch (error) {
    const reason = 'the fees besides gas are not an answer of Multicall3'
    throw new BursarError('provider_garbage', { host, reason }, { cause: error })
  }
}
