import fc from 'fast-check'
import { keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Rehearsal } from '../../src/chains/adapter.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { issueReceipt } from '../../src/chains/simulationReceipt.ts'
import type { EvmPayload } from '../../src/evm/evmPayload.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { testClock } from '../support/testClock.ts'

afterEach(() => {
  vi.doUnmock('secp256k1/bindings.js')
  vi.resetModules()
})

/** The modules that sign and recover, loaded anew. */
async function load() {
  const { nativeCurve } = await import('../../src/evm/nativeCurve.ts')
  const { evmCodec } = await import('../../src/evm/codec.ts')
  const { evmKeySigner } = await import('../../src/wallets/evmKeySigner.ts')
  return { nativeCurve, codec: evmCodec(sandboxA), evmKeySigner }
}

function orderOf(from: EvmPayload['from'], nonce: bigint, at: number) {
  const payload: EvmPayload = {
    family: 'evm',
    chain: 'eip155:31337',
    from,
    to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
    value: '7',
    data: '0x',
    accessList: [],
    gasLimit: '21000',
  }
  const block = { number: '1', hash: `0x${'1'.repeat(64)}` }
  const outcome = { ok: true, gasUsed: 21_000n, effects: [], findings: [] }
  const simulator = { name: 'local', skipped: [] }
  const rehearsal = { outcome, simulator, block } as unknown as Rehearsal
  const receipt = issueReceipt(sandboxA, payload, rehearsal, { policy: 'any', findings: [] }, at)
  const terms = { maxFeePerGas: '2000000000', maxPriorityFeePerGas: '1' }
  return { payload, nonce, terms, receipt, head: rehearsal.block }
}

const keys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => keccak256(bytes))
  .filter((key) => BigInt(key) > 0n)

describe.each([
  ['native code', true],
  ['JavaScript, where native code is not installed', false],
])('by %s', (_, installed) => {
  it('R1: a signature is the one that viem makes, and names who made it', async () => {
    if (!installed) {
      vi.doMock('secp256k1/bindings.js', () => {
        throw new Error('not built for this machine')
      })
    }
    const { nativeCurve, codec, evmKeySigner } = await load()
    expect((await nativeCurve()) !== undefined).toBe(installed)
    const clock = testClock()
    await fc.assert(
      fc.asyncProperty(keys, fc.nat(), async (key, nonce) => {
        const account = privateKeyToAccount(key)
        const order = orderOf(account.address, BigInt(nonce), clock.now())
        const signed = await evmKeySigner(new Secret(key), clock).sign(order, codec)
        const reference = await account.signTransaction({
          type: 'eip1559',
          chainId: 31337,
          nonce,
          to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
          value: 7n,
          gas: 21_000n,
          maxFeePerGas: 2_000_000_000n,
          maxPriorityFeePerGas: 1n,
        })
        expect(signed.raw).toBe(reference)
        expect((await codec.parse(signed.raw)).payload.from).toBe(account.address)
      }),
      { numRuns: installed ? 300 : 30 },
    )
  })
})
