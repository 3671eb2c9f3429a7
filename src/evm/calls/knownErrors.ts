import { type Abi, type Hex, parseAbiItem, toFunctionSelector } from 'viem'

export type AbiError = Extract<Abi[number], { type: 'error' }>

/** Errors that many contracts share, or that well-known ones have. */
const ERRORS: readonly string[] = [
  // ERC-6093.
  'ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'ERC20InvalidSender(address sender)',
  'ERC20InvalidReceiver(address receiver)',
  'ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'ERC20InvalidApprover(address approver)',
  'ERC20InvalidSpender(address spender)',
  'ERC721InvalidOwner(address owner)',
  'ERC721NonexistentToken(uint256 tokenId)',
  'ERC721IncorrectOwner(address sender, uint256 tokenId, address owner)',
  'ERC721InvalidSender(address sender)',
  'ERC721InvalidReceiver(address receiver)',
  'ERC721InsufficientApproval(address operator, uint256 tokenId)',
  'ERC721InvalidApprover(address approver)',
  'ERC721InvalidOperator(address operator)',
  'ERC1155InsufficientBalance(address sender, uint256 balance, uint256 needed, uint256 tokenId)',
  'ERC1155InvalidSender(address sender)',
  'ERC1155InvalidReceiver(address receiver)',
  'ERC1155MissingApprovalForAll(address operator, address owner)',
  'ERC1155InvalidApprover(address approver)',
  'ERC1155InvalidOperator(address operator)',
  'ERC1155InvalidArrayLength(uint256 idsLength, uint256 valuesLength)',
  // OpenZeppelin.
  'OwnableUnauthorizedAccount(address account)',
  'OwnableInvalidOwner(address owner)',
  'AccessControlUnauthorizedAccount(address account, bytes32 neededRole)',
  'AccessControlBadConfirmation()',
  'AccessManagedUnauthorized(address caller)',
  'ReentrancyGuardReentrantCall()',
  'EnforcedPause()',
  'ExpectedPause()',
  'SafeERC20FailedOperation(address token)',
  'SafeERC20FailedDecreaseAllowance(address spender, uint256 currentAllowance, uint256 requestedDecrease)',
  'AddressEmptyCode(address target)',
  'FailedCall()',
  'InsufficientBalance(uint256 balance, uint256 needed)',
  'InvalidInitialization()',
  'NotInitializing()',
  'ERC2612ExpiredSignature(uint256 deadline)',
  'ERC2612InvalidSigner(address signer, address owner)',
  'ERC1967InvalidImplementation(address implementation)',
  'ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max)',
  'ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max)',
  'ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max)',
  'ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max)',
  // Permit2.
  'AllowanceExpired(uint256 deadline)',
  'InsufficientAllowance(uint256 amount)',
  'ExcessiveInvalidation()',
  'InvalidAmount(uint256 maxAmount)',
  'LengthMismatch()',
  'InvalidSignature()',
  'InvalidSignatureLength()',
  'InvalidContractSignature()',
  'InvalidSigner()',
  'InvalidNonce()',
  'SignatureExpired(uint256 signatureDeadline)',
  // Uniswap's Universal Router.
  'V2TooLittleReceived()',
  'V2TooMuchRequested()',
  'V3TooLittleReceived()',
  'V3TooMuchRequested()',
  'TransactionDeadlinePassed()',
  'ExecutionFailed(uint256 commandIndex, bytes message)',
  // EntryPoint of ERC-4337.
  'FailedOp(uint256 opIndex, string reason)',
  'FailedOpWithRevert(uint256 opIndex, string reason, bytes inner)',
  'PostOpReverted(bytes returnData)',
  'SignatureValidationFailed(address aggregator)',
]

let bySelector: ReadonlyMap<Hex, AbiError> | undefined

/** The error that a selector stands for. Made when first asked: hashing all of it is no part of a start-up. */
export function knownError(selector: Hex): AbiError | undefined {
  bySelector ??= new Map(
    ERRORS.map((text) => [
      toFunctionSelector(text.replace(/ \w+(?=[,)])/g, '')),
      parseAbiItem(`error ${text}` as 'error E()') as AbiError,
    ]),
  )
  return bySelector.get(selector)
}

/** What well-known contracts mean by their reason strings, word for word: Uniswap's routers and pools, v2 and v3. */
const STRINGS: ReadonlyMap<string, string> = new Map([
  ['UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT', 'less would come out than the least that was asked for'],
  ['Too little received', 'less would come out than the least that was asked for'],
  ['UniswapV2Router: EXCESSIVE_INPUT_AMOUNT', 'more would go in than the most that was allowed'],
  ['Too much requested', 'more would go in than the most that was allowed'],
  ['UniswapV2Router: EXPIRED', 'its deadline has passed'],
  ['Transaction too old', 'its deadline has passed'],
  ['UniswapV2Library: INSUFFICIENT_LIQUIDITY', 'the pool has too little of it'],
  [
    'UniswapV2Router: INSUFFICIENT_A_AMOUNT',
    'the pool would take or give less than the least that was asked for',
  ],
  [
    'UniswapV2Router: INSUFFICIENT_B_AMOUNT',
    'the pool would take or give less than the least that was asked for',
  ],
  ['UniswapV2: K', 'too little would be paid into the pool'],
  ['UniswapV2: LOCKED', 'the pool is called while it works'],
  ['LOK', 'the pool is called while it works'],
  ['SPL', 'the limit of the price is on the wrong side of the price'],
  ['Price slippage check', 'the price has moved by more than was allowed'],
  ['STF', 'a token could not be taken: balance or allowance is too small'],
  ['TransferHelper: TRANSFER_FROM_FAILED', 'a token could not be taken: balance or allowance is too small'],
  [
    'TransferHelper::transferFrom: transferFrom failed',
    'a token could not be taken: balance or allowance is too small',
  ],
  ['TRANSFER_FROM_FAILED', 'a token could not be taken: balance or allowance is too small'],
])

export const meaningOf = (text: string): string | undefined => STRINGS.get(text)
