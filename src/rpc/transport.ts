/** One JSON-RPC call. */
export interface RpcRequest {
  readonly method: string
  readonly params: readonly unknown[]
}

/**
 * What the other side answered: a result, or its refusal. A provider that failed to answer at all is a thrown
 * BursarError (`provider_unreachable`, `provider_garbage`), so that "the provider failed" and "the chain said
 * no" can never be mistaken for each other.
 */
export type RpcOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: RpcErrorBody }

export interface RpcErrorBody {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/**
 * A way to a chain. Every policy (send guard, chain verification, and those to come: limits, failover, cache)
 * wraps a transport in a transport.
 */
export interface RpcTransport {
  /** Host and port, the only part of the URL that may be shown (T14). */
  readonly host: string
  /** Sends the requests in one round trip; outcomes come in the order of the requests. */
  send(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]>
  close(): Promise<void>
}

/** Requests of one round trip, as errors name them. */
export function nameOf(requests: readonly RpcRequest[]): string {
  const [only, ...others] = requests
  return only && others.length === 0 ? only.method : `a batch of ${requests.length} calls`
}
