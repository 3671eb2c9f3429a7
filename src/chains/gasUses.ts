/** What a call is one of: the contract that it goes to, and which of its functions. */
export interface CallKind {
  readonly contract: string
  readonly selector: string
}

/** What one included call took, in units of gas. */
export interface GasUse {
  readonly gasUsed: bigint
  readonly gasLimit: bigint
  readonly succeeded: boolean
}

/** The last calls of a kind on a chain that are final, the newest first and at most fifty. */
export type GasUses = (chain: string, kind: CallKind) => Promise<readonly GasUse[]>

/** Where nothing is remembered. */
export const NO_GAS_USES: GasUses = async () => []
