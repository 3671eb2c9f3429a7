import { BursarError } from '../../errors/bursarError.ts'
import type { RpcErrorBody, RpcOutcome } from '../transport.ts'

interface Waiting {
  readonly settle: (outcome: RpcOutcome) => void
  readonly fail: (error: unknown) => void
}

/** What a message over the socket is: the answer to a call, or a notice for a subscription. */
export type Incoming =
  | { readonly kind: 'answer'; readonly id: number; readonly outcome: RpcOutcome }
  | { readonly kind: 'notice'; readonly subscription: string; readonly result: unknown }
  | { readonly kind: 'garbage' }

/** Calls that wait for their answer on one connection, by id. */
export class PendingCalls {
  readonly #host: string
  readonly #max: number
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #gone: string | undefined

  constructor(host: string, max: number) {
    this.#host = host
    this.#max = max
  }

  /**
   * Sends one call and waits at most `timeoutMs` for its answer. `onAnswer` runs in the turn in which the answer
   * comes, before any later message is looked at.
   */
  async ask(
    call: { readonly method: string; readonly params: readonly unknown[] },
    send: (text: string) => void,
    timeoutMs: number,
    signal: AbortSignal,
    onAnswer?: (outcome: RpcOutcome) => void,
  ): Promise<RpcOutcome> {
    signal.throwIfAborted()
    if (this.#gone !== undefined) throw this.#unreachable(this.#gone)
    if (this.#waiting.size >= this.#max) throw this.#unreachable(`${this.#max} calls wait for it already`)
    const id = this.#nextId++
    let timer: NodeJS.Timeout | undefined
    let onAbort: (() => void) | undefined
    try {
      return await new Promise<RpcOutcome>((resolve, reject) => {
        const settle = (outcome: RpcOutcome) => {
          onAnswer?.(outcome)
          resolve(outcome)
        }
        this.#waiting.set(id, { settle, fail: reject })
        timer = setTimeout(() => reject(this.#unreachable(`no answer within ${timeoutMs} ms`)), timeoutMs)
        onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort)
        send(JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params: call.params }))
      })
    } finally {
      this.#waiting.delete(id)
      clearTimeout(timer)
      if (onAbort) signal.removeEventListener('abort', onAbort)
    }
  }

  /** Hands an answer to whoever waits for it; one that nobody waits for any more is dropped. */
  settle(id: number, outcome: RpcOutcome): void {
    this.#waiting.get(id)?.settle(outcome)
  }

  /** The connection is gone: every call fails, and so does each that comes later. */
  failAll(reason: string): void {
    this.#gone = reason
    for (const { fail } of [...this.#waiting.values()]) fail(this.#unreachable(reason))
  }

  #unreachable(reason: string): BursarError {
    return new BursarError('provider_unreachable', { host: this.#host, reason })
  }
}

export function readMessage(text: string): Incoming {
  const message = parsed(text)
  if (message === undefined) return { kind: 'garbage' }
  const { id, result, error, method, params } = message
  if (method === 'eth_subscription') {
    const { subscription, result: notice } = (params ?? {}) as { subscription?: unknown; result?: unknown }
    if (typeof subscription !== 'string') return { kind: 'garbage' }
    return { kind: 'notice', subscription, result: notice }
  }
  if (typeof id !== 'number') return { kind: 'garbage' }
  if (error === undefined || error === null) return { kind: 'answer', id, outcome: { ok: true, result } }
  const body = errorBody(error)
  return body ? { kind: 'answer', id, outcome: { ok: false, error: body } } : { kind: 'garbage' }
}

interface Message {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: unknown
  readonly method?: unknown
  readonly params?: unknown
}

function parsed(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function errorBody(value: unknown): RpcErrorBody | undefined {
  const { code, message, data } = value as { code?: unknown; message?: unknown; data?: unknown }
  if (typeof code !== 'number') return undefined
  const words = typeof message === 'string' ? message : ''
  return { code, message: words, ...(data === undefined ? {} : { data }) }
}
