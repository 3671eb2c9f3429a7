import type { Lane } from '../../support/engine.ts'

// What tests of the server see on the other side of it.

export const isSend = (calls: readonly { readonly method: string }[]) =>
  calls.some(({ method }) => method === 'eth_sendRawTransaction')

/** The raw bytes of every broadcast that passed the proxy. */
export function sends({ proxy }: Lane): string[] {
  return proxy.calls
    .filter(({ method }) => method === 'eth_sendRawTransaction')
    .map(({ params }) => String(params[0]))
}

export async function minedCount({ ask }: Lane): Promise<number> {
  return Number(await ask('eth_getTransactionCount', '0x70997970C51812dc3A010C7d01b50e0d17dc79C8', 'latest'))
}
