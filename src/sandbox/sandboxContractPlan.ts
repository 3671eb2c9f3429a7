import { concat, encodeAbiParameters, encodeFunctionData, type Hex, parseAbi, zeroHash } from 'viem'
import entryPoint from '../../contracts/artifacts/EntryPoint.json' with { type: 'json' }
import multicall3 from '../../contracts/artifacts/Multicall3.json' with { type: 'json' }
import accountFactory from '../../contracts/artifacts/SimpleAccountFactory.json' with { type: 'json' }
import testUsdc from '../../contracts/artifacts/TestUSDC.json' with { type: 'json' }
import tipJar from '../../contracts/artifacts/TipJar.json' with { type: 'json' }
import { sandboxAccountContracts, sandboxContracts, sandboxWallets } from './sandboxAccounts.ts'

/** What one deployer sends, in nonce order; the first transaction creates the contract. */
export interface ContractPlan {
  readonly name: string
  readonly address: Hex
  readonly deployer: Hex
  /** `to` is absent in creations. */
  readonly transactions: readonly { readonly to?: Hex; readonly data: Hex }[]
}

/** 1,000,000 USDC in base units. */
const GRANT = 1_000_000_000_000n

/** Every anvil has it where the real networks have it (github.com/Arachnid/deterministic-deployment-proxy). */
const CREATE2_DEPLOYER: Hex = '0x4e59b44847b379578588920cA78FbF26c0B4956C'
const ENTRY_POINT_SALT: Hex = '0x0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9'

const mintAbi = parseAbi(['function mint(address to, uint256 amount)'])

/**
 * Everything that a fresh chain gets. Only append to a `transactions` list: a kept state continues where its
 * deployer's nonce says, so a changed order would be skipped there.
 */
export function sandboxContractPlan(): readonly ContractPlan[] {
  return [
    {
      name: 'Multicall3',
      address: sandboxContracts.multicall3,
      deployer: '0x05f32B3cC3888453ff71B01135B34FF8e41263F2',
      transactions: [{ data: multicall3.bytecode as Hex }],
    },
    {
      name: 'TestUSDC',
      address: sandboxContracts.usdc,
      deployer: '0x00000000000000000000000000000000b0125a01',
      transactions: [
        { data: testUsdc.bytecode as Hex },
        ...Object.values(sandboxWallets).map((wallet) => ({
          to: sandboxContracts.usdc,
          data: encodeFunctionData({ abi: mintAbi, functionName: 'mint', args: [wallet.address, GRANT] }),
        })),
      ],
    },
    {
      name: 'SimpleAccountFactory',
      address: sandboxAccountContracts.simpleAccountFactory,
      deployer: '0x00000000000000000000000000000000b0125a03',
      transactions: [
        // The salt by which its authors gave it its address.
        { to: CREATE2_DEPLOYER, data: concat([ENTRY_POINT_SALT, entryPoint.bytecode as Hex]) },
        {
          to: CREATE2_DEPLOYER,
          data: concat([
            zeroHash,
            withAddress(accountFactory.bytecode as Hex, sandboxAccountContracts.entryPoint),
          ]),
        },
      ],
    },
    {
      name: 'TipJar',
      address: sandboxContracts.tipJar,
      deployer: '0x00000000000000000000000000000000b0125a02',
      transactions: [{ data: withAddress(tipJar.bytecode as Hex, sandboxWallets.merchant.address) }],
    },
  ]
}

/** Creation code with one address as constructor argument. */
function withAddress(bytecode: Hex, argument: Hex): Hex {
  return `${bytecode}${encodeAbiParameters([{ type: 'address' }], [argument]).slice(2)}`
}
