import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (BUNDLER_URL: string) => loadConfig({ BUNDLER_URL }, allChains)

describe('BUNDLER_URL', () => {
  it('names a bundler for each of some chains, and shows none of their URLs (T14)', () => {
    const config = load('base=https://a.example/rpc?apikey=s3cr3t, sandbox-a=http://127.0.0.1:3000')
    expect(config.bundlers.map(({ chain, url }) => [chain, url.reveal()])).toEqual([
      ['eip155:8453', 'https://a.example/rpc?apikey=s3cr3t'],
      ['eip155:31337', 'http://127.0.0.1:3000'],
    ])
    expect(JSON.stringify(config)).not.toContain('s3cr3t')
    expect(loadConfig({}, allChains).bundlers).toEqual([])
  })

  it.each([
    ['https://s3cr3t.example', 'must look like base=https://bundler.example'],
    ['base=http://s3cr3t.example', 'must look like base=https://bundler.example'],
    ['base=https://user:s3cr3t@a.example', 'must look like base=https://bundler.example'],
    ['solana=https://s3cr3t.example', 'names what has no such bundler'],
  ])('refuses %s without showing it', (value, problem) => {
    expect(problemsOf(() => load(value))).toEqual([`BUNDLER_URL, entry 1, ${problem}`])
  })

  it('refuses one chain twice, and one that nobody knows', () => {
    const problems = problemsOf(() =>
      load('base=https://a.example,eip155:8453=https://b.example,bsae=https://c.example'),
    )
    expect(problems).toEqual([
      'BUNDLER_URL, entry 2, names the same chain a second time',
      'BUNDLER_URL, entry 3, names what is not a chain that Bursar knows; did you mean base?',
    ])
  })
})
