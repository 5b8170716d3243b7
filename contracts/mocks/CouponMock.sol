// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC1155} from "solady/tokens/ERC1155.sol";

/// @title Coupons of any number of kinds, for whoever asks
/// @notice A whole ERC-1155, standing for coupons wherever the exchange trades them.
contract CouponMock is ERC1155 {
    /// @notice Gives `amount` coupons of kind `id` to `to`. Anyone.
    function mint(address to, uint256 id, uint256 amount) external {
        _mint(to, id, amount, "");
    }

    /// @inheritdoc ERC1155
    function uri(uint256) public pure override returns (string memory) {
        return "";
    }
}
