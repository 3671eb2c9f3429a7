import { expect, it } from 'vitest'
import { readStatus } from '../../../src/evm/reads/status.ts'
import type { ChainClient } from '../../../src/rpc/chainClient.ts'

const HASH = `0x${'ab'.repeat(32)}`
const block = {
  number: '0x10',
  hash: `0x${'cd'.repeat(32)}`,
  parentHash: `0x${'ef'.repeat(32)}`,
  gasLimit: '0x1c9c380',
  timestamp: '0x1',
}
const receipt = {
  blockNumber: '0xf',
  blockHash: `0x${'12'.repeat(32)}`,
  status: '0x1',
  gasUsed: '0x5208',
  effectiveGasPrice: '0x3b9aca00',
}

type Telling = Parameters<typeof readStatus>[3]

function read(fields: object) {
  const results = [block, '0x5', { ...receipt, ...fields }, {}]
  const client = {
    host: 'node.example',
    chain: 'eip155:10',
    batch: async () => results.map((result) => ({ ok: true, result })),
  } as unknown as ChainClient
  return readStatus(client, '0x70997970C51812dc3A010C7d01b50e0d17dc79C8', [HASH], {} as Telling, {
    signal: AbortSignal.timeout(1_000),
  })
}

it('E3: what was paid is the gas at the price of its block', async () => {
  const { transactions } = await read({})
  expect(transactions[0]?.included?.feePaid).toBe(21_000_000_000_000n)
})

it('E3: on the OP stack the fee for the parent chain was paid as well', async () => {
  const { transactions } = await read({ l1Fee: '0x5af3107a4000' })
  expect(transactions[0]?.included?.feePaid).toBe(121_000_000_000_000n)
})

it('E3: and what its operator takes, by scalar and constant since Isthmus, for hundreds since Jovian', async () => {
  const fields = { l1Fee: '0x5af3107a4000', operatorFeeScalar: '0x1e8480', operatorFeeConstant: '0x7' }
  const paid = async (more: object) => (await read({ ...fields, ...more })).transactions[0]?.included?.feePaid
  // 21,000 gas × 2,000,000 / 1,000,000 + 7; and × 2,000,000 × 100 + 7.
  expect(await paid({})).toBe(121_000_000_042_007n)
  expect(await paid({ daFootprintGasScalar: '0x190' })).toBe(125_200_000_000_007n)
})
