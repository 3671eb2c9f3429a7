import type { Services } from '../mcp/services.ts'

/**
 * Services whose engine is loaded by the first call that needs it. An MCP client waits for the answer to its first
 * message and for nothing else; parsing the engine takes longer than answering it.
 */
export function deferredServices(load: () => Promise<Services>): Services {
  return {
    chains: { list: async (caller) => (await load()).chains.list(caller) },
    wallets: { list: async (query, caller) => (await load()).wallets.list(query, caller) },
    balances: { read: async (query, caller) => (await load()).balances.read(query, caller) },
    gas: { quote: async (query, caller) => (await load()).gas.quote(query, caller) },
    intents: { prepare: async (request, caller) => (await load()).intents.prepare(request, caller) },
    replacements: {
      prepare: async (request, caller) => (await load()).replacements.prepare(request, caller),
    },
    operations: {
      execute: async (request, caller) => (await load()).operations.execute(request, caller),
      get: async (query, caller) => (await load()).operations.get(query, caller),
      list: async (filter, caller) => (await load()).operations.list(filter, caller),
    },
    status: { read: async (caller) => (await load()).status.read(caller) },
  }
}
