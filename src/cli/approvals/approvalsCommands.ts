import type { Command } from 'commander'

/** What people do about payments that need an approval (F4). */
export function addApprovalsCommands(program: Command): void {
  const approvals = program.command('approvals').description('decide about payments that need an approval')
  const commands = () => import('./approvals.ts')

  approvals
    .command('list', { isDefault: true })
    .description('what waits for a person, or is approved and was not sent yet')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: true }) => (await commands()).listApprovals(json === true))

  approvals
    .command('show <intentId>')
    .description('everything that a payment does, and its digest')
    .option('--json', 'as JSON')
    .action(async (intentId: string, { json }: { json?: true }) =>
      (await commands()).showApproval(intentId, json === true),
    )

  approvals
    .command('approve <intentId>')
    .description('show a payment and approve it; asks for the beginning of its digest')
    .option('--digest <digest>', 'its digest, for scripts: nothing is asked')
    .action(async (intentId: string, { digest }: { digest?: string }) =>
      (await commands()).approve(intentId, digest),
    )

  approvals
    .command('deny <intentId>')
    .description('end a payment that was not sent')
    .option('--reason <words>', 'what its agent is told', '')
    .action(async (intentId: string, { reason }: { reason: string }) =>
      (await commands()).deny(intentId, reason),
    )

  approvals
    .command('key')
    .description('print the public key of this BURSAR_HOME, for APPROVER_KEYS; makes it at its first use')
    .action(async () => (await commands()).printKey())
}
