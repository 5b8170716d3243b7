// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice L3, attack 29: whatever the brand does, in whatever order, no customer loses a point before it expires, and
/// every grant that is locked can issue all it has left.
contract PromisesTest is LoyaltyTokenTest {
    uint256 private constant _ISSUERS = 3;

    /// @dev What the customer must hold at least, oldest first, written in `_epoch`.
    uint256[4] private _hers;
    uint256 private _epoch;

    function _issuer(uint256 number) private returns (address) {
        return makeAddr(string.concat("issuer ", vm.toString(number)));
    }

    function _expectedNow() private returns (uint256[4] memory) {
        uint256 current = token.currentEpoch();
        uint256[4] memory aged;
        for (uint256 i = 0; i < 4; ++i) {
            if (i >= current - _epoch) aged[i - (current - _epoch)] = _hers[i];
        }
        (_hers, _epoch) = (aged, current);
        return aged;
    }

    /// @dev Amounts that make lots full, nearly full, or not at all.
    function _amount(uint256 seed) private pure returns (uint256) {
        uint256 kind = seed % 4;
        seed /= 4;
        if (kind == 0) return seed % 1000;
        if (kind == 1) return seed % (LANE + 2);
        if (kind == 2) return LANE - seed % 1000;
        return LANE / 2 + seed % 1000;
    }

    function _act(uint256 seed, uint256 step) private {
        address who = _issuer(seed / 16 % _ISSUERS);
        uint256 amount = _amount(seed >> 32);
        uint256 kind = seed % 11;
        bytes memory call;
        address sender = brand;
        if (kind < 3) {
            uint256 lock = kind == 0 ? 0 : block.timestamp + (seed >> 96) % (3 * LENGTH);
            call = abi.encodeCall(token.setGrant, (who, seed / 64 % 2, amount, 0, lock));
        } else if (kind == 3) {
            call = abi.encodeCall(token.mint, (buyer, amount));
        } else if (kind == 4) {
            call = abi.encodeCall(token.mintBatch, (bytes32(step + 1), _one(_word(buyer, amount % 2 ** 56))));
        } else if (kind == 5) {
            (sender, call) = (who, abi.encodeCall(token.issue, (seed / 64 % 2, buyer, amount, 0)));
        } else if (kind == 6) {
            (sender, call) = (stranger, abi.encodeCall(token.releaseGrant, (who, seed / 64 % 2)));
        } else if (kind == 7) {
            uint256 balance = token.balanceOf(buyer);
            (sender, call) =
            (buyer, abi.encodeCall(token.redeem, (amount % (balance + 1), bytes32("receipt"))));
        } else if (kind == 8) {
            (, uint256[4] memory left,) = token.redemptionOf(buyer, "receipt");
            uint256 most = left[0] + left[1] + left[2] + left[3];
            call = abi.encodeCall(token.giveBack, (buyer, "receipt", amount % (most + 1)));
        } else if (kind == 9) {
            call = abi.encodeCall(token.transferFrom, (customer, brand, amount));
        } else {
            vm.warp(block.timestamp + (seed >> 96) % (2 * LENGTH));
            return;
        }
        vm.prank(sender);
        // May fail: what must hold is looked at after each step.
        (bool done,) = address(token).call(call);
        assertTrue(kind != 9 || !done || amount == 0, "the brand moved a customer's points");
    }

    function _checkPromises() private {
        uint256 state = vm.snapshotState();
        uint256 sum;
        for (uint256 i = 0; i < _ISSUERS; ++i) {
            for (uint256 id = 0; id < 2; ++id) {
                address who = _issuer(i);
                uint256 lockedUntil = token.grantOf(who, id).lockedUntil;
                uint256 left = token.grantOf(who, id).amount;
                if (lockedUntil < block.timestamp || left == 0) continue;
                sum += left;
                vm.prank(who);
                token.issue(id, stranger, left, 0);
            }
        }
        assertEq(token.balanceOf(stranger), sum, "promised points arrive");
        vm.revertToStateAndDelete(state);
        assertGe(_promised(), sum, "promised is an upper bound");
        _assertSame(_lots(customer), _expectedNow(), "the customer's points");
        (uint256 issued, uint256 live, uint256 redeemed, uint256 expired) = token.totals();
        assertEq(issued, live + redeemed + expired, "L4");
        assertEq(live, token.balanceOf(customer) + token.balanceOf(buyer), "L1");
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_no_act_of_the_brand_breaks_a_promise(uint256[20] memory seeds) public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        (_hers, _epoch) = ([uint256(10), 20, 30, 40], 3);
        for (uint256 i = 0; i < seeds.length; ++i) {
            _act(seeds[i], i);
            _checkPromises();
        }
    }
}
