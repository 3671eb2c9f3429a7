import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { readEnvironment } from '../../src/config/readEnvironment.ts'
import { problemsOf } from './problems.ts'

const touched = [
  'WALLET_T_PRIVATE_KEY',
  'WALLET_T_REMOTE_URL',
  'BASE_SEPOLIA_RPC_ALCHEMY',
  'BASE_SEPOLA_RPC_URL',
  'WALLET_MNEMONIC',
  'REDIS_URL',
  'REDIS_PASSWORD',
  'MAX_GAS_PRICE_GWEI',
]
afterEach(() => {
  for (const name of touched) delete process.env[name]
})

describe('readEnvironment', () => {
  it('R6: takes keys, passwords and endpoint URLs out of the process environment, misspelt ones too', () => {
    process.env['WALLET_T_PRIVATE_KEY'] = 'k'
    process.env['WALLET_T_REMOTE_URL'] = 's'
    process.env['BASE_SEPOLIA_RPC_ALCHEMY'] = 'u'
    process.env['BASE_SEPOLA_RPC_URL'] = 'v'
    process.env['WALLET_MNEMONIC'] = 'm'
    process.env['REDIS_URL'] = 'r'
    process.env['REDIS_PASSWORD'] = 'p'
    process.env['MAX_GAS_PRICE_GWEI'] = '7'
    const env = readEnvironment(emptyFolder())
    expect(touched.map((name) => env[name])).toEqual(['k', 's', 'u', 'v', 'm', 'r', 'p', '7'])
    expect(touched.map((name) => process.env[name])).toEqual([...Array(7).fill(undefined), '7'])
  })

  it('reads .env, and the environment wins over it', () => {
    const folder = emptyFolder()
    writeFileSync(
      join(folder, '.env'),
      'MAX_GAS_PRICE_GWEI=1\nexport LOG_LEVEL=warn # quiet\nWALLET_T_PRIVATE_KEY="abc"\n',
    )
    process.env['MAX_GAS_PRICE_GWEI'] = '7'
    const env = readEnvironment(folder)
    expect(env['MAX_GAS_PRICE_GWEI']).toBe('7')
    expect(env['LOG_LEVEL']).toBe('warn')
    expect(env['WALLET_T_PRIVATE_KEY']).toBe('abc')
    expect(process.env['WALLET_T_PRIVATE_KEY']).toBeUndefined()
  })

  it('says why a .env that is there cannot be read', () => {
    const folder = emptyFolder()
    mkdirSync(join(folder, '.env'))
    expect(problemsOf(() => readEnvironment(folder))).toEqual([
      `${join(folder, '.env')} cannot be read (EISDIR)`,
    ])
  })
})

const scratch = mkdtempSync(join(tmpdir(), 'bursar-env-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const emptyFolder = () => mkdtempSync(join(scratch, 'home-'))
