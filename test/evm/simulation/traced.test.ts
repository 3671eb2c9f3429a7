import { describe, expect, it } from 'vitest'
import { executionOf } from '../../../src/evm/simulation/traced.ts'

const PAYER = `0x${'11'.repeat(20)}`
const CONTRACT = `0x${'22'.repeat(20)}`
const call = {
  type: 'CALL',
  from: PAYER,
  to: CONTRACT,
  value: '0x0',
  gasUsed: '0x1',
  input: '0x',
  output: '0x',
}
const log = (word: string, position?: unknown) => ({
  ...{ address: CONTRACT, topics: [`0x${word.repeat(32)}`], data: '0x' },
  ...(position !== undefined && { position }),
})
const topicsOf = (frame: object) =>
  executionOf(frame, 'host').logs.map(({ topics }) => topics[0]?.slice(2, 4))

describe('D1: what a tracer tells', () => {
  it('D1: events come in the order in which they were made, between the calls', () => {
    const inner = { ...call, logs: [log('bb', '0x0')] }
    const logs = [log('aa', '0x0'), log('cc', '0x1'), log('dd')]
    expect(topicsOf({ ...call, calls: [inner], logs })).toEqual(['aa', 'dd', 'bb', 'cc'])
  })

  it.each([['0x63'], ['zz'], [null], [-1], [0.5]])(
    'R1: an event is not lost because its place is not one: %o',
    (position) => {
      expect(topicsOf({ ...call, logs: [log('aa', position)] })).toEqual(['aa'])
    },
  )

  it('F17: calls deeper than a machine makes them are garbage', () => {
    const nested = (depth: number) => {
      let frame: object = call
      for (let at = 0; at < depth; at++) frame = { ...call, calls: [frame] }
      return frame
    }
    expect(executionOf(nested(1_024), 'host').ok).toBe(true)
    expect(() => executionOf(nested(1_025), 'host')).toThrow(
      expect.objectContaining({ code: 'provider_garbage' }),
    )
  })
})
