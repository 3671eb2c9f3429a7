import { randomBytes } from 'node:crypto'
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Caller, Question } from '../primitives/caller.ts'

/** What a question's answer is bound to: it travels through the client and back. */
interface Asked {
  readonly key: string
}

/** One call's way to ask the person at the client. */
export interface Asking {
  /** Absent where the client shows no forms. */
  readonly confirm: NonNullable<Caller['confirm']> | undefined
  /** What is to be asked before the call can go on; undefined when there is nothing, or it was answered. */
  pending(): Question | undefined
}

const ANSWER = 'approval'
const STATE_SECONDS = 600

// Of this process: a question that another process has asked is asked again.
const states = createRequestStateCodec<Asked>({
  key: randomBytes(32),
  ttlSeconds: STATE_SECONDS,
  bind: (ctx) => ctx.mcpReq.method,
})

/** Refuses state that was not made here, with a protocol error, before a tool is called (T24). */
export const verifyState = states.verify

/** Of a client that nobody is asked through. */
export const NO_QUESTIONS: Asking = { confirm: undefined, pending: () => undefined }

/**
 * Asks by elicitation: the call ends with the question, and the client makes it again with the answer. That is the
 * client's own word, whoever gave it, so what may hang on it is for the caller to decide (T25).
 */
export function askingOf(ctx: ServerContext, known: ClientCapabilities | undefined): Asking {
  const envelope: Readonly<Record<string, unknown>> = ctx.mcpReq.envelope ?? {}
  const declared = (envelope[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined) ?? known
  let asked: Question | undefined
  if (!showsForms(declared)) return NO_QUESTIONS
  return {
    confirm(question) {
      const answer = inputResponse(ctx.mcpReq.inputResponses, ANSWER)
      // An answer without our state, or to another question, is none.
      if (ctx.mcpReq.requestState<Asked>()?.key !== question.key || answer.kind !== 'elicit') {
        asked = question
        return 'asked'
      }
      return answer.action === 'accept' && answer.content?.['approve'] === true ? 'accepted' : 'refused'
    },
    pending: () => asked,
  }
}

/** The answer to a call that cannot go on before its question is answered. */
export async function asQuestion(
  { key, message }: Question,
  ctx: ServerContext,
): Promise<InputRequiredResult> {
  const approve = { type: 'boolean' as const, title: 'Approve this payment', default: false }
  const requestedSchema = { type: 'object' as const, properties: { approve }, required: ['approve'] }
  return inputRequired({
    inputRequests: { [ANSWER]: inputRequired.elicit({ message, requestedSchema }) },
    requestState: await states.mint({ key }, ctx),
  })
}

/** Before there were other kinds, clients said only that they elicit, and meant forms. */
function showsForms(declared: ClientCapabilities | undefined): boolean {
  const elicitation = declared?.elicitation
  if (elicitation === undefined) return false
  return elicitation.form !== undefined || elicitation.url === undefined
}
