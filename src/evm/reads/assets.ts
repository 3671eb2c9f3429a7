import { decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import type { Asset } from '../../chains/adapter.ts'
import { nativeAsset } from '../../chains/amounts.ts'
import type { Chain, KnownToken } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type UntrustedText, untrusted } from '../../primitives/untrusted.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { checksum, parseAddress } from '../address.ts'
import { erc20Abi } from '../calls/abi.ts'
import { isVerdict } from '../calls/reverts.ts'
import type { CollectionStandard } from '../calls/standards.ts'
import { disagreement, type Question } from './witnesses.ts'

const DECIMALS = encodeFunctionData({ abi: erc20Abi, functionName: 'decimals' })
const SYMBOL = encodeFunctionData({ abi: erc20Abi, functionName: 'symbol' })
// No token in use has more; a larger answer is a broken or hostile contract.
const MAX_DECIMALS = 77
/** Plenty for a constant or a stored text: a contract that never ends must not cost the endpoint all that it has. */
const METADATA_GAS = '0x4c4b40'
/** Tokens remembered: addresses come from callers and from strangers' events. */
const MAX_KNOWN = 5_000

/** Throws `provider_disagreement` when an endpoint contradicts. */
type Agree = (questions: readonly Question[], signal: AbortSignal) => Promise<void>

/**
 * The assets of one EVM chain. Decimals come from the chain, once: contracts do not change them. All amounts and caps are
 * told by them, so of listed tokens they are those of the registry, and of others two endpoints tell them (T12).
 */
export class EvmAssets {
  readonly native: Asset
  readonly #known = new Map<Hex, Asset>()
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #agree: Agree
  readonly #gas: { readonly gas?: string }

  constructor(chain: Chain, client: ChainClient, agree: Agree = async () => undefined) {
    this.#chain = chain
    this.#client = client
    this.#agree = agree
    this.native = nativeAsset(chain)
    // Arbitrum counts what the parent chain takes as gas as well, so no bound holds there.
    this.#gas = chain.feeModel === 'arbitrum' ? {} : { gas: METADATA_GAS }
  }

  /**
   * Resolves "native", a symbol of the registry or a token address. Throws `asset_unknown`, and `name_ambiguous` when the
   * registry has two tokens of that symbol (T7).
   */
  async resolve(text: string, signal: AbortSignal): Promise<Asset> {
    const wanted = text.toLowerCase()
    if (this.isNative(text)) return this.native
    const [listed, ...others] = this.#chain.tokens.filter((token) => token.symbol.toLowerCase() === wanted)
    if (listed && others.length > 0) throw this.#ambiguous(text, [listed, ...others])
    if (!listed && !wanted.startsWith('0x')) throw this.#unknown(text)
    const address = listed ? checksum(listed.address) : parseAddress(text, 'asset')
    const asset = await this.token(address, signal)
    if (!asset) throw this.#unknown(text)
    return asset
  }

  /** The token at an address, or undefined when nothing there answers like one. */
  async token(address: Hex, signal: AbortSignal): Promise<Asset | undefined> {
    return (await this.tokens([address], signal)).get(address)
  }

  /**
   * The tokens at these addresses, in one round trip and one more to others of those never seen; an address where
   * nothing answers like one is absent. Throws `provider_disagreement`.
   */
  async tokens(addresses: readonly Hex[], signal: AbortSignal): Promise<ReadonlyMap<Hex, Asset>> {
    const found = new Map<Hex, Asset>()
    const unknown: Hex[] = []
    for (const address of new Set(addresses)) {
      const known = this.#known.get(address)
      if (known) found.set(address, known)
      else unknown.push(address)
    }
    if (unknown.length === 0) return found
    const requests = unknown.flatMap((to) => [DECIMALS, SYMBOL].map((data) => this.#read(to, data)))
    const outcomes = await this.#client.batch(requests, signal)
    const fresh = new Map<Hex, Asset>()
    for (const [index, address] of unknown.entries()) {
      const [decimals, symbol] = outcomes.slice(2 * index, 2 * index + 2)
      // Only the contract can say that it has no decimals; an endpoint that failed to ask is not its word.
      if (decimals?.ok === false && !isVerdict(decimals.error)) resultOf(decimals, 'eth_call', this.#client)
      const asset = this.#describe(address, decodeDecimals(decimals), decodeSymbol(symbol))
      if (asset) fresh.set(address, asset)
    }
    const strangers = [...fresh].filter(([address]) => !this.lists(address))
    const questions = strangers.map(([address, { decimals }]) => this.#question(address, decimals))
    if (questions.length > 0) await this.#agree(questions, signal)
    for (const [address, asset] of fresh) this.#remember(address, asset)
    return new Map([...found, ...fresh])
  }

  #read(to: Hex, data: Hex): RpcRequest {
    return { method: 'eth_call', params: [{ to, data, ...this.#gas }, 'latest'] }
  }

  #question(address: Hex, decimals: number): Question {
    return {
      request: this.#read(address, DECIMALS),
      what: `the decimals of ${address}`,
      judged: 'payload',
      claimed: String(decimals),
      essence(result) {
        const told = decodeDecimals({ ok: true, result })
        // One that does not have the token's block yet knows nothing.
        if (told === undefined) throw new TypeError('no decimals')
        return String(told)
      },
    }
  }

  /** A token whose contract does not answer like one: its amounts are base units. */
  unreadable(address: Hex): Asset {
    return {
      id: `${this.#chain.id}/erc20:${address}`,
      address,
      decimals: 0,
      claims: untrusted('unreadable token'),
    }
  }

  /** One thing of a collection, or the collection itself: counted in pieces. */
  collectible(address: Hex, standard: CollectionStandard, tokenId?: bigint): Asset {
    const collection = `${this.#chain.id}/${standard}:${address}`
    const id = tokenId === undefined ? collection : `${collection}/${tokenId}`
    return { id, address, decimals: 0 }
  }

  #remember(address: Hex, asset: Asset): void {
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(address, asset)
  }

  #describe(
    address: Hex,
    decimals: number | undefined,
    claims: UntrustedText | undefined,
  ): Asset | undefined {
    if (decimals === undefined) return undefined
    const id = `${this.#chain.id}/erc20:${address}`
    const listed = this.#chain.tokens.find((token) => token.address.toLowerCase() === address.toLowerCase())
    if (!listed) return { id, address, decimals, ...(claims && { claims }) }
    if (listed.decimals === decimals) return { id, address, decimals, symbol: listed.symbol }
    const what = `the decimals of ${listed.symbol}, ${listed.decimals} by the registry and ${decimals} by it`
    throw disagreement(this.#client, { what, judged: 'payload' })
  }

  /** Whether a text names the native asset. */
  isNative(text: string): boolean {
    return ['native', this.#chain.native.symbol.toLowerCase()].includes(text.toLowerCase())
  }

  /** Whether the registry lists a token at this address. */
  lists(address: Hex): boolean {
    return this.#chain.tokens.some((token) => token.address.toLowerCase() === address.toLowerCase())
  }

  /** Whether the registry knows a contract at this address, by whatever name. */
  vouchesFor(address: Hex): boolean {
    const known = Object.values(this.#chain.contracts).some(
      (each) => each.toLowerCase() === address.toLowerCase(),
    )
    return known || this.lists(address)
  }

  #ambiguous(given: string, tokens: readonly KnownToken[]): BursarError {
    const addresses = tokens.map(({ address }) => address)
    const context = { given: given.slice(0, 80), what: 'token', addresses }
    return new BursarError('name_ambiguous', context, { chain: this.#chain.id })
  }

  #unknown(given: string): BursarError {
    const known = this.#chain.tokens.map((token) => token.symbol)
    return new BursarError('asset_unknown', { given: given.slice(0, 80), known }, { chain: this.#chain.id })
  }
}

function decodeDecimals(outcome: RpcOutcome | undefined): number | undefined {
  if (!outcome?.ok || typeof outcome.result !== 'string' || outcome.result.length < 66) return undefined
  const decimals = BigInt(outcome.result.slice(0, 66))
  return decimals <= MAX_DECIMALS ? Number(decimals) : undefined
}

/** What a token calls itself: marked where it is read, so that it is never at hand without that (R9). */
function decodeSymbol(outcome: RpcOutcome | undefined): UntrustedText | undefined {
  if (!outcome?.ok || typeof outcome.result !== 'string') return undefined
  try {
    const data = outcome.result as Hex
    return untrusted(decodeFunctionResult({ abi: erc20Abi, functionName: 'symbol', data }), 32)
  } catch {
    // Some early tokens answer bytes32 or nothing: a token without a name is still a token.
    return undefined
  }
}
