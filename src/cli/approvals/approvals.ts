import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { allChains } from '../../chains/allChains.ts'
import { nativeAsset } from '../../chains/amounts.ts'
import { createRegistry } from '../../chains/registry.ts'
import { loadConfig } from '../../config/loadConfig.ts'
import { readEnvironment } from '../../config/readEnvironment.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { evmCodec } from '../../evm/codec.ts'
import { systemClock } from '../../primitives/clock.ts'
import { ApprovalStore } from '../../store/approvals.ts'
import { IntentStore } from '../../store/intents.ts'
import { Approvals, type ApprovalView } from '../../transactions/approvals/approvals.ts'
import { operatorApprover, ownApprover } from '../../transactions/approvals/operatorKey.ts'
import { withOperatorJournal } from '../operatorJournal.ts'
import { print } from '../output.ts'
import { approvalLine, approvalLines } from './approvalWords.ts'

export function listApprovals(json: boolean): Promise<void> {
  return withApprovals(async (approvals) => {
    const views = await approvals.list()
    if (json) return print(JSON.stringify(views))
    if (views.length === 0) return print('Nothing waits for an approval.')
    for (const view of views) print(approvalLine(view))
    print('bursar approvals show <intentId> tells all about one of them.')
  })
}

export function showApproval(intentId: string, json: boolean): Promise<void> {
  return withApprovals(async (approvals) => {
    const view = await approvals.show(intentId)
    if (json) print(JSON.stringify(view))
    else show(view)
  })
}

/** Shows what is approved and asks for its digest, unless that is given. Throws as `Approvals.approve` does. */
export function approve(intentId: string, digest: string | undefined): Promise<void> {
  return withApprovals(async (approvals) => {
    const view = await approvals.show(intentId)
    show(view)
    const typed = digest ?? (await ask(view))
    const { planDigest } = view
    const done = await approvals.approve({ intentId, digest: typed, planDigest })
    print(`Approved until ${done.expiresAt}. The agent may call send_transaction now.`)
  })
}

export function deny(intentId: string, reason: string): Promise<void> {
  return withApprovals(async (approvals) => {
    show(await approvals.deny({ intentId, reason }))
    print('Denied. It will not be signed.')
  })
}

export async function printKey(): Promise<void> {
  print(ownApprover(loadConfig(readEnvironment(), allChains).home).publicKey)
}

function withApprovals<T>(action: (approvals: Approvals) => Promise<T>): Promise<T> {
  return withOperatorJournal((journal, config) => {
    const registry = createRegistry(allChains, config.chains)
    const approvals = new Approvals({
      store: new ApprovalStore(journal),
      intents: new IntentStore(journal),
      knowledge(id) {
        const chain = registry.resolve(id)
        return { chain, codec: evmCodec(chain), native: nativeAsset(chain) }
      },
      clock: systemClock,
      approver: () => operatorApprover(config.home, config.approvals.keys),
    })
    return action(approvals)
  })
}

function show(view: ApprovalView): void {
  for (const line of approvalLines(view)) print(line)
}

/** Only in a terminal: what is piped in was typed by nobody who has looked. */
async function ask({ intentId, status }: ApprovalView): Promise<string> {
  if (status !== 'needs_approval')
    throw new BursarError('approval_closed', { intentId, reason: `it is ${status}` })
  if (!process.stdin.isTTY) {
    const reason = 'there is no terminal to ask in, and --digest was not given'
    throw new BursarError('approval_closed', { intentId, reason })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question('To approve it, type the first 8 digits of the digest after 0x: ')
  } finally {
    terminal.close()
  }
}
