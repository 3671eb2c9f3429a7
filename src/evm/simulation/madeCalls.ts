import type { Hex } from 'viem'
import type { DeclaredCall } from '../calls/declaredCalls.ts'
import type { CallFrame } from './execution.ts'

/** A call as the code that ran saw it. */
export interface MadeCall {
  readonly frame: CallFrame
  /** Who called: `msg.sender`. A delegatecall keeps that of the code that makes it. */
  readonly sender: Hex
  /** Whose storage and funds it works on. */
  readonly self: Hex
  /** Whose code it runs. */
  readonly code: Hex
  /** It can change nothing. */
  readonly isStatic: boolean
  readonly caller?: MadeCall
  /** It failed, or something around it did: nothing of it is left. */
  readonly undone: boolean
}

/** Every call of a trace, those around before those within. */
export function madeCalls(top: CallFrame): readonly MadeCall[] {
  const made: MadeCall[] = []
  const visit = (frame: CallFrame, caller?: MadeCall) => {
    const call = seenFrom(frame, caller)
    made.push(call)
    for (const inner of frame.calls) visit(inner, call)
  }
  visit(top)
  return made
}

function seenFrom(frame: CallFrame, caller: MadeCall | undefined): MadeCall {
  const { type, from } = frame
  const code = frame.to ?? NOWHERE
  const borrowed = caller !== undefined && (type === 'DELEGATECALL' || type === 'CALLCODE')
  return {
    frame,
    sender: borrowed && type === 'DELEGATECALL' ? caller.sender : from,
    self: borrowed ? caller.self : code,
    code,
    isStatic: type === 'STATICCALL' || (caller?.isStatic ?? false),
    undone: frame.failed || (caller?.undone ?? false),
    ...(caller && { caller }),
  }
}

/**
 * Of what a payload asks for, what is called in earnest: where the trace is known and nobody even tried to, the bytes
 * are no call but mean another thing to that contract. With the rights of the account itself, they count all the same.
 */
export function inEarnest(
  declared: readonly DeclaredCall[],
  made: readonly MadeCall[] | undefined,
): readonly DeclaredCall[] {
  if (made === undefined) return declared
  const tried = new Set(made.map(({ sender, self, frame }) => `${sender} ${self} ${frame.input}`))
  return declared.filter(({ rights, within, sender, self, input }) => {
    return within === undefined || rights === 'account' || tried.has(`${sender} ${self} ${input}`)
  })
}

/** A creation that failed made nothing. */
const NOWHERE: Hex = '0x0000000000000000000000000000000000000000'
