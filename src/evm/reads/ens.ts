import {
  decodeAbiParameters,
  encodeFunctionData,
  type Hex,
  isAddressEqual,
  parseAbi,
  sliceHex,
  zeroAddress,
} from 'viem'
import type { NameRecord } from '../../chains/nameRecord.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import { isVerdict } from '../calls/reverts.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'
import type { Question, Witnesses } from './witnesses.ts'

const registryAbi = parseAbi(['function resolver(bytes32 node) view returns (address)'])
/** ENSIP-1 and ENSIP-9: the one address of old, and one for each coin type. */
const addrAbi = parseAbi(['function addr(bytes32 node) view returns (address)'])
const coinAbi = parseAbi(['function addr(bytes32 node, uint256 coinType) view returns (bytes)'])

/** SLIP-44, and ENSIP-11: a coin type for every EVM chain. */
const ETH = 60n
const EVM_COIN = 0x8000_0000n

/** Selector of EIP-3668's OffchainLookup: a contract that names a URL to ask. */
const OFFCHAIN_LOOKUP = '0x556f1830'

/** A resolver is a stranger's contract: what it may cost an endpoint. */
const GAS = '0x4c4b40'

/** The coin type under which ENS keeps addresses of a chain, where `registry` is the chain that ENS is on. */
function coinTypeOf(chain: string, registry: string): bigint {
  return chain === registry ? ETH : EVM_COIN | BigInt(chain.replace('eip155:', ''))
}

export interface EnsReads {
  readonly chain: Chain
  readonly client: ChainClient
  readonly witnesses: Witnesses
}

/**
 * Whose address a normalised name is for a chain, at one block, by two endpoints where there are two (T9, T12). A
 * resolver that sends us to a URL is refused: it would have us fetch what it likes (T13). Wildcards (ENSIP-10) are not
 * followed. Throws `name_unresolved`, and `names_unavailable` on a chain without ENS.
 */
export async function resolveEnsName(
  reads: EnsReads,
  name: string,
  forChain: string,
  signal: AbortSignal,
): Promise<NameRecord> {
  const { chain, client, witnesses } = reads
  const registry = chain.contracts['ensRegistry']
  if (registry === undefined) {
    const reason = `${chain.name} has no ENS`
    throw new BursarError('names_unavailable', { given: name, reason }, { chain: chain.id })
  }
  const { namehash } = await import('viem/ens')
  const node = namehash(name)
  const unresolved = (reason: string) =>
    new BursarError('name_unresolved', { name, reason }, { chain: chain.id })
  const call = (to: string, data: Hex) => ({ to, data, gas: GAS })
  const lookUp = call(registry, encodeFunctionData({ abi: registryAbi, args: [node] }))
  const [head, ahead] = await client.batch([LATEST_BLOCK, ethCall(lookUp, 'latest')], signal)
  const block = parseHead(resultOf(head, LATEST_BLOCK.method, client), client.host)
  const resolver = addressIn(resultOf(ahead, 'eth_call', client))
  if (resolver === undefined) throw unresolved('nobody has registered it, or it has no resolver')

  const coin = coinTypeOf(forChain, chain.id)
  const at = `0x${block.number.toString(16)}`
  const asked = [
    lookUp,
    call(resolver, encodeFunctionData({ abi: coinAbi, args: [node, coin] })),
    ...(coin === ETH ? [call(resolver, encodeFunctionData({ abi: addrAbi, args: [node] }))] : []),
  ]
  const [held, byCoin, alone] = await client.batch(
    asked.map((each) => ethCall(each, at)),
    signal,
  )
  const still = addressIn(resultOf(held, 'eth_call', client))
  // Its owner changed it between two calls of ours, or an endpoint answers from another block.
  if (still === undefined || !isAddressEqual(still, resolver))
    throw unresolved('its resolver is being changed')
  const told = [bytesIn(wordOf(byCoin, client, unresolved)), addressIn(wordOf(alone, client, unresolved))]
  const [address, ...others] = told.filter((each) => each !== undefined)
  if (address === undefined) throw unresolved(`its owner has set no address for ${forChain}`)
  if (others.some((other) => !isAddressEqual(address, other)))
    throw unresolved('its resolver tells two addresses for one chain')
  const claims = [held, byCoin, alone].map((outcome) => (outcome?.ok ? String(outcome.result) : undefined))
  const questions = claims.flatMap((claimed, index): Question[] => {
    const each = asked[index]
    if (claimed === undefined || each === undefined) return []
    return [
      {
        request: ethCall(each, at),
        newest: ethCall(each, 'latest'),
        what: `whose address "${name}" is`,
        judged: 'payload',
        claimed,
        essence: String,
      },
    ]
  })
  await witnesses.agree(questions, signal)
  return { name, node, resolver, address, block: block.ref }
}

const ethCall = (call: object, at: string): RpcRequest => ({ method: 'eth_call', params: [call, at] })

/** What a resolver answered; undefined when it has no such function or reverts. Throws when it wants a URL to be asked. */
function wordOf(
  outcome: RpcOutcome | undefined,
  client: ChainClient,
  unresolved: (reason: string) => BursarError,
): unknown {
  if (outcome === undefined) return undefined
  if (outcome.ok) return outcome.result
  const { data } = outcome.error
  if (typeof data === 'string' && data.startsWith(OFFCHAIN_LOOKUP))
    throw unresolved('its resolver keeps it outside of the chain (CCIP-read), where Bursar does not look')
  if (!isVerdict(outcome.error)) resultOf(outcome, 'eth_call', client)
  return undefined
}

/** The address in a word; undefined for none, for zero, and for what is no word. */
function addressIn(result: unknown): Hex | undefined {
  if (typeof result !== 'string' || !/^0x0{24}[0-9a-f]{40}$/i.test(result)) return undefined
  return nonZero(sliceHex(result as Hex, 12))
}

/** The address that an answer of ENSIP-9 holds, of which an EVM chain's is twenty bytes. */
function bytesIn(result: unknown): Hex | undefined {
  if (typeof result !== 'string') return undefined
  try {
    const [bytes] = decodeAbiParameters([{ type: 'bytes' }], result as Hex)
    return bytes.length === 42 ? nonZero(bytes) : undefined
  } catch {
    // Garbage is no address.
    return undefined
  }
}

const nonZero = (address: Hex) => (isAddressEqual(address, zeroAddress) ? undefined : checksum(address))
