import { isBursarError } from '../errors/bursarError.ts'
import type { ChainAdapter } from './adapter.ts'

/**
 * The adapter, with every error that it throws naming its chain (A4, R10). What reads an address or talks to an
 * endpoint need not know for which chain it does so.
 */
export function namingItsChain(adapter: ChainAdapter): ChainAdapter {
  const { id } = adapter.chain
  const named = (error: unknown) => (isBursarError(error) ? error.concerning(id) : error)

  const guarded =
    (method: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      try {
        const result = method(...args)
        if (!(result instanceof Promise)) return result
        return result.catch((error: unknown) => {
          throw named(error)
        })
      } catch (error) {
        throw named(error)
      }
    }

  const members = Object.entries(adapter).map(([name, member]) => [
    name,
    typeof member === 'function' ? guarded(member) : member,
  ])
  return Object.fromEntries(members) as ChainAdapter
}
