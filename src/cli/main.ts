#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { addApprovalsCommands } from './approvals/approvalsCommands.ts'
import { addAuditCommands } from './auditCommands.ts'
import { addContactsCommands } from './contactsCommands.ts'
import { addFlagCommands } from './flagCommands.ts'
import { addHaltCommands } from './haltCommands.ts'
import { lastWords } from './lastWords.ts'
import { fail } from './output.ts'
import { addPolicyCommands } from './policyCommands.ts'
import { addTokenCommands } from './tokenCommands.ts'
import { addWalletCommands } from './wallets/walletCommands.ts'

// Rejections that nobody handles as well.
process.on('uncaughtException', lastWords)

// Each command loads what it needs when it runs: serving must not wait for what the others import.
const program = new Command('bursar')
  .description(manifest.description)
  .version(manifest.version)
  .showHelpAfterError('Run "bursar --help" for the commands.')

program
  .command('serve', { isDefault: true })
  .description('serve MCP over stdio; with nothing configured, on the embedded sandbox')
  .option('--http', 'serve over HTTP instead, to clients with tokens (bursar token)')
  .action(async (options: { http?: boolean }) =>
    (await import('./serve.ts')).serve(manifest.version, options),
  )

program
  .command('sandbox')
  .description('run the two sandbox chains by themselves and print how to use them')
  .option('--state <folder>', 'keep the chains in this folder between runs')
  .action(async (options: { state?: string }) => (await import('./sandbox.ts')).sandbox(options.state))

program
  .command('demo')
  .description('an agent pays from the sandbox: native, token and contract call on both chains')
  .action(async () => (await import('./demo.ts')).demo(fileURLToPath(import.meta.url)))

program
  .command('doctor')
  .description('check Node, configuration, endpoints and journal, and say what to do')
  .action(async () => (await import('./doctor.ts')).doctor(manifest.version))

addPolicyCommands(program)
addApprovalsCommands(program)
addHaltCommands(program)
addAuditCommands(program)
addFlagCommands(program)
addContactsCommands(program)
addTokenCommands(program)
addWalletCommands(program)

// Without this the default command would take an unknown one for an argument of its own.
const [, , given = ''] = process.argv
const known = ['help', ...program.commands.map((command) => command.name())]
if (/^[^-]/.test(given) && !known.includes(given)) program.error(`error: unknown command '${given}'`)

program.parseAsync().catch(fail)
