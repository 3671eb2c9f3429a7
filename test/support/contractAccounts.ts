import entryPoint from '@account-abstraction/contracts/artifacts/EntryPoint.json' with { type: 'json' }
import factory from '@account-abstraction/contracts/artifacts/SimpleAccountFactory.json' with { type: 'json' }
import {
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  getAddress,
  type Hex,
  parseAbi,
} from 'viem'
import type { Lane } from './engine.ts'

const abi = parseAbi([
  'function senderCreator() view returns (address)',
  'function createAccount(address owner, uint256 salt) returns (address)',
  'function getAddress(address owner, uint256 salt) view returns (address)',
])

/** A SimpleAccount of EntryPoint v0.8 that belongs to an account of anvil's, on a chain of its own entry point. */
export async function createContractAccount(lane: Lane, owner: Hex): Promise<Hex> {
  const entry = await deploy(lane, owner, entryPoint.bytecode as Hex)
  const maker = await deploy(
    lane,
    owner,
    encodeDeployData({ abi: factory.abi, bytecode: factory.bytecode as Hex, args: [entry] }),
  )
  const creator = await read(lane, entry, 'senderCreator')
  // Only the entry point's helper may; it has neither a key nor funds.
  await lane.ask('anvil_impersonateAccount', creator)
  await lane.ask('anvil_setBalance', creator, '0xde0b6b3a7640000')
  await act(lane, { from: creator, to: maker, data: call('createAccount', owner) })
  return read(lane, maker, 'getAddress', owner)
}

type Name = 'senderCreator' | 'createAccount' | 'getAddress'

const call = (functionName: Name, owner?: Hex) =>
  encodeFunctionData({ abi, functionName, ...(owner && { args: [owner, 1n] }) } as never)

async function read(lane: Lane, to: Hex, functionName: Name, owner?: Hex): Promise<Hex> {
  const data = (await lane.ask('eth_call', { to, data: call(functionName, owner) }, 'latest')) as Hex
  return getAddress(decodeFunctionResult({ abi, functionName, data } as never) as Hex)
}

async function deploy(lane: Lane, from: Hex, data: Hex): Promise<Hex> {
  const { contractAddress } = await act(lane, { from, data, gas: '0x989680' })
  return getAddress(contractAddress ?? '0x')
}

async function act(lane: Lane, transaction: object): Promise<{ readonly contractAddress?: Hex }> {
  const hash = await lane.ask('eth_sendTransaction', transaction)
  await lane.mine()
  const receipt = await lane.ask('eth_getTransactionReceipt', hash)
  if ((receipt as { status: string }).status !== '0x1') throw new Error(JSON.stringify(receipt))
  return receipt as { readonly contractAddress?: Hex }
}
