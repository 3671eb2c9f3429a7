import { privateKeyToAccount } from 'viem/accounts'
import type { Schedule } from './schedule.ts'

// What others do on the chain of a schedule: its nodes, their peers, and a program that has the same key.

/** A node forgets one of the account's transactions that waits. */
export async function dropFromPool(schedule: Schedule, which: number): Promise<boolean> {
  const { engine } = schedule.process('second')
  const rows = await engine.journal.read((db) =>
    db
      .selectFrom('attempts')
      .innerJoin('steps', 'steps.id', 'attempts.step_id')
      .select('attempts.hash')
      .where('attempts.account', '=', schedule.account.address)
      .where('attempts.live', '=', 1)
      .where('steps.included_number', 'is', null)
      .where('steps.state', 'in', ['sent', 'unknown'])
      .orderBy('attempts.created_at')
      .execute(),
  )
  const hash = rows[which % Math.max(rows.length, 1)]?.hash
  return hash !== undefined && (await schedule.stage.lane.ask('anvil_dropTransaction', hash)) === hash
}

/** A peer that remembers whatever was ever sent sends all of it. */
export async function replayAll(schedule: Schedule): Promise<void> {
  await Promise.all(sentIn(schedule).map((raw) => sendAsPeer(schedule, raw)))
}

/** The same with one of them; false when there is none, or the node does not want it. */
export async function replayOne(schedule: Schedule, which: number): Promise<boolean> {
  const sent = sentIn(schedule)
  const raw = sent[which % Math.max(sent.length, 1)]
  return raw !== undefined && sendAsPeer(schedule, raw)
}

/** Bytes that were handed to a node, whatever became of them. */
function sentIn({ stage }: Schedule): readonly string[] {
  const sends = stage.lane.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
  return [...new Set(sends.map(({ params }) => String(params[0])))]
}

/** False when the node has it already, or it cannot be included any more. */
async function sendAsPeer({ stage }: Schedule, raw: string): Promise<boolean> {
  try {
    await stage.lane.ask('eth_sendRawTransaction', raw)
    return true
  } catch {
    return false
  }
}

/** Another program that has the key takes the next nonce, or the one behind what waits. */
export async function payAsAnother(schedule: Schedule, beyond: boolean): Promise<boolean> {
  const raw = await privateKeyToAccount(schedule.account.key).signTransaction({
    type: 'eip1559',
    chainId: 31337,
    nonce: await schedule.stage.count(beyond ? 'pending' : 'latest'),
    to: schedule.account.address,
    value: 0n,
    gas: 21_000n,
    maxFeePerGas: 900_000_000_000n,
    maxPriorityFeePerGas: 90_000_000_000n,
  })
  try {
    schedule.foreign.add(String(await schedule.stage.lane.ask('eth_sendRawTransaction', raw)))
    return true
  } catch {
    // One of its own waits there already, or ours pays as much.
    return false
  }
}
