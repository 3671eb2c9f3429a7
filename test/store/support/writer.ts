import { systemClock } from '../../../src/primitives/clock.ts'
import { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { begin } from '../../nonces/support/begun.ts'

// Run by tests as a process of its own: begins operations and reserves their nonces on a shared journal, then says
// which nonces it got. Arguments: path of the journal, how many.
const [path = '', count = '0'] = process.argv.slice(2)
const journal = new Journal(path, systemClock)
const nonces = new NonceTableStore(journal)
const got: string[] = []
for (let index = 0; index < Number(count); index++) {
  got.push((await nonces.reserve(await begin(journal), 7n)).toString())
}
await journal.close()
process.stdout.write(JSON.stringify(got))
