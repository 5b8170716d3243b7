// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {AttentionRewards} from "../../../contracts/attention/AttentionRewards.sol";
import {AttestorCredentials} from "../../../contracts/attention/AttestorCredentials.sol";
import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";

/// @notice The contract of paid attention, a brand, customers, and what it takes to sign.
/// @dev Digests and hashes are made from docs/messages.md here, never by asking the contract.
abstract contract AttentionTest is Test {
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant EPOCH = 90 days;
    uint256 internal constant PRICE = 7;
    uint256 internal constant FUNDS = 1_000_000;
    uint256 internal constant DAY = 1 days;
    uint8 internal constant POINTS = 0;
    uint8 internal constant ERC20 = 1;

    AttentionRewards internal rewards;
    AttestorCredentials internal credentials;
    CashMock internal cash;
    LoyaltyToken internal points;

    /// @dev Who claims a code, what the ticket's one-time key signed, and her credential.
    struct Taker {
        bytes32 account;
        IAttentionRewards.Signature signature;
        bytes credential;
    }

    /// @dev A leaf and its way up.
    struct Leaf {
        bytes32 root;
        bytes32 account;
        uint256 page;
        uint256 contacts;
        bytes32[] proof;
        bytes credential;
    }

    mapping(address account => uint256 key) internal keys;
    mapping(bytes32 campaign => IAttentionRewards.Handle) internal handles;
    bytes[] internal none;
    address internal brand;
    address internal signer;
    address internal attestor;
    address internal ticketKey;
    address internal customer = makeAddr("customer");
    address internal other = makeAddr("other customer");
    address internal relay = makeAddr("relay");
    address internal stranger = makeAddr("stranger");

    uint256 private _salt;

    function setUp() public virtual {
        vm.warp(START);
        (brand, signer) = (account("brand"), account("signer"));
        (attestor, ticketKey) = (account("attestor"), account("ticket key"));
        rewards = new AttentionRewards();
        credentials = new AttestorCredentials(attestor);
        cash = new CashMock("Cash", "CASH");
        PointsExchange exchange = new PointsExchange();
        points = new LoyaltyToken(address(exchange), brand, "Points", "PTS", 0, EPOCH, START - 40 * EPOCH);
        cash.mint(brand, FUNDS);
        vm.startPrank(brand);
        points.mint(brand, FUNDS);
        cash.approve(address(rewards), type(uint256).max);
        points.approve(address(rewards), type(uint256).max);
        vm.stopPrank();
    }

    function account(string memory name) internal returns (address who) {
        uint256 key = uint256(keccak256(bytes(name)));
        who = vm.addr(key);
        keys[who] = key;
        vm.label(who, name);
    }

    function id(address who) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }

    // --------------------------------------------------------------------------------------------- campaigns

    /// @dev A campaign of the brand's that pays cash out of escrow: ten days, two contacts a day, no codes.
    function termsInCash() internal returns (IAttentionRewards.Terms memory terms) {
        terms.admin = brand;
        terms.token = address(cash);
        terms.tokenKind = ERC20;
        terms.price = PRICE;
        terms.signer = signer;
        terms.start = START;
        terms.end = START + 9 days;
        terms.claimUntil = START + 39 days;
        terms.maxContacts = 20;
        terms.perDay = 2;
        terms.rootDelayDays = 1;
        terms.topic = 63;
        terms.channel = 15;
        terms.termsHash = keccak256("terms");
        terms.salt = bytes32(++_salt);
    }

    function termsInPoints() internal returns (IAttentionRewards.Terms memory terms) {
        terms = termsInCash();
        terms.token = address(points);
        terms.tokenKind = POINTS;
    }

    function termsFresh() internal returns (IAttentionRewards.Terms memory terms) {
        terms = termsInPoints();
        terms.fresh = true;
    }

    /// @dev Without days: everything may be claimed from the start on.
    function atOnce(IAttentionRewards.Terms memory terms)
        internal
        pure
        returns (IAttentionRewards.Terms memory)
    {
        terms.perDay = 0;
        return terms;
    }

    function withCodes(IAttentionRewards.Terms memory terms, uint256 codes)
        internal
        pure
        returns (IAttentionRewards.Terms memory)
    {
        terms.codes = codes;
        return terms;
    }

    function asking(IAttentionRewards.Terms memory terms)
        internal
        view
        returns (IAttentionRewards.Terms memory)
    {
        terms.credentials = address(credentials);
        return terms;
    }

    function open(IAttentionRewards.Terms memory terms, uint256 budget) internal returns (bytes32 campaign) {
        campaign = idOf(terms);
        if (terms.fresh) {
            uint256 forCodes = terms.codes < budget ? terms.codes : budget;
            grant(campaign, (budget - forCodes) * terms.price, terms.claimUntil);
            if (forCodes != 0) grant(codesGrant(campaign), forCodes * terms.price, terms.claimUntil);
        }
        vm.prank(terms.admin);
        assertEq(rewards.open(terms, budget), campaign);
    }

    /// @dev The grant out of which its codes are paid.
    function codesGrant(bytes32 campaign) internal pure returns (bytes32) {
        return ~campaign;
    }

    function grant(bytes32 campaign, uint256 amount, uint256 lockedUntil) internal {
        vm.prank(brand);
        points.setGrant(address(rewards), uint256(campaign), amount, 0, lockedUntil);
    }

    function idOf(IAttentionRewards.Terms memory terms) internal returns (bytes32 campaign) {
        uint256 mode = terms.tokenKind != POINTS ? 3 : terms.fresh ? 1 : 2;
        IAttentionRewards.Handle memory handle;
        handle.reward = terms.price << 160 | uint160(terms.token);
        handle.rule = terms.rootDelayDays << 248 | mode << 240 | terms.claimUntil << 200 | terms.start << 160
            | uint160(terms.signer);
        handle.terms = keccak256(abi.encode(block.chainid, address(rewards), terms));
        campaign = keccak256(abi.encode(handle));
        handles[campaign] = handle;
    }

    function enrol(bytes32 campaign, address who) internal {
        vm.prank(brand);
        rewards.enrol(campaign, list(id(who)));
    }

    function activate(bytes32 campaign, uint256 batch) internal {
        vm.prank(brand);
        rewards.activate(campaign, numbers(batch));
    }

    function appendInEffect(bytes32 campaign, bytes32 root) internal {
        vm.prank(brand);
        rewards.appendRoot(campaign, root);
        vm.warp(block.timestamp + 1 days);
    }

    // ------------------------------------------------------------------------------------------------ claims

    function statement(bytes32 campaign, bytes32 who, uint256 page, uint256 contacts)
        internal
        view
        returns (IAttentionRewards.Statement memory made)
    {
        made.account = who;
        made.page = page;
        made.contacts = contacts;
        made.signature = signDigest(signer, statementDigest(campaign, made));
    }

    function statement(bytes32 campaign, address who, uint256 contacts)
        internal
        view
        returns (IAttentionRewards.Statement memory)
    {
        return statement(campaign, id(who), 0, contacts);
    }

    function claim(bytes32 campaign, address who, uint256 contacts) internal {
        IAttentionRewards.Statement memory made = statement(campaign, who, contacts);
        vm.prank(relay);
        claimStatement(campaign, made);
    }

    function claimStatement(bytes32 campaign, IAttentionRewards.Statement memory made) internal {
        rewards.claimStatement(handles[campaign], made);
    }

    function claimStatement(
        bytes32 campaign,
        IAttentionRewards.Statement memory made,
        bytes memory credential
    ) internal {
        rewards.claimStatement(handles[campaign], made, credential);
    }

    function claimStatements(bytes32 campaign, IAttentionRewards.Statement[] memory all)
        internal
        returns (uint256)
    {
        return rewards.claimStatements(handles[campaign], all, none);
    }

    function ticket(bytes32 campaign, bytes32 who, uint256 number)
        internal
        view
        returns (IAttentionRewards.Ticket memory made)
    {
        made.account = who;
        made.id = number;
        made.key = ticketKey;
        made.validUntil = block.timestamp + 20 days;
        made.signature = signDigest(signer, ticketDigest(campaign, made));
    }

    /// @dev Who takes a ticket for an account that is an address.
    function taker(bytes32 campaign, IAttentionRewards.Ticket memory made, address who)
        internal
        view
        returns (Taker memory)
    {
        return taker(campaign, made, id(who), who, "");
    }

    function taker(
        bytes32 campaign,
        IAttentionRewards.Ticket memory made,
        bytes32 who,
        address recipient,
        bytes memory credential
    ) internal view returns (Taker memory taking) {
        taking.account = who;
        taking.signature = signDigest(made.key, namingDigest(campaign, made, recipient));
        taking.credential = credential;
    }

    /// @dev A ticket for account 0 is a code.
    function claimTicket(bytes32 campaign, IAttentionRewards.Ticket memory made, Taker memory taking)
        internal
    {
        IAttentionRewards.Handle memory handle = handles[campaign];
        bool asks = taking.credential.length != 0;
        if (made.account != 0) {
            if (asks) rewards.claimTicket(handle, made, taking.signature, taking.credential);
            else rewards.claimTicket(handle, made, taking.signature);
        } else if (asks) {
            rewards.claimCode(handle, taken(made, taking), taking.signature, taking.credential);
        } else {
            rewards.claimCode(handle, taken(made, taking), taking.signature);
        }
    }

    function taken(IAttentionRewards.Ticket memory made, Taker memory taking)
        internal
        pure
        returns (IAttentionRewards.Ticket memory)
    {
        return IAttentionRewards.Ticket(taking.account, made.id, made.key, made.validUntil, made.signature);
    }

    function claimCode(bytes32 campaign, uint256 index, address who) internal {
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, index);
        Taker memory taking = taker(campaign, made, who);
        vm.prank(relay);
        claimTicket(campaign, made, taking);
    }

    function claimBound(bytes32 campaign, uint256 number, address who) internal {
        IAttentionRewards.Ticket memory made = ticket(campaign, id(who), number);
        Taker memory taking = taker(campaign, made, who);
        vm.prank(relay);
        claimTicket(campaign, made, taking);
    }

    function leafHash(bytes32 campaign, bytes32 who, uint256 page, uint256 contacts)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(bytes.concat(keccak256(abi.encode(campaign, who, page, contacts))));
    }

    function node(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    /// @dev A leaf of the account beside one of somebody else, and the root of both.
    function leaf(bytes32 campaign, bytes32 who, uint256 page, uint256 contacts)
        internal
        view
        returns (Leaf memory made)
    {
        bytes32 sister = leafHash(campaign, id(stranger), 0, 1);
        made.account = who;
        made.page = page;
        made.contacts = contacts;
        made.proof = list(sister);
        made.root = node(leafHash(campaign, who, page, contacts), sister);
    }

    function claimRoot(bytes32 campaign, Leaf memory made) internal {
        IAttentionRewards.Leaf memory leaf_ = IAttentionRewards.Leaf(made.account, made.page, made.contacts);
        if (made.credential.length == 0) rewards.claimRoot(handles[campaign], leaf_, made.proof);
        else rewards.claimRoot(handles[campaign], leaf_, made.proof, made.credential);
    }

    function credentialFor(bytes32 campaign, bytes32 pseudonym, address who, uint256 expiry)
        internal
        view
        returns (bytes memory)
    {
        bytes32 kind = keccak256(
            "Credential(address attestor,bytes32 campaign,bytes32 pseudonym,address account,uint256 expiry)"
        );
        bytes32 hash = keccak256(abi.encode(kind, attestor, campaign, pseudonym, who, expiry));
        bytes32 domain_ = domain("Troc Credentials", address(credentials));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(keys[attestor], keccak256(abi.encodePacked(hex"1901", domain_, hash)));
        return abi.encodePacked(abi.encode(who, expiry), r, s, v);
    }

    // --------------------------------------------------------------------------------------------- signatures

    function domain(string memory name, address verifier) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
    }

    function typed(bytes32 hash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain("Troc Attention", address(rewards)), hash));
    }

    function statementDigest(bytes32 campaign, IAttentionRewards.Statement memory made)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            "Statement(address campaignSigner,bytes32 campaign,bytes32 account,uint256 page,uint256 contacts)"
        );
        return typed(keccak256(abi.encode(kind, signer, campaign, made.account, made.page, made.contacts)));
    }

    function ticketDigest(bytes32 campaign, IAttentionRewards.Ticket memory made)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            "Ticket(address campaignSigner,bytes32 campaign,bytes32 account,uint256 id,address key,uint256 validUntil)"
        );
        return typed(
            keccak256(abi.encode(kind, signer, campaign, made.account, made.id, made.key, made.validUntil))
        );
    }

    function namingDigest(bytes32 campaign, IAttentionRewards.Ticket memory made, address recipient)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256("ClaimTicket(address key,address recipient,bytes32 ticket)");
        return typed(keccak256(abi.encode(kind, made.key, recipient, ticketDigest(campaign, made))));
    }

    function signDigest(address who, bytes32 digest)
        internal
        view
        returns (IAttentionRewards.Signature memory)
    {
        (bytes32 r, bytes32 vs) = vm.signCompact(keys[who], digest);
        return IAttentionRewards.Signature(r, vs);
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function list(bytes32 one) internal pure returns (bytes32[] memory all) {
        all = new bytes32[](1);
        all[0] = one;
    }

    function numbers(uint256 one) internal pure returns (uint256[] memory all) {
        all = new uint256[](1);
        all[0] = one;
    }

    function assertStanding(bytes32 campaign, uint256 left, uint256 reserved, uint256 codes) internal view {
        IAttentionRewards.Standing memory standing = rewards.standingOf(campaign);
        assertEq(standing.left, left, "left");
        assertEq(standing.reserved, reserved, "reserved");
        assertEq(standing.codesLeft, codes, "codes left");
        assertEq(standing.free, left - reserved - codes, "free");
    }
}
