// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";
import {LibBitmap} from "solady/utils/LibBitmap.sol";
import {MerkleProofLib} from "solady/utils/MerkleProofLib.sol";
import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IAttentionRewards} from "../../interfaces/IAttentionRewards.sol";
import {ICredentials} from "../../interfaces/ICredentials.sol";
import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";
import {Escrow} from "../libraries/Escrow.sol";

/// @title Paid attention
/// @dev A page of an account's contacts is one word: bit i is contact 255·page + i, and bit 255 of page 0 says that she is
/// enrolled. Every path presents a set of contacts, is paid for those whose bits are 0, and sets them: so paths add up.
/// @dev Each claim writes its bits and the budget before the token is called. A statement of a batch that is not paid gives
/// back what is then stored, not what was read before: whatever a token's hook did meanwhile stays.
contract AttentionRewards is EIP712, ReentrancyGuard, IAttentionRewards {
    using LibBitmap for LibBitmap.Bitmap;

    struct Reward {
        address token;
        uint96 price;
    }

    struct Rule {
        address signer;
        uint40 start;
        uint40 claimUntil;
        uint8 mode;
        uint8 rootDelayDays;
    }

    /// @dev `left` is not kept where points are issued: the grant says it. `asks`: for credentials.
    struct Budget {
        uint56 left;
        uint56 reserved;
        uint32 codesLeft;
        uint40 end;
        uint16 maxContacts;
        uint16 perDay;
        uint16 codesPerAccount;
        bool asks;
    }

    struct Campaign {
        Reward reward;
        Rule rule;
        Budget budget;
        address credentials;
        uint32 codes;
        address admin;
        address nextAdmin;
    }

    /// @dev `today` counts for `day` of the campaign alone.
    struct CodesHad {
        uint32 total;
        uint32 day;
        uint32 today;
    }

    /// @dev What a claim is about; `rule` and `budget` are the campaign's words, as they were read. What it finds: the slot and the
    /// word of its page; those of its contacts that were not paid before, as bits and counted; whether she is enrolled.
    struct Claim {
        bytes32 campaignId;
        uint256 rule;
        uint256 budget;
        bytes32 account;
        address payee;
        uint256 page;
        uint256 contacts;
        uint256 path;
        uint256 slot;
        uint256 word;
        uint256 fresh;
        uint256 number;
        bool enrolled;
    }

    /// @dev Fresh points that a batch of statements will issue: a call of `issueTo` in the making, and what of the grant is left
    /// for it, in contacts.
    struct Batch {
        uint256[] words;
        address token;
        address exchange;
        uint256 price;
        uint256 left;
    }

    uint256 private constant _POINTS_KIND = 0;
    uint256 private constant _ERC20_KIND = 1;

    // Modes; 0: there is no such campaign.
    uint256 private constant _FRESH = 1;
    uint256 private constant _POINTS = 2;
    uint256 private constant _ERC20 = 3;

    // Paths, as in `ContactsPaid`.
    uint256 private constant _STATEMENT = 0;
    uint256 private constant _TICKET = 1;
    uint256 private constant _ROOT = 2;

    // Where the fields of `Reward`, `Rule` and `Budget` begin. A claim reads each as one word: field by field, masks, shifts and
    // warm reads add up to thousands of gas.
    uint256 private constant _PRICE = 160;
    uint256 private constant _START = 160;
    uint256 private constant _CLAIM_UNTIL = 200;
    uint256 private constant _MODE = 240;
    uint256 private constant _RESERVED = 56;
    uint256 private constant _CODES_LEFT = 112;
    uint256 private constant _END = 144;
    uint256 private constant _MAX_CONTACTS = 184;
    uint256 private constant _PER_DAY = 200;
    uint256 private constant _ASKS = 232;

    uint256 private constant _PAGE = 255;
    uint256 private constant _ENROLLED = 1 << 255;
    uint256 private constant _BATCH = 1000;
    uint256 private constant _MIN_CLAIM = 30 days;
    uint256 private constant _MAX_AHEAD = 3650 days;
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev What a credential, and a payment, may burn in a batch, so that one must not use up what the others need.
    uint256 private constant _CREDENTIAL_GAS = 200_000;
    uint256 private constant _PAY_GAS = 200_000;
    /// @dev What a statement of a batch needs beside these two.
    uint256 private constant _ITEM_GAS = 60_000;

    bytes32 private constant _STATEMENT_TYPE = keccak256(
        "Statement(address campaignSigner,bytes32 campaign,bytes32 account,uint256 page,uint256 contacts)"
    );
    bytes32 private constant _TICKET_TYPE = keccak256(
        "Ticket(address campaignSigner,bytes32 campaign,bytes32 account,uint256 id,address key,uint256 validUntil)"
    );
    bytes32 private constant _CLAIM_TICKET_TYPE =
        keccak256("ClaimTicket(address key,address recipient,bytes32 ticket)");

    mapping(bytes32 campaignId => Campaign) private _campaigns;
    mapping(bytes32 campaignId => mapping(bytes32 root => uint256 effectFrom)) private _roots;
    mapping(bytes32 campaignId => LibBitmap.Bitmap) private _active;
    mapping(bytes32 campaignId => LibBitmap.Bitmap) private _taken;
    mapping(bytes32 campaignId => mapping(bytes32 account => CodesHad)) private _codesHad;

    // ------------------------------------------------------------------------------------------ the brand

    /// @inheritdoc IAttentionRewards
    function open(Terms calldata terms, uint256 budget) external returns (bytes32 campaignId) {
        campaignId = idOf(terms);
        Campaign storage campaign = _campaigns[campaignId];
        if (campaign.rule.mode != 0) revert CampaignExists(campaignId);
        if (msg.sender != terms.admin) revert NotTheAdmin(campaignId, terms.admin, msg.sender);
        uint256 mode = _check(terms);
        _store(campaign, terms, mode);
        emit CampaignOpened(campaignId, terms.token, msg.sender, terms);
        if (mode == _FRESH) {
            _checkGrant(campaignId, terms);
            uint256 granted = _leftOf(campaignId, campaign);
            if (granted < budget) revert BudgetTooSmall(granted, budget);
        } else if (budget != 0) {
            _fund(campaignId, campaign, budget);
        }
        uint256 left = _leftOf(campaignId, campaign);
        if (left < terms.codes) revert BudgetTooSmall(left, terms.codes);
    }

    /// @inheritdoc IAttentionRewards
    function fund(bytes32 campaignId, uint256 contacts) external {
        Campaign storage campaign = _claimable(campaignId);
        if (campaign.rule.mode == _FRESH) revert NotInEscrow(campaignId);
        if (contacts == 0) revert ZeroContacts();
        _fund(campaignId, campaign, contacts);
    }

    /// @inheritdoc IAttentionRewards
    function enrol(bytes32 campaignId, bytes32[] calldata accounts) external {
        Campaign storage campaign = _run(campaignId);
        Budget memory budget = campaign.budget;
        uint256 reserved = 0;
        for (uint256 i = 0; i < accounts.length; ++i) {
            bytes32 account = accounts[i];
            if (!_isAccount(account, budget.asks)) revert NoSuchAccount(account);
            uint256 place = _placeOf(campaignId, account, 0);
            uint256 word = _wordAt(place);
            if (word & _ENROLLED != 0) continue;
            uint256 had = 0;
            for (uint256 first = 0; first < budget.maxContacts; first += _PAGE) {
                had += LibBit.popCount(_wordAt(_placeOf(campaignId, account, first / _PAGE)));
            }
            _writeAt(place, word | _ENROLLED);
            reserved += budget.maxContacts - had;
        }
        uint256 free = _freeOf(campaignId, campaign);
        if (reserved > free) revert NotFree(free, reserved);
        // No more than what is left, which fits.
        campaign.budget.reserved = uint56(budget.reserved + reserved);
        emit AccountsEnrolled(campaignId, accounts, reserved);
    }

    /// @inheritdoc IAttentionRewards
    function activate(bytes32 campaignId, uint256[] calldata batches) external {
        uint256 codes = _run(campaignId).codes;
        for (uint256 i = 0; i < batches.length; ++i) {
            // The first comparison keeps the product below 2^256.
            if (batches[i] >= codes || batches[i] * _BATCH >= codes) revert NoSuchBatch(batches[i], codes);
            _active[campaignId].set(batches[i]);
        }
        emit CodesActivated(campaignId, batches);
    }

    /// @inheritdoc IAttentionRewards
    function appendRoot(bytes32 campaignId, bytes32 root) external {
        Rule memory rule = _run(campaignId).rule;
        if (root == 0) revert RootMissing();
        if (_roots[campaignId][root] != 0) revert RootKnown(campaignId, root);
        uint256 effectFrom = block.timestamp + uint256(rule.rootDelayDays) * 1 days;
        if (effectFrom > rule.claimUntil) revert RootTooLate(effectFrom, rule.claimUntil);
        _roots[campaignId][root] = effectFrom;
        emit RootAppended(campaignId, root, effectFrom);
    }

    /// @inheritdoc IAttentionRewards
    function withdrawRoot(bytes32 campaignId, bytes32 root) external {
        _run(campaignId);
        uint256 effectFrom = _roots[campaignId][root];
        if (effectFrom == 0) revert RootUnknown(campaignId, root);
        if (block.timestamp >= effectFrom) revert RootInEffect(root, effectFrom);
        delete _roots[campaignId][root];
        emit RootWithdrawn(campaignId, root);
    }

    /// @inheritdoc IAttentionRewards
    function offerAdmin(bytes32 campaignId, address to) external {
        _administered(campaignId).nextAdmin = to;
        emit AdminOffered(campaignId, to);
    }

    /// @inheritdoc IAttentionRewards
    function acceptAdmin(bytes32 campaignId) external {
        Campaign storage campaign = _known(campaignId);
        address to = campaign.nextAdmin;
        if (msg.sender != to) revert NotOffered(campaignId, to, msg.sender);
        emit AdminChanged(campaignId, campaign.admin, to);
        campaign.admin = to;
        campaign.nextAdmin = address(0);
    }

    /// @inheritdoc IAttentionRewards
    function refund(bytes32 campaignId, address to) external {
        Campaign storage campaign = _administered(campaignId);
        Rule memory rule = campaign.rule;
        Reward memory reward = campaign.reward;
        if (rule.mode == _FRESH) revert NotInEscrow(campaignId);
        _checkOver(rule.claimUntil);
        uint256 amount = uint256(campaign.budget.left) * reward.price;
        _end(campaign);
        if (rule.mode == _POINTS) amount = _alive(reward.token, campaignId, amount, rule.claimUntil);
        emit CampaignRefunded(campaignId, to, amount);
        if (
            amount != 0
                && !_trySend(campaignId, rule.mode, reward.token, to, amount, rule.claimUntil, gasleft())
        ) {
            revert RewardFailed(reward.token, to);
        }
    }

    /// @inheritdoc IAttentionRewards
    function release(bytes32 campaignId) external {
        Campaign storage campaign = _known(campaignId);
        if (campaign.rule.mode != _FRESH) revert NotFresh(campaignId);
        _checkOver(campaign.rule.claimUntil);
        _end(campaign);
        emit CampaignReleased(campaignId);
        ILoyaltyToken(campaign.reward.token).releaseGrant(address(this), uint256(campaignId));
    }

    // --------------------------------------------------------------------------------------- the customer

    /// @inheritdoc IAttentionRewards
    function claimStatement(bytes32 campaignId, Statement calldata statement) external {
        (Campaign storage campaign, Claim memory claim) = _begin(campaignId);
        bytes32 digest = _statementDigest(claim, statement);
        _checkSigned(address(uint160(claim.rule)), digest, statement.signature);
        claim.account = statement.account;
        claim.page = statement.page;
        claim.contacts = statement.contacts;
        claim.payee = _payeeOf(campaign, claim, statement.credential);
        _pay(campaign, claim);
    }

    /// @inheritdoc IAttentionRewards
    function claimStatements(bytes32 campaignId, Statement[] calldata statements)
        external
        returns (uint256 paid)
    {
        (Campaign storage campaign, Claim memory claim) = _begin(campaignId);
        if (_modeOf(claim.rule) == _FRESH) return _issueStatements(campaign, claim, statements);
        for (uint256 i = 0; i < statements.length; ++i) {
            Statement calldata statement = statements[i];
            Skip reason = _tryStatement(campaign, claim, statement);
            if (reason == Skip.None) ++paid;
            else emit StatementSkipped(campaignId, statement.account, i, reason);
        }
    }

    /// @inheritdoc IAttentionRewards
    function claimTicket(bytes32 campaignId, Ticket calldata ticket, Taker calldata taker) external {
        (Campaign storage campaign, Claim memory claim) = _begin(campaignId);
        if (block.timestamp > ticket.validUntil) revert TicketExpired(ticket.validUntil);
        _checkTicket(claim, ticket, taker);
        bytes32 account = taker.account;
        if (ticket.account != 0 && ticket.account != account) {
            revert OtherAccount(ticket.account, account);
        }
        claim.account = account;
        address payee = _payeeOf(campaign, claim, taker.credential);
        if (payee != taker.recipient) revert OtherRecipient(payee, taker.recipient);
        claim.payee = payee;
        uint256 id = ticket.id;
        if (ticket.account == 0) return _payCode(campaign, claim, id);
        claim.page = id / _PAGE;
        claim.contacts = 1 << (id % _PAGE);
        claim.path = _TICKET;
        _pay(campaign, claim);
    }

    /// @inheritdoc IAttentionRewards
    function claimRoot(bytes32 campaignId, Leaf calldata leaf) external {
        (Campaign storage campaign, Claim memory claim) = _begin(campaignId);
        _checkLeaf(campaignId, leaf);
        claim.account = leaf.account;
        claim.page = leaf.page;
        claim.contacts = leaf.contacts;
        claim.path = _ROOT;
        claim.payee = _payeeOf(campaign, claim, leaf.credential);
        _pay(campaign, claim);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IAttentionRewards
    function idOf(Terms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), terms));
    }

    /// @inheritdoc IAttentionRewards
    function standingOf(bytes32 campaignId) external view returns (Standing memory standing) {
        Campaign storage campaign = _campaigns[campaignId];
        if (campaign.rule.mode == 0) return standing;
        Budget memory budget = campaign.budget;
        standing.admin = campaign.admin;
        standing.nextAdmin = campaign.nextAdmin;
        standing.left = _leftOf(campaignId, campaign);
        standing.reserved = budget.reserved;
        standing.codesLeft = budget.codesLeft;
        standing.free = _freeOf(campaignId, campaign);
    }

    /// @inheritdoc IAttentionRewards
    function rulesOf(bytes32 campaignId) external view returns (Rules memory rules) {
        Campaign storage campaign = _campaigns[campaignId];
        Rule memory rule = campaign.rule;
        Budget memory budget = campaign.budget;
        rules.token = campaign.reward.token;
        rules.tokenKind = rule.mode == _ERC20 ? uint8(_ERC20_KIND) : uint8(_POINTS_KIND);
        rules.fresh = rule.mode == _FRESH;
        rules.price = campaign.reward.price;
        rules.signer = rule.signer;
        rules.start = rule.start;
        rules.end = budget.end;
        rules.claimUntil = rule.claimUntil;
        rules.maxContacts = budget.maxContacts;
        rules.perDay = budget.perDay;
        rules.codes = campaign.codes;
        rules.codesPerAccount = budget.codesPerAccount;
        rules.rootDelayDays = rule.rootDelayDays;
        rules.credentials = campaign.credentials;
    }

    /// @inheritdoc IAttentionRewards
    function contactsOf(bytes32 campaignId, bytes32 account, uint256 page) external view returns (uint256) {
        return _wordAt(_placeOf(campaignId, account, page)) & ~_ENROLLED;
    }

    /// @inheritdoc IAttentionRewards
    function isEnrolled(bytes32 campaignId, bytes32 account) external view returns (bool) {
        return _wordAt(_placeOf(campaignId, account, 0)) & _ENROLLED != 0;
    }

    /// @inheritdoc IAttentionRewards
    function rootOf(bytes32 campaignId, bytes32 root) external view returns (uint256) {
        return _roots[campaignId][root];
    }

    /// @inheritdoc IAttentionRewards
    function isActive(bytes32 campaignId, uint256 batch) external view returns (bool) {
        return _active[campaignId].get(batch);
    }

    /// @inheritdoc IAttentionRewards
    function isTaken(bytes32 campaignId, uint256 index) external view returns (bool) {
        return _taken[campaignId].get(index);
    }

    /// @inheritdoc IAttentionRewards
    function codesOf(bytes32 campaignId, bytes32 account)
        external
        view
        returns (uint256 total, uint256 today)
    {
        CodesHad memory had = _codesHad[campaignId][account];
        Rule memory rule = _campaigns[campaignId].rule;
        if (had.total == 0) return (0, 0);
        return (had.total, had.day == _dayOf(rule) ? had.today : 0);
    }

    // ------------------------------------------------------------------------------------- internal: opening

    function _check(Terms calldata terms) private view returns (uint256 mode) {
        if (terms.signer == address(0)) revert SignerMissing();
        if (terms.tokenKind == _POINTS_KIND) mode = terms.fresh ? _FRESH : _POINTS;
        else if (terms.tokenKind == _ERC20_KIND && !terms.fresh) mode = _ERC20;
        else revert BadMode(terms.tokenKind, terms.fresh);
        uint256 highest = mode == _ERC20 ? type(uint96).max : type(uint56).max;
        if (terms.price == 0 || terms.price > highest) revert RewardOutOfRange(terms.price);
        // In this order nothing overflows: each is bounded by the next.
        if (
            terms.claimUntil > block.timestamp + _MAX_AHEAD || terms.end > terms.claimUntil
                || terms.claimUntil - terms.end < _MIN_CLAIM || terms.start > terms.end
                || terms.end < block.timestamp
        ) revert CampaignTimesOutOfRange(terms.start, terms.end, terms.claimUntil);
        if (
            terms.maxContacts > type(uint16).max || terms.perDay > type(uint16).max
                || terms.codes > type(uint32).max || terms.codesPerAccount > type(uint16).max
                || terms.maxContacts + terms.codes == 0
        ) {
            revert ContactsOutOfRange(terms.maxContacts, terms.perDay, terms.codes, terms.codesPerAccount);
        }
        if (terms.rootDelayDays == 0 || terms.rootDelayDays > 7) {
            revert RootDelayOutOfRange(terms.rootDelayDays);
        }
        if (terms.topic > 63 || terms.channel > 15) revert TopicOutOfRange(terms.topic, terms.channel);
        if (terms.credentials != address(0) && terms.credentials.code.length == 0) {
            revert NoCredentials(terms.credentials);
        }
    }

    /// @dev All of it in range, as `_check` saw.
    function _store(Campaign storage campaign, Terms calldata terms, uint256 mode) private {
        campaign.reward = Reward(terms.token, uint96(terms.price));
        campaign.rule = Rule({
            signer: terms.signer,
            start: uint40(terms.start),
            claimUntil: uint40(terms.claimUntil),
            mode: uint8(mode),
            rootDelayDays: uint8(terms.rootDelayDays)
        });
        campaign.budget = Budget({
            left: 0,
            reserved: 0,
            codesLeft: uint32(terms.codes),
            end: uint40(terms.end),
            maxContacts: uint16(terms.maxContacts),
            perDay: uint16(terms.perDay),
            codesPerAccount: uint16(terms.codesPerAccount),
            asks: terms.credentials != address(0)
        });
        campaign.credentials = terms.credentials;
        campaign.codes = uint32(terms.codes);
        campaign.admin = terms.admin;
    }

    function _checkGrant(bytes32 campaignId, Terms calldata terms) private view {
        address owner = ILoyaltyToken(terms.token).owner();
        if (owner != msg.sender) revert NotTheTokenOwner(terms.token, owner, msg.sender);
        ILoyaltyToken.Grant memory grant =
            ILoyaltyToken(terms.token).grantOf(address(this), uint256(campaignId));
        if (grant.capPerDay != 0 || grant.lockedUntil < terms.claimUntil) {
            revert GrantUnfit(campaignId, grant.capPerDay, grant.lockedUntil);
        }
    }

    // --------------------------------------------------------------------------------- internal: who and when

    function _known(bytes32 campaignId) private view returns (Campaign storage campaign) {
        campaign = _campaigns[campaignId];
        if (campaign.rule.mode == 0) revert CampaignUnknown(campaignId);
    }

    function _claimable(bytes32 campaignId) private view returns (Campaign storage campaign) {
        campaign = _known(campaignId);
        uint256 claimUntil = campaign.rule.claimUntil;
        if (block.timestamp > claimUntil) revert ClaimsOver(claimUntil);
    }

    function _administered(bytes32 campaignId) private view returns (Campaign storage campaign) {
        campaign = _known(campaignId);
        if (msg.sender != campaign.admin) revert NotTheAdmin(campaignId, campaign.admin, msg.sender);
    }

    function _run(bytes32 campaignId) private view returns (Campaign storage) {
        _administered(campaignId);
        return _claimable(campaignId);
    }

    function _checkOver(uint256 claimUntil) private view {
        if (block.timestamp <= claimUntil) revert ClaimsOpen(claimUntil);
    }

    function _dayOf(Rule memory rule) private view returns (uint256) {
        return (block.timestamp - rule.start) / 1 days;
    }

    function _isAccount(bytes32 account, bool asks) private pure returns (bool) {
        // 0 becomes the highest number there is.
        unchecked {
            return uint256(account) - 1 < (asks ? type(uint256).max : type(uint160).max);
        }
    }

    /// @dev Where a page of an account's lies: a hash of 96 bytes, which that of no mapping is. Nested mappings would be three.
    function _placeOf(bytes32 campaignId, bytes32 account, uint256 page) private pure returns (uint256) {
        return uint256(EfficientHashLib.hash(campaignId, account, bytes32(page)));
    }

    function _wordAt(uint256 slot) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    function _writeAt(uint256 slot, uint256 word) private {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }

    /// @dev Of `claim.account`.
    function _payeeOf(Campaign storage campaign, Claim memory claim, bytes calldata credential)
        private
        view
        returns (address payee)
    {
        bytes32 account = claim.account;
        bool asks = _asks(claim.budget);
        if (!_isAccount(account, asks)) revert NoSuchAccount(account);
        if (!asks) return address(uint160(uint256(account)));
        address credentials = campaign.credentials;
        payee = ICredentials(credentials).accountOf(claim.campaignId, account, credential);
        if (payee == address(0)) revert CredentialRefused(credentials, account);
    }

    // ------------------------------------------------------------------------------------- internal: claiming

    /// @dev A campaign that can still be claimed from, and a claim with its words.
    function _begin(bytes32 campaignId) private view returns (Campaign storage campaign, Claim memory claim) {
        campaign = _campaigns[campaignId];
        (uint256 rule, uint256 budget) = (0, 0);
        assembly ("memory-safe") {
            rule := sload(add(campaign.slot, 1))
            budget := sload(add(campaign.slot, 2))
        }
        if (rule == 0) revert CampaignUnknown(campaignId);
        uint256 claimUntil = uint40(rule >> _CLAIM_UNTIL);
        if (block.timestamp > claimUntil) revert ClaimsOver(claimUntil);
        claim.campaignId = campaignId;
        claim.rule = rule;
        claim.budget = budget;
    }

    function _modeOf(uint256 rule) private pure returns (uint256) {
        return uint8(rule >> _MODE);
    }

    function _asks(uint256 budget) private pure returns (bool) {
        return budget >> _ASKS != 0;
    }

    /// @dev What is set aside, of a budget's word.
    function _keptOf(uint256 budget) private pure returns (uint256) {
        // Two numbers below 2^56 and 2^32.
        unchecked {
            return uint56(budget >> _RESERVED) + uint256(uint32(budget >> _CODES_LEFT));
        }
    }

    /// @dev What keeps a set of contacts from being paid, but for the budget; else `claim` says what is new.
    function _weigh(Claim memory claim) private view returns (Skip) {
        uint256 contacts = claim.contacts;
        if (contacts == 0) return Skip.NothingNew;
        uint256 page = claim.page;
        // The first comparison keeps the number of the last contact small.
        if (page > type(uint16).max || contacts & _ENROLLED != 0) return Skip.OutOfRange;
        uint256 budget = claim.budget;
        uint256 last = _lastOf(page, contacts);
        if (last >= uint16(budget >> _MAX_CONTACTS)) return Skip.OutOfRange;
        uint256 from = _fromOf(claim.rule, budget, last);
        if (from > uint40(budget >> _END)) return Skip.AfterEnd;
        if (block.timestamp < from) return Skip.TooEarly;
        uint256 slot = _placeOf(claim.campaignId, claim.account, page);
        uint256 word = _wordAt(slot);
        uint256 fresh = contacts & ~word;
        if (fresh == 0) return Skip.NothingNew;
        claim.slot = slot;
        claim.word = word;
        claim.fresh = fresh;
        claim.number = LibBit.popCount(fresh);
        if (page != 0) word = _wordAt(_placeOf(claim.campaignId, claim.account, 0));
        claim.enrolled = word & _ENROLLED != 0;
        return Skip.None;
    }

    function _refuse(Claim memory claim, Skip reason) private pure {
        uint256 budget = claim.budget;
        if (reason == Skip.NothingNew) revert NothingNew(claim.campaignId, claim.account);
        if (reason == Skip.OutOfRange) {
            revert ContactOutOfRange(claim.page, claim.contacts, uint16(budget >> _MAX_CONTACTS));
        }
        uint256 last = _lastOf(claim.page, claim.contacts);
        uint256 from = _fromOf(claim.rule, budget, last);
        if (reason == Skip.AfterEnd) revert ContactAfterEnd(last, from, uint40(budget >> _END));
        revert ContactTooEarly(last, from);
    }

    /// @param page At most 2^16 - 1.
    function _lastOf(uint256 page, uint256 contacts) private pure returns (uint256) {
        unchecked {
            return page * _PAGE + LibBit.fls(contacts);
        }
    }

    /// @dev From when a contact, below 2^24, may be claimed.
    function _fromOf(uint256 rule, uint256 budget, uint256 contact) private pure returns (uint256 from) {
        from = uint40(rule >> _START);
        uint256 perDay = uint16(budget >> _PER_DAY);
        unchecked {
            if (perDay != 0) from += contact / perDay * 1 days;
        }
    }

    function _pay(Campaign storage campaign, Claim memory claim) private {
        Skip reason = _weigh(claim);
        if (reason != Skip.None) _refuse(claim, reason);
        if (_modeOf(claim.rule) == _FRESH) return _payFresh(campaign, claim);
        uint256 free = _freeIn(claim.budget);
        uint256 number = claim.number;
        if (!claim.enrolled && number > free) revert NotFree(free, number);
        _takeEscrow(campaign, claim);
        if (!_tryPay(campaign, claim, number, gasleft())) {
            revert RewardFailed(campaign.reward.token, claim.payee);
        }
        _logPaid(claim);
    }

    /// @dev What the grant holds for others is asked after the issue, which says what is left.
    function _payFresh(Campaign storage campaign, Claim memory claim) private {
        uint256 number = claim.number;
        _setBits(claim);
        uint256 budget = claim.budget;
        // No more than what is reserved for her.
        unchecked {
            if (claim.enrolled) _writeBudget(campaign, budget - (number << _RESERVED));
        }
        uint256[] memory words = _issueCall(claim.campaignId, 1);
        uint256 reward = _rewardOf(campaign);
        // A price below 2^56, for at most 255 contacts; what is set aside is below 2^57.
        unchecked {
            uint256 price = reward >> _PRICE;
            _add(words, number * price, claim.payee);
            (bool paid, uint256 left) = _issue(reward, words);
            if (!claim.enrolled) {
                if (!paid) {
                    uint256 free = _freeOf(claim.campaignId, campaign);
                    if (number > free) revert NotFree(free, number);
                } else if (left < _keptOf(budget) * price) {
                    revert NotFree((left / price + number) - _keptOf(budget), number);
                }
            }
            if (!paid) revert RewardFailed(address(uint160(reward)), claim.payee);
        }
        _logPaid(claim);
    }

    /// @dev All fresh points of a batch are issued by one call at its end. It cannot fail for one of them: whom the token refuses
    /// is passed over before.
    function _issueStatements(Campaign storage campaign, Claim memory claim, Statement[] calldata statements)
        private
        returns (uint256 paid)
    {
        uint256 reward = _rewardOf(campaign);
        Batch memory batch;
        batch.words = _issueCall(claim.campaignId, statements.length);
        batch.token = address(uint160(reward));
        batch.exchange = ILoyaltyToken(batch.token).exchange();
        batch.price = reward >> _PRICE;
        batch.left = _leftOf(claim.campaignId, campaign);
        uint256 budget = claim.budget;
        for (uint256 i = 0; i < statements.length; ++i) {
            Statement calldata statement = statements[i];
            Skip reason = _tryIssue(campaign, claim, batch, statement);
            if (reason != Skip.None) emit StatementSkipped(claim.campaignId, statement.account, i, reason);
        }
        paid = batch.words.length;
        if (paid == 0) return 0;
        if (claim.budget != budget) _writeBudget(campaign, claim.budget);
        (bool issued,) = _issue(reward, batch.words);
        if (!issued) revert RewardFailed(batch.token, address(0));
    }

    function _tryIssue(
        Campaign storage campaign,
        Claim memory claim,
        Batch memory batch,
        Statement calldata statement
    ) private returns (Skip reason) {
        reason = _check(campaign, claim, statement);
        if (reason != Skip.None) return reason;
        uint256 number = claim.number;
        address payee = claim.payee;
        if (payee == batch.token || payee == batch.exchange) return Skip.Refused;
        // What is reserved for her, or what is free, is no more than what is left.
        unchecked {
            if (claim.enrolled) {
                claim.budget -= number << _RESERVED;
            } else if (number + _keptOf(claim.budget) > batch.left) {
                return Skip.NotFree;
            }
            batch.left -= number;
            _add(batch.words, number * batch.price, payee);
        }
        _setBits(claim);
        _logPaid(claim);
    }

    function _tryStatement(Campaign storage campaign, Claim memory claim, Statement calldata statement)
        private
        returns (Skip reason)
    {
        _needGas(_ITEM_GAS);
        // A hook may have changed it since the last statement.
        claim.budget = _budgetOf(campaign);
        reason = _check(campaign, claim, statement);
        if (reason != Skip.None) return reason;
        uint256 number = claim.number;
        if (!claim.enrolled && number > _freeIn(claim.budget)) return Skip.NotFree;
        _needGas(_ITEM_GAS + _PAY_GAS);
        _takeEscrow(campaign, claim);
        if (!_tryPay(campaign, claim, number, _PAY_GAS)) {
            _giveBack(campaign, claim);
            return Skip.Refused;
        }
        _logPaid(claim);
    }

    /// @dev What keeps a statement of a batch from being paid, but for the budget and the payment.
    function _check(Campaign storage campaign, Claim memory claim, Statement calldata statement)
        private
        view
        returns (Skip reason)
    {
        bytes32 account = statement.account;
        bool asks = _asks(claim.budget);
        if (!_isAccount(account, asks)) return Skip.NoAccount;
        claim.account = account;
        claim.page = statement.page;
        claim.contacts = statement.contacts;
        // First: it is the cheapest of all, and what most copies of a batch fail at.
        reason = _weigh(claim);
        if (reason != Skip.None) return reason;
        bytes32 digest = _statementDigest(claim, statement);
        if (!_isSignedBy(address(uint160(claim.rule)), digest, statement.signature)) return Skip.NotSigned;
        claim.payee = asks
            ? _tryAccountOf(campaign.credentials, claim.campaignId, statement)
            : address(uint160(uint256(account)));
        if (claim.payee == address(0)) return Skip.NoCredential;
    }

    /// @dev At most a word of the answer is copied; 0 if it is no address, or none.
    function _tryAccountOf(address credentials, bytes32 campaignId, Statement calldata statement)
        private
        view
        returns (address payee)
    {
        bytes memory question =
            abi.encodeCall(ICredentials.accountOf, (campaignId, statement.account, statement.credential));
        // After it is written: a long one would else use up what the answer needs.
        _needGas(_CREDENTIAL_GAS);
        uint256 limit = _CREDENTIAL_GAS;
        assembly ("memory-safe") {
            let done := staticcall(limit, credentials, add(question, 0x20), mload(question), 0x00, 0x20)
            if and(done, gt(returndatasize(), 0x1f)) {
                let word := mload(0x00)
                if iszero(shr(160, word)) { payee := word }
            }
        }
    }

    /// @dev A call gets at most 63/64 of what is left.
    function _needGas(uint256 amount) private view {
        uint256 left = gasleft();
        uint256 needed = amount + amount / 32;
        if (left < needed) revert TooLittleGas(left, needed);
    }

    function _setBits(Claim memory claim) private {
        _writeAt(claim.slot, claim.word | claim.fresh);
    }

    /// @dev Sets the bits and lowers the budget by what is free, or reserved for her.
    function _takeEscrow(Campaign storage campaign, Claim memory claim) private {
        _setBits(claim);
        unchecked {
            uint256 number = claim.number;
            _writeBudget(campaign, claim.budget - number - (claim.enrolled ? number << _RESERVED : 0));
        }
    }

    /// @dev Not before the payment: a statement that is passed over leaves no event of it.
    function _logPaid(Claim memory claim) private {
        emit ContactsPaid(
            claim.campaignId,
            claim.account,
            claim.fresh,
            (claim.page << 168) | (claim.path << 160) | uint160(claim.payee)
        );
    }

    /// @dev After a payment out of escrow that failed. Whether she is enrolled is asked anew: a hook may have enrolled her
    /// meanwhile, and then these contacts were not reserved, since their bits were set.
    function _giveBack(Campaign storage campaign, Claim memory claim) private {
        _writeAt(claim.slot, _wordAt(claim.slot) & ~claim.fresh);
        campaign.budget.left += uint56(claim.number);
        if (_wordAt(_placeOf(claim.campaignId, claim.account, 0)) & _ENROLLED != 0) {
            campaign.budget.reserved += uint56(claim.number);
        }
    }

    function _payCode(Campaign storage campaign, Claim memory claim, uint256 index) private {
        bytes32 campaignId = claim.campaignId;
        uint256 start = uint40(claim.rule >> _START);
        if (block.timestamp < start) revert CampaignNotStarted(start);
        uint256 codes = campaign.codes;
        if (index >= codes) revert NoSuchCode(index, codes);
        if (!_active[campaignId].get(index / _BATCH)) revert CodesInert(index / _BATCH);
        if (_taken[campaignId].get(index)) revert CodeTaken(campaignId, index);
        _countCode(campaign.budget, start, _codesHad[campaignId][claim.account], claim.account);
        _taken[campaignId].set(index);
        bool isFresh = _modeOf(claim.rule) == _FRESH;
        // As many as are reserved for codes, of what is left.
        unchecked {
            _writeBudget(campaign, claim.budget - (1 << _CODES_LEFT) - (isFresh ? 0 : 1));
        }
        emit CodePaid(campaignId, claim.account, (index << 160) | uint160(claim.payee));
        bool paid;
        if (isFresh) {
            uint256[] memory words = _issueCall(campaignId, 1);
            uint256 reward = _rewardOf(campaign);
            _add(words, reward >> _PRICE, claim.payee);
            (paid,) = _issue(reward, words);
        } else {
            paid = _tryPay(campaign, claim, 1, gasleft());
        }
        if (!paid) revert RewardFailed(campaign.reward.token, claim.payee);
    }

    function _countCode(Budget memory budget, uint256 start, CodesHad storage counter, bytes32 account)
        private
    {
        CodesHad memory had = counter;
        uint32 day = uint32((block.timestamp - start) / 1 days);
        if (budget.codesPerAccount != 0 && had.total >= budget.codesPerAccount) {
            revert CodesOfAccountTaken(account, budget.codesPerAccount);
        }
        if (had.day != day) (had.day, had.today) = (day, 0);
        if (budget.perDay != 0 && had.today >= budget.perDay) revert CodesOfDayTaken(account, budget.perDay);
        // There are fewer than 2^32 codes.
        unchecked {
            ++had.total;
            ++had.today;
        }
        (counter.total, counter.day, counter.today) = (had.total, had.day, had.today);
    }

    // -------------------------------------------------------------------------------------- internal: signing

    function _statementDigest(Claim memory claim, Statement calldata statement)
        private
        view
        returns (bytes32)
    {
        bytes32 kind = _STATEMENT_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            // The signer is the lowest field of the rule.
            mstore(add(free, 0x20), shr(96, shl(96, mload(add(claim, 0x20)))))
            mstore(add(free, 0x40), mload(claim))
            // Account, page and contacts, as they stand in the calldata.
            calldatacopy(add(free, 0x60), statement, 0x60)
            hash := keccak256(free, 0xc0)
        }
        return _hashTypedData(hash);
    }

    function _checkTicket(Claim memory claim, Ticket calldata ticket, Taker calldata taker) private view {
        address signer = address(uint160(claim.rule));
        bytes32 digest = _hashTypedData(
            keccak256(
                abi.encode(
                    _TICKET_TYPE,
                    signer,
                    claim.campaignId,
                    ticket.account,
                    ticket.id,
                    ticket.key,
                    ticket.validUntil
                )
            )
        );
        _checkSigned(signer, digest, ticket.signature);
        bytes32 named =
            _hashTypedData(keccak256(abi.encode(_CLAIM_TICKET_TYPE, ticket.key, taker.recipient, digest)));
        if (!_isSignedBy(ticket.key, named, taker.keySignature)) {
            revert NotSignedByTicketKey(ticket.key, named);
        }
    }

    function _checkLeaf(bytes32 campaignId, Leaf calldata leaf) private view {
        uint256 effectFrom = _roots[campaignId][leaf.root];
        if (effectFrom == 0) revert RootUnknown(campaignId, leaf.root);
        if (block.timestamp < effectFrom) revert RootNotInEffect(leaf.root, effectFrom);
        // Twice, so that no inner node, a hash of 64 bytes, is a leaf.
        bytes32 hash = keccak256(
            bytes.concat(keccak256(abi.encode(campaignId, leaf.account, leaf.page, leaf.contacts)))
        );
        if (!MerkleProofLib.verifyCalldata(leaf.proof, leaf.root, hash)) {
            revert LeafNotUnderRoot(leaf.root, hash);
        }
    }

    function _checkSigned(address signer, bytes32 digest, bytes calldata signature) private view {
        if (!_isSignedBy(signer, digest, signature)) revert NotSignedByCampaign(signer, digest);
    }

    /// @dev By a key alone, with s in the lower half of the order (EIP-2), in 65 bytes or 64 (ERC-2098).
    function _isSignedBy(address signer, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool yes)
    {
        uint256 most = _HALF_ORDER;
        assembly ("memory-safe") {
            let s := calldataload(add(signature.offset, 0x20))
            let v := byte(0, calldataload(add(signature.offset, 0x40)))
            let fits := eq(signature.length, 65)
            if eq(signature.length, 64) {
                v := add(shr(255, s), 27)
                s := shr(1, shl(1, s))
                fits := 1
            }
            if gt(fits, gt(s, most)) {
                let free := mload(0x40)
                mstore(free, digest)
                mstore(add(free, 0x20), v)
                mstore(add(free, 0x40), calldataload(signature.offset))
                mstore(add(free, 0x60), s)
                // It answers nothing to what is no signature: then 0 is compared, which is nobody's.
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, free, 0x80, 0x00, 0x20))
                yes := mul(eq(mload(0x00), shr(96, shl(96, signer))), iszero(iszero(mload(0x00))))
            }
        }
    }

    // --------------------------------------------------------------------------------------- internal: money

    function _leftOf(bytes32 campaignId, Campaign storage campaign) private view returns (uint256) {
        if (campaign.rule.mode != _FRESH) return campaign.budget.left;
        Reward memory reward = campaign.reward;
        return ILoyaltyToken(reward.token).grantOf(address(this), uint256(campaignId)).amount / reward.price;
    }

    function _freeOf(bytes32 campaignId, Campaign storage campaign) private view returns (uint256) {
        uint256 left = _leftOf(campaignId, campaign);
        uint256 kept = _keptOf(_budgetOf(campaign));
        return left > kept ? left - kept : 0;
    }

    /// @dev Of a budget in escrow, which is never less than what is set aside.
    function _freeIn(uint256 budget) private pure returns (uint256) {
        unchecked {
            return uint56(budget) - _keptOf(budget);
        }
    }

    function _rewardOf(Campaign storage campaign) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(campaign.slot)
        }
    }

    function _budgetOf(Campaign storage campaign) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(add(campaign.slot, 2))
        }
    }

    function _writeBudget(Campaign storage campaign, uint256 word) private {
        assembly ("memory-safe") {
            sstore(add(campaign.slot, 2), word)
        }
    }

    function _end(Campaign storage campaign) private {
        campaign.budget.left = 0;
        campaign.budget.reserved = 0;
        campaign.budget.codesLeft = 0;
    }

    /// @dev Takes the price of contacts into escrow: points into the pocket `campaignId`, an ERC-20 measured.
    function _fund(bytes32 campaignId, Campaign storage campaign, uint256 contacts) private {
        Rule memory rule = campaign.rule;
        Reward memory reward = campaign.reward;
        if (contacts > type(uint56).max - campaign.budget.left) revert BudgetTooLarge(contacts);
        campaign.budget.left += uint56(contacts);
        emit CampaignFunded(campaignId, msg.sender, contacts);
        uint256 amount = contacts * reward.price;
        if (rule.mode == _ERC20) return _collectMeasured(reward.token, amount);
        address pocket = ILoyaltyToken(reward.token).pocketOf(address(this), campaignId);
        bool moved =
            ILoyaltyToken(reward.token).transferFromWithin(msg.sender, pocket, amount, rule.claimUntil, 0);
        if (!moved) revert NotOfCampaignKind(reward.token, uint8(_POINTS_KIND));
    }

    function _collectMeasured(address token, uint256 amount) private nonReentrant {
        if (Escrow.expires(token)) revert NotOfCampaignKind(token, uint8(_ERC20_KIND));
        uint256 arrived = Escrow.collect(token, msg.sender, amount);
        if (arrived != amount) revert EscrowArrivalDiffers(token, arrived, amount);
    }

    /// @dev What of points in escrow has not expired by now, of those that live beyond `liveUntil`.
    function _alive(address token, bytes32 id, uint256 amount, uint256 liveUntil)
        private
        view
        returns (uint256)
    {
        address pocket = ILoyaltyToken(token).pocketOf(address(this), id);
        (uint256[4] memory amounts, uint256[4] memory expiries) = ILoyaltyToken(token).lotsOf(pocket);
        uint256 alive = 0;
        for (uint256 i = 0; i < 4; ++i) {
            if (expiries[i] > liveUntil) alive += amounts[i];
        }
        return alive < amount ? alive : amount;
    }

    /// @dev Pays a number of contacts out of escrow.
    function _tryPay(Campaign storage campaign, Claim memory claim, uint256 number, uint256 limit)
        private
        returns (bool)
    {
        uint256 rule = claim.rule;
        uint256 reward = _rewardOf(campaign);
        // Below 2^8 times 2^96.
        unchecked {
            return _trySend(
                claim.campaignId,
                _modeOf(rule),
                address(uint160(reward)),
                claim.payee,
                number * (reward >> _PRICE),
                uint40(rule >> _CLAIM_UNTIL),
                limit
            );
        }
    }

    /// @dev At most a word of the answer is copied; no answer, or true, from an account with code is a yes.
    function _trySend(
        bytes32 campaignId,
        uint256 mode,
        address token,
        address to,
        uint256 amount,
        uint256 claimUntil,
        uint256 limit
    ) private returns (bool paid) {
        bytes memory question = mode == _POINTS
            ? abi.encodeCall(ILoyaltyToken.transferFromPocket, (campaignId, to, amount, claimUntil))
            : abi.encodeCall(ILoyaltyToken.transfer, (to, amount));
        assembly ("memory-safe") {
            paid := call(limit, token, 0, add(question, 0x20), mload(question), 0x00, 0x20)
            switch returndatasize()
            case 0 { if iszero(extcodesize(token)) { paid := 0 } }
            default { paid := and(paid, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1))) }
        }
    }

    /// @dev Room for a call of `issueTo`, written where it is sent from. `words`, its list, has room for `most`.
    function _issueCall(bytes32 campaignId, uint256 most) private pure returns (uint256[] memory words) {
        bytes32 selector = ILoyaltyToken.issueTo.selector;
        assembly ("memory-safe") {
            let question := mload(0x40)
            mstore(question, shr(224, selector))
            mstore(add(question, 0x20), campaignId)
            mstore(add(question, 0x40), 0x40)
            words := add(question, 0x60)
            mstore(words, 0)
            mstore(0x40, add(add(words, 0x20), shl(5, most)))
        }
    }

    /// @dev One recipient more.
    function _add(uint256[] memory words, uint256 amount, address to) private pure {
        assembly ("memory-safe") {
            let count := add(mload(words), 1)
            mstore(words, count)
            mstore(add(words, shl(5, count)), or(shl(160, amount), shr(96, shl(96, to))))
        }
    }

    /// @dev Sends what `_issueCall` made room for. The token answers with what is left of the grant.
    /// @param reward The campaign's word.
    function _issue(uint256 reward, uint256[] memory words) private returns (bool issued, uint256 left) {
        assembly ("memory-safe") {
            let size := add(0x64, shl(5, mload(words)))
            let done := call(gas(), shr(96, shl(96, reward)), 0, sub(words, 0x44), size, 0x00, 0x20)
            issued := and(done, gt(returndatasize(), 0x1f))
            left := mload(0x00)
        }
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Attention", "1");
    }
}
