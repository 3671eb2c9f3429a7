import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chain } from '../chains/types.ts'
import { policyPath } from '../config/policyPath.ts'
import type { Config } from '../config/types.ts'
import { BursarError, isBursarError } from '../errors/bursarError.ts'
import type { Policy } from '../policy/policy.ts'
import { readRules } from '../policy/rules/readRules.ts'
import { NO_RULES, type RuleBook } from '../policy/rules/rules.ts'
import { unknownWallets } from '../policy/unknownWallets.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Journal } from '../store/journal.ts'

/** The rules of the policy file. Throws `policy_invalid`, also when a file that is configured cannot be read. */
export function loadRules(config: Pick<Config, 'policyFile' | 'home'>, chains: readonly Chain[]): RuleBook {
  const path = policyPath(config)
  if (path === undefined) return NO_RULES
  try {
    return readRules(readFileSync(path, 'utf8'), chains)
  } catch (error) {
    if (error instanceof BursarError) throw error
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new BursarError('policy_invalid', { problems: [`${path} cannot be read (${reason})`] })
  }
}

/** The same for a reload: a file that is gone is no word that its rules are to be lifted. Throws `policy_invalid`. */
export function loadRulesAgain(
  config: Pick<Config, 'policyFile' | 'home'>,
  chains: readonly Chain[],
): RuleBook {
  const book = loadRules(config, chains)
  if (book !== NO_RULES) return book
  const reason = 'there is none: to lift every rule, write one with "rules": []'
  throw new BursarError('policy_invalid', { problems: [reason] })
}

/** Where `bursar policy reload` leaves word for the servers of this home: what it holds changes with each time. */
export const reloadMark = (home: string): string => join(home, 'policy.reload')

const LOOK_MS = 500

export interface PolicyReloadOptions {
  readonly config: Pick<Config, 'policyFile' | 'home'>
  readonly chains: readonly Chain[]
  readonly policy: Policy
  readonly journal: Journal
  /** Of every wallet that this process has. */
  readonly walletNames: () => readonly string[]
  readonly logger: Logger
}

/**
 * Brings a changed policy file into force when its operator says so, by SIGHUP or `bursar policy reload`, and never by
 * itself: a file that somebody else has changed changes nothing (T37). One that is wrong leaves the rules as they are.
 */
export class PolicyReload {
  readonly #options: PolicyReloadOptions
  #mark: string
  #timer: NodeJS.Timeout | undefined

  constructor(options: PolicyReloadOptions) {
    this.#options = options
    this.#mark = this.#marked()
  }

  /** Records the rules that hold, and looks for word of new ones until `stop`. */
  start(): void {
    // Without a file nothing was loaded.
    if (this.#options.policy.book !== NO_RULES) this.#loaded('start')
    this.#timer = setInterval(() => {
      const mark = this.#marked()
      if (mark === this.#mark) return
      this.#mark = mark
      this.load('reload')
    }, LOOK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  load(by: 'SIGHUP' | 'reload'): void {
    const { config, chains, policy, logger } = this.#options
    try {
      policy.use(loadRulesAgain(config, chains))
      logger.info('policy loaded', { by, digest: policy.book.digest, rules: policy.book.size })
      this.#loaded(by)
    } catch (error) {
      if (!isBursarError(error)) throw error
      logger.error('the policy file is wrong, and the rules of before hold', { by, cause: error.message })
    }
  }

  /** What looks wrong with the rules that hold. */
  warnings(): readonly string[] {
    const { policy, walletNames } = this.#options
    return unknownWallets(policy.book, walletNames())
  }

  #loaded(by: string): void {
    for (const warning of this.warnings()) this.#options.logger.warn(warning)
    void this.#record(by)
  }

  async #record(by: string): Promise<void> {
    const { journal, policy, logger } = this.#options
    const { digest, size } = policy.book
    const detail = { digest, rules: size, version: policy.version, by, pid: process.pid }
    try {
      await journal.transact(async (_tx, audit) =>
        audit({ event: 'policy.loaded', subject: 'policy', detail }),
      )
    } catch (error) {
      logger.error('loading the policy could not be recorded', { cause: String(error) })
    }
  }

  #marked(): string {
    try {
      return readFileSync(reloadMark(this.#options.config.home), 'utf8')
    } catch {
      // Nobody has ever left word.
      return ''
    }
  }
}
