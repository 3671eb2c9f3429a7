// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The reference contract of the sandbox: a jar that takes native tips and pays them out to its keeper
/// @notice It fails in every way in which Solidity can fail (require string, custom error, panic), so that
/// simulations have real reverts to decode.
contract TipJar {
    uint256 public constant MAX_MEMO_BYTES = 140;

    /// @notice The only account that may withdraw.
    address public immutable keeper;

    /// @notice Wei ever received, withdrawn or not.
    uint256 public totalTipped;
    uint256 public tipCount;
    /// @notice Wei that each account ever tipped.
    mapping(address tipper => uint256 amount) public tippedBy;

    event Tipped(address indexed from, uint256 amount, string memo);
    event Withdrawn(address indexed to, uint256 amount);

    error NotKeeper(address caller);
    error InsufficientTips(uint256 requested, uint256 available);
    error PayoutRefused(address to);

    constructor(address keeper_) {
        keeper = keeper_;
    }

    /// @notice Leaves the attached value in the jar.
    function tip(string calldata memo) external payable {
        require(msg.value > 0, "TipJar: a tip needs value");
        require(bytes(memo).length <= MAX_MEMO_BYTES, "TipJar: memo is longer than 140 bytes");
        totalTipped += msg.value;
        tipCount += 1;
        tippedBy[msg.sender] += msg.value;
        emit Tipped(msg.sender, msg.value, memo);
    }

    /// @notice Pays `amount` wei out of the jar; only for the keeper.
    function withdraw(address payable to, uint256 amount) external {
        if (msg.sender != keeper) revert NotKeeper(msg.sender);
        // Nothing is written after the call, and the balance is the ledger: reentering only repeats this check.
        if (amount > address(this).balance) revert InsufficientTips(amount, address(this).balance);
        emit Withdrawn(to, amount);
        (bool paid, ) = to.call{value: amount}("");
        if (!paid) revert PayoutRefused(to);
    }

    /// @notice The total after `extra` more wei; Panic(0x11) when that does not fit 256 bits.
    function projectedTotal(uint256 extra) external view returns (uint256) {
        return totalTipped + extra;
    }

    /// @notice Mean tip in wei; Panic(0x12) while the jar never received one.
    function averageTip() external view returns (uint256) {
        return totalTipped / tipCount;
    }
}
