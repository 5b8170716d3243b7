// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Attestors and what they have revoked
/// @notice An attestor signs off the chain who vouches for which content; here it says who it is, and which of its
/// attestations no longer count. Anyone may call itself an attestor: buyers keep a list of those they trust.
/// @dev A domain is a claim. It is proven off the chain, by a file on the domain that names the address.
interface IAttestors {
    /// @notice An attestor said who it is.
    event AttestorNamed(address indexed attestor, string name, string domain);

    /// @notice Attestations with these numbers no longer count. One that was revoked before may be among them.
    event AttestationsRevoked(address indexed attestor, uint256[] indices);

    /// @notice Thrown when a name has no or more than 64 bytes.
    error BadAttestorName(string name);

    /// @notice Thrown when a domain has more than 253 bytes.
    error BadAttestorDomain(string domain);

    /// @notice Says who the sender is, in place of what it said before.
    /// @param name 1 to 64 bytes.
    /// @param domain Where the proof lies; empty: none.
    function nameAttestor(string calldata name, string calldata domain) external;

    /// @notice Revokes attestations of the sender's, for good. It moves no money: what was taken stays taken.
    /// @param indices The sender's own numbers.
    function revokeAttestations(uint256[] calldata indices) external;

    /// @notice Whether an attestor has revoked an attestation.
    function isRevoked(address attestor, uint256 index) external view returns (bool);

    /// @notice What an attestor said of itself; empty if nothing.
    function attestorOf(address attestor) external view returns (string memory name, string memory domain);
}
