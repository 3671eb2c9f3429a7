import { decodeFunctionResult, encodeFunctionData, type Hex, parseAbi } from 'viem'
import { sign } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import { evmCodec } from '../../../src/evm/codec.ts'
import type { EvmPayload } from '../../../src/evm/evmPayload.ts'
import { deploymentOf, ENTRY_POINT, smartAccountOf } from '../../../src/evm/userOperations/smartAccount.ts'
import { record, recorded } from '../../../src/evm/userOperations/userOperation.ts'
import { AGENT, AGENT_KEY, startWorld, type World } from '../../support/engine.ts'

const account = smartAccountOf(AGENT, 0n)
const accounts = (address: string) => (address === account.address ? account : undefined)
const codec = evmCodec(sandboxA, accounts)
const terms = { maxFeePerGas: '2000000000', maxPriorityFeePerGas: '1000000000' }

const payload: EvmPayload = {
  family: 'evm',
  chain: 'eip155:31337',
  from: account.address,
  to: account.address,
  value: '0',
  data: '0xb61d27f6',
  accessList: [],
  gasLimit: '360000',
  userOperation: {
    entryPoint: ENTRY_POINT,
    verificationGasLimit: '200000',
    callGasLimit: '100000',
    preVerificationGas: '60000',
  },
}
const deploying: EvmPayload = {
  ...payload,
  userOperation: { ...(payload.userOperation as never as object), factory: deploymentOf(account) } as never,
}

const abi = parseAbi([
  'struct PackedUserOperation { address sender; uint256 nonce; bytes initCode; bytes callData; bytes32 accountGasLimits; uint256 preVerificationGas; bytes32 gasFees; bytes paymasterAndData; bytes signature; }',
  'function getUserOpHash(PackedUserOperation userOp) view returns (bytes32)',
])

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function signed(what: EvmPayload, nonce: bigint, by: Hex = AGENT_KEY) {
  const hash = codec.signingDigest(what, nonce, terms) as Hex
  return codec.assemble(what, nonce, terms, await sign({ hash, privateKey: by, to: 'hex' }))
}

async function hashByChain(raw: string): Promise<Hex> {
  const data = encodeFunctionData({
    abi,
    functionName: 'getUserOpHash',
    args: [recorded(raw as Hex).operation],
  })
  const result = (await world.a.ask('eth_call', { to: ENTRY_POINT, data }, 'latest')) as Hex
  return decodeFunctionResult({ abi, functionName: 'getUserOpHash', data: result })
}

describe('T33: what is signed of a user operation', () => {
  it('is what the entry point hashes, with a deployment and without, on this chain only', async () => {
    const [first, later] = [await signed(deploying, 0n), await signed(payload, 5n)]
    expect(await hashByChain(first.raw)).toBe(first.hash)
    expect(await hashByChain(later.raw)).toBe(later.hash)
    expect(first.hash).toBe('0xf600f93f6cfe55681ffc4793b3bb736b400b5bd555194a0834edb6e673633d73')
    expect(later.hash).toBe('0x7e26dd0e93d481b54f87507032cfb01ae8ac7c90160beb59746f706a7657ba73')
    const elsewhere = evmCodec({ ...sandboxA, id: 'eip155:31338' }, accounts)
    expect(elsewhere.signingDigest(payload, 5n, terms)).not.toBe(later.hash)
  })

  it('says of itself, re-parsed, exactly what was asked for', async () => {
    for (const [what, nonce] of [
      [deploying, 0n],
      [payload, 5n],
    ] as const) {
      const { raw, hash } = await signed(what, nonce)
      expect(await codec.parse(raw)).toEqual({ payload: what, nonce, terms, hash })
    }
    expect(codec.maxFee(payload, terms)).toBe(720_000_000_000_000n)
    expect(codec.entryPoint(payload)).toBe(ENTRY_POINT)
    expect(codec.kind(payload)).toBeUndefined()
  })

  it('is refused with any field changed, with another signer, and of an account that no wallet is', async () => {
    const { raw } = await signed(deploying, 0n)
    const { entryPoint, operation } = recorded(raw as Hex)
    const changes = {
      sender: AGENT as Hex,
      nonce: 1n,
      initCode: `${operation.initCode}00` as Hex,
      callData: '0xb61d27f7' as Hex,
      accountGasLimits: operation.gasFees,
      preVerificationGas: 60_001n,
      gasFees: operation.accountGasLimits,
      paymasterAndData: '0x00' as Hex,
      signature: `0x11${operation.signature.slice(4)}` as Hex,
    }
    expect(Object.keys(changes)).toEqual(Object.keys(operation))
    for (const [field, value] of Object.entries(changes)) {
      const changed = record({ entryPoint, operation: { ...operation, [field]: value } })
      await expect(codec.parse(changed), field).rejects.toThrow()
    }
    await expect(codec.parse(record({ entryPoint: AGENT, operation })), 'entry point').rejects.toThrow()
    const other = `0x${'46'.repeat(32)}` as Hex
    await expect(codec.parse((await signed(payload, 5n, other)).raw)).rejects.toThrow('has not signed it')
    await expect(evmCodec(sandboxA).parse(raw)).rejects.toThrow('is no account of a wallet')
  })

  it('R4: deploys its account at nonce 0 only: at another it could never be included', () => {
    expect(() => codec.signingDigest(deploying, 1n, terms)).toThrow(
      expect.objectContaining({ code: 'receipt_refused' }),
    )
  })
})
