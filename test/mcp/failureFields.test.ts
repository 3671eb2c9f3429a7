import { expect, test } from 'vitest'
import { failureFields } from '../../src/mcp/failureFields.ts'

const TOKEN = `bursar_0123456789ab_${'S'.repeat(43)}`
const URL_WITH_KEYS = 'https://user:CANARY-WORD@node.example:8443/v2/CANARY-KEY?apikey=CANARY-QUERY'

test.each(Array.from({ length: 14 }, (_, index) => 3_900 + index * 8))(
  'T14, T15: nothing of a token or a URL is left of a text that is cut in the middle of it, %d characters in',
  (before) => {
    const told = JSON.stringify([
      failureFields(new Error(`${'x'.repeat(before)} ${TOKEN}`)),
      failureFields(new Error(`${'x'.repeat(before)} ${URL_WITH_KEYS}`)),
      failureFields(new Error('outer', { cause: new Error(`${'x'.repeat(before)} ${URL_WITH_KEYS}`) })),
      failureFields(`${'x'.repeat(before)} ${TOKEN}`),
    ])
    expect(/S{3}|CANARY|user/.exec(told)?.[0]).toBeUndefined()
    expect(told.length).toBeLessThan(40_000)
  },
)
