import type { Command } from 'commander'

/** `bursar policy ...`: for the operator; no tool changes a policy (T37). */
export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('check, try and reload the rules of the policy file')
  policy
    .command('check')
    .description('read a policy file and say what is wrong with it, or what it holds')
    .argument('[file]', 'POLICY_FILE, or policy.json in BURSAR_HOME, when it is left out')
    .action(async (file?: string) => (await import('./policy.ts')).checkPolicy(file))
  policy
    .command('test')
    .description('run cases on a policy file; exit code 1 when one fails')
    .argument('<file>', 'the policy file')
    .argument('<cases>', 'the cases: see docs/policy.md')
    .action(async (file: string, cases: string) => (await import('./policy.ts')).testPolicy(file, cases))
  policy
    .command('reload')
    .description('bring the changed policy file into force in the servers of this BURSAR_HOME')
    .action(async () => (await import('./policy.ts')).reloadPolicy())
}
