// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPointsExchange} from "./IPointsExchange.sol";

/// @title A book of orders in the log
/// @notice Publishes signed orders, and what a solver says of a batch, as events. It stores nothing, checks nothing and may
/// do nothing: whoever reads it checks for herself.
interface IOrderBook {
    /// @notice The price of a good in a batch.
    /// @param token The token.
    /// @param livingUntil The class of remaining life: points that live beyond this time; 0: any.
    /// @param price Of one smallest unit, with 18 decimals, in any unit common to the goods of its group.
    /// @param group Prices compare within a group: goods that were traded for each other have the same number.
    struct Good {
        address token;
        uint256 livingUntil;
        uint256 price;
        uint256 group;
    }

    /// @notice What a solver says of a batch before it is settled. docs/clearing.md has the rules and formulas by which
    /// anyone rebuilds the batch and checks every word of this.
    /// @param closedAt The block whose state the batch was made from: it consists of every order that was published, open and
    /// payable there.
    /// @param closedHash The hash of that block, which tells a block from one that took its place.
    /// @param settleBy The batch is meant to be settled until this time: orders that close before it, and points that expire
    /// by then, were left out.
    /// @param orders How many orders the batch consists of.
    /// @param ordersHash keccak256 of their digests, ascending, one after another.
    /// @param goods What was priced, and how.
    /// @param smoothing The width of the band around a price within which orders fill in part, with 18 decimals.
    /// @param surplus What all makers together gain over their limits, at these prices.
    /// @param bound What no allocation at these prices can exceed.
    /// @param unfilled What orders that are better than the prices were not filled, at these prices.
    /// @param settlements keccak256 of the calldata of each `settle` call that settles this batch, in any order.
    struct Batch {
        uint256 closedAt;
        bytes32 closedHash;
        uint256 settleBy;
        uint256 orders;
        bytes32 ordersHash;
        Good[] goods;
        uint256 smoothing;
        uint256 surplus;
        uint256 bound;
        uint256 unfilled;
        bytes32[] settlements;
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
    /// @param solver Who published it.
    /// @param batchId keccak256 of `abi.encode(solver, batch)`: an id stands for one record of one solver.
    event BatchPublished(address indexed solver, bytes32 indexed batchId, Batch batch);

    /// @notice Thrown when two lists that belong together differ in length.
    error ListsDiffer(uint256 first, uint256 second);

    /// @notice Publishes signed orders. Anyone.
    function publish(IPointsExchange.Order[] calldata orders, bytes[] calldata signatures) external;

    /// @notice Publishes what a solver says of a batch. Anyone, under its own name.
    /// @return batchId As in the event.
    function publishBatch(Batch calldata batch) external returns (bytes32 batchId);
}
