// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IBrands} from "../../../interfaces/IBrands.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttackBase} from "./AttackBase.sol";

contract BooksAttack is AttackBase {
    /// @dev What is redeemed frees its lot, which is issued again: the books count every round, none is lost.
    function test_more_than_a_lot_can_be_redeemed_in_one_epoch_and_the_books_add_up() public {
        for (uint256 i = 0; i < 3; ++i) {
            _mint(coffee, ann.addr, MAX_LOT);
            vm.prank(ann.addr);
            coffee.redeem(MAX_LOT, bytes32(i + 1));
        }
        (uint256 issued, uint256 live, uint256 redeemed, uint256 expired) = coffee.totals();
        assertEq(redeemed, 3 * MAX_LOT);
        assertEq(issued, 3 * MAX_LOT);
        assertEq(live + expired, 0);
    }

    /// @dev A log that says "issued" when nobody who may issue did anything.
    function test_a_stranger_writes_no_issue_into_the_log() public {
        bytes32 ref = keccak256("anything");
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (_word(0, ann.addr), _word(0, ben.addr));
        vm.startPrank(eve.addr);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.issue(0, ann.addr, 0, ref);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.issueBatch(0, ref, words);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.issueBatch(0, ref, new uint256[](0));
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.giveBackFrom(0, ann.addr, ref, 0);
        words[1] = _word(1, ben.addr);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, eve.addr, 0, 0, 1));
        coffee.issueBatch(0, ref, words);
        vm.stopPrank();
        assertFalse(coffee.referenceUsed(eve.addr, ref));
    }

    /// @dev Two tills that give no receipts can be told apart.
    function test_the_log_tells_which_issuer_issued() public {
        vm.prank(brand);
        coffee.setGrant(till, 1, 100, 0, 0);
        vm.recordLogs();
        vm.prank(till);
        coffee.issue(1, ann.addr, 100, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bool named;
        for (uint256 i = 0; i < logs.length; ++i) {
            for (uint256 k = 0; k < logs[i].topics.length; ++k) {
                if (logs[i].topics[k] == bytes32(uint256(uint160(till)))) named = true;
            }
        }
        assertTrue(named, "100 points came from this till");
    }

    function test_a_redemption_needs_a_reference() public {
        _mint(coffee, ann.addr, 100);
        vm.prank(ann.addr);
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        coffee.redeem(1, 0);
    }

    /// @dev The ownership library makes the hand-over payable, and nothing pays out: whoever adds ether loses it. Asking
    /// without any does the same, and the token takes none in any other way.
    function test_ether_sent_with_a_hand_over_stays_in_the_token() public {
        vm.deal(eve.addr, 2 ether);
        vm.startPrank(eve.addr);
        uint256 before = vm.snapshotState();
        coffee.requestOwnershipHandover();
        uint256 until = coffee.ownershipHandoverExpiresAt(eve.addr);
        assertGt(until, block.timestamp);
        vm.revertToState(before);

        coffee.requestOwnershipHandover{value: 1 ether}();
        assertEq(coffee.ownershipHandoverExpiresAt(eve.addr), until, "the ether bought nothing");
        coffee.cancelOwnershipHandover();
        assertEq(address(coffee).balance, 1 ether);
        assertEq(eve.addr.balance, 1 ether);
        (bool taken,) = address(coffee).call{value: 1 ether}("");
        assertFalse(taken);
        (taken,) = address(coffee).call{value: 1 ether}(abi.encodeCall(coffee.transfer, (ann.addr, 0)));
        assertFalse(taken);
    }

    function test_an_empty_batch_uses_up_no_reference() public {
        bytes32 batch = keccak256("payroll 2031-07");
        uint256[] memory words = new uint256[](1);
        vm.startPrank(brand);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.mintBatch(batch, new uint256[](0));
        words[0] = _word(0, ann.addr);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        coffee.mintBatch(batch, words);
        words[0] = _word(1, ann.addr);
        coffee.mintBatch(batch, words);
        assertEq(coffee.balanceOf(ann.addr), 1);
    }

    /// @dev All owners, one after another, are the brand: a reference of the old one stays used. A salted one of the new
    /// owner's cannot have been guessed.
    function test_owners_one_after_another_share_their_references() public {
        bytes32 batch = keccak256("payroll 2031-07");
        uint256[] memory words = new uint256[](1);
        words[0] = _word(1, brand);
        vm.prank(brand);
        coffee.mintBatch(batch, words);
        vm.prank(stranger);
        coffee.requestOwnershipHandover();
        vm.prank(brand);
        coffee.completeOwnershipHandover(stranger);

        words[0] = _word(1, ann.addr);
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), batch));
        coffee.mintBatch(batch, words);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), batch));
        coffee.mintFor(ann.addr, 1, batch);
        coffee.mintBatch(keccak256(abi.encode(batch, "a salt of the new owner's")), words);
        vm.stopPrank();
        assertEq(coffee.balanceOf(ann.addr), 1);
    }

    // ------------------------------------------------------------------------------------------- defences

    function test_nobody_uses_up_references_of_another_issuer() public {
        bytes32 ref = keccak256("receipt");
        vm.startPrank(brand);
        coffee.setGrant(eve.addr, 0, 5, 0, 0);
        coffee.setGrant(till, 0, 10, 0, 0);
        vm.stopPrank();
        vm.prank(eve.addr);
        coffee.issue(0, ann.addr, 5, ref);
        assertFalse(coffee.referenceUsed(address(0), ref));
        assertFalse(coffee.referenceUsed(till, ref));
        vm.prank(brand);
        coffee.mintFor(ann.addr, 5, ref);
        vm.prank(till);
        coffee.issue(0, ann.addr, 5, ref);
        vm.prank(till);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, till, ref));
        coffee.issue(0, ann.addr, 5, ref);
        assertEq(coffee.balanceOf(ann.addr), 15);
    }

    function test_a_batch_cannot_spill_into_an_older_lot(uint96 a, uint96 b, uint96 c) public {
        _mint(coffee, ann.addr, 7);
        vm.warp(block.timestamp + LENGTH);
        uint256[] memory words = new uint256[](3);
        (words[0], words[1], words[2]) = (_word(a, ann.addr), _word(b, ann.addr), _word(c, ben.addr));
        vm.prank(brand);
        if (uint256(a) + b + c > MAX_LOT) vm.expectRevert();
        coffee.mintBatch("batch", words);
        (uint256[4] memory lots,) = coffee.lotsOf(ann.addr);
        assertEq(lots[2], 7);
    }

    function test_a_batch_that_wraps_a_word_is_refused() public {
        uint256[] memory words = new uint256[](2);
        words[0] = _word(type(uint96).max, ann.addr);
        words[1] = _word(1, ann.addr);
        vm.startPrank(brand);
        vm.expectRevert();
        coffee.mintBatch("batch", words);
        words = new uint256[](1);
        words[0] = _word(1 << 56, ann.addr);
        vm.expectRevert();
        coffee.mintBatch("batch", words);
        assertEq(coffee.totalSupply(), 0);
    }

    function test_a_give_back_gains_no_life(uint64 wait, uint64 old, uint64 fresh, uint64 back) public {
        old = uint64(bound(old, 1, 1e9));
        fresh = uint64(bound(fresh, 1, 1e9));
        _mint(coffee, ann.addr, old);
        vm.warp(block.timestamp + LENGTH);
        _mint(coffee, ann.addr, fresh);
        (uint256[4] memory was,) = coffee.lotsOf(ann.addr);
        vm.prank(ann.addr);
        coffee.redeem(uint256(old) + fresh, "receipt");
        uint256 epochs = bound(wait, 0, 3);
        vm.warp(block.timestamp + epochs * LENGTH);
        back = uint64(bound(back, 1, uint256(old) + fresh));
        vm.prank(brand);
        try coffee.giveBack(ann.addr, "receipt", back) {} catch {}
        (uint256[4] memory lots,) = coffee.lotsOf(ann.addr);
        for (uint256 i = 0; i < 4; ++i) {
            assertLe(lots[i], i + epochs < 4 ? was[i + epochs] : 0, "no lot is larger than it had aged to be");
        }
        (uint256 issued, uint256 live, uint256 redeemed, uint256 expired) = coffee.totals();
        assertEq(issued, uint256(old) + fresh);
        assertEq(live + redeemed + expired, issued);
    }

    struct Story {
        uint256 issued;
        uint256 redeemed;
        bytes32 receipts;
    }

    /// @dev Random acts by three people and a pocket; the balances are the supply, lot by lot, and the switches stay.
    /// forge-config: default.fuzz.runs = 100
    /// forge-config: deep.fuzz.runs = 1000
    function test_balances_are_the_supply_lot_by_lot(uint256 seed) public {
        address pocket = coffee.pocketOf(address(this), "pocket");
        address[4] memory people = [ann.addr, ben.addr, eve.addr, pocket];
        vm.prank(ben.addr);
        coffee.approve(address(exchange), 0);
        Story memory story;
        for (uint256 i = 0; i < 50; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address from = people[(seed >> 8) % 3];
            address to = people[(seed >> 16) % 4];
            uint256 amount = (seed >> 32) % (MAX_LOT / 4);
            uint256 held = coffee.balanceOf(from);
            uint256 act = seed % 7;
            if (act == 0) {
                vm.prank(brand);
                try coffee.mint(to, amount) {
                    story.issued += amount;
                } catch {}
            } else if (act == 1) {
                vm.prank(from);
                coffee.transfer(to, amount % (held + 1));
            } else if (act == 2) {
                vm.prank(from);
                coffee.transfer(from, held);
            } else if (act == 3) {
                vm.warp(block.timestamp + (seed >> 64) % LENGTH);
            } else if (act == 4 && held != 0) {
                vm.prank(from);
                coffee.redeem(amount % held + 1, bytes32(i + 1));
                story.redeemed += amount % held + 1;
            } else if (act == 5) {
                coffee.transferFromPocket("pocket", to, amount % (coffee.balanceOf(pocket) + 1), 0);
            } else if (act == 6) {
                uint256 epoch = coffee.currentEpoch() - (seed >> 64) % 4;
                uint256 lot = coffee.balanceOfAtEpoch(epoch, from);
                vm.prank(from);
                coffee.transferAtEpoch(epoch, to, amount % (lot + 1));
            }
            _checkLots(people);
            assertEq(coffee.allowance(ben.addr, address(exchange)), 0);
            assertEq(coffee.allowance(ann.addr, address(exchange)), type(uint256).max);
            (uint256 issued,, uint256 redeemed,) = coffee.totals();
            assertEq(issued, story.issued);
            assertEq(redeemed, story.redeemed);
        }
    }

    function _checkLots(address[4] memory people) internal view {
        uint256[4] memory sums;
        for (uint256 k = 0; k < 4; ++k) {
            (uint256[4] memory lots,) = coffee.lotsOf(people[k]);
            for (uint256 j = 0; j < 4; ++j) {
                sums[j] += lots[j];
            }
        }
        (uint256[4] memory supply,,,) = coffee.liability();
        for (uint256 j = 0; j < 4; ++j) {
            assertEq(sums[j], supply[j]);
        }
    }

    /// @dev Bounds against a plain reading of them, with bounds of any size and points that never expire too.
    function test_bounds_select_the_lots_they_name(uint256 atLeast, uint256 atMost, bool nearly, uint8 late)
        public
    {
        for (uint256 i = 0; i < 4; ++i) {
            _mint(coffee, ann.addr, 10 ** i);
            vm.warp(block.timestamp + LENGTH);
        }
        vm.warp(block.timestamp - LENGTH + late);
        (uint256[4] memory lots, uint256[4] memory expiries) = coffee.lotsOf(ann.addr);
        if (nearly) {
            atLeast = expiries[atLeast % 4] + late % 3 - 1;
            atMost = expiries[atMost % 4] + (late >> 2) % 3 - 1;
        }
        uint256 within;
        for (uint256 i = 0; i < 4; ++i) {
            if (atLeast < expiries[i] && (atMost == 0 || expiries[i] <= atMost)) within += lots[i];
        }
        vm.startPrank(address(exchange));
        vm.expectRevert();
        coffee.transferFromWithin(ann.addr, ben.addr, within + 1, atLeast, atMost);
        coffee.transferFromWithin(ann.addr, ben.addr, within, atLeast, atMost);
    }

    function test_points_for_ever_age_by_nothing() public {
        vm.prank(brand);
        LoyaltyToken lasting = LoyaltyToken(brands.launch(_lasting()));
        _mint(lasting, ann.addr, MAX_LOT);
        vm.warp(uint256(type(uint40).max));
        assertEq(lasting.balanceOf(ann.addr), MAX_LOT);
        (, uint256[4] memory expiries) = lasting.lotsOf(ann.addr);
        assertEq(expiries[3], lasting.expiryOf(0));
        vm.prank(address(exchange));
        lasting.transferFromWithin(ann.addr, ben.addr, MAX_LOT, type(uint64).max, 0);
    }

    function _lasting() internal view returns (IBrands.Launch memory) {
        return IBrands.Launch(brand, "Lasting", "LST", 0, 0, 0, "");
    }

    function test_a_half_of_a_bundle_is_refused() public {
        _mint(coffee, ann.addr, 10);
        ILoyaltyToken.Redeem memory message =
            ILoyaltyToken.Redeem(ann.addr, 10, "receipt", till, block.timestamp, 0);
        vm.prank(eve.addr);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheAgent.selector, till, eve.addr));
        coffee.redeemFor(message, new bytes(65));
    }
}
