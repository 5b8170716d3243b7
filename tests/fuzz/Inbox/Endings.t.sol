// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IInbox} from "../../../interfaces/IInbox.sol";
import {InboxTest} from "./InboxTest.sol";

/// @notice `answer`, `answerFor` and `reclaim`: who gets the rest, and when.
contract EndingsTest is InboxTest {
    uint256 internal constant DEPOSIT = 1_007;
    /// @dev What is left of it.
    uint256 internal constant REST = 906;
    uint256 internal constant ANSWER_BY = START + DAYS * 1 days;

    function expectNotOpen(IInbox.Message memory message) internal {
        vm.expectRevert(abi.encodeWithSelector(IInbox.MessageNotOpen.selector, idOf(message)));
    }

    function signed(IInbox.Message memory message) internal returns (bytes memory) {
        return sign(customer, digestFor(address(inbox), answerHash(her, idOf(message), REPLY)));
    }

    function testFuzz_she_answers_and_is_paid(uint256 deposit, uint256 second, bytes32 reply, bool byHerself)
        public
    {
        deposit = bound(deposit, FLOOR, type(uint96).max);
        IInbox.Message memory message = send(brand, deposit, 0);
        vm.warp(bound(second, START, ANSWER_BY));
        bytes memory signature =
            sign(customer, digestFor(address(inbox), answerHash(her, idOf(message), reply)));
        vm.expectEmit(address(inbox));
        emit IInbox.MessageAnswered(idOf(message), her, reply, deposit - tenth(deposit));
        vm.prank(byHerself ? her : relay);
        if (byHerself) inbox.answer(message, reply);
        else inbox.answerFor(message, reply, signature);
        assertEq(cash.balanceOf(her), deposit);
        assertEq(cash.balanceOf(address(inbox)), 0);
        assertEq(cash.balanceOf(relay), 0);
        assertFalse(inbox.isOpen(message));
        assertEq(inbox.waitingAt(brand, 0), 0);
    }

    function test_she_can_answer_until_the_last_second() public {
        for (uint256 i = 0; i < 3; ++i) {
            send(brand, DEPOSIT, i);
        }
        for (uint256 i = 0; i < 3; ++i) {
            IInbox.Message memory message =
                IInbox.Message(her, brand, termsAt(DEPOSIT, ANSWER_BY, i, i), LETTER);
            bytes memory signature = signed(message);
            vm.warp(ANSWER_BY - 1 + i);
            bytes memory late =
                abi.encodeWithSelector(IInbox.AnswerTooLate.selector, idOf(message), ANSWER_BY);
            if (i == 2) vm.expectRevert(late);
            inbox.answerFor(message, REPLY, signature);
            if (i == 2) vm.expectRevert(late);
            if (i == 2) vm.prank(her);
            if (i == 2) inbox.answer(message, REPLY);
        }
        assertEq(cash.balanceOf(her), 3 * (DEPOSIT - REST) + 2 * REST);
    }

    function test_the_rest_returns_from_the_second_after() public {
        IInbox.Message memory message = send(brand, DEPOSIT, 0);
        for (uint256 i = 0; i < 2; ++i) {
            vm.warp(ANSWER_BY - 1 + i);
            vm.expectRevert(abi.encodeWithSelector(IInbox.ReclaimTooEarly.selector, idOf(message), ANSWER_BY));
            vm.prank(brand);
            inbox.reclaim(message);
        }
        vm.warp(ANSWER_BY + 1);
        vm.expectEmit(address(inbox));
        emit IInbox.MessageReclaimed(idOf(message), brand, REST);
        vm.prank(relay);
        inbox.reclaim(message);
        assertEq(cash.balanceOf(brand), FUNDS - (DEPOSIT - REST));
        assertEq(cash.balanceOf(her), DEPOSIT - REST);
        assertEq(cash.balanceOf(relay) + cash.balanceOf(address(inbox)), 0);
        assertFalse(inbox.isOpen(message));
        assertEq(inbox.waitingAt(brand, 0), 0);
        send(brand, FLOOR, 0);
    }

    function test_only_she_answers() public {
        IInbox.Message memory message = send(brand, DEPOSIT, 0);
        address[3] memory others = [brand, rival, relay];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IInbox.NotTheRecipient.selector, her, others[i]));
            vm.prank(others[i]);
            inbox.answer(message, REPLY);
        }
    }

    function testFuzz_a_message_ends_once(uint256 first, uint256 then) public {
        IInbox.Message memory message = send(brand, DEPOSIT, 0);
        send(rival, DEPOSIT, 0);
        bytes memory signature = signed(message);
        uint256 money = cash.balanceOf(address(inbox));
        (first, then) = (bound(first, 0, 2), bound(then, 0, 2));
        for (uint256 i = 0; i < 2; ++i) {
            uint256 how = i == 0 ? first : then;
            vm.warp(how == 2 ? ANSWER_BY + 1 : START);
            if (how == 0) vm.prank(her);
            if (i == 1) expectNotOpen(message);
            if (how == 0) inbox.answer(message, REPLY);
            if (how == 1) inbox.answerFor(message, REPLY, signature);
            if (how == 2) inbox.reclaim(message);
        }
        assertEq(cash.balanceOf(address(inbox)), money - REST);
    }

    /// @dev Any bit of any word: the deposit, the deadline, whose it is, where it waits.
    function testFuzz_a_message_that_was_not_sent_ends_nothing(uint256 word, uint256 bit) public {
        IInbox.Message memory message = send(brand, DEPOSIT, 0);
        send(brand, DEPOSIT, 1);
        (word, bit) = (bound(word, 0, 2), 1 << bound(bit, 0, 255));
        if (word == 0) message.sender = address(uint160(message.sender) ^ uint160(bit | bit >> 96));
        if (word == 1) message.terms ^= bit;
        if (word == 2) message.content ^= bytes32(bit);
        vm.prank(her);
        expectNotOpen(message);
        inbox.answer(message, REPLY);
        bytes memory signature = signed(message);
        expectNotOpen(message);
        inbox.answerFor(message, REPLY, signature);
        vm.warp(type(uint40).max);
        expectNotOpen(message);
        inbox.reclaim(message);
        assertFalse(inbox.isOpen(message));
    }

    function test_somebody_else_s_name_on_a_message_ends_nothing() public {
        IInbox.Message memory message = send(brand, DEPOSIT, 0);
        message.recipient = rival;
        vm.prank(rival);
        expectNotOpen(message);
        inbox.answer(message, REPLY);
    }

    function test_a_message_that_waits_keeps_its_terms() public {
        IInbox.Message memory answered = send(brand, DEPOSIT, 0);
        IInbox.Message memory forgotten = send(brand, DEPOSIT, 1);
        vm.startPrank(her);
        inbox.setPolicy(IInbox.Policy(false, 1 << 95, 0, 0, 0, 255));
        inbox.setWelcome(brand, IInbox.Welcome.Blocked);
        vm.warp(ANSWER_BY);
        inbox.answer(answered, REPLY);
        vm.warp(ANSWER_BY + 1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.AnswerTooLate.selector, idOf(forgotten), ANSWER_BY));
        inbox.answer(forgotten, REPLY);
        vm.stopPrank();
        inbox.reclaim(forgotten);
        assertEq(cash.balanceOf(brand), FUNDS - DEPOSIT - (DEPOSIT - REST));
        assertEq(cash.balanceOf(her), DEPOSIT + DEPOSIT - REST);
    }

    /// @dev Some tokens refuse to move nothing; no message waits for them.
    function test_a_message_without_money_ends_without_a_transfer() public {
        vm.prank(her);
        inbox.setWelcome(brand, IInbox.Welcome.Free);
        uint256[2] memory deposits = [uint256(0), 1];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 then = block.timestamp;
            IInbox.Message memory message = send(brand, deposits[i], 2 * i);
            vm.mockCallRevert(address(cash), abi.encodeWithSelector(cash.transfer.selector), "moves nothing");
            inbox.answerFor(message, REPLY, signed(message));
            vm.clearMockedCalls();
            vm.warp(then + 7 days);
            message = send(brand, deposits[i], 2 * i + 1);
            vm.warp(then + 7 days + DAYS * 1 days + 1);
            vm.mockCallRevert(address(cash), abi.encodeWithSelector(cash.transfer.selector), "moves nothing");
            inbox.reclaim(message);
            vm.clearMockedCalls();
        }
        assertEq(cash.balanceOf(her), 2);
        assertEq(cash.balanceOf(address(inbox)), 0);
    }
}
