// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IERC7818} from "../../../interfaces/IERC7818.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Transfers of some lots only: by expiry (`transferFromWithin`) and by epoch of issue (ERC-7818).
contract BoundsTest is LoyaltyTokenTest {
    /// @dev The customer holds 10, 20, 30, 40 that expire at epochs 4, 5, 6, 7; now is epoch 3.
    function setUp() public override {
        super.setUp();
        _fill(customer, [uint256(10), 20, 30, 40]);
    }

    function _at(uint256 epoch) private pure returns (uint256) {
        return ORIGIN + epoch * LENGTH;
    }

    function _within(uint256 value, uint256 atLeast, uint256 atMost) private {
        vm.prank(exchange);
        assertTrue(token.transferFromWithin(customer, buyer, value, atLeast, atMost));
    }

    function _expectOutOfBounds(uint256 within, uint256 value, uint256 atLeast, uint256 atMost) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, customer, within, value, atLeast, atMost
            )
        );
        vm.prank(exchange);
        token.transferFromWithin(customer, buyer, value, atLeast, atMost);
    }

    // ------------------------------------------------------------------------------------------- by expiry

    function test_without_bounds_takes_the_oldest_first() public {
        _within(15, 0, 0);
        _assertLots(customer, 0, 15, 30, 40);
        _assertLots(buyer, 10, 5, 0, 0);
    }

    function test_lots_must_live_beyond_atLeast() public {
        _within(15, _at(4), 0);
        _assertLots(customer, 10, 5, 30, 40);
        _assertLots(buyer, 0, 15, 0, 0);
    }

    function test_lots_must_expire_by_atMost() public {
        _within(15, 0, _at(5));
        _assertLots(customer, 0, 15, 30, 40);
        _assertLots(buyer, 10, 5, 0, 0);
    }

    function test_window_of_two_lots_is_emptied_and_no_more() public {
        _expectOutOfBounds(50, 51, _at(4), _at(6));
        _within(50, _at(4), _at(6));
        _assertLots(customer, 10, 0, 0, 40);
        _assertLots(buyer, 0, 20, 30, 0);
    }

    /// @notice A lot that expires exactly at `atLeast` does not count, one that expires a second later does.
    function test_atLeast_at_an_expiry() public {
        _expectOutOfBounds(90, 91, _at(4), 0);
        _expectOutOfBounds(90, 91, _at(5) - 1, 0);
        _expectOutOfBounds(70, 90, _at(5), 0);
        _within(100, _at(4) - 1, 0);
        _assertLots(buyer, 10, 20, 30, 40);
    }

    /// @notice A lot that expires exactly at `atMost` counts, one that expires a second later does not.
    function test_atMost_at_an_expiry() public {
        _expectOutOfBounds(0, 1, 0, _at(4) - 1);
        _expectOutOfBounds(10, 11, 0, _at(4));
        _expectOutOfBounds(10, 11, 0, _at(5) - 1);
        _within(30, 0, _at(5));
        _assertLots(customer, 0, 0, 30, 40);
    }

    function test_atMost_0_is_no_bound_and_1_is_one() public {
        _expectOutOfBounds(0, 1, 0, 1);
        _within(90, _at(4), 0);
        _assertLots(customer, 10, 0, 0, 0);
    }

    function test_bounds_that_exclude_each_other_leave_nothing() public {
        _expectOutOfBounds(0, 1, _at(5), _at(5));
        _expectOutOfBounds(0, 1, _at(6), _at(5));
        _expectOutOfBounds(0, 1, MAX, 0);
        _expectOutOfBounds(0, 1, MAX, MAX);
        _within(0, MAX, MAX);
        _assertLots(customer, 10, 20, 30, 40);
    }

    function test_without_bounds_too_few_points_are_a_plain_shortage() public {
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 100, 101)
        );
        vm.prank(exchange);
        token.transferFromWithin(customer, buyer, 101, 0, 0);
    }

    function test_spends_the_allowance() public {
        vm.prank(customer);
        token.approve(stranger, 25);
        vm.prank(stranger);
        token.transferFromWithin(customer, buyer, 10, _at(4), 0);
        assertEq(token.allowance(customer, stranger), 15);
        vm.prank(stranger);
        token.transferFromWithin(customer, buyer, 10, 0, 0);
        assertEq(token.allowance(customer, stranger), 5);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 5, 6)
        );
        vm.prank(stranger);
        token.transferFromWithin(customer, buyer, 6, _at(4), 0);
    }

    function test_revertWhen_bounded_transfer_pays_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            vm.prank(exchange);
            token.transferFromWithin(customer, refused[i], 1, 1, 0);
        }
    }

    /// @notice Hole: a taker who strips a maker of fresh points. Whatever the bounds, lots outside them stay.
    function testFuzz_agrees_with_plain_lots(
        uint256 value,
        uint256 atLeast,
        uint256 atMost,
        uint8 edges,
        uint8 wait,
        uint256 second
    ) public {
        vm.warp(_at(3 + wait % 5) + second % LENGTH);
        uint256 current = token.currentEpoch();
        if (edges & 1 != 0) atLeast = _at(2 + (edges >> 1) % 8) - (edges >> 7);
        if (edges & 2 != 0) atMost = _at(2 + (edges >> 4) % 8) - (edges >> 7);
        uint256[4] memory before = _lots(customer);
        uint256[4] memory takes;
        uint256 within;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 expiry = _at(current + 1 + i);
            if (expiry > atLeast && (atMost == 0 || expiry <= atMost)) within += before[i];
        }
        value = bound(value, 0, within + 1);
        if (value > within) {
            if (atLeast == 0 && atMost == 0) return;
            _expectOutOfBounds(within, value, atLeast, atMost);
            return;
        }
        uint256 left = value;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 expiry = _at(current + 1 + i);
            if (expiry <= atLeast || (atMost != 0 && expiry > atMost)) continue;
            takes[i] = left < before[i] ? left : before[i];
            left -= takes[i];
        }
        _within(value, atLeast, atMost);
        _assertSame(_lots(buyer), takes, "taken");
        for (uint256 i = 0; i < 4; ++i) {
            before[i] -= takes[i];
        }
        _assertSame(_lots(customer), before, "left");
    }

    function test_points_for_ever_outlive_any_64_bit_bound() public {
        token = _launch(0);
        vm.prank(brand);
        token.mint(customer, 10);
        uint256 expiry = ORIGIN + 2 ** 64;
        assertEq(token.expiryOf(0), expiry);
        _expectOutOfBounds(0, 10, expiry, 0);
        _expectOutOfBounds(0, 10, 0, expiry - 1);
        _within(4, expiry - 1, 0);
        _within(6, type(uint64).max, expiry);
        assertEq(token.balanceOf(buyer), 10);
    }

    // ---------------------------------------------------------------------------------- by epoch of issue

    function test_tells_what_an_epoch_left() public {
        for (uint256 epoch = 0; epoch < 4; ++epoch) {
            assertEq(token.balanceOfAtEpoch(epoch, customer), 10 * (epoch + 1));
        }
        assertEq(token.balanceOfAtEpoch(4, customer), 0);
        assertEq(token.balanceOfAtEpoch(MAX, customer), 0);
        _enter(4);
        assertEq(token.balanceOfAtEpoch(0, customer), 0);
        assertEq(token.balanceOfAtEpoch(1, customer), 20);
        assertEq(token.balanceOfAtEpoch(3, customer), 40);
        _enter(1000);
        assertEq(token.balanceOfAtEpoch(3, customer), 0);
    }

    function test_moves_points_of_one_epoch() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, buyer, 7);
        vm.prank(customer);
        assertTrue(token.transferAtEpoch(2, buyer, 7));
        _assertLots(customer, 10, 20, 23, 40);
        _assertLots(buyer, 0, 0, 7, 0);
        vm.prank(exchange);
        assertTrue(token.transferFromAtEpoch(0, customer, buyer, 10));
        _assertLots(customer, 0, 20, 23, 40);
        vm.prank(customer);
        token.transferAtEpoch(3, buyer, 40);
        _assertLots(buyer, 10, 0, 7, 40);
    }

    function test_revertWhen_epoch_left_one_too_few() public {
        for (uint256 epoch = 0; epoch < 4; ++epoch) {
            uint256 held = 10 * (epoch + 1);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ILoyaltyToken.ERC20InsufficientBalance.selector, customer, held, held + 1
                )
            );
            vm.prank(customer);
            token.transferAtEpoch(epoch, buyer, held + 1);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ILoyaltyToken.ERC20InsufficientBalance.selector, customer, held, held + 1
                )
            );
            vm.prank(exchange);
            token.transferFromAtEpoch(epoch, customer, buyer, held + 1);
        }
    }

    function test_revertWhen_epoch_has_not_begun() public {
        uint256[2] memory epochs = [uint256(4), MAX];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 0, 1)
            );
            vm.prank(customer);
            token.transferAtEpoch(epochs[i], buyer, 1);
            vm.prank(customer);
            assertTrue(token.transferAtEpoch(epochs[i], buyer, 0));
        }
        _assertLots(customer, 10, 20, 30, 40);
    }

    function test_revertWhen_epoch_has_expired() public {
        vm.warp(_at(4) - 1);
        assertFalse(token.isEpochExpired(0));
        vm.prank(customer);
        token.transferAtEpoch(0, buyer, 1);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(_at(4) + late);
            assertTrue(token.isEpochExpired(0));
            assertFalse(token.isEpochExpired(1));
            vm.expectRevert(
                abi.encodeWithSelector(IERC7818.ERC7818TransferredExpiredToken.selector, customer, 0)
            );
            vm.prank(customer);
            token.transferAtEpoch(0, buyer, 1);
            vm.expectRevert(
                abi.encodeWithSelector(IERC7818.ERC7818TransferredExpiredToken.selector, customer, 0)
            );
            vm.prank(exchange);
            token.transferFromAtEpoch(0, customer, buyer, 1);
        }
    }

    function test_transferFromAtEpoch_spends_the_allowance() public {
        vm.prank(customer);
        token.approve(stranger, 25);
        vm.prank(stranger);
        token.transferFromAtEpoch(3, customer, buyer, 20);
        assertEq(token.allowance(customer, stranger), 5);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 5, 6)
        );
        vm.prank(stranger);
        token.transferFromAtEpoch(3, customer, buyer, 6);
    }

    function test_revertWhen_epoch_transfer_pays_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            vm.prank(customer);
            token.transferAtEpoch(3, refused[i], 1);
        }
    }

    function testFuzz_epoch_expires_4_lengths_after_it_began(uint256 epoch, uint256 length) public {
        length = bound(length, 1 days, 2 ** 40);
        epoch = bound(epoch, 0, 2 ** 20);
        LoyaltyToken other = new LoyaltyToken(exchange, brand, "x", "X", 0, length, 0);
        uint256 expiry = (epoch + 4) * length;
        assertEq(other.expiryOf(epoch), expiry);
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(expiry - 1 + i);
            assertEq(other.isEpochExpired(epoch), i != 0);
        }
        assertFalse(other.isEpochExpired(MAX));
    }

    function test_tells_lots_with_their_expiries() public {
        (uint256[4] memory amounts, uint256[4] memory expiries) = token.lotsOf(customer);
        _assertSame(amounts, [uint256(10), 20, 30, 40], "lots");
        _assertSame(expiries, [_at(4), _at(5), _at(6), _at(7)], "expiries");
        (amounts, expiries,,) = token.liability();
        _assertSame(amounts, [uint256(10), 20, 30, 40], "liability");
        _assertSame(expiries, [_at(4), _at(5), _at(6), _at(7)], "expiries");
        vm.warp(_at(5) - 1);
        (amounts, expiries) = token.lotsOf(customer);
        _assertSame(amounts, [uint256(20), 30, 40, 0], "lots");
        _assertSame(expiries, [_at(5), _at(6), _at(7), _at(8)], "expiries");
    }
}
