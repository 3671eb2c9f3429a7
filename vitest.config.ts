import { defineConfig } from 'vitest/config'

/** Folders whose tests share a process. */
const TOGETHER = [
  ...['balances', 'chains', 'config', 'errors', 'evm', 'gas', 'nonces', 'observability'],
  ...['policy', 'primitives', 'rpc', 'store', 'transactions'],
]

export default defineConfig({
  test: {
    projects: [
      // A process for each file takes most of the time of these: they share one, and leave nothing behind in it.
      {
        extends: true,
        test: {
          name: 'together',
          isolate: false,
          include: TOGETHER.map((folder) => `test/${folder}/**/*.test.ts`),
        },
      },
      {
        extends: true,
        test: {
          name: 'apart',
          globalSetup: ['test/support/globalSetup.ts'],
          include: ['test/**/*.test.ts'],
          exclude: TOGETHER.map((folder) => `test/${folder}/**`),
        },
      },
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make each other's chains slow.
    maxWorkers: 2,
    // Only where it is asked for, as `npm test` does: what a part of the tests covers says nothing.
    coverage: {
      provider: 'v8',
      // Nonces, the journal's transitions, keys and the one door to the network: where a line that no test has run may
      // pay twice, or for somebody else.
      include: [
        'src/nonces/**',
        'src/policy/**',
        'src/store/**',
        'src/wallets/**',
        'src/transactions/sending/broadcaster.ts',
        'src/transactions/signing/signAtNonce.ts',
      ],
      // Nothing but types.
      exclude: ['src/nonces/nonceStore.ts', 'src/store/schema.ts', 'src/wallets/signer.ts'],
      // What is missing is told file by file, and line by line in coverage/coverage.txt.
      reporter: [['text', { file: 'coverage.txt', skipFull: true }]],
      thresholds: { 100: true, perFile: true },
    },
  },
})
