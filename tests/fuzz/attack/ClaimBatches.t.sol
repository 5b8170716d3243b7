// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {VouchersTest} from "../LoyaltyToken/VouchersTest.sol";

/// @title Batches of vouchers of locked and open grants, in lots that are nearly full
contract ClaimBatchesAttack is VouchersTest {
    uint256 private constant LOCKED = 2;
    uint256 private constant PROMISE = LANE / 4;
    uint256 private constant OPEN = LANE / 2;

    /// @dev `days_` 1 or 0 (never). Half of a lot may be promised; the brand fills the rest but for `free`.
    function _prepare(uint256 days_, uint256 free) private {
        token = _launch(days_ * 1 days);
        _grant(GRANT, OPEN, 0, 0);
        _grant(LOCKED, PROMISE, 0, block.timestamp + 3 days);
        vm.prank(brand);
        token.mintPending("later", block.timestamp + 1 hours, _one(_word(buyer, PROMISE)));
        _mint(stranger, LANE - 2 * PROMISE - free);
    }

    function _of(uint256 grant, uint256 index, uint256 amount, address to, bool named)
        private
        view
        returns (ILoyaltyToken.SignedVoucher memory signed)
    {
        ILoyaltyToken.Voucher memory voucher = _voucher(index);
        voucher.grantId = grant;
        voucher.amount = amount;
        voucher.recipient = named ? key : to;
        voucher.isKey = named;
        signed = _signed(voucher);
        if (!named) return signed;
        signed.to = to;
        signed.keySignature = _sign(secret, _hashClaim(key, to, _digest(_hash(voucher))));
    }

    function _assertSums(address a, address b) private view {
        uint256 sum = token.balanceOf(a) + token.balanceOf(b) + token.balanceOf(stranger);
        sum += token.balanceOf(buyer);
        assertEq(token.totalSupply(), sum, "L1");
        (uint256 issued, uint256 live, uint256 redeemed, uint256 expired) = token.totals();
        assertEq(issued, live + redeemed + expired, "L4");
        assertEq(live, sum, "what lives is held");
    }

    /// forge-config: default.fuzz.runs = 300
    function testFuzz_open_vouchers_take_no_room_of_promises(
        bool never,
        uint256 free,
        uint256 asked,
        uint256 reserved,
        uint256 order
    ) public {
        free = bound(free, 0, OPEN);
        asked = bound(asked, 2, OPEN);
        reserved = bound(reserved, 2, PROMISE);
        _prepare(never ? 0 : 1, free);
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](4);
        uint256 turn = order % 4;
        list[turn] = _of(GRANT, 0, asked / 2, customer, false);
        list[(turn + 1) % 4] = _of(LOCKED, 1, reserved / 2, customer, true);
        list[(turn + 2) % 4] = _of(GRANT, 2, asked - asked / 2, stranger, true);
        list[(turn + 3) % 4] = _of(LOCKED, 3, reserved - reserved / 2, stranger, false);
        if (asked > free) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, free, asked));
            _claimBatch(list);
            // The promised ones alone are paid, whatever the brand filled.
            list[turn] = list[(turn + 1) % 4];
            list[(turn + 2) % 4] = list[(turn + 3) % 4];
            asked = 0;
            assertEq(_claimBatch(list), 2, "each once, though listed twice");
        } else {
            assertEq(_claimBatch(list), 4);
        }
        assertEq(
            token.balanceOf(customer) + token.balanceOf(stranger),
            LANE - 2 * PROMISE - free + asked + reserved
        );
        _assertSums(customer, address(1));
        assertEq(_claimBatch(list), 0, "nothing twice");
        // What is left of the promises still has its room.
        if (PROMISE > reserved) _issue(LOCKED, customer, PROMISE - reserved);
        vm.warp(block.timestamp + 1 hours);
        token.releasePending(address(0), _one(0));
        assertEq(token.balanceOf(buyer), PROMISE, "mature points arrive");
        _assertSums(customer, address(1));
        vm.warp(block.timestamp + 4 days);
        _assertSums(customer, address(1));
        assertEq(token.totalSupply() == 0, !never, "a day's points live four days at most");
    }

    /// @dev A new owner, in the moment after a claim was signed, cannot stop what a locked grant promised.
    function test_a_hand_over_between_signing_and_claiming_changes_nothing() public {
        _prepare(1, 0);
        ILoyaltyToken.SignedVoucher memory signed = _of(LOCKED, 0, PROMISE, customer, true);
        vm.prank(stranger);
        token.requestOwnershipHandover();
        vm.prank(brand);
        token.completeOwnershipHandover(stranger);
        vm.startPrank(stranger);
        vm.expectRevert();
        token.setGrant(issuer, LOCKED, 0, 0, 0);
        vm.expectRevert();
        token.setGrant(issuer, LOCKED, PROMISE, 1, block.timestamp + 3 days);
        vm.expectRevert();
        token.mint(stranger, 1);
        vm.stopPrank();
        token.releaseGrant(issuer, LOCKED);
        _claim(signed);
        assertEq(token.balanceOf(customer), PROMISE);
    }
}
