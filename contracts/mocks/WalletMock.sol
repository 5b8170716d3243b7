// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "solady/utils/ECDSA.sol";

/// @title An honest wallet of several owners
/// @notice ERC-1271 by as many owners' signatures as its threshold says, 65 bytes each, by rising address of the owner.
contract WalletMock {
    /// @notice How many owners must sign.
    uint256 public immutable threshold;
    mapping(address account => bool) public isOwner;

    constructor(address[] memory owners, uint256 threshold_) {
        for (uint256 i = 0; i < owners.length; ++i) {
            isOwner[owners[i]] = true;
        }
        threshold = threshold_;
    }

    /// @notice Makes a call as the wallet. By an owner, who answers to the others.
    function execute(address target, bytes calldata data) external returns (bytes memory answer) {
        require(isOwner[msg.sender], "WalletMock: not an owner");
        bool done;
        (done, answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signatures) external view returns (bytes4) {
        if (signatures.length != 65 * threshold) return 0xffffffff;
        bytes32 signed = signedHashOf(digest);
        address last;
        for (uint256 i = 0; i < threshold; ++i) {
            address owner = ECDSA.recoverCalldata(signed, signatures[65 * i:65 * (i + 1)]);
            if (owner <= last || !isOwner[owner]) return 0xffffffff;
            last = owner;
        }
        return this.isValidSignature.selector;
    }

    /// @notice What the owners sign for the wallet to sign `digest`.
    function signedHashOf(bytes32 digest) public view virtual returns (bytes32) {
        return digest;
    }

    /// @notice ERC-1155's receiver.
    function onERC1155Received(address, address, uint256, uint256, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155Received.selector;
    }
}
