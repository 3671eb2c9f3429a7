import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'

/** What one endpoint answered to the same bytes. */
export interface SendAnswer {
  readonly host: string
  readonly outcome: RpcOutcome | undefined
  /** Why there is no outcome. */
  readonly failure?: string
}

/** A way for signed bytes: every endpoint at once, each answering for itself (R7: for the broadcaster only). */
export interface SendChannel {
  /** Answers as soon as one is `enough`, with those that there are; the others get the bytes all the same. */
  send(
    method: string,
    params: readonly unknown[],
    enough: (answer: SendAnswer) => boolean,
    signal: AbortSignal,
  ): Promise<readonly SendAnswer[]>
}

/** Hands bytes to all endpoints that are ready: one that has them is enough, and none may veto or delay the others. */
export function sendToAll(ready: () => readonly RpcTransport[]): SendChannel {
  return {
    async send(method, params, enough, signal) {
      const answers: SendAnswer[] = []
      await new Promise<void>((resolve) => {
        const sends = ready().map(async (transport) => {
          const answer = await handOver(transport, { method, params }, signal)
          answers.push(answer)
          if (enough(answer)) resolve()
        })
        void Promise.all(sends).then(() => resolve())
      })
      return [...answers]
    },
  }
}

async function handOver(
  transport: RpcTransport,
  request: RpcRequest,
  signal: AbortSignal,
): Promise<SendAnswer> {
  const { host } = transport
  try {
    const [outcome] = await transport.send([request], signal)
    return { host, outcome }
  } catch (error) {
    const failure = error instanceof Error ? error.message : 'unknown failure'
    return { host, outcome: undefined, failure }
  }
}
