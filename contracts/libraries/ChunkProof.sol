// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Chunks under the root of a manifest
/// @notice The index is part of the leaf, and the depth of the tree follows from the count: neither an inner node nor a high
/// bit of an index can pass for another chunk.
/// @dev Nothing here reverts. Hashes and packing: docs/messages.md.
library ChunkProof {
    bytes1 private constant _LEAF = 0x00;
    bytes1 private constant _NODE = 0x01;

    /// @notice The leaf of a chunk. `index` is below 2^32.
    function leafOf(uint256 index, bytes32 plainLeaf, bytes32 cipherHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(_LEAF, uint32(index), plainLeaf, cipherHash));
    }

    /// @notice Whether a leaf is that of chunk `index` of a manifest.
    /// @param count Number of chunks, below 2^32.
    /// @param proof Sister nodes from the leaf up, exactly ceil(log2 count).
    function holds(bytes32 root, uint256 count, uint256 index, bytes32 leaf, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        uint256 depth = proof.length;
        if (index >= count || depth > 32 || 1 << depth < count) return false;
        if (depth != 0 && 1 << (depth - 1) >= count) return false;
        bytes1 prefix = _NODE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let left := add(free, 0x01)
            let right := add(free, 0x21)
            mstore(free, prefix)
            let end := add(proof.offset, shl(5, depth))
            for { let at := proof.offset } lt(at, end) { at := add(at, 0x20) } {
                switch and(index, 1)
                case 0 {
                    mstore(left, leaf)
                    mstore(right, calldataload(at))
                }
                default {
                    mstore(left, calldataload(at))
                    mstore(right, leaf)
                }
                leaf := keccak256(free, 0x41)
                index := shr(1, index)
            }
        }
        return leaf == root;
    }

    /// @notice The plain leaf of a sealed chunk under a key.
    /// @param index Below 2^32.
    function plainLeafOf(bytes32 key, uint256 index, bytes calldata ciphertext)
        internal
        pure
        returns (bytes32 leaf)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := ciphertext.length
            let chunk := add(free, 0x01)
            mstore8(free, 0x02)
            calldatacopy(chunk, ciphertext.offset, size)
            // A block of the stream is the hash of 40 bytes: key, index, offset. What it writes past the end is not hashed.
            mstore(0x00, key)
            let tail := shl(224, index)
            for { let at := 0 } lt(at, size) { at := add(at, 0x20) } {
                mstore(0x20, or(tail, shl(192, at)))
                let word := add(chunk, at)
                mstore(word, xor(mload(word), keccak256(0x00, 0x28)))
            }
            leaf := keccak256(free, add(size, 0x01))
        }
    }
}
