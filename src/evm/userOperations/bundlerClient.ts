import { type Hex, size, slice } from 'viem'
import type { Bundler } from '../../chains/bundler.ts'
import type { SubmitResult } from '../../chains/submitResult.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { Secret } from '../../primitives/secret.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { boundedPost, PostFailed } from '../../rpc/boundedPost.ts'
import { wordsWithout } from '../../rpc/endpoint/ownSecrets.ts'
import { fromQuantity, toQuantity } from '../quantity.ts'
import { ENTRY_POINT } from './smartAccount.ts'
import { recorded } from './userOperation.ts'

const MAX_ANSWER_BYTES = 1024 * 1024

export interface BundlerOptions {
  readonly url: Secret
  /** Host and port, which may be shown. */
  readonly host: string
  readonly timeoutMs: number
}

/** A refusal, or no answer at all. `reason` is in our words; `evidence` has the service's, capped, for the log. */
class Refusal extends Error {
  readonly evidence: string
  readonly isKnown: boolean

  constructor(reason: string, evidence = reason, isKnown = false) {
    super(reason)
    this.evidence = evidence
    this.isKnown = isKnown
  }
}

/** A bundler by its JSON-RPC methods (ERC-7769). Used only once it says that it serves this chain and entry point. */
export function bundlerClient(chain: Chain, { url, host, timeoutMs }: BundlerOptions): Bundler {
  let checked: Promise<void> | undefined

  async function call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const answer = await boundedPost({ url, headers, body, maxBytes: MAX_ANSWER_BYTES }, limited).catch(
      (error: unknown) => {
        throw error instanceof PostFailed ? new Refusal(error.message) : error
      },
    )
    const words = untrusted(wordsWithout(url)(answer.text)).untrusted
    const { result, error } = parsed(answer.text)
    if (error !== undefined) {
      const isKnown = /already known|already exists|duplicate/i.test(String(error.message))
      throw new Refusal(`it refused the operation (code ${Number(error.code)})`, words, isKnown)
    }
    if (result === undefined) throw new Refusal(`it answered with status ${answer.status}`, words)
    return result
  }

  /** Throws unless it serves this chain (R13), and accounts of this entry point. */
  async function check(signal: AbortSignal): Promise<void> {
    const id = await call('eth_chainId', [], signal)
    if (`eip155:${Number(id)}` !== chain.id) throw new Refusal(`it serves chain ${Number(id)}`)
    const supported = await call('eth_supportedEntryPoints', [], signal)
    const all = Array.isArray(supported) ? supported.map((each) => String(each).toLowerCase()) : []
    if (!all.includes(ENTRY_POINT.toLowerCase())) throw new Refusal(`it does not serve ${ENTRY_POINT}`)
  }

  async function ask(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    checked ??= check(signal)
    try {
      await checked
    } catch (error) {
      // It is asked again the next time.
      checked = undefined
      throw error
    }
    return call(method, params, signal)
  }

  return {
    async estimate(raw, signal) {
      try {
        const told = (await ask('eth_estimateUserOperationGas', [json(raw), ENTRY_POINT], signal)) as Told
        const gas = (name: keyof Told) => fromQuantity(told[name], name, host)
        return {
          verificationGasLimit: gas('verificationGasLimit'),
          callGasLimit: gas('callGasLimit'),
          preVerificationGas: gas('preVerificationGas'),
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        throw new BursarError('bundler_away', { host, reason: error.message }, { chain: chain.id })
      }
    },
    async submit(raw, hash, signal): Promise<SubmitResult> {
      try {
        const named = await ask('eth_sendUserOperation', [json(raw), ENTRY_POINT], signal)
        if (named === hash) return { outcome: 'accepted' }
        return unproven(host, 'it calls the operation by another hash', untrusted(String(named)).untrusted)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return error.isKnown ? { outcome: 'accepted' } : unproven(host, error.message, error.evidence)
      }
    },
  }
}

type Told = Partial<Record<'verificationGasLimit' | 'callGasLimit' | 'preVerificationGas', unknown>>

const unproven = (host: string, reason: string, evidence: string): SubmitResult => {
  return { outcome: 'unknown', evidence: `${host} ${evidence}`, reason: `of the bundler ${host}: ${reason}` }
}

interface Answer {
  readonly result?: unknown
  readonly error?: { readonly code?: unknown; readonly message?: unknown }
}

function parsed(text: string): Answer {
  try {
    const answer = JSON.parse(text) as Answer | null
    return typeof answer === 'object' && answer !== null ? answer : {}
  } catch {
    // What stands before a service answers in prose.
    return {}
  }
}

/** An operation in the form that bundlers take: what is packed for the contract goes unpacked. */
function json(raw: string): object {
  const { operation } = recorded(raw as Hex)
  const half = (word: Hex, at: 0 | 16) => toQuantity(BigInt(slice(word, at, at + 16)))
  const { initCode, accountGasLimits: limits, gasFees: fees } = operation
  return {
    sender: operation.sender,
    nonce: toQuantity(operation.nonce),
    ...(initCode !== '0x' && {
      factory: slice(initCode, 0, 20),
      factoryData: size(initCode) > 20 ? slice(initCode, 20) : '0x',
    }),
    callData: operation.callData,
    verificationGasLimit: half(limits, 0),
    callGasLimit: half(limits, 16),
    preVerificationGas: toQuantity(operation.preVerificationGas),
    maxPriorityFeePerGas: half(fees, 0),
    maxFeePerGas: half(fees, 16),
    signature: operation.signature,
  }
}
