import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxWallets } from '../../src/sandbox/sandboxAccounts.ts'
import { editAudit } from '../store/support/edit.ts'
import {
  BURSAR,
  type Bursar,
  environmentOf,
  run,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { readRows, startWorld, type World } from '../support/engine.ts'

// `bursar audit` as an operator runs it, while a server writes.

const API_KEY = 'canary-api-key-7f3d'
const PRIVATE_KEY = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00'

let world: World
let server: Bursar
let env: Readonly<Record<string, string>>
const { home, remove } = temporaryHome()
const path = join(home, 'journal.db')

beforeAll(async () => {
  world = await startWorld()
  env = {
    ...environmentOf(world, home),
    SANDBOX_A_RPC_URL: `${world.a.proxy.url}/v2/${API_KEY}`,
    WALLET_CANARY_PRIVATE_KEY: `0x${PRIVATE_KEY}`,
    ALLOW_ENVIRONMENT_KEYS: 'true',
  }
  server = await startBursar({ env })
})
afterAll(async () => {
  await server.close()
  await world.stop()
  remove()
})

/** As it is told in docs/operations.md: what was written last may be in a file of its own. */
function copyJournal(copy: string): void {
  for (const more of ['', '-wal']) {
    rmSync(`${copy}${more}`, { force: true })
    if (existsSync(`${path}${more}`)) copyFileSync(`${path}${more}`, `${copy}${more}`)
  }
}

const audit = (...args: string[]) => run(process.execPath, [BURSAR, 'audit', ...args], { env })

async function pay(idempotencyKey: string, amount = '0.01') {
  const payment = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount, idempotencyKey }
  const { intentId } = await server.answer('simulate_transaction', payment)
  return server.answer('send_transaction', { intentId })
}

describe('M4, T38: bursar audit', () => {
  it('M4, R6: a payment is in the export from its preparation to its end, a refusal with its rule, and no secret', async () => {
    const { operationId } = await pay('rent-1')
    // Seen in a block first: a look that comes while the next ones are mined would tell of it or not.
    const seen = { operation: operationId, waitSeconds: 20 }
    await world.a.mine(1)
    const included = await server.answer('get_operation', { ...seen, until: 'included' })
    expect(included.steps[0]?.state).toBe('included')
    await world.a.mine(2)
    expect((await server.answer('get_operation', { ...seen, until: 'final' })).state).toBe('committed')
    const tooMuch = {
      chain: 'sandbox-a',
      wallet: 'agent',
      to: 'merchant',
      amount: '11',
      idempotencyKey: 'rent-2',
    }
    expect((await server.refusal('simulate_transaction', tooMuch)).code).toBe('policy_denied')
    await world.a.ask('anvil_setBalance', sandboxWallets.payroll.address, '0x0')
    const poor = { ...tooMuch, wallet: 'payroll', amount: '1', idempotencyKey: 'rent-3' }
    expect((await server.refusal('simulate_transaction', poor)).code).toBe('insufficient_funds')

    const { code, stdout, stderr } = await audit('export')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; detail: object })
    expect(rows.map(({ event }) => event)).toEqual([
      'chain.first-used',
      'intent.prepared',
      'operation.begun',
      'nonce.reserved',
      'attempt.signed',
      'attempt.sent',
      'step.included',
      'operation.committed',
      'verdict.refused',
      'verdict.refused',
    ])
    const [, prepared, begun, , signed, sent, , ended, denied, funds] = rows.map(({ detail }) => detail)
    expect(prepared).toMatchObject({ verdict: 'allow', wallet: 'agent', backend: 'local' })
    expect(begun).toMatchObject({ verdict: 'allow' })
    const hash = expect.stringMatching(/^0x[0-9a-f]{64}$/)
    expect(signed).toMatchObject({ hash, nonce: '0' })
    expect(sent).toMatchObject({ hash, by: 'public', outcome: 'accepted' })
    expect(ended).toMatchObject({ hash, block: hash })
    expect(denied).toMatchObject({ at: 'prepare', code: 'policy_denied', rule: 'per-transaction-cap' })
    expect(funds).toMatchObject({ code: 'insufficient_funds', wallet: 'payroll' })
    for (const secret of [API_KEY, PRIVATE_KEY]) expect(stdout).not.toContain(secret)
    // Signed bytes are for the network only.
    expect(stdout).not.toMatch(/0x02f8[0-9a-f]{80}/)

    expect((await audit('export', '--since', '2099-01-01')).stdout).toBe('')
    expect((await audit('export', '--until', '2099-01-01')).stdout).toBe(stdout)
    const wrong = await audit('export', '--since', 'yesterday')
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 1, stdout: '' })
    expect(wrong.stderr).toContain('--since must be a time such as')
  }, 60_000)

  it('T38: verify finds the log whole while a server writes, and remembers its end beside the journal', async () => {
    const paying = Array.from({ length: 5 }, (_, index) => pay(`more-${index}`))
    const { code, stdout } = await audit('verify')
    expect(stdout).toMatch(
      /^\d+ rows, each bound to the one before: as they were written\.\nNothing remembers an earlier end/,
    )
    expect(code).toBe(0)
    await Promise.all(paying)
    const again = await audit('verify')
    expect(again.stdout).toMatch(
      /\nThe log still has row \d+\.\nKeep this line elsewhere, and give it to a later run with --expect: \d+:[0-9a-f]{64}\n$/,
    )
    const [, kept] = /--expect: (\S+)/.exec(again.stdout) ?? []
    expect(readFileSync(join(home, 'audit.anchor'), 'utf8').trim()).toBe(kept)
    expect((await audit('verify', '--expect', kept ?? '')).code).toBe(0)
    expect((await audit('verify', '--expect', 'nonsense')).stderr).toContain(
      '--expect must be a line such as',
    )
  }, 60_000)

  it('T38: verify names the first bad row of a copy, and what is missing at its end by the line that was kept', async () => {
    await server.close()
    // What a server writes last is remembered as well.
    const [newest] = readRows(path, 'select seq, hash from audit order by seq desc limit 1')
    const kept = readFileSync(join(home, 'audit.anchor'), 'utf8').trim()
    expect(kept).toBe(`${newest?.['seq']}:${newest?.['hash']}`)
    const copy = join(home, 'copy.db')
    copyJournal(copy)
    const onCopy = (...args: string[]) =>
      audit('verify', '--journal', copy, '--anchor', join(home, 'other'), ...args)
    expect(await onCopy()).toMatchObject({ code: 0, stderr: '' })
    editAudit(copy, "update audit set detail = '{}' where seq = 4")
    expect(await onCopy()).toMatchObject({
      code: 1,
      stdout:
        'Row 4 is not as it was written: its hash does not fit what it says.\nRows up to 3 are as they were written.\n',
    })
    copyJournal(copy)
    editAudit(copy, 'delete from audit where seq > 6')
    expect((await onCopy('--expect', kept)).stdout).toBe(
      'Row 7 is missing: it was taken out, or the end of the log was cut off before it.\nRows up to 6 are as they were written.\n',
    )
    rmSync(`${copy}-wal`, { force: true })
    writeFileSync(copy, '')
    expect((await onCopy()).code).toBe(1)
    server = await startBursar({ env })
  }, 60_000)
})
