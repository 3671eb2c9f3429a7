import type { Command } from 'commander'

interface VerifyOptions {
  readonly journal?: string
  readonly anchor?: string
  readonly expect?: string
}

interface ExportOptions {
  readonly journal?: string
  readonly since?: string
  readonly until?: string
}

/** The audit log. What it runs is loaded when it is asked for. */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('check or export the log of everything that was done')

  audit
    .command('verify')
    .description('walk the chain of hashes and name the first row that is not as it was written')
    .option('--journal <file>', 'this journal, such as a copy; it is only read')
    .option(
      '--anchor <file>',
      'where the newest row is remembered; audit.anchor beside the journal unless told',
    )
    .option('--expect <anchor>', 'a line that an earlier run told to keep')
    .action(async (options: VerifyOptions) => (await import('./audit.ts')).verify(options))

  audit
    .command('export')
    .description('print the log as JSON, one line a row')
    .option('--journal <file>', 'this journal, such as a copy; it is only read')
    .option('--since <time>', 'rows from this time on (ISO 8601)')
    .option('--until <time>', 'rows before this time (ISO 8601)')
    .action(async (options: ExportOptions) => (await import('./audit.ts')).exportLog(options))
}
