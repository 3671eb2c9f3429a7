import type { Hex } from 'viem'
import { type Finding, finding } from '../../primitives/findings.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import { FIRST_SLOT, IMPLEMENTATION_SLOT, OLD_IMPLEMENTATION_SLOT } from '../calls/standards.ts'
import { asObject } from '../quantity.ts'
import type { Task } from '../simulation/execution.ts'
import type { MadeCall } from '../simulation/madeCalls.ts'
import { transactionArguments } from '../simulation/simulateV1.ts'
import { overriding, type StateOverrides } from '../simulation/traced.ts'
import type { Tracers } from '../simulation/tracers.ts'
import { createdIn } from './creations.ts'
import type { Evidence } from './evidence.ts'

/**
 * Contracts that hand all they have to code which neither their own code nor their storage names: whoever calls chose
 * it. Proxies of every kind, libraries and facets are named in one of them.
 */
export async function delegatecalls(
  evidence: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { made = [], assets, task, state: overrides } = evidence
  const created = createdIn(evidence)
  const foreign = made.filter(
    (call) =>
      isForeign(call) && !created.has(call.self) && !assets.vouchesFor(call.code) && !KNOWN.has(call.code),
  )
  if (foreign.length === 0) return []
  const strange = await withoutUsualProxies(foreign, evidence, signal)
  if (strange.length === 0) return []
  const traced = await tracers.trace([stateRequest(task, overrides)], signal)
  if (traced === undefined) {
    return strange.map(({ self, code }) =>
      finding(
        'not-traced',
        `not looked at: whether ${self}, which runs the code of ${code}, names it itself`,
      ),
    )
  }
  const state = asObject(traced.results[0], 'the state', traced.host)
  const asked = (contract: Hex) =>
    made.filter(({ frame, caller }) => frame.type === 'STATICCALL' && caller?.self === contract)
  return strange.flatMap((call) => {
    const { self, code, caller } = call
    const holders = [self, caller?.code ?? self]
    const isNamed = holders.some((holder) => names(state, holder, code))
    // A beacon is named by its proxy, and names the code in turn.
    const byBeacon = asked(self).some(
      ({ self: beacon }) =>
        holders.some((holder) => names(state, holder, beacon)) && names(state, beacon, code),
    )
    if (isNamed || byBeacon) return []
    const detail = `${self} runs the code of ${code} with all that it has, which neither its own code nor its storage names`
    return [finding('delegatecall-unknown', detail)]
  })
}

/** Most are proxies that keep their code where all do: a few words tell, in place of all that is touched. */
async function withoutUsualProxies(
  calls: readonly MadeCall[],
  { client, head }: Evidence,
  signal: AbortSignal,
): Promise<readonly MadeCall[]> {
  const proxies = [...new Set(calls.map(({ self }) => self))]
  const at = { blockHash: head.ref.hash }
  const requests = proxies.flatMap((proxy) =>
    USUAL_SLOTS.map((slot) => ({ method: 'eth_getStorageAt', params: [proxy, slot, at] })),
  )
  const outcomes = await client.batch(requests, signal)
  const named = new Set(
    outcomes.flatMap((outcome, index) => {
      const proxy = proxies[Math.floor(index / USUAL_SLOTS.length)]
      return outcome.ok ? [`${proxy} ${String(outcome.result).slice(-40).toLowerCase()}`] : []
    }),
  )
  return calls.filter(({ self, code }) => !named.has(`${self} ${code.slice(2).toLowerCase()}`))
}

/** Implementation slots: of EIP-1967, of OpenZeppelin before that, and the first one, which Safe uses. */
const USUAL_SLOTS: readonly Hex[] = [IMPLEMENTATION_SLOT, OLD_IMPLEMENTATION_SLOT, FIRST_SLOT]

/** A delegatecall that stands, of other code than what runs there anyway. */
function isForeign({ frame, undone, self, code, caller }: MadeCall): boolean {
  const borrows = frame.type === 'DELEGATECALL' || frame.type === 'CALLCODE'
  return borrows && !undone && code !== self && code !== caller?.code
}

/** Code and storage of all that is touched, as they are before. */
function stateRequest({ payload, terms, at }: Task, state?: StateOverrides): RpcRequest {
  const call = transactionArguments(payload, terms)
  return { method: 'debug_traceCall', params: [call, at, { tracer: 'prestateTracer', ...overriding(state) }] }
}

function names(state: Readonly<Record<string, unknown>>, holder: Hex, wanted: Hex): boolean {
  const account = state[holder.toLowerCase()]
  if (typeof account !== 'object' || account === null) return false
  const { code, storage } = account as { readonly code?: unknown; readonly storage?: unknown }
  const whole = wanted.slice(2).toLowerCase()
  const words = Object.values(typeof storage === 'object' && storage !== null ? storage : {})
  return [code, ...words].some((text) => String(text).toLowerCase().includes(whole)) || pushes(code, whole)
}

/** Compilers leave the zeros out that an address begins with. */
function pushes(code: unknown, address: string): boolean {
  const digits = address.replace(/^(?:00)+/, '')
  const push = (0x5f + digits.length / 2).toString(16)
  return digits.length >= LEAST_DIGITS && String(code).toLowerCase().includes(`${push}${digits}`)
}

/** Shorter ones are numbers as well. */
const LEAST_DIGITS = 8

/** Safe's MultiSend and MultiSendCallOnly, versions 1.3.0 and 1.4.1, at the same addresses everywhere. */
const KNOWN: ReadonlySet<Hex> = new Set([
  '0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761',
  '0x40A2aCCbd92BCA938b02010E17A5b8929b49130D',
  '0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526',
  '0x9641d764fc13c8B624c04430C7356C1C7C8102e2',
])
