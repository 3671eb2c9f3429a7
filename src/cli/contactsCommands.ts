import type { Command } from 'commander'
import type { AddressBook } from '../transactions/recipients/addressBook.ts'
import { print } from './output.ts'

/** The operator's address book. No tool reaches these commands. */
export function addContactsCommands(program: Command): void {
  const contacts = program.command('contacts').description('the address book: names for recipients')
  contacts
    .command('add <name> <address>')
    .description('add a contact, on every chain or on one')
    .option('--chain <chain>', 'CAIP-2 id or alias; every chain when it is left out')
    .option('--even-if-alike', 'although it looks like an address that is known: you have compared all of it')
    .action((name: string, address: string, options: { chain?: string; evenIfAlike?: true }) =>
      withBook(async (book) => print(`added ${await book.add({ name, address, ...options })}`)),
    )
  contacts
    .command('list')
    .description('list the contacts')
    .action(() =>
      withBook(async (book) => {
        const all = await book.list()
        if (all.length === 0) print('There are no contacts. Add one with: bursar contacts add NAME ADDRESS')
        for (const { name, address, chain } of all)
          print(`${name}  ${address}  ${chain === '*' ? 'every chain' : chain}`)
      }),
    )
  contacts
    .command('rename <name> <new-name>')
    .description('give a contact another name')
    .action((name: string, to: string) =>
      withBook(async (book) => print(`renamed to ${await book.rename(name, to)}`)),
    )
  contacts
    .command('remove <name>')
    .description('remove a contact')
    .option('--chain <chain>', 'the one of this chain; the one of every chain when it is left out')
    .action((name: string, { chain }: { chain?: string }) =>
      withBook(async (book) => print(`removed ${await book.remove(name, chain)}`)),
    )
}

async function withBook(action: (book: AddressBook) => Promise<void>): Promise<void> {
  const { openAddressBook } = await import('./openAddressBook.ts')
  await openAddressBook(action)
}
