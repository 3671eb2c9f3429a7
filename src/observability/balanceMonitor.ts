import type { ChainDirectory } from '../chains/directory.ts'
import type { Chain } from '../chains/types.ts'
import { unattended } from '../primitives/abort.ts'
import type { Alert, AlertSink } from '../primitives/alerts.ts'
import { formatUnits, parseAmount } from '../primitives/amount.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Metrics } from '../primitives/metrics.ts'

/** The least that each wallet should have for gas, in whole native units. */
export interface BalanceFloor {
  /** `*` or a CAIP-2 id. */
  readonly chain: string
  readonly min: string
}

/** A wallet, as far as its balance is concerned. */
interface Watched {
  readonly name: string
  readonly address: string
  readonly kind?: string
}

export interface MonitorSources {
  readonly directory: ChainDirectory
  readonly walletsOn: (chain: Chain) => readonly Watched[]
  /** Native base units that an account has spent since a time. */
  readonly spentSince: (chain: string, account: string, native: string, since: string) => Promise<bigint>
  readonly floors: readonly BalanceFloor[]
  readonly sink: AlertSink
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
}

const EVERY_MS = 600_000
/** A top-up should last as long as the days that are looked back on. */
const DAYS = 7
const DAY_MS = 86_400_000

/** Watches that wallets can pay for gas. It asks each chain that has a floor once in ten minutes, in one round trip. */
export class BalanceMonitor {
  readonly #sources: MonitorSources
  readonly #alerts = new Map<string, Alert>()
  #timer: NodeJS.Timeout | undefined

  constructor(sources: MonitorSources) {
    this.#sources = sources
  }

  /** What is low now. */
  get alerts(): readonly Alert[] {
    return [...this.#alerts.values()]
  }

  start(): void {
    if (this.#sources.floors.length === 0 || this.#timer) return
    const look = () => void this.look(unattended())
    this.#timer = setInterval(look, EVERY_MS).unref()
    look()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Looks at every wallet of every chain that has a floor. A chain that does not answer is not low. */
  async look(signal: AbortSignal): Promise<void> {
    const { directory, logger } = this.#sources
    await Promise.all(
      directory.configured().map(async (chain) => {
        const floor = this.#floorOf(chain)
        if (floor === undefined) return
        await this.#lookAt(chain, floor, signal).catch((error: unknown) => {
          logger.warn('native balances are not known', { chain: chain.id, cause: String(error) })
        })
      }),
    )
  }

  #floorOf({ id, native }: Chain): bigint | undefined {
    const { floors } = this.#sources
    const floor = floors.find((each) => each.chain === id) ?? floors.find((each) => each.chain === '*')
    const raw = floor && parseAmount(floor.min, native.decimals)
    return typeof raw === 'bigint' ? raw : undefined
  }

  async #lookAt(chain: Chain, floor: bigint, signal: AbortSignal): Promise<void> {
    const { directory, walletsOn, metrics } = this.#sources
    const adapter = await directory.adapter(chain.id)
    // A contract account may be empty for as long as nobody uses it; who brings what it pays is watched.
    const wallets = walletsOn(chain).filter(({ kind }) => kind !== 'smart-account')
    if (wallets.length === 0) return
    const { balances } = await adapter.balances(
      wallets.map(({ address }) => address),
      [adapter.native],
      signal,
    )
    await Promise.all(
      wallets.map(async ({ name, address }, index) => {
        const raw = balances[index]?.raw
        if (raw === undefined) return
        const units = Number(formatUnits(raw, chain.native.decimals))
        metrics.gauge('wallet_native_balance', { chain: chain.id, wallet: name }, units)
        if (raw >= floor) return this.#clear(chain, name)
        await this.#raise(chain, { name, address }, { raw, floor, native: adapter.native.id })
      }),
    )
  }

  async #raise(
    chain: Chain,
    wallet: { readonly name: string; readonly address: string },
    { raw, floor, native }: { readonly raw: bigint; readonly floor: bigint; readonly native: string },
  ): Promise<void> {
    const { clock, sink, spentSince } = this.#sources
    const key = keyOf(chain, wallet.name)
    const since = new Date(clock.now() - DAYS * DAY_MS).toISOString()
    const spent = await spentSince(chain.id, wallet.address, native, since)
    // Up to the floor again, and what the next days will take if they are like the last ones.
    const missing = floor - raw + spent
    const show = (units: bigint) => `${formatUnits(units, chain.native.decimals)} ${chain.native.symbol}`
    const message = `${wallet.name} has ${show(raw)} on ${chain.name}, less than the ${show(floor)} that it should have for gas. Send ${show(missing)} to ${wallet.address} on ${chain.id}: that also covers what it spent in the last ${DAYS} days (${show(spent)}).`
    const known = this.#alerts.get(key)
    const alert: Alert = {
      ...{ code: 'low-balance', chain: chain.id, wallet: wallet.name, message },
      since: known?.since ?? new Date(clock.now()).toISOString(),
    }
    this.#alerts.set(key, alert)
    if (known?.message !== message) sink.raise(alert)
  }

  #clear(chain: Chain, wallet: string): void {
    const key = keyOf(chain, wallet)
    const alert = this.#alerts.get(key)
    if (!alert) return
    this.#alerts.delete(key)
    this.#sources.sink.clear(alert)
  }
}

const keyOf = (chain: Chain, wallet: string) => `${chain.id} ${wallet}`

/** Alerts as lines of the log. */
export function loggedAlerts(logger: Logger): AlertSink {
  const told = ({ code, chain, wallet, message }: Alert) => ({ alert: code, chain, wallet, detail: message })
  return {
    raise: (alert) => logger.warn('alert', told(alert)),
    clear: (alert) => logger.info('the alert is over', told(alert)),
  }
}
