import type { Hex } from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import { asList, asObject } from '../quantity.ts'
import type { Task } from '../simulation/execution.ts'
import { transactionArguments } from '../simulation/simulateV1.ts'
import { overriding, type StateOverrides } from '../simulation/traced.ts'

/** Steps of the machine that are looked at; nodes that know the option stop there. */
const MAX_STEPS = 400_000

/** Every step with its stack: it names who is called and which slot is read or written. All else is left out. */
export function stepsRequest({ payload, terms, at }: Task, state?: StateOverrides): RpcRequest {
  const options = { disableMemory: true, enableMemory: false, disableStorage: true, enableReturnData: false }
  const call = transactionArguments(payload, terms)
  return {
    method: 'debug_traceCall',
    params: [call, at, { ...options, limit: MAX_STEPS, ...overriding(state) }],
  }
}

/** A contract was called back by `by` while it worked, and then wrote what it had read before and that call had used. */
export interface StaleWrite {
  readonly contract: Hex
  readonly by: Hex
}

/** A contract at work, from the call that came from outside of it to the return from that. */
interface Activation {
  readonly self: Hex
  readonly isStatic: boolean
  readonly outer: Activation | undefined
  /** The same contract at work further out: this is a call back into it. */
  readonly reentered: Activation | undefined
  readonly by: Hex
  readonly reads: Set<string>
  readonly uses: Set<string>
  /** What `reentered` had read when this began. */
  readonly readBefore: ReadonlySet<string>
  /** It changed something, itself or by calls. */
  acted: boolean
  /** Calls back into this one that have returned. */
  readonly returned: Activation[]
}

interface Step {
  readonly op: string
  readonly depth: number
  readonly stack: readonly unknown[]
}

/**
 * What a trace of steps shows of check, call back and effect in one contract, the order that lets a caller be paid
 * twice: a slot is read, then used by a call back that changes something, then written. Undefined when the trace is
 * longer than is looked at.
 */
export function staleWritesIn(result: unknown, target: Hex, host: string): readonly StaleWrite[] | undefined {
  const steps = asList(asObject(result, 'the trace', host)['structLogs'], 'steps', host)
  if (steps.length >= MAX_STEPS) return undefined
  const walk = new Walk(target)
  for (const step of steps) walk.take(readStep(step, host), host)
  return walk.found
}

function readStep(value: unknown, host: string): Step {
  const step = asObject(value, 'a step', host)
  const stack = Array.isArray(step['stack']) ? step['stack'] : []
  return { op: String(step['op']), depth: Number(step['depth']), stack }
}

class Walk {
  readonly found: StaleWrite[] = []
  /** By depth of calls, from 1: a delegatecall, or a call of itself, works on in the same activation. */
  readonly #at: Activation[]
  #last: Step | undefined

  constructor(target: Hex) {
    this.#at = [begin(target, false, undefined)]
  }

  take(step: Step, host: string): void {
    const last = this.#last
    this.#last = step
    if (last && step.depth > last.depth) this.#enter(last, host)
    // On return the caller finds on its stack whether the call passed.
    while (this.#at.length > step.depth)
      this.#leave(this.#at.length === step.depth + 1 && !isZero(step.stack.at(-1)))
    const here = this.#at.at(-1)
    if (here === undefined) return
    if (step.op === 'SLOAD') use(here, String(step.stack.at(-1)), 'reads')
    if (step.op === 'SSTORE') this.#write(here, String(step.stack.at(-1)))
    if (step.op === 'CALL' && !isZero(step.stack.at(-3))) act(here)
  }

  #enter({ op, stack }: Step, host: string): void {
    const here = this.#at.at(-1)
    if (here === undefined) return
    if (op === 'DELEGATECALL' || op === 'CALLCODE') this.#at.push(here)
    else if (op.startsWith('CREATE')) this.#at.push(begin(NEW, here.isStatic, here))
    else {
      const self = addressOf(stack.at(-2), host)
      const isStatic = here.isStatic || op === 'STATICCALL'
      this.#at.push(self === here.self ? here : begin(self, isStatic, here))
    }
  }

  #leave(passed: boolean): void {
    const ended = this.#at.pop()
    if (ended === undefined || ended === this.#at.at(-1)) return
    const { reentered, isStatic, uses } = ended
    if (!passed || isStatic || reentered === undefined) return
    reentered.returned.push(ended)
    if (reentered.reentered) for (const slot of uses) reentered.uses.add(slot)
  }

  #write(here: Activation, slot: string): void {
    const overtaken = here.returned.find(
      ({ acted, uses, readBefore }) => acted && uses.has(slot) && readBefore.has(slot),
    )
    if (overtaken) this.found.push({ contract: here.self, by: overtaken.by })
    use(here, slot, 'uses')
    act(here)
  }
}

/** Nodes leave out the zeros that a word of the stack begins with; the upper twelve bytes of a target mean nothing. */
function addressOf(word: unknown, host: string): Hex {
  if (typeof word !== 'string' || !/^0x[0-9a-fA-F]{0,64}$/.test(word))
    throw new BursarError('provider_garbage', { host, reason: 'a target on the stack is no word' })
  return checksum(`0x${word.slice(2).padStart(64, '0').slice(24)}`)
}

function begin(self: Hex, isStatic: boolean, outer: Activation | undefined): Activation {
  let reentered = outer
  while (reentered && reentered.self !== self) reentered = reentered.outer
  return {
    ...{ self, isStatic, outer, reentered, by: outer?.self ?? NEW, acted: false, returned: [] },
    reads: new Set(),
    uses: new Set(),
    readBefore: new Set(reentered?.reads),
  }
}

function use(activation: Activation, slot: string, how: 'reads' | 'uses'): void {
  activation[how].add(slot)
  activation.uses.add(slot)
}

function act(here: Activation): void {
  for (let each: Activation | undefined = here; each; each = each.outer) each.acted = true
}

const isZero = (word: unknown) => word === undefined || /^0x0*$/.test(String(word))

/** A contract that is being made is called by nobody. */
const NEW: Hex = '0x0000000000000000000000000000000000000000'
