import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { fullDisk, refuseAndResume } from './support/disks.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// A disk that fails (EIO on fsync) is in `npm run test:crash`: it needs strace.

let world: World
let programs: Programs
beforeAll(async () => {
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
})

it('F21, R2: a disk that is full from some write on: what is not recorded is not sent, and each payment is made once when there is room', async () => {
  const moments = [60, 76, 88, 96, 104, 112, 124, 136, 148, 160, 190, 230]
  const refused = await refuseAndResume({ world, redisUrl: '', programs }, fullDisk, moments)
  expect(refused.flatMap(({ verdict }) => verdict.notes)).toEqual([])
  expect(refused.map(({ unrecorded }) => unrecorded)).toEqual(moments.map(() => 0))
  expect(refused.reduce((total, { sent }) => total + sent, 0)).toBeGreaterThan(0)
  const outcomes = refused.map(({ said }) => said.join(', '))
  // The disk was full before the first payment was begun, while it was under way, and before the second.
  expect(new Set(outcomes)).toEqual(
    new Set(['journal_unavailable none, journal_unavailable none', 'running, journal_unavailable none']),
  )
}, 90_000)
