// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AttestorCredentials} from "../../../contracts/attention/AttestorCredentials.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttentionTest} from "./AttentionTest.sol";

contract OpeningTest is AttentionTest {
    function refused(IAttentionRewards.Terms memory terms, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(terms.admin);
        rewards.open(terms, 0);
    }

    function testFuzz_keeps_what_was_fixed(IAttentionRewards.Terms memory terms, uint256 budget) public {
        terms.admin = brand;
        (terms.token, terms.tokenKind, terms.fresh) = (address(cash), ERC20, false);
        terms.price = bound(terms.price, 1, 100);
        if (terms.signer == address(0)) terms.signer = signer;
        terms.start = bound(terms.start, 0, START + 1000 days);
        uint256 earliest = terms.start < START ? START : terms.start;
        terms.end = bound(terms.end, earliest, START + 3000 days);
        terms.claimUntil = bound(terms.claimUntil, terms.end + 30 days, START + 3650 days);
        terms.maxContacts = bound(terms.maxContacts, 0, type(uint16).max);
        terms.perDay = bound(terms.perDay, 0, type(uint16).max);
        terms.codes = bound(terms.codes, terms.maxContacts == 0 ? 1 : 0, 1000);
        terms.codesPerAccount = bound(terms.codesPerAccount, 0, type(uint16).max);
        terms.rootDelayDays = bound(terms.rootDelayDays, 1, 7);
        terms.credentials = uint256(terms.salt) % 2 == 0 ? address(0) : address(credentials);
        terms.topic %= 64;
        terms.channel %= 16;
        budget = bound(budget, terms.codes, FUNDS / terms.price);

        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CampaignOpened(idOf(terms), address(cash), brand, terms);
        bytes32 campaign = open(terms, budget);
        assertEq(rewards.idOf(terms), campaign);
        assertStanding(campaign, budget, 0, terms.codes);
        assertEq(rewards.standingOf(campaign).admin, brand);
        assertEq(cash.balanceOf(address(rewards)), budget * terms.price);
        IAttentionRewards.Rules memory rules = rewards.rulesOf(campaign);
        assertEq(
            keccak256(abi.encode(rules)),
            keccak256(
                abi.encode(
                    IAttentionRewards.Rules({
                        token: terms.token,
                        tokenKind: terms.tokenKind,
                        fresh: terms.fresh,
                        price: terms.price,
                        signer: terms.signer,
                        start: terms.start,
                        end: terms.end,
                        claimUntil: terms.claimUntil,
                        maxContacts: terms.maxContacts,
                        perDay: terms.perDay,
                        codes: terms.codes,
                        codesPerAccount: terms.codesPerAccount,
                        rootDelayDays: terms.rootDelayDays,
                        credentials: terms.credentials
                    })
                )
            )
        );
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.CampaignExists.selector, campaign));
        vm.prank(brand);
        rewards.open(terms, budget);
    }

    function test_what_is_not_there_is_zero() public view {
        IAttentionRewards.Standing memory standing;
        IAttentionRewards.Rules memory rules;
        assertEq(keccak256(abi.encode(rewards.standingOf("no"))), keccak256(abi.encode(standing)));
        assertEq(keccak256(abi.encode(rewards.rulesOf("no"))), keccak256(abi.encode(rules)));
        (uint256 total, uint256 today) = rewards.codesOf("no", id(customer));
        assertEq(total + today, 0);
    }

    function test_id_is_of_all_terms_chain_and_contract() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 0);
        assertEq(rewards.idOf(terms), campaign);
        assertEq(abi.encode(rewards.handleOf(campaign)), abi.encode(handles[campaign]));
        IAttentionRewards.Handle memory nothing;
        assertEq(abi.encode(rewards.handleOf("no")), abi.encode(nothing));
        vm.chainId(block.chainid + 1);
        assertNotEq(rewards.idOf(terms), campaign);
        terms.salt = "other";
        assertEq(rewards.idOf(terms), idOf(terms));
    }

    function test_only_the_admin_opens() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = idOf(terms);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NotTheAdmin.selector, campaign, brand, stranger)
        );
        vm.prank(stranger);
        rewards.open(terms, 0);
    }

    function test_refuses_terms_out_of_range() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.signer = address(0);
        refused(terms, abi.encodeWithSelector(IAttentionRewards.SignerMissing.selector));

        terms = termsInCash();
        terms.fresh = true;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.BadMode.selector, 1, true));
        terms = termsInCash();
        terms.tokenKind = 2;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.BadMode.selector, 2, false));

        terms = termsInCash();
        terms.rootDelayDays = 0;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.RootDelayOutOfRange.selector, 0));
        terms.rootDelayDays = 8;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.RootDelayOutOfRange.selector, 8));
        terms.rootDelayDays = 7;
        open(terms, 0);

        terms = termsInCash();
        terms.topic = 64;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.TopicOutOfRange.selector, 64, 15));
        terms.topic = 0;
        terms.channel = 16;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.TopicOutOfRange.selector, 0, 16));

        terms = termsInCash();
        terms.credentials = stranger;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.NoCredentials.selector, stranger));
    }

    function test_prices_at_their_borders() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.price = 0;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.RewardOutOfRange.selector, 0));
        terms.price = 1 << 96;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.RewardOutOfRange.selector, 1 << 96));
        terms.price = (1 << 96) - 1;
        open(terms, 0);
        terms = termsInPoints();
        terms.price = 1 << 56;
        refused(terms, abi.encodeWithSelector(IAttentionRewards.RewardOutOfRange.selector, 1 << 56));
        terms.price = (1 << 56) - 1;
        open(terms, 0);
    }

    function test_times_at_their_borders() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.claimUntil = terms.end + 30 days - 1;
        refusedTimes(terms);
        terms.claimUntil = terms.end + 30 days;
        open(terms, 0);
        terms = termsInCash();
        terms.start = terms.end + 1;
        refusedTimes(terms);
        terms.start = terms.end;
        open(terms, 0);
        terms = termsInCash();
        terms.start = START - 2;
        terms.end = START - 1;
        refusedTimes(terms);
        terms.end = START;
        open(terms, 0);
        terms = termsInCash();
        terms.claimUntil = START + 3650 days + 1;
        refusedTimes(terms);
        terms.claimUntil = START + 3650 days;
        open(terms, 0);
        terms = termsInCash();
        terms.end = terms.claimUntil + 1;
        refusedTimes(terms);
        terms.end = type(uint256).max;
        refusedTimes(terms);
        terms.claimUntil = type(uint256).max;
        refusedTimes(terms);
    }

    function refusedTimes(IAttentionRewards.Terms memory terms) internal {
        refused(
            terms,
            abi.encodeWithSelector(
                IAttentionRewards.CampaignTimesOutOfRange.selector, terms.start, terms.end, terms.claimUntil
            )
        );
    }

    function refusedCounts(IAttentionRewards.Terms memory terms) internal {
        refused(
            terms,
            abi.encodeWithSelector(
                IAttentionRewards.ContactsOutOfRange.selector,
                terms.maxContacts,
                terms.perDay,
                terms.codes,
                terms.codesPerAccount
            )
        );
    }

    function test_counts_at_their_borders() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.maxContacts = 0;
        refusedCounts(terms);
        terms.maxContacts = 1 << 16;
        refusedCounts(terms);
        terms = termsInCash();
        terms.perDay = 1 << 16;
        refusedCounts(terms);
        terms = termsInCash();
        terms.codes = 1 << 32;
        refusedCounts(terms);
        terms = termsInCash();
        terms.codesPerAccount = 1 << 16;
        refusedCounts(terms);
        terms.codesPerAccount = (1 << 16) - 1;
        (terms.maxContacts, terms.perDay) = ((1 << 16) - 1, (1 << 16) - 1);
        open(terms, 0);
    }

    function test_codes_need_their_budget() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 5);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.BudgetTooSmall.selector, 4, 5));
        vm.prank(brand);
        rewards.open(terms, 4);
        assertStanding(open(terms, 5), 5, 0, 5);
    }

    // ---------------------------------------------------------------------------------------- fresh points

    function test_fresh_points_need_the_owner_of_the_token() public {
        IAttentionRewards.Terms memory terms = termsFresh();
        terms.admin = stranger;
        bytes32 campaign = idOf(terms);
        grant(campaign, 100, terms.claimUntil);
        refused(
            terms,
            abi.encodeWithSelector(
                IAttentionRewards.NotTheTokenOwner.selector, address(points), brand, stranger
            )
        );
    }

    function test_the_grant_is_the_campaigns_own_locked_and_without_a_cap() public {
        IAttentionRewards.Terms memory terms = termsFresh();
        bytes32 campaign = idOf(terms);
        // One that is not there, one of another campaign's, one too short.
        refused(terms, abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 0, 0));
        grant(idOf(termsFresh()), 100, terms.claimUntil);
        refused(terms, abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 0, 0));
        grant(campaign, 100, terms.claimUntil - 1);
        refused(
            terms,
            abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 0, terms.claimUntil - 1)
        );
        vm.prank(brand);
        points.setGrant(address(rewards), uint256(campaign), 100, 0, terms.claimUntil);
        vm.prank(brand);
        rewards.open(terms, 14);
        assertStanding(campaign, 100 / PRICE, 0, 0);

        terms = termsFresh();
        campaign = idOf(terms);
        vm.prank(brand);
        points.setGrant(address(rewards), uint256(campaign), 100, 50, terms.claimUntil);
        refused(
            terms,
            abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 50, terms.claimUntil)
        );
    }

    function test_the_grant_holds_budget_and_codes() public {
        IAttentionRewards.Terms memory terms = withCodes(termsFresh(), 3);
        bytes32 campaign = idOf(terms);
        grant(campaign, 10 * PRICE, terms.claimUntil);
        // Codes are paid out of a grant of their own, as fit as the other.
        refused(terms, abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 0, 0));
        grant(codesGrant(campaign), 3 * PRICE - 1, terms.claimUntil - 1);
        refused(
            terms,
            abi.encodeWithSelector(IAttentionRewards.GrantUnfit.selector, campaign, 0, terms.claimUntil - 1)
        );
        grant(codesGrant(campaign), 3 * PRICE - 1, terms.claimUntil);
        refused(terms, abi.encodeWithSelector(IAttentionRewards.BudgetTooSmall.selector, 2, 3));
        terms = withCodes(termsFresh(), 3);
        campaign = idOf(terms);
        grant(campaign, 0, terms.claimUntil);
        grant(codesGrant(campaign), 3 * PRICE, terms.claimUntil);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.BudgetTooSmall.selector, 3, 4));
        vm.prank(brand);
        rewards.open(terms, 4);
        vm.prank(brand);
        rewards.open(terms, 3);
    }

    function test_the_brand_cannot_take_the_grant_back_before_the_claims_end() public {
        IAttentionRewards.Terms memory terms = termsFresh();
        bytes32 campaign = open(terms, 10);
        vm.warp(terms.claimUntil);
        vm.expectRevert();
        vm.prank(brand);
        points.setGrant(address(rewards), uint256(campaign), 10 * PRICE - 1, 0, terms.claimUntil);
        points.releaseGrant(address(rewards), uint256(campaign));
        claim(campaign, customer, 1);
        assertEq(points.balanceOf(customer), PRICE);
    }

    function test_the_brand_cannot_make_claims_fail_by_filling_the_lane() public {
        bytes32 campaign = open(termsFresh(), 10);
        uint256 lane = (1 << 56) - 1;
        vm.expectRevert();
        vm.prank(brand);
        points.mint(brand, lane - FUNDS - 10 * PRICE + 1);
        vm.prank(brand);
        points.mint(brand, lane - FUNDS - 10 * PRICE);
        claim(campaign, customer, 1);
    }

    // ------------------------------------------------------------------------------------------------ funding

    function test_anyone_adds_to_the_escrow() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 3);
        cash.mint(stranger, 100);
        vm.startPrank(stranger);
        cash.approve(address(rewards), 100);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CampaignFunded(campaign, stranger, 4);
        rewards.fund(campaign, 4);
        assertEq(cash.balanceOf(stranger), 100 - 4 * PRICE);
        assertStanding(campaign, 7, 0, 0);
        vm.expectRevert(IAttentionRewards.ZeroContacts.selector);
        rewards.fund(campaign, 0);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.BudgetTooLarge.selector, (1 << 56) - 7));
        rewards.fund(campaign, (1 << 56) - 7);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.BudgetTooLarge.selector, 1 << 200));
        rewards.fund(campaign, 1 << 200);
        vm.warp(terms.claimUntil + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ClaimsOver.selector, terms.claimUntil));
        rewards.fund(campaign, 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.CampaignUnknown.selector, bytes32("no")));
        rewards.fund("no", 1);
    }

    function test_a_grant_is_raised_in_the_token() public {
        IAttentionRewards.Terms memory terms = termsFresh();
        bytes32 campaign = open(terms, 3);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotInEscrow.selector, campaign));
        vm.prank(brand);
        rewards.fund(campaign, 1);
        grant(campaign, 5 * PRICE, terms.claimUntil);
        assertStanding(campaign, 5, 0, 0);
    }

    function test_points_in_escrow_live_beyond_the_claims() public {
        // The lot of this epoch lives until START + 4 epochs, of which one that began 40 epochs ago is the first.
        IAttentionRewards.Terms memory terms = termsInPoints();
        terms.claimUntil = START + 4 * EPOCH;
        vm.expectRevert(
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, brand, 0, PRICE, terms.claimUntil, 0
            )
        );
        vm.prank(brand);
        rewards.open(terms, 1);
        terms.claimUntil -= 1;
        bytes32 campaign = open(terms, 10);
        assertEq(points.balanceOf(points.pocketOf(address(rewards), campaign)), 10 * PRICE);
        assertEq(points.balanceOf(address(rewards)), 0);
        vm.warp(terms.claimUntil);
        claim(campaign, customer, 3);
        assertEq(points.balanceOf(customer), 2 * PRICE);
    }

    function test_points_are_no_cash() public {
        IAttentionRewards.Terms memory terms = termsInPoints();
        terms.tokenKind = ERC20;
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NotOfCampaignKind.selector, address(points), 1)
        );
        vm.prank(brand);
        rewards.open(terms, 1);
    }

    function test_points_that_say_no_are_none() public {
        IAttentionRewards.Terms memory terms = termsInPoints();
        bytes32 campaign = open(terms, 1);
        vm.mockCall(
            address(points), abi.encodePacked(ILoyaltyToken.transferFromWithin.selector), abi.encode(false)
        );
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NotOfCampaignKind.selector, address(points), 0)
        );
        vm.prank(brand);
        rewards.fund(campaign, 1);
    }

    function odd(OddTokenMock.Oddity oddity) internal returns (OddTokenMock token, bytes32 campaign) {
        token = new OddTokenMock();
        token.mint(brand, 1000);
        vm.prank(brand);
        token.approve(address(rewards), 1000);
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.token = address(token);
        campaign = open(terms, 10);
        token.behave(oddity);
    }

    function test_exactly_the_amount_arrives() public {
        (OddTokenMock token, bytes32 campaign) = odd(OddTokenMock.Oddity.TakesFee);
        refusedArrival(campaign, token, 6);
        token.behave(OddTokenMock.Oddity.DeliversNothing);
        refusedArrival(campaign, token, 0);
        token.behave(OddTokenMock.Oddity.DeliversTwice);
        refusedArrival(campaign, token, 14);
        token.behave(OddTokenMock.Oddity.HalvesBalances);
        refusedArrival(campaign, token, 0);
        token.behave(OddTokenMock.Oddity.ReturnsFalse);
        vm.expectRevert();
        vm.prank(brand);
        rewards.fund(campaign, 1);
        token.behave(OddTokenMock.Oddity.ReturnsNothing);
        vm.prank(brand);
        rewards.fund(campaign, 1);
        assertStanding(campaign, 11, 0, 0);
    }

    function refusedArrival(bytes32 campaign, OddTokenMock token, uint256 arrived) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.EscrowArrivalDiffers.selector, address(token), arrived, PRICE
            )
        );
        vm.prank(brand);
        rewards.fund(campaign, 1);
    }

    // ------------------------------------------------------------------------------------------- the admin

    function test_the_campaign_is_handed_over_in_two_steps() public {
        bytes32 campaign = open(termsInCash(), 1);
        vm.prank(brand);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.AdminOffered(campaign, other);
        rewards.offerAdmin(campaign, other);
        assertEq(rewards.standingOf(campaign).admin, brand);
        assertEq(rewards.standingOf(campaign).nextAdmin, other);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NotOffered.selector, campaign, other, stranger)
        );
        vm.prank(stranger);
        rewards.acceptAdmin(campaign);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.AdminChanged(campaign, brand, other);
        vm.startPrank(other);
        rewards.acceptAdmin(campaign);
        assertEq(rewards.standingOf(campaign).admin, other);
        assertEq(rewards.standingOf(campaign).nextAdmin, address(0));
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NotOffered.selector, campaign, address(0), other)
        );
        rewards.acceptAdmin(campaign);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.CampaignUnknown.selector, bytes32("no")));
        rewards.acceptAdmin("no");
    }

    function test_an_offer_can_be_taken_back() public {
        bytes32 campaign = open(termsInCash(), 1);
        vm.startPrank(brand);
        rewards.offerAdmin(campaign, other);
        rewards.offerAdmin(campaign, address(0));
        vm.stopPrank();
        vm.expectRevert();
        vm.prank(other);
        rewards.acceptAdmin(campaign);
    }

    function test_only_the_admin_runs_it() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 1);
        bytes32 campaign = open(terms, 30);
        bytes memory reason =
            abi.encodeWithSelector(IAttentionRewards.NotTheAdmin.selector, campaign, brand, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(reason);
        rewards.enrol(campaign, list(id(stranger)));
        vm.expectRevert(reason);
        rewards.activate(campaign, numbers(0));
        vm.expectRevert(reason);
        rewards.appendRoot(campaign, "root");
        vm.expectRevert(reason);
        rewards.withdrawRoot(campaign, "root");
        vm.expectRevert(reason);
        rewards.offerAdmin(campaign, stranger);
        vm.warp(terms.claimUntil + 1);
        vm.expectRevert(reason);
        rewards.refund(campaign, stranger);
    }

    function test_nothing_is_run_after_the_claims() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 1);
        bytes32 campaign = open(terms, 30);
        vm.warp(terms.claimUntil + 1);
        bytes memory reason = abi.encodeWithSelector(IAttentionRewards.ClaimsOver.selector, terms.claimUntil);
        vm.startPrank(brand);
        vm.expectRevert(reason);
        rewards.enrol(campaign, list(id(stranger)));
        vm.expectRevert(reason);
        rewards.activate(campaign, numbers(0));
        vm.expectRevert(reason);
        rewards.appendRoot(campaign, "root");
        vm.expectRevert(reason);
        rewards.withdrawRoot(campaign, "root");
    }

    // ------------------------------------------------------------------------------------------- enrolment

    function test_enrolment_sets_aside_what_she_can_still_have() public {
        bytes32 campaign = open(termsInCash(), 60);
        claim(campaign, customer, 3);
        bytes32[] memory all = new bytes32[](3);
        (all[0], all[1], all[2]) = (id(customer), id(other), id(customer));
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.AccountsEnrolled(campaign, all, 38);
        vm.prank(brand);
        rewards.enrol(campaign, all);
        assertStanding(campaign, 58, 38, 0);
        assertTrue(rewards.isEnrolled(campaign, id(customer)));
        assertFalse(rewards.isEnrolled(campaign, id(stranger)));
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 3);
        // Those enrolled before are passed over.
        vm.prank(brand);
        rewards.enrol(campaign, all);
        assertStanding(campaign, 58, 38, 0);
    }

    function test_enrolment_counts_every_page() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.maxContacts = 511;
        bytes32 campaign = open(terms, 600);
        claimStatement(campaign, statement(campaign, id(customer), 2, 1));
        claimStatement(campaign, statement(campaign, id(customer), 1, 6));
        enrol(campaign, customer);
        assertStanding(campaign, 597, 508, 0);
    }

    function test_enrolment_fits_the_budget() public {
        bytes32 campaign = open(withCodes(termsInCash(), 1), 40);
        enrol(campaign, customer);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 19, 20));
        enrol(campaign, other);
        vm.prank(brand);
        rewards.fund(campaign, 1);
        enrol(campaign, other);
        assertStanding(campaign, 41, 40, 1);
    }

    function test_nobody_who_is_none_is_enrolled() public {
        bytes32 campaign = open(termsInCash(), 40);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, bytes32(0)));
        enrol(campaign, address(0));
        bytes32 wide = bytes32(uint256(1) << 160);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, wide));
        vm.prank(brand);
        rewards.enrol(campaign, list(wide));
        campaign = open(asking(termsInCash()), 40);
        vm.prank(brand);
        rewards.enrol(campaign, list(wide));
        assertTrue(rewards.isEnrolled(campaign, wide));
    }

    // ---------------------------------------------------------------------------------------------- the rest

    function test_the_rest_returns_after_the_claims() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 2);
        bytes32 campaign = open(terms, 30);
        enrol(campaign, customer);
        claim(campaign, customer, 3);
        vm.warp(terms.claimUntil);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ClaimsOpen.selector, terms.claimUntil));
        vm.prank(brand);
        rewards.refund(campaign, other);
        vm.warp(terms.claimUntil + 1);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CampaignRefunded(campaign, other, 28 * PRICE);
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertEq(cash.balanceOf(other), 28 * PRICE);
        assertEq(cash.balanceOf(address(rewards)), 0);
        assertStanding(campaign, 0, 0, 0);
        // Again there is nothing.
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertEq(cash.balanceOf(other), 28 * PRICE);
    }

    function test_one_campaigns_rest_is_not_anothers() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 5);
        bytes32 second = open(termsInCash(), 50);
        vm.warp(terms.claimUntil + 1);
        vm.startPrank(brand);
        rewards.refund(campaign, other);
        rewards.refund(campaign, other);
        assertEq(cash.balanceOf(other), 5 * PRICE);
        rewards.refund(second, other);
        assertEq(cash.balanceOf(other), 55 * PRICE);
    }

    function test_a_refund_that_fails_changes_nothing() public {
        (OddTokenMock token, bytes32 campaign) = odd(OddTokenMock.Oddity.Reverts);
        vm.warp(START + 40 days);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(token), other)
        );
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertStanding(campaign, 10, 0, 0);
        token.behave(OddTokenMock.Oddity.None);
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertEq(token.balanceOf(other), 10 * PRICE);
    }

    function test_points_return_but_those_that_expired() public {
        IAttentionRewards.Terms memory terms = termsInPoints();
        bytes32 campaign = open(terms, 10);
        bytes32 second = open(termsInPoints(), 10);
        // What somebody else sends into the pocket is not the brand's.
        address pocket = points.pocketOf(address(rewards), campaign);
        vm.prank(brand);
        points.mint(pocket, 5);
        vm.warp(terms.claimUntil + 1);
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertEq(points.balanceOf(other), 10 * PRICE);
        vm.warp(START + 4 * EPOCH);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CampaignRefunded(second, other, 0);
        vm.prank(brand);
        rewards.refund(second, other);
    }

    function test_a_grant_is_given_up_after_the_claims() public {
        IAttentionRewards.Terms memory terms = withCodes(termsFresh(), 2);
        bytes32 campaign = open(terms, 30);
        enrol(campaign, customer);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotInEscrow.selector, campaign));
        vm.prank(brand);
        rewards.refund(campaign, other);
        vm.warp(terms.claimUntil);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ClaimsOpen.selector, terms.claimUntil));
        rewards.release(campaign);
        vm.warp(terms.claimUntil + 1);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CampaignReleased(campaign);
        rewards.release(campaign);
        assertStanding(campaign, 0, 0, 0);
        assertEq(points.grantOf(address(rewards), uint256(codesGrant(campaign))).amount, 0);
        (,,, uint256 promised) = points.liability();
        assertEq(promised, 0);
        bytes32 escrowed = open(atLater(termsInCash()), 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFresh.selector, escrowed));
        rewards.release(escrowed);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.CampaignUnknown.selector, bytes32("no")));
        rewards.release("no");
    }

    function atLater(IAttentionRewards.Terms memory terms)
        internal
        view
        returns (IAttentionRewards.Terms memory)
    {
        (terms.end, terms.claimUntil) = (block.timestamp, block.timestamp + 30 days);
        return terms;
    }
}

contract AttestorCredentialsTest is AttentionTest {
    function test_needs_an_attestor() public {
        vm.expectRevert(abi.encodeWithSignature("NoAttestor()"));
        new AttestorCredentials(address(0));
        assertEq(credentials.attestor(), attestor);
    }

    function testFuzz_names_the_account_that_was_signed_for(
        bytes32 campaign,
        bytes32 pseudonym,
        address who,
        uint256 expiry
    ) public {
        bytes memory shown = credentialFor(campaign, pseudonym, who, expiry);
        if (who == address(0)) {
            vm.expectRevert(
                abi.encodeWithSignature("CredentialOfNobody(bytes32,bytes32)", campaign, pseudonym)
            );
            credentials.accountOf(campaign, pseudonym, shown);
            return;
        }
        if (expiry < START) {
            vm.expectRevert(abi.encodeWithSignature("CredentialExpired(uint256)", expiry));
            credentials.accountOf(campaign, pseudonym, shown);
            return;
        }
        assertEq(credentials.accountOf(campaign, pseudonym, shown), who);
        bytes memory altered = abi.encodePacked(shown);
        altered[31] = bytes1(uint8(altered[31]) ^ 1);
        vm.expectRevert();
        credentials.accountOf(campaign, pseudonym, altered);
        vm.expectRevert();
        credentials.accountOf(campaign, keccak256(abi.encode(pseudonym)), shown);
        vm.expectRevert();
        credentials.accountOf(keccak256(abi.encode(campaign)), pseudonym, shown);
        vm.chainId(block.chainid + 1);
        vm.expectRevert();
        credentials.accountOf(campaign, pseudonym, shown);
    }

    function test_expires_after_its_last_second() public {
        bytes memory shown = credentialFor("campaign", "pseudonym", customer, START + 5);
        vm.warp(START + 5);
        assertEq(credentials.accountOf("campaign", "pseudonym", shown), customer);
        vm.warp(START + 6);
        vm.expectRevert(abi.encodeWithSignature("CredentialExpired(uint256)", START + 5));
        credentials.accountOf("campaign", "pseudonym", shown);
    }

    function test_refuses_what_was_not_signed_or_is_too_short() public {
        vm.expectRevert(abi.encodeWithSignature("CredentialTooShort(uint256)", 63));
        credentials.accountOf("campaign", "pseudonym", new bytes(63));
        bytes memory nobodys = credentialFor("campaign", "pseudonym", address(0), START);
        vm.expectRevert(
            abi.encodeWithSignature(
                "CredentialOfNobody(bytes32,bytes32)", bytes32("campaign"), bytes32("pseudonym")
            )
        );
        credentials.accountOf("campaign", "pseudonym", nobodys);
        bytes memory bare = abi.encode(customer, START);
        vm.expectPartialRevert(bytes4(keccak256("CredentialNotSigned(address,bytes32)")));
        credentials.accountOf("campaign", "pseudonym", bare);
    }
}
