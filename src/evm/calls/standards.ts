import type { Hex } from 'viem'

// Words that standards fixed, each said here once.

/** keccak256 of Transfer(address,address,uint256), of ERC-20 and ERC-721. */
export const TRANSFER: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
/** keccak256 of Approval(address,address,uint256), of ERC-20 and ERC-721. */
export const APPROVAL: Hex = '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925'
/** keccak256 of ApprovalForAll(address,address,bool), of ERC-721 and ERC-1155. */
export const APPROVAL_FOR_ALL: Hex = '0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31'

/** Of contracts that hold more than one thing. */
export type CollectionStandard = 'erc721' | 'erc1155' | 'erc6909'

/** keccak256 of Transfer(address,address,address,uint256,uint256), of ERC-6909. */
export const TRANSFER_6909: Hex = '0x1b3d7edb2e9c0b0e7c525b20aaaef0f5940d2ed71663c7d39266ecafac728859'
/** keccak256 of Approval(address,address,uint256,uint256), of ERC-6909. */
export const APPROVAL_6909: Hex = '0xb3fd5071835887567a0671151121894ddccc2842f1d10bedad13e0d17cace9a7'
/** keccak256 of OperatorSet(address,address,bool), of ERC-6909. */
export const OPERATOR_SET: Hex = '0xceb576d9f15e4e200fdb5096d64d5dfd667e16def20c1eefd14256d8e3faa267'

/** keccak256 of Withdrawal(address,uint256), of WETH. */
export const WITHDRAWAL: Hex = '0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65'

/** Where proxies keep their code: keccak256("eip1967.proxy.implementation") - 1. */
export const IMPLEMENTATION_SLOT: Hex = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
/** The same of OpenZeppelin's proxies from before EIP-1967. */
export const OLD_IMPLEMENTATION_SLOT: Hex =
  '0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3'

/** Where a contract keeps the first of its variables. */
export const FIRST_SLOT: Hex = `0x${'0'.repeat(64)}`

/** What the code of an account begins with that delegates to a contract (EIP-7702): somebody has its key all the same. */
export const DELEGATION = '0xef0100'

/** Where Multicall3 is on nearly every chain (github.com/mds1/multicall3). */
export const MULTICALL3: Hex = '0xcA11bde05977b3631167028862bE2a173976CA11'
