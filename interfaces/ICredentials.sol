// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Proof of being one person
/// @notice Says which account a person's pseudonym belongs to, so that a campaign counts her once however many accounts
/// she has. Whatever proves it sits behind this: an attestor's signature, a blind signature, a proof of zero knowledge.
/// @dev Warning: a campaign that asks for a credential pays nobody whom it refuses. It is fixed when the campaign opens, and
/// who takes part trusts it to answer until the claims end.
interface ICredentials {
    /// @notice The account of a pseudonym in a campaign.
    /// @param campaignId The campaign that asks.
    /// @param pseudonym The person in this campaign.
    /// @param credential What proves it, in the form that this contract understands.
    /// @return account Who is paid; never 0. Reverts if nothing is proven.
    function accountOf(bytes32 campaignId, bytes32 pseudonym, bytes calldata credential)
        external
        view
        returns (address account);
}
