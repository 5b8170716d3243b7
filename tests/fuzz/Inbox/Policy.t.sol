// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {IInbox} from "../../../interfaces/IInbox.sol";
import {InboxTest} from "./InboxTest.sol";

/// @notice What somebody says about her inbox: `setPolicy`, `setWelcome`, `cancelNonces`, and what she reads of it.
contract PolicyTest is InboxTest {
    function inRange(IInbox.Policy memory policy) internal pure returns (IInbox.Policy memory) {
        policy.floor = bound(policy.floor, 0, type(uint96).max);
        policy.perWeek = bound(policy.perWeek, 0, 255);
        policy.topics = bound(policy.topics, 0, type(uint64).max);
        policy.channels = bound(policy.channels, 0, type(uint16).max);
        policy.answerDays = bound(policy.answerDays, 1, 255);
        return policy;
    }

    function assertPolicy(IInbox.Policy memory policy, uint256 arrived, uint256 number) internal view {
        (IInbox.Policy memory kept, uint256 came, uint256 ever) = inbox.policyOf(her);
        assertEq(abi.encode(kept), abi.encode(policy));
        assertEq(came, arrived);
        assertEq(ever, number);
    }

    function expectPolicySet(IInbox.Policy memory policy) internal {
        vm.expectEmit(address(inbox));
        emit IInbox.PolicySet(
            her, policy.on, policy.floor, policy.perWeek, policy.topics, policy.channels, policy.answerDays
        );
    }

    function test_an_inbox_is_off_at_first() public view {
        (IInbox.Policy memory policy, uint256 arrived, uint256 number) = inbox.policyOf(brand);
        assertFalse(policy.on);
        assertEq(abi.encode(policy), abi.encode(IInbox.Policy(false, 0, 0, 0, 0, 0)));
        assertEq(arrived + number, 0);
    }

    function testFuzz_a_policy_is_kept(IInbox.Policy memory policy) public {
        policy = inRange(policy);
        expectPolicySet(policy);
        vm.prank(her);
        inbox.setPolicy(policy);
        assertPolicy(policy, 0, 0);
    }

    function testFuzz_a_new_policy_keeps_what_arrived(IInbox.Policy memory policy) public {
        policy = inRange(policy);
        send(brand, FLOOR, 0);
        send(rival, FLOOR, 0);
        vm.startPrank(her);
        inbox.setPolicy(policy);
        assertPolicy(policy, 2, 2);
        inbox.setPolicy(usual());
        assertPolicy(usual(), 2, 2);
        vm.warp(START + 7 days - 1);
        assertPolicy(usual(), 2, 2);
        vm.warp(START + 7 days);
        assertPolicy(usual(), 0, 2);
    }

    function testFuzz_a_field_out_of_range_is_refused(
        IInbox.Policy memory policy,
        uint256 field,
        uint256 value
    ) public {
        policy = inRange(policy);
        field = bound(field, 0, 5);
        if (field == 0) policy.floor = bound(value, 1 << 96, type(uint256).max);
        if (field == 1) policy.perWeek = bound(value, 256, type(uint256).max);
        if (field == 2) policy.topics = bound(value, 1 << 64, type(uint256).max);
        if (field == 3) policy.channels = bound(value, 1 << 16, type(uint256).max);
        if (field == 4) policy.answerDays = bound(value, 256, type(uint256).max);
        if (field == 5) policy.answerDays = 0;
        vm.expectRevert(
            abi.encodeWithSelector(
                IInbox.PolicyOutOfRange.selector,
                policy.floor,
                policy.perWeek,
                policy.topics,
                policy.channels,
                policy.answerDays
            )
        );
        vm.prank(her);
        inbox.setPolicy(policy);
    }

    function testFuzz_a_signed_policy_is_kept_once(
        IInbox.Policy memory policy,
        uint256 lane,
        uint256 index,
        uint256 seconds_
    ) public {
        policy = inRange(policy);
        uint256 nonce = (lane << 128) | bound(index, 0, 223);
        uint256 deadline = START + bound(seconds_, 0, 1 << 60);
        bytes memory signature =
            sign(customer, digestFor(address(inbox), policyHash(her, policy, deadline, nonce)));
        vm.warp(deadline);
        assertTrue(inbox.nonceOpen(her, nonce));
        expectPolicySet(policy);
        vm.prank(relay);
        inbox.setPolicyFor(her, policy, deadline, nonce, signature);
        assertPolicy(policy, 0, 0);
        assertFalse(inbox.nonceOpen(her, nonce));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, her, nonce));
        inbox.setPolicyFor(her, policy, deadline, nonce, signature);
    }

    function test_a_signed_policy_is_refused_a_second_late() public {
        bytes memory signature = sign(customer, digestFor(address(inbox), policyHash(her, usual(), START, 0)));
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.InboxDeadlinePassed.selector, START));
        inbox.setPolicyFor(her, usual(), START, 0, signature);
    }

    function testFuzz_a_welcome_is_kept(address sender, uint256 which) public {
        IInbox.Welcome welcome = IInbox.Welcome(bound(which, 0, 2));
        assertEq(uint256(inbox.welcomeOf(her, sender)), uint256(IInbox.Welcome.Paid));
        vm.expectEmit(address(inbox));
        emit IInbox.WelcomeSet(her, sender, welcome);
        vm.prank(her);
        inbox.setWelcome(sender, welcome);
        assertEq(uint256(inbox.welcomeOf(her, sender)), uint256(welcome));
        assertEq(uint256(inbox.welcomeOf(sender, her)), uint256(IInbox.Welcome.Paid));
    }

    function testFuzz_a_signed_welcome_is_kept_once(address sender, uint256 which) public {
        IInbox.Welcome welcome = IInbox.Welcome(bound(which, 0, 2));
        bytes memory signature =
            sign(customer, digestFor(address(inbox), welcomeHash(her, sender, welcome, START, 7)));
        vm.expectEmit(address(inbox));
        emit IInbox.WelcomeSet(her, sender, welcome);
        vm.prank(relay);
        inbox.setWelcomeFor(her, sender, welcome, START, 7, signature);
        assertEq(uint256(inbox.welcomeOf(her, sender)), uint256(welcome));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, her, 7));
        inbox.setWelcomeFor(her, sender, welcome, START, 7, signature);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.InboxDeadlinePassed.selector, START));
        inbox.setWelcomeFor(her, sender, welcome, START, 7, signature);
    }

    function test_cancelled_nonces_count_no_longer() public {
        uint256[] memory nonces = new uint256[](2);
        (nonces[0], nonces[1]) = (3, (9 << 128) | 4);
        vm.expectEmit(address(inbox));
        emit IInbox.InboxNoncesCancelled(her, nonces);
        vm.prank(her);
        inbox.cancelNonces(nonces);
        for (uint256 i = 0; i < 2; ++i) {
            assertFalse(inbox.nonceOpen(her, nonces[i]));
            bytes memory signature =
                sign(customer, digestFor(address(inbox), policyHash(her, usual(), START, nonces[i])));
            vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, her, nonces[i]));
            inbox.setPolicyFor(her, usual(), START, nonces[i], signature);
        }
        assertTrue(inbox.nonceOpen(her, 4));
        assertTrue(inbox.nonceOpen(brand, 3));
    }

    function testFuzz_nonces_are_cancelled_by_signature(uint256 lane, uint256 index) public {
        uint256 nonce = (lane << 128) | bound(index, 0, 223);
        bytes memory signature = sign(customer, digestFor(address(inbox), cancelHash(her, one(nonce))));
        vm.expectEmit(address(inbox));
        emit IInbox.InboxNoncesCancelled(her, one(nonce));
        vm.prank(relay);
        inbox.cancelNoncesFor(her, one(nonce), signature);
        assertFalse(inbox.nonceOpen(her, nonce));
    }
}
