import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tokenBalance } from '../support/awkwardTokens.ts'
import { startWorld, USDC, type World } from '../support/engine.ts'
import { setHoldings } from '../support/tokens.ts'
import { type CrashJob, openEngine } from './support/crashJob.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 on the way of what a contract account pays, whose owner's transaction brings it: a journal, an owner and an
// account of its own for each process, and another process takes over what it leaves.

let world: World
let programs: Programs
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-account-crash-'))
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** By then the leases of the dead have run out. */
const LEASES_OVER_MS = 60_000

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

type Kind = 'account' | 'speed_up' | 'cancel'

interface Prepared {
  readonly job: CrashJob
  readonly to: string
  readonly owner: string
  /** The payment, which was sent before where a replacement is what is killed. */
  readonly intentId: string
}

/** A payment of 12.5 USDC to somebody whom nobody else pays, or what replaces it while no block has it. */
async function prepare(kind: Kind, point: string): Promise<Prepared> {
  const name = `${kind} ${point}`
  const home = join(folder, digest(name).slice(0, 16))
  mkdirSync(home)
  const to = `0x${digest(`to ${name}`).slice(0, 40)}`
  const place = { home, rpcUrl: world.a.rpcUrl, key: `0x${digest(`key ${name}`)}` }
  const engine = openEngine(place)
  const { adapter } = await engine.chains.open('sandbox-a')
  const [owner, account] = ['agent', 'vault'].map((each) => engine.wallets.find(each, adapter.chain).address)
  for (const address of [owner, account])
    await world.a.ask('anvil_setBalance', address, '0x56bc75e2d63100000')
  await setHoldings(world.a, [{ token: USDC, account: account as `0x${string}`, raw: 1_000_000_000n }])
  const request = { wallet: 'vault', to, asset: 'USDC', amount: '12.5', idempotencyKey: name }
  const { intentId } = await engine.prepare(request)
  let killed = intentId
  if (kind !== 'account') {
    const { operationId } = await engine.execute(intentId)
    killed = (await engine.replace({ operation: operationId, kind })).intentId
  }
  await engine.stop()
  const next = { to, asset: 'USDC', amount: '2.5' } as const
  const job: CrashJob = { name, kind: 'account', ...place, intents: [killed], again: 'at once', next }
  return { job, to, owner: owner ?? '', intentId }
}

/** Takes over: what was asked for is asked for again, and driven with everything else until all of it has ended. */
async function resume({ job, intentId }: Prepared) {
  const [again = ''] = job.intents
  const end = async (aheadMs: number, begin: (engine: ReturnType<typeof openEngine>) => Promise<unknown>) => {
    const engine = openEngine(job, aheadMs)
    try {
      let begun = false
      for (let looks = 0; looks < 12; looks++) {
        const open = engine.rows(`select id from operations where state in ('running', 'stuck')`)
        if (open.length === 0 && begun) break
        for (const { id } of open) await engine.driver.drive(String(id))
        // What was left behind is on its way by then, which those who ask for it again need not wait for.
        if (!begun) await begin(engine)
        begun = true
        await world.a.mine(1)
      }
      return engine.rows(`select state from operations order by created_at`).map(({ state }) => state)
    } finally {
      await engine.stop()
    }
  }
  await end(LEASES_OVER_MS, async (engine) => {
    const ended = (error: { readonly code?: string }) => {
      // What it was to replace was included before it was signed.
      if (error.code !== 'not_replaceable') throw error
    }
    await engine.execute(again).catch(ended)
  })
  const engine = openEngine(job, LEASES_OVER_MS)
  const { state } = await engine.get((await engine.operations.findByIntent('local', intentId)) ?? '')
  const { intentId: next } = await engine.prepare({ wallet: 'vault', ...job.next, idempotencyKey: 'next' })
  await engine.stop()
  const states = await end(LEASES_OVER_MS, (one) => one.execute(next))
  return { state, open: states.filter((each) => each === 'running' || each === 'stuck') }
}

/** Where each dies: the first of a name is what the account signs, the last the transaction that brings it. */
const POINTS = [
  ['first', 'after signer.sign'],
  ['first', 'after sql insert attempts'],
  ['first', 'before broadcaster.broadcast'],
  ['last', 'before sql insert intents'],
  ['last', 'after sql insert intents'],
  ['last', 'before signer.sign'],
  ['last', 'after signer.sign'],
  ['last', 'after sql insert attempts'],
  ['last', 'before endpoints.send'],
  ['last', 'during send'],
  ['last', 'after endpoints.send'],
  ['first', 'after broadcaster.broadcast'],
  ['last', 'before sql update attempts'],
] as const

/** How it ends wherever its process dies, and what its recipient has with the payment of 2.5 USDC that comes after. */
const ENDS = {
  account: ['committed', 15_000_000n],
  speed_up: ['committed', 15_000_000n],
  cancel: ['failed', 2_500_000n],
} as const

for (const kind of ['account', 'speed_up', 'cancel'] as const) {
  it(`F1, R2: a process that dies anywhere between what an account signs and its answer leaves one payment: ${kind}`, async () => {
    const whole = await prepare(kind, 'survivor')
    const { lines } = await programs.run('victim', JSON.stringify([whole.job]), '0')
    const names = JSON.parse((lines[0] ?? '').replace('reached ', '')) as string[]
    const [state, raw] = ENDS[kind]
    const deaths: string[] = []
    const points = POINTS.filter((_, index) => kind === 'account' || index % 3 === Number(kind === 'cancel'))
    for (const [which, point] of points) {
      const at = 1 + (which === 'first' ? names.indexOf(point) : names.lastIndexOf(point))
      const one = await prepare(kind, `${which} ${point}`)
      const { signal, lines: said } = await programs.run('victim', JSON.stringify([one.job]), String(at))
      expect(signal, point).toBe('SIGKILL')
      deaths.push(`${which} ${String(said.at(-1)).replace('killed ', '')}`)
      const died = `${kind}: ${which} ${point}`
      expect(await resume(one), died).toEqual({ state, open: [] })
      expect(await tokenBalance(world.a, USDC, one.to as `0x${string}`), died).toBe(raw)
      // The owner has brought either once.
      expect(Number(await world.a.ask('eth_getTransactionCount', one.owner, 'pending')), died).toBe(2)
    }
    expect(deaths).toEqual(points.map((point) => point.join(' ')))
    // Some thirty seconds on two idle cores.
  }, 240_000)
}
