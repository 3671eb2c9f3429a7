import { createRequire } from 'node:module'
import { encodeAbiParameters, type Hex, keccak256, pad, toHex } from 'viem'
import testUsdc from '../../contracts/artifacts/TestUSDC.json' with { type: 'json' }
import { adminBatch } from '../../src/sandbox/adminRpc.ts'
import type { Lane } from './engine.ts'

/** Address of the n-th extra token. */
export const tokenAt = (n: number): Hex => pad(toHex(0x70ce0000 + n), { size: 20 })

/** Puts `count` more tokens of TestUSDC's code on a chain. */
export async function installTokens(lane: Lane, count: number): Promise<void> {
  await adminBatch(
    lane.rpcUrl,
    Array.from({ length: count }, (_, n) => ({
      method: 'anvil_setCode',
      params: [tokenAt(n), testUsdc.deployedBytecode],
    })),
  )
}

export interface Holding {
  readonly token: Hex
  readonly account: Hex
  readonly raw: bigint
}

/** Sets token balances (OpenZeppelin's ERC20 keeps them in the mapping at slot 0). */
export async function setHoldings(lane: Lane, holdings: readonly Holding[]): Promise<void> {
  await adminBatch(
    lane.rpcUrl,
    holdings.map(({ token, account, raw }) => ({
      method: 'anvil_setStorageAt',
      params: [
        token,
        keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [account, 0n])),
        pad(toHex(raw), { size: 32 }),
      ],
    })),
  )
}

interface Compiler {
  compile(input: string): string
}

/** Runtime code of the contract `Subject` in this Solidity. */
export function compile(source: string): Hex {
  const solc = createRequire(import.meta.url)('solc') as Compiler
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources: { 'subject.sol': { content: `pragma solidity 0.8.37; ${source}` } },
        settings: {
          evmVersion: 'paris',
          optimizer: { enabled: true },
          outputSelection: { '*': { Subject: ['evm.deployedBytecode.object'] } },
        },
      }),
    ),
  )
  const code = output.contracts?.['subject.sol']?.Subject?.evm.deployedBytecode.object
  if (typeof code !== 'string') throw new Error(JSON.stringify(output.errors))
  return `0x${code}`
}
