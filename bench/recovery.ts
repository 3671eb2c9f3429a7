import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../src/primitives/logger.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { type Engine, type Lane, startEngine } from '../test/support/engine.ts'
import { type Figures, line, round } from './support/figures.ts'

const CHAIN = 31337
/** At most so many of one account may be unmined, so several pay. */
const WALLETS = ['agent', 'merchant', 'treasury', 'payroll'] as const
const SIZES = [100, 1_000] as const

/**
 * How long after its start a process has every operation that another left unfinished at its end, when all of them
 * were mined meanwhile; and how that grows with ten times as many. The baseline is reading the status of each by
 * itself, one after the other, without a journal.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const url = sandbox.chains.find(({ chainId }) => chainId === CHAIN)?.rpcUrl ?? ''
  const lane = { id: `eip155:${CHAIN}`, rpcUrl: url, proxy: { url } } as unknown as Lane
  const figures: Record<string, number> = {}
  try {
    line('unfinished operations', 'recovered ms', 'a ms each')
    for (const size of SIZES) {
      const home = mkdtempSync(join(tmpdir(), 'bursar-recovery-'))
      const dead = startEngine({ lanes: [lane], home })
      await leave(dead, size)
      await dead.journal.close()
      await sandbox.mine(CHAIN, 3)
      const ms = await recover(startEngine({ lanes: [lane], home, clock: dead.clock }), size)
      line(String(size), ms.toFixed(0), (ms / size).toFixed(2))
      figures[`recover${size}Ms`] = round(ms)
      await dead.chains.close()
      rmSync(home, { recursive: true, force: true })
    }
    const [few, many] = SIZES.map((size) => figures[`recover${size}Ms`] ?? Number.NaN)
    figures['growth10x'] = round((many ?? 0) / (few ?? 1))
    return figures
  } finally {
    await sandbox.stop()
  }
}

/** Sends payments and looks at none of them again. */
async function leave(engine: Engine, size: number): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < size) {
      const index = next++
      const wallet = WALLETS[index % WALLETS.length] ?? 'agent'
      const to = wallet === 'agent' ? 'merchant' : 'agent'
      const key = `left ${size} ${index}`
      const { intentId } = await engine.prepare({ wallet, to, amount: '0.0001', idempotencyKey: key })
      await engine.execute(intentId)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** From the start of the leases' loop until the last operation is final. */
async function recover(engine: Engine, size: number): Promise<number> {
  // The one that died did not hand over: its leases run out first.
  engine.clock.advance(5_001)
  const began = performance.now()
  engine.leases.start((operationId) => engine.driver.drive(operationId))
  for (;;) {
    const { committed } = await engine.operations.countByState()
    if (committed === size) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const ms = performance.now() - began
  await engine.leases.stop(() => engine.driver.settled())
  await engine.stop()
  return ms
}
