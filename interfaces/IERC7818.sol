// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title ERC-7818, expirable ERC-20
/// @notice The standard's functions, without ERC-20's own. An epoch here is a span of seconds.
/// @dev Source: ERC-7818 in its final text.
interface IERC7818 {
    /// @notice What an epoch is counted in.
    enum EPOCH_TYPE {
        BLOCKS_BASED,
        TIME_BASED
    }

    /// @notice Thrown when points of an epoch are to move after that epoch's points have expired.
    /// @param sender Whose points were to move.
    /// @param epoch The epoch they were issued in.
    error ERC7818TransferredExpiredToken(address sender, uint256 epoch);

    /// @notice Points that `account` got in `epoch` and still has; 0 once they have expired.
    /// @param epoch The epoch of issue.
    /// @param account The holder.
    function balanceOfAtEpoch(uint256 epoch, address account) external view returns (uint256);

    /// @notice The epoch of now, counted from 0 at the origin of the token.
    function currentEpoch() external view returns (uint256);

    /// @notice Seconds of an epoch.
    function epochLength() external view returns (uint256);

    /// @notice Always `TIME_BASED`.
    function epochType() external view returns (EPOCH_TYPE);

    /// @notice How many epochs points live, the epoch of issue included: always 4.
    function validityDuration() external view returns (uint256);

    /// @notice Whether points issued in `epoch` have expired.
    /// @param epoch The epoch of issue.
    function isEpochExpired(uint256 epoch) external view returns (bool);

    /// @notice Moves points of one epoch from the sender.
    /// @param epoch The epoch of issue.
    /// @param to The recipient.
    /// @param value Points in smallest units.
    function transferAtEpoch(uint256 epoch, address to, uint256 value) external returns (bool);

    /// @notice Moves points of one epoch out of the allowance of the sender.
    /// @param epoch The epoch of issue.
    /// @param from The holder.
    /// @param to The recipient.
    /// @param value Points in smallest units.
    function transferFromAtEpoch(uint256 epoch, address from, address to, uint256 value)
        external
        returns (bool);
}
