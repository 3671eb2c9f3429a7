// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A stand-in for USDC on sandbox chains
/// @notice Anyone may mint: it has no value and never leaves a sandbox.
contract TestUSDC is ERC20 {
    constructor() ERC20("Test USDC", "USDC") {}

    /// @dev USDC has 6 decimals on most chains; code that assumes 18 must fail here, not in production.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @param amount in base units: 1 USDC is 1_000_000.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
