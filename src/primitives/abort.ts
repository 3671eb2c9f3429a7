import { setMaxListeners } from 'node:events'

/**
 * Runs something under a signal that aborts when the given one does, or after `ms`. The timer and the listener end
 * with the work: AbortSignal.timeout and AbortSignal.any keep theirs, which thousands of calls would pile up.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  run: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const limit = new AbortController()
  const timer = setTimeout(
    () => limit.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError')),
    ms,
  )
  const pass = () => limit.abort(signal.reason)
  signal.addEventListener('abort', pass)
  try {
    return await run(limit.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', pass)
  }
}

/** A signal that never aborts, for work that nobody waits for; any number may listen to it. */
export function unattended(): AbortSignal {
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  return signal
}

/** Resolves after `ms`; at once, without throwing, when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return wait(ms, signal, false)
}

/** The same for work in the background, which must not keep a process that has nothing else to do. */
export function idle(ms: number, signal?: AbortSignal): Promise<void> {
  return wait(ms, signal, true)
}

function wait(ms: number, signal: AbortSignal | undefined, mayExit: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (mayExit) timer.unref()
    signal?.addEventListener('abort', done)
  })
}
