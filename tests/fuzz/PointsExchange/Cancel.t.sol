// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

contract PointsExchangeCancelTest is ExchangeTest {
    // --------------------------------------------------------------------------------------------- cancel

    function test_cancel_ends_whole_and_partial_orders() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        takeAs(bob, parts, 40);
        vm.expectEmit(address(exchange));
        emit IPointsExchange.OrdersCancelled(alice, list(whole.nonce), list(parts.nonce));
        vm.prank(alice);
        exchange.cancel(list(whole.nonce), list(parts.nonce));
        _assertEnded(whole, parts);
    }

    function test_cancelFor_ends_them_by_signature() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        takeAs(bob, parts, 40);
        bytes memory signature = signCancel(CANCEL_TYPE, alice, list(whole.nonce), list(parts.nonce));
        vm.expectEmit(address(exchange));
        emit IPointsExchange.OrdersCancelled(alice, list(whole.nonce), list(parts.nonce));
        vm.prank(stranger);
        exchange.cancelFor(alice, list(whole.nonce), list(parts.nonce), signature);
        _assertEnded(whole, parts);
    }

    function _assertEnded(IPointsExchange.Order memory whole, IPointsExchange.Order memory parts) private {
        assertEq(exchange.remainingOf(whole), 0);
        assertEq(exchange.remainingOf(parts), 0);
        takeAsReverts(bob, whole, 100, abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, whole.nonce));
        takeAsReverts(
            bob, parts, 1, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, parts.nonce, 0, 1)
        );
    }

    function test_cancel_touches_no_other_order() public {
        IPointsExchange.Order memory first = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory second = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory others = points(carol, acme, 100, beta, 80);
        others.nonce = first.nonce;
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        parts.nonce = partialNonce(0, 0);
        vm.prank(alice);
        exchange.cancel(list(first.nonce), none());
        assertEq(exchange.remainingOf(second), 100);
        assertEq(exchange.remainingOf(others), 100);
        assertEq(exchange.remainingOf(parts), 100, "whole and partial orders do not share lanes");
    }

    /// What was filled in the meantime must not keep the others alive.
    function test_cancel_passes_over_what_ended_before() public {
        IPointsExchange.Order memory filled = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory open = points(alice, acme, 100, beta, 80);
        takeAs(bob, filled, 100);
        uint256[] memory nonces = new uint256[](2);
        (nonces[0], nonces[1]) = (filled.nonce, open.nonce);
        vm.startPrank(alice);
        exchange.cancel(nonces, none());
        exchange.cancel(nonces, none());
        vm.stopPrank();
        assertEq(exchange.remainingOf(open), 0);
    }

    /// A signature of a cancellation can be sent again at any time and then does nothing.
    function test_cancelFor_again_does_nothing() public {
        bytes memory signature = signCancel(CANCEL_TYPE, alice, list(3), list(partialNonce(1, 0)));
        exchange.cancelFor(alice, list(3), list(partialNonce(1, 0)), signature);
        bytes memory all = signCancel(CANCEL_ALL_TYPE, alice, list(0), list(partialNonce(1, 0)));
        exchange.cancelAllFor(alice, list(0), list(partialNonce(1, 0)), all);
        uint256 word = exchange.wholeWordOf(alice, 0);
        uint256 partialWord = exchange.partialWordOf(alice, 1);
        exchange.cancelFor(alice, list(3), list(partialNonce(1, 0)), signature);
        exchange.cancelAllFor(alice, list(0), list(partialNonce(1, 0)), all);
        assertEq(exchange.wholeWordOf(alice, 0), word);
        assertEq(exchange.partialWordOf(alice, 1), partialWord);
    }

    function test_cancel_reverts_when_an_index_is_too_large() public {
        bytes4 tooLarge = Nonces.NonceIndexTooLarge.selector;
        vm.startPrank(alice);
        exchange.cancel(list(223), none());
        vm.expectRevert(abi.encodeWithSelector(tooLarge, 224));
        exchange.cancel(list(224), none());
        vm.expectRevert(abi.encodeWithSelector(tooLarge, 1));
        exchange.cancel(none(), list(1));
    }

    function test_cancel_reverts_when_a_series_has_not_begun() public {
        bytes4 notCurrent = Nonces.NonceNotCurrent.selector;
        uint256 ahead = wholeNonce(0, 1, 0);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(notCurrent, alice, ahead, 0));
        exchange.cancel(list(ahead), none());
        vm.expectRevert(abi.encodeWithSelector(notCurrent, alice, ahead, 0));
        exchange.cancel(none(), list(ahead));
    }

    // ------------------------------------------------------------------------------------------- cancelAll

    function test_cancelAll_ends_the_series() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        whole.nonce = wholeNonce(0, 0, 200);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        takeAs(bob, parts, 40);
        uint256[] memory partialSeries = list(parts.nonce);
        vm.expectEmit(address(exchange));
        emit IPointsExchange.SeriesCancelled(alice, list(0), partialSeries);
        vm.prank(alice);
        exchange.cancelAll(list(0), partialSeries);
        _assertSeriesEnded(whole, parts);
    }

    function test_cancelAllFor_ends_the_series_by_signature() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        bytes memory signature = signCancel(CANCEL_ALL_TYPE, alice, list(0), list(parts.nonce));
        vm.expectEmit(address(exchange));
        emit IPointsExchange.SeriesCancelled(alice, list(0), list(parts.nonce));
        vm.prank(stranger);
        exchange.cancelAllFor(alice, list(0), list(parts.nonce), signature);
        _assertSeriesEnded(whole, parts);
    }

    function _assertSeriesEnded(IPointsExchange.Order memory whole, IPointsExchange.Order memory parts)
        private
    {
        bytes4 notCurrent = Nonces.NonceNotCurrent.selector;
        assertEq(exchange.remainingOf(whole), 0);
        assertEq(exchange.remainingOf(parts), 0);
        takeAsReverts(bob, whole, 100, abi.encodeWithSelector(notCurrent, alice, whole.nonce, 1));
        takeAsReverts(bob, parts, 1, abi.encodeWithSelector(notCurrent, alice, parts.nonce, 1));
        // Orders of the next series are good, with all their indices and amounts.
        whole.nonce = wholeNonce(0, 1, whole.nonce % 224);
        parts.nonce = partialNonce(parts.nonce >> 128, 1);
        takeAs(bob, whole, 100);
        assertEq(takeAs(bob, parts, 100), 80);
    }

    /// A signature that names an earlier series can be sent late and then ends nothing that was signed since.
    function test_cancelAllFor_late_does_not_touch_a_later_series() public {
        bytes memory signature = signCancel(CANCEL_ALL_TYPE, alice, list(0), none());
        vm.startPrank(alice);
        exchange.cancelAll(list(0), none());
        exchange.cancelAll(list(wholeNonce(0, 1, 0)), none());
        vm.stopPrank();
        exchange.cancelAllFor(alice, list(0), none(), signature);
        assertEq(exchange.wholeWordOf(alice, 0) >> 224, 2);
    }

    function test_cancelAll_reverts_when_a_series_has_not_begun() public {
        bytes4 notCurrent = Nonces.NonceNotCurrent.selector;
        uint256 ahead = wholeNonce(9, 1, 0);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(notCurrent, alice, ahead, 0));
        exchange.cancelAll(list(ahead), none());
        vm.expectRevert(abi.encodeWithSelector(notCurrent, alice, ahead, 0));
        exchange.cancelAll(none(), list(ahead));
    }

    function test_cancelAll_reverts_when_a_series_has_an_index() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, 1));
        exchange.cancelAll(list(1), none());
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, 1));
        exchange.cancelAll(none(), list(1));
    }

    // -------------------------------------------------------------------------------------------- signatures

    function test_reverts_when_a_cancellation_is_not_signed_by_the_maker() public {
        bytes memory bobs = signCancel(CANCEL_TYPE, bob, list(0), none());
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelFor(alice, list(0), none(), bobs);
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelAllFor(alice, list(0), none(), bobs);
    }

    /// The two messages have the same fields: one signature must not pass for the other.
    function test_reverts_when_one_cancellation_is_used_as_the_other() public {
        bytes memory some = signCancel(CANCEL_TYPE, alice, list(0), none());
        bytes memory all = signCancel(CANCEL_ALL_TYPE, alice, list(0), none());
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelAllFor(alice, list(0), none(), some);
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelFor(alice, list(0), none(), all);
    }

    /// Attack 15: lists that read the same when they are put one behind the other.
    function test_lists_do_not_run_into_each_other() public {
        uint256[] memory both = new uint256[](2);
        (both[0], both[1]) = (0, partialNonce(1, 0));
        bytes memory signature = signCancel(CANCEL_TYPE, alice, both, none());
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelFor(alice, list(0), list(partialNonce(1, 0)), signature);
        vm.expectPartialRevert(IPointsExchange.NotSignedByMaker.selector);
        exchange.cancelFor(alice, none(), both, signature);
        exchange.cancelFor(alice, both, none(), signature);
    }

    function testFuzz_a_cancelled_order_never_moves(uint128 lane, uint8 index, uint64 partialLane) public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        whole.nonce = wholeNonce(lane, 0, index % 224);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        parts.nonce = partialNonce(partialLane, 0);
        assertEq(exchange.remainingOf(whole), 100);
        assertEq(exchange.remainingOf(parts), 100);
        vm.prank(alice);
        exchange.cancel(list(whole.nonce), list(parts.nonce));
        _assertEnded(whole, parts);
    }
}
