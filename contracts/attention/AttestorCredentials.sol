// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";

import {IAttestorCredentials} from "../../interfaces/IAttestorCredentials.sol";
import {ICredentials} from "../../interfaces/ICredentials.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Credentials that one attestor signs
contract AttestorCredentials is EIP712, IAttestorCredentials {
    bytes32 private constant _CREDENTIAL_TYPE = keccak256(
        "Credential(address attestor,bytes32 campaign,bytes32 pseudonym,address account,uint256 expiry)"
    );

    /// @dev Account and expiry, a word each; the signature follows.
    uint256 private constant _HEAD = 64;

    /// @inheritdoc IAttestorCredentials
    address public immutable attestor;

    /// @param attestor_ Who signs: a key or a contract wallet.
    constructor(address attestor_) {
        if (attestor_ == address(0)) revert NoAttestor();
        attestor = attestor_;
    }

    /// @inheritdoc ICredentials
    function accountOf(bytes32 campaignId, bytes32 pseudonym, bytes calldata credential)
        external
        view
        returns (address account)
    {
        if (credential.length < _HEAD) revert CredentialTooShort(credential.length);
        uint256 expiry;
        (account, expiry) = abi.decode(credential[:_HEAD], (address, uint256));
        if (account == address(0)) revert CredentialOfNobody(campaignId, pseudonym);
        if (block.timestamp > expiry) revert CredentialExpired(expiry);
        bytes32 digest = _hashTypedData(
            keccak256(abi.encode(_CREDENTIAL_TYPE, attestor, campaignId, pseudonym, account, expiry))
        );
        if (!Signatures.isValid(attestor, digest, credential[_HEAD:])) {
            revert CredentialNotSigned(attestor, digest);
        }
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Credentials", "1");
    }
}
