// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";

import {CallbackMock} from "../../../contracts/mocks/CallbackMock.sol";
import {ClaimMock} from "../../../contracts/mocks/ClaimMock.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// @notice Attack 11: what a token's hook, a receiver or a wallet can do while the exchange waits for it.
contract PointsExchangeHooksTest is ExchangeTest {
    OddTokenMock private _odd;
    CallbackMock private _hook;
    bytes private _reentrancy = abi.encodeWithSelector(ReentrancyGuard.Reentrancy.selector);

    function setUp() public override {
        super.setUp();
        _odd = new OddTokenMock();
        _hook = new CallbackMock();
        _odd.mint(alice, 1_000);
        _odd.mint(bob, 1_000);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(customers[i]);
            _odd.approve(address(exchange), type(uint256).max);
            vm.prank(customers[i]);
            acme.transfer(address(_hook), 500);
            fund(customers[i], 1_000);
        }
        fund(address(_hook), 1_000);
    }

    function _outcome(uint256 index) private view returns (bool done, bytes memory answer) {
        (done, answer) = _hook.outcome(index);
    }

    /// @dev Alice gives 100 of the odd token, as an ERC-20, for 80 BETA.
    function _measured() private returns (IPointsExchange.Order memory) {
        return giving(points(alice, acme, 100, beta, 80), address(_odd), ERC20, 0);
    }

    function test_every_entry_point_while_something_is_measured() public {
        _odd.setHook(address(_hook));
        IPointsExchange.Order memory outer = _measured();
        IPointsExchange.Order memory coupon =
            giving(points(bob, acme, 10, acme, 10), address(coupons), ERC1155, 7);
        IPointsExchange.Order memory plain = points(carol, beta, 10, acme, 10);
        bytes[] memory calls = _everyCall(outer, coupon, plain);
        for (uint256 i = 0; i < calls.length; ++i) {
            _hook.plan(address(exchange), calls[i]);
        }
        takeAs(bob, outer, 100);
        assertEq(_hook.made(), calls.length);
        bool done;
        bytes memory answer;
        // Whatever measures has to wait.
        for (uint256 i = 0; i < 4; ++i) {
            (done, answer) = _outcome(i);
            assertFalse(done);
            assertEq(answer, _reentrancy);
        }
        assertEq(coupons.balanceOf(address(_hook), 7), 1_000);
        // The order being settled is used up already.
        (done, answer) = _outcome(4);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, outer.nonce));
        // Points alone may move: nobody measures them.
        for (uint256 i = 5; i < calls.length; ++i) {
            (done,) = _outcome(i);
            assertTrue(done);
        }
        assertEq(beta.balanceOf(address(_hook)), 10);
        // Who reads, reads what holds afterwards.
        (, answer) = _outcome(8);
        assertEq(abi.decode(answer, (uint256)), 0);
        (, answer) = _outcome(9);
        assertEq(abi.decode(answer, (uint256)), exchange.wholeWordOf(alice, 0));
        assertEq(_odd.balanceOf(bob), 1_100);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
        assertExchangeEmpty();
    }

    function _everyCall(
        IPointsExchange.Order memory outer,
        IPointsExchange.Order memory coupon,
        IPointsExchange.Order memory plain
    ) private view returns (bytes[] memory calls) {
        IPointsExchange.Permit[] memory permits = new IPointsExchange.Permit[](0);
        calls = new bytes[](13);
        calls[0] = abi.encodeCall(exchange.take, (coupon, sign(coupon), 10, 0));
        calls[1] = abi.encodeCall(exchange.takeWithPermits, (permits, coupon, sign(coupon), 10, 0));
        calls[2] = abi.encodeCall(exchange.settle, (list(coupon), sign(list(coupon)), swap(10, 10)));
        calls[3] = abi.encodeCall(
            exchange.settleWithPermits, (permits, list(coupon), sign(list(coupon)), swap(10, 10))
        );
        calls[4] = abi.encodeCall(exchange.take, (outer, sign(outer), 100, 0));
        calls[5] = abi.encodeCall(exchange.take, (plain, sign(plain), 10, 0));
        calls[6] = abi.encodeCall(exchange.cancel, (list(1), none()));
        calls[7] = abi.encodeCall(exchange.cancelAll, (list(0), none()));
        calls[8] = abi.encodeCall(exchange.remainingOf, (outer));
        calls[9] = abi.encodeCall(exchange.wholeWordOf, (alice, 0));
        calls[10] = abi.encodeCall(exchange.partialWordOf, (alice, 0));
        calls[11] = abi.encodeCall(exchange.digestOf, (outer));
        calls[12] = abi.encodeCall(exchange.DOMAIN_SEPARATOR, ());
    }

    /// The tokens' own functions, from a hook: nobody's points move but the hook's own.
    function test_every_entry_point_of_a_token_from_a_hook() public {
        _odd.setHook(address(_hook));
        _hook.plan(address(acme), abi.encodeCall(acme.transfer, (stranger, 1)));
        _hook.plan(address(acme), abi.encodeCall(acme.transferFrom, (alice, stranger, 1)));
        _hook.plan(address(acme), abi.encodeCall(acme.transferFromWithin, (alice, stranger, 1, 0, 0)));
        _hook.plan(address(acme), abi.encodeCall(acme.transferFromAtEpoch, (3, alice, stranger, 1)));
        _hook.plan(address(acme), abi.encodeCall(acme.mint, (stranger, 1)));
        _hook.plan(address(acme), abi.encodeCall(acme.giveBack, (stranger, "receipt", 1)));
        _hook.plan(address(cash), abi.encodeCall(cash.transferFrom, (alice, stranger, 1)));
        _hook.plan(address(coupons), abi.encodeCall(coupons.safeTransferFrom, (alice, stranger, 7, 1, "")));
        takeAs(bob, _measured(), 100);
        (bool done,) = _outcome(0);
        assertTrue(done);
        for (uint256 i = 1; i < _hook.made(); ++i) {
            (done,) = _outcome(i);
            assertFalse(done);
        }
        assertEq(_hook.made(), 8);
        assertEq(acme.balanceOf(stranger), 1);
        assertEq(acme.balanceOf(alice), 4 * LOT - 500);
    }

    /// The receiver of coupons is called after they have reached her, and finds the same doors closed.
    function test_a_receiver_of_coupons_calls_back() public {
        IPointsExchange.Order memory order =
            giving(points(alice, acme, 10, acme, 10), address(coupons), ERC1155, 7);
        IPointsExchange.Order memory second =
            giving(points(bob, acme, 10, acme, 10), address(coupons), ERC1155, 7);
        _hook.plan(address(exchange), abi.encodeCall(exchange.take, (second, sign(second), 10, 0)));
        _hook.plan(address(acme), abi.encodeCall(acme.transfer, (stranger, 5)));
        bytes memory signature = sign(order);
        _hook.run(address(exchange), abi.encodeCall(exchange.take, (order, signature, 10, 0)));
        (bool done, bytes memory answer) = _outcome(0);
        assertFalse(done);
        assertEq(answer, _reentrancy);
        (done,) = _outcome(1);
        assertTrue(done);
        assertEq(coupons.balanceOf(address(_hook), 7), 1_010);
        assertEq(exchange.remainingOf(second), 10);
        // Afterwards the door is open again.
        takeAs(carol, second, 10);
    }

    /// A false token of kind 0 has a hook too; everything is written by then, and its order cannot be used twice.
    function test_points_with_a_hook_cannot_be_taken_twice() public {
        IPointsExchange.Order memory order =
            giving(inParts(points(alice, acme, 100, beta, 80)), address(_odd), POINTS, 0);
        _hook.plan(address(exchange), abi.encodeCall(exchange.take, (order, sign(order), 60, 0)));
        vm.prank(bob);
        beta.transfer(address(_hook), 80);
        _odd.setHook(address(_hook));
        takeAs(bob, order, 60);
        (bool done, bytes memory answer) = _outcome(0);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, order.nonce, 40, 60));
        assertEq(exchange.remainingOf(order), 40);
    }

    /// What the guard is for. Bob owes Alice twice: in the hook of the first payment he makes the second, and a token
    /// that moves what is there then has nothing left for the first.
    function test_one_payment_does_not_count_twice() public {
        _odd.behave(OddTokenMock.Oddity.DeliversWhatIsThere);
        _odd.mint(address(_hook), 100);
        _hook.run(address(_odd), abi.encodeCall(_odd.approve, (address(exchange), 1)));
        IPointsExchange.Order memory first =
            wanting(points(alice, beta, 80, acme, 100), address(_odd), ERC20, 0);
        IPointsExchange.Order memory second =
            wanting(points(alice, beta, 80, acme, 100), address(_odd), ERC20, 0);
        _hook.plan(address(exchange), abi.encodeCall(exchange.take, (second, sign(second), 80, 0)));
        _odd.setHook(address(_hook));
        bytes memory signature = sign(first);
        _hook.run(address(exchange), abi.encodeCall(exchange.take, (first, signature, 80, 0)));
        (bool done, bytes memory answer) = _outcome(0);
        assertFalse(done);
        assertEq(answer, _reentrancy);
        assertEq(_odd.balanceOf(alice), 1_100);
        assertEq(beta.balanceOf(alice), 4 * LOT - 80);
    }

    /// The same by a settlement instead of a take.
    function test_one_payment_does_not_count_twice_in_settlements() public {
        _odd.behave(OddTokenMock.Oddity.DeliversWhatIsThere);
        _odd.mint(address(_hook), 100);
        _hook.run(address(_odd), abi.encodeCall(_odd.approve, (address(exchange), 1)));
        IPointsExchange.Order memory first =
            wanting(points(alice, beta, 80, acme, 100), address(_odd), ERC20, 0);
        IPointsExchange.Order memory second =
            wanting(points(alice, beta, 80, acme, 100), address(_odd), ERC20, 0);
        _hook.plan(
            address(exchange),
            abi.encodeCall(exchange.settle, (list(second), sign(list(second)), swap(80, 100)))
        );
        _odd.setHook(address(_hook));
        bytes memory call = abi.encodeCall(exchange.settle, (list(first), sign(list(first)), swap(80, 100)));
        _hook.run(address(exchange), call);
        (bool done, bytes memory answer) = _outcome(0);
        assertFalse(done);
        assertEq(answer, _reentrancy);
        assertEq(beta.balanceOf(alice), 4 * LOT - 80);
    }

    /// A hole of an earlier draft: something that was Alice's anyway is paid out to her in another transfer's hook. Over
    /// the whole settlement she gained 100; by the transfer that was to pay her, nothing.
    function test_a_claim_released_in_a_hook_is_no_payment() public {
        ClaimMock claim = new ClaimMock(address(_odd), alice);
        _odd.mint(address(claim), 100);
        _odd.behave(OddTokenMock.Oddity.DeliversWhatIsThere);
        _hook.run(address(_odd), abi.encodeCall(_odd.approve, (address(exchange), 1)));
        // Alice gives Bob's friend coupons, whose arrival calls the hook, and wants the odd token for them.
        IPointsExchange.Order memory order = points(alice, acme, 10, acme, 100);
        giving(order, address(coupons), ERC1155, 7);
        wanting(order, address(_odd), ERC20, 0);
        _hook.plan(address(claim), abi.encodeCall(claim.release, ()));
        bytes memory call = abi.encodeCall(exchange.settle, (list(order), sign(list(order)), swap(10, 100)));
        vm.expectRevert(
            abi.encodeWithSelector(IPointsExchange.ShortDelivery.selector, address(_odd), alice, 0, 100)
        );
        _hook.run(address(exchange), call);
        // The hook alone would have paid her claim out.
        (bool done,) = address(_hook).call("");
        assertTrue(done);
        assertEq(_odd.balanceOf(alice), 1_100);
    }
}
