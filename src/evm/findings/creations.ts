import { type Finding, finding } from '../../primitives/findings.ts'
import { DELEGATION } from '../calls/standards.ts'
import type { Evidence } from './evidence.ts'
import { named } from './named.ts'

/** Contracts that are there afterwards and were not before. */
export function createdIn({ made = [], changes }: Evidence): ReadonlySet<string> {
  const built = made.filter(({ frame, undone }) => !undone && frame.type.startsWith('CREATE'))
  const appeared = [...(changes ?? [])].filter(
    ([, { code }]) => code?.before === '0x' && isContract(code.after),
  )
  return new Set([...built.map(({ self }) => self), ...appeared.map(([address]) => address)])
}

export function creations(evidence: Evidence): readonly Finding[] {
  const created = createdIn(evidence)
  if (created.size === 0) return []
  return [finding('contract-creation', `it creates ${named(created)}`)]
}

/** Code that was there and is destroyed. What lives within one transaction only harms nobody. */
export function destructions(evidence: Evidence): readonly Finding[] {
  const created = createdIn(evidence)
  const destroyed = (evidence.made ?? []).filter(
    ({ frame, undone }) => frame.type === 'SELFDESTRUCT' && !undone && !created.has(frame.from),
  )
  return destroyed.map(({ frame }) =>
    finding('self-destruct', `${frame.from} destroys itself, and all that it has goes to ${frame.to}`),
  )
}

/** Accounts whose keys begin to run the code of a contract (EIP-7702). */
export function delegations({ changes }: Evidence): readonly Finding[] {
  return [...(changes ?? [])].flatMap(([address, { code }]) => {
    if (!code?.after.startsWith(DELEGATION) || code.before === code.after) return []
    const delegate = `0x${code.after.slice(DELEGATION.length)}`
    return [
      finding('delegation', `from now on the account ${address} does what the code of ${delegate} says`),
    ]
  })
}

const isContract = (code: string) => code !== '0x' && !code.startsWith(DELEGATION)
