import { decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem'
import { type FeeReading, NO_SURCHARGE, type PayloadShape, type Price } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { nodeInterfaceAbi } from '../calls/abi.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { asHex } from '../quantity.ts'
import { readSurcharge, SOME_TERMS, surchargeRequests } from './surcharge.ts'

const PLAIN_TRANSFER_GAS = 21_000n
/** Arbitrum's nodes answer here what no contract could know (docs.arbitrum.io, "NodeInterface"). */
const NODE_INTERFACE = '0x00000000000000000000000000000000000000c8'
/** Like an address: bytes that do not compress. */
const SOMEBODY = '0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f'

/** What is to be asked about a payload of which only the shape is known; `readPrice` takes the answers. */
export function priceRequests(chain: Chain, shape: PayloadShape): readonly RpcRequest[] {
  const data = noise(shape.dataBytes)
  if (chain.feeModel !== 'arbitrum')
    return surchargeRequests(chain, somePayload(chain, shape, data), SOME_TERMS)
  const call = encodeFunctionData({
    abi: nodeInterfaceAbi,
    functionName: 'gasEstimateL1Component',
    args: [SOMEBODY, false, data],
  })
  return [{ method: 'eth_call', params: [{ to: NODE_INTERFACE, data: call }, 'latest'] }]
}

/** Throws `provider_garbage`. */
export function readPrice(
  chain: Chain,
  { gasLimit }: PayloadShape,
  fees: FeeReading,
  outcomes: readonly RpcOutcome[],
  client: ChainClient,
): Price {
  if (chain.feeModel !== 'arbitrum') {
    const gas = gasLimit ?? PLAIN_TRANSFER_GAS
    const surcharge = readSurcharge(outcomes, gas, gas, client)
    return { fees, gas, surcharge, dataFee: surcharge.expected }
  }
  // A gas limit from Arbitrum's own estimate has the gas for data in it; a bare transfer's does not.
  const dataGas = dataGasTold(resultOf(outcomes[0], 'eth_call', client), client.host)
  const gas = gasLimit ?? PLAIN_TRANSFER_GAS + dataGas
  return { fees, gas, surcharge: NO_SURCHARGE, dataFee: dataGas * fees.nextBaseFee }
}

function dataGasTold(result: unknown, host: string): bigint {
  try {
    const data = asHex(result, 'the gas for data', host)
    const [gas] = decodeFunctionResult({
      abi: nodeInterfaceAbi,
      functionName: 'gasEstimateL1Component',
      data,
    })
    return gas
  } catch (error) {
    const reason = 'the gas for data is not an answer of NodeInterface'
    throw new BursarError('provider_garbage', { host, reason }, { cause: error })
  }
}

function somePayload(chain: Chain, { gasLimit }: PayloadShape, data: Hex): EvmPayload {
  return {
    family: 'evm',
    chain: chain.id,
    from: SOMEBODY,
    to: SOMEBODY,
    value: '1234567890123456789',
    data,
    accessList: [],
    gasLimit: (gasLimit ?? PLAIN_TRANSFER_GAS).toString(),
  }
}

/** So many bytes that no compression shortens: what is priced is not dearer when it is known. */
function noise(bytes: number): Hex {
  let state = 1n
  const out = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) {
    // Knuth's MMIX generator.
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % 2n ** 64n
    out[at] = Number(state >> 56n)
  }
  return toHex(out)
}
