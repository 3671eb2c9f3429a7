import type { RpcOutcome, RpcTransport } from '../transport.ts'

/** What one endpoint answered to the same bytes. */
export interface SendAnswer {
  readonly host: string
  readonly outcome: RpcOutcome | undefined
  /** Why there is no outcome. */
  readonly failure?: string
}

/** A way for signed bytes: every endpoint at once, each answering for itself (R7: for the broadcaster only). */
export interface SendChannel {
  send(method: string, params: readonly unknown[], signal: AbortSignal): Promise<readonly SendAnswer[]>
}

/** Hands bytes to all endpoints that are ready: one that has them is enough, and none may veto the others. */
export function sendToAll(ready: () => readonly RpcTransport[]): SendChannel {
  return {
    send: (method, params, signal) =>
      Promise.all(
        ready().map(async (transport): Promise<SendAnswer> => {
          const { host } = transport
          try {
            const [outcome] = await transport.send([{ method, params }], signal)
            return { host, outcome }
          } catch (error) {
            return {
              host,
              outcome: undefined,
              failure: error instanceof Error ? error.message : 'unknown failure',
            }
          }
        }),
      ),
  }
}
