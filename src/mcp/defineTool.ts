import type * as z from 'zod'
import type { Caller } from '../primitives/caller.ts'
import type { Services } from './services.ts'
import type { param } from './vocabulary.ts'

/** `read` changes nothing, `prepare` writes Bursar's own records only, `spend` moves money. */
export type Effect = 'read' | 'prepare' | 'spend'
export type ServiceName = keyof Services

/** What a model reads about a tool before it picks one. Each part is a sentence or a clause. */
export interface ToolWords {
  readonly what: string
  /** Continues "Use it". */
  readonly when: string
  /** Continues "Not". */
  readonly notWhen: string
  readonly limits?: string
}

/** JSON as answers carry it: services return readonly views, which schemas type as mutable. */
export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T

// Only a spend tool can name the method that moves money: one door (R7), checked by the compiler.
type Reach<E extends Effect, U extends ServiceName> = E extends 'spend'
  ? Pick<Services, U>
  : { readonly [Name in U]: Omit<Services[Name], 'execute'> }

interface Definition<
  E extends Effect,
  I extends z.ZodRawShape,
  O extends z.ZodObject,
  U extends ServiceName,
> {
  readonly name: string
  readonly title: string
  readonly effect: E
  /** Whether the answer depends on chains, and so on the world outside. */
  readonly touchesChains: boolean
  readonly description: ToolWords
  readonly input: z.ZodObject<I, z.core.$strict>
  readonly output: O
  readonly uses: readonly U[]
  readonly run: (
    given: Reach<E, U> & {
      readonly input: z.output<z.ZodObject<I, z.core.$strict>>
      readonly caller: Caller
    },
  ) => Promise<Frozen<z.input<O>>>
}

/** A spend tool acts on a prepared intent and on nothing else. */
type SpendRule<E extends Effect> = E extends 'spend'
  ? { readonly input: z.ZodObject<{ intentId: typeof param.intentId }, z.core.$strict> }
  : unknown

export interface SafetyHints {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  readonly openWorldHint: boolean
}

/** A tool as the servers (MCP now, HTTP later) see it. */
export interface Tool {
  readonly name: string
  readonly title: string
  readonly effect: Effect
  readonly description: string
  readonly annotations: SafetyHints
  readonly input: z.ZodObject
  readonly output: z.ZodObject
  readonly uses: readonly ServiceName[]
  /** `input` must have passed `input`'s schema. Receives all services and hands on those in `uses`. */
  run(input: object, services: Services, caller: Caller): Promise<object>
}

const HINTS = {
  read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  prepare: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  spend: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
} as const

/** Turns a definition into a tool: derives the annotations and composes the description. */
export function defineTool<
  const E extends Effect,
  I extends z.ZodRawShape,
  O extends z.ZodObject,
  const U extends ServiceName,
>(definition: Definition<E, I, O, U> & SpendRule<E>): Tool {
  const { name, title, effect, input, output, uses } = definition
  return {
    name,
    title,
    effect,
    description: compose(definition.description),
    annotations: { ...HINTS[effect], openWorldHint: definition.touchesChains },
    input,
    output,
    uses,
    run: (given, services, caller) => {
      const reach = Object.fromEntries(uses.map((service) => [service, services[service]]))
      // The generic parameters are erased here: the server has parsed `given` with this tool's own schema.
      return definition.run({ ...reach, input: given, caller } as Parameters<typeof definition.run>[0])
    },
  }
}

function compose({ what, when, notWhen, limits }: ToolWords): string {
  const parts = [what, `Use it ${when}.`, `Not ${notWhen}.`, limits]
  return parts.filter((part) => part !== undefined).join(' ')
}
