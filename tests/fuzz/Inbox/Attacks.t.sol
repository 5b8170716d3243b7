// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {Inbox} from "../../../contracts/attention/Inbox.sol";
import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CallbackMock} from "../../../contracts/mocks/CallbackMock.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IInbox} from "../../../interfaces/IInbox.sol";
import {InboxTest} from "./InboxTest.sol";

/// @dev Burns all gas when it is asked what it does not know.
contract GreedyToken {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @notice Spammers, tokens that misbehave, calls in the middle of others; and the money adds up.
contract AttacksTest is InboxTest {
    OddTokenMock internal odd;
    Inbox internal strange;

    function setUp() public override {
        super.setUp();
        odd = new OddTokenMock();
        strange = new Inbox(address(odd));
        vm.prank(her);
        strange.setPolicy(usual());
        address[2] memory senders = [brand, rival];
        for (uint256 i = 0; i < 2; ++i) {
            odd.mint(senders[i], FUNDS);
            vm.prank(senders[i]);
            odd.approve(address(strange), 1);
        }
    }

    function sendStrange(address sender, uint256 deposit, uint256 place)
        internal
        returns (IInbox.Message memory)
    {
        (,, uint256 number) = strange.policyOf(her);
        uint256 answerBy = block.timestamp + DAYS * 1 days;
        vm.prank(sender);
        strange.send(her, deposit, TOPIC, CHANNEL, DAYS, place, LETTER);
        return IInbox.Message(her, sender, termsAt(deposit, answerBy, place, number), LETTER);
    }

    // ------------------------------------------------------------------------------------------------- birth

    function test_there_must_be_a_token() public {
        vm.expectRevert(abi.encodeWithSelector(IInbox.NoPaymentToken.selector, address(0)));
        new Inbox(address(0));
        vm.expectRevert(abi.encodeWithSelector(IInbox.NoPaymentToken.selector, brand));
        new Inbox(brand);
    }

    function test_points_are_refused() public {
        LoyaltyToken points =
            new LoyaltyToken(address(new PointsExchange()), brand, "Points", "PTS", 0, 30 days, START);
        vm.expectRevert(abi.encodeWithSelector(IInbox.PaymentTokenExpires.selector, address(points)));
        new Inbox(address(points));
    }

    function test_a_token_that_burns_what_it_gets_is_asked_with_little() public {
        address greedy = address(new GreedyToken());
        uint256 before = gasleft();
        Inbox made = new Inbox(greedy);
        assertLt(before - gasleft(), 4_000_000);
        assertEq(made.token(), greedy);
    }

    function test_the_domain_is_that_of_the_page() public view {
        (, string memory name, string memory version, uint256 chain, address verifier,,) =
            inbox.eip712Domain();
        assertEq(name, "Troc Inbox");
        assertEq(version, "1");
        assertEq(chain, block.chainid);
        assertEq(verifier, address(inbox));
    }

    // ---------------------------------------------------------------------------------------------- spammers

    /// @dev Her week can be used up, but not for nothing, by however many accounts.
    function testFuzz_a_spammer_who_fills_her_week_pays_a_tenth_each(uint256 perWeek, uint256 deposit)
        public
    {
        perWeek = bound(perWeek, 1, 20);
        deposit = bound(deposit, FLOOR, type(uint96).max / 2);
        IInbox.Policy memory policy = usual();
        policy.perWeek = perWeek;
        vm.prank(her);
        inbox.setPolicy(policy);
        IInbox.Message[] memory messages = new IInbox.Message[](perWeek);
        for (uint256 i = 0; i < perWeek; ++i) {
            messages[i] = send(brand, deposit, i);
        }
        assertEq(cash.balanceOf(her), perWeek * tenth(deposit));
        vm.warp(block.timestamp + DAYS * 1 days + 1);
        for (uint256 i = 0; i < perWeek; ++i) {
            inbox.reclaim(messages[i]);
        }
        assertEq(cash.balanceOf(brand), FUNDS - perWeek * tenth(deposit));
        assertGe(cash.balanceOf(her) * 10, perWeek * FLOOR);
        assertEq(cash.balanceOf(address(inbox)), 0);
    }

    function test_the_smallest_deposit_leaves_her_something() public {
        IInbox.Policy memory policy = usual();
        policy.floor = 1;
        vm.prank(her);
        inbox.setPolicy(policy);
        send(brand, 1, 0);
        assertEq(cash.balanceOf(her), 1);
    }

    // -------------------------------------------------------------------------------------------- odd tokens

    function test_a_deposit_that_differs_is_refused() public {
        sendStrange(rival, 1_000, 0);
        OddTokenMock.Oddity[6] memory oddities = [
            OddTokenMock.Oddity.TakesFee,
            OddTokenMock.Oddity.DeliversNothing,
            OddTokenMock.Oddity.DeliversTwice,
            OddTokenMock.Oddity.HalvesBalances,
            OddTokenMock.Oddity.DoublesBalances,
            OddTokenMock.Oddity.ReportsFallingBalances
        ];
        for (uint256 i = 0; i < 6; ++i) {
            OddTokenMock.Oddity oddity = oddities[i];
            odd.behave(oddity);
            uint256 arrived;
            if (oddity == OddTokenMock.Oddity.TakesFee) arrived = 1_000 - 11;
            if (oddity == OddTokenMock.Oddity.DeliversTwice) arrived = 2_000;
            if (oddity == OddTokenMock.Oddity.HalvesBalances) arrived = (900 + 2_000) / 2 - 900;
            if (oddity == OddTokenMock.Oddity.DoublesBalances) arrived = (900 + 500) * 2 - 900;
            vm.expectRevert(abi.encodeWithSelector(IInbox.DepositDiffers.selector, arrived, 1_000));
            vm.prank(brand);
            strange.send(her, 1_000, TOPIC, CHANNEL, DAYS, 0, LETTER);
        }
    }

    function test_a_token_that_fails_moves_nothing() public {
        IInbox.Message memory message = sendStrange(rival, 1_000, 0);
        OddTokenMock.Oddity[4] memory oddities = [
            OddTokenMock.Oddity.ReturnsFalse,
            OddTokenMock.Oddity.ReturnsTwo,
            OddTokenMock.Oddity.Reverts,
            OddTokenMock.Oddity.RevertsWithMegabyte
        ];
        for (uint256 i = 0; i < 4; ++i) {
            odd.behave(oddities[i]);
            vm.warp(START);
            vm.expectRevert(SafeTransferLib.TransferFromFailed.selector);
            vm.prank(brand);
            strange.send(her, 1_000, TOPIC, CHANNEL, DAYS, 0, LETTER);
            vm.expectRevert(SafeTransferLib.TransferFailed.selector);
            vm.prank(her);
            strange.answer(message, REPLY);
            vm.warp(START + DAYS * 1 days + 1);
            vm.expectRevert(SafeTransferLib.TransferFailed.selector);
            strange.reclaim(message);
        }
        // It recovers, and nothing was lost.
        odd.behave(OddTokenMock.Oddity.None);
        vm.warp(START);
        vm.prank(her);
        strange.answer(message, REPLY);
        assertEq(odd.balanceOf(her), 1_000);
    }

    function test_a_token_without_a_return_value_is_taken() public {
        odd.behave(OddTokenMock.Oddity.ReturnsNothing);
        IInbox.Message memory answered = sendStrange(brand, 1_000, 0);
        IInbox.Message memory forgotten = sendStrange(brand, 1_000, 1);
        vm.prank(her);
        strange.answer(answered, REPLY);
        vm.warp(block.timestamp + DAYS * 1 days + 1);
        strange.reclaim(forgotten);
        assertEq(odd.balanceOf(her), 1_100);
        assertEq(odd.balanceOf(brand), FUNDS - 1_100);
        assertEq(odd.balanceOf(address(strange)), 0);
    }

    // --------------------------------------------------------------------------------------------- callbacks

    /// @dev Somebody else's rest goes out while a deposit comes in: the deposit is not where it should be.
    function test_nothing_goes_out_while_a_deposit_comes_in() public {
        IInbox.Message memory message = sendStrange(rival, 1_000, 0);
        bytes memory signature =
            sign(customer, digestFor(address(strange), answerHash(her, idOf(message), REPLY)));
        CallbackMock hook = new CallbackMock();
        hook.plan(address(strange), abi.encodeCall(IInbox.answerFor, (message, REPLY, signature)));
        odd.setHook(address(hook));
        vm.expectRevert(abi.encodeWithSelector(IInbox.DepositDiffers.selector, 100, 1_000));
        vm.prank(brand);
        strange.send(her, 1_000, TOPIC, CHANNEL, DAYS, 0, LETTER);
    }

    /// @dev The message that is being sent is answered before its deposit has come.
    function test_a_message_does_not_pay_before_it_was_paid_for() public {
        sendStrange(rival, 1_000, 0);
        IInbox.Message memory message =
            IInbox.Message(her, brand, termsAt(1_000, START + DAYS * 1 days, 0, 1), LETTER);
        bytes memory signature =
            sign(customer, digestFor(address(strange), answerHash(her, idOf(message), REPLY)));
        CallbackMock hook = new CallbackMock();
        hook.plan(address(strange), abi.encodeCall(IInbox.answerFor, (message, REPLY, signature)));
        odd.setHook(address(hook));
        vm.expectRevert(abi.encodeWithSelector(IInbox.DepositDiffers.selector, 100, 1_000));
        vm.prank(brand);
        strange.send(her, 1_000, TOPIC, CHANNEL, DAYS, 0, LETTER);
    }

    /// @dev One deposit would be measured twice.
    function test_no_message_is_sent_while_another_is() public {
        CallbackMock hook = new CallbackMock();
        odd.mint(address(hook), FUNDS);
        hook.run(address(odd), abi.encodeCall(odd.approve, (address(strange), 1)));
        hook.plan(
            address(strange), abi.encodeCall(IInbox.send, (her, 1_000, TOPIC, CHANNEL, DAYS, 0, LETTER))
        );
        odd.setHook(address(hook));
        sendStrange(brand, 1_000, 0);
        assertGe(hook.made(), 1);
        for (uint256 i = 0; i < hook.made(); ++i) {
            (bool done, bytes memory why) = hook.outcome(i);
            assertFalse(done);
            assertEq(bytes4(why), ReentrancyGuard.Reentrancy.selector);
        }
        assertEq(odd.balanceOf(address(strange)), 900);
    }

    /// @dev Called while the rest goes out, she has nothing left to answer and the sender nothing to reclaim.
    function test_a_message_does_not_end_again_while_it_is_answered() public {
        endTwice(true);
    }

    function test_a_message_does_not_end_again_while_it_is_reclaimed() public {
        endTwice(false);
    }

    function endTwice(bool answered) internal {
        IInbox.Message memory message = sendStrange(rival, 1_000, 0);
        sendStrange(brand, 1_000, 0);
        bytes memory signature =
            sign(customer, digestFor(address(strange), answerHash(her, idOf(message), REPLY)));
        CallbackMock hook = new CallbackMock();
        hook.plan(address(strange), abi.encodeCall(IInbox.answerFor, (message, REPLY, signature)));
        hook.plan(address(strange), abi.encodeCall(IInbox.reclaim, (message)));
        odd.setHook(address(hook));
        if (answered) {
            strange.answerFor(message, REPLY, signature);
        } else {
            vm.warp(START + DAYS * 1 days + 1);
            strange.reclaim(message);
        }
        assertEq(hook.made(), 2);
        for (uint256 i = 0; i < 2; ++i) {
            (bool done, bytes memory why) = hook.outcome(i);
            assertFalse(done);
            assertEq(why, abi.encodeWithSelector(IInbox.MessageNotOpen.selector, idOf(message)));
        }
        assertEq(odd.balanceOf(address(strange)), 900);
    }

    // ------------------------------------------------------------------------------------------------ a walk

    /// @dev After each of twenty acts the inbox holds exactly what waits, and everybody has what is theirs.
    function testFuzz_the_money_adds_up(uint256 seed) public {
        IInbox.Policy memory policy = usual();
        policy.perWeek = 255;
        vm.prank(her);
        inbox.setPolicy(policy);
        IInbox.Message[] memory waiting = new IInbox.Message[](20);
        uint256 count;
        uint256 rests;
        uint256 hers;
        for (uint256 i = 0; i < 20; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + (seed >> 240) % 2 days);
            if (count == 0 || seed % 2 == 0) {
                uint256 deposit = FLOOR + (seed >> 8) % 1e24;
                waiting[count++] = send(seed % 3 == 0 ? brand : rival, deposit, i);
                rests += deposit - tenth(deposit);
                hers += tenth(deposit);
            } else {
                uint256 index = (seed >> 8) % count;
                IInbox.Message memory message = waiting[index];
                IInbox.Terms memory terms = inbox.termsOf(message.terms);
                uint256 rest = terms.deposit - tenth(terms.deposit);
                rests -= rest;
                if (block.timestamp <= terms.answerBy) {
                    vm.prank(her);
                    inbox.answer(message, REPLY);
                    hers += rest;
                } else {
                    inbox.reclaim(message);
                }
                waiting[index] = waiting[--count];
            }
            assertEq(cash.balanceOf(address(inbox)), rests);
            assertEq(cash.balanceOf(her), hers);
            assertEq(cash.balanceOf(brand) + cash.balanceOf(rival), 2 * FUNDS - rests - hers);
        }
    }
}
