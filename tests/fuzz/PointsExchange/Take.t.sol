// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {FallbackMock} from "../../../contracts/mocks/FallbackMock.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

contract PointsExchangeTakeTest is ExchangeTest {
    function test_moves_points_both_ways() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        vm.expectEmit(address(exchange));
        emit IPointsExchange.OrderFilled(digest(order), alice, 100, 80);
        uint256 paid = takeAs(bob, order, 100);
        assertEq(paid, 80);
        assertEq(acme.balanceOf(alice), 4 * LOT - 100);
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
        assertEq(beta.balanceOf(bob), 4 * LOT - 80);
        assertExchangeEmpty();
    }

    function test_takes_kinds_of_every_sort() public {
        fund(alice, 1_000);
        fund(bob, 1_000);
        address[3] memory tokens = [address(acme), address(cash), address(coupons)];
        uint256[3] memory ids = [uint256(0), 0, 7];
        for (uint8 give = 0; give < 3; ++give) {
            for (uint8 want = 0; want < 3; ++want) {
                if (give == want) continue;
                IPointsExchange.Order memory order = points(alice, acme, 10, acme, 5);
                giving(order, tokens[give], give, ids[give]);
                wanting(order, tokens[want], want, ids[want]);
                assertEq(takeAs(bob, order, 10), 5);
            }
        }
        // Each thing was given twice for 10 and wanted twice for 5.
        assertEq(acme.balanceOf(alice), 4 * LOT - 10);
        assertEq(cash.balanceOf(alice), 1_000 - 10);
        assertEq(coupons.balanceOf(alice, 7), 1_000 - 10);
        assertExchangeEmpty();
    }

    /// Rounding favours the maker, and splitting never pays (attack 9).
    function testFuzz_splitting_never_pays(uint128 give, uint128 want, uint256[8] memory parts) public {
        give = uint128(bound(give, 1, 4 * LOT));
        want = uint128(bound(want, 1, 4 * LOT));
        IPointsExchange.Order memory order = inParts(points(alice, acme, give, beta, want));
        uint256 taken;
        uint256 paid;
        for (uint256 i = 0; i < parts.length && taken < give; ++i) {
            uint256 part = bound(parts[i], 1, give - taken);
            uint256 price = (part * want + give - 1) / give;
            if (paid + price > 4 * LOT) break;
            assertEq(takeAs(bob, order, part), price);
            taken += part;
            paid += price;
            assertEq(exchange.remainingOf(order), give - taken);
            assertGe(paid * give, taken * want, "below the price of the whole");
        }
        assertEq(acme.balanceOf(bob), 4 * LOT + taken);
        assertEq(beta.balanceOf(alice), 4 * LOT + paid);
    }

    function test_gives_only_points_within_the_makers_bound() public {
        // The lot of epoch 0 alone.
        IPointsExchange.Order memory order = points(alice, acme, LOT, beta, 1);
        order.givePointsExpiringBy = expiry(0);
        takeAs(bob, order, LOT);
        (uint256[4] memory left,) = acme.lotsOf(alice);
        assertEq(left[0], 0);
        assertEq(left[1] + left[2] + left[3], 3 * LOT);
    }

    function test_reverts_when_the_makers_bound_leaves_too_few() public {
        IPointsExchange.Order memory order = points(alice, acme, LOT + 1, beta, 1);
        order.givePointsExpiringBy = expiry(0);
        takeAsReverts(
            bob,
            order,
            LOT + 1,
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, alice, LOT, LOT + 1, 0, expiry(0)
            )
        );
    }

    function test_pays_only_points_that_live_long_enough() public {
        IPointsExchange.Order memory order = points(alice, acme, 1, beta, LOT);
        order.wantPointsLivingUntil = expiry(3) - 1;
        takeAs(bob, order, 1);
        (uint256[4] memory left,) = beta.lotsOf(bob);
        assertEq(left[3], 0);
        assertEq(left[0], LOT);
    }

    function test_reverts_when_too_few_of_the_takers_points_live_long_enough() public {
        IPointsExchange.Order memory order = points(alice, acme, 1, beta, 1);
        order.wantPointsLivingUntil = expiry(3);
        takeAsReverts(
            bob,
            order,
            1,
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, bob, 0, 1, expiry(3), 0)
        );
    }

    function test_taker_bounds_what_he_receives() public {
        IPointsExchange.Order memory order = points(alice, acme, LOT, beta, 1);
        bytes memory signature = sign(order);
        vm.prank(bob);
        exchange.take(order, signature, LOT, expiry(3) - 1);
        (uint256[4] memory lots,) = acme.lotsOf(bob);
        assertEq(lots[3], 2 * LOT);
    }

    function test_reverts_when_the_two_bounds_leave_nothing() public {
        IPointsExchange.Order memory order = points(alice, acme, 1, beta, 1);
        order.givePointsExpiringBy = expiry(1);
        bytes memory signature = sign(order);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, 1, expiry(1), expiry(1)
            )
        );
        vm.prank(bob);
        exchange.take(order, signature, 1, expiry(1));
    }

    function test_reverts_when_the_taker_bounds_something_without_lots() public {
        fund(alice, 100);
        IPointsExchange.Order memory order = giving(points(alice, acme, 10, beta, 5), address(cash), ERC20, 0);
        bytes memory signature = sign(order);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.BoundNotZero.selector, 1));
        vm.prank(bob);
        exchange.take(order, signature, 10, 1);
    }

    function test_reverts_when_the_maker_takes_her_own_order() public {
        takeAsReverts(
            alice,
            points(alice, acme, 100, beta, 80),
            100,
            abi.encodeWithSelector(IPointsExchange.SameParty.selector, alice)
        );
    }

    function test_reverts_when_reserved_for_another() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        order.onlyTaker = carol;
        takeAsReverts(bob, order, 100, abi.encodeWithSelector(IPointsExchange.OnlyTaker.selector, carol, bob));
        takeAs(carol, order, 100);
    }

    function test_reverts_when_the_amount_is_out_of_range() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        takeAsReverts(
            bob, order, 1 << 128, abi.encodeWithSelector(IPointsExchange.AmountOutOfRange.selector, 1 << 128)
        );
        takeAsReverts(bob, order, 0, abi.encodeWithSelector(IPointsExchange.AmountOutOfRange.selector, 0));
        uint256 largest = (1 << 128) - 1;
        takeAsReverts(
            bob,
            order,
            largest,
            abi.encodeWithSelector(Nonces.Overfilled.selector, alice, order.nonce, 100, largest)
        );
    }

    function test_reverts_when_a_price_is_out_of_range() public {
        bytes4 outOfRange = IPointsExchange.AmountOutOfRange.selector;
        IPointsExchange.Order memory order = points(alice, acme, 0, beta, 80);
        takeAsReverts(bob, order, 1, abi.encodeWithSelector(outOfRange, 0));
        order.giveAmount = 1 << 128;
        takeAsReverts(bob, order, 1, abi.encodeWithSelector(outOfRange, 1 << 128));
        (order.giveAmount, order.wantAmount) = (100, 0);
        takeAsReverts(bob, order, 100, abi.encodeWithSelector(outOfRange, 0));
    }

    /// The error names the amount that is at fault.
    function test_reverts_when_the_wanted_amount_is_out_of_range() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 1 << 128);
        takeAsReverts(
            bob, order, 100, abi.encodeWithSelector(IPointsExchange.AmountOutOfRange.selector, 1 << 128)
        );
    }

    /// The largest order that there can be, to the last unit.
    function test_takes_the_largest_amounts() public {
        uint256 largest = (1 << 128) - 1;
        address generous = address(new FallbackMock(abi.encode(true)));
        address other = address(new FallbackMock(abi.encode(true)));
        IPointsExchange.Order memory order = points(alice, acme, largest, beta, largest);
        giving(order, generous, POINTS, 0);
        wanting(order, other, POINTS, 0);
        assertEq(takeAs(bob, order, largest), largest);
    }

    function testFuzz_pays_the_price_rounded_up(uint128 give, uint128 want, uint128 amount) public {
        vm.assume(give != 0 && want != 0 && amount != 0);
        amount = uint128(bound(amount, 1, give));
        address generous = address(new FallbackMock(abi.encode(true)));
        address other = address(new FallbackMock(abi.encode(true)));
        IPointsExchange.Order memory order = inParts(points(alice, acme, give, beta, want));
        giving(order, generous, POINTS, 0);
        wanting(order, other, POINTS, 0);
        uint256 paid = takeAs(bob, order, amount);
        assertGe(paid * give, uint256(amount) * want);
        assertLt((paid - 1) * give, uint256(amount) * want);
    }

    function test_reverts_when_a_whole_order_is_taken_in_part() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        bytes4 notWhole = IPointsExchange.NotWhole.selector;
        takeAsReverts(bob, order, 99, abi.encodeWithSelector(notWhole, digest(order), 99, 100));
        takeAsReverts(bob, order, 101, abi.encodeWithSelector(notWhole, digest(order), 101, 100));
        takeAsReverts(bob, order, 0, abi.encodeWithSelector(notWhole, digest(order), 0, 100));
    }

    function test_reverts_when_taken_again() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        takeAs(bob, order, 100);
        takeAsReverts(bob, order, 100, abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, order.nonce));
    }

    function test_deadline_to_the_second() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        vm.warp(order.openUntil - 1);
        takeAs(bob, order, 1);
        vm.warp(order.openUntil);
        takeAs(bob, order, 1);
        vm.warp(order.openUntil + 1);
        takeAsReverts(
            bob, order, 1, abi.encodeWithSelector(IPointsExchange.OrderExpired.selector, order.openUntil)
        );
    }
}
