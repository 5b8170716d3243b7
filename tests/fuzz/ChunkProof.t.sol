// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {ChunkProof} from "../../contracts/libraries/ChunkProof.sol";

/// @notice The library against plain trees and a plain stream.
contract ChunkProofTest is Test {
    function holds(bytes32 root, uint256 count, uint256 index, bytes32 leaf, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return ChunkProof.holds(root, count, index, leaf, proof);
    }

    function plainLeafOf(bytes32 key, uint256 index, bytes calldata ciphertext)
        external
        pure
        returns (bytes32)
    {
        return ChunkProof.plainLeafOf(key, index, ciphertext);
    }

    /// @dev A heap with zero words where there is no leaf; the root is node 1.
    function _tree(uint256 count, bytes32 seed) private pure returns (bytes32[] memory nodes, uint256 depth) {
        while (1 << depth < count) ++depth;
        uint256 width = 1 << depth;
        nodes = new bytes32[](2 * width);
        for (uint256 i = 0; i < count; ++i) {
            nodes[width + i] = keccak256(abi.encode(seed, i));
        }
        for (uint256 i = width - 1; i > 0; --i) {
            nodes[i] = keccak256(abi.encodePacked(hex"01", nodes[2 * i], nodes[2 * i + 1]));
        }
    }

    function _proof(bytes32[] memory nodes, uint256 node, uint256 length)
        private
        pure
        returns (bytes32[] memory proof)
    {
        proof = new bytes32[](length);
        for (uint256 i = 0; i < length && node > 1; ++i) {
            proof[i] = nodes[node ^ 1];
            node /= 2;
        }
    }

    function testFuzz_every_leaf_holds_at_its_place_alone(uint256 count, uint256 index, uint256 place)
        public
        view
    {
        count = bound(count, 1, 20);
        index = bound(index, 0, count - 1);
        (bytes32[] memory nodes, uint256 depth) = _tree(count, "seed");
        bytes32 leaf = nodes[(1 << depth) + index];
        bytes32[] memory proof = _proof(nodes, (1 << depth) + index, depth);
        assertTrue(this.holds(nodes[1], count, index, leaf, proof));
        if (place != index) assertFalse(this.holds(nodes[1], count, place, leaf, proof));
        assertFalse(this.holds(nodes[1], count, index, keccak256(abi.encode(leaf)), proof));
        assertFalse(this.holds(keccak256("another root"), count, index, leaf, proof));
        if (depth != 0) {
            proof[place % depth] ^= bytes32(uint256(1));
            assertFalse(this.holds(nodes[1], count, index, leaf, proof));
        }
    }

    /// @dev Attack 14: an inner node as a leaf, with the shorter proof that it has.
    function testFuzz_an_inner_node_is_no_leaf(uint256 count, uint256 node) public view {
        count = bound(count, 2, 20);
        (bytes32[] memory nodes, uint256 depth) = _tree(count, "seed");
        node = bound(node, 1, (1 << depth) - 1);
        uint256 level = 0;
        while (2 << level <= node) ++level;
        uint256 index = node - (1 << level);
        for (uint256 length = 0; length <= depth + 1; ++length) {
            bytes32[] memory proof = _proof(nodes, node, length);
            assertFalse(this.holds(nodes[1], count, index, nodes[node], proof));
        }
    }

    /// @dev What fills the tree up is in it, but its index is not below the count.
    function testFuzz_what_fills_up_is_no_leaf(uint256 count, uint256 index) public view {
        count = bound(count, 3, 31);
        (bytes32[] memory nodes, uint256 depth) = _tree(count, "seed");
        vm.assume(1 << depth != count);
        index = bound(index, count, (1 << depth) - 1);
        bytes32[] memory proof = _proof(nodes, (1 << depth) + index, depth);
        assertFalse(this.holds(nodes[1], count, index, 0, proof));
    }

    /// @dev Attack 14: higher bits of the index that no level of the tree looks at.
    function testFuzz_high_bits_of_an_index_are_refused(uint256 count, uint256 index, uint256 shift)
        public
        view
    {
        count = bound(count, 1, 20);
        index = bound(index, 0, count - 1);
        (bytes32[] memory nodes, uint256 depth) = _tree(count, "seed");
        uint256 high = index | 1 << bound(shift, depth, 255);
        vm.assume(high != index);
        bytes32 leaf = nodes[(1 << depth) + index];
        bytes32[] memory proof = _proof(nodes, (1 << depth) + index, depth);
        assertFalse(this.holds(nodes[1], count, high, leaf, proof));
    }

    function test_proofs_of_another_length_are_refused() public view {
        for (uint256 count = 1; count < 18; ++count) {
            (bytes32[] memory nodes, uint256 depth) = _tree(count, "seed");
            for (uint256 length = 0; length < 8; ++length) {
                bytes32[] memory proof = _proof(nodes, 1 << depth, length);
                bool held = this.holds(nodes[1], count, 0, nodes[1 << depth], proof);
                assertEq(held, length == depth);
            }
        }
        assertFalse(this.holds(0, type(uint32).max, 0, 0, new bytes32[](33)));
        assertFalse(this.holds(0, 0, 0, 0, new bytes32[](0)));
    }

    function testFuzz_leaves_are_those_of_the_page(uint32 index, bytes32 plainLeaf, bytes32 cipherHash)
        public
        pure
    {
        bytes32 expected = keccak256(abi.encodePacked(hex"00", index, plainLeaf, cipherHash));
        assertEq(ChunkProof.leafOf(index, plainLeaf, cipherHash), expected);
    }

    function testFuzz_decrypts_as_the_page_says(bytes32 key, uint32 index, bytes calldata ciphertext)
        public
        view
    {
        bytes memory plain = new bytes(ciphertext.length);
        for (uint256 i = 0; i < plain.length; ++i) {
            bytes32 block_ = keccak256(abi.encodePacked(key, index, uint32(i / 32 * 32)));
            plain[i] = ciphertext[i] ^ block_[i % 32];
        }
        assertEq(this.plainLeafOf(key, index, ciphertext), keccak256(bytes.concat(hex"02", plain)));
    }

    function testFuzz_never_reverts(
        bytes32 root,
        uint256 count,
        uint256 index,
        bytes32 leaf,
        bytes32[] calldata proof
    ) public view {
        assertFalse(this.holds(root, count, index, leaf, proof));
    }
}
