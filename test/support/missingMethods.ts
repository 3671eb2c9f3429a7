import type { RpcErrorBody } from '../../src/rpc/transport.ts'
import type { FaultRule, ProxyCall } from './rpcProxy.ts'

/** A node that does not offer these methods: its answers to them say so, those to others are true. */
export const withoutMethods = (missing: readonly string[]): FaultRule =>
  refusing(({ method }) =>
    missing.includes(method)
      ? { code: -32601, message: `the method ${method} does not exist/is not available` }
      : undefined,
  )

/** A node that refuses some calls; its answers to others are true. */
export function refusing(refusal: (call: ProxyCall) => RpcErrorBody | undefined): FaultRule {
  return (calls) => {
    const errors = calls.map(refusal)
    if (errors.every((error) => error === undefined)) return undefined
    return { kind: 'rewrite', text: (answer) => withErrors(errors, answer) }
  }
}

function withErrors(errors: readonly (RpcErrorBody | undefined)[], answer: string): string {
  const answers = JSON.parse(answer) as { readonly id: number } | readonly { readonly id: number }[]
  const entries = [answers].flat()
  // Ids count up in the order of the calls.
  const first = Math.min(...entries.map(({ id }) => id))
  const told = entries.map((entry) => {
    const error = errors[entry.id - first]
    return error ? { jsonrpc: '2.0', id: entry.id, error } : entry
  })
  return JSON.stringify(Array.isArray(answers) ? told : told[0])
}
