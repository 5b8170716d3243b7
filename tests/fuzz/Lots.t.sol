// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Lots} from "../../contracts/libraries/Lots.sol";

/// @notice Lots as four plain numbers: what the library must agree with.
library PlainLots {
    /// @dev `amounts[age]`, each below 2^56.
    function pack(uint256[4] memory amounts) internal pure returns (uint256 lanes) {
        for (uint256 age = 0; age < 4; ++age) {
            lanes += amounts[age] * 2 ** (56 * age);
        }
    }

    function unpack(uint256 lanes) internal pure returns (uint256[4] memory amounts) {
        for (uint256 age = 0; age < 4; ++age) {
            amounts[age] = (lanes / 2 ** (56 * age)) % 2 ** 56;
        }
    }

    function aged(uint256[4] memory amounts, uint256 epochs) internal pure returns (uint256[4] memory older) {
        for (uint256 i = 0; i < 4; ++i) {
            if (epochs < 4 && i + epochs < 4) older[i + epochs] = amounts[i];
        }
    }

    function sum(uint256[4] memory amounts) internal pure returns (uint256) {
        return amounts[0] + amounts[1] + amounts[2] + amounts[3];
    }

    /// @dev `first` and `step` say in which order lots are emptied.
    function take(uint256[4] memory amounts, uint256 amount, bool youngestFirst)
        internal
        pure
        returns (uint256[4] memory taken, uint256 missing)
    {
        missing = amount;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 lot = youngestFirst ? i : 3 - i;
            taken[lot] = missing < amounts[lot] ? missing : amounts[lot];
            missing -= taken[lot];
        }
    }
}

contract LotsTest is Test {
    using Lots for uint256;
    using PlainLots for uint256[4];

    uint256 private constant _FLAG = 1 << 255;

    /// @dev Keeps amounts in range; small, equal and full ones are as likely as any.
    function _amounts(uint56[4] memory seeds, uint8 shape) private pure returns (uint256[4] memory amounts) {
        for (uint256 i = 0; i < 4; ++i) {
            uint256 kind = (shape >> (2 * i)) & 3;
            amounts[i] = kind == 0 ? 0 : kind == 1 ? seeds[i] % 10 : kind == 2 ? seeds[i] : 2 ** 56 - 1;
        }
    }

    function _word(uint256[4] memory amounts, uint256 epoch, bool flag) private pure returns (uint256) {
        return PlainLots.pack(amounts) + epoch * 2 ** 224 + (flag ? _FLAG : 0);
    }

    function test_constants_are_those_of_the_layout() public pure {
        assertEq(Lots.FLAG, 2 ** 255);
        assertEq(Lots.LANE, 2 ** 56 - 1);
        assertEq(Lots.LANES, 2 ** 224 - 1);
        assertEq(Lots.LIFE, 4);
        assertEq(Lots.SPAN, 224);
    }

    function testFuzz_lanesAt_ages_and_hides_flag_and_epoch(
        uint56[4] memory seeds,
        uint8 shape,
        uint256 epoch,
        uint256 gap,
        bool flag
    ) public pure {
        uint256[4] memory amounts = _amounts(seeds, shape);
        epoch = bound(epoch, 0, 2 ** 31 - 1);
        gap = bound(gap, 0, 2 ** 31 - 1 - epoch);
        uint256 lanes = _word(amounts, epoch, flag).lanesAt(epoch + gap);
        assertEq(lanes, PlainLots.pack(amounts.aged(gap)));
    }

    /// @dev The gaps at which a lot drops out, which random numbers seldom meet.
    function testFuzz_lanesAt_over_small_gaps(uint56[4] memory seeds, uint8 shape, uint256 epoch, bool flag)
        public
        pure
    {
        uint256[4] memory amounts = _amounts(seeds, shape);
        epoch = bound(epoch, 0, 2 ** 31 - 10);
        for (uint256 gap = 0; gap < 8; ++gap) {
            uint256 lanes = _word(amounts, epoch, flag).lanesAt(epoch + gap);
            assertEq(lanes, PlainLots.pack(amounts.aged(gap)));
        }
    }

    function testFuzz_pack_writes_lanes_and_epoch(uint56[4] memory seeds, uint8 shape, uint256 epoch)
        public
        pure
    {
        uint256[4] memory amounts = _amounts(seeds, shape);
        epoch = bound(epoch, 0, 2 ** 31 - 1);
        assertEq(PlainLots.pack(amounts).pack(epoch), _word(amounts, epoch, false));
    }

    function testFuzz_aged_keeps_the_flag_and_ages_the_rest(
        uint56[4] memory seeds,
        uint8 shape,
        uint256 epoch,
        uint256 gap,
        bool flag
    ) public pure {
        uint256[4] memory amounts = _amounts(seeds, shape);
        epoch = bound(epoch, 0, 2 ** 31 - 10);
        uint256 word = _word(amounts, epoch, flag);
        gap = bound(gap, 0, 2 ** 31 - 1 - epoch);
        assertEq(word.aged(epoch + gap), _word(amounts.aged(gap), epoch + gap, flag));
        for (gap = 0; gap < 8; ++gap) {
            assertEq(word.aged(epoch + gap), _word(amounts.aged(gap), epoch + gap, flag));
        }
    }

    function testFuzz_total_is_the_sum(uint56[4] memory seeds, uint8 shape) public pure {
        uint256[4] memory amounts = _amounts(seeds, shape);
        assertEq(PlainLots.pack(amounts).total(), amounts.sum());
    }

    function testFuzz_lane_is_the_lot_of_that_age(uint56[4] memory seeds, uint8 shape, uint256 age)
        public
        pure
    {
        uint256[4] memory amounts = _amounts(seeds, shape);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(PlainLots.pack(amounts).lane(i), amounts[i]);
        }
        age = bound(age, 4, type(uint256).max);
        assertEq(PlainLots.pack(amounts).lane(age), 0);
        assertEq(PlainLots.pack(amounts).lane(4), 0);
    }

    function testFuzz_single_fills_one_lane(uint56 amount, uint256 age) public pure {
        age = bound(age, 0, 3);
        uint256[4] memory amounts;
        amounts[age] = amount;
        assertEq(Lots.single(amount, age), PlainLots.pack(amounts));
    }

    function testFuzz_takeOldest_agrees_with_plain_lots(uint56[4] memory seeds, uint8 shape, uint256 amount)
        public
        pure
    {
        uint256[4] memory amounts = _amounts(seeds, shape);
        _checkTake(amounts, amount);
        _checkTake(amounts, bound(amount, 0, amounts.sum()));
        // Where a lot is used up exactly, one less, one more.
        uint256 edge;
        for (uint256 i = 0; i < 4; ++i) {
            edge += amounts[3 - i];
            _checkTake(amounts, edge);
            _checkTake(amounts, edge + 1);
            if (edge != 0) _checkTake(amounts, edge - 1);
        }
    }

    function _checkTake(uint256[4] memory amounts, uint256 amount) private pure {
        uint256 lanes = PlainLots.pack(amounts);
        (uint256[4] memory plain, uint256 short_) = amounts.take(amount, false);
        (uint256 taken, uint256 missing) = lanes.takeOldest(amount);
        assertEq(taken, PlainLots.pack(plain), "oldest: taken");
        assertEq(missing, short_, "oldest: missing");
        (plain, short_) = amounts.take(amount, true);
        (taken, missing) = lanes.takeYoungest(amount);
        assertEq(taken, PlainLots.pack(plain), "youngest: taken");
        assertEq(missing, short_, "youngest: missing");
    }

    /// @dev The same edges for the other order.
    function testFuzz_takeYoungest_agrees_with_plain_lots(uint56[4] memory seeds, uint8 shape) public pure {
        uint256[4] memory amounts = _amounts(seeds, shape);
        uint256 edge;
        for (uint256 i = 0; i < 4; ++i) {
            edge += amounts[i];
            _checkTake(amounts, edge);
            _checkTake(amounts, edge + 1);
            if (edge != 0) _checkTake(amounts, edge - 1);
        }
    }

    function testFuzz_window_masks_lanes_within_bounds(
        uint256 soonest,
        uint256 length,
        uint256 atLeast,
        uint256 atMost,
        uint8 edges
    ) public pure {
        soonest = bound(soonest, 1, 2 ** 65);
        length = bound(length, 1 days, 2 ** 62);
        uint256[4] memory expiries;
        for (uint256 age = 0; age < 4; ++age) {
            expiries[age] = soonest + (3 - age) * length;
        }
        // Half of the bounds lie on an expiry, or a second beside it.
        if (edges & 1 != 0) atLeast = expiries[(edges >> 1) & 3] + ((edges >> 3) & 1) - 1;
        if (edges & 16 != 0) atMost = expiries[(edges >> 5) & 3] + ((edges >> 7) & 1) - 1;
        uint256 mask = Lots.window(soonest, length, atLeast, atMost);
        uint256[4] memory plain;
        for (uint256 age = 0; age < 4; ++age) {
            bool within = expiries[age] > atLeast && (atMost == 0 || expiries[age] <= atMost);
            plain[age] = within ? 2 ** 56 - 1 : 0;
        }
        assertEq(mask, PlainLots.pack(plain));
    }

    function testFuzz_window_without_bounds_is_everything(uint256 soonest, uint256 length) public pure {
        soonest = bound(soonest, 1, 2 ** 65);
        length = bound(length, 1 days, 2 ** 62);
        assertEq(Lots.window(soonest, length, 0, 0), 2 ** 224 - 1);
    }

    /// @dev Reserves of any size, small ones, and those at which a lane is just full.
    function testFuzz_largestSum_is_the_largest_lane_where_something_is_added(
        uint56[4] memory a,
        uint8 shapeA,
        uint56[4] memory b,
        uint8 shapeB,
        uint64 reserved,
        uint8 shapeReserved
    ) public pure {
        uint256[4] memory left = _amounts(a, shapeA);
        uint256[4] memory right = _amounts(b, shapeB);
        uint256 kind = shapeReserved % 4;
        uint256 beside = kind == 0 ? 0 : kind == 1 ? reserved % 10 : kind == 2 ? reserved : 2 ** 56 - 1;
        uint256 largest;
        for (uint256 i = 0; i < 4; ++i) {
            if (right[i] == 0) continue;
            uint256 sum = left[i] + right[i] + beside;
            if (sum > largest) largest = sum;
        }
        uint256 lanes = PlainLots.pack(left);
        assertEq(lanes.largestSum(PlainLots.pack(right), beside), largest);
        // The flag and the epoch of a stored word are no lanes.
        lanes = _word(left, 2 ** 31 - 1, true);
        assertEq(lanes.largestSum(PlainLots.pack(right), beside), largest);
    }

    function test_largestSum_looks_only_where_something_is_added() public pure {
        uint256 full = PlainLots.pack([uint256(2 ** 56 - 1), 2 ** 56 - 1, 2 ** 56 - 1, 2 ** 56 - 1]);
        assertEq(full.largestSum(0, 2 ** 64 - 1), 0);
        for (uint256 age = 0; age < 4; ++age) {
            uint256[4] memory others = [uint256(2 ** 56 - 1), 2 ** 56 - 1, 2 ** 56 - 1, 2 ** 56 - 1];
            others[age] = 5;
            assertEq(PlainLots.pack(others).largestSum(Lots.single(2, age), 3), 10);
            assertEq(full.largestSum(Lots.single(2 ** 56 - 1, age), 2 ** 64 - 1), 2 ** 64 + 2 ** 57 - 3);
        }
    }

    function test_shiftOf_is_where_a_lane_lies() public pure {
        for (uint256 age = 0; age < 4; ++age) {
            assertEq(uint256(1) << Lots.shiftOf(age), Lots.single(1, age));
        }
        assertEq(Lots.shiftOf(4), Lots.SPAN);
        assertEq(Lots.shiftOf(2 ** 31 - 1), 56 * (2 ** 31 - 1));
    }
}
