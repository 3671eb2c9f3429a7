/** Time as the engine sees it, injected so that tests can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** For durations: nobody can set it back or forward (F20). Milliseconds since some moment. */
export const monotonicClock: Clock = { now: () => performance.now() }
