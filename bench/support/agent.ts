import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

/** The server as a host starts it, with nothing of our environment but what is given. */
export interface Agent {
  readonly client: Client
  /** The structured answer of a tool. Throws what the tool said when it refuses. */
  call(tool: string, args?: object): Promise<Answer>
  close(): Promise<void>
}

export type Answer = Readonly<Record<string, unknown>>

export async function startAgent(env: Readonly<Record<string, string>> = {}): Promise<Agent> {
  const home = mkdtempSync(join(tmpdir(), 'bursar-bench-'))
  const client = new Client({ name: 'bursar-bench', version: '1' })
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [resolve('dist/bursar.js'), 'serve'],
    env: { PATH: '/usr/bin:/bin', BURSAR_HOME: home, LOG_LEVEL: 'error', ...env },
    cwd: home,
  })
  await client.connect(transport)
  return {
    client,
    async call(tool, args = {}) {
      const result = await client.callTool({ name: tool, arguments: { ...args } })
      const [content] = result.content
      if (result.isError) throw new Error(`${tool}: ${content?.type === 'text' ? content.text : 'refused'}`)
      return result.structuredContent as Answer
    },
    async close() {
      await client.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
