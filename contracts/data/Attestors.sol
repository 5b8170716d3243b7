// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBitmap} from "solady/utils/LibBitmap.sol";

import {IAttestors} from "../../interfaces/IAttestors.sol";

/// @title Attestors and what they have revoked
contract Attestors is IAttestors {
    using LibBitmap for LibBitmap.Bitmap;

    struct Named {
        string name;
        string domain;
    }

    uint256 private constant _MAX_NAME = 64;
    uint256 private constant _MAX_DOMAIN = 253;

    mapping(address attestor => Named) private _named;
    mapping(address attestor => LibBitmap.Bitmap) private _revoked;

    /// @inheritdoc IAttestors
    function nameAttestor(string calldata name, string calldata domain) external {
        if (bytes(name).length == 0 || bytes(name).length > _MAX_NAME) revert BadAttestorName(name);
        if (bytes(domain).length > _MAX_DOMAIN) revert BadAttestorDomain(domain);
        _named[msg.sender] = Named(name, domain);
        emit AttestorNamed(msg.sender, name, domain);
    }

    /// @inheritdoc IAttestors
    function revokeAttestations(uint256[] calldata indices) external {
        for (uint256 i = 0; i < indices.length; ++i) {
            _revoked[msg.sender].set(indices[i]);
        }
        emit AttestationsRevoked(msg.sender, indices);
    }

    /// @inheritdoc IAttestors
    function isRevoked(address attestor, uint256 index) external view returns (bool) {
        return _revoked[attestor].get(index);
    }

    /// @inheritdoc IAttestors
    function attestorOf(address attestor) external view returns (string memory name, string memory domain) {
        Named storage named = _named[attestor];
        return (named.name, named.domain);
    }
}
