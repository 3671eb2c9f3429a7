import { allChains } from '../chains/allChains.ts'
import { createRegistry } from '../chains/registry.ts'
import { systemClock } from '../primitives/clock.ts'
import { ContactStore } from '../store/contacts.ts'
import { IntentStore } from '../store/intents.ts'
import { AddressBook } from '../transactions/recipients/addressBook.ts'
import { Lookalikes } from '../transactions/recipients/lookalikes.ts'
import { openWallets } from '../wallets/openWallets.ts'
import { withOperatorJournal } from './operatorJournal.ts'

/** Runs an operator's command on the address book of this environment. */
export function openAddressBook(action: (book: AddressBook) => Promise<void>): Promise<void> {
  return withOperatorJournal((journal, config) => {
    const contacts = new ContactStore(journal)
    const wallets = openWallets(config, systemClock).book
    const book = new AddressBook({
      contacts,
      lookalikes: new Lookalikes(contacts, new IntentStore(journal)),
      registry: createRegistry(allChains, config.chains),
      walletNames: wallets.names(),
      wallets: wallets.all(),
    })
    return action(book)
  })
}
