import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../src/chains/registry.ts'
import { isFixed } from '../../src/config/variables.ts'
import { errorCatalogue } from '../../src/errors/catalogue.ts'
import { flagCatalogue, flagNames } from '../../src/primitives/flags.ts'
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

describe('docs/strangers.md', () => {
  const text = readFileSync('docs/strangers.md', 'utf8')

  test('names commands and errors as they are', () => {
    const commands = readFileSync('src/cli/contactsCommands.ts', 'utf8')
    const told = [...text.matchAll(/^bursar contacts (\w+)/gm)].map(([, name = '']) => name)
    expect(told).toEqual(['add', 'list', 'rename', 'remove'])
    for (const name of told) expect(commands).toContain(`.command('${name}`)
    expect(commands).toContain('--even-if-alike')
    for (const code of ['recipient_lookalike', 'name_moved', 'name_ambiguous']) {
      expect(text).toContain(`\`${code}\``)
      expect(errorCatalogue).toHaveProperty(code)
    }
    expect(existsSync('bench/lookalikes.ts')).toBe(true)
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

describe('docs/approvals.md', () => {
  const text = readFileSync('docs/approvals.md', 'utf8')

  test('names variables that are read, errors that are thrown and commands that there are', () => {
    const variables = [...text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)].map(([name]) => name)
    expect(new Set(variables).size).toBeGreaterThan(5)
    expect(variables.filter((name) => !isFixed(name))).toEqual([])
    expect(errorCatalogue).toHaveProperty('approval_needed')
    const commands = [...text.matchAll(/bursar approvals (\w+)/g)].map(([, name]) => name ?? '')
    expect(new Set(commands)).toEqual(new Set(['approve', 'deny', 'key']))
    const declared = readFileSync('src/cli/approvals/approvalsCommands.ts', 'utf8')
    for (const name of commands) expect(declared).toContain(`.command('${name}`)
  })
})

describe('docs/operations.md', () => {
  const text = readFileSync('docs/operations.md', 'utf8')

  test('has a row for every flag, with its usual value and the one when it cannot be read', () => {
    const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| `(\w+)` +\|.*\| `(\w+)` +\|$/gm)]
    expect(rows.map(([, flag, usual, unread]) => [flag, usual, unread])).toEqual(
      flagNames.map((flag) => [flag, flagCatalogue[flag].usual, flagCatalogue[flag].unread]),
    )
  })

  test('names only commands and options that exist', () => {
    const sources = ['halt', 'flag', 'audit'].map((name) =>
      readFileSync(`src/cli/${name}Commands.ts`, 'utf8'),
    )
    const options = [...text.matchAll(/(--[a-z]+)/g)].map(([, option]) => option ?? '')
    expect(options.length).toBeGreaterThan(20)
    for (const option of options) expect(sources.join(), option).toContain(`'${option}`)
    const commands = [...text.matchAll(/^bursar (?:(?:flags|audit) )?([a-z]+)/gm)].map(
      ([, command]) => command ?? '',
    )
    expect(commands.length).toBeGreaterThan(15)
    for (const command of commands)
      expect(sources.join(), command).toMatch(new RegExp(`command\\('${command}`))
  })
})
