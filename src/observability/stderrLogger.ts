import pino from 'pino'
import type { Logger } from '../primitives/logger.ts'
import { visibleJson } from '../primitives/untrusted.ts'

/** JSON lines on stderr; stdout belongs to the protocol (R11). */
export function stderrLogger(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Logger {
  const stderr = pino.destination({ fd: 2, sync: true })
  // What an endpoint or a contract said may be in it, and a terminal may show it.
  const shown = { write: (line: string) => stderr.write(visibleJson(line)) }
  const log = pino({ level, base: { pid: process.pid } }, shown)
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  }
}
