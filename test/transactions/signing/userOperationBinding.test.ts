import type { Hex } from 'viem'
import { sign } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SimulationReceipt } from '../../../src/chains/simulationReceipt.ts'
import type { EvmPayload, UserOperationTerms } from '../../../src/evm/evmPayload.ts'
import { AGENT, type Engine, MERCHANT, startEngine, type World } from '../../support/engine.ts'
import { emptyLedger } from '../../support/ledger.ts'
import { startVaultWorld, VAULT } from '../../support/vault.ts'

/** anvil's well-known development key of the treasury. */
const TREASURY_KEY: Hex = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const signal = AbortSignal.timeout(60_000)

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startVaultWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

/** A payment of the account that was simulated and judged, with its receipt. */
async function judged() {
  const adapter = await engine.chains.adapter('sandbox-a')
  const draft = await adapter.draft({ to: MERCHANT, amount: '2.5', asset: 'USDC' }, VAULT, signal)
  const askedAt = engine.clock.now()
  const limit = { urgency: 'standard', maxGasPrice: 500_000_000_000n } as const
  const { payload, terms, rehearsal } = await adapter.plan(draft, limit, [], signal)
  const whose = { wallet: 'vault', principal: 'local' }
  const matter = { adapter, ...whose, payload, terms, outflow: draft.outflow, rehearsal, askedAt }
  const { receipt } = engine.judge.pass(matter, emptyLedger(engine.judge.policy.version))
  const { signer } = engine.wallets.find('vault', adapter.chain)
  return { adapter, payload: payload as EvmPayload, terms, receipt, signer, head: rehearsal.block }
}

/** Each field that the owner's signature covers, as another one. The nonce and the fees are no part of a payload. */
const OF_OPERATION: { readonly [K in keyof UserOperationTerms]-?: UserOperationTerms[K] } = {
  entryPoint: AGENT,
  factory: { address: AGENT, data: '0x1234' },
  verificationGasLimit: '700001',
  callGasLimit: '700002',
  preVerificationGas: '700003',
}

function changed(payload: EvmPayload): Readonly<Record<string, EvmPayload>> {
  const { userOperation } = payload
  if (!userOperation) throw new Error('it is a user operation')
  const { factory, ...deployed } = userOperation
  expect(Object.keys(OF_OPERATION).sort()).toEqual(Object.keys(userOperation).sort())
  const other = Object.entries(OF_OPERATION).map(([field, value]) => {
    return [field, { ...payload, userOperation: { ...userOperation, [field]: value } }]
  })
  return {
    ...Object.fromEntries(other),
    data: { ...payload, data: '0xb61d27f6' },
    'no factory': { ...payload, userOperation: deployed },
    gasLimit: { ...payload, gasLimit: '1' },
  }
}

async function bytesOf(payload: EvmPayload, { adapter, terms }: Awaited<ReturnType<typeof judged>>) {
  const hash = adapter.codec.signingDigest(payload, 0n, terms) as Hex
  const signature = await sign({ hash, privateKey: TREASURY_KEY, to: 'hex' })
  return adapter.codec.assemble(payload, 0n, terms, signature)
}

describe('R1, T33: what was simulated of a user operation is what is signed and brought', () => {
  it('is refused by the signer with any field changed', async () => {
    const { adapter, payload, terms, receipt, signer, head } = await judged()
    for (const [field, other] of Object.entries(changed(payload))) {
      const order = { payload: other, nonce: 0n, terms, receipt, head }
      await expect(signer.sign(order, adapter.codec), field).rejects.toMatchObject({
        code: 'receipt_refused',
      })
    }
    const { hash } = await signer.sign({ payload, nonce: 0n, terms, receipt, head }, adapter.codec)
    expect(hash).toBe((await bytesOf(payload, await judged())).hash)
  })

  it('is refused by the broadcaster with any field changed, signed by the owner all the same', async () => {
    const known = await judged()
    const { adapter, payload, receipt } = known
    const send = (signed: { raw: string; hash: string }, by: SimulationReceipt = receipt) =>
      engine.broadcaster.broadcast(adapter, { ...signed, account: VAULT, receipt: by })
    const { gasLimit: _sum, ...others } = changed(payload)
    for (const [field, other] of Object.entries(others)) {
      await expect(send(await bytesOf(other, known)), field).rejects.toMatchObject({
        code: 'receipt_refused',
      })
    }
    const signed = await bytesOf(payload, known)
    await expect(send({ ...signed, hash: `0x${'11'.repeat(32)}` })).rejects.toMatchObject({
      code: 'receipt_refused',
    })
    // As they are they pass, and the journal is asked next, which has never heard of them.
    await expect(send(signed)).rejects.toMatchObject({ code: 'receipt_refused' })
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
  })

  it('R6: the key of the owner signs no transaction for the account, and no user operation as itself', async () => {
    const { adapter, payload, terms, receipt, signer, head } = await judged()
    const { userOperation: _gone, ...transaction } = payload
    const asTransaction = { payload: transaction, nonce: 0n, terms, receipt, head }
    await expect(signer.sign(asTransaction, adapter.codec)).rejects.toMatchObject({
      context: { reason: `it is not what ${VAULT} signs` },
    })
    const owner = engine.wallets.find('treasury', adapter.chain)
    const ownOperation = { payload: { ...payload, from: owner.address }, nonce: 0n, terms, receipt, head }
    await expect(owner.signer.sign(ownOperation, adapter.codec)).rejects.toMatchObject({
      context: { reason: `it is not what ${owner.address} signs` },
    })
  })
})
