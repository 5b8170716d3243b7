// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CallbackMock} from "../../../contracts/mocks/CallbackMock.sol";
import {FallbackMock} from "../../../contracts/mocks/FallbackMock.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

contract PointsExchangeSettleTest is ExchangeTest {
    bytes4 private immutable _OUT_OF_RANGE = IPointsExchange.AmountOutOfRange.selector;

    /// @dev Alice gives 100 ACME for 80 BETA, Bob the reverse.
    function _pair() private returns (IPointsExchange.Order[] memory) {
        return list(points(alice, acme, 100, beta, 80), points(bob, beta, 80, acme, 100));
    }

    // ------------------------------------------------------------------------------------------- what it does

    function test_settles_two_orders() public {
        IPointsExchange.Order[] memory orders = _pair();
        vm.expectEmit(address(exchange));
        emit IPointsExchange.OrderFilled(digest(orders[0]), alice, 100, 80);
        vm.expectEmit(address(exchange));
        emit IPointsExchange.OrderFilled(digest(orders[1]), bob, 80, 100);
        settle(orders, swap(100, 80));
        assertEq(acme.balanceOf(alice), 4 * LOT - 100);
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
        assertEq(beta.balanceOf(bob), 4 * LOT - 80);
        assertEq(exchange.remainingOf(orders[0]), 0);
        assertExchangeEmpty();
    }

    function test_settles_nothing_at_all() public {
        vm.recordLogs();
        settle(new IPointsExchange.Order[](0), new IPointsExchange.Transfer[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function testFuzz_settles_a_ring(uint256 size, uint64[6] memory seeds) public {
        size = bound(size, 2, 6);
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](size);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](size);
        uint256[] memory gives = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) {
            gives[i] = bound(seeds[i], 1, 4 * LOT);
        }
        // Each gives her own brand's points to the one before her; of six, two bring money and coupons.
        for (uint256 i = 0; i < size; ++i) {
            uint256 next = (i + 1) % size;
            orders[i] = points(customers[i], acme, gives[i], acme, gives[next]);
            (orders[i].giveToken, orders[i].giveKind, orders[i].giveId) = _thing(i);
            (orders[i].wantToken, orders[i].wantKind, orders[i].wantId) = _thing(next);
            transfers[i] = IPointsExchange.Transfer(next, i, gives[next]);
            fund(customers[i], 4 * LOT);
        }
        settle(orders, transfers);
        for (uint256 i = 0; i < size; ++i) {
            uint256 next = (i + 1) % size;
            assertEq(_held(i, customers[i]), 4 * LOT - gives[i]);
            assertEq(_held(next, customers[i]), 4 * LOT + gives[next]);
        }
        assertExchangeEmpty();
    }

    function _thing(uint256 i) private view returns (address token, uint8 kind, uint256 id) {
        if (i < 4) return (address(brands[i]), POINTS, 0);
        return i == 4 ? (address(cash), ERC20, 0) : (address(coupons), ERC1155, 7);
    }

    function _held(uint256 i, address who) private view returns (uint256) {
        if (i < 4) return brands[i].balanceOf(who);
        return i == 4 ? cash.balanceOf(who) : coupons.balanceOf(who, 7);
    }

    /// Fifteen pairs over four brands; every maker has five orders.
    function test_settles_a_batch_of_thirty() public {
        (IPointsExchange.Order[] memory orders, IPointsExchange.Transfer[] memory transfers) = _thirty();
        uint256[4] memory supplies;
        for (uint256 i = 0; i < 4; ++i) {
            supplies[i] = brands[i].totalSupply();
        }
        vm.recordLogs();
        settle(orders, transfers);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 60);
        for (uint256 i = 0; i < 30; ++i) {
            assertEq(logs[i].topics[1], digest(orders[i]));
            assertEq(exchange.remainingOf(orders[i]), 0);
        }
        for (uint256 i = 0; i < 4; ++i) {
            uint256 sum;
            for (uint256 j = 0; j < 6; ++j) {
                sum += brands[i].balanceOf(customers[j]);
            }
            assertEq(sum, supplies[i]);
        }
        assertExchangeEmpty();
    }

    function _thirty()
        private
        returns (IPointsExchange.Order[] memory orders, IPointsExchange.Transfer[] memory transfers)
    {
        orders = new IPointsExchange.Order[](30);
        transfers = new IPointsExchange.Transfer[](30);
        for (uint256 i = 0; i < 30; i += 2) {
            LoyaltyToken one = brands[(i / 2) % 4];
            LoyaltyToken other = brands[(i / 2 + 1 + i % 3) % 4];
            address maker = customers[(i / 2) % 6];
            address second = customers[(i / 2 + 1) % 6];
            orders[i] = points(maker, one, 10 + i, other, 5 + i);
            orders[i + 1] = points(second, other, 6 + i, one, 10 + i);
            transfers[i] = IPointsExchange.Transfer(i, i + 1, 10 + i);
            transfers[i + 1] = IPointsExchange.Transfer(i + 1, i, 6 + i);
        }
    }

    function test_one_order_is_filled_by_several() public {
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](3);
        orders[0] = points(alice, acme, 100, beta, 80);
        orders[1] = points(bob, beta, 50, acme, 60);
        orders[2] = points(carol, beta, 30, acme, 40);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 1, 60);
        transfers[1] = IPointsExchange.Transfer(0, 2, 40);
        transfers[2] = IPointsExchange.Transfer(1, 0, 50);
        transfers[3] = IPointsExchange.Transfer(2, 0, 30);
        settle(orders, transfers);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
        assertEq(acme.balanceOf(alice), 4 * LOT - 100);
        assertEq(acme.balanceOf(carol), 4 * LOT + 40);
    }

    function test_the_sender_is_one_side() public {
        settleAs(bob, list(points(alice, acme, 100, beta, 80)), swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
        assertEq(beta.balanceOf(bob), 4 * LOT - 80);
    }

    function test_the_sender_keeps_what_is_over() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(bob, beta, 100, acme, 90));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 1, 90);
        transfers[1] = IPointsExchange.Transfer(0, 2, 10);
        transfers[2] = IPointsExchange.Transfer(1, 0, 80);
        transfers[3] = IPointsExchange.Transfer(1, 2, 20);
        settleAs(relay, orders, transfers);
        assertEq(acme.balanceOf(relay), 10);
        assertEq(beta.balanceOf(relay), 20);
    }

    function test_the_sender_gives_money_and_receives_coupons() public {
        fund(alice, 100);
        fund(bob, 100);
        IPointsExchange.Order memory order = points(alice, acme, 10, acme, 30);
        giving(order, address(coupons), ERC1155, 7);
        wanting(order, address(cash), ERC20, 0);
        settleAs(bob, list(order), swap(10, 30));
        assertEq(coupons.balanceOf(bob, 7), 110);
        assertEq(cash.balanceOf(alice), 130);
        assertExchangeEmpty();
    }

    function test_kinds_mix_in_one_settlement() public {
        fund(alice, 100);
        fund(bob, 100);
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 10, beta, 5), points(bob, beta, 5, acme, 10));
        giving(orders[0], address(cash), ERC20, 0);
        wanting(orders[1], address(cash), ERC20, 0);
        settle(orders, swap(10, 5));
        assertEq(cash.balanceOf(bob), 110);
        assertEq(beta.balanceOf(alice), 4 * LOT + 5);
    }

    function test_ids_of_one_erc1155_are_different_things() public {
        fund(alice, 100);
        coupons.mint(bob, 8, 100);
        vm.prank(bob);
        coupons.setApprovalForAll(address(exchange), true);
        IPointsExchange.Order memory give =
            giving(points(alice, acme, 10, beta, 5), address(coupons), ERC1155, 7);
        IPointsExchange.Order memory want =
            giving(points(bob, acme, 5, beta, 10), address(coupons), ERC1155, 8);
        wanting(give, address(coupons), ERC1155, 8);
        wanting(want, address(coupons), ERC1155, 7);
        settle(list(give, want), swap(10, 5));
        assertEq(coupons.balanceOf(alice, 8), 5);
        assertEq(coupons.balanceOf(bob, 7), 10);
    }

    function test_both_bounds_hold_in_one_transfer() public {
        IPointsExchange.Order[] memory orders = _pair();
        // Alice gives the two oldest lots, Bob takes none but the second oldest and younger: that leaves one.
        orders[0].givePointsExpiringBy = expiry(1);
        orders[1].wantPointsLivingUntil = expiry(0);
        settle(orders, swap(100, 80));
        (uint256[4] memory lots,) = acme.lotsOf(alice);
        assertEq(lots[0], LOT);
        assertEq(lots[1], LOT - 100);
        (lots,) = acme.lotsOf(bob);
        assertEq(lots[1], LOT + 100);
    }

    function test_reverts_when_both_bounds_leave_nothing() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].givePointsExpiringBy = expiry(1);
        orders[1].wantPointsLivingUntil = expiry(1);
        settleReverts(
            orders,
            swap(100, 80),
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, 100, expiry(1), expiry(1)
            )
        );
    }

    function test_bounds_to_the_second() public {
        IPointsExchange.Order[] memory orders = _pair();
        // A lot that expires at T is given by T, and not a second before.
        orders[0].givePointsExpiringBy = expiry(0) - 1;
        settleReverts(
            orders,
            swap(100, 80),
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, 100, 0, expiry(0) - 1)
        );
        orders[0].givePointsExpiringBy = expiry(0);
        // A lot that expires at T lives beyond T - 1, and not beyond T.
        orders[0].wantPointsLivingUntil = expiry(3);
        settleReverts(
            orders,
            swap(100, 80),
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, bob, 0, 80, expiry(3), 0)
        );
        orders[0].wantPointsLivingUntil = expiry(3) - 1;
        settle(orders, swap(100, 80));
        (uint256[4] memory lots,) = beta.lotsOf(alice);
        assertEq(lots[3], LOT + 80);
    }

    /// X2: the sender is bound by what the maker asks for like anybody.
    function test_the_senders_points_must_live_as_long() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        order.wantPointsLivingUntil = expiry(2);
        settleAs(bob, list(order), swap(100, 80));
        (uint256[4] memory lots,) = beta.lotsOf(bob);
        assertEq(lots[3], LOT - 80);
        assertEq(lots[0], LOT);
    }

    // --------------------------------------------------------------------------------------------- partial ones

    function test_one_partial_order_listed_twice() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](4);
        orders[0] = order;
        orders[1] = order;
        orders[2] = points(bob, beta, 48, acme, 60);
        orders[3] = points(carol, beta, 32, acme, 40);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 60);
        transfers[1] = IPointsExchange.Transfer(2, 0, 48);
        transfers[2] = IPointsExchange.Transfer(1, 3, 40);
        transfers[3] = IPointsExchange.Transfer(3, 1, 32);
        settle(orders, transfers);
        assertEq(exchange.remainingOf(order), 0);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
    }

    function test_reverts_when_two_listings_add_up_to_too_much() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 60);
        transfers[1] = IPointsExchange.Transfer(2, 0, 80);
        transfers[2] = IPointsExchange.Transfer(1, 2, 41);
        transfers[3] = IPointsExchange.Transfer(2, 1, 80);
        settleAsReverts(
            bob,
            list(order, order),
            transfers,
            abi.encodeWithSelector(Nonces.Overfilled.selector, alice, order.nonce, 40, 41)
        );
    }

    /// Each listing has its own price: what one receives beyond hers does not make up for another.
    function test_reverts_when_one_listing_pays_for_the_other() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 50);
        transfers[1] = IPointsExchange.Transfer(2, 0, 41);
        transfers[2] = IPointsExchange.Transfer(1, 2, 50);
        transfers[3] = IPointsExchange.Transfer(2, 1, 39);
        settleAsReverts(
            bob,
            list(order, order),
            transfers,
            abi.encodeWithSelector(IPointsExchange.BelowPrice.selector, digest(order), 50, 39)
        );
    }

    function test_orders_of_one_lane_share_a_limit() public {
        IPointsExchange.Order memory dear = inParts(points(alice, acme, 100, beta, 100));
        IPointsExchange.Order memory cheap = inParts(points(alice, acme, 60, beta, 30));
        cheap.nonce = dear.nonce;
        takeAs(bob, dear, 50);
        assertEq(exchange.remainingOf(dear), 50);
        assertEq(exchange.remainingOf(cheap), 10);
        takeAsReverts(
            bob, cheap, 11, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, dear.nonce, 10, 11)
        );
        takeAs(bob, cheap, 10);
        takeAsReverts(
            bob, cheap, 1, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, dear.nonce, 0, 1)
        );
        takeAs(bob, dear, 40);
        assertEq(exchange.remainingOf(dear), 0);
        assertEq(exchange.remainingOf(cheap), 0);
        takeAsReverts(
            bob, cheap, 1, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, dear.nonce, 0, 1)
        );
        assertEq(exchange.partialWordOf(alice, dear.nonce >> 128), 100);
    }

    /// X2 over many partial settlements by the sender himself.
    function testFuzz_parts_never_give_below_the_price(
        uint64 give,
        uint64 want,
        uint64[6] memory parts,
        uint8 short
    ) public {
        uint256 giveAmount = bound(give, 1, 4 * LOT);
        uint256 wantAmount = bound(want, 1, 4 * LOT);
        IPointsExchange.Order memory order = inParts(points(alice, acme, giveAmount, beta, wantAmount));
        uint256 left = giveAmount;
        uint256 paid;
        for (uint256 i = 0; i < parts.length && left != 0; ++i) {
            uint256 part = bound(parts[i], 1, left);
            uint256 price = (part * wantAmount + giveAmount - 1) / giveAmount;
            if (paid + price > 4 * LOT) break;
            if (i == short % 6 && price > 1) {
                settleAsReverts(
                    bob,
                    list(order),
                    swap(part, price - 1),
                    abi.encodeWithSelector(
                        IPointsExchange.BelowPrice.selector, digest(order), part, price - 1
                    )
                );
            }
            settleAs(bob, list(order), swap(part, price));
            left -= part;
            paid += price;
            assertEq(exchange.remainingOf(order), left);
        }
        assertGe(paid * giveAmount, (giveAmount - left) * wantAmount);
        assertEq(beta.balanceOf(alice), 4 * LOT + paid);
    }

    // ------------------------------------------------------------------------------------------- what it refuses

    function test_reverts_when_signatures_are_missing() public {
        IPointsExchange.Order[] memory orders = _pair();
        bytes[] memory one = new bytes[](1);
        one[0] = sign(orders[0]);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.SignaturesMissing.selector, 2, 1));
        exchange.settle(orders, one, swap(100, 80));
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.SignaturesMissing.selector, 2, 3));
        exchange.settle(orders, new bytes[](3), swap(100, 80));
    }

    function test_reverts_when_there_is_no_such_order() public {
        bytes4 noSuchOrder = IPointsExchange.NoSuchOrder.selector;
        settleReverts(_pair(), moves(3, 0, 1), abi.encodeWithSelector(noSuchOrder, 3));
        settleReverts(_pair(), moves(0, 3, 1), abi.encodeWithSelector(noSuchOrder, 3));
        settleReverts(_pair(), moves(2, 3, 1), abi.encodeWithSelector(noSuchOrder, 3));
        uint256 last = type(uint256).max;
        settleReverts(_pair(), moves(last, 0, 1), abi.encodeWithSelector(noSuchOrder, last));
        settleReverts(_pair(), moves(0, last, 1), abi.encodeWithSelector(noSuchOrder, last));
    }

    /// From the sender to the sender there is nothing to settle.
    function test_reverts_when_the_sender_is_both_ends() public {
        settleReverts(
            _pair(), moves(2, 2, 1), abi.encodeWithSelector(IPointsExchange.NoSuchOrder.selector, 2)
        );
    }

    function test_reverts_when_a_transfer_is_out_of_range() public {
        settleReverts(_pair(), swap(0, 80), abi.encodeWithSelector(_OUT_OF_RANGE, 0));
        settleReverts(_pair(), swap(100, 1 << 128), abi.encodeWithSelector(_OUT_OF_RANGE, 1 << 128));
        // One below is refused for another reason.
        uint256 largest = (1 << 128) - 1;
        IPointsExchange.Order[] memory orders = _pair();
        settleReverts(
            orders,
            swap(largest, 80),
            abi.encodeWithSelector(IPointsExchange.NotWhole.selector, digest(orders[0]), largest, 100)
        );
    }

    function test_reverts_when_an_order_is_out_of_range() public {
        for (uint256 i = 0; i < 2; ++i) {
            IPointsExchange.Order[] memory orders = _pair();
            orders[i].giveAmount = 0;
            settleReverts(orders, swap(100, 80), abi.encodeWithSelector(_OUT_OF_RANGE, 0));
            orders[i].giveAmount = 1 << 128;
            settleReverts(orders, swap(100, 80), abi.encodeWithSelector(_OUT_OF_RANGE, 1 << 128));
            orders = _pair();
            orders[i].wantAmount = 0;
            settleReverts(orders, swap(100, 80), abi.encodeWithSelector(_OUT_OF_RANGE, 0));
            orders[i].wantAmount = 1 << 128;
            settleReverts(orders, swap(100, 80), abi.encodeWithSelector(_OUT_OF_RANGE, 1 << 128));
        }
    }

    /// Many transfers may add up to more than any order says.
    function test_reverts_when_more_is_received_than_fits() public {
        uint256 largest = (1 << 128) - 1;
        address generous = address(new FallbackMock(abi.encode(true)));
        IPointsExchange.Order memory order =
            wanting(points(alice, acme, 100, beta, largest), generous, POINTS, 0);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](3);
        transfers[0] = IPointsExchange.Transfer(0, 1, 100);
        transfers[1] = IPointsExchange.Transfer(1, 0, largest);
        transfers[2] = IPointsExchange.Transfer(1, 0, 1);
        settleAsReverts(bob, list(order), transfers, abi.encodeWithSelector(_OUT_OF_RANGE, 1 << 128));
        transfers[1].amount = largest - 1;
        settleAs(bob, list(order), transfers);
    }

    function test_reverts_when_assets_differ() public {
        bytes memory second = abi.encodeWithSelector(IPointsExchange.AssetsDiffer.selector, 1);
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].wantToken = address(brands[2]);
        settleReverts(orders, swap(100, 80), second);
        orders = _pair();
        wanting(orders[0], address(beta), ERC20, 0);
        settleReverts(orders, swap(100, 80), second);
        orders = _pair();
        giving(orders[1], address(coupons), ERC1155, 7);
        wanting(orders[0], address(coupons), ERC1155, 8);
        settleReverts(orders, swap(100, 80), second);
    }

    function test_reverts_when_both_ends_are_one_account() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(alice, beta, 80, acme, 100));
        bytes memory reason = abi.encodeWithSelector(IPointsExchange.SameParty.selector, alice);
        settleReverts(orders, swap(100, 80), reason);
        // As the sender she is her own other side in the same way, giving and receiving.
        settleAsReverts(alice, list(orders[0]), moves(0, 1, 100), reason);
        settleAsReverts(alice, list(orders[0]), moves(1, 0, 80), reason);
        settleAsReverts(
            alice,
            list(orders[0]),
            moves(0, 0, 80),
            abi.encodeWithSelector(IPointsExchange.AssetsDiffer.selector, 0)
        );
    }

    function test_reverts_when_an_order_trades_a_thing_for_itself() public {
        bytes4 same = IPointsExchange.SameAsset.selector;
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, acme, 80), points(bob, acme, 80, acme, 100));
        settleReverts(orders, swap(100, 80), abi.encodeWithSelector(same, address(acme)));
        giving(orders[0], address(coupons), ERC1155, 7);
        wanting(orders[0], address(coupons), ERC1155, 7);
        settleAsReverts(bob, list(orders[0]), swap(100, 80), abi.encodeWithSelector(same, address(coupons)));
        // Under two kinds a token stays one token.
        giving(orders[0], address(acme), POINTS, 0);
        wanting(orders[0], address(acme), ERC20, 0);
        settleAsReverts(bob, list(orders[0]), swap(100, 80), abi.encodeWithSelector(same, address(acme)));
    }

    function test_reverts_when_a_kind_is_unknown() public {
        IPointsExchange.Order memory order = giving(points(alice, acme, 100, beta, 80), address(acme), 3, 0);
        bytes4 unknown = IPointsExchange.UnknownKind.selector;
        settleAsReverts(bob, list(order), swap(100, 80), abi.encodeWithSelector(unknown, 3));
        giving(order, address(acme), POINTS, 0);
        wanting(order, address(beta), 255, 0);
        settleAsReverts(bob, list(order), swap(100, 80), abi.encodeWithSelector(unknown, 255));
        takeAsReverts(bob, order, 100, abi.encodeWithSelector(unknown, 255));
    }

    /// A digest stands for one order: words that are too large for their types are refused, whoever signed them.
    function test_reverts_when_a_word_is_too_large() public {
        CallbackMock wallet = new CallbackMock();
        vm.prank(alice);
        acme.transfer(address(wallet), 100);
        bytes memory words = abi.encode(inParts(points(address(wallet), acme, 100, beta, 80)));
        for (uint256 i = 0; i < 15; ++i) {
            bytes memory changed = bytes.concat(words);
            bytes4 reason = IPointsExchange.MalformedOrder.selector;
            bytes memory data;
            if (i == 0 || i == 1 || i == 5 || i == 11) {
                // The lowest bit that does not belong to an address.
                changed[32 * i + 11] = 0x01;
            } else if (i == 2 || i == 6) {
                // A kind of 256.
                changed[32 * i + 30] = 0x01;
                (reason, data) = (IPointsExchange.UnknownKind.selector, abi.encode(256));
            } else if (i == 14) {
                changed[32 * i + 31] = 0x02;
            } else {
                continue;
            }
            // As one taken, and as one of a settlement. A word that names no account is not the one it resembles.
            (bool done, bytes memory answer) = _send(bob, _takeCall(changed));
            assertFalse(done);
            if (i != 11) assertEq(answer, bytes.concat(reason, data));
            (done, answer) = _send(bob, _settleCall(changed));
            assertFalse(done);
            if (i != 11) assertEq(answer, bytes.concat(reason, data));
        }
        (bool well,) = _send(bob, _takeCall(words));
        assertTrue(well);
        (well,) = _send(bob, _settleCall(words));
        assertTrue(well);
        assertEq(acme.balanceOf(bob), 4 * LOT + 20);
    }

    function _send(address sender, bytes memory call) private returns (bool done, bytes memory answer) {
        vm.prank(sender);
        return address(exchange).call(call);
    }

    /// @dev Ten units of an order in raw words, without a signature.
    function _takeCall(bytes memory words) private view returns (bytes memory) {
        return abi.encodePacked(
            exchange.take.selector, words, abi.encode(uint256(0x240), uint256(10), uint256(0), uint256(0))
        );
    }

    function _settleCall(bytes memory words) private view returns (bytes memory) {
        return abi.encodePacked(
            exchange.settle.selector,
            abi.encode(uint256(0x60), uint256(0x260), uint256(0x2c0), uint256(1)),
            words,
            abi.encode(uint256(1), uint256(0x20), uint256(0)),
            abi.encode(uint256(2), uint256(0), uint256(1), uint256(10), uint256(1), uint256(0), uint256(8))
        );
    }

    function test_reverts_when_points_or_money_have_an_id() public {
        bytes memory reason = abi.encodeWithSelector(IPointsExchange.IdNotZero.selector, 1);
        for (uint8 kind = POINTS; kind <= ERC20; ++kind) {
            IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
            giving(order, address(acme), kind, 1);
            settleAsReverts(bob, list(order), swap(100, 80), reason);
            giving(order, address(acme), kind, 0);
            wanting(order, address(beta), kind, 1);
            settleAsReverts(bob, list(order), swap(100, 80), reason);
        }
    }

    function test_reverts_when_something_without_lots_is_bounded() public {
        bytes memory reason = abi.encodeWithSelector(IPointsExchange.BoundNotZero.selector, 1);
        for (uint8 kind = ERC20; kind <= ERC1155; ++kind) {
            IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
            giving(order, address(acme), kind, 0);
            order.givePointsExpiringBy = 1;
            settleAsReverts(bob, list(order), swap(100, 80), reason);
            giving(order, address(acme), POINTS, 0);
            wanting(order, address(beta), kind, 0);
            (order.givePointsExpiringBy, order.wantPointsLivingUntil) = (0, 1);
            settleAsReverts(bob, list(order), swap(100, 80), reason);
        }
    }

    function test_deadline_to_the_second() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        for (uint256 i = 0; i < 2; ++i) {
            vm.warp(order.openUntil - 1 + i);
            settleAs(bob, list(order), swap(10, 8));
        }
        vm.warp(order.openUntil + 1);
        settleAsReverts(
            bob,
            list(order),
            swap(10, 8),
            abi.encodeWithSelector(IPointsExchange.OrderExpired.selector, order.openUntil)
        );
    }

    function test_reverts_when_not_signed_by_the_maker() public {
        IPointsExchange.Order[] memory orders = _pair();
        bytes[] memory signatures = sign(orders);
        bytes memory reason =
            abi.encodeWithSelector(IPointsExchange.NotSignedByMaker.selector, bob, digest(orders[1]));
        signatures[1] = signDigest(keys[carol], digest(orders[1]));
        vm.expectRevert(reason);
        exchange.settle(orders, signatures, swap(100, 80));
        signatures[1] = "";
        vm.expectRevert(reason);
        exchange.settle(orders, signatures, swap(100, 80));
        // Somebody else's good signature of another order.
        signatures[1] = signatures[0];
        vm.expectRevert(reason);
        exchange.settle(orders, signatures, swap(100, 80));
    }

    /// A signature covers every field of an order.
    function test_reverts_when_any_field_was_changed() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        bytes memory signature = sign(order);
        bytes memory words = abi.encode(order);
        for (uint256 i = 0; i < 15; ++i) {
            bytes memory changed = bytes.concat(words);
            // The flag can only become false; all else grows by one, which stays well-formed.
            changed[32 * i + 31] = i == 14 ? bytes1(0) : bytes1(uint8(changed[32 * i + 31]) ^ 1);
            IPointsExchange.Order memory forged = abi.decode(changed, (IPointsExchange.Order));
            assertTrue(digest(forged) != digest(order));
            vm.prank(bob);
            vm.expectPartialRevert(_reasonToRefuse(i));
            exchange.take(forged, signature, 100, 0);
        }
        vm.prank(bob);
        exchange.take(order, signature, 100, 0);
    }

    /// @dev Three fields are refused before the signature is looked at.
    function _reasonToRefuse(uint256 field) private pure returns (bytes4) {
        if (field == 3 || field == 7) return IPointsExchange.IdNotZero.selector;
        if (field == 11) return IPointsExchange.OnlyTaker.selector;
        return IPointsExchange.NotSignedByMaker.selector;
    }

    function test_reverts_when_a_whole_order_gives_less_or_more() public {
        bytes4 notWhole = IPointsExchange.NotWhole.selector;
        IPointsExchange.Order[] memory orders = _pair();
        settleReverts(orders, swap(99, 80), abi.encodeWithSelector(notWhole, digest(orders[0]), 99, 100));
        settleReverts(orders, swap(101, 80), abi.encodeWithSelector(notWhole, digest(orders[0]), 101, 100));
    }

    function test_reverts_when_a_partial_order_gives_nothing() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        bytes memory reason = abi.encodeWithSelector(_OUT_OF_RANGE, 0);
        settleAsReverts(bob, list(order), new IPointsExchange.Transfer[](0), reason);
        settleAsReverts(bob, list(order), moves(1, 0, 80), reason);
    }

    function test_reverts_below_the_price() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[1].giveAmount = 79;
        settleReverts(
            orders,
            swap(100, 79),
            abi.encodeWithSelector(IPointsExchange.BelowPrice.selector, digest(orders[0]), 100, 79)
        );
        // A gift back is fine.
        orders[1].giveAmount = 81;
        settle(orders, swap(100, 81));
    }

    function test_reverts_when_a_whole_order_stands_there_twice() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 100);
        transfers[1] = IPointsExchange.Transfer(2, 0, 80);
        transfers[2] = IPointsExchange.Transfer(1, 2, 100);
        transfers[3] = IPointsExchange.Transfer(2, 1, 80);
        settleAsReverts(
            bob,
            list(order, order),
            transfers,
            abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, order.nonce)
        );
    }

    function test_reverts_when_settled_again() public {
        IPointsExchange.Order[] memory orders = _pair();
        settle(orders, swap(100, 80));
        settleReverts(
            orders, swap(100, 80), abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, orders[0].nonce)
        );
    }

    function test_reverts_when_a_maker_has_moved_her_points() public {
        IPointsExchange.Order[] memory orders = _pair();
        vm.prank(bob);
        beta.transfer(stranger, 4 * LOT - 79);
        settleReverts(
            orders,
            swap(100, 80),
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, bob, 79, 80)
        );
        // It concerns that settlement only: the nonces are as they were.
        assertEq(exchange.remainingOf(orders[0]), 100);
    }

    function test_reverts_when_a_maker_switched_the_exchange_off() public {
        IPointsExchange.Order[] memory orders = _pair();
        vm.prank(alice);
        acme.approve(address(exchange), 0);
        settleReverts(
            orders, swap(100, 80), abi.encodeWithSelector(ILoyaltyToken.ExchangeSwitchedOff.selector, alice)
        );
    }

    // ------------------------------------------------------------------------------------------- reserved orders

    /// The four combinations: sent by the taker or not, given to the taker or not.
    function test_reserved_and_sent_by_the_taker() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].onlyTaker = bob;
        settleAs(bob, list(orders[0]), swap(100, 80));
        // The taker sends, somebody else receives: as if he had taken and passed on.
        orders = _pair();
        orders[0].onlyTaker = carol;
        settleAs(carol, orders, swap(100, 80));
    }

    function test_reserved_and_given_to_an_order_of_the_taker() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].onlyTaker = bob;
        orders[1].onlyTaker = alice;
        settle(orders, swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
    }

    function test_reverts_when_a_relay_is_neither_taker_nor_gives_to_him() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].onlyTaker = carol;
        bytes4 onlyTaker = IPointsExchange.OnlyTaker.selector;
        settleReverts(orders, swap(100, 80), abi.encodeWithSelector(onlyTaker, carol, bob));
        settleAsReverts(bob, list(orders[0]), swap(100, 80), abi.encodeWithSelector(onlyTaker, carol, bob));
    }

    /// One unit to somebody else is one too many.
    function test_reverts_when_a_part_goes_past_the_taker() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].onlyTaker = bob;
        orders[1].wantAmount = 99;
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](3);
        transfers[0] = IPointsExchange.Transfer(0, 1, 99);
        transfers[1] = IPointsExchange.Transfer(1, 0, 80);
        transfers[2] = IPointsExchange.Transfer(0, 2, 1);
        settleReverts(
            orders, transfers, abi.encodeWithSelector(IPointsExchange.OnlyTaker.selector, bob, relay)
        );
    }

    /// In a ring the taker pays her, but what she gives goes to another.
    function test_reverts_when_another_receives_in_the_takers_place() public {
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](3);
        orders[0] = points(alice, acme, 100, beta, 80);
        orders[1] = points(carol, brands[2], 50, acme, 100);
        orders[2] = points(bob, beta, 80, brands[2], 50);
        orders[0].onlyTaker = bob;
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](3);
        transfers[0] = IPointsExchange.Transfer(0, 1, 100);
        transfers[1] = IPointsExchange.Transfer(1, 2, 50);
        transfers[2] = IPointsExchange.Transfer(2, 0, 80);
        settleReverts(
            orders, transfers, abi.encodeWithSelector(IPointsExchange.OnlyTaker.selector, bob, carol)
        );
        settleAs(bob, list(orders[0]), swap(100, 80));
    }

    /// Nor may somebody else pay her: he would earn the price that was meant for the taker.
    function test_reverts_when_another_pays_her_in_the_takers_place() public {
        IPointsExchange.Order[] memory orders = _pair();
        orders[0].onlyTaker = bob;
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](3);
        transfers[0] = IPointsExchange.Transfer(0, 1, 100);
        transfers[1] = IPointsExchange.Transfer(2, 0, 80);
        transfers[2] = IPointsExchange.Transfer(1, 2, 80);
        bytes4 onlyTaker = IPointsExchange.OnlyTaker.selector;
        settleAsReverts(carol, orders, transfers, abi.encodeWithSelector(onlyTaker, bob, carol));
        IPointsExchange.Order[] memory three = new IPointsExchange.Order[](3);
        (three[0], three[1], three[2]) = (orders[0], orders[1], points(carol, beta, 80, acme, 1));
        three[1].wantAmount = 99;
        transfers[1] = IPointsExchange.Transfer(2, 0, 80);
        settleReverts(three, transfers, abi.encodeWithSelector(onlyTaker, bob, carol));
        settleAs(bob, list(orders[0]), swap(100, 80));
    }

    // ------------------------------------------------------------------------------------------------ the views

    function test_digest_is_that_of_the_message() public {
        IPointsExchange.Order[] memory orders = _pair();
        assertEq(exchange.digestOf(orders[0]), digest(orders[0]));
        assertEq(exchange.DOMAIN_SEPARATOR(), domain("Troc Exchange", address(exchange)));
    }

    function testFuzz_digest_is_that_of_the_message(IPointsExchange.Order memory order) public view {
        assertEq(exchange.digestOf(order), digest(order));
    }

    function test_remaining_and_words() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        whole.nonce = wholeNonce(5, 0, 223);
        assertEq(exchange.remainingOf(whole), 100);
        takeAs(bob, whole, 100);
        assertEq(exchange.remainingOf(whole), 0);
        assertEq(exchange.wholeWordOf(alice, 5), 1 << 223);
        IPointsExchange.Order memory parts = inParts(points(alice, acme, 100, beta, 80));
        parts.nonce = partialNonce(5, 0);
        takeAs(bob, parts, 40);
        assertEq(exchange.remainingOf(parts), 60);
        assertEq(exchange.partialWordOf(alice, 5), 40);
        assertEq(exchange.partialWordOf(bob, 5), 0);
    }
}
