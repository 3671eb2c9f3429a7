/**
 * What a node may mean when it does not take a transaction. None of it says that the bytes are nowhere: another
 * endpoint may have them, or this one from an earlier try (R14).
 */
export type Refusal =
  | 'known'
  | 'nonce_used'
  | 'nonce_ahead'
  | 'replacement_too_cheap'
  | 'fee_too_low'
  | 'fee_above_cap'
  | 'funds_missing'
  | 'pool_full'
  | 'gas_limit'

interface Meaning {
  readonly refusal: Refusal
  /** How clients say it, whatever they put before it. */
  readonly said: RegExp
  /** For the note of a step, in our words: the node's may be a stranger's (R9). */
  readonly words: string
}

/**
 * The first that fits counts: what is said about replacing comes before what is said about fees. Texts of geth and what
 * is built on it (op-geth, bor, BSC, Arbitrum, Avalanche), reth, Erigon, Nethermind, Besu, anvil, and of providers that
 * put words of their own before them. What fits nothing is unknown, and is never taken for failure.
 */
const MEANINGS: readonly Meaning[] = [
  {
    refusal: 'known',
    said: /already ?(known|imported)|(tx|transaction) already (exists|in mempool)|existing tx with same hash|\bknown transaction/i,
    words: 'an endpoint has it already',
  },
  {
    refusal: 'replacement_too_cheap',
    said: /replacement (transaction |tx )?(underpriced|fee too low)|could not replace existing tx|ReplacementNotAllowed|another transaction with same nonce|OwnNonceAlreadyUsed|future transaction tries to replace pending/i,
    words: 'another transaction waits at its nonce, and its fees are not high enough to take the place',
  },
  {
    refusal: 'nonce_used',
    said: /nonce (is |has )?(too low|already (been )?used)|\bOldNonce\b|nonce .{0,40}lower than|invalid transaction nonce|Pool\(Stale\)/i,
    words: 'an endpoint says that its nonce is used; whether by these bytes is being looked up',
  },
  {
    refusal: 'nonce_ahead',
    said: /nonce (is )?too (high|distant|far)|\bNonceGap\b|NonceTooFarInFuture|gapped.nonce|nonce gap|in-flight transaction limit/i,
    words: 'an endpoint wants earlier transactions of the account first',
  },
  {
    refusal: 'funds_missing',
    said: /insufficient (funds|balance|eth)|InsufficientFunds|(not enough|does not have enough) (funds|balance)|upfront cost exceeds account balance|overshot/i,
    words: 'an endpoint says that the account cannot pay for it',
  },
  {
    refusal: 'fee_above_cap',
    said: /exceeds the configured cap|fee cap exceeded|fee too high/i,
    words: 'an endpoint does not take fees this high',
  },
  {
    refusal: 'fee_too_low',
    said: /underpriced|fee ?too ?low|FeeTooLowToCompete|(fee per gas|feecap|gas fee cap) (is )?less than (the )?(block )?base ?fee|gas ?price (is )?(too low|below)|below (configured )?minimum gas price|max fee per gas .{0,60}(too low|below)/i,
    words: 'the network asks for higher fees; replace_transaction with speed_up raises them',
  },
  {
    refusal: 'pool_full',
    said: /tx ?pool is full|sub-?pool is full|too many transactions in the (queue|pool)|pool (limit|overflow)|account limit exceeded/i,
    words: 'the pool of an endpoint is full; it is sent again',
  },
  {
    refusal: 'gas_limit',
    said: /exceeds (the )?(block|current|transaction|max\w*( transaction)?) gas ?limit|intrinsic gas|gas limit (reached|too (low|high))|GasLimitExceeded|gas uint64 overflow/i,
    words: 'an endpoint says that its gas limit does not fit',
  },
]

/** What a refusal means; undefined when nobody taught us these words. */
export function refusalOf(message: string): Refusal | undefined {
  return MEANINGS.find(({ said }) => said.test(message))?.refusal
}

/** The same in words that may be shown. */
export function wordsOf(refusal: Refusal): string {
  return MEANINGS.find((meaning) => meaning.refusal === refusal)?.words ?? refusal
}
