/** A managed wallet of the sandbox: an account of the well-known "test … junk" mnemonic that anvil funds. */
export interface SandboxWallet {
  readonly address: `0x${string}`
  /** Last part of the BIP-44 path m/44'/60'/0'/0/index. */
  readonly index: number
}

/** Each holds 10,000 native tokens and 1,000,000 test USDC on each chain of a fresh sandbox. */
export const sandboxWallets = {
  treasury: { address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266', index: 0 },
  agent: { address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8', index: 1 },
  merchant: { address: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC', index: 2 },
  payroll: { address: '0x90F79bf6EB2c4f870365E785982E1f101E93b906', index: 3 },
} as const satisfies Record<string, SandboxWallet>

/**
 * Where the sandbox's contracts live, the same on both chains and on every start: each is the first creation
 * of a deployer of its own (see sandboxContractPlan.ts), so no contract's address depends on another's.
 */
export const sandboxContracts = {
  usdc: '0x9594a4C95A3acfb82307B158CD774a6740316BEd',
  /** Reference contract, contracts/TipJar.sol; its keeper is the merchant. */
  tipJar: '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163',
  /** The canonical address: its deployer is the one of the real networks. */
  multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
} as const satisfies Record<string, `0x${string}`>

/**
 * ERC-4337, release 0.8.0: where they stand on the real networks too, because a CREATE2 deployer gives each the address
 * that follows from its code.
 */
export const sandboxAccountContracts = {
  entryPoint: '0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108',
  simpleAccountFactory: '0x13E9ed32155810FDbd067D4522C492D6f68E5944',
} as const satisfies Record<string, `0x${string}`>

export const sandboxChainIds = [31337, 31338] as const

export type SandboxChainId = (typeof sandboxChainIds)[number]
