// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Nonces} from "../../contracts/libraries/Nonces.sol";
import {LibraryMock} from "../../contracts/mocks/LibraryMock.sol";

contract NoncesTest is Test {
    uint256 private constant _FILLED = type(uint128).max;

    LibraryMock private _nonces;
    address private _signer = makeAddr("signer");

    function setUp() public {
        _nonces = new LibraryMock();
    }

    function _nonce(uint256 lane, uint256 series, uint256 index) private pure returns (uint256) {
        return lane << 128 | series << 64 | index;
    }

    function _one(uint256 nonce) private pure returns (uint256[] memory nonces) {
        nonces = new uint256[](1);
        nonces[0] = nonce;
    }

    function _notCurrent(uint256 nonce, uint256 current) private view returns (bytes memory) {
        return abi.encodeWithSelector(Nonces.NonceNotCurrent.selector, _signer, nonce, current);
    }

    function _tooLarge(uint256 nonce) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, nonce);
    }

    // ------------------------------------------------------------------------------------------ whole messages

    /// Against a plain set: any order of uses, cancellations and ended series over three lanes of two signers.
    function testFuzz_whole_like_a_set(uint256[40] memory acts) public {
        for (uint256 i = 0; i < acts.length; ++i) {
            address signer = acts[i] & 1 == 0 ? _signer : address(this);
            uint256 lane = (acts[i] >> 8) % 3;
            uint256 series = (acts[i] >> 16) % 3;
            uint256 nonce = _nonce(lane, series, (acts[i] >> 24) % 4 == 0 ? 223 : (acts[i] >> 32) % 3);
            uint256 current = _series[signer][lane];
            uint256 kind = (acts[i] >> 40) % 8;
            if (kind < 4) _tryUse(signer, nonce, current == series && !_ended[signer][nonce]);
            else if (kind < 7) _tryCancel(signer, nonce, series <= current);
            else _tryCancelSeries(signer, lane, series, series <= current);
            assertEq(_nonces.isOpen(signer, nonce), _series[signer][lane] == series && !_ended[signer][nonce]);
        }
    }

    mapping(address signer => mapping(uint256 lane => uint256)) private _series;
    mapping(address signer => mapping(uint256 nonce => bool)) private _ended;

    /// Both ways to use a nonce, each as good as the other.
    function _tryUse(address signer, uint256 nonce, bool good) private {
        if (nonce % 2 == 0) {
            assertEq(_nonces.tryUseWhole(signer, nonce), good);
            if (good) _ended[signer][nonce] = true;
            return;
        }
        if (!good) vm.expectRevert();
        _nonces.useWhole(signer, nonce);
        if (good) _ended[signer][nonce] = true;
    }

    function _tryCancel(address signer, uint256 nonce, bool good) private {
        if (!good) vm.expectRevert();
        _nonces.cancelWhole(signer, _one(nonce));
        if (good) _ended[signer][nonce] = true;
    }

    function _tryCancelSeries(address signer, uint256 lane, uint256 series, bool good) private {
        if (!good) vm.expectRevert();
        _nonces.cancelWholeSeries(signer, _one(_nonce(lane, series, 0)));
        if (good && series == _series[signer][lane]) ++_series[signer][lane];
    }

    function test_whole_says_of_each_whether_it_was_open() public {
        for (uint256 index = 0; index < 224; ++index) {
            assertTrue(_nonces.tryUseWhole(_signer, _nonce(7, 0, index)));
            assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 0, index)));
            assertFalse(_nonces.isOpen(_signer, _nonce(7, 0, index)));
        }
        assertEq(_nonces.wholeWordOf(_signer, 7), 2 ** 224 - 1);
        assertEq(_nonces.wholeWordOf(address(this), 7), 0);
    }

    /// An index beyond the bits would otherwise reach into the series, or shift to nothing and never be used up.
    function testFuzz_whole_is_not_open_out_of_range_or_series(uint64 index, uint64 series) public {
        index = uint64(bound(index, 224, type(uint64).max));
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 0, index)));
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 0, 224)));
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 0, 256)));
        series = uint64(bound(series, 1, type(uint64).max));
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, series, 3)));
        // The series is stored in 32 bits and named in 64.
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 2 ** 32, 3)));
        assertEq(_nonces.wholeWordOf(_signer, 7), 0);
        _nonces.cancelWholeSeries(_signer, _one(_nonce(7, 0, 0)));
        assertFalse(_nonces.tryUseWhole(_signer, _nonce(7, 0, 3)));
        assertTrue(_nonces.tryUseWhole(_signer, _nonce(7, 1, 3)));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, _signer, _nonce(7, 1, 3)));
        _nonces.useWhole(_signer, _nonce(7, 1, 3));
    }

    function test_whole_reverts_the_second_time() public {
        uint256 nonce = _nonce(7, 0, 0);
        _nonces.useWhole(_signer, nonce);
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, _signer, nonce));
        _nonces.useWhole(_signer, nonce);
        assertFalse(_nonces.isOpen(_signer, nonce));
        _nonces.useWhole(address(this), nonce);
    }

    function test_whole_fills_every_bit_of_a_lane() public {
        for (uint256 i = 0; i < 224; ++i) {
            assertTrue(_nonces.isOpen(_signer, i));
            _nonces.useWhole(_signer, i);
        }
        assertEq(_nonces.wholeWordOf(_signer, 0), (1 << 224) - 1, "the series is not touched");
        _nonces.cancelWholeSeries(_signer, _one(0));
        assertEq(_nonces.wholeWordOf(_signer, 0), 1 << 224, "the next series begins empty");
    }

    function test_whole_reverts_when_the_index_is_too_large() public {
        uint256[3] memory indices = [uint256(224), 256, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.useWhole(_signer, indices[i]);
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.cancelWhole(_signer, _one(indices[i]));
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.cancelWholeSeries(_signer, _one(indices[i]));
            assertFalse(_nonces.isOpen(_signer, indices[i]));
        }
        vm.expectRevert(_tooLarge(1));
        _nonces.cancelWholeSeries(_signer, _one(1));
    }

    function test_whole_takes_the_current_series_alone() public {
        _nonces.setWhole(_signer, 1, 5 << 224);
        uint256[4] memory others = [uint256(4), 6, (1 << 32) + 5, type(uint64).max];
        for (uint256 i = 0; i < 4; ++i) {
            uint256 nonce = _nonce(1, others[i], 0);
            assertFalse(_nonces.isOpen(_signer, nonce));
            vm.expectRevert(_notCurrent(nonce, 5));
            _nonces.useWhole(_signer, nonce);
        }
        assertTrue(_nonces.isOpen(_signer, _nonce(1, 5, 0)));
        _nonces.useWhole(_signer, _nonce(1, 5, 0));
    }

    function test_whole_cancel_of_an_earlier_series_is_passed_over() public {
        _nonces.setWhole(_signer, 1, 5 << 224);
        _nonces.cancelWhole(_signer, _one(_nonce(1, 4, 9)));
        assertEq(_nonces.wholeWordOf(_signer, 1), 5 << 224);
        uint256 next = _nonce(1, 6, 9);
        vm.expectRevert(_notCurrent(next, 5));
        _nonces.cancelWhole(_signer, _one(next));
    }

    function test_whole_series_end_one_after_the_other() public {
        _nonces.setWhole(_signer, 1, 5 << 224 | 3);
        _nonces.cancelWholeSeries(_signer, _one(_nonce(1, 4, 0)));
        assertEq(_nonces.wholeWordOf(_signer, 1), 5 << 224 | 3, "an earlier one has ended already");
        vm.expectRevert(_notCurrent(_nonce(1, 6, 0), 5));
        _nonces.cancelWholeSeries(_signer, _one(_nonce(1, 6, 0)));
        _nonces.cancelWholeSeries(_signer, _one(_nonce(1, 5, 0)));
        assertEq(_nonces.wholeWordOf(_signer, 1), 6 << 224);
    }

    function test_whole_last_series_cannot_be_passed() public {
        uint256 last = type(uint32).max;
        _nonces.setWhole(_signer, 1, (last - 1) << 224);
        _nonces.cancelWholeSeries(_signer, _one(_nonce(1, last - 1, 0)));
        assertEq(_nonces.wholeWordOf(_signer, 1), last << 224);
        vm.expectRevert(_notCurrent(_nonce(1, last, 0), last));
        _nonces.cancelWholeSeries(_signer, _one(_nonce(1, last, 0)));
        _nonces.useWhole(_signer, _nonce(1, last, 223));
        _nonces.cancelWhole(_signer, _one(_nonce(1, last, 0)));
        assertEq(_nonces.wholeWordOf(_signer, 1), last << 224 | 1 << 223 | 1);
    }

    // ---------------------------------------------------------------------------------------- partial messages

    /// Against a plain sum.
    function testFuzz_partial_like_a_sum(uint128 limit, uint128[12] memory amounts) public {
        vm.assume(limit != 0);
        uint256 nonce = _nonce(3, 0, 0);
        uint256 filled;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint256 amount = i % 2 == 0 ? amounts[i] : amounts[i] % (limit / 4 + 1);
            if (amount > limit - filled) {
                vm.expectRevert(
                    abi.encodeWithSelector(Nonces.Overfilled.selector, _signer, nonce, limit - filled, amount)
                );
            }
            _nonces.usePartial(_signer, nonce, amount, limit);
            if (amount <= limit - filled) filled += amount;
            assertEq(_nonces.leftOf(_signer, nonce, limit), limit - filled);
            assertEq(_nonces.partialWordOf(_signer, 3), filled);
        }
    }

    /// Of two limits in one lane, the smaller may have been passed.
    function testFuzz_partial_limits_of_one_lane(uint128 filled, uint128 limit) public {
        vm.assume(limit != 0);
        _nonces.usePartial(_signer, 0, filled, type(uint128).max);
        uint256 left = filled < limit ? limit - filled : 0;
        assertEq(_nonces.leftOf(_signer, 0, limit), left);
        vm.expectRevert(abi.encodeWithSelector(Nonces.Overfilled.selector, _signer, 0, left, left + 1));
        _nonces.usePartial(_signer, 0, left + 1, limit);
        _nonces.usePartial(_signer, 0, left, limit);
    }

    /// A lane filled to the brim does not run over into its series.
    function test_partial_largest_amount() public {
        uint256 nonce = _nonce(1, 5, 0);
        _nonces.setPartial(_signer, 1, 5 << 128);
        _nonces.usePartial(_signer, nonce, _FILLED, _FILLED);
        assertEq(_nonces.partialWordOf(_signer, 1), 5 << 128 | _FILLED);
        vm.expectRevert(abi.encodeWithSelector(Nonces.Overfilled.selector, _signer, nonce, 0, 1));
        _nonces.usePartial(_signer, nonce, 1, _FILLED);
    }

    function test_partial_reverts_when_there_is_an_index() public {
        uint256[3] memory indices = [uint256(1), 224, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.usePartial(_signer, indices[i], 1, 10);
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.cancelPartial(_signer, _one(indices[i]));
            vm.expectRevert(_tooLarge(indices[i]));
            _nonces.cancelPartialSeries(_signer, _one(indices[i]));
            assertEq(_nonces.leftOf(_signer, indices[i], 10), 0);
        }
    }

    function test_partial_takes_the_current_series_alone() public {
        _nonces.setPartial(_signer, 1, 5 << 128);
        uint256[3] memory others = [uint256(4), 6, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 nonce = _nonce(1, others[i], 0);
            assertEq(_nonces.leftOf(_signer, nonce, 10), 0);
            vm.expectRevert(_notCurrent(nonce, 5));
            _nonces.usePartial(_signer, nonce, 1, 10);
        }
        assertEq(_nonces.leftOf(_signer, _nonce(1, 5, 0), 10), 10);
    }

    function test_partial_cancel() public {
        _nonces.setPartial(_signer, 1, 5 << 128 | 3);
        _nonces.cancelPartial(_signer, _one(_nonce(1, 4, 0)));
        assertEq(_nonces.partialWordOf(_signer, 1), 5 << 128 | 3, "an earlier one has ended already");
        vm.expectRevert(_notCurrent(_nonce(1, 6, 0), 5));
        _nonces.cancelPartial(_signer, _one(_nonce(1, 6, 0)));
        _nonces.cancelPartial(_signer, _one(_nonce(1, 5, 0)));
        assertEq(_nonces.leftOf(_signer, _nonce(1, 5, 0), _FILLED), 0);
        assertEq(_nonces.partialWordOf(_signer, 1) >> 128, 5);
    }

    function test_partial_series_end_one_after_the_other() public {
        _nonces.setPartial(_signer, 1, 5 << 128 | 3);
        _nonces.cancelPartialSeries(_signer, _one(_nonce(1, 4, 0)));
        assertEq(_nonces.partialWordOf(_signer, 1), 5 << 128 | 3, "an earlier one has ended already");
        vm.expectRevert(_notCurrent(_nonce(1, 6, 0), 5));
        _nonces.cancelPartialSeries(_signer, _one(_nonce(1, 6, 0)));
        _nonces.cancelPartialSeries(_signer, _one(_nonce(1, 5, 0)));
        assertEq(_nonces.partialWordOf(_signer, 1), 6 << 128);
    }

    function test_partial_last_series_cannot_be_passed() public {
        uint256 last = type(uint64).max;
        _nonces.setPartial(_signer, 1, (last - 1) << 128);
        _nonces.cancelPartialSeries(_signer, _one(_nonce(1, last - 1, 0)));
        assertEq(_nonces.partialWordOf(_signer, 1), last << 128);
        vm.expectRevert(_notCurrent(_nonce(1, last, 0), last));
        _nonces.cancelPartialSeries(_signer, _one(_nonce(1, last, 0)));
        _nonces.usePartial(_signer, _nonce(1, last, 0), 1, 10);
    }

    /// One act ends several lanes, and the same one twice.
    function test_lists_of_nonces() public {
        uint256[] memory nonces = new uint256[](3);
        (nonces[0], nonces[1], nonces[2]) = (_nonce(0, 0, 3), _nonce(1, 0, 4), _nonce(0, 0, 3));
        _nonces.cancelWhole(_signer, nonces);
        assertEq(_nonces.wholeWordOf(_signer, 0), 1 << 3);
        assertEq(_nonces.wholeWordOf(_signer, 1), 1 << 4);
        (nonces[0], nonces[1], nonces[2]) = (_nonce(0, 0, 0), _nonce(1, 0, 0), _nonce(0, 0, 0));
        _nonces.cancelWholeSeries(_signer, nonces);
        _nonces.cancelPartialSeries(_signer, nonces);
        for (uint256 lane = 0; lane < 2; ++lane) {
            assertEq(_nonces.wholeWordOf(_signer, lane), 1 << 224);
            assertEq(_nonces.partialWordOf(_signer, lane), 1 << 128);
        }
    }
}
