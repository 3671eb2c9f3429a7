import { BursarError } from '../errors/bursarError.ts'
import { type PresentedError, present } from '../errors/presenter.ts'
import type { Caller } from '../primitives/caller.ts'
import type { ChainRef } from '../primitives/chainRef.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Scope } from '../primitives/scopes.ts'
import type { Tool } from './defineTool.ts'
import { failureFields } from './failureFields.ts'
import { parseArguments } from './parseArguments.ts'
import type { Services } from './services.ts'

export interface CallContext {
  readonly services: Services
  readonly logger: Logger
  readonly resolveChain: (id: string) => ChainRef | undefined
  /** Tests set it: an answer that breaks the tool's own schema fails instead of being logged. */
  readonly strictOutput: boolean
  /** What the caller may have done. */
  readonly scopes: ReadonlySet<Scope>
}

export type CallOutcome =
  | { readonly ok: true; readonly answer: object; readonly text: string }
  | { readonly ok: false; readonly error: PresentedError; readonly text: string }

/** Runs one call from raw arguments to JSON, whatever happens; the door only wraps the outcome. */
export async function callTool(
  tool: Tool,
  given: unknown,
  caller: Caller,
  context: CallContext,
): Promise<CallOutcome> {
  // Only a spend tool moves anything, and only once its arguments were accepted.
  let sideEffect: 'none' | 'possible' = 'none'
  try {
    requireScope(tool, context)
    const input = parseArguments(tool, given)
    if (tool.effect === 'spend') sideEffect = 'possible'
    const answer = await tool.run(input, context.services, caller)
    checkOutput(tool, answer, context)
    return { ok: true, answer, text: JSON.stringify(answer) }
  } catch (error) {
    const request = { what: tool.name, sideEffect, signal: caller.signal }
    const presented = present(error, context.resolveChain, request)
    log(tool, error, presented, context.logger)
    return { ok: false, error: presented, text: JSON.stringify({ error: presented }) }
  }
}

/** Throws `scope_missing`: what tools/list does not show may be called all the same. */
function requireScope({ name, effect }: Tool, { scopes }: CallContext): void {
  if (!scopes.has(effect))
    throw new BursarError('scope_missing', { tool: name, scope: effect, held: [...scopes] })
}

// A wrong answer is a bug, but what it says may be that money has moved: it is logged and still delivered.
function checkOutput(tool: Tool, answer: object, { strictOutput, logger }: CallContext): void {
  const checked = tool.output.safeParse(answer)
  if (checked.success) return
  const problems = checked.error.issues.map(
    (issue) => `${issue.path.map(String).join('.')}: ${issue.message}`,
  )
  if (strictOutput) throw new TypeError(`${tool.name} broke its output schema: ${problems.join('; ')}`)
  logger.error('answer breaks the output schema', { tool: tool.name, problems })
}

function log(tool: Tool, error: unknown, presented: PresentedError, logger: Logger): void {
  const fields = { tool: tool.name, code: presented.code, sideEffect: presented.sideEffect }
  if (presented.code === 'cancelled') {
    logger.debug('call cancelled', fields)
  } else if (error instanceof BursarError && presented.kind !== 'bug') {
    logger.info('call refused', { ...fields, ...(error.cause ? failureFields(error.cause) : {}) })
  } else {
    logger.error('call failed', { ...fields, ...failureFields(error) })
  }
}
