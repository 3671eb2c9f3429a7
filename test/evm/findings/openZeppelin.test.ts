import { createRequire } from 'node:module'
import { encodeDeployData, type Hex } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AGENT, MERCHANT } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'

// Contracts as everybody deploys them, by their own constructors.
let looks: Looks
let logic: Hex
let next: Hex

beforeAll(async () => {
  looks = await startLooks()
  logic = await looks.install('contract Subject { uint256 x; function set(uint256 to) external { x = to; } }')
  next = await looks.install(
    'contract Subject { uint256 x; function set(uint256 to) external { x = to + 1; } }',
  )
})
afterAll(() => looks.stop())

/** set(uint256) of 1: proxies are not to be left without. */
const SET_ONE: Hex = `0x60fe47b1${'1'.padStart(64, '0')}`

interface Artifact {
  readonly abi: readonly unknown[]
  readonly bytecode: Hex
}

async function deploy(name: string, args: readonly unknown[]): Promise<Hex> {
  const artifact = createRequire(import.meta.url)(
    `@openzeppelin/contracts/build/contracts/${name}.json`,
  ) as Artifact
  const data = encodeDeployData({ ...artifact, args } as Parameters<typeof encodeDeployData>[0])
  const { ask, mine } = looks.world.a
  await ask('anvil_setBalance', MERCHANT, '0xde0b6b3a7640000')
  await ask('anvil_impersonateAccount', MERCHANT)
  const hash = await ask('eth_sendTransaction', { from: MERCHANT, data, gas: '0x4c4b40' })
  await mine()
  const receipt = (await ask('eth_getTransactionReceipt', hash)) as { contractAddress: Hex; status: string }
  expect(receipt.status).toBe('0x1')
  return receipt.contractAddress
}

const call = async (to: string, name: string, ...args: string[]) =>
  (await looks.at({ to, function: name, args })).found

it('D2: a transparent proxy is innocent when it is used, and not when its administrator changes it', async () => {
  const proxy = await deploy('TransparentUpgradeableProxy', [logic, AGENT, SET_ONE])
  expect(await call(proxy, 'set(uint256)', '7')).toEqual([])
  const slot = '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'
  const admin = `0x${String(await looks.world.a.ask('eth_getStorageAt', proxy, slot, 'latest')).slice(26)}`
  expect(await call(admin, 'upgradeAndCall(address,address,bytes)', proxy, next, '0x')).toEqual([
    'upgrade warning',
  ])
  expect(await call(admin, 'transferOwnership(address)', MERCHANT)).toEqual(['ownership-change critical'])
})

it('D2: a beacon proxy is innocent when it is used, and not when its beacon is changed', async () => {
  const beacon = await deploy('UpgradeableBeacon', [logic, AGENT])
  const proxy = await deploy('BeaconProxy', [beacon, '0x'])
  expect(await call(proxy, 'set(uint256)', '7')).toEqual([])
  expect(await call(beacon, 'upgradeTo(address)', next)).toEqual(['upgrade warning'])
  expect(await call(beacon, 'renounceOwnership()')).toEqual(['ownership-change critical'])
})

it('D2: a role of a timelock that the account gives away', async () => {
  const timelock = await deploy('TimelockController', ['0', [AGENT], [AGENT], AGENT])
  const role = `0x${'0'.repeat(64)}`
  expect(await call(timelock, 'grantRole(bytes32,address)', role, MERCHANT)).toEqual([
    'ownership-change critical',
  ])
  expect(await call(timelock, 'renounceRole(bytes32,address)', role, AGENT)).toEqual([
    'ownership-change critical',
  ])
})
