// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Points are redeemed once for a receipt, the oldest first, and come back only as old as they would be by now.
contract RedemptionTest is LoyaltyTokenTest {
    function _giveBack(address holder, bytes32 receiptId, uint256 amount) private {
        vm.prank(brand);
        token.giveBack(holder, receiptId, amount);
    }

    function _giveBackFrom(uint256 id, address holder, bytes32 receiptId, uint256 amount) private {
        vm.prank(issuer);
        token.giveBackFrom(id, holder, receiptId, amount);
    }

    function _expectExceeded(address holder, bytes32 receiptId, uint256 left, uint256 needed) private {
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GiveBackExceeded.selector, holder, receiptId, left, needed)
        );
    }

    function _assertRedemption(bytes32 receiptId, uint256[4] memory left) private view {
        (bool exists, uint256[4] memory amounts, uint256[4] memory expiries) =
            token.redemptionOf(customer, receiptId);
        assertTrue(exists);
        _assertSame(amounts, left, "redemption");
        (, uint256[4] memory wanted) = token.lotsOf(customer);
        _assertSame(expiries, wanted, "expiries");
    }

    // --------------------------------------------------------------------------------------------- redeem

    function test_redeems_the_oldest_first_and_remembers_the_lots() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, address(0), 35);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Redeemed(customer, "receipt", 35, customer);
        _redeem(customer, 35, "receipt");
        _assertLots(customer, 0, 0, 25, 40);
        _assertRedemption("receipt", [uint256(10), 20, 5, 0]);
        _assertTotals(100, 65, 35, 0);
    }

    function test_tells_of_no_redemption_where_there_is_none() public view {
        (bool exists, uint256[4] memory amounts,) = token.redemptionOf(customer, "receipt");
        assertFalse(exists);
        _assertSame(amounts, [uint256(0), 0, 0, 0], "redemption");
    }

    function test_revertWhen_nothing_is_redeemed() public {
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _redeem(customer, 0, "receipt");
    }

    function test_revertWhen_the_receipt_is_missing() public {
        _mint(customer, 10);
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        _redeem(customer, 1, 0);
    }

    function test_revertWhen_one_point_is_missing() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 100, 101)
        );
        _redeem(customer, 101, "receipt");
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 100, MAX)
        );
        _redeem(customer, MAX, "receipt");
        _redeem(customer, 100, "receipt");
        _assertLots(customer, 0, 0, 0, 0);
        assertEq(token.totalSupply(), 0);
    }

    /// @notice Attack 8: one receipt is redeemed once, also after all of it was given back or has expired.
    function test_revertWhen_receipt_was_used() public {
        _mint(customer, 10);
        _mint(buyer, 10);
        _redeem(customer, 5, "receipt");
        _expectUsed();
        _redeem(customer, 1, "receipt");
        _giveBack(customer, "receipt", 5);
        _expectUsed();
        _redeem(customer, 1, "receipt");
        _enter(1);
        _mint(customer, 10);
        _enter(4);
        _expectUsed();
        _redeem(customer, 1, "receipt");
        // Another holder's receipts are her own.
        _enter(3);
        _redeem(buyer, 5, "receipt");
        assertEq(token.balanceOf(buyer), 5);
    }

    function _expectUsed() private {
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReceiptUsed.selector, customer, bytes32("receipt"))
        );
    }

    function test_redeems_in_the_last_second_and_not_after() public {
        _mint(customer, 10);
        vm.warp(token.expiryOf(0) - 1);
        _redeem(customer, 4, "in time");
        vm.warp(token.expiryOf(0));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 0, 1)
        );
        _redeem(customer, 1, "late");
        _assertTotals(10, 0, 4, 6);
    }

    // -------------------------------------------------------------------------------------------- giveBack

    function test_gives_back_the_youngest_first_into_the_lots_they_came_from() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _redeem(customer, 70, "receipt");
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 35);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GivenBack(customer, "receipt", 35);
        _giveBack(customer, "receipt", 35);
        _assertLots(customer, 0, 0, 25, 40);
        _assertRedemption("receipt", [uint256(10), 20, 5, 0]);
        _assertTotals(100, 65, 35, 0);
        _giveBack(customer, "receipt", 35);
        _assertLots(customer, 10, 20, 30, 40);
        _assertTotals(100, 100, 0, 0);
    }

    /// @notice L2, attack 26: what comes back has aged as if it had never been redeemed.
    function testFuzz_a_give_back_never_lengthens_life(
        uint56[4] memory seeds,
        uint256 redeemed,
        uint256 back,
        uint8 wait,
        uint8 wait2
    ) public {
        _fill(customer, [uint256(seeds[0]), seeds[1], seeds[2], seeds[3]]);
        vm.assume(token.balanceOf(customer) != 0);
        redeemed = bound(redeemed, 1, token.balanceOf(customer));
        uint256 state = vm.snapshotState();
        _enter(3 + wait % 6);
        uint256[4] memory untouched = _lots(customer);
        vm.revertToState(state);

        _redeem(customer, redeemed, "receipt");
        _enter(3 + wait2 % (1 + wait % 6));
        (, uint256[4] memory left,) = token.redemptionOf(customer, "receipt");
        uint256 alive = left[0] + left[1] + left[2] + left[3];
        back = bound(back, 1, MAX);
        if (back > alive) {
            _expectExceeded(customer, "receipt", alive, back);
            _giveBack(customer, "receipt", back);
            back = alive;
        }
        if (back != 0) _giveBack(customer, "receipt", back);
        _enter(3 + wait % 6);
        uint256[4] memory after_ = _lots(customer);
        for (uint256 i = 0; i < 4; ++i) {
            assertLe(after_[i], untouched[i], "a lot grew");
        }
        assertEq(token.totalSupply(), token.balanceOf(customer), "L1");
        _assertIssuedAndRedeemed(uint256(seeds[0]) + seeds[1] + seeds[2] + seeds[3], redeemed - back);
    }

    function _assertIssuedAndRedeemed(uint256 issued, uint256 redeemed) private view {
        (uint256 issued_,, uint256 redeemed_,) = token.totals();
        assertEq(issued_, issued, "issued");
        assertEq(redeemed_, redeemed, "redeemed");
    }

    function test_what_has_expired_stays_redeemed() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _redeem(customer, 60, "receipt");
        vm.warp(token.expiryOf(1) - 1);
        _assertRedemption("receipt", [uint256(20), 30, 0, 0]);
        _expectExceeded(customer, "receipt", 50, 51);
        _giveBack(customer, "receipt", 51);
        vm.warp(token.expiryOf(1));
        _assertRedemption("receipt", [uint256(30), 0, 0, 0]);
        _expectExceeded(customer, "receipt", 30, 31);
        _giveBack(customer, "receipt", 31);
        _giveBack(customer, "receipt", 30);
        _assertLots(customer, 30, 40, 0, 0);
        _assertTotals(100, 70, 30, 0);
        vm.warp(token.expiryOf(2));
        _assertTotals(100, 40, 30, 30);
        _expectExceeded(customer, "receipt", 0, 1);
        _giveBack(customer, "receipt", 1);
    }

    function test_revertWhen_more_is_given_back_than_was_redeemed() public {
        _mint(customer, 10);
        _redeem(customer, 5, "receipt");
        _expectExceeded(customer, "receipt", 5, 6);
        _giveBack(customer, "receipt", 6);
        _giveBack(customer, "receipt", 2);
        _expectExceeded(customer, "receipt", 3, 4);
        _giveBack(customer, "receipt", 4);
        _giveBack(customer, "receipt", 3);
        _expectExceeded(customer, "receipt", 0, 1);
        _giveBack(customer, "receipt", 1);
        _expectExceeded(customer, "another", 0, 1);
        _giveBack(customer, "another", 1);
        _expectExceeded(buyer, "receipt", 0, 1);
        _giveBack(buyer, "receipt", 1);
        _assertTotals(10, 10, 0, 0);
    }

    function test_revertWhen_nothing_is_given_back() public {
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _giveBack(customer, "receipt", 0);
    }

    function test_revertWhen_somebody_else_gives_back() public {
        _mint(customer, 10);
        _redeem(customer, 5, "receipt");
        address[3] memory others = [customer, issuer, exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(Ownable.Unauthorized.selector);
            vm.prank(others[i]);
            token.giveBack(customer, "receipt", 1);
        }
    }

    /// @notice A give-back into a lot that others filled meanwhile neither spills nor borrows.
    function test_revertWhen_the_lot_was_filled_meanwhile() public {
        _mint(customer, 10);
        _redeem(customer, 10, "receipt");
        _mint(buyer, LANE - 4);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 4, 5));
        _giveBack(customer, "receipt", 5);
        _giveBack(customer, "receipt", 4);
        assertEq(token.totalSupply(), LANE);
        _enter(1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, LANE, LANE + 1));
        _giveBack(customer, "receipt", 1);
        _enter(3);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, LANE, LANE + 6));
        _giveBack(customer, "receipt", 6);
        vm.prank(buyer);
        token.redeem(6, "hers");
        _giveBack(customer, "receipt", 6);
        _assertLots(customer, 10, 0, 0, 0);
        assertEq(token.totalSupply(), LANE);
    }

    function test_revertWhen_any_of_the_lots_was_filled_meanwhile() public {
        uint256 state = vm.snapshotState();
        for (uint256 lot = 0; lot < 4; ++lot) {
            _enter(lot);
            _mint(customer, 5);
            _redeem(customer, 5, "receipt");
            _mint(buyer, LANE - 4);
            _enter(3);
            (uint256 available, uint256 needed) = lot == 3 ? (uint256(4), uint256(5)) : (LANE, LANE + 1);
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, available, needed));
            _giveBack(customer, "receipt", 5);
            _giveBack(customer, "receipt", 4);
            assertEq(token.balanceOfAtEpoch(lot, customer), 4);
            assertEq(token.totalSupply(), LANE);
            vm.revertToState(state);
        }
    }

    /// @notice Points that come back into the lot of now leave the promised ones their place.
    function test_revertWhen_promises_leave_no_room_to_give_back() public {
        _mint(customer, 10);
        _redeem(customer, 10, "receipt");
        _grant(1, 100, 0, block.timestamp);
        _mint(buyer, LANE - 107);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 7, 8));
        _giveBack(customer, "receipt", 8);
        _giveBack(customer, "receipt", 7);
        _issue(1, customer, 100);
        assertEq(token.totalSupply(), LANE);
    }

    function test_promises_do_not_bind_older_lots() public {
        _mint(customer, 10);
        _redeem(customer, 10, "receipt");
        _enter(1);
        _grant(1, LANE, 0, block.timestamp);
        _giveBack(customer, "receipt", 10);
        _assertLots(customer, 0, 0, 10, 0);
    }

    // ---------------------------------------------------------------------------------------- giveBackFrom

    function test_giveBackFrom_charges_the_grant() public {
        _mint(customer, 50);
        _redeem(customer, 40, "receipt");
        _grant(1, 30, 20, 0);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GivenBack(customer, "receipt", 15);
        _giveBackFrom(1, customer, "receipt", 15);
        assertEq(token.grantOf(issuer, 1).amount, 15);
        assertEq(token.grantOf(issuer, 1).usedToday, 15);
        _assertLots(customer, 0, 0, 0, 25);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 5, 6));
        _giveBackFrom(1, customer, "receipt", 6);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 15, 16));
        _giveBackFrom(1, customer, "receipt", 16);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, stranger, 1, 0, 1));
        vm.prank(stranger);
        token.giveBackFrom(1, customer, "receipt", 1);
        _giveBackFrom(1, customer, "receipt", 5);
        _assertTotals(50, 30, 20, 0);
    }

    function test_revertWhen_grant_gives_back_nothing_or_too_much() public {
        _mint(customer, 50);
        _redeem(customer, 10, "receipt");
        _grant(1, 30, 0, 0);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _giveBackFrom(1, customer, "receipt", 0);
        _expectExceeded(customer, "receipt", 10, 11);
        _giveBackFrom(1, customer, "receipt", 11);
        assertEq(token.grantOf(issuer, 1).amount, 30);
        _giveBackFrom(1, customer, "receipt", 10);
    }
}
