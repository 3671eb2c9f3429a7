import { expect, it } from 'vitest'
import { neverDid, soak } from './support/soak/soak.ts'

// The full size, 10,000 schedules and their memory, is in `npm run test:soak`.

it('F27, R2, R3, R14: 80 random schedules of payments, crashes, reorganisations and lost answers: each key is paid at most once, every operation ends, and no wallet wedges', async () => {
  const { totals, failure } = await soak({ seeds: Array.from({ length: 80 }, (_, index) => 1 + index) })
  expect(failure).toBeUndefined()
  expect(totals.schedules).toBe(80)
  expect(neverDid(totals)).toEqual([])
  const { ends, events } = totals
  const seen = {
    ends: ['committed', 'cancelled', 'replaced by another'].filter((end) => ends[end]),
    events: ['step.reorganised', 'step.dropped', 'step.unknown'].filter((event) => events[event]),
  }
  expect(seen).toEqual({
    ends: ['committed', 'cancelled', 'replaced by another'],
    events: ['step.reorganised', 'step.dropped', 'step.unknown'],
  })
}, 240_000)
