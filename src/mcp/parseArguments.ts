import * as z from 'zod'
import { BursarError } from '../errors/bursarError.ts'
import { untrusted } from '../primitives/untrusted.ts'
import type { Tool } from './defineTool.ts'

const MAX_PROBLEMS = 10

/**
 * The arguments of a call, checked against the tool's schema. Throws `input_invalid`, which names every
 * field that is wrong and what to write instead, because models correct what they are told precisely.
 */
export function parseArguments(tool: Tool, given: unknown): object {
  const parsed = tool.input.safeParse(given ?? {}, { reportInput: true })
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.flatMap((issue) => wordsOf(issue, tool))
  const shown = problems.slice(0, MAX_PROBLEMS)
  if (problems.length > MAX_PROBLEMS) shown.push(`and ${problems.length - MAX_PROBLEMS} more problems`)
  throw new BursarError('input_invalid', { tool: tool.name, problems: shown })
}

function wordsOf(issue: z.core.$ZodIssue, tool: Tool): string[] {
  if (issue.code === 'unrecognized_keys') {
    const takes = Object.keys(membersAt(tool.input, issue.path))
    const list = takes.length === 0 ? 'it takes none' : `it takes ${takes.join(', ')}`
    const whole = issue.path.length === 0 ? tool.name : pathOf(issue.path)
    return issue.keys.map(
      (key) => `"${untrusted(key, 64).untrusted}" is not an argument of ${whole}: ${list}`,
    )
  }
  const field = pathOf(issue.path)
  if (issue.path.length > 0 && issue.input === undefined) {
    const parameter = tool.input.shape[field] as z.ZodType | undefined
    return [`${field} is missing: ${parameter?.description ?? 'it is required'}`]
  }
  return [`${field} ${ruleOf(issue)}`]
}

/** What the object at a path of the arguments takes. */
function membersAt(whole: z.ZodObject, path: readonly PropertyKey[]): Readonly<Record<string, unknown>> {
  let at: z.core.$ZodType = whole
  const open = () => {
    while (at instanceof z.core.$ZodOptional) at = at._zod.def.innerType
    return at
  }
  for (const key of path) {
    const outer = open()
    if (outer instanceof z.core.$ZodArray) at = outer._zod.def.element
    else if (outer instanceof z.core.$ZodObject) at = outer._zod.def.shape[String(key)] ?? outer
  }
  const last = open()
  return last instanceof z.core.$ZodObject ? last._zod.def.shape : {}
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the argument list'
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at ? '.' : ''}${String(key)}`))
    .join('')
}

/** What the value must be. Schemas that know better words than zod's bring their own message. */
function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? typeRule(issue) : issue.message
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_big':
      return `${boundWords(issue.origin)} at most ${issue.maximum}${unitOf(issue.origin)}`
    case 'too_small':
      return issue.minimum === 1 && issue.origin !== 'number'
        ? 'must not be empty: leave it out or give a value'
        : `${boundWords(issue.origin)} at least ${issue.minimum}${unitOf(issue.origin)}`
    default:
      return issue.message
  }
}

const boundWords = (origin: string) => (origin === 'string' || origin === 'array' ? 'must have' : 'must be')

const unitOf = (origin: string) => (origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '')

const WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  array: 'a list',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  null: 'null',
}

function typeRule({ expected, input }: z.core.$ZodIssueInvalidType): string {
  const wanted = `must be ${WORDS[expected] ?? expected}`
  const type = input === null ? 'null' : Array.isArray(input) ? 'array' : typeof input
  if (expected === 'int' && type === 'number') return wanted
  return `${wanted}, not ${WORDS[type] ?? type}${adviceFor(expected, type)}`
}

function adviceFor(expected: string, type: string): string {
  if (type === 'null') return ': leave an optional argument out instead'
  return expected === 'string' && type === 'number' ? ': write it in quotes' : ''
}
