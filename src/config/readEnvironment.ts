import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseEnv } from 'node:util'
import { BursarError } from '../errors/bursarError.ts'
import type { Environment } from './values.ts'
import { looksLikeEndpoint, looksLikeKey } from './variables.ts'

/**
 * The process environment over the `.env` file of `folder`, if there is one. Called once, at start: it
 * removes keys and endpoint URLs from `process.env`, so that child processes, crash reports and dumps do not
 * have them (R6, T15). Throws `config_invalid` when `.env` exists and cannot be read.
 */
export function readEnvironment(folder = process.cwd()): Environment {
  const env = { ...fromFile(join(folder, '.env')), ...process.env }
  for (const name of Object.keys(process.env)) {
    if (looksLikeKey(name) || looksLikeEndpoint(name)) delete process.env[name]
  }
  return env
}

function fromFile(path: string): Environment {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    if (code === 'ENOENT') return {}
    throw new BursarError(
      'config_invalid',
      { problems: [`${path} cannot be read (${code})`] },
      { cause: error },
    )
  }
  return parseEnv(content)
}
