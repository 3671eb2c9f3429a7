import { decodeFunctionResult, encodeFunctionData, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCOUNT_FACTORY,
  ENTRY_POINT,
  SENDER_CREATOR,
  smartAccountOf,
} from '../../../src/evm/userOperations/smartAccount.ts'
import { sandboxAccountContracts } from '../../../src/sandbox/sandboxAccounts.ts'
import { AGENT, startWorld, type World } from '../../support/engine.ts'

const abi = parseAbi([
  'function getAddress(address owner, uint256 salt) view returns (address)',
  'function senderCreator() view returns (address)',
])
const TREASURY: Hex = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function view(to: Hex, functionName: 'getAddress' | 'senderCreator', args: readonly unknown[] = []) {
  const data = encodeFunctionData({ abi, functionName, args } as never)
  const result = (await world.a.ask('eth_call', { to, data }, 'latest')) as Hex
  return decodeFunctionResult({ abi, functionName, data: result } as never)
}

describe('F1: a contract account has its address before it is there', () => {
  it('is where its factory says that it will be, for every owner and salt', async () => {
    const cases: readonly (readonly [Hex, bigint])[] = [
      [TREASURY, 0n],
      [AGENT, 0n],
      [AGENT, 7n],
      [AGENT, 2n ** 256n - 1n],
    ]
    for (const [owner, salt] of cases) {
      expect(smartAccountOf(owner, salt).address).toBe(
        await view(ACCOUNT_FACTORY, 'getAddress', [owner, salt]),
      )
    }
    expect(smartAccountOf(TREASURY, 0n).address).toBe('0x5a1A42BCae93d527F432D29c79E32AFC5cC8CB5c')
  })

  it('is made by the helper of the entry point, which stands where it does on the real networks', async () => {
    expect(sandboxAccountContracts).toEqual({
      entryPoint: '0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108',
      simpleAccountFactory: '0x13E9ed32155810FDbd067D4522C492D6f68E5944',
    })
    expect([ENTRY_POINT, ACCOUNT_FACTORY]).toEqual(Object.values(sandboxAccountContracts))
    expect(await view(ENTRY_POINT, 'senderCreator')).toBe(SENDER_CREATOR)
  })
})
