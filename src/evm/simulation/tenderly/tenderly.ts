import type { FeeTerms } from '../../../chains/adapter.ts'
import type { Chain } from '../../../chains/types.ts'
import { untrusted } from '../../../primitives/untrusted.ts'
import type { EvmPayload } from '../../evmPayload.ts'
import { type EvmSimulator, SimulatorAway } from '../execution.ts'
import type { TransactionParameters } from './sdkTypes.ts'
import { executionAtTenderly } from './tenderlyAnswers.ts'
import { simulateAtTenderly, type TenderlyOptions } from './tenderlyApi.ts'

/** Tenderly's simulator for one chain. */
export function tenderlySimulator(chain: Chain, options: TenderlyOptions): EvmSimulator {
  const network = Number(chain.id.slice('eip155:'.length))
  return {
    name: 'tenderly',
    ridesAlong: false,
    requests: () => [],
    async read({ payload, before, terms }, head, _outcomes, signal) {
      if (payload.userOperation) throw new SimulatorAway('it takes no user operations')
      const transactions = [...before, payload].map((each) => parametersOf(each, terms))
      const answer = await simulateAtTenderly(options, network, transactions, Number(head.number), signal)
      if ('unrunnable' in answer) {
        const quoted = untrusted(answer.unrunnable)
        return { ok: false, gasUsed: 0n, logs: [], revert: { reason: 'Tenderly would not run it', quoted } }
      }
      const output = answer.at(-1)
      if (!output || answer.length !== transactions.length) throw new SimulatorAway('its answer is empty')
      const { blockNumber, execution } = executionAtTenderly(output, payload)
      // On that block's state, as a part of it or of the next one.
      const isOfHead = blockNumber === head.number || blockNumber === head.number + 1n
      return isOfHead ? execution : undefined
    },
  }
}

function parametersOf(payload: EvmPayload, terms: FeeTerms): TransactionParameters {
  const { from, to, data, gasLimit, value, accessList } = payload
  return {
    ...{ from, to, value, input: data, gas: Number(gasLimit) },
    // As a price, so that the account must have what it offers at most.
    gas_price: terms.maxFeePerGas,
    ...(accessList.length > 0 && {
      access_list: accessList.map(({ address, storageKeys }) => {
        return { value_address: address, value_storage_keys: [...storageKeys] }
      }),
    }),
  }
}
