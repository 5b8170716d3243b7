// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Signatures of accounts and of contracts
/// @notice The one place where the suite decides whether somebody signed.
/// @dev An account's own key counts whether or not the account has code (EIP-7702): code is asked only if `ecrecover` did
/// not give the signer. Sources: EIP-2 (low s), ERC-2098 (64 bytes), ERC-1271.
library Signatures {
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    bytes4 private constant _ERC1271 = 0x1626ba7e;

    /// @notice Whether `signer` signed `digest`.
    /// @param signer An account or a contract wallet; the zero address never signed anything.
    /// @param digest What was signed.
    /// @param signature 65 bytes `r, s, v`, 64 bytes by ERC-2098, or whatever the contract wallet understands.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        return isValidWithin(signer, digest, signature, type(uint256).max);
    }

    /// @notice The same where a contract gets at most `limit` gas to answer: in batches, in which one must not use up what the
    /// others need.
    function isValidWithin(address signer, bytes32 digest, bytes calldata signature, uint256 limit)
        internal
        view
        returns (bool)
    {
        if (_isKeyOf(signer, digest, signature)) return true;
        return signer.code.length != 0 && _askContract(signer, digest, signature, limit);
    }

    /// @notice The same for a signature in three words.
    function isValid(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s)
        internal
        view
        returns (bool)
    {
        if (_recovers(signer, digest, v, r, s)) return true;
        return
            signer.code.length != 0
                && _askContract(signer, digest, abi.encodePacked(r, s, v), type(uint256).max);
    }

    function _isKeyOf(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        bytes32 r;
        bytes32 s;
        uint256 v;
        if (signature.length == 65) {
            assembly ("memory-safe") {
                r := calldataload(signature.offset)
                s := calldataload(add(signature.offset, 0x20))
                v := byte(0, calldataload(add(signature.offset, 0x40)))
            }
        } else if (signature.length == 64) {
            assembly ("memory-safe") {
                r := calldataload(signature.offset)
                s := calldataload(add(signature.offset, 0x20))
                v := add(shr(255, s), 27)
                s := shr(1, shl(1, s))
            }
        } else {
            return false;
        }
        return _recovers(signer, digest, uint8(v), r, s);
    }

    function _recovers(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s)
        private
        pure
        returns (bool)
    {
        if (uint256(s) > _HALF_ORDER) return false;
        address recovered = ecrecover(digest, v, r, s);
        return recovered != address(0) && recovered == signer;
    }

    /// @dev Compares the whole word of the answer, so that a contract that answers anything with "true" did not sign. Only
    /// one word of the answer is copied, however long it is.
    function _askContract(address signer, bytes32 digest, bytes memory signature, uint256 limit)
        private
        view
        returns (bool yes)
    {
        bytes memory question = abi.encodeWithSelector(_ERC1271, digest, signature);
        bytes32 expected = bytes32(_ERC1271);
        assembly ("memory-safe") {
            let answered := staticcall(limit, signer, add(question, 0x20), mload(question), 0x00, 0x20)
            yes := and(answered, and(gt(returndatasize(), 0x1f), eq(mload(0x00), expected)))
        }
    }
}
