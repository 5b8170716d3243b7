// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {OrderBook} from "../../contracts/exchange/OrderBook.sol";
import {IOrderBook} from "../../interfaces/IOrderBook.sol";
import {IPointsExchange} from "../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./PointsExchange/ExchangeTest.sol";

contract OrderBookTest is ExchangeTest {
    OrderBook private _book;

    function setUp() public override {
        super.setUp();
        _book = new OrderBook();
    }

    function test_publishes_orders() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(bob, beta, 80, acme, 100));
        bytes[] memory signatures = sign(orders);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectEmit(address(_book));
            emit IOrderBook.OrderPublished(
                orders[i].maker, orders[i].giveToken, orders[i].wantToken, orders[i], signatures[i]
            );
        }
        vm.prank(stranger);
        _book.publish(orders, signatures);
    }

    /// What was read from the log settles as it stands there.
    function test_a_published_order_settles() public {
        IPointsExchange.Order[] memory orders = list(points(alice, acme, 100, beta, 80));
        bytes[] memory signatures = sign(orders);
        vm.recordLogs();
        _book.publish(orders, signatures);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        (orders[0], signatures[0]) = abi.decode(logs[0].data, (IPointsExchange.Order, bytes));
        vm.prank(bob);
        exchange.settle(orders, signatures, swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
    }

    /// It checks nothing, so it refuses nothing but lists that do not fit.
    function testFuzz_publishes_whatever_it_is_given(
        IPointsExchange.Order memory order,
        bytes memory signature
    ) public {
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature;
        vm.expectEmit(address(_book));
        emit IOrderBook.OrderPublished(order.maker, order.giveToken, order.wantToken, order, signature);
        _book.publish(list(order), signatures);
    }

    function test_publishes_nothing() public {
        vm.recordLogs();
        _book.publish(new IPointsExchange.Order[](0), new bytes[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_publish_reverts_when_lists_differ() public {
        IPointsExchange.Order[] memory orders = list(points(alice, acme, 100, beta, 80));
        vm.expectRevert(abi.encodeWithSelector(IOrderBook.ListsDiffer.selector, 1, 0));
        _book.publish(orders, new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(IOrderBook.ListsDiffer.selector, 1, 2));
        _book.publish(orders, new bytes[](2));
    }

    /// It checks nothing, and the id stands for the solver and every word.
    function testFuzz_publishes_a_batch_under_the_senders_name(address solver, IOrderBook.Batch memory batch)
        public
    {
        bytes32 batchId = keccak256(abi.encode(solver, batch));
        vm.expectEmit(address(_book));
        emit IOrderBook.BatchPublished(solver, batchId, batch);
        vm.prank(solver);
        assertEq(_book.publishBatch(batch), batchId);
    }

    /// A batch that fills the 128 kB that nodes let pass as one transaction takes a fraction of a block.
    function test_a_batch_of_the_largest_size_fits_a_block() public {
        IOrderBook.Batch memory batch;
        batch.goods = new IOrderBook.Good[](200);
        batch.settlements = new bytes32[](3_200);
        for (uint256 i = 0; i < batch.goods.length; ++i) {
            batch.goods[i] = IOrderBook.Good(address(acme), expiry(1) + i, 123_456_789, 0);
        }
        for (uint256 i = 0; i < batch.settlements.length; ++i) {
            batch.settlements[i] = keccak256(abi.encode(i));
        }
        bytes memory data = abi.encodeCall(IOrderBook.publishBatch, (batch));
        assertLt(data.length, 128 * 1024);
        uint256 gasOfData;
        for (uint256 i = 0; i < data.length; ++i) {
            gasOfData += data[i] == 0 ? 4 : 16;
        }
        uint256 gasBefore = gasleft();
        (bool done,) = address(_book).call(data);
        uint256 gasUsed = gasBefore - gasleft();
        assertTrue(done);
        assertLt(21_000 + gasOfData + gasUsed, 2 ** 22);
    }
}
