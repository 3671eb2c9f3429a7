import type { SubmitResult } from './submitResult.ts'

/** Gas limits of a user operation, in units. */
export interface OperationGas {
  readonly verificationGasLimit: bigint
  readonly callGasLimit: bigint
  readonly preVerificationGas: bigint
}

/** A service that brings user operations to their entry point (ERC-4337). What it says of them is never proof. */
export interface Bundler {
  /** The least that it takes for an operation whose signature need not be valid. Throws `bundler_away`. */
  estimate(raw: string, signal: AbortSignal): Promise<OperationGas>
  /** Hands recorded bytes over, once or again. */
  submit(raw: string, hash: string, signal: AbortSignal): Promise<SubmitResult>
}

/** The bundler of a chain, by CAIP-2 id; undefined where none is configured. */
export type Bundlers = (chain: string) => Bundler | undefined
