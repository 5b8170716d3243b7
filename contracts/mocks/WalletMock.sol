// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "solady/utils/ECDSA.sol";

/// @title A wallet that is a contract
/// @notice One key signs for it by ERC-1271, and makes it call.
contract WalletMock {
    address private immutable _key;

    /// @param key The account whose key signs.
    constructor(address key) {
        _key = key;
    }

    /// @notice Makes a call as the wallet. By the key's account.
    function execute(address target, bytes calldata data) external {
        require(msg.sender == _key, "WalletMock: not the key");
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool signed = ECDSA.tryRecoverCalldata(digest, signature) == _key;
        return signed ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
