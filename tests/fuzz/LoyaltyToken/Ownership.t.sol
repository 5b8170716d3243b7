// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice A brand is handed over in two steps, never given up, never pushed onto somebody.
contract OwnershipTest is LoyaltyTokenTest {
    function _ask(address account) private {
        vm.prank(account);
        token.requestOwnershipHandover();
    }

    function _agree(address account) private {
        vm.prank(brand);
        token.completeOwnershipHandover(account);
    }

    function test_new_owner_asks_and_the_old_one_agrees() public {
        _ask(buyer);
        assertEq(token.owner(), brand);
        _agree(buyer);
        assertEq(token.owner(), buyer);
        vm.prank(buyer);
        token.mint(customer, 1);
        vm.expectRevert(Ownable.Unauthorized.selector);
        _mint(customer, 1);
    }

    function test_revertWhen_nobody_asked() public {
        vm.expectRevert(Ownable.NoHandoverRequest.selector);
        _agree(buyer);
        vm.expectRevert(Ownable.NoHandoverRequest.selector);
        _agree(address(0));
    }

    /// @notice Attack 25: the request holds for 48 hours, their last second included.
    function test_request_holds_for_48_hours() public {
        uint256 asked = block.timestamp;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 state = vm.snapshotState();
            _ask(buyer);
            vm.warp(asked + 48 hours - 1 + i);
            if (i == 2) vm.expectRevert(Ownable.NoHandoverRequest.selector);
            _agree(buyer);
            assertEq(token.owner(), i == 2 ? brand : buyer);
            vm.revertToState(state);
        }
    }

    function test_revertWhen_the_request_was_taken_back() public {
        _ask(buyer);
        vm.prank(buyer);
        token.cancelOwnershipHandover();
        vm.expectRevert(Ownable.NoHandoverRequest.selector);
        _agree(buyer);
    }

    function test_revertWhen_the_one_who_asked_agrees_herself() public {
        _ask(buyer);
        vm.expectRevert(Ownable.Unauthorized.selector);
        vm.prank(buyer);
        token.completeOwnershipHandover(buyer);
    }

    function test_revertWhen_a_step_is_skipped() public {
        address[2] memory senders = [brand, stranger];
        for (uint256 i = 0; i < 2; ++i) {
            vm.startPrank(senders[i]);
            vm.expectRevert(ILoyaltyToken.HandOverInTwoSteps.selector);
            token.transferOwnership(buyer);
            vm.expectRevert(ILoyaltyToken.HandOverInTwoSteps.selector);
            token.renounceOwnership();
            vm.stopPrank();
        }
        assertEq(token.owner(), brand);
    }
}
