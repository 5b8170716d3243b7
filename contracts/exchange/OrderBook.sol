// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IOrderBook} from "../../interfaces/IOrderBook.sol";
import {IPointsExchange} from "../../interfaces/IPointsExchange.sol";

/// @title A book of orders in the log
contract OrderBook is IOrderBook {
    /// @inheritdoc IOrderBook
    function publish(IPointsExchange.Order[] calldata orders, bytes[] calldata signatures) external {
        if (orders.length != signatures.length) revert ListsDiffer(orders.length, signatures.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            emit OrderPublished(
                orders[i].maker, orders[i].giveToken, orders[i].wantToken, orders[i], signatures[i]
            );
        }
    }

    /// @inheritdoc IOrderBook
    function publishBatch(Batch calldata batch) external returns (bytes32 batchId) {
        batchId = keccak256(abi.encode(msg.sender, batch));
        emit BatchPublished(msg.sender, batchId, batch);
    }
}
