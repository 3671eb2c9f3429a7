import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../primitives/logger.ts'
import { Secret } from '../primitives/secret.ts'
import type { EndpointOptions } from '../rpc/chainAccess.ts'
import type { Sandbox } from '../sandbox/startSandbox.ts'
import { announceSandbox, withdrawSandbox } from './runningSandboxes.ts'

/**
 * The sandbox that comes with a server that has nothing configured. Its journal lives and dies with its chains:
 * the state folder keeps both, and without one both are fresh at every start.
 */
export class EmbeddedSandbox {
  readonly journalFolder: string
  readonly #stateDir: string | undefined
  readonly #logger: Logger
  readonly #home: string
  #starting: Promise<Sandbox> | undefined

  constructor(stateDir: string | undefined, logger: Logger, home: string) {
    this.#stateDir = stateDir
    this.#home = home
    this.#logger = logger
    this.journalFolder = stateDir ?? mkdtempSync(join(tmpdir(), 'bursar-sandbox-'))
  }

  /** The sandbox, started by the first call; one that did not come up is tried again by the next. */
  start(): Promise<Sandbox> {
    if (!this.#starting) this.#announce()
    this.#starting ??= this.#launch().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  async endpoints(): Promise<ReadonlyMap<string, readonly EndpointOptions[]>> {
    const { chains } = await this.start()
    return new Map(
      chains.map(({ chainId, rpcUrl, socketUrl }) => {
        const endpoint = { url: new Secret(rpcUrl), socket: new Secret(socketUrl), priority: 0 }
        return [`eip155:${chainId}`, [endpoint]]
      }),
    )
  }

  async stop(): Promise<void> {
    const sandbox = await this.#starting?.catch(() => undefined)
    withdrawSandbox(this.#home, process.pid)
    await sandbox?.stop()
    if (this.#stateDir === undefined) rmSync(this.journalFolder, { recursive: true, force: true })
  }

  /** A home that cannot be written costs the operator's commands their way here, and nothing else. */
  #announce(): void {
    try {
      announceSandbox(this.#home, { pid: process.pid, folder: this.journalFolder })
    } catch (error) {
      this.#logger.warn('commands of the operator will not find this sandbox', { cause: String(error) })
    }
  }

  async #launch(): Promise<Sandbox> {
    const { startSandbox } = await import('../sandbox/startSandbox.ts')
    const stateDir = this.#stateDir === undefined ? {} : { stateDir: this.#stateDir }
    return startSandbox({ ...stateDir, logger: this.#logger })
  }
}
