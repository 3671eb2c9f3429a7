import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const CLEAN = {
  'src/primitives/secret.ts':
    'export class Secret { reveal() { return 1 } }\n// process.env and console.log()\n',
  'src/errors/table.ts': "export * from '../primitives/secret.ts'\n",
  'src/config/load.ts': 'export const home = process.env.HOME\n',
  'src/rpc/http.ts': `import type { Secret } from '../primitives/secret.ts'
    export const open = (url: Secret) => [url.reveal(), 'eth_sendRawTransaction', /* process.env
    process.env */ 'https://a.example']\n`,
  'src/evm/sending/submit.ts': "import { open } from '../../rpc/http.ts'\nexport const submit = open\n",
  'src/evm/relay/relay.ts': "import { submit } from './wire.ts'\nsubmit.sendRawBundle()\n",
  'src/evm/relay/wire.ts': 'export const submit = 1\n',
  'src/wallets/sign.ts':
    "import { sign } from 'viem/accounts'\nexport const s = (k) => [sign, k.privateKey.reveal()]\n",
  'src/mcp/stdio.ts': 'export const out = process.stdout\n',
  'tools/list.ts': "import { out } from '../src/mcp/stdio.ts'\nexport const list = out\n",
  'src/cli/main.ts':
    "import { list } from '../../tools/list.ts'\nimport { wire } from '../runtime.ts'\nwire(list)\n",
  'src/runtime.ts':
    "import './evm/relay/relay.ts'\nimport { submit } from './evm/sending/submit.ts'\nexport const wire = submit\n",
  'test/a.ts': 'export {}\n'.repeat(400),
}

/** What each file breaks: title, folder, text, and how the finding goes on after the file's name. */
const BROKEN: readonly [title: string, folder: string, text: string, finding: string][] = [
  ['a rank to the right', 'src/rpc', "import '../wallets/sign.ts'", 'wallets/sign.ts: layer-rpc'],
  [
    'a type from the right',
    'src/rpc',
    "import type { S } from '../wallets/sign.ts'",
    'wallets/sign.ts: layer-rpc',
  ],
  [
    'a lazy import from the right',
    'src/rpc',
    "await import('../wallets/sign.ts')",
    'wallets/sign.ts: layer-rpc',
  ],
  [
    'a neighbour of the same rank',
    'src/chains',
    "import '../config/load.ts'",
    'config/load.ts: layer-chains',
  ],
  ['tools from mcp', 'src/mcp', "import '../../tools/list.ts'", 'tools/list.ts: layer-mcp'],
  ['the wiring from a tool', 'tools', "import '../src/runtime.ts'", 'src/runtime.ts: layer-tools'],
  [
    'errors from primitives',
    'src/primitives',
    "import '../errors/table.ts'",
    'errors/table.ts: layer-primitives',
  ],
  ['tests from the engine', 'src/cli', "import '../../test/a.ts'", 'test/a.ts: layer-cli'],
  [
    'a folder without a rank',
    'src/helpers',
    "import '../primitives/secret.ts'",
    'primitives/secret.ts: layer-missing',
  ],
  [
    'viem outside its owners',
    'src/transactions',
    "import 'viem'",
    'imported in src/evm, src/wallets, src/sandbox only',
  ],
  ['a path inside viem', 'src/gas', "import { base } from 'viem/chains'", 'vendor-evm'],
  ['kysely outside the store', 'src/rpc', "import 'kysely'", 'vendor-store'],
  ['libsql outside the store', 'src/cli', "import 'libsql'", 'vendor-store'],
  ['ioredis, even when it is not installed', 'src/store', "import 'ioredis'", 'vendor-redis'],
  ["Flashbots' client outside src/evm", 'src/wallets', "import '@flashbots/x'", 'vendor-evm'],
  [
    'what sends to endpoints',
    'src/transactions',
    "import '../evm/sending/submit.ts'",
    'submit.ts: door-endpoints',
  ],
  ['what sends, from its neighbour', 'src/evm', "import './sending/submit.ts'", 'submit.ts: door-endpoints'],
  ['what sends to a relay', 'src/transactions', "import '../evm/relay/relay.ts'", 'relay.ts: door-relay'],
  [
    'a type of the relay',
    'src/mcp',
    "import type { A } from '../evm/relay/relay.ts'",
    'relay.ts: door-relay',
  ],
  ['a lazy relay', 'src/evm', "await import('./relay/relay.ts')", 'relay.ts: door-relay'],
  [
    'a bundle that is sent',
    'src/transactions',
    'export const a = (c) => c.sendRawBundle()',
    ':1: the relay is asked in src/evm/relay',
  ],
  ['the MCP SDK in a tool', 'tools', "import '@modelcontextprotocol/server'", 'vendor-mcp'],
  ['hono outside the door for HTTP', 'src/mcp', "import 'hono/cors'", 'imported in src/mcp/http only'],
  ['the server of hono elsewhere', 'src/cli', "import '@hono/node-server'", 'imported in src/mcp/http only'],
  ['what does not resolve', 'src/rpc', "import './nowhere.ts'", 'no-unresolvable'],
  [
    'a module that imports itself by way of another',
    'src/gas',
    "import './cycle.ts'",
    'gas/cycle.ts: no-cycles',
  ],
  [
    "a stranger's words in a sentence",
    'src/policy',
    'export const why = (asset) => `$' + '{asset.claims.untrusted} is above its cap`',
    ":1: a stranger's words stay in `claims` and `quoted`",
  ],
  [
    'a symbol that the registry does not know',
    'src/evm',
    'export const a = (told) => ({ decimals: 6, symbol: told })',
    ":1: a symbol is the registry's word",
  ],
  [
    'process.env',
    'src/rpc',
    '\nexport const a = process.env.A',
    ':2: process.env is read in src/config only',
  ],
  [
    'env by import',
    'tools',
    "import { env } from 'node:process'",
    ':1: process.env is read in src/config only',
  ],
  [
    'a revealed secret',
    'src/mcp',
    'export const a = (s) => s.reveal()',
    ':1: secrets are revealed where they are used',
  ],
  [
    'a revealed key',
    'src/rpc',
    'export const a = (w) => w.privateKey.reveal()',
    ':1: private keys are revealed in src/wallets',
  ],
  [
    'a broadcast',
    'src/bridge',
    "export const a = 'eth_sendRawTransaction'",
    ':1: only the broadcaster sends',
  ],
  [
    'a send by the node',
    'src/transactions',
    "export const a = 'eth_sendTransaction'",
    ':1: nodes hold no keys of ours',
  ],
  [
    'the console',
    'src/cli',
    "const url = 'https://x'; console.log(url)",
    ':1: nothing writes to the console',
  ],
  ['stdout', 'src/store', 'process.stdout.write(`x`)', ':1: stdout carries JSON-RPC'],
  ['a file that is too long', 'test', '//\n'.repeat(401), ': 401 lines; 400 is the wall'],
]
const nameOf = (folder: string, index: number) => `${folder}/broken${index}.ts`

describe('npm run layers', () => {
  it('passes modules that keep to their layers', async () => {
    expect(await layers(CLEAN, '--minimum', '12')).toEqual({ code: 0, findings: [] })
  })

  describe('refuses', () => {
    let report: Awaited<ReturnType<typeof layers>>
    beforeAll(async () => {
      const broken = BROKEN.map(([, folder, text], index) => [nameOf(folder, index), text])
      const cycle = BROKEN.findIndex(([, , , finding]) => finding.endsWith('no-cycles'))
      const back = { 'src/gas/cycle.ts': `import './broken${cycle}.ts'` }
      report = await layers({ ...CLEAN, ...Object.fromEntries(broken), ...back }, '--minimum', '12')
    })

    it.each(BROKEN.map((row, index) => [row[0], nameOf(row[1], index), row[3]]))(
      '%s',
      (_title, file, words) => {
        const findings = report.findings.filter((finding) => finding.startsWith(file))
        expect(findings.join('\n')).toContain(words)
        expect(report.code).toBe(1)
      },
    )

    it('nothing that is as it should be', () => {
      expect(report.findings.filter((finding) => !/^[a-z/]+\/(?:broken|cycle)/.test(finding))).toEqual([])
    })
  })

  it('fails when it finds no modules at all', async () => {
    const words = '0 modules and 0 imports found, at least 100 modules expected: the check itself is broken'
    expect(await layers({})).toEqual({ code: 1, findings: [words] })
  })

  it('fails when it finds modules and none of their imports', async () => {
    const words = '1 modules and 0 imports found, at least 1 modules expected: the check itself is broken'
    expect(await layers({ 'src/rpc/a.ts': 'export {}' }, '--minimum', '1')).toEqual({
      code: 1,
      findings: [words],
    })
  })

  it('fails when the import check does not see the modules that are there', async () => {
    const rules = join(folderWith({}), 'blind.cjs')
    const real = JSON.stringify(resolve('.dependency-cruiser.cjs'))
    const blind = `const rules = require(${real}); rules.options.exclude = { path: '[.]ts$' }; module.exports = rules`
    writeFileSync(rules, blind)
    const { code, findings } = await layers(CLEAN, '--minimum', '12', '--rules', rules)
    expect(findings).toHaveLength(12 + 1)
    expect(findings).toContain('src/cli/main.ts: not seen by the import check')
    expect(code).toBe(1)
  })
})

async function layers(files: Record<string, string>, ...options: string[]) {
  const args = ['.ci/layers.mjs', '--root', folderWith(files), ...options]
  try {
    await promisify(execFile)(process.execPath, args)
    return { code: 0, findings: [] }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, findings: stderr.split('\n\n')[0]?.split('\n') ?? [] }
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'bursar-layers-'))
afterAll(() => rmSync(scratch, { recursive: true }))

function folderWith(files: Record<string, string>): string {
  const root = mkdtempSync(join(scratch, 'tree-'))
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return root
}
