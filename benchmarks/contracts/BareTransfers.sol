// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice The floor below every exchange: approved transfers in a list, with no order, no signature, no state.
/// @dev Warning: anyone may move whatever was approved to it. It exists to be measured.
contract BareTransfers {
    /// @notice One transfer: whose tokens go to whom.
    struct Leg {
        IERC20 token;
        address from;
        address to;
        uint256 amount;
    }

    /// @notice Thrown when a token reports that it did not transfer.
    error BareTransferFailed(uint256 index);

    /// @notice Run the transfers in the order given.
    function run(Leg[] calldata legs) external {
        for (uint256 i = 0; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            if (!leg.token.transferFrom(leg.from, leg.to, leg.amount)) revert BareTransferFailed(i);
        }
    }
}
