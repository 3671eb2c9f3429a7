import { expect, it } from 'vitest'
import { together } from '../../src/policy/neededApproval.ts'

it('F4: what two verdicts need together is all that each needs, and a yes in the client only where it is enough for both', () => {
  const [one, other] = [
    { rules: ['a', 'b'], mayElicit: true },
    { rules: ['b', 'c'], mayElicit: false },
  ]
  expect(together(one, other)).toEqual({ rules: ['a', 'b', 'c'], mayElicit: false })
  expect(together(one, { ...other, mayElicit: true })?.mayElicit).toBe(true)
  expect([together(one, undefined), together(undefined, other), together(undefined, undefined)]).toEqual([
    ...[one, other, undefined],
  ])
})
