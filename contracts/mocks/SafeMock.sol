// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {WalletMock} from "./WalletMock.sol";

/// @title A wallet of several owners that signs as a Safe does
/// @notice Its owners sign a message of the wallet's own, with the digest in it, so that one owner of two wallets never
/// signs for both. Source: Safe 1.4.1, `SafeMessage(bytes message)`.
contract SafeMock is WalletMock {
    bytes32 private constant _DOMAIN_TYPE =
        keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant _MESSAGE_TYPE = keccak256("SafeMessage(bytes message)");

    constructor(address[] memory owners, uint256 threshold_) WalletMock(owners, threshold_) {}

    /// @inheritdoc WalletMock
    function signedHashOf(bytes32 digest) public view override returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(_DOMAIN_TYPE, block.chainid, address(this)));
        bytes32 message = keccak256(abi.encode(_MESSAGE_TYPE, keccak256(abi.encode(digest))));
        return keccak256(abi.encodePacked(bytes2(0x1901), domain, message));
    }
}
