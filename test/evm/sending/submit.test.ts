import { expect, it } from 'vitest'
import { submitRaw } from '../../../src/evm/sending/submit.ts'
import type { SendAnswer } from '../../../src/rpc/pool/sends.ts'

const refusing = (message: string): SendAnswer => ({
  host: 'node.example',
  outcome: { ok: false, error: { code: -32000, message } },
})
const submit = (...answers: SendAnswer[]) =>
  submitRaw({ send: async () => answers }, '0x02', AbortSignal.timeout(1_000))

it.each([
  ['geth', 'already known'],
  ['nethermind', 'AlreadyKnown'],
  ['erigon', 'INTERNAL_ERROR: existing tx with same hash'],
  ['reth', 'Pool(AlreadyImported)'],
  ['besu', 'Known transaction'],
  ['anvil', 'transaction already imported'],
  ['openethereum', 'Transaction with the same hash was already imported.'],
  ['zkSync', 'known transaction. transaction with hash 0xab is already in the system'],
  ['cosmos chains', 'tx already exists in cache'],
])('F3: these very bytes being known is acceptance: %s', async (_client, message) => {
  expect(await submit(refusing(message))).toEqual({ outcome: 'accepted' })
})

it.each([
  'a transaction with the same nonce already exists in the pool',
  'account already exists',
  'unknown transaction type',
  'transaction type not supported',
  'rejected by the sequencer',
])('R14: "%s" proves nothing about these bytes', async (message) => {
  expect(await submit(refusing(message))).toEqual({
    outcome: 'unknown',
    evidence: `node.example answered: ${message}`,
  })
})

it('R14: what a refusal seems to mean is told in our words, and stays unknown', async () => {
  expect(await submit(refusing('nonce too low: next nonce 5, tx nonce 3'))).toEqual({
    outcome: 'unknown',
    evidence: 'node.example answered: nonce too low: next nonce 5, tx nonce 3',
    reason: 'an endpoint says that its nonce is used; whether by these bytes is being looked up',
  })
})

it('R14: one acceptance is enough, whatever the others say', async () => {
  const accepted: SendAnswer = { host: 'b.example', outcome: { ok: true, result: '0xab' } }
  expect(await submit(refusing('nonce too low'), accepted)).toEqual({ outcome: 'accepted' })
})
