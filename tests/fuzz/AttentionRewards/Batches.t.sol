// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";
import {ERC20} from "solady/tokens/ERC20.sol";

import {AttentionRewards} from "../../../contracts/attention/AttentionRewards.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {ICredentials} from "../../../interfaces/ICredentials.sol";
import {AttentionTest} from "./AttentionTest.sol";

/// @notice Names the address that a pseudonym is, if it has much gas, and else says no without using up what it has.
contract Choosy is ICredentials {
    uint256 private constant _NEEDS = 150_000;

    error ChoosyStill();

    function accountOf(bytes32, bytes32 pseudonym, bytes calldata) external view returns (address) {
        if (gasleft() < _NEEDS) revert ChoosyStill();
        return address(uint160(uint256(pseudonym)));
    }
}

/// @notice A token that is also the admin of the campaign paid in it. While it pays it makes calls, chosen by chance, and then it
/// pays, says no, or reverts.
contract Chance is ERC20 {
    AttentionRewards private immutable _rewards;
    bytes32 private _campaign;
    IAttentionRewards.Handle private _handle;
    bytes32[] private _accounts;
    IAttentionRewards.Statement[] private _statements;
    uint256 private _seed;
    uint256 private _depth;

    constructor(AttentionRewards rewards) {
        _rewards = rewards;
        _mint(address(this), 1e30);
        _approve(address(this), address(rewards), type(uint256).max);
    }

    function name() public pure override returns (string memory) {
        return "Chance";
    }

    function symbol() public pure override returns (string memory) {
        return "CHC";
    }

    function begin(bytes32 campaign, uint256 seed, bytes32[] memory accounts) external {
        (_campaign, _seed, _accounts) = (campaign, seed, accounts);
        _handle = _rewards.handleOf(campaign);
    }

    function know(IAttentionRewards.Statement calldata statement) external {
        _statements.push(statement);
    }

    function open(IAttentionRewards.Terms calldata terms, uint256 budget) external {
        _rewards.open(terms, budget);
    }

    /// @notice One call of those that move the books.
    function act() public {
        if (_statements.length == 0) return;
        uint256 chance = _next();
        uint256 which = chance % 4;
        if (which == 0) {
            try _rewards.claimStatement(_handle, _any(chance), "") {} catch {}
        } else if (which == 1) {
            IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](3);
            for (uint256 i = 0; i < 3; ++i) {
                batch[i] = _any(chance >> (16 + 16 * i));
            }
            try _rewards.claimStatements(_handle, batch, new bytes[](0)) {} catch {}
        } else if (which == 2) {
            bytes32[] memory enrolled = new bytes32[](1);
            enrolled[0] = _accounts[(chance >> 8) % _accounts.length];
            try _rewards.enrol(_campaign, enrolled) {} catch {}
        } else {
            try _rewards.fund(_campaign, 1 + (chance >> 8) % 5) {} catch {}
        }
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        uint256 chance = _next();
        if (++_depth < 4) {
            if (chance % 2 == 0) act();
            if (chance % 3 == 0) act();
        }
        --_depth;
        if (chance >> 8 & 3 == 0) return false;
        if (chance >> 8 & 7 == 1) revert("no");
        super.transfer(to, amount);
        if (chance >> 16 & 3 == 0 && _depth == 0) {
            ++_depth;
            act();
            --_depth;
        }
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        uint256 chance = _next();
        if (++_depth < 3 && chance % 2 == 0) act();
        --_depth;
        return super.transferFrom(from, to, amount);
    }

    function _any(uint256 chance) private view returns (IAttentionRewards.Statement memory) {
        return _statements[(chance >> 8) % _statements.length];
    }

    function _next() private returns (uint256 chance) {
        chance = uint256(keccak256(abi.encode(_seed, gasleft())));
        _seed = chance;
    }
}

/// @notice Batches against a second account of them, with little gas, and with a token that calls back at random.
contract BatchesTest is AttentionTest {
    uint256 private constant _ACCOUNTS = 5;
    uint256 private constant _MOST = 300;
    uint256 private constant _CODES = 3;

    address[_ACCOUNTS] private _who;
    mapping(address who => mapping(uint256 page => uint256)) private _had;
    mapping(address who => bool) private _enrolled;
    mapping(address who => uint256) private _paid;
    uint256 private _left;
    uint256 private _reserved;
    uint256 private _perDay;
    uint256 private _end;

    function setUp() public override {
        super.setUp();
        _who = [customer, other, stranger, address(points), points.exchange()];
    }

    /// forge-config: default.fuzz.runs = 100
    function testFuzz_a_batch_pays_what_the_rules_say(uint256 seed) public {
        IAttentionRewards.Terms memory terms = termsInCash();
        uint256 mode = seed % 3;
        if (mode != 0) (terms.token, terms.tokenKind, terms.fresh) = (address(points), POINTS, mode == 2);
        terms.maxContacts = _MOST;
        _perDay = terms.perDay = [uint256(0), 25, 30, 40][(seed >> 8) % 4];
        _end = terms.end;
        terms.codes = _CODES;
        _left = _MOST + _CODES + (seed >> 16) % 400;
        bytes32 campaign = open(terms, _left);
        if ((seed >> 32) % 3 != 0) {
            enrol(campaign, customer);
            (_enrolled[customer], _reserved) = (true, _MOST);
        }
        for (uint256 round = 0; round < 2; ++round) {
            vm.warp(START + round * 2 days + (seed >> 40) % 9 days);
            seed = uint256(keccak256(abi.encode(seed)));
            _batch(campaign, seed, mode);
        }
        assertStanding(campaign, _left, _reserved, _CODES);
        for (uint256 i = 0; i < _ACCOUNTS; ++i) {
            for (uint256 page = 0; page < 2; ++page) {
                assertEq(rewards.contactsOf(campaign, id(_who[i]), page), _had[_who[i]][page]);
            }
            assertEq(cash.balanceOf(_who[i]) + points.balanceOf(_who[i]), _paid[_who[i]] * PRICE);
        }
    }

    function _batch(bytes32 campaign, uint256 seed, uint256 mode) private {
        IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](10);
        IAttentionRewards.Skip[] memory skips = new IAttentionRewards.Skip[](10);
        for (uint256 i = 0; i < 10; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address who = _who[seed % _ACCOUNTS];
            uint256 contacts = uint256(keccak256(abi.encode(seed, 1)));
            contacts &= contacts << 3 & ~(seed % 16 == 0 ? 0 : 1 << 255);
            contacts >>= (seed >> 16) % 256;
            batch[i] = statement(campaign, id(who), (seed >> 8) % 20 / 9, contacts);
            bool signed = (seed >> 32) % 8 != 0;
            if (!signed) batch[i].signature.r ^= bytes32(uint256(1) << 40);
            skips[i] = _judge(who, batch[i].page, contacts, signed, mode);
        }
        vm.recordLogs();
        claimStatements(campaign, batch);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 at = 0;
        for (uint256 i = 0; i < 10; ++i) {
            while (
                logs[at].topics[0] != IAttentionRewards.ContactsPaid.selector
                    && logs[at].topics[0] != IAttentionRewards.StatementSkipped.selector
            ) ++at;
            assertEq(logs[at].topics[2], batch[i].account);
            if (skips[i] == IAttentionRewards.Skip.None) {
                assertEq(logs[at].topics[0], IAttentionRewards.ContactsPaid.selector);
            } else {
                assertEq(logs[at].data, abi.encode(i, skips[i]));
            }
            ++at;
        }
    }

    function _judge(address who, uint256 page, uint256 contacts, bool signed, uint256 mode)
        private
        returns (IAttentionRewards.Skip)
    {
        if (contacts == 0) return IAttentionRewards.Skip.NothingNew;
        uint256 last = 0;
        uint256 number = 0;
        uint256 fresh = 0;
        for (uint256 bit = 0; bit < 256; ++bit) {
            if (contacts >> bit & 1 == 0) continue;
            last = page * 255 + bit;
            if (_had[who][page] >> bit & 1 == 1) continue;
            ++number;
            fresh |= 1 << bit;
        }
        if (contacts >> 255 == 1 || last >= _MOST) return IAttentionRewards.Skip.OutOfRange;
        uint256 from = START + (_perDay == 0 ? 0 : last / _perDay) * 1 days;
        if (from > _end) return IAttentionRewards.Skip.AfterEnd;
        if (from > block.timestamp) return IAttentionRewards.Skip.TooEarly;
        if (number == 0) return IAttentionRewards.Skip.NothingNew;
        if (!signed) return IAttentionRewards.Skip.NotSigned;
        bool refuses = mode != 0 && (who == address(points) || who == points.exchange());
        bool free = _enrolled[who] || number + _reserved + _CODES <= _left;
        // Fresh points are refused before the budget is looked at, others by the token.
        if (refuses && (free || mode == 2)) return IAttentionRewards.Skip.Refused;
        if (!free) return IAttentionRewards.Skip.NotFree;
        if (_enrolled[who]) _reserved -= number;
        _left -= number;
        _had[who][page] |= fresh;
        _paid[who] += number;
        return IAttentionRewards.Skip.None;
    }

    // --------------------------------------------------------------------------------------------- little gas

    /// @dev However little gas it is given, a batch pays all, or reverts.
    function test_no_gas_makes_a_batch_pass_over_what_it_could_pay() public {
        address choosy = address(new Choosy());
        for (uint256 mode = 0; mode < 6; ++mode) {
            IAttentionRewards.Terms memory terms = atOnce(termsInCash());
            if (mode % 3 != 0) (terms.token, terms.tokenKind) = (address(points), POINTS);
            terms.fresh = mode % 3 == 2;
            if (mode > 2) terms.credentials = choosy;
            bytes32 campaign = open(terms, 100);
            if (mode % 2 == 0) enrol(campaign, other);
            IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](4);
            batch[0] = statement(campaign, customer, 3);
            batch[1] = statement(campaign, other, 5);
            batch[2] = statement(campaign, other, 7);
            batch[3] = statement(campaign, stranger, 1);
            bytes memory question = abi.encodeCall(
                IAttentionRewards.claimStatements,
                (handles[campaign], batch, new bytes[](mode > 2 ? batch.length : 0))
            );
            bool everDone = false;
            uint256 snapshot = vm.snapshotState();
            for (uint256 gas_ = 40_000; gas_ < 700_000; gas_ += 1_733) {
                (bool done, bytes memory answer) = address(rewards).call{gas: gas_}(question);
                if (!done) continue;
                everDone = true;
                assertEq(abi.decode(answer, (uint256)), 4);
                vm.revertToState(snapshot);
            }
            assertTrue(everDone);
        }
    }

    // ---------------------------------------------------------------------------------------------- the brand

    /// @dev Whatever the brand does with its token, in whatever epochs, a batch of those enrolled is paid to the last contact.
    /// forge-config: default.fuzz.runs = 100
    function testFuzz_no_act_of_the_brand_makes_a_batch_of_fresh_points_fail(uint256 seed) public {
        IAttentionRewards.Terms memory terms = atOnce(termsFresh());
        terms.price = 1 << 46;
        terms.maxContacts = 200;
        terms.codes = 10;
        terms.claimUntil = START + 360 days;
        bytes32 campaign = open(terms, 450);
        enrol(campaign, customer);
        enrol(campaign, other);
        activate(campaign, 0);
        bytes32 second = keccak256("a second campaign");
        uint256 lock = terms.claimUntil;
        uint256 contacts = (1 << 200) - 1;
        for (uint256 i = 0; i < 32; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            // Most of them large: it is about a full lot.
            uint256 amount = 1 + (seed >> 16) % (1 << (seed >> 8) % 8 + 49);
            uint256[] memory words = numbers(amount << 160 | uint160(stranger));
            vm.startPrank(brand);
            _actOfBrand(seed % 12, campaign, second, amount, lock, words);
            vm.stopPrank();
            if (seed >> 251 == 1) _claimOne(campaign, 1 << (seed >> 100) % 200);
        }
        IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](2);
        batch[0] = statement(campaign, customer, contacts);
        batch[1] = statement(campaign, other, contacts);
        assertEq(claimStatements(campaign, batch), 2);
        for (uint256 i = 0; i < 10; ++i) {
            claimCode(campaign, i, stranger);
        }
    }

    function _claimOne(bytes32 campaign, uint256 contact) private {
        if (rewards.contactsOf(campaign, id(customer), 0) & contact == 0) claim(campaign, customer, contact);
    }

    function _actOfBrand(
        uint256 which,
        bytes32 campaign,
        bytes32 second,
        uint256 amount,
        uint256 lock,
        uint256[] memory words
    ) private {
        address issuer = address(rewards);
        bytes32 ref = keccak256(abi.encode(amount));
        uint256 id_ = uint256(campaign);
        uint256 epoch = points.currentEpoch();
        if (which == 0) try points.mint(stranger, amount) {} catch {}
        if (which == 1) try points.mintBatch(ref, words) {} catch {}
        if (which == 2) try points.mintAtEpoch(ref, epoch - amount % 4, words) {} catch {}
        if (which == 3) try points.mintPending(ref, block.timestamp + 1 + amount % 9 days, words) {} catch {}
        if (which == 4) try points.setGrant(brand, uint256(second), amount, 0, lock) {} catch {}
        if (which == 5) try points.issue(uint256(second), stranger, amount / 2, ref) {} catch {}
        if (which == 6) try points.issueTo(uint256(second), words) {} catch {}
        if (which == 7) try points.releaseGrant(issuer, id_) {} catch {}
        if (which == 8) try points.setGrant(issuer, id_, amount, amount % 3, lock + amount % 2) {} catch {}
        if (which == 9) try points.setGrant(brand, uint256(second), amount, 0, 0) {} catch {}
        if (which == 10) vm.warp(block.timestamp + amount % 20 days);
        if (which == 11) {
            uint256[] memory ids = new uint256[](4);
            (ids[1], ids[2], ids[3]) = (1, 2, 3);
            try points.releasePending(address(0), ids) {} catch {}
        }
    }

    // --------------------------------------------------------------------------------------------- callbacks

    /// @dev Whatever a token does while it pays, what is in escrow is what the books say.
    /// forge-config: default.fuzz.runs = 50
    function testFuzz_calls_by_chance_leave_the_books_right(uint256 seed) public {
        Chance token = new Chance(rewards);
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        (terms.token, terms.admin) = (address(token), address(token));
        terms.maxContacts = _MOST;
        // Another campaign's money, in the same token.
        token.open(terms, 50);
        terms.salt = "second";
        uint256 budget = _MOST + (seed % 400);
        token.open(terms, budget);
        bytes32 campaign = idOf(terms);
        bytes32[] memory accounts = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            accounts[i] = id(_who[i]);
        }
        token.begin(campaign, seed, accounts);
        for (uint256 i = 0; i < 10; ++i) {
            uint256 chance = uint256(keccak256(abi.encode(seed, i)));
            uint256 page = chance >> 8 & 1;
            uint256 contacts = page == 0 ? (chance >> 40 & 0xffff) << (chance >> 32 & 0x1f) : chance >> 211;
            token.know(statement(campaign, accounts[chance % 3], page, contacts));
        }
        for (uint256 i = 0; i < 12; ++i) {
            token.act();
            _checkBooks(token, campaign, accounts);
        }
    }

    function _checkBooks(Chance token, bytes32 campaign, bytes32[] memory accounts) private view {
        uint256 reserved = 0;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 had = _count(rewards.contactsOf(campaign, accounts[i], 0))
                + _count(rewards.contactsOf(campaign, accounts[i], 1));
            assertEq(token.balanceOf(_who[i]), had * PRICE, "paid");
            if (rewards.isEnrolled(campaign, accounts[i])) reserved += _MOST - had;
        }
        IAttentionRewards.Standing memory standing = rewards.standingOf(campaign);
        assertEq(standing.reserved, reserved, "reserved");
        assertLe(reserved, standing.left);
        assertEq(token.balanceOf(address(rewards)), (standing.left + 50) * PRICE, "in escrow");
    }

    function _count(uint256 word) private pure returns (uint256 count) {
        for (; word != 0; word &= word - 1) {
            ++count;
        }
    }
}
