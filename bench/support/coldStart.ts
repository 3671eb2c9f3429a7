import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process to start, and what a client says to it first. Without messages the process's end is what counts. */
export interface Candidate {
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly messages: readonly object[]
  /** Id of the answer that ends the measurement. */
  readonly awaited: number
}

/** Milliseconds from spawn to the awaited answer, with nothing else said on stdout counted as it. */
export async function timeToAnswer({ args, env, messages, awaited, name }: Candidate): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [...args], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  if (messages.length === 0) {
    await exited
    return performance.now() - started
  }
  const answered = answerOf(child, awaited)
  child.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
  const answer = await Promise.race([answered, exited.then(() => undefined)])
  const elapsed = performance.now() - started
  if (answer === undefined || 'error' in answer)
    throw new Error(`${name} did not answer: ${JSON.stringify(answer)}`)
  child.kill('SIGKILL')
  await exited
  return elapsed
}

async function answerOf(child: ChildProcess, id: number): Promise<object | undefined> {
  if (!child.stdout) return undefined
  for await (const text of createInterface(child.stdout)) {
    const message = JSON.parse(text) as { readonly id?: number }
    if (message.id === id) return message
  }
  return undefined
}
