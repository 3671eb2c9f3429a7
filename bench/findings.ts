import type { Rehearsal } from '../src/chains/adapter.ts'
import { sandboxA } from '../src/chains/data/sandboxA.ts'
import type { EvmPayload } from '../src/evm/evmPayload.ts'
import { EvmAssets } from '../src/evm/reads/assets.ts'
import { Witnesses } from '../src/evm/reads/witnesses.ts'
import { effectsOf } from '../src/evm/simulation/effects.ts'
import { EvmRehearsals } from '../src/evm/simulation/rehearsals.ts'
import type { Scrutiny } from '../src/evm/simulation/scrutiny.ts'
import { simulationRequest, simulatorV1 } from '../src/evm/simulation/simulateV1.ts'
import { Simulators } from '../src/evm/simulation/simulators.ts'
import { dependenceOnBlock } from '../src/policy/elsewhere.ts'
import type { ChainClient } from '../src/rpc/chainClient.ts'
import { AGENT } from '../test/support/engine.ts'
import { type Looks, startLooks } from '../test/support/looks.ts'
import { type Figures, line, quantile, round } from './support/figures.ts'
import { type Labelled, labelled, ordinary } from './support/labelled.ts'

const SIMULATIONS = 1_000
const SLIPPAGE = 200n

/**
 * A thousand simulations of payloads of which is known what is in them: plain payments, tokens, calls, multicalls, ones
 * that revert, and contracts that are dangerous or look so. Whether a revert is missed, how many findings are right and
 * how many of the right ones are found; and what a simulation takes with and without them, against the bare
 * eth_simulateV1 of the same payload, in turns through the same endpoint.
 */
export async function run(): Promise<Figures> {
  const looks = await startLooks()
  try {
    const fund = (account: string) => looks.world.a.ask('anvil_setBalance', account, '0xde0b6b3a7640000')
    const cases = await labelled(looks.install, fund)
    const measure = await measuring(looks)
    const tally = { missed: 0, wrong: 0, right: 0, lacking: 0, labelled: 0, reverting: 0 }
    const times: Times[] = []
    for (const each of ordinary(0)) await measure(each)
    for (let turn = 0; turn < SIMULATIONS; turn++) {
      const mixed = ordinary(turn)
      // Half of all is labelled, each of them about as often as another.
      const each = turn % 2 === 0 ? mixed[(turn / 2) % mixed.length] : cases[((turn - 1) / 2) % cases.length]
      if (!each) throw new Error('there is nothing to simulate')
      const { rehearsal, ...spent } = await measure(each)
      times.push(spent)
      count(tally, each, rehearsal)
    }
    return report(tally, times)
  } finally {
    await looks.stop()
  }
}

interface Times {
  readonly bare: number
  readonly without: number
  readonly withFindings: number
}

async function measuring({ engine }: Looks) {
  const { adapter, access } = await engine.chains.open(sandboxA.id)
  const { signal } = new AbortController()
  const blind = withoutFindings(access.client)
  const { tiers } = await adapter.fees(signal)
  const terms = tiers.standard
  return async ({ to, data, value = 0n }: Labelled): Promise<Times & { readonly rehearsal: Rehearsal }> => {
    const gasLimit = data === '0x' ? '21000' : '2000000'
    const payload: EvmPayload = {
      ...{ family: 'evm', chain: sandboxA.id, from: AGENT, to, value: value.toString() },
      ...{ data, accessList: [], gasLimit },
    }
    const request = simulationRequest({ payload, terms, at: 'latest', before: [] })
    const [bare] = await timed(() => access.client.batch([request], signal))
    const [without] = await timed(() => blind.rehearse(payload, terms, [], [], signal))
    const [withFindings, rehearsal] = await timed(() => adapter.rehearse(payload, terms, [], [], signal))
    return { bare, without, withFindings, rehearsal }
  }
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [ms: number, done: T]> {
  const began = performance.now()
  const done = await work()
  return [performance.now() - began, done]
}

/** The same, with nobody who looks closer: effects by the events alone. */
function withoutFindings(client: ChainClient): EvmRehearsals {
  const assets = new EvmAssets(sandboxA, client)
  const scrutiny: Pick<Scrutiny, 'begin'> = {
    begin: () => ({
      async of({ ok, gasUsed, logs }, _head, signal) {
        const [effects = []] = await effectsOf([logs], assets, signal)
        return { ok, gasUsed, effects, findings: [] }
      },
    }),
  }
  const simulators = new Simulators([simulatorV1(client.host)])
  const witnesses = new Witnesses(() => [client])
  return new EvmRehearsals({ chain: sandboxA, client, witnesses, simulators, scrutiny: scrutiny as Scrutiny })
}

interface Tally {
  missed: number
  wrong: number
  right: number
  lacking: number
  labelled: number
  reverting: number
}

function count(tally: Tally, { name, findings, reverts }: Labelled, { outcome }: Rehearsal): void {
  if (reverts) tally.reverting++
  if (reverts && outcome.ok) tally.missed++
  if (reverts) return
  if (!outcome.ok) throw new Error(`${name} failed ${outcome.revert?.reason}`)
  const dependent = dependenceOnBlock({ account: AGENT, ...outcome }, SLIPPAGE)
  const found = new Set([...outcome.findings, ...dependent].map(({ code }) => code))
  const expected = new Set(findings)
  tally.labelled += expected.size
  for (const code of found) {
    if (expected.has(code)) tally.right++
    else tally.wrong++
    if (!expected.has(code)) console.log(`${name}: ${code} is wrong`)
  }
  for (const code of expected) {
    if (found.has(code)) continue
    tally.lacking++
    console.log(`${name}: ${code} is lacking`)
  }
}

function report(tally: Tally, times: readonly Times[]): Figures {
  if (tally.labelled === 0 || tally.reverting === 0) throw new Error('nothing was labelled')
  const { right, wrong, lacking, missed, labelled, reverting } = tally
  line('simulations', 'revert', 'missed', 'findings', 'precision', 'recall')
  const [precision, recall] = [right / (right + wrong), right / (right + lacking)]
  line(String(times.length), ...[reverting, missed, labelled, precision, recall].map(String))
  line('ms a simulation', 'p50', 'p99', 'of bare p50')
  const figures: Record<string, number> = {
    missedReverts: missed,
    precision: round(precision),
    recall: round(recall),
  }
  const bare = quantile(
    times.map((each) => each.bare),
    0.5,
  )
  for (const [name, of] of [
    ['bare', (each: Times) => each.bare],
    ['without', (each: Times) => each.without],
    ['with', (each: Times) => each.withFindings],
  ] as const) {
    const [p50, p99] = [0.5, 0.99].map((q) => quantile(times.map(of), q)) as [number, number]
    line(name, p50.toFixed(2), p99.toFixed(2), (p50 / bare).toFixed(1))
    Object.assign(figures, { [`${name}P50Ms`]: round(p50), [`${name}P99Ms`]: round(p99) })
  }
  return figures
}
