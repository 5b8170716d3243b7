// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IERC7818} from "../../interfaces/IERC7818.sol";

/// @title What a contract must know of an ERC-20 that it takes into escrow
library Escrow {
    /// @dev What a token may burn to say whether its units expire.
    uint256 private constant _PROBE_GAS = 50_000;

    /// @notice Takes tokens out of an allowance, and says how many came.
    /// @dev Warning: only under a guard against reentrance. Else one arrival counts for two.
    /// @return arrived By how much this contract holds more than before; 0 if less.
    function collect(address token, address from, uint256 amount) internal returns (uint256 arrived) {
        uint256 held = SafeTransferLib.balanceOf(token, address(this));
        SafeTransferLib.safeTransferFrom(token, from, address(this), amount);
        uint256 holds = SafeTransferLib.balanceOf(token, address(this));
        arrived = holds < held ? 0 : holds - held;
    }

    /// @notice Whether a token says the length of its epochs (ERC-7818): in one balance, old units would be paid out for fresh.
    function expires(address token) internal view returns (bool yes) {
        bytes32 selector = IERC7818.epochLength.selector;
        uint256 limit = _PROBE_GAS;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            yes := and(gt(returndatasize(), 0x1f), staticcall(limit, token, 0x00, 0x04, 0x00, 0x00))
        }
    }
}
