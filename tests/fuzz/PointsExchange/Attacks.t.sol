// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {DelegateMock} from "../../../contracts/mocks/DelegateMock.sol";
import {OddWalletMock} from "../../../contracts/mocks/OddWalletMock.sol";
import {SafeMock} from "../../../contracts/mocks/SafeMock.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// @notice What somebody could try against the exchange, by the numbers of the list of attacks in docs/threats.md.
contract PointsExchangeAttacksTest is ExchangeTest {
    bytes4 private immutable _NOT_SIGNED = IPointsExchange.NotSignedByMaker.selector;

    // ------------------------------------------------------------------------------- 1 to 4: foreign signatures

    function test_attack_01_signature_of_another_chain() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        bytes memory signature = sign(order);
        bytes memory some = signCancel(CANCEL_TYPE, alice, list(0), none());
        bytes memory all = signCancel(CANCEL_ALL_TYPE, alice, list(0), none());
        vm.chainId(block.chainid + 1);
        assertEq(exchange.DOMAIN_SEPARATOR(), domain("Troc Exchange", address(exchange)));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, alice, digest(order)));
        exchange.take(order, signature, 100, 0);
        vm.expectPartialRevert(_NOT_SIGNED);
        exchange.cancelFor(alice, list(0), none(), some);
        vm.expectPartialRevert(_NOT_SIGNED);
        exchange.cancelAllFor(alice, list(0), none(), all);
        // On the other side of the fork the maker can sign anew.
        takeAs(bob, order, 100);
    }

    function test_attack_02_signature_for_another_deployment() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        bytes memory signature = signDigest(keys[alice], digestFor(order, address(new PointsExchange())));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, alice, digest(order)));
        exchange.take(order, signature, 100, 0);
    }

    function test_attack_03_two_forms_of_one_signature() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[alice], digest(order));
        bytes memory short = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        uint256 n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory mirrored = abi.encodePacked(r, n - uint256(s), v == 27 ? uint8(28) : uint8(27));
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, alice, digest(order)));
        exchange.take(order, mirrored, 100, 0);
        uint256 snapshot = vm.snapshotState();
        exchange.take(order, short, 100, 0);
        vm.revertToState(snapshot);
        exchange.take(order, abi.encodePacked(r, s, v), 100, 0);
        // The other form of the same signature is the same order.
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, order.nonce));
        exchange.take(order, short, 100, 0);
        vm.stopPrank();
    }

    function test_attack_04_a_maker_of_zero() public {
        IPointsExchange.Order memory order = points(address(0), acme, 100, beta, 80);
        bytes memory reason = abi.encodeWithSelector(_NOT_SIGNED, address(0), digest(order));
        bytes[3] memory signatures = [bytes(""), new bytes(64), new bytes(65)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(bob);
            vm.expectRevert(reason);
            exchange.take(order, signatures[i], 100, 0);
            vm.expectPartialRevert(_NOT_SIGNED);
            exchange.cancelFor(address(0), list(0), none(), signatures[i]);
        }
    }

    // --------------------------------------------------------------------------------- 7, 8, 18: races, replays

    /// Before: at most the signed terms. After: nothing.
    function test_attack_07_cancelling_raced_by_filling() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        bytes memory cancellation = signCancel(CANCEL_TYPE, alice, none(), list(order.nonce));
        takeAs(bob, order, 60);
        exchange.cancelFor(alice, none(), list(order.nonce), cancellation);
        takeAsReverts(
            bob, order, 1, abi.encodeWithSelector(Nonces.Overfilled.selector, alice, order.nonce, 0, 1)
        );
        assertEq(beta.balanceOf(alice), 4 * LOT + 48);
        assertEq(acme.balanceOf(alice), 4 * LOT - 60);
    }

    function test_attack_08_the_same_order_again_and_again() public {
        IPointsExchange.Order memory whole = points(alice, acme, 100, beta, 80);
        // Another order with the same nonce is the same right, spent once.
        IPointsExchange.Order memory twin = points(alice, acme, 90, beta, 80);
        twin.nonce = whole.nonce;
        takeAs(bob, whole, 100);
        bytes memory used = abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, whole.nonce);
        takeAsReverts(bob, whole, 100, used);
        takeAsReverts(bob, twin, 90, used);
        settleAsReverts(bob, list(whole), swap(100, 80), used);
        settleAsReverts(carol, list(twin), swap(90, 80), used);
    }

    /// Whoever copies a settlement from the pool of transactions, the same people are paid.
    function test_attack_18_a_copied_settlement() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(bob, beta, 80, acme, 100));
        settleAs(stranger, orders, swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
        assertEq(acme.balanceOf(stranger) + beta.balanceOf(stranger), 0);
        settleReverts(
            orders, swap(100, 80), abi.encodeWithSelector(Nonces.NonceUsed.selector, alice, orders[0].nonce)
        );
    }

    // --------------------------------------------------------------------------------- 19, 20: wallets with code

    function test_attack_19_a_wallet_that_says_yes_and_then_no() public {
        OddWalletMock wallet = new OddWalletMock();
        vm.prank(alice);
        acme.transfer(address(wallet), 200);
        IPointsExchange.Order memory order = inParts(points(address(wallet), acme, 100, beta, 80));
        vm.startPrank(bob);
        exchange.take(order, "", 60, 0);
        wallet.setAnswer(OddWalletMock.Answer.No);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, address(wallet), digest(order)));
        exchange.take(order, "", 40, 0);
        vm.stopPrank();
        // What was settled stays settled, at the price that held then.
        assertEq(beta.balanceOf(address(wallet)), 48);
        assertEq(acme.balanceOf(bob), 4 * LOT + 60);
        assertEq(exchange.remainingOf(order), 40);
    }

    /// All signatures are asked for before anything moves, so within a settlement a wallet cannot change its mind.
    function test_attack_19_a_wallet_that_would_change_its_mind_within_a_settlement() public {
        OddWalletMock wallet = new OddWalletMock();
        vm.prank(alice);
        acme.transfer(address(wallet), 100);
        wallet.setAnswer(OddWalletMock.Answer.YesUntilMoved);
        wallet.setCall(address(acme), abi.encodeCall(acme.balanceOf, (address(wallet))));
        IPointsExchange.Order[] memory orders =
            list(points(address(wallet), acme, 100, beta, 80), points(address(wallet), beta, 10, acme, 10));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 100);
        transfers[1] = IPointsExchange.Transfer(2, 0, 80);
        transfers[2] = IPointsExchange.Transfer(2, 1, 10);
        transfers[3] = IPointsExchange.Transfer(1, 2, 10);
        vm.prank(bob);
        exchange.settle(orders, new bytes[](2), transfers);
        assertEq(acme.balanceOf(address(wallet)), 10);
    }

    /// A wallet is asked by a call that can change nothing.
    function test_attack_19_a_wallet_that_calls_back_while_it_is_asked() public {
        OddWalletMock wallet = new OddWalletMock();
        vm.prank(alice);
        acme.transfer(address(wallet), 200);
        IPointsExchange.Order memory order = points(address(wallet), acme, 100, beta, 80);
        IPointsExchange.Order memory other = points(carol, beta, 10, acme, 10);
        bytes[3] memory calls = [
            abi.encodeCall(exchange.take, (other, sign(other), 10, 0)),
            abi.encodeCall(exchange.cancel, (list(0), none())),
            abi.encodeCall(acme.transfer, (stranger, 1))
        ];
        wallet.setAnswer(OddWalletMock.Answer.CallsBack);
        for (uint256 i = 0; i < 3; ++i) {
            wallet.setCall(i == 2 ? address(acme) : address(exchange), calls[i]);
            vm.prank(bob);
            vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, address(wallet), digest(order)));
            // What is forbidden burns the gas that it was given.
            exchange.take{gas: 5_000_000}(order, "", 100, 0);
        }
        // Reading is allowed, and says what holds.
        wallet.setCall(address(exchange), abi.encodeCall(exchange.remainingOf, (order)));
        vm.prank(bob);
        exchange.take(order, "", 100, 0);
    }

    function test_attack_19_a_safe_trades_by_its_owners_signatures() public {
        address[] memory owners = new address[](2);
        (owners[0], owners[1]) = alice < bob ? (alice, bob) : (bob, alice);
        SafeMock safe = new SafeMock(owners, 2);
        vm.prank(alice);
        acme.transfer(address(safe), 100);
        IPointsExchange.Order memory order = points(address(safe), acme, 100, beta, 80);
        bytes32 signed = safe.signedHashOf(digest(order));
        bytes memory signature =
            bytes.concat(signDigest(keys[owners[0]], signed), signDigest(keys[owners[1]], signed));
        vm.prank(carol);
        exchange.take(order, signature, 100, 0);
        assertEq(beta.balanceOf(address(safe)), 80);
    }

    /// An account that borrowed code signs with its own key, and the key that it named signs too until it is taken back.
    function test_attack_20_a_delegated_account() public {
        vm.etch(alice, address(new DelegateMock()).code);
        address second = account("second");
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        takeAs(bob, order, 10);
        bytes memory bySecond = signDigest(keys[second], digest(order));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, alice, digest(order)));
        exchange.take(order, bySecond, 10, 0);
        vm.prank(alice);
        DelegateMock(alice).allow(second, true);
        vm.prank(bob);
        exchange.take(order, bySecond, 10, 0);
        vm.prank(alice);
        DelegateMock(alice).allow(second, false);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(_NOT_SIGNED, alice, digest(order)));
        exchange.take(order, bySecond, 10, 0);
        // She cancels and takes like anybody.
        bytes memory cancellation = signCancel(CANCEL_TYPE, alice, none(), list(order.nonce));
        exchange.cancelFor(alice, none(), list(order.nonce), cancellation);
        assertEq(takeAs(alice, points(bob, beta, 10, acme, 10), 10), 10);
    }

    /// Nothing asks who began the transaction.
    function test_attack_20_the_origin_of_a_transaction_is_nobody() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        order.onlyTaker = bob;
        bytes memory signature = sign(order);
        vm.prank(stranger, bob);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.OnlyTaker.selector, bob, stranger));
        exchange.take(order, signature, 100, 0);
        vm.prank(bob, alice);
        exchange.take(order, signature, 100, 0);
    }

    // ------------------------------------------------------------------------------- 21 to 23: terms of an order

    function test_attack_21_a_blank_order() public {
        IPointsExchange.Order memory order;
        bytes4 outOfRange = IPointsExchange.AmountOutOfRange.selector;
        takeAsReverts(bob, order, 0, abi.encodeWithSelector(outOfRange, 0));
        takeAsReverts(bob, order, 1, abi.encodeWithSelector(outOfRange, 0));
        order.maker = alice;
        order.openUntil = type(uint256).max;
        takeAsReverts(bob, order, 1, abi.encodeWithSelector(outOfRange, 0));
        settleAsReverts(
            bob, list(order), new IPointsExchange.Transfer[](0), abi.encodeWithSelector(outOfRange, 0)
        );
        // With amounts and nothing else it names one and the same thing twice.
        (order.giveAmount, order.wantAmount) = (1, 1);
        takeAsReverts(bob, order, 1, abi.encodeWithSelector(IPointsExchange.SameAsset.selector, address(0)));
    }

    /// A solver, with an order of its own in the settlement and as its sender, takes what is over. However it shares
    /// that out, each maker gives what she signed and gets at least her price, or nothing happens.
    function testFuzz_attack_22_a_solvers_own_order(uint64[5] memory seeds) public {
        uint256 give = bound(seeds[0], 2, LOT);
        uint256 want = bound(seeds[1], 1, LOT);
        uint256 enough = bound(seeds[2], 1, give - 1);
        uint256 toAlice = bound(seeds[3], 1, 2 * want);
        uint256 toBob = bound(seeds[4], 1, give - 1);
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](3);
        orders[0] = points(alice, acme, give, beta, want);
        orders[1] = points(bob, beta, 2 * want + 1, acme, enough);
        orders[2] = points(carol, brands[2], 1, acme, 1);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](5);
        transfers[0] = IPointsExchange.Transfer(0, 1, toBob);
        transfers[1] = IPointsExchange.Transfer(0, 2, give - toBob);
        transfers[2] = IPointsExchange.Transfer(1, 0, toAlice);
        transfers[3] = IPointsExchange.Transfer(1, 3, 2 * want + 1 - toAlice);
        transfers[4] = IPointsExchange.Transfer(2, 3, 1);
        bytes[] memory signatures = sign(orders);
        bool fair = toAlice >= want && toBob >= enough;
        vm.prank(relay);
        if (!fair) vm.expectPartialRevert(IPointsExchange.BelowPrice.selector);
        exchange.settle(orders, signatures, transfers);
        assertEq(acme.balanceOf(alice), 4 * LOT - (fair ? give : 0));
        assertEq(beta.balanceOf(alice), 4 * LOT + (fair ? toAlice : 0));
        assertEq(acme.balanceOf(bob), 4 * LOT + (fair ? toBob : 0));
        assertEq(beta.balanceOf(bob), 4 * LOT - (fair ? 2 * want + 1 : 0));
    }

    function test_attack_22_one_makers_surplus_does_not_pay_another() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(carol, acme, 100, beta, 80));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](4);
        transfers[0] = IPointsExchange.Transfer(0, 2, 100);
        transfers[1] = IPointsExchange.Transfer(1, 2, 100);
        transfers[2] = IPointsExchange.Transfer(2, 0, 81);
        transfers[3] = IPointsExchange.Transfer(2, 1, 79);
        settleAsReverts(
            bob,
            orders,
            transfers,
            abi.encodeWithSelector(IPointsExchange.BelowPrice.selector, digest(orders[1]), 100, 79)
        );
    }

    /// Paid with what another order in the list wants, not with what she wants.
    function test_attack_22_paid_in_another_thing() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(bob, brands[2], 80, acme, 100));
        settleReverts(orders, swap(100, 80), abi.encodeWithSelector(IPointsExchange.AssetsDiffer.selector, 1));
    }

    function test_attack_23_maker_and_taker_the_same() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        bytes memory same = abi.encodeWithSelector(IPointsExchange.SameParty.selector, alice);
        takeAsReverts(alice, order, 100, same);
        settleAsReverts(alice, list(order), swap(100, 80), same);
        settleReverts(list(order, points(alice, beta, 80, acme, 100)), swap(100, 80), same);
    }

    // -------------------------------------------------------------------------------- 24 to 26: dust, time, lots

    function test_attack_24_a_thousand_dust_lots() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        takeAs(bob, order, 1);
        uint256 before = _gasOfTaking(order);
        for (uint256 i = 0; i < 1_000; ++i) {
            vm.prank(bob);
            acme.transferAtEpoch(i % 4, alice, 1);
        }
        assertEq(acme.balanceOf(alice), 4 * LOT + 1_000 - 11);
        assertLt(_gasOfTaking(order), before + 2_000);
    }

    /// @dev Of ten units, which go back afterwards.
    function _gasOfTaking(IPointsExchange.Order memory order) private returns (uint256 gas) {
        bytes memory signature = sign(order);
        vm.prank(bob);
        gas = gasleft();
        exchange.take(order, signature, 10, 0);
        gas -= gasleft();
        vm.prank(bob);
        acme.transfer(alice, 10);
        vm.prank(alice);
        beta.transfer(bob, 8);
        vm.prank(alice);
        acme.transfer(bob, 10);
    }

    /// A lot is good in the second before its expiry and worth nothing in the second of it.
    function test_attack_25_points_at_their_expiry() public {
        IPointsExchange.Order memory order = inParts(points(alice, acme, LOT, beta, 1));
        order.givePointsExpiringBy = expiry(0);
        order.openUntil = type(uint256).max;
        vm.warp(expiry(0) - 1);
        takeAs(bob, order, 1);
        vm.warp(expiry(0));
        takeAsReverts(
            bob,
            order,
            1,
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, 1, 0, expiry(0))
        );
        vm.warp(expiry(0) + 1);
        takeAsReverts(
            bob,
            order,
            1,
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, 1, 0, expiry(0))
        );
    }

    /// L2 through the exchange: whatever is traded, for each date there are as many points as before.
    function testFuzz_attack_26_no_trade_lengthens_a_life(uint64[8] memory seeds) public {
        (uint256[4] memory acmeBefore,) = _lots();
        for (uint256 i = 0; i < seeds.length; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(seeds[i])));
            IPointsExchange.Order memory order =
                points(customers[seed % 3], acme, 1 + (seed >> 8) % LOT, beta, 1 + (seed >> 24) % LOT);
            order.givePointsExpiringBy = (seed >> 40) % 2 == 0 ? 0 : expiry((seed >> 41) % 4);
            order.wantPointsLivingUntil = (seed >> 44) % 2 == 0 ? 0 : expiry((seed >> 45) % 4) - 1;
            bytes memory signature = sign(order);
            uint256 livingUntil = (seed >> 48) % 2 == 0 ? 0 : expiry((seed >> 49) % 4) - 1;
            vm.prank(customers[3 + (seed >> 52) % 3]);
            try exchange.take(order, signature, order.giveAmount, livingUntil) {} catch {}
        }
        (uint256[4] memory acmeAfter, uint256[4] memory held) = _lots();
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(acmeAfter[i], acmeBefore[i]);
            assertEq(held[i], acmeAfter[i], "balances add up to the supply, lot by lot");
        }
    }

    /// @dev The supply's lots of ACME, and the sum of everybody's.
    function _lots() private view returns (uint256[4] memory supply, uint256[4] memory held) {
        (supply,,,) = acme.liability();
        for (uint256 i = 0; i < 6; ++i) {
            (uint256[4] memory amounts,) = acme.lotsOf(customers[i]);
            for (uint256 j = 0; j < 4; ++j) {
                held[j] += amounts[j];
            }
        }
    }

    // ----------------------------------------------------------------------------- 29: what a brand can and cannot

    /// Whatever a brand does after its customers have signed, their orders settle as they signed them.
    function test_attack_29_a_brand_cannot_stop_its_customers_orders() public {
        IPointsExchange.Order[] memory orders =
            list(points(alice, acme, 100, beta, 80), points(bob, beta, 80, acme, 100));
        vm.startPrank(brand);
        acme.mint(alice, 1);
        acme.setGrant(stranger, 1, 1_000, 0, block.timestamp + 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, brand, 0, 1)
        );
        acme.transferFrom(alice, brand, 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.HandOverInTwoSteps.selector));
        acme.renounceOwnership();
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GiveBackExceeded.selector, alice, bytes32("r"), 0, 1)
        );
        acme.giveBack(alice, "r", 1);
        // It can only switch the exchange off for itself.
        acme.approve(address(exchange), 0);
        vm.stopPrank();
        settle(orders, swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
    }

    // ------------------------------------------------------------------------------- holes of earlier drafts

    /// With a floor alone, a taker of old points' price could strip a maker of her fresh ones: she sells the 1,000 that
    /// expire next, spends them, and whoever takes the order then must not get others.
    function test_hole_a_taker_who_strips_a_maker_of_fresh_points() public {
        IPointsExchange.Order memory order = points(alice, acme, LOT, beta, 1);
        order.givePointsExpiringBy = expiry(0);
        vm.prank(alice);
        acme.transferAtEpoch(0, carol, 1);
        takeAsReverts(
            bob,
            order,
            LOT,
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, alice, LOT - 1, LOT, 0, expiry(0)
            )
        );
        IPointsExchange.Order memory fresh = points(bob, beta, 1, acme, LOT);
        fresh.wantPointsLivingUntil = expiry(2);
        settleReverts(
            list(order, fresh),
            swap(LOT, 1),
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, alice, 0, LOT, expiry(2), expiry(0)
            )
        );
    }

    function test_hole_a_whole_order_burned_by_an_empty_fill() public {
        IPointsExchange.Order memory order = points(alice, acme, 100, beta, 80);
        bytes memory reason = abi.encodeWithSelector(IPointsExchange.NotWhole.selector, digest(order), 0, 100);
        settleAsReverts(stranger, list(order), new IPointsExchange.Transfer[](0), reason);
        takeAsReverts(stranger, order, 0, reason);
        assertEq(exchange.remainingOf(order), 100);
    }

    /// A balance's flag is no part of it: switched off and on again, a holder trades as if nothing had been.
    function test_hole_a_flag_read_as_points() public {
        vm.startPrank(alice);
        acme.approve(address(exchange), 0);
        acme.approve(address(exchange), type(uint256).max);
        vm.stopPrank();
        vm.prank(bob);
        acme.approve(address(exchange), 0);
        takeAs(bob, points(alice, acme, 4 * LOT, beta, 1), 4 * LOT);
        assertEq(acme.balanceOf(alice), 0);
        assertEq(acme.balanceOf(bob), 8 * LOT);
        assertEq(acme.allowance(bob, address(exchange)), 0);
    }
}
