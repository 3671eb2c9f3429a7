import { type Command, Option } from 'commander'

interface ScopeOptions {
  readonly wallet?: string
  readonly chain?: string
}

/** The kill switch. What it runs is loaded when it is asked for. */
export function addHaltCommands(program: Command): void {
  program
    .command('halt')
    .description('stop all signing at once, in every process of this BURSAR_HOME; reads go on')
    .option('--reason <text>', 'why, as agents and operators are told', 'halted by the operator')
    .option('--wallet <wallet>', 'only this wallet, by name or address')
    .option('--chain <chain>', 'only this chain, by id or alias')
    .action(async ({ reason, ...scope }: ScopeOptions & { reason: string }) =>
      (await import('./halt.ts')).halt(scope, reason),
    )

  program
    .command('resume')
    .description('let signing go on; without options, end the halt that was begun without options')
    .option('--wallet <wallet>', 'end the halt of this wallet')
    .option('--chain <chain>', 'end the halt of this chain')
    // One that is named as well would be ended with every other.
    .addOption(new Option('--all', 'end every halt').conflicts(['wallet', 'chain']))
    .action(async ({ all, ...scope }: ScopeOptions & { all?: true }) =>
      (await import('./halt.ts')).resume(all ? 'all' : scope),
    )
}
