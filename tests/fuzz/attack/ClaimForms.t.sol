// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {AttentionTest} from "../AttentionRewards/AttentionTest.sol";
import {setWord, wordAt} from "./Words.sol";

/// @notice Tickets, codes and leaves, with a credential and without: whatever stands in the calldata, they pay what was signed or
/// proven, to whom it was, once, and serve as no other form of claim.
contract ClaimFormsAttack is AttentionTest {
    uint256 private constant _BUDGET = 30;
    string private constant _HANDLE = "(uint256,uint256,bytes32)";
    string private constant _SIGNATURE = "(bytes32,bytes32)";

    bool private _asks;
    bytes32 private _person;
    bytes private _credential;

    function _open(uint256 mode, bool asks) private returns (bytes32 campaign) {
        IAttentionRewards.Terms memory terms =
            mode % 3 == 0 ? termsFresh() : mode % 3 == 1 ? termsInPoints() : termsInCash();
        terms = withCodes(atOnce(terms), 1);
        _asks = asks;
        campaign = open(asks ? asking(terms) : terms, _BUDGET);
        activate(campaign, 0);
        _person = asks ? keccak256("person") : id(customer);
        _credential = credentialFor(campaign, _person, customer, START + 9 days);
    }

    function _named(string memory name, string memory types) private view returns (string memory) {
        return string.concat(name, "(", _HANDLE, ",", types, _asks ? ",bytes)" : ")");
    }

    /// @param form 0 a bound ticket, 1 a code, 2 a leaf.
    function _calling(bytes32 campaign, uint256 form, uint256 seed) private returns (bytes memory data) {
        IAttentionRewards.Handle memory handle = handles[campaign];
        if (form == 2) {
            IAttentionRewards.Leaf memory leaf_ = IAttentionRewards.Leaf(_person, 0, 1);
            bytes32[] memory proof = _proof(seed);
            bytes32 root = leafHash(campaign, _person, 0, 1);
            for (uint256 i = 0; i < proof.length; ++i) {
                root = node(root, proof[i]);
            }
            appendInEffect(campaign, root);
            string memory types = "(bytes32,uint256,uint256),bytes32[]";
            data = _asks
                ? abi.encodeWithSignature(_named("claimRoot", types), handle, leaf_, proof, _credential)
                : abi.encodeWithSignature(_named("claimRoot", types), handle, leaf_, proof);
        } else {
            IAttentionRewards.Ticket memory made = ticket(campaign, form == 0 ? _person : bytes32(0), 0);
            IAttentionRewards.Signature memory naming =
                signDigest(made.key, namingDigest(campaign, made, customer));
            made.account = _person;
            string memory types =
                string.concat("(bytes32,uint256,address,uint256,", _SIGNATURE, "),", _SIGNATURE);
            string memory name = _named(form == 0 ? "claimTicket" : "claimCode", types);
            data = _asks
                ? abi.encodeWithSignature(name, handle, made, naming, _credential)
                : abi.encodeWithSignature(name, handle, made, naming);
        }
    }

    function _proof(uint256 seed) private pure returns (bytes32[] memory proof) {
        proof = new bytes32[](seed % 4);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] = keccak256(abi.encode(seed, i));
        }
    }

    function _call(bytes memory data) private returns (bool done) {
        vm.prank(stranger);
        (done,) = address(rewards).call(data);
    }

    /// @dev That she was paid for one contact or none, and nobody else for anything.
    function _paid(bytes32 campaign, uint256 form) private view returns (uint256 number) {
        number = (cash.balanceOf(customer) + points.balanceOf(customer)) / PRICE;
        assertLe(number, 1);
        assertEq(rewards.standingOf(campaign).left, _BUDGET - number, "somebody else was paid");
        uint256 contacts = rewards.contactsOf(campaign, _person, 0);
        assertEq(contacts, form == 1 ? 0 : number, "bits and money differ");
        if (form == 1) assertEq(rewards.isTaken(campaign, 0), number == 1, "code and money differ");
    }

    /// @dev Any one word, changed in any way: offsets and lengths of proofs and credentials among them.
    function testFuzz_a_changed_word_pays_nobody_else(
        uint256 where,
        uint256 word,
        uint256 seed,
        uint256 mode,
        bool asks
    ) public {
        bytes32 campaign = _open(mode, asks);
        uint256 form = seed % 3;
        bytes memory data = _calling(campaign, form, seed >> 8);
        bytes memory changed = bytes.concat(data);
        where = 4 + 0x20 * bound(where, 0, (data.length - 4) / 0x20 - 1);
        // Small words, so that offsets and lengths point somewhere; one bit alone; huge lengths that wrap round.
        if (word % 4 == 0) word = (word >> 2) % 0x240;
        else if (word % 4 == 1) word = wordAt(data, where) ^ 1 << (word >> 2) % 256;
        else if (word % 4 == 2) word = wordAt(data, where) | 1 << 251 + (word >> 2) % 5;
        setWord(changed, where, word);
        _call(changed);
        uint256 number = _paid(campaign, form);
        // As it was signed or proven, it is still paid, once.
        assertEq(_call(data), number == 0);
        assertFalse(_call(data));
        assertFalse(_call(changed));
        assertEq(_paid(campaign, form), 1);
    }

    /// @dev The same words under the selector of another form: a ticket as a code, a code as a ticket, with or without a credential.
    function testFuzz_no_form_serves_as_another(uint256 seed, uint256 mode, bool asks) public {
        bytes32 campaign = _open(mode, asks);
        uint256 form = seed % 3;
        bytes memory data = _calling(campaign, form, seed >> 8);
        string[4] memory names = ["claimTicket", "claimCode", "claimRoot", "claimStatement"];
        string memory ticket_ = "(bytes32,uint256,address,uint256,(bytes32,bytes32)),(bytes32,bytes32)";
        string memory leaf_ = "(bytes32,uint256,uint256),bytes32[]";
        string[4] memory types = [ticket_, ticket_, leaf_, "(bytes32,uint256,uint256,(bytes32,bytes32))"];
        // Room for what another form would look for.
        bytes memory changed = bytes.concat(data, new bytes(0x100));
        for (uint256 i = 0; i < 8; ++i) {
            _asks = i < 4;
            bytes4 selector = bytes4(keccak256(bytes(_named(names[i % 4], types[i % 4]))));
            if (selector == bytes4(data)) continue;
            for (uint256 j = 0; j < 4; ++j) {
                changed[j] = selector[j];
            }
            // That with or without a credential is no other claim.
            bool done = _call(changed);
            assertTrue(!done || i % 4 == form);
            _paid(campaign, form);
        }
        _call(data);
        assertEq(_paid(campaign, form), 1);
    }
}
