import { type ChildProcess, spawn } from 'node:child_process'
import { BursarError } from '../errors/bursarError.ts'
import type { Logger } from '../primitives/logger.ts'
import type { SandboxChainId } from './sandboxAccounts.ts'

export interface AnvilOptions {
  readonly binary: string
  readonly chainId: SandboxChainId
  /** 0 lets the system choose a free one. */
  readonly port: number
  readonly blockTimeSeconds: number
  readonly state?: { readonly load?: string; readonly save: string }
  readonly logger: Logger
}

export interface AnvilProcess {
  readonly pid: number
  /** The JSON-RPC URL, once it listens. Rejects with `sandbox_unavailable` when it ended before that. */
  readonly listening: Promise<string>
  /** Throws `sandbox_unavailable` when the process has ended, whoever ended it. */
  assertAlive(): void
  /** Resolves when the process has ended and its last state is written. */
  stop(): Promise<void>
}

// The shell becomes anvil (exec keeps the pid), so its exit and its pid are anvil's own. Before that it leaves
// behind a watcher that reads our end of a pipe: the kernel closes that end when Bursar ends, by whatever
// signal, and then the watcher ends anvil, softly first so that it writes its state. When anvil ends before us,
// Node closes the pipe in the same turn in which it frees the pid, so the watcher never meets a later owner.
const GUARD = `exec 3<&0 </dev/null
(
  read -r _ <&3
  kill -TERM $$
  n=0; while [ $n -lt 300 ]; do kill -0 $$ || exit 0; sleep 0.1; n=$((n+1)); done
  kill -KILL $$
) >/dev/null 2>&1 &
exec 3<&-
exec "$0" "$@"`

const START_TIMEOUT_MS = 20_000
const LISTENING = /Listening on 127\.0\.0\.1:(\d+)\s/

/** Starts one anvil that cannot outlive this process. */
export function spawnAnvil(options: AnvilOptions): AnvilProcess {
  const child = spawn('/bin/sh', ['-c', GUARD, options.binary, ...anvilArguments(options)], {
    // A session of its own: Ctrl-C in a terminal must not end the chain before Bursar has shut down.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Nothing of our environment, which may hold secrets.
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  })
  const name = `anvil of chain ${options.chainId}`
  const pid = child.pid
  if (pid === undefined) throw new BursarError('sandbox_unavailable', { reason: '/bin/sh cannot be started' })

  let stopping = false
  let ending: string | undefined
  let complaint = ''
  child.stdin?.on('error', () => undefined)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-500)
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      ending = `the ${name} ended (${signal ?? `exit code ${code}`})${complaint && `: ${complaint.trim()}`}`
      if (!stopping) options.logger.error('sandbox chain ended', { chain: options.chainId, pid, ending })
      resolve()
    })
  })
  const failure = () =>
    new BursarError('sandbox_unavailable', { reason: ending ?? `the ${name} is stopping` })

  return {
    pid,
    listening: announcedPort(child, ended.then(failure)).then((port) => `http://127.0.0.1:${port}`),
    assertAlive() {
      if (ending !== undefined || stopping) throw failure()
    },
    async stop() {
      stopping = true
      // The same end that a crash of ours brings about, so that the guard is no rarely used path.
      if (ending === undefined) child.stdin?.end()
      await ended
    },
  }
}

function anvilArguments({ chainId, port, blockTimeSeconds, state }: AnvilOptions): string[] {
  const args = ['--host', '127.0.0.1', '--port', `${port}`, '--chain-id', `${chainId}`]
  args.push('--block-time', `${blockTimeSeconds}`, '--color', 'never')
  // Older states would go to files in the home folder, which nobody deletes after a kill.
  args.push('--prune-history', '1000')
  if (state) args.push('--dump-state', state.save, '--state-interval', '10')
  if (state?.load) args.push('--load-state', state.load)
  return args
}

/** anvil prints the port that it really got. Its output also shows keys, so none of it is kept or logged (R6). */
function announcedPort(child: ChildProcess, failed: Promise<BursarError>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new BursarError('sandbox_unavailable', { reason: `anvil is silent for ${START_TIMEOUT_MS} ms` }),
        ),
      START_TIMEOUT_MS,
    )
    let seen = ''
    const read = (text: string) => {
      seen += text
      const port = LISTENING.exec(seen)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      child.stdout?.off('data', read).resume()
      resolve(port)
    }
    child.stdout?.setEncoding('utf8').on('data', read)
    void failed.then((error) => {
      clearTimeout(timer)
      reject(error)
    })
  })
}
