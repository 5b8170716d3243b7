// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ICredentials} from "./ICredentials.sol";

/// @title Credentials that one attestor signs
/// @notice A credential is `word(account) ‖ word(expiry) ‖ signature`, signed by the attestor over campaign, pseudonym, account
/// and expiry (docs/messages.md). It counts while now <= expiry.
/// @dev Warning: the attestor knows who is behind each pseudonym, and could sign more than one for a person.
interface IAttestorCredentials is ICredentials {
    /// @notice Thrown when it would be nobody's to sign.
    error NoAttestor();

    /// @notice Thrown when a credential has no room for account and expiry.
    error CredentialTooShort(uint256 length);

    /// @notice Thrown when a credential is shown after its last second.
    error CredentialExpired(uint256 expiry);

    /// @notice Thrown when a credential is for the zero address.
    error CredentialOfNobody(bytes32 campaignId, bytes32 pseudonym);

    /// @notice Thrown when the attestor did not sign the credential.
    error CredentialNotSigned(address attestor, bytes32 digest);

    /// @notice Who signs.
    function attestor() external view returns (address);
}
