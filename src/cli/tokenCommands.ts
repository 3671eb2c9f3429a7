import type { Command } from 'commander'

interface CreateOptions {
  readonly scopes: string
  readonly principal?: string
  readonly expires?: string
  readonly audience?: string
}

/** Bearer tokens for clients over HTTP. */
export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('bearer tokens of clients over HTTP')
  token
    .command('create <name>')
    .description('make a token and show it, once')
    .option('--scopes <list>', 'what it may do: read, prepare, spend, admin, with commas between', 'read')
    .option('--principal <name>', 'whose payments it reaches; tokens may share one (default: its name)')
    .option('--expires <time>', 'how long it is good for, such as 12h or 90d; or never', '90d')
    .option(
      '--audience <text>',
      'HTTP_AUDIENCE of the servers that take it (default: that of this environment)',
    )
    .action(async (name: string, options: CreateOptions) =>
      (await import('./tokens.ts')).createToken(name, options),
    )
  token
    .command('list')
    .description('show all tokens, without their secrets')
    .action(async () => (await import('./tokens.ts')).listTokens())
  token
    .command('revoke <name>')
    .description('end a token, by its name or id, in every server at once')
    .action(async (name: string) => (await import('./tokens.ts')).revokeToken(name))
}
