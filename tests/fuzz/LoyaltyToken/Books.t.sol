// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice L1 and L4: the supply ages by itself, and what has left it is booked exactly, whenever somebody looks or
/// writes. All sums are kept by the test itself, as lists of amounts with their epochs.
contract BooksTest is LoyaltyTokenTest {
    struct Lot {
        uint256 epoch;
        uint256 amount;
    }

    Lot[] private _issued;
    uint256 private _sum;

    function _note(uint256 amount) private {
        _issued.push(Lot(token.currentEpoch(), amount));
        _sum += amount;
    }

    function _gone() private view returns (uint256 gone) {
        uint256 current = (block.timestamp - ORIGIN) / LENGTH;
        for (uint256 i = 0; i < _issued.length; ++i) {
            if (current >= _issued[i].epoch + 4) gone += _issued[i].amount;
        }
    }

    function _assertBooks(uint256 redeemed) private view {
        _assertTotals(_sum, _sum - _gone() - redeemed, redeemed, _gone());
        assertEq(token.totalSupply(), _sum - _gone() - redeemed, "supply");
    }

    /// @dev Each way to write the supply.
    function _write(uint256 way, uint256 amount, uint256 step) private {
        if (way == 0) {
            _mint(customer, amount);
        } else if (way == 1) {
            vm.prank(brand);
            token.mintBatch(keccak256(abi.encode("batch", step)), _one(_word(customer, amount)));
        } else {
            _grant(step, amount, 0, way == 2 ? block.timestamp : 0);
            _issue(step, customer, amount);
        }
        _note(amount);
    }

    /// @notice L4: across any gap of epochs, also of thousands, what dropped out is booked once, to the last unit.
    function testFuzz_supply_books_what_expired_over_any_gap(
        uint40[10] memory amounts,
        uint8[10] memory ways,
        uint32[10] memory gaps
    ) public {
        uint256 epoch;
        for (uint256 i = 0; i < 10; ++i) {
            // Mostly gaps around the life of a lot, now and then a huge one.
            epoch += gaps[i] % 8 < 7 ? gaps[i] % 7 : gaps[i] % 30_000;
            _enter(epoch);
            _assertBooks(0);
            _write(ways[i] % 4, uint256(amounts[i]) + 1, i);
            _assertBooks(0);
        }
        for (uint256 i = 0; i < 6; ++i) {
            _enter(epoch + i);
            _assertBooks(0);
        }
    }

    /// @notice L4 with redemptions: what is redeemed does not expire, what expires is not redeemed.
    function testFuzz_redeemed_points_do_not_expire_as_well(
        uint40[6] memory amounts,
        uint40[6] memory spends,
        uint8[6] memory gaps
    ) public {
        uint256 epoch;
        uint256 redeemed;
        uint256 expired;
        uint256[4] memory before;
        for (uint256 i = 0; i < 6; ++i) {
            before = _lots(customer);
            uint256 gap = gaps[i] % 6;
            // A gap of k epochs takes the k oldest lots.
            for (uint256 k = 0; k < gap && k < 4; ++k) {
                expired += before[k];
            }
            epoch += gap;
            _enter(epoch);
            _mint(customer, amounts[i]);
            _sum += amounts[i];
            uint256 spend = bound(spends[i], 0, token.balanceOf(customer));
            if (spend != 0) _redeem(customer, spend, bytes32(i + 1));
            redeemed += spend;
            _assertTotals(_sum, _sum - redeemed - expired, redeemed, expired);
            assertEq(token.balanceOf(customer), _sum - redeemed - expired, "L1");
        }
    }

    /// @notice Points that came back after the supply was written expire with their own lot, and are booked then.
    function test_points_given_back_expire_once() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _redeem(customer, 100, "receipt");
        _assertTotals(100, 0, 100, 0);
        _enter(4);
        vm.prank(brand);
        token.giveBack(customer, "receipt", 50);
        _assertTotals(100, 50, 50, 0);
        _assertLots(customer, 0, 10, 40, 0);
        _enter(5);
        _assertTotals(100, 50, 50, 0);
        _enter(6);
        _assertTotals(100, 40, 50, 10);
        _mint(customer, 1);
        _enter(7);
        _assertTotals(101, 1, 50, 50);
        _enter(1_000_000);
        _assertTotals(101, 0, 50, 51);
    }

    function test_books_change_in_the_second_of_expiry() public {
        _mint(customer, 10);
        vm.warp(token.expiryOf(0) - 1);
        _assertTotals(10, 10, 0, 0);
        vm.warp(token.expiryOf(0));
        _assertTotals(10, 0, 0, 10);
        _mint(customer, 1);
        _assertTotals(11, 1, 0, 10);
    }

    /// @notice Transfers write no books: nothing is lost between a holder's word and the supply's.
    function test_transfers_leave_the_books_alone() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _enter(5);
        vm.prank(customer);
        token.transfer(buyer, 35);
        _assertTotals(100, 70, 0, 30);
        _assertLots(buyer, 30, 5, 0, 0);
        _enter(6);
        _assertTotals(100, 40, 0, 60);
        assertEq(token.balanceOf(customer) + token.balanceOf(buyer), 40);
    }

    function test_books_hold_full_lots_of_many_epochs() public {
        for (uint256 epoch = 0; epoch < 50; ++epoch) {
            _enter(epoch);
            _mint(customer, LANE);
        }
        _assertTotals(50 * LANE, 4 * LANE, 0, 46 * LANE);
    }

    /// @notice Length 0: points that never expire. No act of any time makes them older.
    function testFuzz_points_of_length_0_never_expire(uint56 amount, uint40 wait, uint40 wait2) public {
        token = _launch(0);
        vm.assume(amount > 1);
        _mint(customer, amount / 2);
        vm.warp(block.timestamp + wait);
        assertEq(token.currentEpoch(), 0);
        _mint(customer, amount - amount / 2);
        _redeem(customer, 1, "receipt");
        vm.warp(block.timestamp + wait2);
        vm.prank(brand);
        token.giveBack(customer, "receipt", 1);
        _assertLots(customer, 0, 0, 0, amount);
        vm.prank(customer);
        token.transfer(buyer, amount);
        _assertLots(buyer, 0, 0, 0, amount);
        _assertTotals(amount, amount, 0, 0);
        assertFalse(token.isEpochExpired(0));
        assertEq(token.balanceOfAtEpoch(0, buyer), amount);
        vm.prank(buyer);
        token.transferAtEpoch(0, customer, amount);
        assertEq(token.balanceOf(customer), amount);
    }

    function test_points_of_length_0_tell_expiries_beyond_64_bits() public {
        token = _launch(0);
        _mint(customer, 7);
        (uint256[4] memory amounts, uint256[4] memory expiries) = token.lotsOf(customer);
        _assertSame(amounts, [uint256(0), 0, 0, 7], "lots");
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(expiries[i], ORIGIN + (i + 1) * 2 ** 62);
        }
        vm.warp(ORIGIN + 10_000 * 365 days);
        assertEq(token.balanceOf(customer), 7);
    }

    /// @notice An old origin: epochs are counted from there, and a word written in a late epoch reads well.
    function testFuzz_late_epochs_age_like_early_ones(uint256 epoch, uint56 amount) public {
        token = new LoyaltyToken(exchange, brand, "Le Panier", "PANIER", 0, 1 days, 0);
        // Two million years of days, and still within 31 bits.
        epoch = bound(epoch, 20_000, 2 ** 30);
        vm.warp(epoch * 1 days);
        assertEq(token.currentEpoch(), epoch);
        _mint(customer, amount);
        _grant(1, 5, 0, 0);
        vm.warp((epoch + 4) * 1 days - 1);
        _assertLots(customer, amount, 0, 0, 0);
        vm.warp((epoch + 4) * 1 days);
        _assertLots(customer, 0, 0, 0, 0);
        _assertTotals(amount, 0, 0, amount);
    }
}
