// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A wallet that takes a digest for its signature
/// @notice Shows which digest a contract asked about: only that digest, passed as the signature, is accepted.
contract DigestMock {
    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signature) external pure returns (bytes4) {
        bool same = signature.length >= 32 && bytes32(signature[:32]) == digest;
        return same ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
