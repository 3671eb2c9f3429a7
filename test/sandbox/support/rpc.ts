import { type Abi, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import { sandboxWallets } from '../../../src/sandbox/sandboxAccounts.ts'

interface RpcAnswer {
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Hex }
}

async function ask(url: string, method: string, ...params: unknown[]): Promise<RpcAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return (await response.json()) as RpcAnswer
}

export async function rpc(url: string, method: string, ...params: unknown[]): Promise<unknown> {
  const { result, error } = await ask(url, method, ...params)
  if (error) throw new Error(`${method}: ${error.message}`)
  return result
}

export const blockNumber = async (url: string) => Number(await rpc(url, 'eth_blockNumber'))

/** The decoded result of a view function. */
export async function view(
  url: string,
  to: Hex,
  abi: Abi,
  functionName: string,
  ...args: unknown[]
): Promise<unknown> {
  const data = encodeFunctionData({ abi, functionName, args })
  const answer = (await rpc(url, 'eth_call', { to, data }, 'latest')) as Hex
  return decodeFunctionResult({ abi, functionName, data: answer })
}

/** The bytes with which a call from the agent reverts. */
export async function revertData(
  url: string,
  to: Hex,
  abi: Abi,
  functionName: string,
  ...args: unknown[]
): Promise<Hex | undefined> {
  const data = encodeFunctionData({ abi, functionName, args })
  const call = { from: sandboxWallets.agent.address, to, data }
  return (await ask(url, 'eth_call', call, 'latest')).error?.data
}
