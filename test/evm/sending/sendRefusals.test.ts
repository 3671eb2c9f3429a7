import { describe, expect, test } from 'vitest'
import { type Refusal, refusalOf, wordsOf } from '../../../src/evm/sending/sendRefusals.ts'

/** What each client says, word for word as far as its numbers go. */
const TEXTS: Readonly<Record<string, readonly (readonly [said: string, refusal: Refusal])[]>> = {
  geth: [
    ['already known', 'known'],
    ['nonce too low: next nonce 78, tx nonce 44', 'nonce_used'],
    ['nonce too low: address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, tx: 3 state: 5', 'nonce_used'],
    ['nonce too high: address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, tx: 9 state: 5', 'nonce_ahead'],
    ['replacement transaction underpriced', 'replacement_too_cheap'],
    ['future transaction tries to replace pending', 'replacement_too_cheap'],
    ['transaction underpriced: gas tip cap 0, minimum needed 1', 'fee_too_low'],
    [
      'max fee per gas less than block base fee: address 0x70, maxFeePerGas: 1, baseFee: 875000000',
      'fee_too_low',
    ],
    ['insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000', 'funds_missing'],
    ['tx fee (1.20 ether) exceeds the configured cap (1.00 ether)', 'fee_above_cap'],
    ['txpool is full', 'pool_full'],
    ['exceeds block gas limit', 'gas_limit'],
    ['intrinsic gas too low: gas 20999, minimum needed 21000', 'gas_limit'],
    ['in-flight transaction limit reached for delegated accounts', 'nonce_ahead'],
    ['gapped-nonce tx from delegated accounts', 'nonce_ahead'],
  ],
  reth: [
    ['already known', 'known'],
    ['nonce too low: next nonce 5, tx nonce 3', 'nonce_used'],
    ['replacement transaction underpriced', 'replacement_too_cheap'],
    ['transaction underpriced', 'fee_too_low'],
    ['insufficient funds for gas * price + value: have 0 want 67000000000000', 'funds_missing'],
    ['txpool is full', 'pool_full'],
    ['max fee per gas less than block base fee', 'fee_too_low'],
  ],
  erigon: [
    ['already known', 'known'],
    ['existing tx with same hash', 'known'],
    ['nonce too low', 'nonce_used'],
    ['could not replace existing tx', 'replacement_too_cheap'],
    ['underpriced', 'fee_too_low'],
    ['fee too low', 'fee_too_low'],
    ['insufficient funds for gas * price + value', 'funds_missing'],
    ['pending sub-pool is full', 'pool_full'],
    ['baseFee sub-pool is full', 'pool_full'],
  ],
  nethermind: [
    ['AlreadyKnown', 'known'],
    ['OldNonce, Current nonce: 5, nonce of rejected tx: 3.', 'nonce_used'],
    ['NonceGap, Future nonce. Expected nonce: 5', 'nonce_ahead'],
    ['NonceTooFarInFuture', 'nonce_ahead'],
    ['ReplacementNotAllowed', 'replacement_too_cheap'],
    ['OwnNonceAlreadyUsed', 'replacement_too_cheap'],
    ['FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7', 'fee_too_low'],
    ['FeeTooLowToCompete', 'fee_too_low'],
    ['InsufficientFunds, Account balance: 0, cumulative cost: 21000', 'funds_missing'],
    ['GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2', 'gas_limit'],
  ],
  anvil: [
    ['transaction already imported', 'known'],
    ['nonce too low', 'nonce_used'],
    ['replacement transaction underpriced', 'replacement_too_cheap'],
    ['Insufficient funds for gas * price + value', 'funds_missing'],
    ['max fee per gas less than block base fee', 'fee_too_low'],
    ['intrinsic gas too low', 'gas_limit'],
  ],
  'op-geth': [
    ['already known', 'known'],
    ['nonce too low: next nonce 2, tx nonce 1', 'nonce_used'],
    ['fee too low: 1, use at least tx.gasLimit = 2 and tx.gasPrice = 3', 'fee_too_low'],
    ['fee too high: 100, use less than 30 * 3.0', 'fee_above_cap'],
    ['insufficient funds for gas * price + value + L1 cost: have 0 want 1', 'funds_missing'],
  ],
  arbitrum: [
    ['invalid transaction nonce', 'nonce_used'],
    ['gas price too low', 'fee_too_low'],
    ['not enough funds for gas', 'funds_missing'],
  ],
  besu: [
    ['Known transaction', 'known'],
    ['Nonce too low', 'nonce_used'],
    ['Replacement transaction underpriced', 'replacement_too_cheap'],
    ['Gas price below configured minimum gas price', 'fee_too_low'],
    ['Upfront cost exceeds account balance', 'funds_missing'],
    ['Transaction fee cap exceeded', 'fee_above_cap'],
  ],
  alchemy: [
    ['already known', 'known'],
    ['[alchemy] nonce too low: next nonce 9, tx nonce 8', 'nonce_used'],
    ['replacement transaction underpriced', 'replacement_too_cheap'],
    ['max fee per gas less than block base fee: address 0x70, maxFeePerGas: 1, baseFee: 2', 'fee_too_low'],
  ],
  infura: [
    ['ALREADY_EXISTS: already known', 'known'],
    ['INTERNAL_ERROR: could not replace existing tx', 'replacement_too_cheap'],
    ['INTERNAL_ERROR: nonce too low', 'nonce_used'],
    ['INTERNAL_ERROR: insufficient funds', 'funds_missing'],
  ],
}

describe.each(Object.entries(TEXTS))('F3: %s', (_client, texts) => {
  test.each(texts)('"%s" means %s', (said, refusal) => {
    expect(refusalOf(said)).toBe(refusal)
    expect(wordsOf(refusal).length).toBeGreaterThan(10)
  })
})

test.each([
  'a transaction with the same nonce already exists in the pool',
  'account already exists',
  'unknown transaction type',
  'internal error',
  'execution reverted',
  '',
])('R14: nothing is read into "%s"', (said) => {
  expect(refusalOf(said)).toBeUndefined()
})
