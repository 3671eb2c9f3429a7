import { FINDINGS, type FindingCode } from '../primitives/findings.ts'
import type { Findings } from './findings.ts'
import { type Environment, text } from './values.ts'

/** Codes of critical findings, with commas between; none when unset. */
export function readFindingsAllowed(env: Environment, findings: Findings): readonly FindingCode[] {
  const named = (text(env, 'FINDINGS_ALLOWED') ?? '').split(',').map((each) => each.trim().toLowerCase())
  return named
    .filter((code) => code !== '')
    .flatMap((code) => {
      if (isCritical(code)) return [code]
      const known = CRITICAL.join(', ')
      findings.problem(`FINDINGS_ALLOWED names what is no critical finding; these are ${known}`)
      return []
    })
}

const CRITICAL = Object.keys(FINDINGS).filter(isCritical)

function isCritical(code: string): code is FindingCode {
  return Object.hasOwn(FINDINGS, code) && FINDINGS[code as FindingCode] === 'critical'
}
