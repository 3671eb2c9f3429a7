import { type Command, Option } from 'commander'
import type { RuleOptions } from './flags.ts'

/** Feature flags. What it runs is loaded when it is asked for. */
export function addFlagCommands(program: Command): void {
  const flags = program.command('flags').description('switch features of running servers, within a second')
  const repeated = (names: string, description: string) =>
    new Option(names, description).argParser((value: string, others: readonly string[] = []) => [
      ...others,
      value,
    ])

  flags
    .command('list', { isDefault: true })
    .description('every flag, what is set of it, and what is stopped')
    .action(async () => (await import('./flags.ts')).listFlags())

  flags
    .command('set <flag> [value]')
    .description('on, off, or another variant; "usual" takes the rule of the flag away')
    .option('--percent <n>', 'only for this share of payments, the same ones each time')
    .addOption(repeated('--wallet <wallet>', 'only for this wallet, by name or address; may be repeated'))
    .addOption(repeated('--principal <principal>', 'only for this principal; may be repeated'))
    .addOption(repeated('--chain <chain>', 'only on this chain; may be repeated'))
    .addOption(repeated('--variant <name=weight>', 'instead of a value: shares of variants; may be repeated'))
    .option('--else <variant>', 'what all others get')
    .action(async (flag: string, value: string | undefined, options: RuleOptions) =>
      (await import('./flags.ts')).setFlag(flag, value, options),
    )

  flags
    .command('off <flag>')
    .description('switch a flag, or "all", off for everybody, whatever is set, until --lift')
    .option('--reason <text>', 'why', 'switched off by the operator')
    .option('--lift', 'end that')
    .action(async (flag: string, options: { reason: string; lift?: true }) =>
      (await import('./flags.ts')).stopFlag(flag, options),
    )

  flags
    .command('rollback')
    .description('put the set of before in force again')
    .option('--to <set>', 'this set, by its number; 0 is where nothing was set')
    .action(async ({ to }: { to?: string }) => (await import('./flags.ts')).rollbackFlags(to))

  flags
    .command('outcomes [flag]')
    .description('what became of the payments of each variant')
    .action(async (flag?: string) => (await import('./flags.ts')).printOutcomes(flag))
}
