import type { Hex } from 'viem'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import { decodeRevert } from '../calls/reverts.ts'
import { asHex, asList, asObject, fromQuantity } from '../quantity.ts'
import { type EvmSimulator, type RawLog, SimulatorAway, type Task } from './execution.ts'
import { refusedBy, transactionArguments } from './simulateV1.ts'
import { nativeMove } from './traced.ts'

/**
 * The simulator of nodes that have neither: whether it passes, what it takes, which contracts it touches where the node
 * makes access lists, and nothing of what happens inside.
 */
export function plainSimulator(host: string): EvmSimulator {
  return {
    name: 'local:eth_call',
    ridesAlong: true,
    requests({ payload, terms, at }) {
      const transaction = transactionArguments(payload, terms)
      const ask = (method: string): RpcRequest => ({ method, params: [transaction, at] })
      return [ask('eth_call'), ask('eth_estimateGas'), ask('eth_createAccessList')]
    },
    async read(task, _head, [called, gas, accessed]) {
      if (task.payload.userOperation) throw new SimulatorAway(`${host} cannot tell what an account does`)
      if (task.before.length > 0)
        throw new SimulatorAway(`${host} cannot simulate it after what waits to be mined`)
      if (!called?.ok) return failed(called, host)
      if (!gas?.ok) return failed(gas, host)
      asHex(called.result, 'return data', host)
      return {
        ok: true,
        gasUsed: fromQuantity(gas.result, 'gas', host),
        logs: declaredMoves(task),
        reduced: true,
        ...touchedBy(accessed, task, host),
      }
    },
  }
}

function failed(outcome: RpcOutcome | undefined, host: string) {
  const error = outcome?.ok === false ? outcome.error : { code: 0, message: 'no answer' }
  const refused = refusedBy(error, 'eth_call', host)
  const data =
    typeof error.data === 'string' && /^0x([0-9a-f]{2})+$/i.test(error.data) ? error.data : undefined
  return data === undefined ? refused : { ...refused, revert: decodeRevert(data as `0x${string}`) }
}

/** The contracts of its access list; nothing where the node makes none. */
function touchedBy(
  outcome: RpcOutcome | undefined,
  { payload }: Task,
  host: string,
): { readonly touched?: readonly Hex[] } {
  if (!outcome?.ok) return {}
  const { accessList } = asObject(outcome.result, 'the access list', host)
  const addresses = asList(accessList, 'the access list', host).map((entry) => {
    const { address } = asObject(entry, 'an entry of the access list', host)
    return checksum(asHex(address, 'an address', host))
  })
  return { touched: [...new Set(addresses)].filter((each) => each !== payload.to && each !== payload.from) }
}

/** What the payload itself says that it moves. */
function declaredMoves({ payload }: Task): readonly RawLog[] {
  const value = BigInt(payload.value)
  return value === 0n ? [] : [nativeMove(payload.from, payload.to, value)]
}
