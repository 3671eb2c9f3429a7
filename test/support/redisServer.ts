import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Certificate } from './certificate.ts'

/** A real Redis of a test's own, on loopback, with nothing on disk. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Another client, for a look at the keys. */
  client(): Redis
  /** Ends it as a crash does; its data are gone. */
  kill(): Promise<void>
  /** Begins again, empty, on the same port. */
  restart(): Promise<void>
  /** Stops answering with connections open, and goes on. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

const MISSING = `redis-server is not installed. Install it with one of
  apt-get update && apt-get install -y redis-server    (Debian)
  brew install redis                                   (macOS)
  docker run --rm -v "$PWD":/w -w /w node:20 bash -c "apt-get update && apt-get install -y redis-server && npm ci && npm test"`

export interface RedisServerOptions {
  readonly password?: string
  /** Port of the server that it follows. */
  readonly replicaOf?: number
  /** It speaks TLS and nothing else. */
  readonly tls?: Certificate
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'bursar-redis-'))
  const clients: Redis[] = []
  let server = await launch(port, folder, options)

  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }
  return {
    url: `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    port,
    client() {
      const tls = options.tls && { tls: { ca: readFileSync(options.tls.certFile) } }
      const client = new Redis(port, '127.0.0.1', { ...tls, password: options.password })
      client.on('error', () => undefined)
      clients.push(client)
      return client
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL')
      server = await launch(port, folder, options)
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async stop() {
      for (const client of clients) client.disconnect()
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function launch(
  port: number,
  folder: string,
  { password, replicaOf, tls }: RedisServerOptions,
): Promise<ChildProcess> {
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  settings.push(...portSettings(port, tls).flatMap(([name, value]) => [`--${name}`, value]))
  // A replica is served at once.
  settings.push('--repl-diskless-sync-delay', '0')
  if (password !== undefined) settings.push('--requirepass', password, '--masterauth', password)
  if (replicaOf !== undefined) settings.push('--replicaof', '127.0.0.1', String(replicaOf))
  return launchRedis([...settings, '--dir', folder], 'Ready to accept connections')
}

/** Names and values, for the command line and for a file. */
export function portSettings(
  port: number,
  tls: Certificate | undefined,
): readonly (readonly [string, string])[] {
  if (!tls) return [['port', String(port)]]
  return [
    ['port', '0'],
    ['tls-port', String(port)],
    ['tls-cert-file', tls.certFile],
    ['tls-key-file', tls.keyFile],
    ['tls-ca-cert-file', tls.certFile],
    ['tls-auth-clients', 'no'],
    // A Sentinel speaks so to the servers that it watches.
    ['tls-replication', 'yes'],
  ]
}

/** Resolves when redis-server has said that it is `ready`. */
export async function launchRedis(args: readonly string[], ready: string): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new Error(MISSING) : error)
    })
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes(ready)) resolve()
    })
  })
  return child
}

/** Free a moment ago; the server fails loudly when somebody else was faster. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
