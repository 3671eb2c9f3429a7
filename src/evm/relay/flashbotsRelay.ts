import type {
  FlashbotsBundleProvider,
  RelayResponseError,
  SimulationResponse,
} from '@flashbots/ethers-provider-bundle'
import { type Hex, keccak256, toHex } from 'viem'
import type { Bundle, PrivateRelay, RelayIdentity, RelayResult } from '../../chains/routes.ts'
import type { Chain } from '../../chains/types.ts'
import type { Secret } from '../../primitives/secret.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { wordsWithout } from '../../rpc/endpoint/ownSecrets.ts'
import { RelayAway, type RelayWire, relayWire } from './relayRequest.ts'

export interface RelayOptions {
  /** Secret, because it may carry a key. */
  readonly url: Secret
  readonly identity: RelayIdentity
  /** Bound on one question. */
  readonly timeoutMs: number
}

/** A relay tries a lone transaction for so many blocks by itself, whatever it is asked (docs.flashbots.net). */
const MOST_BLOCKS = 25n
/** What a relay takes in one bundle (docs.flashbots.net). */
const MOST_TRANSACTIONS = 100
const MOST_BUNDLE_BYTES = 300_000

/** Flashbots' relay for one chain, by their own client, which is loaded with its first use. */
export function flashbotsRelay(chain: Chain, options: RelayOptions): PrivateRelay {
  const hidden = wordsWithout(options.url)
  const said: Quote = (text) => untrusted(hidden(String(text))).untrusted

  /** What the client makes of an answer, and the answer's own result. Throws `RelayAway`. */
  const ask = async <T>(
    head: bigint,
    signal: AbortSignal,
    question: (client: FlashbotsBundleProvider) => Promise<T>,
  ): Promise<{ readonly answer: T; readonly result: unknown }> => {
    // Loading the client for the first time is not the relay's delay.
    const Client = await flashbotsClient()
    const wire = relayWire(options.url, AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]))
    const client = clientFor(Client, chain, options, head, wire)
    try {
      return { answer: await question(client), result: wire.result }
    } catch (error) {
      if (error instanceof RelayAway) throw error
      // What fails inside the client is about what it cannot read.
      throw new RelayAway(UNREADABLE, `${UNREADABLE} (${nameOf(error)})`)
    } finally {
      client.destroy()
    }
  }

  async function simulate({ raws, head }: Bundle, signal: AbortSignal): Promise<Said | undefined> {
    requireRoom(raws)
    const { answer } = await ask(head, signal, (client) => client.simulate([...raws], Number(head) + 1))
    return errorOf(answer, said) ?? refusalOf(answer as Simulated, raws, said)
  }

  /** Alone it may be included in any of the next blocks; after others it goes with them, into the next one only. */
  async function passOn({ raws, head }: Bundle, signal: AbortSignal): Promise<Said | undefined> {
    const [only, ...others] = raws
    if (only === undefined || others.length > 0) {
      const { answer } = await ask(head, signal, (client) =>
        client.sendRawBundle([...raws], Number(head) + 1),
      )
      return errorOf(answer, said)
    }
    // The client hands it on as it is, and the relay wants it in hex.
    const maxBlockNumber = toHex(head + MOST_BLOCKS) as unknown as number
    const { answer, result } = await ask(head, signal, (client) =>
      client.sendPrivateTransaction({ signedTransaction: only }, { maxBlockNumber }),
    )
    const refusal = errorOf(answer, said)
    if (refusal || String(result).toLowerCase() === keccak256(only as Hex)) return refusal
    throw new RelayAway(ABOUT_OTHERS)
  }

  return {
    async submit(bundle, signal) {
      const next = bundle.head + 1n
      const refusal = await told(() => simulate(bundle, signal))
      if (refusal) return { outcome: 'withheld', again: next, ...refusal }
      const failure = await told(() => passOn(bundle, signal))
      if (failure) return { outcome: 'unknown', again: next, ...failure }
      return { outcome: 'accepted', again: bundle.raws.length === 1 ? bundle.head + MOST_BLOCKS : next }
    },
    async cancel(hash, signal) {
      const failure = await told(async () => {
        const { answer, result } = await ask(0n, signal, (client) => client.cancelPrivateTransaction(hash))
        if (answer === true && result === true) return undefined
        throw new RelayAway('it did not cancel')
      })
      return failure === undefined
    },
  }
}

type Simulated = Exclude<SimulationResponse, RelayResponseError>

/** A relay's words for the log: capped, and without our key. */
type Quote = (text: unknown) => string

type Said = Pick<Extract<RelayResult, { readonly reason: string }>, 'evidence' | 'reason'>

const UNREADABLE = 'its answer cannot be read'
const ABOUT_OTHERS = 'its answer is about other transactions'

/** What an attempt tells that speaks against it; undefined when nothing does. */
async function told(attempt: () => Promise<Said | undefined>): Promise<Said | undefined> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof RelayAway)) throw error
    return { evidence: error.evidence, reason: `the relay was asked, and ${error.message}` }
  }
}

/** Why the signed bytes are not to be passed on; undefined when all of them pass. */
function refusalOf({ results }: Simulated, raws: readonly string[], said: Quote): Said | undefined {
  const hashes = results.map(({ txHash }) => String(txHash).toLowerCase())
  if (hashes.join() !== raws.map((raw) => keccak256(raw as Hex)).join()) throw new RelayAway(ABOUT_OTHERS)
  const failed = results.findIndex((each) => 'error' in each || 'revert' in each)
  if (failed < 0) return undefined
  const { error: words = '', revert = '' } = results[failed] as { error?: string; revert?: string }
  const which = failed === raws.length - 1 ? 'it' : 'a transaction that must come before it'
  return {
    evidence: `transaction ${failed + 1} of ${raws.length} fails: ${said(words)} ${said(revert)}`,
    reason: `in the relay's simulation ${which} fails`,
  }
}

function errorOf(answer: object, said: Quote): Said | undefined {
  if (!('error' in answer)) return undefined
  const { message, code } = answer.error as { readonly message?: unknown; readonly code?: unknown }
  const evidence = `it refused: ${said(message)} (code ${said(code)})`
  return { evidence, reason: 'the relay was asked, and it refused' }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown')

/** Throws `RelayAway` for what no relay takes. */
function requireRoom(raws: readonly string[]): void {
  const bytes = raws.reduce((sum, raw) => sum + (raw.length - 2) / 2, 0)
  if (raws.length > MOST_TRANSACTIONS || bytes > MOST_BUNDLE_BYTES) {
    throw new RelayAway('too many transactions come before it for one bundle')
  }
}

type Parts = ConstructorParameters<typeof FlashbotsBundleProvider>

async function flashbotsClient(): Promise<typeof FlashbotsBundleProvider> {
  const flashbots = await import('@flashbots/ethers-provider-bundle')
  // Bundled, a CommonJS module that is loaded lazily has what it exports under its default only.
  return flashbots.FlashbotsBundleProvider ?? flashbots.default.FlashbotsBundleProvider
}

/** Made anew for each question, which takes microseconds, because signals and heads are per question. */
function clientFor(
  Client: typeof FlashbotsBundleProvider,
  { id }: Chain,
  { identity }: RelayOptions,
  head: bigint,
  { request }: RelayWire,
): FlashbotsBundleProvider {
  // All that the client asks of a chain and of a signer.
  const provider = { getBlockNumber: async () => Number(head) } as unknown as Parts[0]
  const signer = {
    getAddress: async () => identity.address,
    signMessage: (text: string) => identity.signMessage(text),
  } as unknown as Parts[1]
  return new Client(provider, signer, request, Number(id.slice('eip155:'.length)))
}
