import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/globalSetup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make each other's chains slow.
    maxWorkers: 2,
    // Only where it is asked for, as `npm test` does: what a part of the tests covers says nothing.
    coverage: {
      provider: 'v8',
      // Nonces, the journal's transitions and the one door to the network: where a line that no test has run may pay
      // twice.
      include: [
        'src/nonces/**',
        'src/store/**',
        'src/transactions/broadcaster.ts',
        'src/transactions/signAtNonce.ts',
      ],
      // Nothing but types.
      exclude: ['src/nonces/nonceStore.ts', 'src/store/schema.ts'],
      // What is missing is told file by file, and line by line in coverage/coverage.txt.
      reporter: [['text', { file: 'coverage.txt', skipFull: true }]],
      thresholds: { 100: true, perFile: true },
    },
  },
})
