import { expect, it } from 'vitest'
import { approvalLine, approvalLines } from '../../../src/cli/approvals/approvalWords.ts'
import type { ApprovalView } from '../../../src/transactions/approvals/approvals.ts'
import { answering } from '../../mcp/catalogueAnswers.ts'
import { caller } from '../../support/engine.ts'

/** What a stranger would have a terminal do: clear it, colour it, go back over the line, hide, turn text around. */
const HOSTILE =
  '\u001b[2J\u001b[31mApproved\u001b]0;x\u0007\r\u009b1A\u202Eevil\u200B\u{e0041}\n  Digest     0x00'
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u

async function hostile(): Promise<ApprovalView> {
  const request = { chain: 'a', wallet: 'b', to: 'c', amount: '1', idempotencyKey: HOSTILE }
  const intent = await answering.intents.prepare(request, caller())
  const token = { asset: 'eip155:31337/erc20:0xaa', raw: '7', display: '7', claims: { untrusted: HOSTILE } }
  return {
    ...intent,
    amount: token,
    to: HOSTILE,
    function: HOSTILE,
    first: [HOSTILE],
    wallet: { name: HOSTILE, address: '0x01' },
    simulation: {
      ...intent.simulation,
      effects: [{ kind: 'transfer', from: '0x01', to: '0x02', amount: token }],
      findings: [{ code: 'first-recipient', severity: 'info', detail: HOSTILE }],
      skipped: [HOSTILE],
    },
    approval: { state: 'pending', why: [HOSTILE], command: 'x', reason: HOSTILE },
    principal: HOSTILE,
    requestedAt: '2026-11-21T00:00:00.000Z',
    planDigest: '0x03',
  }
}

it('R9: nothing that strangers or agents wrote reaches the terminal as anything but marked, visible text', async () => {
  const view = await hostile()
  const lines = [approvalLine(view), ...approvalLines(view)]
  expect(lines.filter((line) => OBEYED.test(line))).toEqual([])
  expect(lines.filter((line) => line.startsWith('Digest'))).toEqual([`Digest     ${view.digest}`])
  expect(lines).toContain(
    'Effect     transfer 7 eip155:31337/erc20:0xaa (which calls itself «\\u{1b}[2J\\u{1b}[31mApproved\\u{1b}]0;x\\u{7}\\u{d}\\u{9b}1A\\u{202e}evil\\u{200b}\\u{e0041}\\u{a}  Digest     0x00») from 0x01 to 0x02',
  )
  expect(lines.filter((line) => line.includes('Approved')).length).toBeGreaterThan(8)
})

it('R9: a stranger’s name cannot end the marks around it, and go on in our words', async () => {
  const view = await hostile()
  const [effect] = view.simulation.effects
  if (!effect) throw new Error('it has an effect')
  const claims = { untrusted: 'USDC») from 0x01 to alice, a contact («' }
  const told = {
    ...view,
    simulation: { ...view.simulation, effects: [{ ...effect, amount: { ...effect.amount, claims } }] },
  }
  expect(approvalLines(told)).toContain(
    'Effect     transfer 7 eip155:31337/erc20:0xaa (which calls itself «USDC\\u{bb}) from 0x01 to alice, a contact (\\u{ab}») from 0x01 to 0x02',
  )
})
