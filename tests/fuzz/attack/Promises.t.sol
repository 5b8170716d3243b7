// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttackBase} from "./AttackBase.sol";

/// @dev What a locked grant may issue, it can issue: whatever the brand does. For a refund it keeps the room of this epoch.
contract PromisesAttack is AttackBase {
    bytes32 internal constant RECEIPT = keccak256("receipt");

    function _grant(address issuer, uint256 id, uint256 amount, uint256 lockedUntil) internal {
        vm.prank(brand);
        coffee.setGrant(issuer, id, amount, 0, lockedUntil);
    }

    function test_a_promised_give_back_survives_a_full_lot_as_an_issue_does() public {
        _grant(till, 1, 1_000, block.timestamp + 30 days);
        _mint(coffee, ann.addr, 1_000);
        vm.prank(ann.addr);
        coffee.redeem(1_000, RECEIPT);
        _mint(coffee, brand, MAX_LOT - 1_000);

        uint256 before = vm.snapshotState();
        vm.prank(till);
        coffee.issue(1, ann.addr, 1_000, 0);
        assertEq(coffee.balanceOf(ann.addr), 1_000, "the same promise, issued");
        vm.revertToState(before);

        vm.prank(till);
        coffee.giveBackFrom(1, ann.addr, RECEIPT, 1_000);
        assertEq(coffee.balanceOf(ann.addr), 1_000, "the same promise, given back");
    }

    /// @dev A brand that fills the lot of a redemption again ends the refunds into it, promised or not. The grant is not
    /// charged for the attempt, and its promise holds: the same amount can be issued, in points of this epoch.
    function test_a_refilled_lot_takes_no_refund_but_the_promise_still_issues() public {
        _mint(coffee, ann.addr, 1_000);
        vm.prank(ann.addr);
        coffee.redeem(1_000, RECEIPT);
        _mint(coffee, brand, MAX_LOT);
        vm.warp(block.timestamp + LENGTH);
        _grant(till, 1, 1_000, block.timestamp + 30 days);
        bytes memory full =
            abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, MAX_LOT, MAX_LOT + 1_000);
        vm.prank(till);
        vm.expectRevert(full);
        coffee.giveBackFrom(1, ann.addr, RECEIPT, 1_000);
        vm.prank(brand);
        vm.expectRevert(full);
        coffee.giveBack(ann.addr, RECEIPT, 1_000);
        assertEq(coffee.grantOf(till, 1).amount, 1_000);

        vm.prank(till);
        coffee.issue(1, ann.addr, 1_000, 0);
        assertEq(coffee.balanceOfAtEpoch(101, ann.addr), 1_000);
    }

    function test_only_the_day_cap_and_the_amount_bound_a_locked_grant() public {
        uint256 until = block.timestamp + 400 days;
        _grant(till, 1, MAX_LOT / 2, until);
        _grant(stranger, 1, MAX_LOT / 2, until);
        uint256 left = MAX_LOT - 2 * (MAX_LOT / 2);
        vm.startPrank(brand);
        coffee.mint(brand, left);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 0, 1));
        coffee.mint(brand, 1);
        vm.expectRevert();
        coffee.setGrant(till, 1, MAX_LOT / 2 - 1, 0, until);
        vm.expectRevert();
        coffee.setGrant(till, 1, MAX_LOT / 2, 1, until);
        vm.expectRevert();
        coffee.setGrant(till, 1, MAX_LOT / 2, 0, until - 1);
        vm.expectRevert();
        coffee.setGrant(till, 1, MAX_LOT / 2, 0, 0);
        vm.stopPrank();
        vm.prank(till);
        coffee.issue(1, ann.addr, MAX_LOT / 2, 0);
        vm.prank(stranger);
        coffee.issue(1, ann.addr, MAX_LOT / 2, 0);
        assertEq(coffee.totalSupply(), MAX_LOT);
    }

    function test_a_new_owner_is_bound_by_the_old_ones_lock() public {
        _grant(till, 1, 1_000, block.timestamp + 30 days);
        vm.prank(stranger);
        coffee.requestOwnershipHandover();
        vm.prank(brand);
        coffee.completeOwnershipHandover(stranger);
        vm.startPrank(stranger);
        vm.expectRevert();
        coffee.setGrant(till, 1, 0, 0, 0);
        vm.expectRevert();
        coffee.mint(stranger, MAX_LOT - 999);
        coffee.mint(stranger, MAX_LOT - 1_000);
        vm.stopPrank();
        vm.prank(till);
        coffee.issue(1, ann.addr, 1_000, 0);
    }

    /// @dev Random acts; after each, every locked grant can be issued in full, and `promised` is enough.
    /// forge-config: default.fuzz.runs = 100
    /// forge-config: deep.fuzz.runs = 1000
    function test_no_interleaving_takes_the_room_of_a_promise(uint256 seed) public {
        address[3] memory issuers = [till, stranger, address(this)];
        for (uint256 i = 0; i < 60; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 act = seed % 8;
            address issuer = issuers[(seed >> 8) % 3];
            uint256 amount = uint256(uint64(seed >> 32)) % (MAX_LOT + 1);
            if ((seed >> 16) % 3 == 0) amount %= 1_000;
            uint256 until = block.timestamp + (seed >> 128) % (2 * LENGTH);
            bytes32 receipt = bytes32((seed >> 200) % 8);
            if (act == 0) {
                vm.prank(brand);
                try coffee.setGrant(issuer, 0, amount, 0, until) {} catch {}
            } else if (act == 1) {
                vm.prank(brand);
                try coffee.setGrant(issuer, 0, amount, 0, 0) {} catch {}
            } else if (act == 2) {
                try coffee.releaseGrant(issuer, 0) {} catch {}
            } else if (act == 3) {
                vm.prank(issuer);
                try coffee.issue(0, ann.addr, amount, 0) {} catch {}
            } else if (act == 4) {
                vm.prank(brand);
                try coffee.mint(ann.addr, amount) {} catch {}
            } else if (act == 5) {
                vm.warp(block.timestamp + (seed >> 64) % LENGTH);
            } else if (act == 6) {
                vm.prank(ann.addr);
                try coffee.redeem(amount % (coffee.balanceOf(ann.addr) + 1), receipt) {} catch {}
            } else {
                vm.prank(issuer);
                try coffee.giveBackFrom(0, ann.addr, receipt, amount % 1_000 + 1) {} catch {}
            }
            _checkPromises(issuers);
        }
    }

    function _checkPromises(address[3] memory issuers) internal view {
        (uint256[4] memory lots,,, uint256 promised) = coffee.liability();
        uint256 owed;
        for (uint256 i = 0; i < 3; ++i) {
            ILoyaltyToken.Grant memory grant = coffee.grantOf(issuers[i], 0);
            if (grant.lockedUntil != 0) owed += grant.amount;
        }
        assertLe(owed, promised, "promised is an upper bound");
        assertLe(lots[3] + owed, MAX_LOT, "what is owed fits the lot of this epoch");
        assertLe(promised, MAX_LOT, "promised fits a lot");
    }

    function test_a_give_back_takes_no_room_of_a_promise() public {
        _mint(coffee, ann.addr, 1_000);
        vm.prank(ann.addr);
        coffee.redeem(1_000, RECEIPT);
        _grant(till, 1, 1_000, block.timestamp + 30 days);
        _grant(stranger, 1, 1_000, 0);
        _mint(coffee, brand, MAX_LOT - 1_000);
        vm.prank(brand);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 0, 1));
        coffee.giveBack(ann.addr, RECEIPT, 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 0, 1));
        coffee.giveBackFrom(1, ann.addr, RECEIPT, 1);
        vm.prank(till);
        coffee.issue(1, ann.addr, 1_000, 0);
    }

    function test_promised_returns_to_zero_and_frees_the_owner() public {
        _grant(till, 1, MAX_LOT, block.timestamp);
        vm.warp(block.timestamp + 1);
        coffee.releaseGrant(till, 1);
        (,,, uint256 promised) = coffee.liability();
        assertEq(promised, 0);
        _mint(coffee, brand, MAX_LOT);
    }
}
