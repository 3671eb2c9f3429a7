import { BursarError } from '../errors/bursarError.ts'
import { type AdminCall, adminBatch } from './adminRpc.ts'
import { type ContractPlan, sandboxContractPlan } from './sandboxContractPlan.ts'

/** Far above what the largest creation needs; the rest is not spent. */
const GAS = '0x7a1200'
/** 100 gwei: above any base fee that an idle chain reaches. */
const MAX_FEE = '0x174876e800'
/** One wei: the tips of a fresh chain's first block are what fee quotes learn from. */
const TIP = '0x1'
/** 1,000 native tokens for gas. */
const DEPLOYER_BALANCE = '0x3635c9adc5dea00000'

/**
 * Brings one chain to the plan: a deployer's nonce tells how much of its list is on chain, so a fresh chain
 * gets everything, a kept one nothing, and one that died in between the rest. Throws `sandbox_unavailable`.
 */
export async function installContracts(rpcUrl: string): Promise<void> {
  const plan = sandboxContractPlan()
  const nonces = await adminBatch(
    rpcUrl,
    plan.map(({ deployer }) => ({ method: 'eth_getTransactionCount', params: [deployer, 'latest'] })),
  )
  const open = plan.flatMap((contract, index) => {
    const done = Number(nonces[index])
    return done < contract.transactions.length ? [{ contract, done }] : []
  })
  if (open.length === 0) return

  await adminBatch(
    rpcUrl,
    open.flatMap(({ contract }) => [
      { method: 'anvil_impersonateAccount', params: [contract.deployer] },
      { method: 'anvil_setBalance', params: [contract.deployer, DEPLOYER_BALANCE] },
    ]),
  )
  await adminBatch(
    rpcUrl,
    open.flatMap(({ contract, done }) => sends(contract, done)),
  )
  await adminBatch(rpcUrl, [{ method: 'anvil_mine', params: ['0x1'] }])
  const results = await adminBatch(
    rpcUrl,
    open.flatMap(({ contract }) => [
      { method: 'eth_getTransactionCount', params: [contract.deployer, 'latest'] },
      { method: 'eth_getCode', params: [contract.address, 'latest'] },
      { method: 'anvil_stopImpersonatingAccount', params: [contract.deployer] },
    ]),
  )
  open.forEach(({ contract }, index) => {
    const [nonce, code] = results.slice(index * 3)
    if (Number(nonce) !== contract.transactions.length || code === '0x') {
      throw new BursarError('sandbox_unavailable', { reason: `${contract.name} could not be installed` })
    }
  })
}

/** Nonces are explicit: anvil may take the calls of a batch in any order. */
function sends(contract: ContractPlan, done: number): AdminCall[] {
  return contract.transactions.slice(done).map((transaction, index) => ({
    method: 'eth_sendTransaction',
    params: [
      {
        ...transaction,
        from: contract.deployer,
        nonce: `0x${(done + index).toString(16)}`,
        gas: GAS,
        maxFeePerGas: MAX_FEE,
        maxPriorityFeePerGas: TIP,
      },
    ],
  }))
}
