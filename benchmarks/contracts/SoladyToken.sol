// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";
import {ERC20} from "solady/tokens/ERC20.sol";

/// @notice A token as a brand would build it from Solady's parts: permit, and an owner who mints.
contract SoladyToken is ERC20, Ownable {
    constructor() {
        _initializeOwner(msg.sender);
    }

    /// @notice Mint points to one holder.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    /// @notice Mint points to many holders; the two lists are of equal length.
    function mintBatch(address[] calldata to, uint256[] calldata amounts) external onlyOwner {
        for (uint256 i = 0; i < to.length; ++i) {
            _mint(to[i], amounts[i]);
        }
    }

    /// @inheritdoc ERC20
    function name() public pure override returns (string memory) {
        return "Points";
    }

    /// @inheritdoc ERC20
    function symbol() public pure override returns (string memory) {
        return "PTS";
    }
}
