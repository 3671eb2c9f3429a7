import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseEnv } from 'node:util'
import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { type Environment, expandHome } from './values.ts'
import { fixedVariables, isSecret, looksLikeEndpoint, looksLikeKey, looksLikeSigner } from './variables.ts'

/**
 * The process environment over the `.env` file of BURSAR_HOME, if there is one. Not of the current folder: that
 * is often an agent's workspace, and an agent must not write its own limits (T37). Called once, at start: it
 * removes keys, passwords and endpoint URLs from `process.env`, so that child processes, crash reports and dumps do not
 * have them (R6, T15). Throws `config_invalid` when `.env` exists and cannot be read.
 */
export function readEnvironment(folder = bursarHome()): Environment {
  const env = { ...fromFile(join(folder, '.env')), ...process.env }
  for (const name of Object.keys(process.env)) {
    const isHidden = looksLikeKey(name) || looksLikeSigner(name) || looksLikeEndpoint(name) || isSecret(name)
    if (isHidden) delete process.env[name]
  }
  return env
}

/**
 * Where journals may lie, for what has to work when nothing else of the configuration can be used: BURSAR_HOME, and
 * SANDBOX_STATE_DIR where one is set.
 */
export function journalFolders(): readonly string[] {
  const home = bursarHome()
  const { SANDBOX_STATE_DIR: kept } = { ...readableFile(join(home, '.env')), ...process.env }
  return kept === undefined || kept === '' ? [home] : [home, expandHome(kept)]
}

function readableFile(path: string): Environment {
  try {
    return fromFile(path)
  } catch (error) {
    if (isBursarError(error, 'config_invalid')) return {}
    throw error
  }
}

/** Where `.env` is looked for. A value that is not usable is reported when the configuration is loaded. */
function bursarHome(): string {
  const given = process.env['BURSAR_HOME']
  return expandHome(given === undefined || given === '' ? fixedVariables.BURSAR_HOME.default : given)
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
