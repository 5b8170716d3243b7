// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {AttentionTest} from "../AttentionRewards/AttentionTest.sol";

/// @notice A batch takes other ways than a claim, in part by hand. It pays what its statements, claimed one after the other, are
/// paid: no good one is passed over, no bad one paid, whatever lies beside them.
contract OneByOneAttack is AttentionTest {
    uint256 private constant _ACCOUNTS = 6;
    uint256 private constant _CONTACTS = 260;

    bytes32[_ACCOUNTS] private _accounts;
    address[_ACCOUNTS] private _payees;
    IAttentionRewards.Statement[] private _all;
    bytes[] private _credentials;

    /// forge-config: default.fuzz.runs = 150
    function testFuzz_a_batch_pays_as_its_statements_alone(uint256 seed) public {
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        uint256 mode = seed % 3;
        if (mode != 0) (terms.token, terms.tokenKind, terms.fresh) = (address(points), POINTS, mode == 2);
        bool asks = (seed >> 8) % 2 == 0;
        if (asks) terms = asking(terms);
        terms.maxContacts = _CONTACTS;
        if ((seed >> 16) % 4 == 0) terms.perDay = 30;
        bool enrols = (seed >> 32) % 2 == 0;
        bytes32 campaign = open(terms, (enrols ? _CONTACTS : 0) + (seed >> 40) % 12);
        _name(asks);
        if (enrols) {
            vm.prank(brand);
            rewards.enrol(campaign, list(_accounts[0]));
        }
        for (uint256 i = 0; i < (seed >> 48) % 9; ++i) {
            _add(campaign, uint256(keccak256(abi.encode(seed, i))), asks);
        }
        // One too few, now and then.
        if (_credentials.length != 0 && (seed >> 64) % 4 == 0) _credentials.pop();
        _compare(campaign, asks);
    }

    function _name(bool asks) private {
        _payees = [customer, other, address(points), points.exchange(), customer, stranger];
        for (uint256 i = 0; i < _ACCOUNTS; ++i) {
            _accounts[i] = asks ? keccak256(abi.encode(i)) : id(_payees[i]);
        }
        // What is no account; an address that is a pseudonym of somebody else's; one but for a bit.
        if (asks) (_accounts[4], _accounts[1]) = (0, id(customer));
        else (_accounts[4], _accounts[5]) = (0, bytes32(uint256(_accounts[1]) | 1 << 160));
    }

    function _add(bytes32 campaign, uint256 chance, bool asks) private {
        uint256 who = (chance >> 8) % 12;
        // The first two mostly.
        if (who >= _ACCOUNTS) who %= 2;
        uint256 contacts = 1 << (chance >> 16) % 6 | 1 << (chance >> 24) % 6;
        if ((chance >> 32) % 8 == 0) contacts = 1 << (chance >> 40) % 256;
        if ((chance >> 48) % 16 == 0) contacts = 0;
        uint256 page = (chance >> 56) % 4 == 0 ? 1 : 0;
        if ((chance >> 64) % 16 == 0) page = 1 << (chance >> 72) % 256;
        IAttentionRewards.Statement memory made = statement(campaign, _accounts[who], page, contacts);
        uint256 bit = 1 << (chance >> 80) % 256;
        uint256 fault = (chance >> 88) % 16;
        if (fault == 0) made.signature.vs ^= bytes32(bit);
        if (fault == 1) made.signature.r ^= bytes32(bit);
        if (fault == 2) made.signature = IAttentionRewards.Signature(0, 0);
        if (fault == 3) made.contacts ^= bit;
        _all.push(made);
        if (asks) _credentials.push(_credential(campaign, who, (chance >> 96) % 16));
    }

    function _credential(bytes32 campaign, uint256 who, uint256 fault)
        private
        view
        returns (bytes memory made)
    {
        bytes32 pseudonym = _accounts[fault == 0 ? (who + 1) % _ACCOUNTS : who];
        made = credentialFor(campaign, pseudonym, _payees[who], block.timestamp - (fault == 1 ? 1 : 0));
        if (fault == 2) return "";
        // Much longer than what went before.
        if (fault == 3) return bytes.concat(made, new bytes(3_000));
        if (fault == 4) made[0] = 0x01;
    }

    function _compare(bytes32 campaign, bool asks) private {
        uint256 snapshot = vm.snapshotState();
        vm.recordLogs();
        uint256 paid = rewards.claimStatements(handles[campaign], _all, _credentials);
        bytes memory batch = _payments();
        bytes32 state = _state(campaign);
        vm.revertToState(snapshot);
        vm.recordLogs();
        uint256 number = 0;
        for (uint256 i = 0; i < _all.length; ++i) {
            bytes memory credential = i < _credentials.length ? _credentials[i] : bytes("");
            bytes memory call = asks
                ? abi.encodeWithSignature(
                    "claimStatement((uint256,uint256,bytes32),(bytes32,uint256,uint256,(bytes32,bytes32)),bytes)",
                    handles[campaign],
                    _all[i],
                    credential
                )
                : abi.encodeWithSignature(
                    "claimStatement((uint256,uint256,bytes32),(bytes32,uint256,uint256,(bytes32,bytes32)))",
                    handles[campaign],
                    _all[i]
                );
            (bool done,) = address(rewards).call(call);
            if (done) ++number;
        }
        assertEq(batch, _payments(), "logs");
        assertEq(paid, number, "number");
        assertEq(state, _state(campaign), "state");
    }

    /// @dev What was logged as paid, of those calls that did not revert.
    function _payments() private returns (bytes memory all) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IAttentionRewards.ContactsPaid.selector) continue;
            all = bytes.concat(all, logs[i].topics[1], logs[i].topics[2], logs[i].data);
        }
    }

    function _state(bytes32 campaign) private view returns (bytes32 state) {
        state = keccak256(abi.encode(rewards.standingOf(campaign), points.totalSupply()));
        for (uint256 i = 0; i < _ACCOUNTS; ++i) {
            bytes32 who = _accounts[i];
            state = keccak256(
                abi.encode(
                    state,
                    rewards.contactsOf(campaign, who, 0),
                    rewards.contactsOf(campaign, who, 1),
                    cash.balanceOf(_payees[i]),
                    points.balanceOf(_payees[i])
                )
            );
        }
    }
}
