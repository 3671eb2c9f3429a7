import * as z from 'zod'

// JSON Schemas as tools/list shows them. Every tool's schemas are read by a model or a host on each
// connection, so what carries no information is left out; the full schemas stay in force inside.

export interface ObjectSchema {
  readonly type: 'object'
  readonly [keyword: string]: unknown
}

type Node = Record<string, unknown>

/** The whole truth about what a tool takes, without the bounds that only say "not empty". */
export function publishedInput(schema: z.ZodObject): ObjectSchema {
  const trim = (node: Node): Node => {
    // Empty values are refused all the same, in words of ours.
    const { minLength, minItems, ...rest } = node
    return {
      ...(typeof minLength === 'number' && minLength > 1 && { minLength }),
      ...(typeof minItems === 'number' && minItems > 1 && { minItems }),
      ...rest,
    }
  }
  return root(mapNodes(convert(schema), trim))
}

/**
 * The shape of what a tool answers: names, types and nesting, with `required` at the root only. A list whose
 * meta has `outline` shows that text instead of its items. Real answers satisfy it as they satisfy the full
 * schema; leaving the rest out halves the price of the catalogue.
 */
export function publishedOutput(schema: z.ZodObject): ObjectSchema {
  const trim = (node: Node, isRoot: boolean): Node => {
    const { required, outline, type, ...rest } = node
    if (typeof outline === 'string') return { type: 'array', description: outline }
    const implied = !isRoot && ('properties' in rest || 'enum' in rest || 'const' in rest)
    return {
      ...(!implied && type !== undefined && { type }),
      ...rest,
      ...(isRoot && required ? { required } : {}),
    }
  }
  return root(inlineSingleUses(mapNodes(convert(schema), trim)))
}

// Outputs too are converted as `input`: as `output` each object would carry additionalProperties: false, and
// clients that hold an older list would refuse the answers of a newer Bursar.
function convert(schema: z.ZodObject): Node {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

function root(node: Node): ObjectSchema {
  return { ...node, type: 'object' }
}

/** Applies `change` to every schema in the tree, outermost first. */
function mapNodes(node: Node, change: (node: Node, isRoot: boolean) => Node, isRoot = true): Node {
  const changed = change(node, isRoot)
  const below = (value: unknown) => mapNodes(value as Node, change, false)
  const members = (value: unknown) =>
    Object.fromEntries(Object.entries(value as Node).map(([name, member]) => [name, below(member)]))
  return {
    ...changed,
    ...('properties' in changed && { properties: members(changed['properties']) }),
    ...('items' in changed && { items: below(changed['items']) }),
    ...('$defs' in changed && { $defs: members(changed['$defs']) }),
  }
}

const REF = /\{"\$ref":"#\/\$defs\/(\w+)"\}/g

/** A definition that is used once costs less in its place; one that is used nowhere is dropped. */
function inlineSingleUses(schema: Node): Node {
  const { $defs, ...body } = schema
  const defs = new Map(
    Object.entries(($defs ?? {}) as Node).map(([name, def]) => [name, JSON.stringify(def)]),
  )
  let text = JSON.stringify(body)
  // Definitions may use one another, and what stands in the text decides; so until nothing changes.
  for (let settled = false; !settled; ) {
    settled = true
    const uses = countUses([text, ...defs.values()])
    for (const [name, def] of defs) {
      const count = uses.get(name) ?? 0
      if (count > 1) continue
      const place = (where: string) => where.replace(`{"$ref":"#/$defs/${name}"}`, () => def)
      text = place(text)
      defs.delete(name)
      for (const [other, where] of defs) defs.set(other, place(where))
      settled = false
      break
    }
  }
  const left = Object.fromEntries([...defs].map(([name, def]) => [name, JSON.parse(def) as Node]))
  return { ...(JSON.parse(text) as Node), ...(defs.size > 0 && { $defs: left }) }
}

function countUses(texts: readonly string[]): Map<string, number> {
  const uses = new Map<string, number>()
  for (const [, name = ''] of texts.join('\n').matchAll(REF)) uses.set(name, (uses.get(name) ?? 0) + 1)
  return uses
}
