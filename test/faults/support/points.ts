import { writeSync } from 'node:fs'
import { FlashbotsBundleProvider } from '@flashbots/ethers-provider-bundle'
import Database from 'libsql'
import { RedisNonces } from '../../../src/redis/redisNonces.ts'
import type { Engine } from '../../support/engine.ts'

type Method = (...args: unknown[]) => unknown

/**
 * Numbers the moments at which a process may die: right before and right after each thing that the engine does to the
 * world. Between two of them nothing outside changes, so that they stand for every await there is. At the chosen one
 * the process ends itself as kill -9 does.
 */
export class Points {
  names: string[] = []
  readonly #killAt: number
  #armed = false

  constructor(killAt: number) {
    this.#killAt = killAt
  }

  /** The next point is the first one. */
  begin(): void {
    this.names = []
    this.#armed = true
  }

  end(): void {
    this.#armed = false
  }

  pass(name: string): void {
    if (!this.#armed) return
    this.names.push(name)
    if (this.names.length !== this.#killAt) return
    writeSync(1, `killed ${name}\n`)
    process.kill(process.pid, 'SIGKILL')
  }

  async #around(name: string, work: () => unknown): Promise<unknown> {
    this.pass(`before ${name}`)
    try {
      return await work()
    } finally {
      this.pass(`after ${name}`)
    }
  }

  /** Each of these methods of `target` has a point before and one after it from now on. */
  wrap(label: string, target: object, methods: readonly string[]): void {
    const around = (name: string, work: () => unknown) => this.#around(name, work)
    for (const method of methods) {
      const original = Reflect.get(target, method) as Method
      Reflect.set(target, method, function (this: object, ...args: unknown[]) {
        return around(`${label}.${method}`, () => original.apply(this, args))
      })
    }
  }

  /**
   * The same for everything that all engines of this process share: each statement that a journal runs, those that
   * begin and end its transactions among them, each script of Redis, and each question to a private relay.
   */
  wrapProcess(): void {
    this.wrap('redis', RedisNonces.prototype, ['session', 'reserve', 'raise', 'mark', 'release'])
    this.wrap('flashbots', FlashbotsBundleProvider.prototype, ['simulate', 'sendPrivateTransaction'])
    const around = (sql: string, work: () => unknown) => {
      const name = `sql ${labelOf(sql)}`
      this.pass(`before ${name}`)
      const result = work()
      this.pass(`after ${name}`)
      return result
    }
    const database = Database.prototype as unknown as Record<'exec' | 'prepare', (sql: string) => unknown>
    const { exec, prepare } = database
    database.exec = function (sql) {
      return around(sql, () => exec.call(this, sql))
    }
    database.prepare = function (sql) {
      const statement = prepare.call(this, sql) as Record<'run' | 'all', Method>
      for (const name of ['run', 'all'] as const) {
        const original = statement[name].bind(statement)
        statement[name] = (...args) => around(sql, () => original(...args))
      }
      return statement
    }
  }
}

/** Puts points around everything by which this engine touches the world. */
export async function numberPoints(engine: Engine, points: Points): Promise<void> {
  points.wrap('nonces', engine.nonces, ['reserve', 'recorded', 'refused', 'release'])
  const adapter = await engine.chains.adapter('sandbox-a')
  points.wrap('chain', adapter, [
    'rehearse',
    'fees',
    'status',
    'confirmInclusion',
    'usedByAnother',
    'userOfNonce',
    'genesis',
  ])
  points.wrap('codec', adapter.codec, ['parse'])
  for (const { signer } of engine.wallets.on(adapter.chain)) points.wrap('signer', signer, ['sign'])
  points.wrap('broadcaster', engine.broadcaster, ['broadcast'])
  const { sends } = (await engine.chains.open('sandbox-a')).access
  const { send } = sends
  Reflect.set(sends, 'send', (...given: Parameters<typeof send>) => {
    const answers = send.apply(sends, given)
    // The bytes are on their way, and whether a node has them is not known.
    setImmediate(() => points.pass('during send'))
    return answers
  })
  points.wrap('endpoints', sends, ['send'])
}

/** What a statement does, and to which table: `insert operations`. */
function labelOf(sql: string): string {
  const [verb = ''] = sql.trim().split(/\s+/)
  const table = /(?:from|into|update) "(\w+)"/.exec(sql)?.[1]
  return table === undefined ? sql.slice(0, 20) : `${verb} ${table}`
}
