import type { BaseFeeRule, Chain } from '../../chains/types.ts'
import { asHex, asObject, fromQuantity } from '../quantity.ts'

/** What a block tells about the price of the next one. */
export interface ParentBlock {
  /** In wei. */
  readonly baseFee: bigint
  /** What the price of the next block goes by. */
  readonly gasUsed: bigint
  readonly gasLimit: bigint
  /** 0x-prefixed bytes. */
  readonly extraData: string
}

/** What an answer to `eth_getBlockByNumber` says of it; undefined on chains without base fees. */
export function parseParent({ feeModel }: Chain, result: unknown, host: string): ParentBlock | undefined {
  const block = asObject(result, 'the latest block', host)
  const baseFee = block['baseFeePerGas']
  if (baseFee === undefined || baseFee === null) return undefined
  const gasUsed = fromQuantity(block['gasUsed'], 'gas used', host)
  // There are no blobs on the OP stack. Since Jovian what a block's data weighs stands in their place, and counts if it
  // is more than the gas (specs.optimism.io/protocol/jovian/exec-engine.html, "DA Footprint Block Limit").
  const data =
    feeModel === 'op-stack' ? fromQuantity(block['blobGasUsed'] ?? '0x0', 'blob gas used', host) : 0n
  return {
    baseFee: fromQuantity(baseFee, 'base fee', host),
    gasUsed: data > gasUsed ? data : gasUsed,
    gasLimit: fromQuantity(block['gasLimit'], 'block gas limit', host),
    extraData: asHex(block['extraData'] ?? '0x', 'extra data', host),
  }
}

/**
 * Base fee of the block after `parent`, in wei, by EIP-1559 with the chain's own numbers
 * (https://eips.ethereum.org/EIPS/eip-1559, "base fee per gas").
 */
export function nextBaseFee(parent: ParentBlock, rule: BaseFeeRule): bigint {
  const fee = byUse(parent, rule)
  const least = BigInt(rule.least ?? 0)
  return fee > least ? fee : least
}

function byUse({ baseFee, gasUsed, gasLimit }: ParentBlock, rule: BaseFeeRule): bigint {
  const target = (gasLimit * BigInt(rule.target[0])) / BigInt(rule.target[1])
  // A chain whose blocks hold nothing has no demand to price.
  if (target === 0n || gasUsed === target) return baseFee
  const distance = gasUsed > target ? gasUsed - target : target - gasUsed
  const change = (baseFee * distance) / target / BigInt(rule.denominator)
  if (gasUsed < target) return baseFee - change
  return baseFee + (change > 0n ? change : 1n)
}

/** The rule that prices the block after one with this `extraData`; undefined where only the node knows. */
export function baseFeeRule(chain: Chain, extraData: string): BaseFeeRule | undefined {
  const inHeader = chain.feeModel === 'op-stack' ? headerRule(extraData) : undefined
  return inHeader ?? chain.baseFee
}

/**
 * The numbers that an OP-stack block carries for its child: since Holocene a version byte of 0, denominator and
 * elasticity as uint32; since Jovian version 1, and the least base fee as uint64 after them
 * (specs.optimism.io/protocol/holocene/exec-engine.html, /jovian/exec-engine.html).
 */
function headerRule(extraData: string): BaseFeeRule | undefined {
  const parts = /^0x(?:00([0-9a-f]{8})([0-9a-f]{8})|01([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{16}))$/i.exec(
    extraData,
  )
  if (!parts) return undefined
  const [denominator, elasticity] = [parts[1] ?? parts[3], parts[2] ?? parts[4]].map((hex) =>
    Number(`0x${hex}`),
  )
  if (!denominator || !elasticity) return undefined
  return { target: [1, elasticity], denominator, least: BigInt(`0x${parts[5] ?? '0'}`).toString() }
}
