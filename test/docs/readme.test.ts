import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { tools } from '../../tools/index.ts'

const text = readFileSync('README.md', 'utf8')

function block(language: string, containing: string): string {
  const blocks = [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
  const found = blocks.find(([, kind, body]) => kind === language && body?.includes(containing))
  return found?.[2] ?? `no ${language} block has ${containing}`
}

test('the two lines of the README are those that CI runs', () => {
  expect(block('sh', 'npm ci')).toBe('npm ci && npm run demo\nnpm ci && npm test\n')
  expect(readFileSync('.ci/run', 'utf8')).toMatch(/^npm ci && npm test$/m)
})

test('the snippet for MCP clients is JSON that starts the built server', () => {
  const snippet = JSON.parse(block('json', 'mcpServers')) as unknown
  expect(snippet).toEqual({
    mcpServers: { bursar: { command: 'node', args: ['/path/to/bursar/dist/bursar.js', 'serve'] } },
  })
})

test('the sample configuration of a real chain is one that Bursar takes without a warning', () => {
  const config = loadConfig(parseEnv(block('sh', 'RPC_URL')), allChains)
  expect(config.warnings).toEqual([])
  expect(config.chains.map(({ chainId }) => chainId)).toEqual(['eip155:84532'])
  expect(config.keystorePasswordFile).toBe('/home/you/.bursar/password')
  expect(config.policy).toEqual({
    maxGasPriceGwei: '50',
    perTransaction: [
      { chain: 'eip155:84532', asset: 'native', max: '0.05' },
      { chain: 'eip155:84532', asset: 'USDC', max: '100' },
    ],
    feePerTransaction: [{ chain: '*', max: '0.1' }],
    maxSlippagePercent: '2.0',
    findingsAllowed: [],
    privateFallbackBlocks: 0,
  })
})

test('the limits that hold without configuration are the ones that the README names', () => {
  const { policy } = loadConfig({}, allChains)
  expect(policy.perTransaction).toEqual([
    { chain: '*', asset: 'native', max: '10' },
    { chain: '*', asset: 'USDC', max: '10000' },
  ])
  expect(text).toContain('at most 10 native and 10,000 USDC')
})

test('the table shows every tool of the catalogue with its effect, in the same order', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` +\| (\w+) +\| .+\|$/gm)].map(([, name, effect]) => [
    name,
    effect,
  ])
  expect(rows).toEqual(tools.map(({ name, effect }) => [name, effect]))
})

test('every file that the README links to exists', () => {
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target ?? '')
  expect(links.length).toBeGreaterThan(4)
  expect(links.filter((target) => !existsSync(target))).toEqual([])
})
