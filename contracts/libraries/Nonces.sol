// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Nonces in lanes
/// @notice A nonce is `lane:128 | series:64 | index:64`. In each lane of a signer only the current series is valid. A lane
/// of whole messages stores `series:32 | used bits:224`, one of partial messages `series:64 | filled:128`.
/// @dev Two structs keep the two kinds apart: a contract stores one of each that it needs.
library Nonces {
    struct Lane {
        uint256 word;
    }

    struct Whole {
        mapping(address signer => mapping(uint256 lane => Lane)) lanes;
    }

    struct Partial {
        mapping(address signer => mapping(uint256 lane => Lane)) lanes;
    }

    uint256 private constant _MAX_INDEX = 223;
    uint256 private constant _WHOLE_SERIES_SHIFT = 224;
    uint256 private constant _PARTIAL_SERIES_SHIFT = 128;
    uint256 private constant _FILLED = (1 << 128) - 1;

    /// @notice Thrown when a nonce was used or cancelled before.
    error NonceUsed(address signer, uint256 nonce);

    /// @notice Thrown when a nonce is not of the current series of its lane.
    error NonceNotCurrent(address signer, uint256 nonce, uint256 currentSeries);

    /// @notice Thrown when the index of a nonce is out of range.
    error NonceIndexTooLarge(uint256 nonce);

    /// @notice Thrown when parts would add up to more than an order allows.
    error Overfilled(address signer, uint256 nonce, uint256 left, uint256 needed);

    /// @notice Uses up a nonce.
    function use(Whole storage self, address signer, uint256 nonce) internal {
        Lane storage lane = self.lanes[signer][nonce >> 128];
        uint256 index = _index(nonce);
        uint256 word = lane.word;
        if (index > _MAX_INDEX) revert NonceIndexTooLarge(nonce);
        if (word >> _WHOLE_SERIES_SHIFT != _series(nonce)) {
            revert NonceNotCurrent(signer, nonce, word >> _WHOLE_SERIES_SHIFT);
        }
        uint256 bit = 1 << index;
        if (word & bit != 0) revert NonceUsed(signer, nonce);
        lane.word = word | bit;
    }

    /// @notice Uses up a nonce; says whether it was open.
    function tryUse(Whole storage self, address signer, uint256 nonce) internal returns (bool) {
        Lane storage lane = self.lanes[signer][nonce >> 128];
        uint256 word = lane.word;
        if (!_isOpen(word, nonce)) return false;
        lane.word = word | (1 << _index(nonce));
        return true;
    }

    /// @notice Uses up `amount` of a nonce that allows `limit` in all. Both are below 2^128.
    function use(Partial storage self, address signer, uint256 nonce, uint256 amount, uint256 limit)
        internal
    {
        Lane storage lane = self.lanes[signer][nonce >> 128];
        uint256 word = lane.word;
        if (_index(nonce) != 0) revert NonceIndexTooLarge(nonce);
        if (word >> _PARTIAL_SERIES_SHIFT != _series(nonce)) {
            revert NonceNotCurrent(signer, nonce, word >> _PARTIAL_SERIES_SHIFT);
        }
        uint256 filled = word & _FILLED;
        uint256 left = filled < limit ? limit - filled : 0;
        if (amount > left) revert Overfilled(signer, nonce, left, amount);
        // filled + amount <= limit < 2^128: the series is not touched.
        unchecked {
            lane.word = word + amount;
        }
    }

    /// @notice Ends nonces. Those that ended before are passed over: one that was used in the meantime must not keep the
    /// others alive.
    function cancel(Whole storage self, address signer, uint256[] calldata nonces) internal {
        for (uint256 i = 0; i < nonces.length; ++i) {
            uint256 nonce = nonces[i];
            Lane storage lane = self.lanes[signer][nonce >> 128];
            uint256 word = lane.word;
            uint256 current = word >> _WHOLE_SERIES_SHIFT;
            if (_index(nonce) > _MAX_INDEX) revert NonceIndexTooLarge(nonce);
            if (_series(nonce) > current) revert NonceNotCurrent(signer, nonce, current);
            if (_series(nonce) == current) lane.word = word | (1 << _index(nonce));
        }
    }

    /// @notice Ends nonces, as above.
    function cancel(Partial storage self, address signer, uint256[] calldata nonces) internal {
        for (uint256 i = 0; i < nonces.length; ++i) {
            uint256 nonce = nonces[i];
            Lane storage lane = self.lanes[signer][nonce >> 128];
            uint256 word = lane.word;
            uint256 current = word >> _PARTIAL_SERIES_SHIFT;
            if (_index(nonce) != 0) revert NonceIndexTooLarge(nonce);
            if (_series(nonce) > current) revert NonceNotCurrent(signer, nonce, current);
            if (_series(nonce) == current) lane.word = word | _FILLED;
        }
    }

    /// @notice Ends, in each lane named, the series named and every earlier one.
    function cancelSeries(Whole storage self, address signer, uint256[] calldata nonces) internal {
        for (uint256 i = 0; i < nonces.length; ++i) {
            uint256 nonce = nonces[i];
            Lane storage lane = self.lanes[signer][nonce >> 128];
            uint256 current = lane.word >> _WHOLE_SERIES_SHIFT;
            uint256 next = _next(signer, nonce, current, type(uint32).max);
            if (next > current) lane.word = next << _WHOLE_SERIES_SHIFT;
        }
    }

    /// @notice Ends series, as above.
    function cancelSeries(Partial storage self, address signer, uint256[] calldata nonces) internal {
        for (uint256 i = 0; i < nonces.length; ++i) {
            uint256 nonce = nonces[i];
            Lane storage lane = self.lanes[signer][nonce >> 128];
            uint256 current = lane.word >> _PARTIAL_SERIES_SHIFT;
            uint256 next = _next(signer, nonce, current, type(uint64).max);
            if (next > current) lane.word = next << _PARTIAL_SERIES_SHIFT;
        }
    }

    /// @notice Whether a whole message with this nonce could still be accepted.
    function isOpen(Whole storage self, address signer, uint256 nonce) internal view returns (bool) {
        return _isOpen(self.lanes[signer][nonce >> 128].word, nonce);
    }

    /// @notice What is left of a partial order with this nonce.
    function leftOf(Partial storage self, address signer, uint256 nonce, uint256 limit)
        internal
        view
        returns (uint256)
    {
        uint256 word = self.lanes[signer][nonce >> 128].word;
        if (_index(nonce) != 0 || word >> _PARTIAL_SERIES_SHIFT != _series(nonce)) return 0;
        uint256 filled = word & _FILLED;
        return filled < limit ? limit - filled : 0;
    }

    /// @dev The series after the one that `nonce` names. One can end the current series and earlier ones, and so not
    /// skip ahead and use up a lane by mistake.
    function _next(address signer, uint256 nonce, uint256 current, uint256 last)
        private
        pure
        returns (uint256)
    {
        if (_index(nonce) != 0) revert NonceIndexTooLarge(nonce);
        uint256 named = _series(nonce);
        if (named > current || named >= last) revert NonceNotCurrent(signer, nonce, current);
        return named + 1;
    }

    function _isOpen(uint256 word, uint256 nonce) private pure returns (bool) {
        uint256 index = _index(nonce);
        return
            index <= _MAX_INDEX && word >> _WHOLE_SERIES_SHIFT == _series(nonce) && word & (1 << index) == 0;
    }

    function _series(uint256 nonce) private pure returns (uint256) {
        return uint64(nonce >> 64);
    }

    function _index(uint256 nonce) private pure returns (uint256) {
        return uint64(nonce);
    }
}
