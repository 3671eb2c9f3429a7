import { type ChildProcess, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { afterAll } from 'vitest'
import type { PresentedError } from '../../src/errors/presenter.ts'
import { eventually } from '../sandbox/support/processes.ts'
import { type Answers, BURSAR, run, type ToolName } from './bursarServer.ts'
import type { CallOptions, Era } from './clients.ts'
import { connectHttp, type HttpConnection } from './httpClients.ts'

// The built server over HTTP as a process of its own, and agents with tokens that talk to it.

type Environment = Readonly<Record<string, string>>

export interface HttpServer {
  readonly url: string
  readonly process: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** How the process ended: its exit code, or the signal. */
  readonly ended: Promise<number | string | null>
  /** Ends it as a supervisor does; fails unless it does so by itself. */
  terminate(): Promise<void>
}

/** A test that fails leaves its server behind. */
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

export async function startHttp(env: Environment): Promise<HttpServer> {
  const child = spawn(process.execPath, [BURSAR, 'serve', '--http'], {
    env: { HTTP_PORT: '0', ...env },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      output[name] += chunk.toString()
    })
  }
  const ended = new Promise<number | string | null>((settle) =>
    child.once('exit', (code, signal) => {
      running.delete(child)
      settle(code ?? signal)
    }),
  )
  const told = () => /^\{"listening":"([^"]+)"\}$/m.exec(output.stderr)?.[1]
  await eventually('the server listens', () => {
    if (child.exitCode !== null) throw new Error(`the server ended: ${output.stderr}`)
    return told() !== undefined
  })
  return {
    url: told() as string,
    process: child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    async terminate() {
      child.kill('SIGTERM')
      const code = await ended
      if (code !== 0) throw new Error(`the server ended with ${code}: ${output.stderr}`)
    },
  }
}

/** A new token, as the operator makes one. */
export async function makeToken(env: Environment, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'token', 'create', ...args], { env })
  if (code !== 0) throw new Error(`no token was made: ${stderr}`)
  return stdout.trim()
}

export interface Agent {
  readonly connection: HttpConnection
  /** The structured answer; fails when the tool refuses. */
  answer<N extends ToolName>(name: N, args?: object, options?: CallOptions): Promise<Answers[N]>
  /** The error of a call that must be refused. */
  refusal(name: ToolName, args?: object): Promise<PresentedError>
}

export async function connectAgent(era: Era, url: string, token: string): Promise<Agent> {
  const connection = await connectHttp(era, url, token)
  return {
    connection,
    async answer(name, args = {}, options) {
      const { isError, content, structuredContent } = await connection.callTool(name, args, options)
      if (isError) throw new Error(`${name} was refused: ${content[0]?.text}`)
      return structuredContent as never
    },
    async refusal(name, args = {}) {
      const { isError, content } = await connection.callTool(name, args)
      const text = content[0]?.text ?? ''
      if (!isError) throw new Error(`${name} was not refused: ${text}`)
      return (JSON.parse(text) as { readonly error: PresentedError }).error
    },
  }
}
