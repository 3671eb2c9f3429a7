import { systemClock } from '../../../src/primitives/clock.ts'
import { IntentStore } from '../../../src/store/intents.ts'
import { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import { fromTheStart, uncounted } from '../../support/ledger.ts'

// Run by tests as a process of its own: begins operations and reserves their nonces on a shared journal, then says
// which nonces it got. Arguments: path of the journal, name of this writer, how many.
const [path = '', name = '', count = '0'] = process.argv.slice(2)
const journal = new Journal(path, systemClock)
const intents = new IntentStore(journal)
const operations = new OperationStore(journal)
const nonces = new NonceTableStore(journal)
const got: string[] = []
for (let index = 0; index < Number(count); index++) {
  const { intent } = await intents.save({
    id: `int_${name}_${index}`,
    principal: 'local',
    idempotency_key: `${name} ${index}`,
    arguments: '{}',
    digest: '0x',
    chain: 'eip155:31337',
    account: '0xA',
    wallet: 'agent',
    plan: '{}',
    expires_at: '2099-01-01T00:00:00.000Z',
  })
  const lease = { owner: name, until: '2099-01-01T00:00:00.000Z' }
  const step = {
    role: 'pivot' as const,
    recipient: '0x',
    payload: '{}',
    terms: '{}',
    outflow: '{}',
    receipt: '{}',
    reservations: [],
    ...uncounted,
  }
  const { id } = await operations.begin(intent, lease, fromTheStart, () => [step])
  const record = await operations.find(id)
  const row = record?.steps[0]?.step
  if (!row) throw new Error('a begun operation has its step')
  got.push((await nonces.reserve(row, 7n)).toString())
}
await journal.close()
process.stdout.write(JSON.stringify(got))
