// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {AttackBase} from "./AttackBase.sol";

/// @dev An escrow as DATA.md has it: takes points that live beyond its deadline, pays them out of a pocket.
contract Escrow {
    function enter(LoyaltyToken token, address buyer, bytes32 id, uint256 amount, uint256 atLeast) external {
        token.transferFromWithin(buyer, token.pocketOf(address(this), id), amount, atLeast, 0);
    }

    function pay(LoyaltyToken token, bytes32 id, address seller, uint256 amount, uint256 atLeast) external {
        token.transferFromPocket(id, seller, amount, atLeast);
    }
}

contract PocketsAttack is AttackBase {
    bytes32 internal constant SALE = keccak256("sale");

    /// @dev The escrow admitted only points that outlive the deadline; whoever drops as many dying points into the pocket
    /// decides which of the two the seller gets.
    function test_a_stranger_cannot_make_a_pocket_pay_in_dying_points() public {
        Escrow escrow = new Escrow();
        _mint(coffee, eve.addr, 100);
        vm.warp(START + 4 * LENGTH - 1 hours);
        _mint(coffee, ann.addr, 100);
        vm.prank(ann.addr);
        coffee.approve(address(escrow), 100);
        uint256 deadline = block.timestamp + 30 days;
        escrow.enter(coffee, ann.addr, SALE, 100, deadline);

        address pocket = coffee.pocketOf(address(escrow), SALE);
        vm.prank(eve.addr);
        coffee.transfer(pocket, 100);
        escrow.pay(coffee, SALE, ben.addr, 100, deadline);
        vm.warp(block.timestamp + 1 hours);
        assertEq(coffee.balanceOf(ben.addr), 100, "the seller still has what was put in for him");
    }

    function test_nobody_but_the_contract_moves_a_pocket(address thief) public {
        Escrow escrow = new Escrow();
        vm.assume(thief != address(escrow));
        address pocket = coffee.pocketOf(address(escrow), SALE);
        _mint(coffee, pocket, 100);
        vm.startPrank(thief);
        vm.expectRevert();
        coffee.transferFromPocket(SALE, ann.addr, 1, 0);
        vm.expectRevert();
        coffee.transferFrom(pocket, ann.addr, 1);
        vm.stopPrank();
    }
}
