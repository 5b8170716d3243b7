// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A key that is sealed to a one-time point
/// @notice Points of secp256k1 are given by their x alone, y even. `ecrecover` multiplies them: for the hash 0 it gives the
/// address of (s / r)·R, where R is the point with x = r, so s = b·r mod n gives the address of b·R.
/// @dev Nothing here reverts. A point whose x is not below the order of the curve counts as no point.
library SealedKey {
    /// @dev Of the group that the points make.
    uint256 private constant _ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    /// @dev The x of the generator, whose y is even.
    bytes32 private constant _GENERATOR = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
    uint256 private constant _FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    bytes32 private constant _KEY_DOMAIN = keccak256("troc.key.v1");
    uint8 private constant _EVEN = 27;

    /// @notice Whether there is a point with this x.
    function isPoint(bytes32 x) internal view returns (bool found) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, 0)
            mstore(add(free, 0x20), _EVEN)
            mstore(add(free, 0x40), x)
            mstore(add(free, 0x60), x)
            // The precompile says nothing where there is no point.
            found := and(eq(returndatasize(), 0x20), staticcall(gas(), 1, free, 0x80, 0x00, 0x20))
        }
    }

    /// @notice The same where the point's y is at hand: y² = x³ + 7.
    function isPoint(bytes32 x, uint256 evenY) internal pure returns (bool) {
        uint256 word = uint256(x);
        if (word == 0 || word >= _ORDER || evenY >= _FIELD || evenY & 1 != 0) return false;
        uint256 cube = mulmod(mulmod(word, word, _FIELD), word, _FIELD);
        return mulmod(evenY, evenY, _FIELD) == addmod(cube, 7, _FIELD);
    }

    /// @notice Whether `scalar` times the generator is the point with this x and an even y.
    function opens(bytes32 x, uint256 scalar) internal pure returns (bool) {
        address made = _times(_GENERATOR, scalar);
        return made != address(0) && made == ecrecover(0, _EVEN, x, x);
    }

    /// @notice The key that was sealed to the point of `scalar`.
    /// @param pointE The other one-time point.
    function unwrap(bytes32 saleId, bytes32 pointE, uint256 scalar, bytes32 wrapped)
        internal
        pure
        returns (bytes32 key)
    {
        return wrapped ^ keccak256(abi.encode(saleId, _times(pointE, scalar)));
    }

    /// @notice What a seller commits to before the sale.
    function commitment(bytes32 key) internal pure returns (bytes32) {
        return keccak256(abi.encode(_KEY_DOMAIN, key));
    }

    /// @dev The address of `scalar` times a point; 0 if the scalar is a multiple of the order.
    function _times(bytes32 x, uint256 scalar) private pure returns (address) {
        return ecrecover(0, _EVEN, x, bytes32(mulmod(scalar, uint256(x), _ORDER)));
    }
}
