import { expect, it } from 'vitest'
import { LAST_POINT } from './support/soak/commands.ts'
import { Schedule } from './support/soak/schedule.ts'
import { neverDid, soak } from './support/soak/soak.ts'
import { Stage } from './support/soak/stage.ts'

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

it('F27: the points at which the schedules kill and stop lie within an execution, up to its end', async () => {
  const stage = await Stage.open()
  try {
    const schedule = new Schedule(stage, await stage.begin('points'))
    const stops = async (point: number) => {
      const stopped = await schedule.run({ do: 'stop while paying', who: 'first', kind: 'native', point })
      await schedule.goOn()
      return stopped
    }
    expect(await stops(LAST_POINT - 8)).toBe(true)
    expect(await stops(LAST_POINT + 8)).toBe(false)
  } finally {
    await stage.close()
  }
})
