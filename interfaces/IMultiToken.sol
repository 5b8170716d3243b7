// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title What the exchange asks of tokens that are not points
/// @notice The functions of ERC-20 and ERC-1155 that it calls.
interface IMultiToken {
    /// @notice ERC-20.
    function balanceOf(address account) external view returns (uint256);

    /// @notice ERC-1155.
    function balanceOf(address account, uint256 id) external view returns (uint256);

    /// @notice ERC-1155.
    function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes calldata data)
        external;
}
