// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Balances that expire, in one word
/// @notice A word is `flag:1 | epoch:31 | lot of 3 epochs ago:56 | 2:56 | 1:56 | this epoch:56`. "Lanes" are the lower 224
/// bits alone. A lane is its age: ageing by an epoch is a shift by 56 bits, and what is shifted out has expired.
/// @dev The flag belongs to whoever stores the word: every read here masks it, every write keeps it.
/// @dev Adding and subtracting lanes as plain numbers is safe only while no lane overflows or borrows; the functions
/// that do so say why it cannot happen.
library Lots {
    uint256 internal constant FLAG = 1 << 255;
    uint256 internal constant LANE = (1 << 56) - 1;
    uint256 internal constant LANES = (1 << 224) - 1;
    uint256 internal constant LIFE = 4;
    /// @dev Bits of all lanes.
    uint256 internal constant SPAN = 224;

    uint256 private constant _BITS = 56;
    uint256 private constant _OLDEST = 168;
    uint256 private constant _EPOCH_SHIFT = 224;
    uint256 private constant _EPOCH = (1 << 31) - 1;

    /// @notice `word` as it would have been written in `epoch`, the flag kept.
    /// @param word A stored word, written in `epoch` or before.
    /// @param epoch The epoch of now.
    function aged(uint256 word, uint256 epoch) internal pure returns (uint256) {
        // A word is never of a later epoch, since time does not run back; an age of 4 and more shifts everything out.
        unchecked {
            uint256 age = epoch - ((word >> _EPOCH_SHIFT) & _EPOCH);
            if (age == 0) return word;
            return (word & FLAG) | (epoch << _EPOCH_SHIFT) | ((word << (_BITS * age)) & LANES);
        }
    }

    /// @notice The epoch in which `word` was written.
    function epochOf(uint256 word) internal pure returns (uint256) {
        return (word >> _EPOCH_SHIFT) & _EPOCH;
    }

    /// @notice The lanes of `word` as they stand in `epoch`.
    function lanesAt(uint256 word, uint256 epoch) internal pure returns (uint256) {
        return aged(word, epoch) & LANES;
    }

    /// @notice A word of `lanes` in `epoch`, without a flag.
    function pack(uint256 lanes, uint256 epoch) internal pure returns (uint256) {
        return (epoch << _EPOCH_SHIFT) | lanes;
    }

    /// @notice The sum of all lanes.
    function total(uint256 lanes) internal pure returns (uint256) {
        // Four numbers below 2^56.
        unchecked {
            return
                (lanes & LANE) + ((lanes >> 56) & LANE) + ((lanes >> 112) & LANE)
                    + ((lanes >> _OLDEST) & LANE);
        }
    }

    /// @notice The lane of points that are `age` epochs old; 0 if `age` is 4 or more.
    function lane(uint256 lanes, uint256 age) internal pure returns (uint256) {
        return age < LIFE ? (lanes >> (_BITS * age)) & LANE : 0;
    }

    /// @notice By how many bits the lane of `age` lies above that of this epoch.
    function shiftOf(uint256 age) internal pure returns (uint256) {
        // Ages are below 2^31.
        unchecked {
            return _BITS * age;
        }
    }

    /// @notice Puts `amount` into the lane of `age`, which must be below 4.
    function single(uint256 amount, uint256 age) internal pure returns (uint256) {
        return amount << (_BITS * age);
    }

    /// @notice Lanes that add up to `amount`, out of `lanes`, the oldest first.
    /// @return taken The lanes taken; each at most as large as in `lanes`.
    /// @return missing What `lanes` fall short of `amount`.
    function takeOldest(uint256 lanes, uint256 amount)
        internal
        pure
        returns (uint256 taken, uint256 missing)
    {
        // Most balances are one lot of this epoch.
        if (lanes <= LANE && amount <= lanes) return (amount, 0);
        // `amount` only falls, by at most itself; the shift ends at 0.
        unchecked {
            for (uint256 shift = _OLDEST;; shift -= _BITS) {
                uint256 held = (lanes >> shift) & LANE;
                if (held >= amount) return (taken | (amount << shift), 0);
                taken |= held << shift;
                amount -= held;
                if (shift == 0) return (taken, amount);
            }
        }
    }

    /// @notice As `takeOldest`, but the youngest first.
    function takeYoungest(uint256 lanes, uint256 amount)
        internal
        pure
        returns (uint256 taken, uint256 missing)
    {
        // As above; the shift ends at the oldest lane.
        unchecked {
            for (uint256 shift = 0;; shift += _BITS) {
                uint256 held = (lanes >> shift) & LANE;
                if (held >= amount) return (taken | (amount << shift), 0);
                taken |= held << shift;
                amount -= held;
                if (shift == _OLDEST) return (taken, amount);
            }
        }
    }

    /// @notice A mask of the lanes whose expiry lies within bounds.
    /// @param soonest The expiry of the oldest lane, in seconds.
    /// @param length Seconds of an epoch.
    /// @param atLeast A lane counts if `atLeast < expiry`.
    /// @param atMost A lane counts if `expiry <= atMost`; 0: no upper bound.
    function window(uint256 soonest, uint256 length, uint256 atLeast, uint256 atMost)
        internal
        pure
        returns (uint256 mask)
    {
        mask = LANES;
        // Expiries are below 2^66: length at most 2^62, epochs below 2^31 days. A shift by 224 and more leaves nothing.
        unchecked {
            if (atLeast >= soonest) {
                uint256 tooOld = (atLeast - soonest) / length + 1;
                mask = tooOld < LIFE ? LANES >> (_BITS * tooOld) : 0;
            }
            if (atMost != 0) {
                if (atMost < soonest) return 0;
                uint256 oldEnough = (atMost - soonest) / length + 1;
                if (oldEnough < LIFE) mask &= LANES << (_BITS * (LIFE - oldEnough));
            }
        }
    }

    /// @notice The largest lane of the sums, lane by lane, of `a`, `b` and `reserved`, wherever `b` has anything.
    /// @param reserved Below 2^64.
    function largestSum(uint256 a, uint256 b, uint256 reserved) internal pure returns (uint256 largest) {
        // Two numbers below 2^56 and one below 2^64.
        unchecked {
            for (uint256 shift = 0; shift <= _OLDEST; shift += _BITS) {
                uint256 added = (b >> shift) & LANE;
                if (added == 0) continue;
                uint256 sum = ((a >> shift) & LANE) + added + reserved;
                if (sum > largest) largest = sum;
            }
        }
    }
}
