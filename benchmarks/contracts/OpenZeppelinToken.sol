// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice A token as a brand would build it from OpenZeppelin's parts: permit, and an owner who mints.
contract OpenZeppelinToken is ERC20Permit, Ownable {
    constructor() ERC20("Points", "PTS") ERC20Permit("Points") Ownable(msg.sender) {}

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
}
