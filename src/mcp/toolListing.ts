import type { SafetyHints, Tool } from './defineTool.ts'
import { type ObjectSchema, publishedInput, publishedOutput } from './publishedSchema.ts'

/** A tool as `tools/list` shows it. */
export interface ListedTool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: ObjectSchema
  readonly outputSchema: ObjectSchema
  readonly annotations: SafetyHints
}

const listed = new WeakMap<Tool, ListedTool>()

/** The tool's entry in `tools/list`; made on first use, because start-up must not pay for it. */
export function listTool(tool: Tool): ListedTool {
  const known = listed.get(tool)
  if (known) return known
  const { name, title, description, annotations } = tool
  const entry = {
    name,
    title,
    description,
    inputSchema: publishedInput(tool.input),
    outputSchema: publishedOutput(tool.output),
    annotations,
  }
  listed.set(tool, entry)
  return entry
}
