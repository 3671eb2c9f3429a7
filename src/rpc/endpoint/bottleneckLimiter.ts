import { setMaxListeners } from 'node:events'
import Bottleneck from 'bottleneck'
import { pause } from '../../primitives/abort.ts'
import { monotonicClock } from '../../primitives/clock.ts'
import type { Demand, Places } from './rateLimiter.ts'

/** A call keeps its place a little longer than a second: what left together arrives a few milliseconds apart. */
const WINDOW_MS = 1_020
/** Every place is free again after a window: whoever waits for longer waits for something else. */
const STUCK_MS = WINDOW_MS + 500

/** One Bottleneck, its size, and how many of its places are held. */
interface Room {
  readonly jobs: Bottleneck
  size: number
  held: number
  /** Ends what is only waited for: a process that is done must not stay for it. */
  readonly closed: AbortSignal
}

type Waited = 'held' | 'gone' | 'stuck'

/**
 * Room for `limit` calls in any second, wherever the second begins: each call holds one of Bottleneck's concurrent
 * places for a whole window. Its own reservoirs refill at fixed times and let twice the limit through around them.
 * It passes about 400 jobs a second (facts.md), so this is for limits up to 200, and one job holds the places of
 * everybody who waits.
 *
 * A job heavier than `maxConcurrent` stays at the head of its queue for ever, and all others behind it. So only a
 * job of one place ever waits, heavier ones take what is known to be free, and the size changes between jobs.
 *
 * Bottleneck goes by Date: when that is set back by an hour, every job waits for an hour. Then all places have long
 * been free, and a new Bottleneck takes over (F20).
 */
export function bottleneckPlaces(limit: number): Places {
  const closing = new AbortController()
  const closed = closing.signal
  setMaxListeners(0, closed)
  const newRoom = (): Room => ({
    jobs: new Bottleneck({ maxConcurrent: limit }),
    size: limit,
    held: 0,
    closed,
  })
  let room = newRoom()

  return {
    async take(demand: Demand, perSecond: number): Promise<number> {
      for (;;) {
        if (perSecond !== room.size) {
          room.size = perSecond
          await room.jobs.updateSettings({ maxConcurrent: perSecond })
        }
        const { promise: left, resolve: leave } = deferred<number>()
        const first = Math.max(1, Math.min(demand.calls, room.size - room.held))
        const waited = await occupy(room, first, left, demand.gone)
        if (waited === 'gone') return 0
        if (waited === 'held') {
          // Places that were taken together come back together: whoever waited for one may have more.
          const more = await occupyFree(room, demand.calls - first, left)
          leave(monotonicClock.now())
          return first + more
        }
        room = newRoom()
      }
    },
    async close() {
      closing.abort()
    },
  }
}

/** Waits until the places are held. They are free again a window after `left`. */
function occupy(room: Room, calls: number, left: Promise<number>, gone?: AbortSignal): Promise<Waited> {
  return new Promise((resolve, reject) => {
    let given: Waited | undefined
    const settle = (waited: Waited) => {
      if (given) return
      given = waited
      finished.abort()
      gone?.removeEventListener('abort', onGone)
      resolve(waited)
    }
    const onGone = () => settle('gone')
    const finished = new AbortController()
    const hold = async () => {
      // Whoever asked is gone, or has found another room: the place is free at once.
      if (given) return
      room.held += calls
      settle('held')
      await passed((await left) + WINDOW_MS, room.closed)
      room.held -= calls
    }
    gone?.addEventListener('abort', onGone)
    if (gone?.aborted) return onGone()
    void passed(monotonicClock.now() + STUCK_MS, finished.signal).then(() => settle('stuck'))
    room.jobs.schedule({ weight: calls }, hold).catch(reject)
  })
}

/** How many more places were free and are held now; one that is not held must not be used. */
async function occupyFree(room: Room, wanted: number, left: Promise<number>): Promise<number> {
  const calls = Math.min(wanted, room.size - room.held)
  return calls > 0 && (await occupy(room, calls, left)) === 'held' ? calls : 0
}

/** A timer counts from the last turn of the event loop and fires early after a long one: the clock has the word. */
async function passed(at: number, signal?: AbortSignal): Promise<void> {
  for (let left = at - monotonicClock.now(); left > 0; left = at - monotonicClock.now()) {
    await pause(left, signal)
    if (signal?.aborted) return
  }
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
