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
    function publishBatch(
        bytes32 batchId,
        Good[] calldata goods,
        uint256[] calldata prices,
        uint256 smoothing,
        uint256 surplus,
        uint256 bound
    ) external {
        if (goods.length != prices.length) {
            revert ListsDiffer(goods.length, prices.length);
        }
        emit BatchPublished(msg.sender, batchId, goods, prices, smoothing, surplus, bound);
    }
}
