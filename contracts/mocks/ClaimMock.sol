// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

/// @title Money that waits for somebody
/// @notice Holds an ERC-20 for a beneficiary; anyone may have it paid out to her, at any time.
contract ClaimMock {
    address public immutable token;
    address public immutable beneficiary;

    constructor(address token_, address beneficiary_) {
        token = token_;
        beneficiary = beneficiary_;
    }

    /// @notice Pays everything to the beneficiary. Anyone.
    function release() external {
        SafeTransferLib.safeTransferAll(token, beneficiary);
    }
}
