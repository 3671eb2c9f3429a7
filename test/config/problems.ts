import { isBursarError } from '../../src/errors/bursarError.ts'

/** The problems of the `config_invalid` error that `act` throws. */
export function problemsOf(act: () => unknown): readonly string[] {
  try {
    act()
  } catch (error) {
    if (isBursarError(error, 'config_invalid')) return error.context.problems
    throw error
  }
  throw new Error('the configuration was accepted')
}
