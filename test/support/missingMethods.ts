import type { FaultRule } from './rpcProxy.ts'

/** A node that does not offer these methods: its answers to them say so, those to others are true. */
export function withoutMethods(missing: readonly string[]): FaultRule {
  return (calls) => {
    const methods = calls.map(({ method }) => method)
    if (!methods.some((method) => missing.includes(method))) return undefined
    return { kind: 'rewrite', text: (answer) => without(missing, methods, answer) }
  }
}

function without(missing: readonly string[], methods: readonly string[], answer: string): string {
  const answers = JSON.parse(answer) as { readonly id: number } | readonly { readonly id: number }[]
  const entries = [answers].flat()
  // Ids count up in the order of the calls.
  const first = Math.min(...entries.map(({ id }) => id))
  const told = entries.map((entry) => {
    const method = methods[entry.id - first] ?? ''
    const error = { code: -32601, message: `the method ${method} does not exist/is not available` }
    return missing.includes(method) ? { jsonrpc: '2.0', id: entry.id, error } : entry
  })
  return JSON.stringify(Array.isArray(answers) ? told : told[0])
}
