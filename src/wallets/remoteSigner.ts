import { toHex } from 'viem'
import type { SigningOrder } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import { asEvmPayload } from '../evm/evmPayload.ts'
import type { Clock } from '../primitives/clock.ts'
import { untrusted } from '../primitives/untrusted.ts'
import { type RemoteAccess, remoteCalls } from './remoteCalls.ts'
import { signedAsAsked } from './signedAsAsked.ts'
import type { TransactionSigner } from './signer.ts'
import { checkOrder } from './signingOrder.ts'

/** What is known of an account whose key is elsewhere. */
export interface RemoteAccount extends RemoteAccess {
  readonly name: string
  /** EIP-55 spelling. */
  readonly address: string
}

export interface RemoteSigner extends TransactionSigner {
  /** Whether the signer says that it has the key of the account. Throws `signer_unreachable` and `signer_refused`. */
  holdsKey(): Promise<boolean>
}

/**
 * An account whose key is held by a signer that speaks JSON-RPC (`eth_signTransaction`, as Web3Signer does).
 *
 * It cannot make two payments of one, however late it answers or whatever becomes of its answer:
 * - An answer is taken only by the call that asked for it, over a connection of that call. One that comes after its
 *   time-out is read by nobody.
 * - The step keeps the nonce that it was asked at, and whoever tries again, after a restart too, asks for the same
 *   transaction at the same nonce. However many copies of its signature there are, they are of one transaction, and
 *   the journal records the first that comes back as the only live one.
 * - When the step is given up unsigned, its nonce is the lowest free one of the account, and so the next payment's:
 *   of that and of bytes that we have not seen the chain takes one. Until it has, the step is not known and counts
 *   towards caps (src/transactions/following/astray.ts).
 * - When that nonce is used by something else meanwhile, it may have been by those bytes. Then the step is not signed at
 *   another nonce but given up with `signature_astray` (src/transactions/signing/signAtNonce.ts).
 */
export function remoteSigner(account: RemoteAccount, clock: Clock): RemoteSigner {
  const { name, address, host } = account
  const call = remoteCalls(account)

  const ask = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const outcome = await call(method, params)
    if (outcome.ok) return outcome.result
    const { code, message } = outcome.error
    throw new BursarError('signer_refused', { name, host, code }, { quoted: untrusted(message) })
  }

  return {
    can: 'sign',
    account: address,
    made: 'elsewhere',
    async ready() {},
    async sign(order, codec) {
      checkOrder(order, address, clock)
      const answer = await ask('eth_signTransaction', [transactionOf(order)])
      const signed = await signedAsAsked(answer, order, codec)
      if ('wrong' in signed) throw new BursarError('signer_mismatch', { name, host, reason: signed.wrong })
      // Who signs may take long, a person even.
      checkOrder(order, address, clock)
      return signed
    },
    async holdsKey() {
      const accounts = await ask('eth_accounts', [])
      if (!Array.isArray(accounts)) return false
      return accounts.some((one) => String(one).toLowerCase() === address.toLowerCase())
    },
  }
}

/** As execution APIs spell an EIP-1559 transaction (ethereum.org, "execution-apis", GenericTransaction). */
function transactionOf({ payload, nonce, terms }: SigningOrder) {
  const { from, to, value, data, accessList, gasLimit, chain } = asEvmPayload(payload)
  const quantity = (decimal: string) => toHex(BigInt(decimal))
  return {
    type: '0x2',
    chainId: quantity(chain.slice('eip155:'.length)),
    nonce: toHex(nonce),
    from,
    to,
    value: quantity(value),
    data,
    gas: quantity(gasLimit),
    maxFeePerGas: quantity(terms.maxFeePerGas),
    maxPriorityFeePerGas: quantity(terms.maxPriorityFeePerGas),
    ...(accessList.length > 0 && { accessList }),
  }
}
