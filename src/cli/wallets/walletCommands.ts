import type { Command } from 'commander'
import type { ImportOptions, NewPasswordOptions, PasswordOptions, RotateOptions } from './walletOptions.ts'

const actions = () => import('./walletActions.ts')

/** `bursar wallet …`: the operator's own hands on keys. No tool can do any of it. */
export function addWalletCommands(program: Command): void {
  const wallet = program
    .command('wallet')
    .description('make, import and keep wallets, encrypted on this disk')
  withPassword(wallet.command('create <name>').description('make a wallet with a new key')).action(
    async (name: string, options: NewPasswordOptions) => (await actions()).create(name, options),
  )
  withPassword(
    wallet
      .command('import <name>')
      .description('take over a key: asked for, or from a file')
      .option('--from <file>', 'a file with the key as 64 hex digits, or a keystore of another tool')
      .option('--from-password-file <file>', 'the password of that keystore'),
  ).action(async (name: string, options: ImportOptions) => (await actions()).importKey(name, options))
  wallet
    .command('list')
    .description('names and addresses')
    .action(async () => (await actions()).list())
  wallet
    .command('rename <name> <new-name>')
    .description('give a wallet another name')
    .action(async (name: string, next: string) => (await actions()).rename(name, next))
  withPassword(
    wallet
      .command('rotate <name>')
      .description('a new key under the name; the old one is kept beside it, so that funds can be moved')
      .option('--days <number>', 'until when the old one is to be emptied; part of its name', '30'),
  ).action(async (name: string, options: RotateOptions) => (await actions()).rotate(name, options))
  withPassword(
    wallet
      .command('password <name>')
      .description('encrypt a wallet with another password')
      .option('--old-password-file <file>', 'the password that it has'),
  ).action(async (name: string, options: PasswordOptions) => (await actions()).changePassword(name, options))
}

function withPassword(command: Command): Command {
  return command
    .option('--password-file <file>', 'take the password from a file instead of asking for it')
    .option('--keyring', 'also store the password in the keyring of this system, where the server finds it')
}
