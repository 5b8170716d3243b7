// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CommonBase} from "forge-std/Base.sol";

import {AttentionRewards} from "../../../contracts/attention/AttentionRewards.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {IPlainClaims} from "../AttentionRewards/PlainClaims.sol";

/// @notice Whatever can happen to campaigns, valid or not. The books beside it say of each call beforehand whether it must be
/// accepted, and what it pays: one that goes otherwise breaks an invariant.
contract AttentionHandler is CommonBase {
    struct Entry {
        bytes32 id;
        IAttentionRewards.Handle handle;
        IAttentionRewards.Terms terms;
        uint256 left;
        uint256 reserved;
        uint256 codesLeft;
        bool active;
        bool ended;
        uint256 root;
        uint256 rootFrom;
        bytes32 rootHash;
    }

    uint256 internal constant PEOPLE = 4;
    uint256 private constant CONTACTS = 12;
    uint256 private constant CODES = 6;
    uint256 private constant DAY = 1 days;
    bytes32 private constant STATEMENT_TYPE = keccak256(
        "Statement(address campaignSigner,bytes32 campaign,bytes32 account,uint256 page,uint256 contacts)"
    );
    bytes32 private constant TICKET_TYPE = keccak256(
        "Ticket(address campaignSigner,bytes32 campaign,bytes32 account,uint256 id,address key,uint256 validUntil)"
    );
    bytes32 private constant CLAIM_TYPE =
        keccak256("ClaimTicket(address key,address recipient,bytes32 ticket)");

    AttentionRewards public immutable rewards;
    CashMock public immutable cash;
    LoyaltyToken public immutable points;

    /// @dev Where what is left goes.
    address private constant _RETURNS = address(0x9999);

    /// @notice The time of this world.
    uint256 public time;
    /// @notice What was found wrong first, by the number of the invariant.
    mapping(uint256 invariant => string) public broken;
    /// @notice How often each function did what it is for.
    mapping(bytes4 selector => uint256) public done;
    /// @notice How often anything was called.
    uint256 public calls;
    /// @notice How often the contract refused, as it should.
    uint256 public refused;

    Entry[] private _all;
    address[PEOPLE] private _people;
    mapping(uint256 entry => mapping(uint256 person => uint256 bits)) private _bits;
    mapping(uint256 entry => mapping(uint256 person => bool)) private _enrolled;
    mapping(uint256 entry => uint256 bits) private _codes;
    mapping(bool inPoints => mapping(uint256 person => uint256 amount)) private _due;

    constructor(AttentionRewards rewards_, CashMock cash_, LoyaltyToken points_) {
        (rewards, cash, points, time) = (rewards_, cash_, points_, block.timestamp);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _people[i] = vm.addr(100 + i);
        }
        cash.approve(address(rewards), type(uint256).max);
        points.approve(address(rewards), type(uint256).max);
    }

    modifier counted() {
        ++calls;
        vm.warp(time);
        if (_all.length == 0) _open(calls);
        _;
    }

    function selectors() external pure returns (bytes4[] memory all) {
        all = new bytes4[](11);
        all[0] = this.open.selector;
        all[1] = this.fund.selector;
        all[2] = this.enrol.selector;
        all[3] = this.activate.selector;
        all[4] = this.claimStatement.selector;
        all[5] = this.claimStatements.selector;
        all[6] = this.claimBound.selector;
        all[7] = this.claimCode.selector;
        all[8] = this.root.selector;
        all[9] = this.pass.selector;
        all[10] = this.end.selector;
    }

    // --------------------------------------------------------------------------------------------- the brand

    function open(uint256 seed) external counted {
        if (_all.length < 8) _open(seed);
    }

    function _open(uint256 seed) private {
        Entry storage entry = _all.push();
        IAttentionRewards.Terms memory terms;
        bool cash_ = seed % 3 == 0;
        terms.admin = address(this);
        terms.token = cash_ ? address(cash) : address(points);
        terms.tokenKind = cash_ ? 1 : 0;
        terms.fresh = seed % 3 == 1;
        terms.price = 1 + seed / 3 % 1000;
        terms.signer = vm.addr(7);
        terms.start = time;
        terms.end = time + 5 * DAY;
        terms.claimUntil = terms.end + 30 * DAY;
        terms.maxContacts = CONTACTS;
        terms.perDay = seed / 7 % 2 * 3;
        terms.codes = CODES;
        terms.codesPerAccount = 3;
        terms.rootDelayDays = 1;
        terms.salt = bytes32(_all.length);
        uint256 budget = CODES + seed / 11 % 40;
        entry.id = rewards.idOf(terms);
        entry.terms = terms;
        (entry.left, entry.codesLeft) = (budget, CODES);
        if (cash_) cash.mint(address(this), budget * terms.price);
        else if (!terms.fresh) points.mint(address(this), budget * terms.price);
        else _grantBoth(entry, budget);
        rewards.open(terms, budget);
        entry.handle = rewards.handleOf(entry.id);
        ++done[this.open.selector];
    }

    /// @dev Of the budget what is for codes lies in a grant of its own.
    function _grantBoth(Entry storage entry, uint256 budget) private {
        _grant(entry, budget);
        uint256 amount = CODES * entry.terms.price;
        points.setGrant(address(rewards), ~uint256(entry.id), amount, 0, entry.terms.claimUntil);
    }

    function _grant(Entry storage entry, uint256 budget) private {
        uint256 amount = (budget - entry.codesLeft) * entry.terms.price;
        points.setGrant(address(rewards), uint256(entry.id), amount, 0, entry.terms.claimUntil);
    }

    function fund(uint256 seed) external counted {
        (, Entry storage entry) = _pick(seed);
        if (_isOver(entry)) return;
        uint256 more = 1 + seed / 64 % 5;
        uint256 amount = more * entry.terms.price;
        if (entry.terms.fresh) {
            _grant(entry, entry.left + more);
        } else {
            if (entry.terms.tokenKind == 1) cash.mint(address(this), amount);
            else points.mint(address(this), amount);
            rewards.fund(entry.id, more);
        }
        entry.left += more;
        ++done[this.fund.selector];
    }

    function enrol(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        uint256 person = seed / 64 % PEOPLE;
        uint256 needs = _enrolled[which][person] ? 0 : CONTACTS - _count(_bits[which][person]);
        bool fits = !_isOver(entry) && needs <= _free(entry);
        bytes32[] memory accounts = new bytes32[](2);
        (accounts[0], accounts[1]) = (_id(person), _id(person));
        if (!_call(abi.encodeCall(rewards.enrol, (entry.id, accounts)), fits, this.enrol.selector)) return;
        _enrolled[which][person] = true;
        entry.reserved += needs;
    }

    function activate(uint256 seed) external counted {
        (, Entry storage entry) = _pick(seed);
        bytes memory call = abi.encodeCall(rewards.activate, (entry.id, new uint256[](1)));
        if (_call(call, !_isOver(entry), this.activate.selector)) entry.active = true;
    }

    /// @dev Appends a root of one leaf, withdraws it, or claims under it.
    function root(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        uint256 person = entry.root % PEOPLE;
        uint256 contacts = entry.root / PEOPLE % (1 << CONTACTS);
        if (entry.rootHash == 0) {
            entry.root = seed >> 8;
            bytes32 single = keccak256(
                abi.encode(
                    entry.id, _id(entry.root % PEOPLE), uint256(0), entry.root / PEOPLE % (1 << CONTACTS)
                )
            );
            bytes32 hash = keccak256(bytes.concat(single));
            bool may = time + DAY <= entry.terms.claimUntil && rewards.rootOf(entry.id, hash) == 0;
            if (_call(abi.encodeCall(rewards.appendRoot, (entry.id, hash)), may, this.root.selector)) {
                (entry.rootFrom, entry.rootHash) = (time + DAY, hash);
            }
        } else if (seed / 64 % 3 == 0) {
            bool may = time < entry.rootFrom && !_isOver(entry);
            bytes memory call = abi.encodeCall(rewards.withdrawRoot, (entry.id, entry.rootHash));
            if (_call(call, may, this.root.selector)) entry.rootHash = 0;
        } else {
            IAttentionRewards.Leaf memory leaf = IAttentionRewards.Leaf(_id(person), 0, contacts);
            bool may = time >= entry.rootFrom && _payable(which, person, contacts);
            bytes memory call = abi.encodeCall(IPlainClaims.claimRoot, (entry.handle, leaf, new bytes32[](0)));
            if (_call(call, may, this.root.selector)) _paid(which, person, contacts);
            // Room for another.
            if (time >= entry.rootFrom) entry.rootHash = 0;
        }
    }

    function pass(uint256 seed) external counted {
        time += seed % 8 == 0 ? DAY - time % DAY : seed % (DAY / 2);
        ++done[this.pass.selector];
    }

    function end(uint256 seed) external counted {
        (, Entry storage entry) = _pick(seed);
        uint256 before = _held(entry);
        bool may = _isOver(entry) && !(entry.terms.fresh && entry.ended);
        bytes memory call = entry.terms.fresh
            ? abi.encodeCall(rewards.release, (entry.id))
            : abi.encodeCall(rewards.refund, (entry.id, _RETURNS));
        if (!_call(call, may, this.end.selector)) return;
        uint256 expected = entry.terms.fresh ? 0 : entry.left * entry.terms.price;
        if (_held(entry) - before != expected) _break(3, "another amount than what is left returned");
        entry.left = 0;
        entry.reserved = 0;
        entry.codesLeft = 0;
        entry.ended = true;
    }

    function _held(Entry storage entry) private view returns (uint256) {
        return entry.terms.tokenKind == 0 ? points.balanceOf(_RETURNS) : cash.balanceOf(_RETURNS);
    }

    // ------------------------------------------------------------------------------------------ the customers

    function claimStatement(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        uint256 person = seed / 64 % PEOPLE;
        uint256 contacts = _set(seed >> 32);
        bool signed = seed / 1024 % 8 != 0;
        IAttentionRewards.Statement memory made = _statement(entry, person, contacts, signed);
        bool may = signed && _payable(which, person, contacts);
        bytes memory call = abi.encodeCall(IPlainClaims.claimStatement, (entry.handle, made));
        if (_call(call, may, this.claimStatement.selector)) _paid(which, person, contacts);
    }

    function claimStatements(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](4);
        uint256 expected = 0;
        bool over = _isOver(entry);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i / 2 * (1 + seed % 2))));
            uint256 person = random % PEOPLE;
            uint256 contacts = _set(random >> 16);
            bool signed = random / 1024 % 8 != 0;
            all[i] = _statement(entry, person, contacts, signed);
            if (signed && _payable(which, person, contacts)) {
                ++expected;
                _paid(which, person, contacts);
            }
        }
        try rewards.claimStatements(entry.handle, all, new bytes[](0)) returns (uint256 paid) {
            if (over || paid != expected) _break(1, "a batch paid another number");
            if (paid != 0) ++done[this.claimStatements.selector];
        } catch {
            if (!over) _break(2, "a batch was refused");
        }
    }

    function claimBound(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        uint256 person = seed / 64 % PEOPLE;
        uint256 contact = seed / 1024 % (CONTACTS + 1);
        bool may = _payable(which, person, 1 << contact);
        bytes memory call = _ticket(entry, _id(person), contact, person);
        if (_call(call, may, this.claimBound.selector)) _paid(which, person, 1 << contact);
    }

    function claimCode(uint256 seed) external counted {
        (uint256 which, Entry storage entry) = _pick(seed);
        uint256 person = seed / 64 % PEOPLE;
        uint256 index = seed / 1024 % (CODES + 1);
        (uint256 total, uint256 today) = rewards.codesOf(entry.id, _id(person));
        bool may = !_isOver(entry) && entry.active && index < CODES && _codes[which] >> index & 1 == 0;
        may = may && total < 3 && (entry.terms.perDay == 0 || today < entry.terms.perDay);
        if (!_call(_ticket(entry, 0, index, person), may, this.claimCode.selector)) return;
        _codes[which] |= 1 << index;
        --entry.codesLeft;
        --entry.left;
        _due[entry.terms.tokenKind == 0][person] += entry.terms.price;
    }

    // --------------------------------------------------------------------------------------------- the checks

    function checkAll() external {
        vm.warp(time);
        uint256 escrow = 0;
        for (uint256 i = 0; i < _all.length; ++i) {
            Entry storage entry = _all[i];
            IAttentionRewards.Standing memory standing = rewards.standingOf(entry.id);
            if (standing.left != entry.left) _break(1, "left");
            if (standing.reserved != entry.reserved) _break(2, "reserved");
            if (standing.codesLeft != entry.codesLeft) _break(2, "codes left");
            if (entry.reserved + entry.codesLeft > entry.left) _break(2, "more is promised than there is");
            uint256 open_ = 0;
            for (uint256 person = 0; person < PEOPLE; ++person) {
                uint256 bits = rewards.contactsOf(entry.id, _id(person), 0);
                if (bits != _bits[i][person]) _break(1, "contacts");
                if (_enrolled[i][person]) open_ += CONTACTS - _count(bits);
            }
            if (!entry.ended && entry.reserved != open_) _break(2, "not all that is enrolled is reserved");
            uint256 amount = entry.left * entry.terms.price;
            if (entry.terms.tokenKind == 1) {
                escrow += amount;
            } else if (!entry.terms.fresh && !_isOver(entry)) {
                if (points.balanceOf(points.pocketOf(address(rewards), entry.id)) != amount) {
                    _break(3, "pocket");
                }
            }
        }
        if (cash.balanceOf(address(rewards)) != escrow) _break(3, "escrow");
        for (uint256 person = 0; person < PEOPLE; ++person) {
            if (cash.balanceOf(_people[person]) != _due[false][person]) _break(1, "paid in cash");
            if (points.balanceOf(_people[person]) != _due[true][person]) _break(1, "paid in points");
        }
    }

    // ---------------------------------------------------------------------------------------------- internal

    function _pick(uint256 seed) private view returns (uint256 which, Entry storage entry) {
        which = seed % _all.length;
        entry = _all[which];
    }

    function _id(uint256 person) private view returns (bytes32) {
        return bytes32(uint256(uint160(_people[person])));
    }

    function _isOver(Entry storage entry) private view returns (bool) {
        return time > entry.terms.claimUntil;
    }

    function _free(Entry storage entry) private view returns (uint256) {
        return entry.left - entry.reserved - entry.codesLeft;
    }

    /// @dev One to three contacts, now and then one too high.
    function _set(uint256 random) private pure returns (uint256) {
        uint256 all = CONTACTS + (random % 16 == 0 ? 1 : 0);
        return 1 << (random / 16 % all) | 1 << (random / 512 % CONTACTS) | 1 << (random / 4096 % 3);
    }

    function _count(uint256 bits) private pure returns (uint256 number) {
        for (; bits != 0; bits &= bits - 1) {
            ++number;
        }
    }

    function _payable(uint256 which, uint256 person, uint256 contacts) private view returns (bool) {
        Entry storage entry = _all[which];
        if (_isOver(entry) || contacts == 0 || contacts >> CONTACTS != 0) return false;
        uint256 k = entry.terms.perDay;
        for (uint256 i = 0; k != 0 && i < CONTACTS; ++i) {
            uint256 from = entry.terms.start + i / k * DAY;
            if (contacts >> i & 1 != 0 && (from > time || from > entry.terms.end)) return false;
        }
        uint256 number = _count(contacts & ~_bits[which][person]);
        return number != 0 && (_enrolled[which][person] || number <= _free(entry));
    }

    function _paid(uint256 which, uint256 person, uint256 contacts) private {
        Entry storage entry = _all[which];
        uint256 number = _count(contacts & ~_bits[which][person]);
        _bits[which][person] |= contacts;
        entry.left -= number;
        if (_enrolled[which][person]) entry.reserved -= number;
        _due[entry.terms.tokenKind == 0][person] += number * entry.terms.price;
    }

    /// @dev Makes a call and compares what comes of it with what the books say.
    function _call(bytes memory data, bool may, bytes4 selector) private returns (bool ok) {
        (ok,) = address(rewards).call(data);
        if (ok && !may) _break(1, "accepted what must be refused");
        if (!ok && may) _break(2, "refused what must be accepted");
        if (ok) ++done[selector];
        else ++refused;
    }

    function _break(uint256 invariant, string memory what) private {
        if (bytes(broken[invariant]).length == 0) broken[invariant] = what;
    }

    function _statement(Entry storage entry, uint256 person, uint256 contacts, bool signed)
        private
        view
        returns (IAttentionRewards.Statement memory made)
    {
        (made.account, made.contacts) = (_id(person), contacts);
        made.signature = _sign(
            signed ? 7 : 8,
            keccak256(
                abi.encode(STATEMENT_TYPE, entry.terms.signer, entry.id, made.account, uint256(0), contacts)
            )
        );
    }

    function _ticket(Entry storage entry, bytes32 account, uint256 number, uint256 person)
        private
        view
        returns (bytes memory)
    {
        IAttentionRewards.Ticket memory made;
        (made.account, made.id, made.key) = (account, number, vm.addr(9));
        made.validUntil = entry.terms.claimUntil;
        bytes32 hash = keccak256(
            abi.encode(TICKET_TYPE, entry.terms.signer, entry.id, account, number, made.key, made.validUntil)
        );
        made.signature = _sign(7, hash);
        bytes32 naming = keccak256(abi.encode(CLAIM_TYPE, made.key, _people[person], _typed(hash)));
        if (account != 0) {
            return abi.encodeCall(IPlainClaims.claimTicket, (entry.handle, made, _sign(9, naming)));
        }
        made.account = _id(person);
        return abi.encodeCall(IPlainClaims.claimCode, (entry.handle, made, _sign(9, naming)));
    }

    function _sign(uint256 key, bytes32 hash) private view returns (IAttentionRewards.Signature memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, _typed(hash));
        return IAttentionRewards.Signature(r, vs);
    }

    function _typed(bytes32 hash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Troc Attention"),
                keccak256("1"),
                block.chainid,
                address(rewards)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }
}
