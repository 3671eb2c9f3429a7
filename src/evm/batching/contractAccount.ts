import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import { isVerdict } from '../calls/reverts.ts'
import type { PackedCall } from './multicall3.ts'

// Contract accounts (ERC-4337) make calls with their own rights and what they hold, for their owner as for the entry
// point. They have `executeBatch` in one of two forms (github.com/eth-infinitism/account-abstraction).

/** Since release 0.8 of SimpleAccount, and of accounts that follow it. */
const TUPLES = parseAbi([
  'struct Call { address target; uint256 value; bytes data; }',
  'function executeBatch(Call[] calls)',
])
/** Before that. */
const LISTS = parseAbi(['function executeBatch(address[] targets, uint256[] values, bytes[] datas)'])

type Packing = (calls: readonly PackedCall[]) => Hex

const PACKINGS: readonly Packing[] = [
  (calls) => {
    const all = calls.map(({ to, value, data }) => ({ target: to, value, data }))
    return encodeFunctionData({ abi: TUPLES, args: [all] })
  },
  (calls) => {
    const [targets, values, datas] = [
      calls.map((c) => c.to),
      calls.map((c) => c.value),
      calls.map((c) => c.data),
    ]
    return encodeFunctionData({ abi: LISTS, args: [targets, values, datas] })
  },
]

/**
 * How an account takes batches from its owner, as it answers to one of nothing. Throws `call_invalid` where it takes
 * none from that owner.
 */
export async function packingOf(
  account: Hex,
  owner: Hex,
  client: ChainClient,
  signal: AbortSignal,
): Promise<Packing> {
  const tries = PACKINGS.map((pack) => {
    return { method: 'eth_call', params: [{ from: owner, to: account, data: pack([]) }, 'latest'] }
  })
  const code = { method: 'eth_getCode', params: [account, 'latest'] }
  const [found, ...outcomes] = await client.batch([code, ...tries], signal)
  const isThere = found?.ok === true && found.result !== '0x'
  const packing = PACKINGS.find((_, index) => outcomes[index]?.ok === true)
  if (isThere && packing) return packing
  const failed = [found, ...outcomes].find((outcome) => outcome?.ok === false && !isVerdict(outcome.error))
  if (failed?.ok === false) {
    const reason = `${client.host} could not be asked how contractAccount takes batches`
    throw new BursarError('simulation_unavailable', { reason }, { chain: client.chain })
  }
  const reason = isThere
    ? `contractAccount ${account} takes no batch from ${owner}: it has no executeBatch, or another owner`
    : `there is no contract at contractAccount ${account} on this chain; it has to be deployed first`
  throw new BursarError('call_invalid', { reason }, { chain: client.chain })
}
