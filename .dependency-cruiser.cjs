// The layers of the engine as import rules: each folder imports only from ranks to its left, and from itself.
// npm run layers (.ci/layers.mjs) applies them, and the rules that only text shows.

/** Left to right. Units of one rank do not import each other. */
const ranks = [
  ['primitives', 'errors'],
  ['config', 'chains'],
  ['rpc', 'redis', 'store'],
  // Adapters, one folder a chain family.
  ['evm', 'solana'],
  ['wallets', 'nonces', 'gas', 'simulation', 'policy', 'balances'],
  ['transactions', 'events'],
  ['registration', 'sessions', 'bridge', 'push', 'reconcile'],
  ['observability', 'sandbox'],
  ['mcp'],
  ['tools'],
  ['cli'],
]

/** Where a unit lives. The wiring in src/runtime* ranks with the command line that starts it. */
function home(unit) {
  if (unit === 'tools') return '^tools/'
  return unit === 'cli' ? '^src/(?:cli/|runtime)' : `^src/${unit}/`
}

/** Neighbours of one rank that may be imported all the same. */
const neighbours = { errors: ['primitives'] }

const layers = ranks.flatMap((units, rank) =>
  units.map((unit) => {
    const allowed = [...ranks.slice(0, rank).flat(), ...(neighbours[unit] ?? []), unit]
    return {
      name: `layer-${unit}`,
      comment: `${unit} imports only from ranks to its left: ${allowed.join(', ')}`,
      severity: 'error',
      from: { path: home(unit) },
      to: { path: '^(?:src|tools|test|bench)/', pathNot: allowed.map(home) },
    }
  }),
)

/** Packages that one place owns, so that the rest can be tested, replaced and started without them. */
const owners = [
  { packages: '@modelcontextprotocol/(?:server|sdk|core)', folders: ['mcp'] },
  { packages: '(?:hono|@hono/[^/]+)', folders: ['mcp/http'] },
  { packages: 'ioredis', folders: ['redis'] },
  { packages: '(?:libsql|kysely|better-sqlite3|pg)', folders: ['store'] },
  { packages: 'undici', folders: ['rpc'] },
  { packages: '@tenderly/sdk', folders: ['evm'] },
  { packages: '(?:viem|ethers|@noble/[^/]+)', folders: ['evm', 'wallets', 'sandbox'] },
  { packages: '@flashbots/[^/]+', folders: ['evm'] },
  { packages: '@solana/[^/]+', folders: ['solana', 'wallets', 'sandbox'] },
]

const vendors = owners.map(({ packages, folders }) => ({
  name: `vendor-${folders[0]}-${packages.replace(/[^a-z]+/g, '-')}`,
  comment: `${packages} is imported in ${folders.map((folder) => `src/${folder}`).join(', ')} only`,
  severity: 'error',
  from: { path: '^(?:src|tools)/', pathNot: folders.map(home) },
  to: { path: `(?:^|/)node_modules/${packages}(?:/|$)|^${packages}(?:/|$)` },
}))

/** What hands bytes to a network: the wiring gives it to the broadcaster, and nobody else may hold it (R7). */
const doors = [
  { name: 'endpoints', path: '^src/evm/sending/' },
  { name: 'relay', path: '^src/evm/relay/' },
].map(({ name, path }) => ({
  name: `door-${name}`,
  comment: 'what sends is wired in src/runtime and handed to the broadcaster only (R7)',
  severity: 'error',
  from: { path: '^(?:src|tools)/', pathNot: ['^src/runtime', path] },
  to: { path },
}))

module.exports = {
  forbidden: [
    ...layers,
    ...doors,
    {
      name: 'layer-missing',
      comment:
        'every folder of src has a rank: give a new one its place in this file and in shared/design.md',
      severity: 'error',
      from: { path: '^src/', pathNot: ranks.flat().map(home) },
      to: {},
    },
    ...vendors,
    {
      name: 'flags-loosen-nothing',
      comment:
        'what judges, simulates, signs, records or limits does not ask for a flag: none can loosen it (F5)',
      severity: 'error',
      from: {
        path: [
          '^src/(?:policy|wallets|nonces|rpc|redis|evm/(?:simulation|findings|relay))/',
          '^src/chains/simulationReceipt[.]ts$',
          '^src/store/(?:(?:audit|database|nonces|spending|steps)/|(?:approvals|halts|replacements)[.]ts$)',
          '^src/transactions/(?:approvals|judging|signing|sending|following|recovering)/',
          '^src/transactions/(?:driver|replacing/(?:replacements|replaceable|unsignedCancel))[.]ts$',
        ],
      },
      to: {
        path: '^src/(?:primitives/flags|store/flags/(?:flags|currentFlags)|transactions/preparing/paymentOptions)[.]ts$',
      },
    },
    {
      name: 'no-cycles',
      comment: 'modules that need each other cannot be understood, or loaded, one at a time',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'an import that does not resolve escapes every other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no JavaScript API: with the default parser nothing would be found, and nothing fail.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
