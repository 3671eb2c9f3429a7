import fc from 'fast-check'

/** Which of the two processes of a schedule does it. Only `first` is ever killed; both may be stopped for a while. */
export type Who = 'first' | 'second'

/** What is paid: an amount that never changes, to an address of its own. */
export type PaymentKind = 'native' | 'token' | 'patient'

/** Numbers that choose among what there is at that moment are taken modulo how many there are. */
export type Command =
  | { readonly do: 'prepare new key'; readonly who: Who; readonly kind: PaymentKind }
  | { readonly do: 'prepare old key'; readonly who: Who; readonly which: number }
  | { readonly do: 'prepare old key otherwise'; readonly who: Who; readonly which: number }
  | { readonly do: 'pay'; readonly who: Who; readonly kind: PaymentKind }
  | { readonly do: 'execute'; readonly who: Who; readonly which: number }
  | { readonly do: 'execute twice'; readonly who: Who; readonly which: number }
  | { readonly do: 'execute in both'; readonly which: number }
  | { readonly do: 'execute all at once'; readonly who: Who }
  | { readonly do: 'kill while paying'; readonly kind: PaymentKind; readonly point: number }
  | { readonly do: 'kill while driving'; readonly point: number }
  | { readonly do: 'kill' }
  | {
      readonly do: 'stop while paying'
      readonly who: Who
      readonly kind: PaymentKind
      readonly point: number
    }
  | { readonly do: 'go on' }
  | { readonly do: 'drive'; readonly who: Who }
  | { readonly do: 'take over'; readonly who: Who }
  | { readonly do: 'drive without lease'; readonly who: Who }
  | { readonly do: 'mine'; readonly blocks: number }
  | { readonly do: 'mine and follow'; readonly who: Who; readonly blocks: number }
  | { readonly do: 'reorganise'; readonly depth: number }
  | { readonly do: 'roll back'; readonly depth: number }
  | { readonly do: 'drop from the pool'; readonly which: number }
  | { readonly do: 'base fee times 10' }
  | { readonly do: 'base fee back' }
  | { readonly do: 'spend the tokens elsewhere' }
  | { readonly do: 'speed up'; readonly who: Who; readonly which: number }
  | { readonly do: 'cancel'; readonly who: Who; readonly which: number }
  | { readonly do: 'foreign transaction'; readonly beyond: boolean }
  | { readonly do: 'a peer sends old bytes'; readonly which: number }
  | { readonly do: 'lose an answer'; readonly taken: boolean }
  | { readonly do: 'clock +2 h' }
  | { readonly do: 'clock -2 h' }

export type CommandName = Command['do']

const who = fc.constantFrom<Who>('first', 'second')
const kind = fc.constantFrom<PaymentKind>('native', 'native', 'token', 'token', 'patient')
const which = fc.nat(7)
const blocks = fc.integer({ min: 1, max: 3 })
const depth = fc.integer({ min: 1, max: 3 })
/** An execution passes some thirty points, the last of them after it was sent. */
export const LAST_POINT = 34
const point = fc.integer({ min: 1, max: LAST_POINT })

const weighted: Readonly<
  Record<CommandName, readonly [number, Readonly<Record<string, fc.Arbitrary<unknown>>>]>
> = {
  'prepare new key': [2, { who, kind }],
  'prepare old key': [2, { who, which }],
  'prepare old key otherwise': [1, { who, which }],
  pay: [12, { who, kind }],
  execute: [4, { who, which }],
  'execute twice': [2, { who, which }],
  'execute in both': [3, { which }],
  'execute all at once': [3, { who }],
  'kill while paying': [4, { kind, point }],
  'kill while driving': [2, { point }],
  kill: [1, {}],
  'stop while paying': [5, { who, kind, point }],
  'go on': [5, {}],
  drive: [3, { who }],
  'take over': [3, { who }],
  'drive without lease': [2, { who }],
  mine: [6, { blocks }],
  'mine and follow': [9, { who, blocks }],
  reorganise: [6, { depth }],
  'roll back': [6, { depth }],
  'drop from the pool': [4, { which }],
  'base fee times 10': [2, {}],
  'base fee back': [1, {}],
  'spend the tokens elsewhere': [4, {}],
  'speed up': [4, { who, which }],
  cancel: [4, { who, which }],
  'foreign transaction': [3, { beyond: fc.boolean() }],
  'a peer sends old bytes': [4, { which }],
  'lose an answer': [3, { taken: fc.boolean() }],
  'clock +2 h': [1, {}],
  'clock -2 h': [1, {}],
}

export const commandNames = Object.keys(weighted) as readonly CommandName[]

const command = fc.oneof(
  ...commandNames.map((name) => {
    const [weight, fields] = weighted[name]
    const arbitrary = fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Command>
    return { weight, arbitrary }
  }),
)

/** A random sequence that begins with a payment; what fails shrinks to fewer commands. */
export const schedules: fc.Arbitrary<readonly Command[]> = fc
  .tuple(kind, fc.array(command, { minLength: 4, maxLength: 10, size: 'max' }))
  .map(([first, rest]) => [{ do: 'pay', who: 'first', kind: first }, ...rest])

/** The schedule of a seed; always the same. */
export function scheduleOf(seed: number): readonly Command[] {
  const [schedule = []] = fc.sample(schedules, { seed, numRuns: 1 })
  return schedule
}
