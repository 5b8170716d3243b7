// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test, Vm} from "forge-std/Test.sol";

import {SealedKey} from "../../contracts/libraries/SealedKey.sol";

/// @notice The library against what forge knows of secp256k1.
contract SealedKeyTest is Test {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;

    function _point(uint256 scalar) private returns (uint256 even, bytes32 x, uint256 y) {
        Vm.Wallet memory wallet = vm.createWallet(scalar);
        x = bytes32(wallet.publicKeyX);
        if (wallet.publicKeyY % 2 == 0) return (scalar, x, wallet.publicKeyY);
        return (ORDER - scalar, x, FIELD - wallet.publicKeyY);
    }

    function testFuzz_points_are_points(uint256 scalar) public {
        (, bytes32 x, uint256 y) = _point(bound(scalar, 1, ORDER - 1));
        assertTrue(SealedKey.isPoint(x));
        assertTrue(SealedKey.isPoint(x, y));
        assertFalse(SealedKey.isPoint(x, FIELD - y), "odd");
        assertFalse(SealedKey.isPoint(x, y ^ 2), "another y");
    }

    /// @dev Half of all numbers are the x of a point; the one way of asking says of each what the other says.
    function testFuzz_no_point_is_found_without_one(bytes32 x, uint256 y) public view {
        if (SealedKey.isPoint(x, y)) assertTrue(SealedKey.isPoint(x));
        if (!SealedKey.isPoint(x)) assertFalse(SealedKey.isPoint(x, y));
    }

    function test_the_borders() public view {
        bytes32[5] memory none = [
            bytes32(0),
            bytes32(ORDER),
            bytes32(FIELD),
            bytes32(type(uint256).max),
            // 5^3 + 7 is no square.
            bytes32(uint256(5))
        ];
        for (uint256 i = 0; i < none.length; ++i) {
            assertFalse(SealedKey.isPoint(none[i]));
            assertFalse(SealedKey.isPoint(none[i], 0));
            assertFalse(SealedKey.isPoint(none[i], 2));
        }
    }

    /// @dev The least x above the order that a point has: the curve has it, `ecrecover` does not know it.
    function test_a_point_beyond_the_order_counts_as_none() public view {
        uint256 x = ORDER + 2;
        uint256 cube = addmod(mulmod(mulmod(x, x, FIELD), x, FIELD), 7, FIELD);
        uint256 y = _power(cube, (FIELD + 1) / 4);
        assertEq(mulmod(y, y, FIELD), cube, "it is on the curve");
        if (y % 2 == 1) y = FIELD - y;
        assertFalse(SealedKey.isPoint(bytes32(x), y));
        assertFalse(SealedKey.isPoint(bytes32(x)));
    }

    function test_a_y_beyond_the_field_is_refused() public view {
        // x = 1 has the smallest y of those tried: even with the field added, it would fit a word if it were small.
        uint256 y = _power(8, (FIELD + 1) / 4);
        if (y % 2 == 1) y = FIELD - y;
        assertTrue(SealedKey.isPoint(bytes32(uint256(1)), y));
        assertFalse(SealedKey.isPoint(bytes32(uint256(1)), type(uint256).max - 1));
    }

    function testFuzz_a_scalar_opens_its_point_alone(uint256 scalar, uint256 wrong) public {
        (uint256 even, bytes32 x,) = _point(bound(scalar, 1, ORDER - 1));
        assertTrue(SealedKey.opens(x, even));
        assertFalse(SealedKey.opens(x, ORDER - even), "of odd y");
        if (wrong % ORDER != even) assertFalse(SealedKey.opens(x, wrong));
        assertFalse(SealedKey.opens(x, 0));
        assertFalse(SealedKey.opens(x, ORDER));
        unchecked {
            // The same scalar modulo the order.
            if (even + ORDER > ORDER) assertTrue(SealedKey.opens(x, even + ORDER));
        }
    }

    function testFuzz_nothing_opens_what_is_no_point(bytes32 x, uint256 scalar) public view {
        if (!SealedKey.isPoint(x)) assertFalse(SealedKey.opens(x, scalar));
    }

    function testFuzz_unwraps_what_was_wrapped(bytes32 saleId, uint256 b, uint256 e, bytes32 key) public {
        bytes32 pointB;
        bytes32 pointE;
        (b, pointB,) = _point(bound(b, 1, ORDER - 1));
        (e, pointE,) = _point(bound(e, 1, ORDER - 1));
        address shared = vm.addr(mulmod(b, e, ORDER));
        bytes32 wrapped = key ^ keccak256(abi.encodePacked(saleId, bytes12(0), shared));
        assertEq(SealedKey.unwrap(saleId, pointE, b, wrapped), key);
        assertEq(SealedKey.unwrap(saleId, pointB, e, wrapped), key, "from both sides");
        assertEq(SealedKey.commitment(key), keccak256(abi.encodePacked(keccak256("troc.key.v1"), key)));
    }

    /// @dev Whatever comes in, nothing reverts.
    function testFuzz_never_reverts(bytes32 a, bytes32 b, uint256 c, bytes32 d) public view {
        SealedKey.isPoint(a);
        SealedKey.isPoint(a, c);
        SealedKey.opens(a, c);
        SealedKey.unwrap(a, b, c, d);
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = 1;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = mulmod(result, base, FIELD);
            base = mulmod(base, base, FIELD);
        }
    }
}
