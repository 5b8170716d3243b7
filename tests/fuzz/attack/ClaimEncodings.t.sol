// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {AttentionTest} from "../AttentionRewards/AttentionTest.sol";
import {IPlainClaims} from "../AttentionRewards/PlainClaims.sol";
import {setWord, wordAt} from "./Words.sol";

/// @notice The words of a claim, its campaign's among them, are hashed as they stand in the calldata: whatever their encoding,
/// nobody is paid but who was signed for, and nothing but what was signed.
contract ClaimEncodingsAttack is AttentionTest {
    /// @dev Where the words behind the handle begin: behind the selector and three words.
    uint256 private constant _BEHIND = 4 + 0x60;
    uint256 private constant _BUDGET = 30;
    uint256 private constant _HERS = 7;
    uint256 private constant _OTHERS = 1 << 4;

    function _call(bytes memory data) private returns (bool done, bytes memory answer) {
        vm.prank(stranger);
        return address(rewards).call(data);
    }

    function _open(uint256 mode) private returns (bytes32) {
        IAttentionRewards.Terms memory terms =
            mode % 3 == 0 ? termsFresh() : mode % 3 == 1 ? termsInPoints() : termsInCash();
        return open(atOnce(terms), _BUDGET);
    }

    function _batchOf(bytes32 campaign) private view returns (bytes memory) {
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](2);
        all[0] = statement(campaign, customer, _HERS);
        all[1] = statement(campaign, other, _OTHERS);
        return abi.encodeCall(rewards.claimStatements, (handles[campaign], all, none));
    }

    function _oneOf(bytes32 campaign) private view returns (bytes memory) {
        return abi.encodeCall(
            IPlainClaims.claimStatement, (handles[campaign], statement(campaign, customer, _HERS))
        );
    }

    /// @dev That each was paid all that was signed for her or nothing, and nobody else anything.
    /// @return number How many contacts were paid.
    function _paid(bytes32 campaign, uint256 mode) private view returns (uint256 number) {
        uint256 hers = _paidOf(campaign, mode, customer, _HERS, 3);
        uint256 others = _paidOf(campaign, mode, other, _OTHERS, 1);
        number = hers + others;
        assertEq(rewards.standingOf(campaign).left, _BUDGET - number, "somebody else was paid");
    }

    function _paidOf(bytes32 campaign, uint256 mode, address who, uint256 contacts, uint256 count)
        private
        view
        returns (uint256 number)
    {
        uint256 had = rewards.contactsOf(campaign, id(who), 0);
        assertTrue(had == 0 || had == contacts, "something else was paid");
        number = had == 0 ? 0 : count;
        uint256 balance = mode % 3 == 2 ? cash.balanceOf(who) : points.balanceOf(who);
        assertEq(balance, number * PRICE, "bits and money differ");
    }

    /// @dev Any one word changed, in any way, in all modes, alone and in a batch.
    function testFuzz_a_changed_word_pays_nobody_else(uint256 where, uint256 word, uint256 mode, bool batch)
        public
    {
        bytes32 campaign = _open(mode);
        bytes memory data = batch ? _batchOf(campaign) : _oneOf(campaign);
        where = 4 + 0x20 * bound(where, 0, (data.length - 4) / 0x20 - 1);
        // Small words, so that offsets and lengths point somewhere.
        if (word % 3 == 0) word = (word >> 2) % 0x240;
        // One bit alone, so that what is near the right one is tried too.
        else if (word % 3 == 1) word = wordAt(data, where) ^ 1 << (word >> 2) % 256;
        setWord(data, where, word);
        _call(data);
        uint256 number = _paid(campaign, mode);
        // As it was signed, it is still paid.
        (bool done,) = _call(batch ? _batchOf(campaign) : _oneOf(campaign));
        assertTrue(done || number == 3);
        assertEq(_paid(campaign, mode), batch ? 4 : 3);
    }

    function testFuzz_short_calldata_is_refused(uint256 length, uint256 mode, bool batch) public {
        bytes32 campaign = _open(mode);
        bytes memory data = batch ? _batchOf(campaign) : _oneOf(campaign);
        length = bound(length, 4, data.length - 1);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        (bool done, bytes memory answer) = _call(data);
        assertFalse(done);
        assertEq(answer, "");
    }

    /// @dev The list of a batch may lie anywhere; its words count where they are found.
    function test_the_list_of_a_batch_may_lie_elsewhere() public {
        for (uint256 mode = 0; mode < 3; ++mode) {
            (customer, other) = (account(vm.toString(mode)), account(vm.toString(mode + 3)));
            bytes32 campaign = _open(mode);
            bytes memory data = _batchOf(campaign);
            uint256 at = wordAt(data, _BEHIND);
            // One too many.
            uint256 count = 4 + at;
            assertEq(wordAt(data, count), 2);
            setWord(data, count, 3);
            (bool done,) = _call(data);
            assertFalse(done);
            // So many that their words wrap round to the right number.
            setWord(data, count, 2 + (1 << 251));
            (done,) = _call(data);
            assertFalse(done);
            // Behind a gap, not aligned, and the old one gone.
            bytes memory tail = new bytes(5 * 0x40 + 0x20);
            setWord(data, count, 2);
            for (uint256 i = 0; i < tail.length; i += 0x20) {
                setWord(tail, i, wordAt(data, count + i));
                setWord(data, count + i, 0);
            }
            setWord(data, _BEHIND, data.length - 4 + 7);
            (done,) = _call(bytes.concat(data, new bytes(7), tail));
            assertTrue(done);
            assertEq(_paid(campaign, mode), 4);
        }
    }

    /// @dev Three words that lead to where the campaign keeps something are no handle, though something lies there.
    function test_the_words_of_a_place_are_no_campaign() public {
        bytes32 campaign = open(withCodes(atOnce(termsInCash()), 5), _BUDGET);
        enrol(campaign, other);
        activate(campaign, 0);
        claimCode(campaign, 0, customer);
        claim(campaign, customer, 1);
        bytes32[2][5] memory places = [
            [id(customer), bytes32(0)],
            [id(other), bytes32(0)],
            [bytes32(0), bytes32(uint256(1) << 16)],
            [id(customer), bytes32(uint256(2) << 16)],
            [bytes32(0), bytes32(0)]
        ];
        for (uint256 i = 0; i < places.length; ++i) {
            IAttentionRewards.Handle memory wrong =
                IAttentionRewards.Handle(uint256(campaign), uint256(places[i][0]), places[i][1]);
            bytes32 place = keccak256(abi.encode(wrong));
            assertEq(vm.load(address(rewards), place) == 0, i == 4, "nothing lies there");
            bytes memory unknown = abi.encodeWithSelector(IAttentionRewards.CampaignUnknown.selector, place);
            IAttentionRewards.Statement memory made = statement(campaign, customer, 2);
            vm.expectRevert(unknown);
            rewards.claimStatement(wrong, made, "");
            vm.expectRevert(unknown);
            rewards.claimStatements(wrong, new IAttentionRewards.Statement[](1), none);
        }
    }

    /// @dev Signed as it stands, or as the address in it: only that the word is no address stops it.
    function testFuzz_a_key_with_dirty_bits_is_refused(uint96 dirt, bool code, bool clean) public {
        bytes32 campaign = open(withCodes(termsInCash(), 1), _BUDGET);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, code ? bytes32(0) : id(customer), 0);
        uint256 word = uint256(dirt) << 160 | uint160(made.key);
        bytes32 digest = typed(
            keccak256(
                abi.encode(
                    keccak256(
                        "Ticket(address campaignSigner,bytes32 campaign,bytes32 account,uint256 id,address key,uint256 validUntil)"
                    ),
                    signer,
                    campaign,
                    made.account,
                    made.id,
                    word,
                    made.validUntil
                )
            )
        );
        made.signature = signDigest(signer, digest);
        made.account = id(customer);
        IAttentionRewards.Signature memory named = signDigest(
            made.key,
            typed(
                keccak256(
                    abi.encode(
                        keccak256("ClaimTicket(address key,address recipient,bytes32 ticket)"),
                        clean ? uint160(made.key) : word,
                        customer,
                        digest
                    )
                )
            )
        );
        bytes memory data = code
            ? abi.encodeCall(IPlainClaims.claimCode, (handles[campaign], made, named))
            : abi.encodeCall(IPlainClaims.claimTicket, (handles[campaign], made, named));
        uint256 at = _BEHIND + 0x40;
        assertEq(wordAt(data, at), uint160(made.key));
        setWord(data, at, word);
        (bool done, bytes memory answer) = _call(data);
        assertEq(done, dirt == 0);
        if (!done) assertEq(bytes4(answer), IAttentionRewards.NotSignedByTicketKey.selector);
    }
}
