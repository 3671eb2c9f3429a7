import { expect, it } from 'vitest'
import type { ChainAdapter } from '../../src/chains/adapter.ts'
import { BursarError } from '../../src/errors/bursarError.ts'
import type { ChainIdentities } from '../../src/store/chainIdentities.ts'
import { ChainGuard } from '../../src/transactions/chainGuard.ts'
import { testClock } from '../support/testClock.ts'

/** A chain whose first block the test sets, and how often it was asked for it. */
function guarded() {
  const chain = { genesis: '0x01', asked: 0 }
  const adapter = {
    chain: { id: 'eip155:1', name: 'Chain' },
    genesis: async () => {
      chain.asked += 1
      return chain.genesis
    },
  } as unknown as ChainAdapter
  const identities = {
    confirm: async ({ id, name }: { id: string; name: string }, found: string) => {
      if (found === '0x01') return
      throw new BursarError('chain_replaced', { name, recorded: '0x01', found }, { chain: id })
    },
  } as unknown as ChainIdentities
  const clock = testClock()
  const guard = new ChainGuard(identities, clock)
  return { chain, clock, require: () => guard.require(adapter) }
}

it('R13: asks a chain for its first block once in ten seconds', async () => {
  const { chain, clock, require } = guarded()
  await Promise.all([require(), require()])
  clock.advance(9_999)
  await require()
  expect(chain.asked).toBe(1)
  clock.advance(1)
  await require()
  expect(chain.asked).toBe(2)
})

it('F20, R13: asks again when the clock was set back, instead of trusting the chain for as long', async () => {
  const { chain, clock, require } = guarded()
  await require()
  clock.advance(-3_600_000)
  chain.genesis = '0x02'
  await expect(require()).rejects.toMatchObject({ code: 'chain_replaced' })
  expect(chain.asked).toBe(2)
})

it('R13: a refusal is not remembered: the chain is asked again', async () => {
  const { chain, require } = guarded()
  chain.genesis = '0x02'
  await expect(require()).rejects.toMatchObject({ code: 'chain_replaced' })
  chain.genesis = '0x01'
  await require()
  expect(chain.asked).toBe(2)
})
