import { openSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { BursarError } from '../errors/bursarError.ts'
import { Secret } from '../primitives/secret.ts'

const DEVICE = '/dev/tty'
const ENTER = /[\r\n]/
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const ERASES: ReadonlySet<string> = new Set(['\b', '\u007f'])

/**
 * What a person types at the terminal, which does not show it; whatever stdin and stdout are. Throws `password_missing`
 * where there is no terminal, and `cancelled`.
 */
export async function askHidden(question: string): Promise<Secret> {
  const descriptor = openTerminal()
  const terminal = new ReadStream(descriptor)
  try {
    // Before the question, so that nothing is shown that is typed as soon as it is read.
    terminal.setRawMode(true)
    writeSync(descriptor, question)
    return new Secret(await lineFrom(terminal))
  } finally {
    terminal.setRawMode(false)
    writeSync(descriptor, '\n')
    terminal.destroy()
  }
}

function openTerminal(): number {
  try {
    return openSync(DEVICE, 'r+')
  } catch (error) {
    throw new BursarError('password_missing', { reason: 'there is no terminal' }, { cause: error })
  }
}

function lineFrom(terminal: ReadStream): Promise<string> {
  let typed = ''
  terminal.setEncoding('utf8')
  return new Promise((settle, reject) => {
    const give = () => reject(new BursarError('cancelled', { what: 'The command' }))
    terminal.on('end', give)
    terminal.on('data', (chunk: string) => {
      typed += chunk
      const [line, ...after] = typed.split(ENTER)
      if (typed.includes(CTRL_C) || typed.includes(CTRL_D)) give()
      else if (after.length > 0) settle(withoutErased(line ?? ''))
    })
  })
}

/** The terminal hands on every key: what was taken back is still in it, with the key that did that. */
function withoutErased(line: string): string {
  const kept: string[] = []
  for (const character of line) {
    if (ERASES.has(character)) kept.pop()
    else kept.push(character)
  }
  return kept.join('')
}
