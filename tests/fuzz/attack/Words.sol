// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev Writes a word of bytes, `at` bytes behind their beginning.
function setWord(bytes memory data, uint256 at, uint256 word) pure {
    assembly ("memory-safe") {
        mstore(add(add(data, 0x20), at), word)
    }
}

/// @dev Reads one.
function wordAt(bytes memory data, uint256 at) pure returns (uint256 word) {
    assembly ("memory-safe") {
        word := mload(add(add(data, 0x20), at))
    }
}
