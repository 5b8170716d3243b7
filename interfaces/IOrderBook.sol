// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPointsExchange} from "./IPointsExchange.sol";

/// @title A book of orders in the log
/// @notice Publishes signed orders, and what a solver says of a batch, as events. It stores nothing, checks nothing and may
/// do nothing: whoever reads it checks for herself.
interface IOrderBook {
    /// @notice What a price in a batch is for.
    /// @param token The token.
    /// @param livingUntil The class of remaining life: points that live beyond this time; 0: any.
    struct Good {
        address token;
        uint256 livingUntil;
    }

    /// @notice An order was published. Anyone may have published it: the signature says whose it is.
    event OrderPublished(
        address indexed maker,
        address indexed giveToken,
        address indexed wantToken,
        IPointsExchange.Order order,
        bytes signature
    );

    /// @notice A solver says how it cleared a batch.
    /// @param batchId The solver's reference.
    /// @param prices Of each good, in any common unit, with 18 decimals.
    /// @param smoothing The width of the band around a price within which orders fill in part, with 18 decimals.
    /// @param surplus What all makers together gained over their limits, at these prices.
    /// @param bound What no allocation at these prices can exceed.
    event BatchPublished(
        address indexed solver,
        bytes32 indexed batchId,
        Good[] goods,
        uint256[] prices,
        uint256 smoothing,
        uint256 surplus,
        uint256 bound
    );

    /// @notice Thrown when two lists that belong together differ in length.
    error ListsDiffer(uint256 first, uint256 second);

    /// @notice Publishes signed orders. Anyone.
    function publish(IPointsExchange.Order[] calldata orders, bytes[] calldata signatures) external;

    /// @notice Publishes what a solver says of a batch. Anyone, under its own name.
    function publishBatch(
        bytes32 batchId,
        Good[] calldata goods,
        uint256[] calldata prices,
        uint256 smoothing,
        uint256 surplus,
        uint256 bound
    ) external;
}
