import { homedir } from 'node:os'
import { isAbsolute, join, normalize } from 'node:path'
import type { Findings } from './findings.ts'
import { defaultOf, isFixed, type VariableName } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The value of a variable, trimmed. Empty counts as unset: compose files and hosts pass empty strings. */
export function given(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** The value of a variable of the table, or its default. */
export function text(env: Environment, name: VariableName): string | undefined {
  return given(env, name) ?? defaultOf(name)
}

/** A whole number; the table's default when the variable is unset, undefined when there is none or it is wrong. */
export function wholeNumber(
  env: Environment,
  name: string,
  range: { readonly min: number; readonly max: number },
  findings: Findings,
): number | undefined {
  const value = isFixed(name) ? text(env, name) : given(env, name)
  if (value === undefined) return undefined
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (number >= range.min && number <= range.max) return number
  findings.problem(`${name} must be a whole number from ${range.min} to ${range.max}`)
  return undefined
}

export function choice<T extends string>(
  env: Environment,
  name: VariableName,
  options: readonly T[],
  findings: Findings,
): T | undefined {
  const value = text(env, name)?.toLowerCase()
  const found = options.find((option) => option === value)
  if (found === undefined && value !== undefined) {
    findings.problem(`${name} must be one of ${options.join(', ')}`)
  }
  return found
}

/** An absolute path; `~/` is the home folder, because no shell expands it in a client's JSON or a .env file. */
export function folder(env: Environment, name: VariableName, findings: Findings): string | undefined {
  return absolutePath(text(env, name), name, findings)
}

/** The same for the value of a variable whose name the operator has a part in. */
export function absolutePath(
  value: string | undefined,
  name: string,
  findings: Findings,
): string | undefined {
  if (value === undefined) return undefined
  const path = expandHome(value)
  if (isAbsolute(path)) return normalize(path)
  findings.problem(`${name} must be an absolute path, or one that starts with ~/`)
  return undefined
}

/** A path with a leading `~` replaced by the user's home folder. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
