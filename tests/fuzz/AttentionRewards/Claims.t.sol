// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {AttentionTest} from "./AttentionTest.sol";

contract StatementsTest is AttentionTest {
    uint256 internal constant LAST = 1 << 254;

    function pays(bytes32 campaign, uint256 contacts, uint256 fresh) internal {
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.ContactsPaid(campaign, id(customer), fresh, uint160(customer));
        claim(campaign, customer, contacts);
    }

    function test_pays_fresh_points() public {
        bytes32 campaign = open(atOnce(termsFresh()), 30);
        pays(campaign, 7, 7);
        assertEq(points.balanceOf(customer), 3 * PRICE);
        assertStanding(campaign, 27, 0, 0);
        assertEq(points.grantOf(address(rewards), uint256(campaign)).amount, 27 * PRICE);
    }

    function test_pays_points_out_of_escrow() public {
        bytes32 campaign = open(atOnce(termsInPoints()), 30);
        pays(campaign, 7, 7);
        assertEq(points.balanceOf(customer), 3 * PRICE);
        assertEq(points.balanceOf(points.pocketOf(address(rewards), campaign)), 27 * PRICE);
        assertStanding(campaign, 27, 0, 0);
    }

    function test_pays_cash_out_of_escrow() public {
        bytes32 campaign = open(atOnce(termsInCash()), 30);
        pays(campaign, 7, 7);
        assertEq(cash.balanceOf(customer), 3 * PRICE);
        assertStanding(campaign, 27, 0, 0);
    }

    function test_an_enrolled_account_is_paid_out_of_what_is_reserved() public {
        bytes32 campaign = open(atOnce(termsFresh()), 20);
        enrol(campaign, customer);
        assertStanding(campaign, 20, 20, 0);
        pays(campaign, 7, 7);
        assertStanding(campaign, 17, 17, 0);
        assertTrue(rewards.isEnrolled(campaign, id(customer)));
    }

    /// @dev A contact is paid once, in whatever order the sets come.
    function testFuzz_the_union_counts(uint256 a, uint256 b, uint256 c, bool enrolled) public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.maxContacts = 255;
        bytes32 campaign = open(terms, 300);
        if (enrolled) enrol(campaign, customer);
        uint256[3] memory sets = [a % (1 << 255), b % (1 << 255), c % (1 << 255)];
        uint256 union = 0;
        for (uint256 i = 0; i < 3; ++i) {
            IAttentionRewards.Statement memory made = statement(campaign, customer, sets[i]);
            if (sets[i] & ~union == 0) {
                vm.expectRevert(
                    abi.encodeWithSelector(IAttentionRewards.NothingNew.selector, campaign, id(customer))
                );
            }
            claimStatement(campaign, made);
            union |= sets[i];
            uint256 number = 0;
            for (uint256 bit = 0; bit < 255; ++bit) {
                number += union >> bit & 1;
            }
            assertEq(cash.balanceOf(customer), number * PRICE);
            assertEq(rewards.contactsOf(campaign, id(customer), 0), union);
            assertStanding(campaign, 300 - number, enrolled ? 255 - number : 0, 0);
        }
    }

    function test_a_contact_has_its_day() public {
        bytes32 campaign = open(termsInCash(), 30);
        // Contacts 4 and 5 are of day 2, 18 and 19 of day 9, the last.
        uint256[3] memory contacts = [uint256(4), 5, 19];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 from = START + contacts[i] / 2 * DAY;
            IAttentionRewards.Statement memory made = statement(campaign, customer, 1 << contacts[i]);
            vm.warp(from - 1);
            vm.expectRevert(
                abi.encodeWithSelector(IAttentionRewards.ContactTooEarly.selector, contacts[i], from)
            );
            claimStatement(campaign, made);
            vm.warp(from);
            claimStatement(campaign, made);
        }
        vm.warp(START + 5 * DAY + 1);
        claim(campaign, customer, 1 << 10);
        assertEq(cash.balanceOf(customer), 4 * PRICE);
    }

    function test_one_that_is_too_early_keeps_back_the_whole_set() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 7);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ContactTooEarly.selector, 2, START + DAY));
        claimStatement(campaign, made);
    }

    function test_nothing_counts_before_the_start() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.start = START + 1;
        bytes32 campaign = open(terms, 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ContactTooEarly.selector, 0, START + 1));
        claimStatement(campaign, made);
        vm.warp(START + 1);
        claimStatement(campaign, made);
    }

    function test_a_day_after_the_end_never_comes() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.maxContacts = 30;
        bytes32 campaign = open(terms, 30);
        vm.warp(terms.claimUntil);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1 << 20);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.ContactAfterEnd.selector, 20, terms.end + DAY, terms.end)
        );
        claimStatement(campaign, made);
        claim(campaign, customer, 1 << 19);
    }

    function test_claims_end() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 30);
        vm.warp(terms.claimUntil);
        claim(campaign, customer, 1);
        vm.warp(terms.claimUntil + 1);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 2);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ClaimsOver.selector, terms.claimUntil));
        claimStatement(campaign, made);
        // A handle of which any word is another's is that of no campaign.
        IAttentionRewards.Handle memory handle = handles[campaign];
        for (uint256 i = 0; i < 3; ++i) {
            IAttentionRewards.Handle memory wrong =
                IAttentionRewards.Handle(handle.reward, handle.rule, handle.terms);
            if (i == 0) wrong.reward = uint256(2 * PRICE) << 160 | uint160(terms.token);
            else if (i == 1) wrong.rule += 1 << 200;
            else wrong.terms = "no";
            bytes32 unknown = keccak256(abi.encode(wrong));
            vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.CampaignUnknown.selector, unknown));
            rewards.claimStatement(wrong, made, "");
        }
    }

    function outOfRange(bytes32 campaign, uint256 page, uint256 contacts, uint256 maximum) internal {
        IAttentionRewards.Statement memory made = statement(campaign, id(customer), page, contacts);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.ContactOutOfRange.selector, page, contacts, maximum)
        );
        claimStatement(campaign, made);
    }

    function test_contacts_at_the_borders_of_pages() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.maxContacts = 257;
        bytes32 campaign = open(terms, 300);
        claim(campaign, customer, 1);
        claim(campaign, customer, LAST);
        outOfRange(campaign, 0, 1 << 255, 257);
        outOfRange(campaign, 0, 1 << 255 | 2, 257);
        claimStatement(campaign, statement(campaign, id(customer), 1, 3));
        outOfRange(campaign, 1, 4, 257);
        outOfRange(campaign, 1, 1 << 255, 257);
        outOfRange(campaign, 2, 1, 257);
        outOfRange(campaign, 1 << 16, 1, 257);
        outOfRange(campaign, type(uint256).max, 1, 257);
        // 255 times this is 1, modulo 2^256: a product that wraps takes it for a page that is open.
        outOfRange(campaign, type(uint256).max - type(uint256).max / 255 + 1, 1, 257);
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 1 | LAST);
        assertEq(rewards.contactsOf(campaign, id(customer), 1), 3);
        assertFalse(rewards.isEnrolled(campaign, id(customer)));
        assertEq(cash.balanceOf(customer), 4 * PRICE);
    }

    function test_the_last_page_there_can_be() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.maxContacts = type(uint16).max;
        bytes32 campaign = open(terms, 70_000);
        // 65,535 = 257 * 255: the last contact is the last bit of page 256.
        IAttentionRewards.Statement memory made = statement(campaign, id(customer), 256, LAST);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.ContactsPaid(
            campaign, id(customer), LAST, uint256(256) << 168 | uint160(customer)
        );
        claimStatement(campaign, made);
        outOfRange(campaign, 257, 1, type(uint16).max);
        enrol(campaign, customer);
        assertStanding(campaign, 69_999, 65_534, 0);
    }

    function test_the_highest_price_of_a_whole_page() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        (terms.price, terms.maxContacts) = ((1 << 96) - 1, 255);
        cash.mint(brand, 255 * terms.price);
        bytes32 campaign = open(terms, 255);
        pays(campaign, (1 << 255) - 1, (1 << 255) - 1);
        assertEq(cash.balanceOf(customer), 255 * terms.price);
    }

    function test_budget_at_its_border() public {
        bytes32 campaign = open(atOnce(termsFresh()), 3);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 15);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 3, 4));
        claimStatement(campaign, made);
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 0);
        claim(campaign, customer, 7);
        assertStanding(campaign, 0, 0, 0);
    }

    /// @dev The brand's own account cannot drain what is reserved for others, nor codes.
    function test_what_is_reserved_is_not_for_others() public {
        bytes32 campaign = open(withCodes(atOnce(termsInCash()), 4), 26);
        enrol(campaign, customer);
        IAttentionRewards.Statement memory made = statement(campaign, stranger, 7);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 2, 3));
        claimStatement(campaign, made);
        claim(campaign, stranger, 3);
        claim(campaign, customer, (1 << 20) - 1);
        activate(campaign, 0);
        for (uint256 i = 0; i < 4; ++i) {
            claimCode(campaign, i, other);
        }
        assertStanding(campaign, 0, 0, 0);
        assertEq(cash.balanceOf(address(rewards)), 0);
    }

    /// @dev Fresh points: the token says what is left after the issue.
    function test_fresh_points_that_are_reserved_are_not_for_others() public {
        bytes32 campaign = open(withCodes(atOnce(termsFresh()), 4), 26);
        enrol(campaign, customer);
        IAttentionRewards.Statement memory made = statement(campaign, stranger, 7);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 2, 3));
        claimStatement(campaign, made);
        assertEq(points.balanceOf(stranger), 0);
        made = statement(campaign, stranger, (1 << 20) - 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 2, 20));
        claimStatement(campaign, made);
        claim(campaign, stranger, 3);
        assertStanding(campaign, 24, 20, 4);
        claim(campaign, customer, (1 << 20) - 1);
        activate(campaign, 0);
        for (uint256 i = 0; i < 4; ++i) {
            claimCode(campaign, i, other);
        }
        assertStanding(campaign, 0, 0, 0);
    }

    /// @dev What of a grant is less than a price pays nothing.
    function testFuzz_what_is_free_of_a_grant(uint256 amount, uint256 number, bool enrolled) public {
        IAttentionRewards.Terms memory terms = withCodes(atOnce(termsFresh()), 4);
        amount = bound(amount, 24 * PRICE, 60 * PRICE);
        number = bound(number, 1, 20);
        bytes32 campaign = idOf(terms);
        grant(campaign, amount - 4 * PRICE, terms.claimUntil);
        grant(codesGrant(campaign), 4 * PRICE, terms.claimUntil);
        vm.prank(brand);
        rewards.open(terms, 24);
        if (enrolled) enrol(campaign, other);
        uint256 free = amount / PRICE - 4 - (enrolled ? 20 : 0);
        IAttentionRewards.Statement memory made = statement(campaign, customer, (1 << number) - 1);
        if (number > free) {
            vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, free, number));
        }
        claimStatement(campaign, made);
    }

    /// @dev Both forms of each claim do the same.
    function test_a_credential_that_nobody_asked_for_is_not_read() public {
        bytes32 campaign = open(withCodes(atOnce(termsInCash()), 2), 30);
        activate(campaign, 0);
        IAttentionRewards.Handle memory handle = handles[campaign];
        rewards.claimStatement(handle, statement(campaign, customer, 1), "unread");
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 1);
        rewards.claimTicket(handle, made, taker(campaign, made, customer).signature, "unread");
        made = ticket(campaign, 0, 1);
        Taker memory taking = taker(campaign, made, customer);
        rewards.claimCode(handle, taken(made, taking), taking.signature, "unread");
        Leaf memory proven = leaf(campaign, id(customer), 0, 4);
        appendInEffect(campaign, proven.root);
        IAttentionRewards.Leaf memory words =
            IAttentionRewards.Leaf(proven.account, proven.page, proven.contacts);
        rewards.claimRoot(handle, words, proven.proof, "unread");
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 7);
        assertEq(cash.balanceOf(customer), 4 * PRICE);
    }

    function test_only_addresses_are_accounts() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, bytes32(0)));
        claimStatement(campaign, made);
        bytes32 wide = bytes32(uint256(1) << 160 | 1);
        made = statement(campaign, wide, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, wide));
        claimStatement(campaign, made);
    }

    function test_who_refuses_is_not_paid() public {
        bytes32 campaign = open(termsFresh(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, address(points), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(points), address(points))
        );
        claimStatement(campaign, made);
        assertEq(rewards.contactsOf(campaign, id(address(points)), 0), 0);
    }

    function test_a_token_that_says_no_has_not_paid() public {
        OddTokenMock token = new OddTokenMock();
        token.mint(brand, 1000);
        vm.prank(brand);
        token.approve(address(rewards), 1000);
        IAttentionRewards.Terms memory terms = termsInCash();
        terms.token = address(token);
        bytes32 campaign = open(terms, 10);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        OddTokenMock.Oddity[4] memory noes = [
            OddTokenMock.Oddity.ReturnsFalse,
            OddTokenMock.Oddity.ReturnsTwo,
            OddTokenMock.Oddity.Reverts,
            OddTokenMock.Oddity.RevertsWithMegabyte
        ];
        for (uint256 i = 0; i < 4; ++i) {
            token.behave(noes[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(token), customer)
            );
            claimStatement(campaign, made);
        }
        assertStanding(campaign, 10, 0, 0);
        token.behave(OddTokenMock.Oddity.ReturnsNothing);
        claimStatement(campaign, made);
        token.behave(OddTokenMock.Oddity.ReturnsMegabyte);
        claimStatement(campaign, statement(campaign, customer, 2));
        assertEq(token.balanceOf(customer), 2 * PRICE);
        // No code any more: no answer is no yes then.
        vm.etch(address(token), "");
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(token), other)
        );
        claimStatement(campaign, statement(campaign, other, 1));
    }

    // ----------------------------------------------------------------------------------------- credentials

    function test_a_credential_names_who_is_paid() public {
        bytes32 campaign = open(asking(termsInCash()), 30);
        IAttentionRewards.Statement memory made = statement(campaign, "pseudonym", 0, 3);
        bytes memory credential = credentialFor(campaign, "pseudonym", customer, START);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.ContactsPaid(campaign, "pseudonym", 3, uint160(customer));
        claimStatement(campaign, made, credential);
        assertEq(cash.balanceOf(customer), 2 * PRICE);
        // The person counts, not her account.
        credential = credentialFor(campaign, "pseudonym", other, START);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.NothingNew.selector, campaign, bytes32("pseudonym"))
        );
        claimStatement(campaign, made, credential);
    }

    function test_no_credential_no_payment() public {
        bytes32 campaign = open(asking(termsInCash()), 30);
        IAttentionRewards.Statement memory made = statement(campaign, "pseudonym", 0, 1);
        vm.expectRevert(abi.encodeWithSignature("CredentialTooShort(uint256)", 0));
        claimStatement(campaign, made);
        bytes memory credential = credentialFor(campaign, "other", customer, START);
        vm.expectPartialRevert(bytes4(keccak256("CredentialNotSigned(address,bytes32)")));
        claimStatement(campaign, made, credential);
        vm.mockCall(address(credentials), "", abi.encode(address(0)));
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.CredentialRefused.selector, address(credentials), bytes32("pseudonym")
            )
        );
        claimStatement(campaign, made);
        made.account = 0;
        made.signature = signDigest(signer, statementDigest(campaign, made));
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, bytes32(0)));
        claimStatement(campaign, made);
    }

    // ------------------------------------------------------------------------------------------- signatures

    function notSigned(bytes32 campaign, IAttentionRewards.Statement memory made) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.NotSignedByCampaign.selector, signer, statementDigest(campaign, made)
            )
        );
        claimStatement(campaign, made);
    }

    function testFuzz_every_field_is_signed(bytes32 who, uint256 page, uint256 contacts) public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        vm.assume(who != made.account || page != 0 || contacts != 1);
        (made.account, made.page, made.contacts) = (who, page, contacts);
        notSigned(campaign, made);
    }

    function test_what_is_no_signature_is_refused() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        IAttentionRewards.Signature memory good = made.signature;
        // v of the other kind, nothing at all, and an r of no point: what ecrecover answers nothing to is nobody's.
        made.signature = IAttentionRewards.Signature(good.r, bytes32(uint256(good.vs) ^ 1 << 255));
        notSigned(campaign, made);
        made.signature = IAttentionRewards.Signature(0, 0);
        notSigned(campaign, made);
        made.signature = IAttentionRewards.Signature(bytes32(type(uint256).max), good.vs);
        notSigned(campaign, made);
        made.signature = good;
        claimStatement(campaign, made);
    }

    /// @dev Of these digests about half have each v.
    function test_both_kinds_of_v_count() public {
        bytes32 campaign = open(atOnce(termsInCash()), 30);
        uint256 kinds = 0;
        for (uint256 i = 0; i < 20; ++i) {
            IAttentionRewards.Statement memory made = statement(campaign, customer, 1 << i);
            kinds |= 1 << (uint256(made.signature.vs) >> 255);
            claimStatement(campaign, made);
        }
        assertEq(kinds, 3);
    }

    /// @dev Code at the signer's address is never asked: it could say no later, or yes to all.
    function test_a_contracts_word_does_not_count() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        // Answers every call with ERC-1271's yes.
        vm.etch(signer, hex"631626ba7e60e01b60005260206000f3");
        IAttentionRewards.Signature memory signature = made.signature;
        made.signature = signDigest(stranger_(), statementDigest(campaign, made));
        notSigned(campaign, made);
        vm.etch(signer, hex"60006000fd");
        made.signature = signature;
        claimStatement(campaign, made);
    }

    function stranger_() internal returns (address) {
        return account("who signs nothing");
    }

    function test_a_statement_serves_one_campaign_chain_and_contract() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 30);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        bytes32 second = open(termsInCash(), 30);
        notSigned(second, made);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        notSigned(campaign, made);
        vm.chainId(chain);
        claimStatement(campaign, made);
    }
}

contract BatchesTest is AttentionTest {
    function statements(uint256 length) internal pure returns (IAttentionRewards.Statement[] memory) {
        return new IAttentionRewards.Statement[](length);
    }

    function skips(bytes32 campaign, bytes32 who, uint256 position, IAttentionRewards.Skip reason) internal {
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.StatementSkipped(campaign, who, position, reason);
    }

    function test_pays_the_others_and_names_those_it_passes_over() public {
        IAttentionRewards.Terms memory terms = termsFresh();
        terms.maxContacts = 30;
        bytes32 campaign = open(terms, 3);
        claim(campaign, other, 1);
        vm.warp(terms.end);
        IAttentionRewards.Statement[] memory all = statements(9);
        all[0] = statement(campaign, customer, 1);
        all[1] = statement(campaign, other, 1);
        all[2] = statement(campaign, customer, 2);
        all[2].signature = signDigest(attestor, statementDigest(campaign, all[2]));
        all[3] = statement(campaign, address(points), 1);
        all[4] = statement(campaign, customer, 1 << 30);
        all[5] = statement(campaign, customer, 1 << 20);
        all[6] = statement(campaign, address(0), 1);
        all[7] = statement(campaign, stranger, 3);
        all[8] = statement(campaign, stranger, 1);
        skips(campaign, id(other), 1, IAttentionRewards.Skip.NothingNew);
        skips(campaign, id(customer), 2, IAttentionRewards.Skip.NotSigned);
        skips(campaign, id(address(points)), 3, IAttentionRewards.Skip.Refused);
        skips(campaign, id(customer), 4, IAttentionRewards.Skip.OutOfRange);
        skips(campaign, id(customer), 5, IAttentionRewards.Skip.AfterEnd);
        skips(campaign, bytes32(0), 6, IAttentionRewards.Skip.NoAccount);
        skips(campaign, id(stranger), 7, IAttentionRewards.Skip.NotFree);
        vm.prank(relay);
        assertEq(claimStatements(campaign, all), 2);
        assertEq(points.balanceOf(customer), PRICE);
        assertEq(points.balanceOf(stranger), PRICE);
        assertEq(rewards.contactsOf(campaign, id(address(points)), 0), 0);
        assertStanding(campaign, 0, 0, 0);
    }

    /// @dev One call issues for all: whom the token would refuse must not be in it.
    function test_a_batch_of_fresh_points_passes_over_whom_the_token_refuses() public {
        bytes32 campaign = open(atOnce(termsFresh()), 30);
        IAttentionRewards.Statement[] memory all = statements(4);
        all[0] = statement(campaign, address(points), 3);
        all[1] = statement(campaign, points.exchange(), 3);
        all[2] = statement(campaign, customer, 3);
        all[3] = statement(campaign, bytes32(uint256(1) << 160 | 1), 0, 3);
        skips(campaign, all[0].account, 0, IAttentionRewards.Skip.Refused);
        skips(campaign, all[1].account, 1, IAttentionRewards.Skip.Refused);
        skips(campaign, all[3].account, 3, IAttentionRewards.Skip.NoAccount);
        assertEq(claimStatements(campaign, all), 1);
        assertEq(rewards.contactsOf(campaign, all[1].account, 0), 0);
        assertStanding(campaign, 28, 0, 0);
    }

    function test_a_batch_of_fresh_points_keeps_what_is_reserved() public {
        bytes32 campaign = open(withCodes(atOnce(termsFresh()), 4), 27);
        enrol(campaign, customer);
        IAttentionRewards.Statement[] memory all = statements(5);
        all[0] = statement(campaign, stranger, 15);
        all[1] = statement(campaign, customer, 7);
        all[2] = statement(campaign, other, 3);
        all[3] = statement(campaign, stranger, 3);
        all[4] = statement(campaign, other, 4);
        skips(campaign, all[0].account, 0, IAttentionRewards.Skip.NotFree);
        skips(campaign, all[3].account, 3, IAttentionRewards.Skip.NotFree);
        assertEq(claimStatements(campaign, all), 3);
        assertStanding(campaign, 21, 17, 4);
        assertEq(points.balanceOf(customer), 3 * PRICE);
        assertEq(points.balanceOf(other), 3 * PRICE);
    }

    function test_a_batch_that_the_token_does_not_issue_reverts() public {
        bytes32 campaign = open(atOnce(termsFresh()), 30);
        IAttentionRewards.Statement[] memory all = statements(1);
        all[0] = statement(campaign, customer, 3);
        vm.mockCallRevert(address(points), abi.encodeWithSelector(points.issueTo.selector), "");
        bytes memory refused =
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(points), address(0));
        vm.expectRevert(refused);
        claimStatements(campaign, all);
        // Nor does no answer count.
        vm.mockCall(address(points), abi.encodeWithSelector(points.issueTo.selector), "");
        vm.expectRevert(refused);
        claimStatements(campaign, all);
    }

    function test_one_that_is_too_early_is_passed_over() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Statement[] memory all = statements(2);
        all[0] = statement(campaign, customer, 4);
        all[1] = statement(campaign, customer, 3);
        skips(campaign, id(customer), 0, IAttentionRewards.Skip.TooEarly);
        assertEq(claimStatements(campaign, all), 1);
        assertEq(cash.balanceOf(customer), 2 * PRICE);
    }

    function test_one_that_is_passed_over_leaves_no_payment_in_the_log() public {
        bytes32 campaign = open(termsFresh(), 30);
        IAttentionRewards.Statement[] memory all = statements(1);
        all[0] = statement(campaign, address(points), 1);
        vm.recordLogs();
        assertEq(claimStatements(campaign, all), 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertNotEq(logs[i].topics[0], IAttentionRewards.ContactsPaid.selector);
        }
    }

    /// @dev Twins, in one batch and across two, in all modes: the union is paid once.
    function test_twins_are_paid_once() public {
        bytes32[3] memory campaigns = [
            open(atOnce(termsInCash()), 30), open(atOnce(termsInPoints()), 30), open(atOnce(termsFresh()), 30)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 campaign = campaigns[i];
            if (i == 1) enrol(campaign, customer);
            IAttentionRewards.Statement[] memory all = statements(4);
            all[0] = statement(campaign, customer, 3);
            all[1] = all[0];
            all[2] = statement(campaign, customer, 6);
            all[3] = statement(campaign, customer, 5);
            assertEq(claimStatements(campaign, all), 2);
            assertEq(claimStatements(campaign, all), 0);
            assertEq(rewards.contactsOf(campaign, id(customer), 0), 7);
            assertStanding(campaign, 27, i == 1 ? 17 : 0, 0);
        }
        assertEq(cash.balanceOf(customer), 3 * PRICE);
        assertEq(points.balanceOf(customer), 6 * PRICE);
    }

    function test_three_hundred_but_one() public {
        bytes32 campaign = open(atOnce(termsFresh()), 300);
        IAttentionRewards.Statement[] memory all = statements(300);
        for (uint256 i = 0; i < 300; ++i) {
            all[i] = statement(campaign, address(uint160(0x10000 + i)), 1);
        }
        all[170].contacts = 2;
        skips(campaign, all[170].account, 170, IAttentionRewards.Skip.NotSigned);
        assertEq(claimStatements(campaign, all), 299);
        assertStanding(campaign, 1, 0, 0);
    }

    function test_credentials_in_a_batch() public {
        bytes32 campaign = open(asking(termsInCash()), 30);
        IAttentionRewards.Statement[] memory all = statements(3);
        all[0] = statement(campaign, "one", 0, 1);
        all[1] = statement(campaign, "two", 0, 1);
        all[2] = statement(campaign, "three", 0, 1);
        bytes[] memory credentials_ = new bytes[](3);
        credentials_[0] = credentialFor(campaign, "one", customer, START);
        credentials_[1] = credentialFor(campaign, "one", customer, START);
        credentials_[2] = credentialFor(campaign, "three", other, START - 1);
        skips(campaign, "two", 1, IAttentionRewards.Skip.NoCredential);
        skips(campaign, "three", 2, IAttentionRewards.Skip.NoCredential);
        assertEq(rewards.claimStatements(handles[campaign], all, credentials_), 1);
        assertEq(cash.balanceOf(customer), PRICE);
        // An answer that is no address, or too short, names nobody.
        vm.mockCall(address(credentials), "", abi.encode(uint256(1) << 160 | 1));
        assertEq(rewards.claimStatements(handles[campaign], all, credentials_), 0);
        vm.mockCall(address(credentials), "", hex"01");
        assertEq(rewards.claimStatements(handles[campaign], all, credentials_), 0);
    }

    function test_a_batch_with_too_few_credentials() public {
        bytes32 campaign = open(asking(termsInCash()), 30);
        IAttentionRewards.Statement[] memory all = statements(2);
        all[0] = statement(campaign, "one", 0, 1);
        all[1] = statement(campaign, "two", 0, 1);
        bytes[] memory one = new bytes[](1);
        one[0] = credentialFor(campaign, "one", customer, START);
        skips(campaign, "two", 1, IAttentionRewards.Skip.NoCredential);
        assertEq(rewards.claimStatements(handles[campaign], all, one), 1);
        assertEq(cash.balanceOf(customer), PRICE);
        skips(campaign, "two", 1, IAttentionRewards.Skip.NoCredential);
        assertEq(rewards.claimStatements(handles[campaign], all, none), 0);
    }

    function test_a_batch_ends_with_the_claims() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 30);
        vm.warp(terms.claimUntil + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.ClaimsOver.selector, terms.claimUntil));
        claimStatements(campaign, statements(0));
    }
}

contract TicketsTest is AttentionTest {
    function test_a_bound_ticket_pays_its_contact() public {
        bytes32 campaign = open(atOnce(termsFresh()), 30);
        enrol(campaign, customer);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.ContactsPaid(
            campaign, id(customer), 1 << 9, uint256(1) << 160 | uint160(customer)
        );
        claimBound(campaign, 9, customer);
        assertEq(points.balanceOf(customer), PRICE);
        assertStanding(campaign, 29, 19, 0);
        // The same contact by another path is the same contact.
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1 << 9);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NothingNew.selector, campaign, id(customer)));
        claimStatement(campaign, made);
    }

    function test_tickets_at_the_borders_of_pages() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.maxContacts = 256;
        bytes32 campaign = open(terms, 300);
        claimBound(campaign, 0, customer);
        claimBound(campaign, 254, customer);
        claimBound(campaign, 255, customer);
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 1 << 254 | 1);
        assertEq(rewards.contactsOf(campaign, id(customer), 1), 1);
        refusedBound(campaign, 256, ranged(1, 2));
        refusedBound(campaign, type(uint256).max, ranged(type(uint256).max / 255, 1));
    }

    function ranged(uint256 page, uint256 contacts) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttentionRewards.ContactOutOfRange.selector, page, contacts, 256);
    }

    function refusedBound(bytes32 campaign, uint256 number, bytes memory reason) internal {
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), number);
        refused(campaign, made, taker(campaign, made, customer), reason);
    }

    function refused(
        bytes32 campaign,
        IAttentionRewards.Ticket memory made,
        Taker memory taking,
        bytes memory reason
    ) internal {
        vm.expectRevert(reason);
        claimTicket(campaign, made, taking);
    }

    function test_a_ticket_is_valid_until_its_last_second() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 0);
        Taker memory taking = taker(campaign, made, customer);
        vm.warp(made.validUntil + 1);
        refused(
            campaign,
            made,
            taking,
            abi.encodeWithSelector(IAttentionRewards.TicketExpired.selector, made.validUntil)
        );
        vm.warp(made.validUntil);
        claimTicket(campaign, made, taking);
    }

    function test_a_contact_by_ticket_has_its_day_too() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 2);
        Taker memory taking = taker(campaign, made, customer);
        vm.warp(START + DAY - 1);
        refused(
            campaign,
            made,
            taking,
            abi.encodeWithSelector(IAttentionRewards.ContactTooEarly.selector, 2, START + DAY)
        );
        vm.warp(START + DAY);
        claimTicket(campaign, made, taking);
    }

    function test_a_bound_ticket_pays_nobody_else() public {
        bytes32 campaign = open(withCodes(termsInCash(), 1), 30);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 0);
        refused(
            campaign, made, taker(campaign, made, id(customer), other, ""), notNamed(campaign, made, customer)
        );
        Taker memory taking = taker(campaign, made, other);
        IAttentionRewards.Ticket memory stolen = taken(made, taking);
        refused(campaign, stolen, taking, notSigned(campaign, stolen));
        // Nor is it a code, nor a code a contact.
        IAttentionRewards.Ticket memory code = ticket(campaign, 0, 0);
        vm.expectRevert(notSigned(campaign, code));
        rewards.claimCode(handles[campaign], made, taking.signature, "");
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchAccount.selector, bytes32(0)));
        rewards.claimTicket(handles[campaign], code, taker(campaign, code, customer).signature, "");
        code = taken(code, taker(campaign, code, customer));
        vm.expectRevert(notSigned(campaign, code));
        rewards.claimTicket(handles[campaign], code, taking.signature, "");
    }

    function notSigned(bytes32 campaign, IAttentionRewards.Ticket memory made)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IAttentionRewards.NotSignedByCampaign.selector, signer, ticketDigest(campaign, made)
        );
    }

    /// @dev Whoever copies the transaction out of the pool can only pay the same person.
    function test_a_copied_claim_pays_whom_the_key_named() public {
        bytes32 campaign = open(withCodes(termsInCash(), 1), 30);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, 0);
        Taker memory taking = taker(campaign, made, customer);
        taking.account = id(stranger);
        refused(campaign, made, taking, notNamed(campaign, made, stranger));
        taking.account = id(customer);
        vm.prank(stranger);
        claimTicket(campaign, made, taking);
        assertEq(cash.balanceOf(customer), PRICE);
    }

    function notNamed(bytes32 campaign, IAttentionRewards.Ticket memory made, address recipient)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IAttentionRewards.NotSignedByTicketKey.selector, made.key, namingDigest(campaign, made, recipient)
        );
    }

    function test_ticket_without_key_and_key_without_ticket() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 0);
        Taker memory taking = taker(campaign, made, customer);
        taking.signature = signDigest(attestor, namingDigest(campaign, made, customer));
        refused(campaign, made, taking, notNamed(campaign, made, customer));
        made.key = address(0);
        made.signature = signDigest(signer, ticketDigest(campaign, made));
        taking.signature = IAttentionRewards.Signature(0, 0);
        refused(campaign, made, taking, notNamed(campaign, made, customer));
        made.key = ticketKey;
        made.signature = signDigest(ticketKey, ticketDigest(campaign, made));
        refused(
            campaign,
            made,
            taking,
            abi.encodeWithSelector(
                IAttentionRewards.NotSignedByCampaign.selector, signer, ticketDigest(campaign, made)
            )
        );
    }

    function testFuzz_every_field_of_a_ticket_is_signed(uint256 number, address key, uint256 until) public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 0);
        until = bound(until, START, type(uint256).max);
        vm.assume(number != 0 || key != made.key || until != made.validUntil);
        (made.id, made.key, made.validUntil) = (number, key, until);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.NotSignedByCampaign.selector, signer, ticketDigest(campaign, made)
            )
        );
        Taker memory taking;
        claimTicket(campaign, made, taking);
    }

    function test_a_ticket_serves_one_campaign_chain_and_contract() public {
        bytes32 campaign = open(termsInCash(), 30);
        IAttentionRewards.Ticket memory made = ticket(campaign, id(customer), 0);
        Taker memory taking = taker(campaign, made, customer);
        bytes32 second = open(termsInCash(), 30);
        vm.expectPartialRevert(IAttentionRewards.NotSignedByCampaign.selector);
        claimTicket(second, made, taking);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        vm.expectPartialRevert(IAttentionRewards.NotSignedByCampaign.selector);
        claimTicket(campaign, made, taking);
        vm.chainId(chain);
        claimTicket(campaign, made, taking);
        // The key's word about one ticket is none about another.
        made = ticket(campaign, id(customer), 1);
        refused(campaign, made, taking, notNamed(campaign, made, customer));
    }

    // ----------------------------------------------------------------------------------------------- codes

    function test_a_code_pays_whoever_has_its_key() public {
        bytes32[3] memory campaigns = [
            open(withCodes(termsInCash(), 2), 5),
            open(withCodes(termsInPoints(), 2), 5),
            open(withCodes(termsFresh(), 2), 5)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 campaign = campaigns[i];
            activate(campaign, 0);
            vm.expectEmit(address(rewards));
            emit IAttentionRewards.CodePaid(campaign, id(customer), uint256(1) << 160 | uint160(customer));
            claimCode(campaign, 1, customer);
            assertStanding(campaign, 4, 0, 1);
            assertTrue(rewards.isTaken(campaign, 1));
            assertFalse(rewards.isTaken(campaign, 0));
            (uint256 total, uint256 today) = rewards.codesOf(campaign, id(customer));
            assertEq(total, 1);
            assertEq(today, 1);
            // A code is no contact.
            claim(campaign, customer, 2);
            assertStanding(campaign, 3, 0, 1);
            refusedCode(
                campaign, 1, abi.encodeWithSelector(IAttentionRewards.CodeTaken.selector, campaign, 1)
            );
        }
        assertEq(cash.balanceOf(customer), 2 * PRICE);
        assertEq(points.balanceOf(customer), 4 * PRICE);
    }

    function refusedCode(bytes32 campaign, uint256 index, bytes memory reason) internal {
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, index);
        refused(campaign, made, taker(campaign, made, customer), reason);
    }

    function test_batches_of_codes_at_their_borders() public {
        bytes32 campaign = open(withCodes(termsInCash(), 1001), 1001);
        refusedCode(campaign, 0, abi.encodeWithSelector(IAttentionRewards.CodesInert.selector, 0));
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.CodesActivated(campaign, numbers(1));
        activate(campaign, 1);
        assertTrue(rewards.isActive(campaign, 1));
        assertFalse(rewards.isActive(campaign, 0));
        refusedCode(campaign, 999, abi.encodeWithSelector(IAttentionRewards.CodesInert.selector, 0));
        claimCode(campaign, 1000, customer);
        activate(campaign, 0);
        activate(campaign, 0);
        assertTrue(rewards.isActive(campaign, 0));
        claimCode(campaign, 999, customer);
        refusedCode(campaign, 1001, abi.encodeWithSelector(IAttentionRewards.NoSuchCode.selector, 1001, 1001));
        assertTrue(rewards.isTaken(campaign, 1000));
        assertFalse(rewards.isTaken(campaign, 1001));
        assertFalse(rewards.isActive(campaign, 2));
        assertFalse(rewards.isActive(campaign, type(uint256).max));
        // Codes lie where pages end.
        assertEq(rewards.contactsOf(campaign, bytes32(uint256(3)), 1 << 16), 0);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchBatch.selector, 2, 1001));
        activate(campaign, 2);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NoSuchBatch.selector, 1 << 255, 1001));
        activate(campaign, 1 << 255);
    }

    function test_codes_of_an_account_and_of_its_days() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 10);
        terms.codesPerAccount = 3;
        bytes32 campaign = open(terms, 10);
        activate(campaign, 0);
        claimCode(campaign, 0, customer);
        claimCode(campaign, 1, customer);
        vm.warp(START + DAY - 1);
        refusedCode(
            campaign, 2, abi.encodeWithSelector(IAttentionRewards.CodesOfDayTaken.selector, id(customer), 2)
        );
        (uint256 total, uint256 today) = rewards.codesOf(campaign, id(customer));
        assertEq(total * 10 + today, 22);
        vm.warp(START + DAY);
        (total, today) = rewards.codesOf(campaign, id(customer));
        assertEq(total * 10 + today, 20);
        claimCode(campaign, 2, customer);
        (total, today) = rewards.codesOf(campaign, id(customer));
        assertEq(total * 10 + today, 31);
        refusedCode(
            campaign,
            3,
            abi.encodeWithSelector(IAttentionRewards.CodesOfAccountTaken.selector, id(customer), 3)
        );
        // Another's count is her own.
        claimCode(campaign, 3, other);
    }

    function test_codes_without_a_bound() public {
        bytes32 campaign = open(withCodes(atOnce(termsInCash()), 10), 10);
        activate(campaign, 0);
        for (uint256 i = 0; i < 10; ++i) {
            claimCode(campaign, i, customer);
        }
        assertStanding(campaign, 0, 0, 0);
    }

    function test_codes_wait_for_the_start() public {
        IAttentionRewards.Terms memory terms = withCodes(termsInCash(), 1);
        terms.start = START + 1;
        bytes32 campaign = open(terms, 1);
        activate(campaign, 0);
        refusedCode(
            campaign, 0, abi.encodeWithSelector(IAttentionRewards.CampaignNotStarted.selector, START + 1)
        );
        vm.warp(START + 1);
        claimCode(campaign, 0, customer);
    }

    function test_a_code_that_cannot_be_paid_stays() public {
        bytes32 campaign = open(withCodes(termsFresh(), 1), 1);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, 0);
        refused(
            campaign,
            made,
            taker(campaign, made, address(points)),
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(points), address(points))
        );
        assertFalse(rewards.isTaken(campaign, 0));
    }

    function test_codes_of_a_person() public {
        IAttentionRewards.Terms memory terms = withCodes(asking(termsInCash()), 3);
        terms.codesPerAccount = 1;
        bytes32 campaign = open(terms, 3);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, 0);
        bytes memory credential = credentialFor(campaign, "pseudonym", customer, START);
        claimTicket(campaign, made, taker(campaign, made, "pseudonym", customer, credential));
        made = ticket(campaign, 0, 1);
        credential = credentialFor(campaign, "pseudonym", other, START);
        refused(
            campaign,
            made,
            taker(campaign, made, "pseudonym", other, credential),
            abi.encodeWithSelector(IAttentionRewards.CodesOfAccountTaken.selector, bytes32("pseudonym"), 1)
        );
    }
}

contract RootsTest is AttentionTest {
    /// @dev What comes out of a leaf and its proof.
    function rootFrom(bytes32 campaign, Leaf memory made) internal pure returns (bytes32 root) {
        root = leafHash(campaign, made.account, made.page, made.contacts);
        for (uint256 i = 0; i < made.proof.length; ++i) {
            root = node(root, made.proof[i]);
        }
    }

    /// @dev A proof of any length, and of any sisters, leads to the root that it leads to.
    function testFuzz_a_proof_leads_to_its_root(bytes32[] memory sisters, uint256 seed) public {
        if (sisters.length > 24) {
            assembly ("memory-safe") {
                mstore(sisters, 24)
            }
        }
        bytes32 campaign = open(atOnce(termsInCash()), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        made.proof = sisters;
        made.root = rootFrom(campaign, made);
        appendInEffect(campaign, made.root);
        if (sisters.length != 0) {
            bytes32 right = sisters[seed % sisters.length];
            sisters[seed % sisters.length] = right ^ bytes32(uint256(1) << (seed >> 248));
            vm.expectPartialRevert(IAttentionRewards.RootUnknown.selector);
            claimRoot(campaign, made);
            sisters[seed % sisters.length] = right;
        }
        claimRoot(campaign, made);
        assertEq(cash.balanceOf(customer), 2 * PRICE);
    }

    function test_a_leaf_is_paid_once() public {
        bytes32 campaign = open(atOnce(termsFresh()), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 7);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.RootAppended(campaign, made.root, START + DAY);
        appendInEffect(campaign, made.root);
        assertEq(rewards.rootOf(campaign, made.root), START + DAY);
        claim(campaign, customer, 1);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.ContactsPaid(campaign, id(customer), 6, uint256(2) << 160 | uint160(customer));
        claimRoot(campaign, made);
        assertEq(points.balanceOf(customer), 3 * PRICE);
        vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NothingNew.selector, campaign, id(customer)));
        claimRoot(campaign, made);
    }

    /// @dev A smaller root after a larger one takes nothing away.
    function test_the_union_of_roots_counts() public {
        bytes32 campaign = open(atOnce(termsInCash()), 30);
        Leaf memory first = leaf(campaign, id(customer), 0, 3);
        Leaf memory second = leaf(campaign, id(customer), 0, 6);
        appendInEffect(campaign, first.root);
        appendInEffect(campaign, second.root);
        claimRoot(campaign, second);
        claimRoot(campaign, first);
        assertEq(cash.balanceOf(customer), 3 * PRICE);
    }

    function test_a_root_takes_effect_in_its_second() public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.rootDelayDays = 7;
        bytes32 campaign = open(terms, 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        vm.prank(brand);
        rewards.appendRoot(campaign, made.root);
        vm.warp(START + 7 days - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootNotInEffect.selector, made.root, START + 7 days)
        );
        claimRoot(campaign, made);
        vm.warp(START + 7 days);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootInEffect.selector, made.root, START + 7 days)
        );
        vm.prank(brand);
        rewards.withdrawRoot(campaign, made.root);
        claimRoot(campaign, made);
    }

    function test_a_root_is_withdrawn_in_time() public {
        bytes32 campaign = open(atOnce(termsInCash()), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        vm.startPrank(brand);
        rewards.appendRoot(campaign, made.root);
        vm.warp(START + DAY - 1);
        vm.expectEmit(address(rewards));
        emit IAttentionRewards.RootWithdrawn(campaign, made.root);
        rewards.withdrawRoot(campaign, made.root);
        bytes memory unknown =
            abi.encodeWithSelector(IAttentionRewards.RootUnknown.selector, campaign, made.root);
        vm.expectRevert(unknown);
        rewards.withdrawRoot(campaign, made.root);
        vm.warp(START + DAY);
        vm.expectRevert(unknown);
        claimRoot(campaign, made);
        // Appended again, it waits again.
        rewards.appendRoot(campaign, made.root);
        assertEq(rewards.rootOf(campaign, made.root), START + 2 * DAY);
    }

    function test_what_is_no_root_is_not_appended() public {
        IAttentionRewards.Terms memory terms = termsInCash();
        bytes32 campaign = open(terms, 30);
        vm.startPrank(brand);
        vm.expectRevert(IAttentionRewards.RootMissing.selector);
        rewards.appendRoot(campaign, 0);
        rewards.appendRoot(campaign, "root");
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootKnown.selector, campaign, bytes32("root"))
        );
        rewards.appendRoot(campaign, "root");
        vm.warp(terms.claimUntil - DAY + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.RootTooLate.selector, terms.claimUntil + 1, terms.claimUntil
            )
        );
        rewards.appendRoot(campaign, "late");
        vm.warp(terms.claimUntil - DAY);
        rewards.appendRoot(campaign, "late");
    }

    function test_a_root_of_another_campaign_is_none() public {
        bytes32 campaign = open(termsInCash(), 30);
        bytes32 second = open(termsInCash(), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        appendInEffect(campaign, made.root);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootUnknown.selector, second, rootFrom(second, made))
        );
        claimRoot(second, made);
        // And appended there by mistake, its leaves are of the other campaign.
        appendInEffect(second, made.root);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootUnknown.selector, second, rootFrom(second, made))
        );
        claimRoot(second, made);
    }

    function testFuzz_every_field_of_a_leaf_is_proven(bytes32 who, uint256 page, uint256 contacts) public {
        bytes32 campaign = open(termsInCash(), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        appendInEffect(campaign, made.root);
        vm.assume(who != made.account || page != 0 || contacts != 3);
        (made.account, made.page, made.contacts) = (who, page, contacts);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootUnknown.selector, campaign, rootFrom(campaign, made))
        );
        claimRoot(campaign, made);
    }

    /// @dev A tree whose inner node is the single hash of a made-up leaf: 128 bytes of a leaf are no 64 of a node, and the
    /// second hash parts them for good.
    function test_an_inner_node_is_no_leaf() public {
        bytes32 campaign = open(termsInCash(), 30);
        bytes32 single = keccak256(abi.encode(campaign, id(customer), 0, 3));
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        made.root = node(single, made.proof[0]);
        appendInEffect(campaign, made.root);
        vm.expectPartialRevert(IAttentionRewards.RootUnknown.selector);
        claimRoot(campaign, made);
        // Nor is the root itself one, with no proof.
        made.proof = new bytes32[](0);
        vm.expectPartialRevert(IAttentionRewards.RootUnknown.selector);
        claimRoot(campaign, made);
    }

    function test_a_tree_of_one_leaf() public {
        bytes32 campaign = open(termsInCash(), 30);
        Leaf memory made = leaf(campaign, id(customer), 0, 3);
        made.root = leafHash(campaign, id(customer), 0, 3);
        made.proof = new bytes32[](0);
        appendInEffect(campaign, made.root);
        claimRoot(campaign, made);
        assertEq(cash.balanceOf(customer), 2 * PRICE);
    }

    function test_a_persons_leaf() public {
        bytes32 campaign = open(asking(termsInCash()), 30);
        Leaf memory made = leaf(campaign, "pseudonym", 0, 1);
        appendInEffect(campaign, made.root);
        made.credential = credentialFor(campaign, "pseudonym", customer, block.timestamp);
        claimRoot(campaign, made);
        assertEq(cash.balanceOf(customer), PRICE);
    }
}
