import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { Secret } from '../../../../src/primitives/secret.ts'
import { evmKeySigner } from '../../../../src/wallets/evmKeySigner.ts'
import { type Engine, type Lane, startEngine, startWorld, USDC } from '../../../support/engine.ts'
import type { FaultAction } from '../../../support/rpcProxy.ts'
import { type TestClock, testClock } from '../../../support/testClock.ts'
import { setHoldings } from '../../../support/tokens.ts'
import type { Who } from './commands.ts'
import { Gate } from './gate.ts'

/** Deeper than any reorganisation of a schedule. */
export const CONFIRMATIONS = 4
/** Base fees in wei: of an ordinary block, of one ten times as expensive, and one that takes whatever waits. */
const FEES = { usual: '0x3b9aca00', tenfold: '0x2540be400', lowest: '0x7' } as const

/** One of the processes that share a journal. */
export interface Process {
  readonly engine: Engine
  readonly gate: Gate
}

/** The account of a schedule, which nothing else ever uses. */
export interface Account {
  readonly name: string
  readonly address: `0x${string}`
  /** Private key: what another program that shares the account signs with. */
  readonly key: `0x${string}`
}

/**
 * One chain, one journal and two processes, for schedules that run one after the other. Each begins on the same block:
 * the chain is taken back, so that it stays as small after ten thousand of them. The second process lives as long as
 * the stage; the first one is started afresh whenever it was killed.
 */
export class Stage {
  readonly lane: Lane
  readonly home: string
  readonly clock: TestClock = testClock()
  readonly #stopWorld: () => Promise<void>
  readonly #processes = new Map<Who, Process>()
  #account: Account | undefined
  #base: unknown
  #faults: FaultAction[] = []
  #fee: keyof typeof FEES = 'usual'

  private constructor(lane: Lane, stopWorld: () => Promise<void>) {
    this.lane = lane
    this.home = mkdtempSync(join(tmpdir(), 'bursar-soak-'))
    this.#stopWorld = stopWorld
  }

  static async open(): Promise<Stage> {
    const world = await startWorld()
    const stage = new Stage(world.a, () => world.stop())
    await world.a.mine(5)
    stage.#base = await world.a.ask('evm_snapshot')
    return stage
  }

  async close(): Promise<void> {
    for (const { engine } of this.#processes.values()) await engine.stop()
    await this.#stopWorld()
    rmSync(this.home, { recursive: true, force: true })
  }

  get journal(): string {
    return join(this.home, 'journal.db')
  }

  /** The number of the block that a schedule begins on. Nothing of it is in that one or before. */
  async begin(name: string): Promise<{ readonly account: Account; readonly block: number }> {
    const key = `0x${digest(`soak ${name}`)}` as const
    const { address } = privateKeyToAccount(key)
    this.#account = { name, key, address }
    this.#faults = []
    this.lane.proxy.reset()
    this.lane.proxy.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_sendRawTransaction') ? this.#faults.shift() : undefined,
    )
    const taken = await this.lane.ask('evm_revert', this.#base)
    if (taken !== true) throw new Error('the chain was not taken back')
    this.#base = await this.lane.ask('evm_snapshot')
    await this.lane.ask('anvil_setBalance', address, '0x56bc75e2d63100000')
    await this.fund(1_000_000_000n)
    await this.setFee('usual')
    // No reorganisation takes the funds away.
    await this.mine(CONFIRMATIONS)
    return { account: this.#account, block: await this.head() }
  }

  /** Sets what the account has of the test USDC. */
  async fund(raw: bigint): Promise<void> {
    if (this.#account) await setHoldings(this.lane, [{ token: USDC, account: this.#account.address, raw }])
  }

  /** The base fee of the next block; what is expensive stays so. */
  async setFee(fee: keyof typeof FEES): Promise<void> {
    this.#fee = fee
    await this.lane.ask('anvil_setNextBlockBaseFeePerGas', FEES[fee])
  }

  async mine(blocks: number): Promise<void> {
    await this.lane.mine(blocks)
    if (this.#fee === 'tenfold') await this.setFee('tenfold')
  }

  async head(): Promise<number> {
    return Number(await this.lane.ask('eth_blockNumber'))
  }

  async count(tag: 'latest' | 'pending'): Promise<number> {
    return Number(await this.lane.ask('eth_getTransactionCount', this.#account?.address, tag))
  }

  /** What happens to the next send that nothing was planned for. */
  planFault(fault: FaultAction): void {
    this.#faults.push(fault)
  }

  /** Sends happen as they should again. */
  liftFaults(): void {
    this.#faults = []
  }

  process(who: Who): Process {
    const known = this.#processes.get(who)
    if (known) return known
    const fresh = this.fresh()
    this.#processes.set(who, fresh)
    return fresh
  }

  /** One more process on the same journal; it is its caller's to stop. */
  fresh(): Process {
    const engine = startEngine({
      lanes: [this.lane],
      home: this.home,
      clock: this.clock,
      confirmations: CONFIRMATIONS,
    })
    const gate = new Gate()
    gate.guard(engine)
    let made: { readonly of: Account; readonly wallets: ReturnType<Engine['wallets']['on']> } | undefined
    engine.wallets.on = () => {
      const of = this.#account
      if (!of) throw new Error('a schedule has begun')
      if (made?.of !== of) {
        const signer = evmKeySigner(new Secret(of.key), this.clock)
        const wallet = {
          name: 'agent',
          kind: 'eoa',
          address: signer.account,
          signer,
          network: 'sandbox',
        } as const
        made = { of, wallets: [wallet] }
      }
      return made.wallets
    }
    return { engine, gate }
  }

  /** Forgets a process whose gate is closed for ever. Its leases stay until they run out, as those of the dead do. */
  async bury(who: Who): Promise<void> {
    const dead = this.#processes.get(who)
    this.#processes.delete(who)
    await dead?.gate.quiet()
    await dead?.engine.stop()
  }
}

export const digest = (text: string) => createHash('sha256').update(text).digest('hex')
