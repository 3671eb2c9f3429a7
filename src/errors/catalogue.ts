import { chainErrors } from './chainErrors.ts'
import { inputErrors } from './inputErrors.ts'
import { operationErrors } from './operationErrors.ts'
import { verdictErrors } from './verdictErrors.ts'
import { walletErrors } from './walletErrors.ts'

/**
 * Every error that a caller can see. Ranges: 1000 input and config, 2000 chain access, 3000 wallets,
 * 4000 simulation and policy, 5000 intents and operations, 6000 journal, 9000 bugs.
 */
export const errorCatalogue = {
  ...inputErrors,
  ...chainErrors,
  ...walletErrors,
  ...verdictErrors,
  ...operationErrors,
} as const

export type ErrorCode = keyof typeof errorCatalogue
export type ErrorContext<C extends ErrorCode> =
  Parameters<(typeof errorCatalogue)[C]['words']> extends [infer X] ? X : Record<string, never>
