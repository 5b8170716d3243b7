// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IInbox} from "../../../interfaces/IInbox.sol";
import {InboxTest} from "./InboxTest.sol";

/// @notice `send`: what reaches her, what does not, and what is taken for it.
contract SendTest is InboxTest {
    function change(IInbox.Policy memory policy) internal {
        vm.prank(her);
        inbox.setPolicy(policy);
    }

    function welcome(address sender, IInbox.Welcome how) internal {
        vm.prank(her);
        inbox.setWelcome(sender, how);
    }

    function testFuzz_a_tenth_is_hers_and_the_rest_waits(
        uint256 deposit,
        uint256 topic,
        uint256 channel,
        uint256 place,
        uint256 answerDays,
        bytes32 content
    ) public {
        deposit = bound(deposit, FLOOR, type(uint96).max);
        (topic, channel) = (bound(topic, 0, 63), bound(channel, 0, 15));
        (place, answerDays) = (bound(place, 0, type(uint64).max), bound(answerDays, 1, 255));
        change(IInbox.Policy(true, FLOOR, 1, 1 << topic, 1 << channel, answerDays));
        uint256 answerBy = START + answerDays * 1 days;
        uint256 terms = (place << 152) | (answerBy << 112) | (channel << 104) | (topic << 96) | deposit;
        IInbox.Message memory message = IInbox.Message(her, brand, terms, content);
        bytes32 messageId = idOf(message);
        assertFalse(inbox.isOpen(message));
        vm.expectEmit(address(inbox));
        emit IInbox.MessageSent(messageId, her, brand, terms, content);
        vm.prank(brand);
        assertEq(inbox.send(her, deposit, topic, channel, answerDays, place, content), messageId);

        assertEq(cash.balanceOf(her), tenth(deposit));
        assertEq(cash.balanceOf(address(inbox)), deposit - tenth(deposit));
        assertEq(cash.balanceOf(brand), FUNDS - deposit);
        assertTrue(inbox.isOpen(message));
        assertEq(inbox.messageIdOf(message), messageId);
        assertEq(inbox.waitingAt(brand, place), messageId);
        assertEq(
            abi.encode(inbox.termsOf(terms)),
            abi.encode(IInbox.Terms(deposit, topic, channel, answerBy, place, 0))
        );
    }

    function testFuzz_terms_tell_each_part(
        uint40 number,
        uint64 place,
        uint40 answerBy,
        uint8 channel,
        uint8 topic,
        uint96 deposit
    ) public view {
        uint256 terms = uint256(bytes32(abi.encodePacked(number, place, answerBy, channel, topic, deposit)));
        assertEq(
            abi.encode(inbox.termsOf(terms)),
            abi.encode(IInbox.Terms(deposit, topic, channel, answerBy, place, number))
        );
    }

    function test_nothing_reaches_an_inbox_that_is_off() public {
        IInbox.Policy memory policy = usual();
        policy.on = false;
        change(policy);
        vm.expectRevert(abi.encodeWithSelector(IInbox.InboxOff.selector, her));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 0);
        welcome(brand, IInbox.Welcome.Free);
        vm.expectRevert(abi.encodeWithSelector(IInbox.InboxOff.selector, her));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 0);
    }

    function testFuzz_nothing_reaches_her_from_somebody_blocked(uint256 deposit) public {
        deposit = bound(deposit, 0, type(uint96).max);
        welcome(brand, IInbox.Welcome.Blocked);
        vm.expectRevert(abi.encodeWithSelector(IInbox.SenderBlocked.selector, her, brand));
        sendRaw(brand, deposit, TOPIC, CHANNEL, 0);
        send(rival, FLOOR, 0);
        welcome(brand, IInbox.Welcome.Paid);
        send(brand, FLOOR, 0);
    }

    function testFuzz_nothing_reaches_her_below_the_floor(uint256 floor, uint256 deposit) public {
        floor = bound(floor, 1, type(uint96).max);
        deposit = bound(deposit, 0, floor - 1);
        IInbox.Policy memory policy = usual();
        policy.floor = floor;
        change(policy);
        vm.expectRevert(abi.encodeWithSelector(IInbox.BelowFloor.selector, deposit, floor));
        sendRaw(brand, deposit, TOPIC, CHANNEL, 0);
        vm.expectRevert(abi.encodeWithSelector(IInbox.BelowFloor.selector, floor - 1, floor));
        sendRaw(brand, floor - 1, TOPIC, CHANNEL, 0);
        send(brand, floor, 0);
    }

    function testFuzz_a_deposit_that_does_not_fit_is_refused(uint256 deposit) public {
        deposit = bound(deposit, 1 << 96, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IInbox.DepositOutOfRange.selector, deposit));
        sendRaw(brand, deposit, TOPIC, CHANNEL, 0);
    }

    function testFuzz_only_admitted_topics_reach_her(uint256 topics, uint256 topic) public {
        (topics, topic) = (bound(topics, 0, type(uint64).max), bound(topic, 0, 63));
        IInbox.Policy memory policy = usual();
        policy.topics = topics;
        change(policy);
        bool admitted = topics >> topic & 1 == 1;
        if (!admitted) {
            vm.expectRevert(abi.encodeWithSelector(IInbox.TopicNotAdmitted.selector, her, topic));
        }
        sendRaw(brand, FLOOR, topic, CHANNEL, 0);
    }

    function testFuzz_only_admitted_channels_reach_her(uint256 channels, uint256 channel) public {
        (channels, channel) = (bound(channels, 0, type(uint16).max), bound(channel, 0, 15));
        IInbox.Policy memory policy = usual();
        policy.channels = channels;
        change(policy);
        if (channels >> channel & 1 == 0) {
            vm.expectRevert(abi.encodeWithSelector(IInbox.ChannelNotAdmitted.selector, her, channel));
        }
        sendRaw(brand, FLOOR, TOPIC, channel, 0);
    }

    /// @dev Bits that belong to the fields above are set: they admit nothing.
    function testFuzz_there_are_no_more_topics_and_channels(uint256 beyond) public {
        change(IInbox.Policy(true, 0, 255, type(uint64).max, type(uint16).max, 255));
        uint256 topic = bound(beyond, 64, type(uint256).max);
        uint256 channel = bound(beyond, 16, type(uint256).max);
        uint256[3] memory topics = [64, topic, type(uint256).max - 119];
        uint256[3] memory channels = [16, channel, type(uint256).max - 103];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IInbox.TopicNotAdmitted.selector, her, topics[i]));
            vm.prank(brand);
            inbox.send(her, FLOOR, topics[i], 0, 255, 0, LETTER);
            vm.expectRevert(abi.encodeWithSelector(IInbox.ChannelNotAdmitted.selector, her, channels[i]));
            vm.prank(brand);
            inbox.send(her, FLOOR, 0, channels[i], 255, 0, LETTER);
        }
    }

    function testFuzz_no_more_reach_her_than_a_week_s_number(uint256 perWeek, uint256 second) public {
        perWeek = bound(perWeek, 0, 12);
        IInbox.Policy memory policy = usual();
        policy.perWeek = perWeek;
        change(policy);
        vm.warp(START + bound(second, 0, 7 days - 1));
        for (uint256 i = 0; i < perWeek; ++i) {
            send(i % 2 == 0 ? brand : rival, FLOOR, i);
        }
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, perWeek));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 99);
        vm.warp(START + 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, perWeek));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 99);
        vm.warp(START + 7 days);
        if (perWeek != 0) send(brand, FLOOR, 99);
    }

    function test_the_largest_number_of_a_week_touches_no_other_field() public {
        IInbox.Policy memory policy = usual();
        policy.perWeek = 255;
        change(policy);
        for (uint256 i = 0; i < 255; ++i) {
            send(brand, FLOOR, i);
        }
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, 255));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 255);
        (IInbox.Policy memory kept, uint256 arrived, uint256 number) = inbox.policyOf(her);
        assertEq(abi.encode(kept), abi.encode(policy));
        assertEq(arrived, 255);
        assertEq(number, 255);
        vm.warp(START + 7 days);
        send(brand, FLOOR, 255);
        (, arrived, number) = inbox.policyOf(her);
        assertEq(arrived, 1);
        assertEq(number, 256);
    }

    /// @dev The same week comes again after 2^15 of them, with the bit above it set or not.
    function test_a_week_is_told_from_what_stands_beside_it() public {
        vm.warp((1 << 15) * 7 days - 1);
        send(brand, FLOOR, 0);
        (, uint256 arrived,) = inbox.policyOf(her);
        assertEq(arrived, 1);
        vm.warp((1 << 15) * 7 days);
        (, arrived,) = inbox.policyOf(her);
        assertEq(arrived, 0);
        send(brand, FLOOR, 1);
        (IInbox.Policy memory kept, uint256 came, uint256 number) = inbox.policyOf(her);
        assertEq(abi.encode(kept), abi.encode(usual()));
        assertEq(came, 1);
        assertEq(number, 2);
    }

    function test_a_lower_number_than_arrived_lets_nothing_in() public {
        send(brand, FLOOR, 0);
        send(brand, FLOOR, 1);
        IInbox.Policy memory policy = usual();
        policy.perWeek = 1;
        change(policy);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, 1));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 2);
    }

    function testFuzz_a_free_sender_pays_what_he_likes_and_counts(uint256 deposit) public {
        deposit = bound(deposit, 0, FLOOR - 1);
        welcome(brand, IInbox.Welcome.Free);
        for (uint256 i = 0; i < PER_WEEK; ++i) {
            send(brand, deposit, i);
        }
        assertEq(cash.balanceOf(her), PER_WEEK * tenth(deposit));
        assertEq(cash.balanceOf(address(inbox)), PER_WEEK * (deposit - tenth(deposit)));
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, PER_WEEK));
        sendRaw(brand, deposit, TOPIC, CHANNEL, 9);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WeekFull.selector, her, PER_WEEK));
        sendRaw(rival, FLOOR, TOPIC, CHANNEL, 9);
    }

    function test_a_free_sender_needs_an_admitted_topic_and_channel() public {
        welcome(brand, IInbox.Welcome.Free);
        vm.expectRevert(abi.encodeWithSelector(IInbox.TopicNotAdmitted.selector, her, TOPIC + 1));
        sendRaw(brand, 0, TOPIC + 1, CHANNEL, 0);
        vm.expectRevert(abi.encodeWithSelector(IInbox.ChannelNotAdmitted.selector, her, CHANNEL + 1));
        sendRaw(brand, 0, TOPIC, CHANNEL + 1, 0);
    }

    function testFuzz_who_would_not_wait_so_long_does_not_send(uint256 answerDays, uint256 mostDays) public {
        answerDays = bound(answerDays, 1, 255);
        mostDays = bound(mostDays, 0, answerDays - 1);
        IInbox.Policy memory policy = usual();
        policy.answerDays = answerDays;
        change(policy);
        vm.expectRevert(abi.encodeWithSelector(IInbox.AnswerTakesLonger.selector, answerDays, mostDays));
        vm.prank(brand);
        inbox.send(her, FLOOR, TOPIC, CHANNEL, mostDays, 0, LETTER);
        vm.prank(brand);
        inbox.send(her, FLOOR, TOPIC, CHANNEL, answerDays, 0, LETTER);
    }

    function test_a_place_holds_one_message_of_one_sender() public {
        IInbox.Message memory message = send(brand, FLOOR, 4);
        vm.expectRevert(abi.encodeWithSelector(IInbox.PlaceNotFree.selector, brand, 4));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, 4);
        send(rival, FLOOR, 4);
        assertTrue(inbox.isOpen(message));
        vm.prank(her);
        inbox.answer(message, REPLY);
        assertEq(inbox.waitingAt(brand, 4), 0);
        IInbox.Message memory next = send(brand, FLOOR, 4);
        assertFalse(inbox.isOpen(message));
        assertEq(inbox.waitingAt(brand, 4), idOf(next));
    }

    function testFuzz_there_are_no_more_places(uint256 place) public {
        place = bound(place, 1 << 64, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IInbox.PlaceNotFree.selector, brand, place));
        sendRaw(brand, FLOOR, TOPIC, CHANNEL, place);
    }

    function test_equal_messages_of_one_second_differ() public {
        IInbox.Message memory first = send(brand, FLOOR, 0);
        vm.prank(her);
        inbox.answer(first, REPLY);
        IInbox.Message memory second = send(brand, FLOOR, 0);
        assertNotEq(idOf(first), idOf(second));
        vm.expectRevert(abi.encodeWithSelector(IInbox.MessageNotOpen.selector, idOf(first)));
        vm.prank(her);
        inbox.answer(first, REPLY);
    }
}
