import { allChains } from '../../../src/chains/allChains.ts'
import { base } from '../../../src/chains/data/base.ts'
import { isBursarError } from '../../../src/errors/bursarError.ts'
import { Policy } from '../../../src/policy/policy.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { systemClock } from '../../../src/primitives/clock.ts'
import { IntentStore } from '../../../src/store/intents.ts'
import { Journal } from '../../../src/store/journal.ts'
import { OperationStore } from '../../../src/store/operations.ts'

// Run by tests and benchmarks as a process of its own: asks for payments of 1.5 USDC each under a policy, on a shared
// journal, and says how many were admitted. Arguments: path of the journal, name, how many, the policy's text.
const [path = '', name = '', count = '0', rules = ''] = process.argv.slice(2)
const journal = new Journal(path, systemClock)
const intents = new IntentStore(journal)
const operations = new OperationStore(journal)
const settings = {
  ...{ maxGasPriceGwei: '500', perTransaction: [], findingsAllowed: [], maxSlippagePercent: '2' },
  feePerTransaction: [{ chain: '*', max: '1' }],
}
const policy = new Policy(settings, readRules(rules, allChains))
const address = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913'
const asset = { id: `eip155:8453/erc20:${address}`, address, decimals: 6, symbol: 'USDC' }
const native = { id: 'eip155:8453/slip44:60', decimals: 18, symbol: 'ETH' }
const lease = { owner: name, until: '2099-01-01T00:00:00.000Z' }
let admitted = 0

async function pay(index: number): Promise<void> {
  const account = `0xA${name}`
  const { intent } = await intents.save({
    id: `int_${name}_${index}`,
    ...{ principal: 'local', idempotency_key: `${name} ${index}`, arguments: '{}', digest: '0x', plan: '{}' },
    ...{ chain: base.id, account, wallet: 'agent', expires_at: '2099-01-01T00:00:00.000Z' },
  })
  const now = Date.now()
  const judged = {
    ...{ chain: base, account, wallet: 'agent', principal: 'local', native, maxFee: 1n },
    outflow: { asset, raw: 1_500_000n },
    ...{ effects: [], findings: [], calls: [], moments: [now, now] },
    terms: { maxFeePerGas: '1', maxPriorityFeePerGas: '1' },
  }
  const ask = {
    policy: policy.version,
    asOf: { block: '0', minedCount: 0n },
    windows: policy.questions(judged),
  }
  await operations.begin(intent, lease, ask, ({ spent }) => {
    const { spends } = policy.judge(judged, spent)
    return [
      {
        ...{
          role: 'pivot' as const,
          recipient: '0x',
          payload: '{}',
          terms: '{}',
          outflow: '{}',
          receipt: '{}',
        },
        reservations: [],
        counted: { spends, at: now },
      },
    ]
  })
  admitted += 1
}

for (let index = 0; index < Number(count); index++) {
  try {
    await pay(index)
  } catch (error) {
    if (!isBursarError(error, 'policy_denied')) throw error
  }
}
await journal.close()
process.stdout.write(JSON.stringify({ admitted }))
