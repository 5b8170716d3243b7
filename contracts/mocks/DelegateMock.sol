// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "solady/utils/ECDSA.sol";

/// @title Code that an account borrows by EIP-7702
/// @notice Lets the account make several calls in one transaction, and lets a second key, which the account named, sign in
/// its place by ERC-1271 until the account takes it back.
contract DelegateMock {
    struct Keys {
        mapping(address key => bool) allowed;
    }

    /// @dev Far from what any other code that the account borrows may have stored.
    bytes32 private constant _KEYS = keccak256("troc.mocks.delegate");

    /// @notice Lets `key` sign in the account's place, or no longer. By the account itself.
    function allow(address key, bool allowed) external {
        require(msg.sender == address(this), "DelegateMock: not the account");
        _keys().allowed[key] = allowed;
    }

    /// @notice Makes calls as the account. By the account itself.
    function execute(address[] calldata targets, bytes[] calldata data) external {
        require(msg.sender == address(this), "DelegateMock: not the account");
        for (uint256 i = 0; i < targets.length; ++i) {
            (bool done, bytes memory answer) = targets[i].call(data[i]);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }

    /// @notice ERC-1271, for the second key alone.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        address key = ECDSA.tryRecoverCalldata(digest, signature);
        return key != address(0) && _keys().allowed[key] ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice ERC-1155's receiver.
    function onERC1155Received(address, address, uint256, uint256, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155Received.selector;
    }

    function _keys() private pure returns (Keys storage keys) {
        bytes32 slot = _KEYS;
        assembly ("memory-safe") {
            keys.slot := slot
        }
    }
}
