import { allChains } from '../chains/allChains.ts'
import { type ChainRegistry, createRegistry } from '../chains/registry.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits } from '../primitives/amount.ts'
import {
  type FlagName,
  type FlagRule,
  flagCatalogue,
  flagNames,
  isFlagName,
  ruleProblem,
} from '../primitives/flags.ts'
import { EVERY_FLAG, FlagStore } from '../store/flags/flags.ts'
import { flagOutcomes, type VariantOutcome } from '../store/flags/flagUses.ts'
import { withOperatorJournal } from './operatorJournal.ts'
import { print } from './output.ts'

/** As given: each may come several times. */
export interface RuleOptions {
  readonly percent?: string
  readonly wallet?: readonly string[]
  readonly principal?: readonly string[]
  readonly chain?: readonly string[]
  readonly variant?: readonly string[]
  readonly else?: string
}

export async function listFlags(): Promise<void> {
  await withOperatorJournal(async (journal) => {
    const { set, rules, stopped } = await new FlagStore(journal).state()
    print(set === 0 ? 'Nothing is set.' : `Set ${set} is in force.`)
    for (const flag of flagNames) {
      const { what, usual } = flagCatalogue[flag]
      const rule = rules[flag]
      const reason = stopped.get(flag) ?? stopped.get(EVERY_FLAG)
      const state =
        reason === undefined ? (rule ? ruleWords(rule) : `${usual} (usual)`) : `STOPPED: ${reason}`
      print(`${flag}: ${state}\n    ${what}`)
    }
  })
}

/** Throws `input_invalid`. */
export async function setFlag(name: string, value: string | undefined, options: RuleOptions): Promise<void> {
  const flag = flagOf(name)
  await withOperatorJournal(async (journal, config) => {
    const rule =
      value === 'usual' ? undefined : ruleOf(flag, value, options, createRegistry(allChains, config.chains))
    const set = await new FlagStore(journal).set(flag, rule)
    print(`Set ${set}: ${flag} is ${rule ? ruleWords(rule) : `${flagCatalogue[flag].usual} (usual)`}.`)
  })
}

export async function stopFlag(
  name: string,
  { reason, lift }: { reason: string; lift?: true },
): Promise<void> {
  const flag = name === 'all' ? EVERY_FLAG : flagOf(name)
  await withOperatorJournal(async (journal) => {
    const store = new FlagStore(journal)
    if (!lift) {
      await store.stop(flag, reason)
      print(`${name} is off for everybody, whatever is set: ${reason}`)
    } else if (await store.lift(flag)) {
      print(`${name} is as it is set again.`)
    } else {
      print(`${name} was not switched off.`)
      process.exitCode = 1
    }
  })
}

/** Exit code 1 when there is no such set. */
export async function rollbackFlags(to: string | undefined): Promise<void> {
  if (to !== undefined && !/^\d{1,9}$/.test(to)) throw invalid('--to must be the number of a set')
  await withOperatorJournal(async (journal) => {
    const done = await new FlagStore(journal).rollback(to === undefined ? undefined : Number(to))
    if (done) print(`Set ${done.set} is in force: what set ${done.restored} was.`)
    else {
      print('There is no such set.')
      process.exitCode = 1
    }
  })
}

export async function printOutcomes(name: string | undefined): Promise<void> {
  const asked = name === undefined ? flagNames : [flagOf(name)]
  await withOperatorJournal(async (journal, config) => {
    const registry = createRegistry(allChains, config.chains)
    for (const flag of asked) {
      for (const outcome of await flagOutcomes(journal, flag)) print(outcomeWords(outcome, registry))
    }
  })
}

function outcomeWords(outcome: VariantOutcome, registry: ChainRegistry): string {
  const { flag, variant, chain, operations, states, feePaid, included, secondsToInclusion: seconds } = outcome
  const native = registry.find(chain)?.native
  const fee = included === 0 ? 0n : feePaid / BigInt(included)
  const told = [
    `${operations} payments`,
    ...Object.entries(states).map(([state, count]) => `${count} ${state}`),
    `fee ${native ? `${formatUnits(fee, native.decimals)} ${native.symbol}` : fee} each`,
    ...(seconds === undefined ? [] : [`${seconds.toFixed(1)} s to a block`]),
  ]
  return `${flag} ${variant} on ${chain}: ${told.join(', ')}`
}

function flagOf(name: string): FlagName {
  if (isFlagName(name)) return name
  throw invalid(`there is no flag "${name}", only ${flagNames.join(', ')}`)
}

function ruleOf(
  flag: FlagName,
  value: string | undefined,
  options: RuleOptions,
  registry: ChainRegistry,
): FlagRule {
  const { variant = [], wallet, principal, chain, percent = '100' } = options
  if ((value === undefined) === (variant.length === 0)) throw invalid('give a value, or --variant, not both')
  const variants = value === undefined ? Object.fromEntries(variant.map(weightOf)) : { [value]: 1 }
  const { off, usual } = flagCatalogue[flag]
  const rule = {
    percent: Number(percent),
    ...(wallet && { wallets: wallet.map((each) => each.toLowerCase()) }),
    ...(principal && { principals: principal }),
    ...(chain && { chains: chain.map((each) => registry.resolve(each).id) }),
    variants,
    // Who is not meant keeps what is usual where some get it switched off, and does without where some get it on.
    otherwise: options.else ?? (value === off ? usual : off),
  }
  const problem = ruleProblem(flag, rule)
  if (problem !== undefined) throw invalid(problem)
  return rule
}

function weightOf(text: string): readonly [string, number] {
  const [, name, weight] = /^([a-z-]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? []
  if (name === undefined) throw invalid('--variant must be a name and a weight, such as slow=50')
  return [name, Number(weight)]
}

function ruleWords({ variants, percent, wallets, principals, chains, otherwise }: FlagRule): string {
  const names = Object.entries(variants)
  const [[only] = []] = names
  const what = names.length === 1 ? only : names.map(([name, weight]) => `${name}=${weight}`).join(' ')
  const whom = [
    ...(wallets ? [`wallets ${wallets.join(', ')}`] : []),
    ...(principals ? [`principals ${principals.join(', ')}`] : []),
    ...(chains ? [`chains ${chains.join(', ')}`] : []),
    ...(percent < 100 ? [`${percent} % of payments`] : []),
  ]
  return whom.length === 0 ? `${what}` : `${what} for ${whom.join(', ')}; ${otherwise} for others`
}

function invalid(problem: string): BursarError {
  return new BursarError('input_invalid', { tool: 'flags', problems: [problem] })
}
