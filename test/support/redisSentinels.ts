import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import type { Certificate } from './certificate.ts'
import { freePort, launchRedis, portSettings, type RedisServer, startRedisServer } from './redisServer.ts'

/** A primary and its replica, with three Sentinels of which two must agree: all real, all on loopback. For one test. */
export interface WatchedRedis {
  readonly url: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** Leaves the replica with what it knows now: nothing that is written from here on reaches it before a fail-over. */
  detach(): Promise<void>
  /** Kills the primary. What the replica has missed is lost. */
  crash(): Promise<void>
  /** Resolves when every Sentinel names the replica as the primary. */
  promoted(): Promise<void>
  stop(): Promise<void>
}

const PASSWORDS = { redis: 'p@ss/word', sentinel: 'sentinel:word' }
const NAME = 'bursar-primary'
const QUORUM = 2
const DOWN_AFTER_MS = 1_000

export async function startWatchedRedis(): Promise<WatchedRedis> {
  const { redis: password } = PASSWORDS
  const primary = await startRedisServer({ password })
  const replica = await startRedisServer({ password, replicaOf: primary.port })
  const folder = mkdtempSync(join(tmpdir(), 'bursar-sentinels-'))
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(folder, primary.port)))
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const secrets = Object.values(PASSWORDS).map(encodeURIComponent)
  const looker = replica.client()
  const watched: WatchedRedis = {
    url: `redis+sentinel://:${secrets[0]}@${hosts}/${NAME}/0?sentinelPassword=${secrets[1]}`,
    primary,
    replica,
    async detach() {
      replica.freeze()
      const client = primary.client()
      // It cannot ask for the link again while it is stopped.
      expect(await client.call('CLIENT', 'KILL', 'TYPE', 'replica')).toBe(1)
      client.disconnect()
    },
    async crash() {
      await primary.kill()
      replica.thaw()
    },
    promoted: async () => {
      await Promise.all(sentinels.map((one) => one.names(replica.port)))
    },
    async stop() {
      await Promise.all(sentinels.map(({ end }) => end()))
      await Promise.all([primary.stop(), replica.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await settled(looker, sentinels)
  } catch (error) {
    await watched.stop()
    throw error
  }
  return watched
}

/** Resolves when the replica has what the primary has, and each Sentinel knows it and the other Sentinels. */
async function settled(replica: Redis, sentinels: readonly Sentinel[]): Promise<void> {
  const link = async () => /master_link_status:(\w+)/.exec(await replica.info('replication'))?.[1]
  await expect.poll(link, { timeout: 20_000 }).toBe('up')
  await Promise.all(sentinels.map((one) => one.ready()))
}

/** One Sentinel that speaks TLS only and, alone, watches a server that does as well, under the name `main`. */
export async function startSecureSentinel(
  tls: Certificate,
  primary: number,
  passwords: { readonly redis: string; readonly sentinel: string },
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'bursar-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  const lines = [
    ...portSettings(port, tls).map((setting) => setting.join(' ')),
    'bind 127.0.0.1',
    `requirepass ${passwords.sentinel}`,
    `sentinel monitor main 127.0.0.1 ${primary} 1`,
    `sentinel auth-pass main ${passwords.redis}`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const child = await launchRedis([file, '--sentinel'], '+monitor master')
  return {
    port,
    async stop() {
      await killed(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

interface Sentinel {
  readonly port: number
  /** Resolves when it knows the replica and both of the others. */
  ready(): Promise<void>
  /** Resolves when it names the server at that port as the primary. */
  names(port: number): Promise<void>
  end(): Promise<void>
}

async function startSentinel(folder: string, primary: number): Promise<Sentinel> {
  const port = await freePort()
  const file = join(folder, `${port}.conf`)
  // It writes what it finds out into the file.
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `requirepass ${PASSWORDS.sentinel}`,
    `sentinel sentinel-pass ${PASSWORDS.sentinel}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary} ${QUORUM}`,
    `sentinel auth-pass ${NAME} ${PASSWORDS.redis}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const child: ChildProcess = await launchRedis([file, '--sentinel'], '+monitor master')
  const client = new Redis(port, '127.0.0.1', { password: PASSWORDS.sentinel })
  client.on('error', () => undefined)
  const ask = (what: string) => client.call('SENTINEL', what, NAME) as Promise<unknown[]>
  return {
    port,
    async ready() {
      const known = async () => [(await ask('REPLICAS')).length, (await ask('SENTINELS')).length]
      await expect.poll(known, { timeout: 20_000 }).toEqual([1, 2])
    },
    names: (primary) =>
      expect
        .poll(async () => (await ask('GET-MASTER-ADDR-BY-NAME'))[1], { timeout: 30_000 })
        .toBe(String(primary)),
    async end() {
      client.disconnect()
      await killed(child)
    },
  }
}
