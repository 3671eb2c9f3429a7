import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../src/chains/registry.ts'
import { errorCatalogue } from '../../src/errors/catalogue.ts'
import { sandboxContracts, sandboxWallets } from '../../src/sandbox/sandboxAccounts.ts'

describe('docs/architecture.md', () => {
  const text = readFileSync('docs/architecture.md', 'utf8')

  test('names only files and folders that exist', () => {
    const paths = [...text.matchAll(/\b(?:src|tools)\/[\w./]*/g)].map(([path]) => path.replace(/\.$/, ''))
    expect(paths.length).toBeGreaterThan(15)
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
  })

  test('draws every state of a step', () => {
    const schema = readFileSync('src/store/schema.ts', 'utf8')
    const [, union] = /interface StepTable \{[\s\S]*?state:\n([\s\S]*?)\n {2}payload/.exec(schema) ?? []
    const states = [...(union ?? '').matchAll(/'(\w+)'/g)].map(([, state]) => state ?? '')
    expect(states.length).toBeGreaterThan(8)
    const [, drawing] = /```\n([\s\S]*?)```/.exec(text) ?? []
    for (const state of states) expect(drawing).toMatch(new RegExp(`\\b${state}\\b`))
  })
})

describe('docs/sandbox.md', () => {
  const text = readFileSync('docs/sandbox.md', 'utf8')

  test('gives the facts of the sandbox as they are', () => {
    for (const alias of ['sandbox-a', 'sandbox-b']) {
      const chain = createRegistry().resolve(alias)
      expect(text).toContain(`\`${chain.id}\``)
      expect(text).toContain(chain.native.symbol)
      expect(chain.confirmations).toBe(2)
      expect(text).toContain(`${chain.env}_RPC_URL`)
    }
    for (const name of Object.keys(sandboxWallets)) expect(text).toContain(`\`${name}\``)
    expect(text).toContain(sandboxContracts.usdc)
    expect(text).toContain(sandboxContracts.tipJar)
    expect(errorCatalogue).toHaveProperty('chain_replaced')
  })
})
