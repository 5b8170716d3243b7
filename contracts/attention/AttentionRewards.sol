// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";
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

    /// @dev `left` and `codesLeft` are not kept where points are issued: the grants say them. `asks`: for credentials.
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
        bytes32 terms;
    }

    /// @dev What a claim is about. The words lie as they are hashed, and are hashed where they lie: the first six are a statement,
    /// the first seven a ticket; campaign, account and page tell the place of a page, and with the contacts a leaf.
    /// @param last A ticket's last second.
    /// @param prefix What a digest of EIP-712 begins with, in the lowest two bytes: in front of `domain`, its separator, and `hash`,
    /// that of a message.
    /// @param budget The campaign's word, as it was read.
    struct Claim {
        bytes32 kind;
        uint256 signer;
        bytes32 campaignId;
        bytes32 account;
        uint256 page;
        uint256 contacts;
        uint256 last;
        uint256 prefix;
        bytes32 domain;
        bytes32 hash;
        uint256 budget;
    }

    /// @dev What is the same for all statements of a batch, and a call of `issueTo` in the making.
    /// @param words Of the call.
    /// @param token The campaign's; who refuses points, as `exchange` does.
    /// @param price Where a word of the call has the amount.
    /// @param free What of the grant is free, in contacts.
    /// @param open How many contacts of an account are open by now.
    /// @param common How many of page 0; 0 where credentials are asked.
    /// @param offset Where the credentials lie in the calldata, where they are asked.
    /// @param room Where the memory is free, while the words below that are used.
    struct Batch {
        uint256[] words;
        uint256 token;
        uint256 exchange;
        uint256 price;
        uint256 free;
        uint256 open;
        uint256 common;
        address credentials;
        uint256 offset;
        uint256 length;
        uint256 room;
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

    // Where the fields of `Reward`, `Rule` and `Budget` begin. A claim has each as one word: field by field, masks and shifts add
    // up to thousands of gas.
    uint256 private constant _PRICE = 160;
    uint256 private constant _START = 160;
    uint256 private constant _CLAIM_UNTIL = 200;
    uint256 private constant _MODE = 240;
    uint256 private constant _ROOT_DELAY = 248;
    uint256 private constant _RESERVED = 56;
    uint256 private constant _CODES_LEFT = 112;
    uint256 private constant _END = 144;
    uint256 private constant _MAX_CONTACTS = 184;
    uint256 private constant _PER_DAY = 200;
    uint256 private constant _PER_ACCOUNT = 216;
    uint256 private constant _ASKS = 232;

    /// @dev Of the second word of a signature, all but its highest bit.
    uint256 private constant _S = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;

    /// @dev The topic of `ContactsPaid`, as assembly takes it.
    uint256 private constant _CONTACTS_PAID =
        0xf882f5f51d514f0050f9a3da9dd6deb83588f323fe24b7d43082f97b3932b28e;

    uint256 private constant _PAGE = 255;
    uint256 private constant _ENROLLED = 1 << 255;
    uint256 private constant _BATCH = 1000;
    uint256 private constant _MIN_CLAIM = 30 days;
    uint256 private constant _MAX_AHEAD = 3650 days;

    // A word of codes: bit i is taken if code 250·group + i was paid, or does not exist; the highest says that the group is active.
    // So a claim reads and writes one word. Four groups are a batch.
    uint256 private constant _GROUP = 250;
    uint256 private constant _GROUPS = _BATCH / _GROUP;
    uint256 private constant _ACTIVE = 1 << 255;
    // Where an account's count of codes begins: `total:32`, and `today:32` of `day:32`.
    uint256 private constant _DAY = 32;
    uint256 private constant _TODAY = 64;
    // In the place of a page, which is below 2^16: the codes of a group; how many codes an account had; from when a root counts.
    uint256 private constant _CODES_PAGE = 1 << 16;
    uint256 private constant _HAD_PAGE = 2 << 16;
    uint256 private constant _ROOT_PAGE = 0x30000;

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

    // ------------------------------------------------------------------------------------------ the brand

    /// @inheritdoc IAttentionRewards
    function open(Terms calldata terms, uint256 budget) external returns (bytes32 campaignId) {
        Handle memory handle = _handleFor(terms);
        campaignId = _idOf(handle);
        Campaign storage campaign = _campaigns[campaignId];
        if (campaign.rule.mode != 0) revert CampaignExists(campaignId);
        if (msg.sender != terms.admin) revert NotTheAdmin(campaignId, terms.admin, msg.sender);
        uint256 mode = _check(terms);
        _store(campaign, terms, mode);
        campaign.terms = handle.terms;
        emit CampaignOpened(campaignId, terms.token, msg.sender, terms);
        if (mode == _FRESH) {
            _checkGrant(uint256(campaignId), campaignId, terms);
            if (terms.codes != 0) _checkGrant(_codesGrantOf(campaignId), campaignId, terms);
            uint256 forCodes = _codesGranted(campaign, campaignId);
            uint256 granted = _grantedTo(campaign, uint256(campaignId)) + forCodes;
            if (granted < budget) revert BudgetTooSmall(granted, budget);
            if (forCodes < terms.codes) revert BudgetTooSmall(forCodes, terms.codes);
        } else if (budget != 0) {
            _fund(campaignId, campaign, budget);
        }
        if (mode != _FRESH && campaign.budget.left < terms.codes) {
            revert BudgetTooSmall(campaign.budget.left, terms.codes);
        }
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
            uint256 group = batches[i] * _GROUPS;
            for (uint256 end = group + _GROUPS; group < end && group * _GROUP < codes; ++group) {
                uint256 slot = _placeOf(campaignId, bytes32(group), _CODES_PAGE);
                uint256 exist = codes - group * _GROUP;
                // What does not exist is taken, so that a claim need not read how many codes there are.
                uint256 none = exist < _GROUP ? (1 << _GROUP) - (1 << exist) : 0;
                _writeAt(slot, _wordAt(slot) | _ACTIVE | none);
            }
        }
        emit CodesActivated(campaignId, batches);
    }

    /// @inheritdoc IAttentionRewards
    function appendRoot(bytes32 campaignId, bytes32 root) external {
        Rule memory rule = _run(campaignId).rule;
        if (root == 0) revert RootMissing();
        uint256 slot = _placeOf(campaignId, root, _ROOT_PAGE);
        if (_wordAt(slot) != 0) revert RootKnown(campaignId, root);
        uint256 effectFrom = block.timestamp + uint256(rule.rootDelayDays) * 1 days;
        if (effectFrom > rule.claimUntil) revert RootTooLate(effectFrom, rule.claimUntil);
        _writeAt(slot, effectFrom);
        emit RootAppended(campaignId, root, effectFrom);
    }

    /// @inheritdoc IAttentionRewards
    function withdrawRoot(bytes32 campaignId, bytes32 root) external {
        _run(campaignId);
        uint256 slot = _placeOf(campaignId, root, _ROOT_PAGE);
        uint256 effectFrom = _wordAt(slot);
        if (effectFrom == 0) revert RootUnknown(campaignId, root);
        if (block.timestamp >= effectFrom) revert RootInEffect(root, effectFrom);
        _writeAt(slot, 0);
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
        ILoyaltyToken token = ILoyaltyToken(campaign.reward.token);
        // Anyone can give one of them up in the token: that must not keep the other promised.
        bool forCodes = campaign.codes != 0 && _hasLock(token, _codesGrantOf(campaignId));
        if (forCodes) token.releaseGrant(address(this), _codesGrantOf(campaignId));
        if (!forCodes || _hasLock(token, uint256(campaignId))) {
            token.releaseGrant(address(this), uint256(campaignId));
        }
    }

    // --------------------------------------------------------------------------------------- the customer

    /// @inheritdoc IAttentionRewards
    function claimStatement(Handle calldata handle, Statement calldata statement) external {
        _claimStatement(handle, statement, _none());
    }

    /// @inheritdoc IAttentionRewards
    function claimStatement(Handle calldata handle, Statement calldata statement, bytes calldata credential)
        external
    {
        _claimStatement(handle, statement, credential);
    }

    /// @inheritdoc IAttentionRewards
    function claimStatements(
        Handle calldata handle,
        Statement[] calldata statements,
        bytes[] calldata credentials
    ) external returns (uint256 paid) {
        Claim memory claim = _room()();
        Campaign storage campaign = _begin(handle, claim, _STATEMENT_TYPE);
        _bind(claim);
        Batch memory batch;
        if (_asks(claim.budget)) {
            batch.credentials = campaign.credentials;
            assembly ("memory-safe") {
                mstore(add(batch, 0x100), credentials.offset)
                mstore(add(batch, 0x120), credentials.length)
            }
        }
        batch.open = _openBy(handle.rule, claim.budget);
        if (_modeOf(handle.rule) == _FRESH) {
            return _issueStatements(campaign, handle, claim, batch, statements);
        }
        for (uint256 i = 0; i < statements.length; ++i) {
            Skip reason = _tryStatement(campaign, handle, claim, batch, statements[i], i);
            if (reason == Skip.None) ++paid;
            else emit StatementSkipped(claim.campaignId, statements[i].account, i, reason);
        }
    }

    /// @inheritdoc IAttentionRewards
    function claimTicket(Handle calldata handle, Ticket calldata ticket, Signature calldata keySignature)
        external
    {
        _claimTicket(handle, ticket, keySignature, _none());
    }

    /// @inheritdoc IAttentionRewards
    function claimTicket(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) external {
        _claimTicket(handle, ticket, keySignature, credential);
    }

    /// @inheritdoc IAttentionRewards
    function claimCode(Handle calldata handle, Ticket calldata ticket, Signature calldata keySignature)
        external
    {
        _claimCode(handle, ticket, keySignature, _none());
    }

    /// @inheritdoc IAttentionRewards
    function claimCode(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) external {
        _claimCode(handle, ticket, keySignature, credential);
    }

    /// @inheritdoc IAttentionRewards
    function claimRoot(Handle calldata handle, Leaf calldata leaf, bytes32[] calldata proof) external {
        _claimRoot(handle, leaf, proof, _none());
    }

    /// @inheritdoc IAttentionRewards
    function claimRoot(
        Handle calldata handle,
        Leaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata credential
    ) external {
        _claimRoot(handle, leaf, proof, credential);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IAttentionRewards
    function idOf(Terms calldata terms) external view returns (bytes32) {
        return _idOf(_handleFor(terms));
    }

    /// @inheritdoc IAttentionRewards
    function handleOf(bytes32 campaignId) external view returns (Handle memory handle) {
        Campaign storage campaign = _campaigns[campaignId];
        (uint256 reward, uint256 rule) = (0, 0);
        assembly ("memory-safe") {
            reward := sload(campaign.slot)
            rule := sload(add(campaign.slot, 1))
        }
        return Handle(reward, rule, campaign.terms);
    }

    /// @inheritdoc IAttentionRewards
    function standingOf(bytes32 campaignId) external view returns (Standing memory standing) {
        Campaign storage campaign = _campaigns[campaignId];
        if (campaign.rule.mode == 0) return standing;
        Budget memory budget = campaign.budget;
        standing.admin = campaign.admin;
        standing.nextAdmin = campaign.nextAdmin;
        standing.reserved = budget.reserved;
        (standing.left, standing.codesLeft) = (budget.left, budget.codesLeft);
        if (campaign.rule.mode == _FRESH) {
            standing.codesLeft = _codesGranted(campaign, campaignId);
            standing.left = _grantedTo(campaign, uint256(campaignId)) + standing.codesLeft;
        }
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
        // Above the last page lies something else.
        return page > type(uint16).max ? 0 : _wordAt(_placeOf(campaignId, account, page)) & ~_ENROLLED;
    }

    /// @inheritdoc IAttentionRewards
    function isEnrolled(bytes32 campaignId, bytes32 account) external view returns (bool) {
        return _wordAt(_placeOf(campaignId, account, 0)) & _ENROLLED != 0;
    }

    /// @inheritdoc IAttentionRewards
    function rootOf(bytes32 campaignId, bytes32 root) external view returns (uint256) {
        return _wordAt(_placeOf(campaignId, root, _ROOT_PAGE));
    }

    /// @inheritdoc IAttentionRewards
    function isActive(bytes32 campaignId, uint256 batch) external view returns (bool) {
        if (batch >= _campaigns[campaignId].codes) return false;
        return _wordAt(_placeOf(campaignId, bytes32(batch * _GROUPS), _CODES_PAGE)) & _ACTIVE != 0;
    }

    /// @inheritdoc IAttentionRewards
    function isTaken(bytes32 campaignId, uint256 index) external view returns (bool) {
        if (index >= _campaigns[campaignId].codes) return false;
        (uint256 slot, uint256 bit) = _placeOfCode(campaignId, index);
        return _wordAt(slot) & bit != 0;
    }

    /// @inheritdoc IAttentionRewards
    function codesOf(bytes32 campaignId, bytes32 account)
        external
        view
        returns (uint256 total, uint256 today)
    {
        uint256 had = _wordAt(_placeOf(campaignId, account, _HAD_PAGE));
        if (had == 0) return (0, 0);
        uint256 day = _dayOf(_campaigns[campaignId].rule.start);
        return (uint32(had), uint32(had >> _DAY) == day ? had >> _TODAY : 0);
    }

    // ------------------------------------------------------------------------------------- internal: opening

    /// @dev What terms are called by. Where they are out of range the fields overlap: nobody opens those.
    function _handleFor(Terms calldata terms) private view returns (Handle memory handle) {
        uint256 mode = terms.tokenKind != _POINTS_KIND ? _ERC20 : terms.fresh ? _FRESH : _POINTS;
        handle.reward = terms.price << _PRICE | uint160(terms.token);
        handle.rule = terms.rootDelayDays << _ROOT_DELAY | mode << _MODE | terms.claimUntil << _CLAIM_UNTIL
            | terms.start << _START | uint160(terms.signer);
        handle.terms = keccak256(abi.encode(block.chainid, address(this), terms));
    }

    function _idOf(Handle memory handle) private pure returns (bytes32) {
        return keccak256(abi.encode(handle));
    }

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
            codesLeft: mode == _FRESH ? 0 : uint32(terms.codes),
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

    /// @dev Codes are paid out of a grant of their own, so that a claim need not write down that one less is set aside.
    function _codesGrantOf(bytes32 campaignId) private pure returns (uint256) {
        return ~uint256(campaignId);
    }

    function _hasLock(ILoyaltyToken token, uint256 id) private view returns (bool) {
        return token.grantOf(address(this), id).lockedUntil != 0;
    }

    function _checkGrant(uint256 id, bytes32 campaignId, Terms calldata terms) private view {
        address owner = ILoyaltyToken(terms.token).owner();
        if (owner != msg.sender) revert NotTheTokenOwner(terms.token, owner, msg.sender);
        ILoyaltyToken.Grant memory grant = ILoyaltyToken(terms.token).grantOf(address(this), id);
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

    /// @dev `start` is no later than now.
    function _dayOf(uint256 start) private view returns (uint256) {
        unchecked {
            return (block.timestamp - start) / 1 days;
        }
    }

    function _isAccount(bytes32 account, bool asks) private pure returns (bool) {
        return account != 0 && (asks || uint256(account) >> 160 == 0);
    }

    /// @dev Where a page of an account's lies: a hash of 96 bytes, which that of no mapping is. Nested mappings would be three. The
    /// ids of campaigns are such hashes too, but no places.
    function _placeOf(bytes32 campaignId, bytes32 account, uint256 page) private pure returns (uint256) {
        return uint256(EfficientHashLib.hash(campaignId, account, bytes32(page)));
    }

    function _placeOfCode(bytes32 campaignId, uint256 index)
        private
        pure
        returns (uint256 slot, uint256 bit)
    {
        slot = _placeOf(campaignId, bytes32(index / _GROUP), _CODES_PAGE);
        bit = 1 << (index % _GROUP);
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

    /// @dev Who is paid for `claim.account`.
    function _payeeOf(Campaign storage campaign, Claim memory claim, bytes calldata credential)
        private
        view
        returns (uint256 payee)
    {
        bytes32 account = claim.account;
        if (_asks(claim.budget)) return _credited(campaign, claim.campaignId, account, credential);
        payee = uint256(account);
        // 0 becomes the largest number.
        unchecked {
            if (payee - 1 >= type(uint160).max) revert NoSuchAccount(account);
        }
    }

    function _credited(
        Campaign storage campaign,
        bytes32 campaignId,
        bytes32 account,
        bytes calldata credential
    ) private view returns (uint256 payee) {
        if (account == 0) revert NoSuchAccount(account);
        address credentials = campaign.credentials;
        payee = uint160(ICredentials(credentials).accountOf(campaignId, account, credential));
        if (payee == 0) revert CredentialRefused(credentials, account);
    }

    // ------------------------------------------------------------------------------------- internal: claiming

    /// @dev The credential of a claim that brings none.
    function _none() private pure returns (bytes calldata credential) {
        assembly ("memory-safe") {
            credential.offset := 0
            credential.length := 0
        }
    }

    function _claimStatement(Handle calldata handle, Statement calldata statement, bytes calldata credential)
        private
    {
        Claim memory claim = _room()();
        Campaign storage campaign = _begin(handle, claim, _STATEMENT_TYPE);
        _bind(claim);
        bytes32 digest = _present(claim, statement);
        if (!_isSignedBy(claim.signer, digest, statement.signature)) _refuseSigned(claim, digest);
        _pay(campaign, handle, claim, _payeeOf(campaign, claim, credential), _STATEMENT);
    }

    function _claimTicket(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) private {
        Claim memory claim = _room()();
        Campaign storage campaign = _begin(handle, claim, _TICKET_TYPE);
        bytes32 digest = _checkTicket(claim, ticket, true);
        uint256 payee = _payeeOf(campaign, claim, credential);
        _checkNamed(claim, payee, digest, keySignature);
        assembly ("memory-safe") {
            // Page and contacts, where its id and its key were.
            let id := mload(add(claim, 0x80))
            mstore(add(claim, 0x80), div(id, _PAGE))
            mstore(add(claim, 0xa0), shl(mod(id, _PAGE), 1))
        }
        _pay(campaign, handle, claim, payee, _TICKET);
    }

    function _claimCode(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) private {
        Claim memory claim = _room()();
        Campaign storage campaign = _begin(handle, claim, _TICKET_TYPE);
        bytes32 digest = _checkTicket(claim, ticket, false);
        claim.account = ticket.account;
        uint256 payee = _payeeOf(campaign, claim, credential);
        _checkNamed(claim, payee, digest, keySignature);
        _payCode(campaign, handle, claim, claim.page, payee);
    }

    function _claimRoot(
        Handle calldata handle,
        Leaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata credential
    ) private {
        Claim memory claim = _room()();
        Campaign storage campaign = _begin(handle, claim, 0);
        _checkLeaf(claim, leaf, proof);
        _pay(campaign, handle, claim, _payeeOf(campaign, claim, credential), _ROOT);
    }

    /// @dev What makes a claim, all of which is then written. Solidity itself would write zeros first, for 220 gas, wherever
    /// it knows the type of what is returned.
    function _room() private pure returns (function() internal pure returns (Claim memory) made) {
        function() internal pure returns (uint256) taken = _takeRoom;
        assembly ("memory-safe") {
            made := taken
        }
    }

    function _takeRoom() private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := mload(0x40)
            mstore(0x40, add(at, 0x160))
        }
    }

    /// @dev A campaign that can still be claimed from, and the beginning of a claim on it. That its id is the hash of the handle
    /// proves each word of it, where the campaign is known.
    /// @param kind What is hashed first: the type of a statement, or of a ticket.
    function _begin(Handle calldata handle, Claim memory claim, bytes32 kind)
        private
        view
        returns (Campaign storage campaign)
    {
        uint256 budget;
        uint256 rule;
        assembly ("memory-safe") {
            calldatacopy(claim, handle, 0x60)
            let id := keccak256(claim, 0x60)
            rule := calldataload(add(handle, 0x20))
            mstore(claim, kind)
            mstore(add(claim, 0x20), shr(96, shl(96, rule)))
            mstore(add(claim, 0x40), id)
            // `_campaigns[id]`, and as `_budgetOf`.
            mstore(0x00, id)
            mstore(0x20, _campaigns.slot)
            campaign.slot := keccak256(0x00, 0x40)
            budget := sload(add(campaign.slot, 2))
            mstore(add(claim, 0x140), budget)
        }
        if (budget == 0) revert CampaignUnknown(claim.campaignId);
        uint256 claimUntil = uint40(rule >> _CLAIM_UNTIL);
        if (block.timestamp > claimUntil) revert ClaimsOver(claimUntil);
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

    /// @dev How many contacts of an account may be claimed by now: they are the first so many. Contacts whose day begins after the
    /// end never come.
    function _openBy(uint256 rule, uint256 budget) private view returns (uint256 open_) {
        uint256 start = uint40(rule >> _START);
        if (block.timestamp < start) return 0;
        open_ = uint16(budget >> _MAX_CONTACTS);
        uint256 perDay = uint16(budget >> _PER_DAY);
        if (perDay == 0) return open_;
        uint256 end = uint40(budget >> _END);
        uint256 last = block.timestamp < end ? block.timestamp : end;
        // A campaign ends no earlier than it starts.
        unchecked {
            uint256 begun = ((last - start) / 1 days + 1) * perDay;
            return begun < open_ ? begun : open_;
        }
    }

    /// @dev What a claim finds on its page.
    /// @param open_ How many contacts of an account may be claimed.
    /// @return fresh Those of its contacts that were not paid before, as bits; 0: nothing can be paid, and `_whyNot` says why.
    /// @return slot Where the page lies.
    /// @return word What was read there.
    /// @return enrolled Whether contacts are reserved for her.
    function _weigh(uint256 open_, Claim memory claim)
        private
        view
        returns (uint256 fresh, uint256 slot, uint256 word, bool enrolled)
    {
        uint256 page = claim.page;
        uint256 contacts = claim.contacts;
        if (page != 0) {
            // Pages are below 2^16, so that no product overflows.
            unchecked {
                if (page > type(uint16).max || page * _PAGE > open_) return (0, 0, 0, false);
                open_ -= page * _PAGE;
            }
        }
        assembly ("memory-safe") {
            // As `_placeOf`: campaign, account and page.
            slot := keccak256(add(claim, 0x40), 0x60)
            word := sload(slot)
            // None where one is not open; bit 255 is no contact.
            if gt(open_, _PAGE) { open_ := _PAGE }
            fresh := mul(and(contacts, not(word)), iszero(shr(open_, contacts)))
            enrolled := shr(255, word)
        }
        if (page != 0) enrolled = _wordAt(_placeOf(claim.campaignId, claim.account, 0)) & _ENROLLED != 0;
    }

    /// @dev Most claims are of one contact.
    function _numberOf(uint256 fresh) private pure returns (uint256) {
        unchecked {
            return fresh & (fresh - 1) == 0 ? 1 : LibBit.popCount(fresh);
        }
    }

    /// @dev What keeps a set of contacts from being paid that has nothing fresh.
    function _whyNot(uint256 rule, Claim memory claim) private view returns (Skip) {
        (uint256 budget, uint256 page, uint256 contacts) = (claim.budget, claim.page, claim.contacts);
        if (contacts == 0) return Skip.NothingNew;
        // The first comparison keeps the number of the last contact small.
        if (page > type(uint16).max || contacts & _ENROLLED != 0) return Skip.OutOfRange;
        uint256 last = _lastOf(page, contacts);
        if (last >= uint16(budget >> _MAX_CONTACTS)) return Skip.OutOfRange;
        uint256 from = _fromOf(rule, budget, last);
        if (from > uint40(budget >> _END)) return Skip.AfterEnd;
        return block.timestamp < from ? Skip.TooEarly : Skip.NothingNew;
    }

    function _refuse(uint256 rule, Claim memory claim) private view {
        Skip reason = _whyNot(rule, claim);
        uint256 budget = claim.budget;
        if (reason == Skip.NothingNew) revert NothingNew(claim.campaignId, claim.account);
        if (reason == Skip.OutOfRange) {
            revert ContactOutOfRange(claim.page, claim.contacts, uint16(budget >> _MAX_CONTACTS));
        }
        uint256 last = _lastOf(claim.page, claim.contacts);
        uint256 from = _fromOf(rule, budget, last);
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

    function _pay(
        Campaign storage campaign,
        Handle calldata handle,
        Claim memory claim,
        uint256 payee,
        uint256 path
    ) private {
        uint256 rule = handle.rule;
        (uint256 fresh, uint256 slot, uint256 word, bool enrolled) =
            _weigh(_openBy(rule, claim.budget), claim);
        if (fresh == 0) _refuse(rule, claim);
        _writeAt(slot, word | fresh);
        if (_modeOf(rule) == _FRESH) {
            _payFresh(campaign, handle.reward, claim, payee, _numberOf(fresh), enrolled);
        } else {
            _payEscrow(campaign, handle, claim, payee, _numberOf(fresh), enrolled);
        }
        _logPaid(claim, fresh, payee, path);
    }

    function _payEscrow(
        Campaign storage campaign,
        Handle calldata handle,
        Claim memory claim,
        uint256 payee,
        uint256 number,
        bool enrolled
    ) private {
        uint256 free = _freeIn(claim.budget);
        if (!enrolled && number > free) revert NotFree(free, number);
        _takeEscrow(campaign, claim.budget, number, enrolled);
        address to = address(uint160(payee));
        if (!_tryPay(handle, claim.campaignId, to, number, gasleft())) {
            revert RewardFailed(address(uint160(handle.reward)), to);
        }
    }

    /// @dev What the grant holds for others is asked after the issue, which says what is left.
    function _payFresh(
        Campaign storage campaign,
        uint256 reward,
        Claim memory claim,
        uint256 payee,
        uint256 number,
        bool enrolled
    ) private {
        // No more than what is reserved for her. A price below 2^56, for at most 255 contacts; what is set aside is below 2^57.
        unchecked {
            uint256 kept = 0;
            if (enrolled) _writeBudget(campaign, claim.budget - (number << _RESERVED));
            else kept = _keptOf(claim.budget);
            (bool paid, uint256 left) =
                _issueOne(claim.campaignId, reward, number * (reward >> _PRICE << _PRICE) | payee);
            if (!paid) {
                uint256 free = enrolled ? number : _freeOf(claim.campaignId, campaign);
                if (number > free) revert NotFree(free, number);
                revert RewardFailed(address(uint160(reward)), address(uint160(payee)));
            }
            if (left < kept * (reward >> _PRICE)) {
                revert NotFree((left / (reward >> _PRICE) + number) - kept, number);
            }
        }
    }

    /// @dev All fresh points of a batch are issued by one call at its end. It cannot fail for one of them: whom the token refuses
    /// is passed over before.
    function _issueStatements(
        Campaign storage campaign,
        Handle calldata handle,
        Claim memory claim,
        Batch memory batch,
        Statement[] calldata statements
    ) private returns (uint256 paid) {
        uint256 budget = claim.budget;
        uint256 reward = handle.reward;
        batch.token = uint160(reward);
        batch.exchange = uint160(ILoyaltyToken(address(uint160(reward))).exchange());
        batch.price = reward >> _PRICE << _PRICE;
        batch.free = _freeOf(claim.campaignId, campaign);
        batch.words = _issueCall(claim.campaignId, statements.length);
        if (batch.credentials == address(0)) batch.common = batch.open < _PAGE ? batch.open : _PAGE;
        uint256 at;
        uint256 end;
        assembly ("memory-safe") {
            at := statements.offset
            end := add(at, mul(statements.length, 0xa0))
        }
        while (true) {
            at = _issueCommon(claim, batch, at, end);
            if (at == end) break;
            Statement calldata statement;
            uint256 position;
            assembly ("memory-safe") {
                statement := at
                position := div(sub(at, statements.offset), 0xa0)
                at := add(at, 0xa0)
            }
            Skip reason = _tryIssue(handle.rule, claim, batch, statement, position);
            if (reason != Skip.None) {
                emit StatementSkipped(claim.campaignId, statement.account, position, reason);
            }
        }
        paid = batch.words.length;
        if (paid == 0) return 0;
        if (claim.budget != budget) _writeBudget(campaign, claim.budget);
        if (!_issue(reward, batch.words)) revert RewardFailed(address(uint160(reward)), address(0));
    }

    /// @dev As `_tryIssue`, for statements as nearly all are: of page 0, of an account that is an address and not enrolled, and to
    /// be paid. Stops in front of another. By hand, since a batch is hundreds of these, and each step costs all.
    /// @param at Where the first of them lies in the calldata.
    /// @param end Where the last of them ends.
    /// @return Where it stopped.
    function _issueCommon(Claim memory claim, Batch memory batch, uint256 at, uint256 end)
        private
        returns (uint256)
    {
        assembly ("memory-safe") {
            let next := mload(batch)
            next := add(next, shl(5, mload(next)))
            let free := mload(add(batch, 0x80))
            mstore(add(batch, 0x140), mload(0x40))
            for {} lt(at, end) { at := add(at, 0xa0) } {
                // Account, page and contacts, behind kind, signer and campaign.
                calldatacopy(add(claim, 0x60), at, 0x60)
                // As `_placeOf`: campaign, account and page.
                let slot := keccak256(add(claim, 0x40), 0x60)
                let word := sload(slot)
                let fresh := and(mload(add(claim, 0xa0)), not(word))
                // As `_numberOf`.
                let added := 1
                if and(fresh, sub(fresh, 1)) {
                    let max := not(0)
                    let pairs := sub(fresh, and(shr(1, fresh), div(max, 3)))
                    let fours := add(and(pairs, div(max, 5)), and(shr(2, pairs), div(max, 5)))
                    added := shr(248, mul(and(add(fours, shr(4, fours)), div(max, 17)), div(max, 255)))
                }
                let account := calldataload(at)
                // Another page; a contact that is not open, as all are that were paid; no address, or one that refuses;
                // enrolled; too many; nothing fresh.
                if or(
                    or(
                        or(mload(add(claim, 0x80)), shr(mload(add(batch, 0xc0)), fresh)),
                        or(shr(160, account), iszero(account))
                    ),
                    or(
                        or(eq(account, mload(add(batch, 0x20))), eq(account, mload(add(batch, 0x40)))),
                        or(or(shr(255, word), gt(added, free)), iszero(fresh))
                    )
                ) { break }
                // As `_digestOf`, whose prefix and separator lie there; then as `_isSignedBy`.
                mstore(add(claim, 0x120), keccak256(claim, 0xc0))
                mstore(0x00, keccak256(add(claim, 0xfe), 0x42))
                mstore(0x20, add(27, shr(255, calldataload(add(at, 0x80)))))
                mstore(0x40, calldataload(add(at, 0x60)))
                mstore(0x60, and(calldataload(add(at, 0x80)), _S))
                pop(staticcall(gas(), 1, 0x00, 0x80, 0x00, 0x20))
                if xor(mload(0x00), mload(add(claim, 0x20))) { break }
                free := sub(free, added)
                // As `_add`.
                next := add(next, 0x20)
                mstore(next, or(mul(added, mload(add(batch, 0x60))), account))
                sstore(slot, or(word, fresh))
                // As `_logPaid`: of page 0, by a statement, to the account.
                mstore(0x00, fresh)
                mstore(0x20, account)
                log3(0x00, 0x40, _CONTACTS_PAID, mload(add(claim, 0x40)), account)
            }
            let words := mload(batch)
            mstore(words, shr(5, sub(next, words)))
            mstore(add(batch, 0x80), free)
            // The free memory, and the word that is 0.
            mstore(0x40, mload(add(batch, 0x140)))
            mstore(0x60, 0)
        }
        return at;
    }

    function _tryIssue(
        uint256 rule,
        Claim memory claim,
        Batch memory batch,
        Statement calldata statement,
        uint256 position
    ) private returns (Skip) {
        bytes32 digest = _present(claim, statement);
        (uint256 fresh, uint256 slot, uint256 word, bool enrolled) = _weigh(batch.open, claim);
        if (fresh == 0) return _skip(rule, claim, batch);
        uint256 payee = uint256(claim.account);
        {
            Skip reason;
            (payee, reason) = _check(claim, batch, digest, statement, position);
            if (reason != Skip.None) return reason;
        }
        if (payee == batch.token || payee == batch.exchange) return Skip.Refused;
        uint256 number = _numberOf(fresh);
        // What is reserved for her, or what is free, is no more than what is left.
        unchecked {
            if (enrolled) {
                claim.budget -= number << _RESERVED;
            } else {
                uint256 free = batch.free;
                if (number > free) return Skip.NotFree;
                batch.free = free - number;
            }
            _add(batch.words, number * batch.price | payee);
        }
        _writeAt(slot, word | fresh);
        _logPaid(claim, fresh, payee, _STATEMENT);
        return Skip.None;
    }

    function _tryStatement(
        Campaign storage campaign,
        Handle calldata handle,
        Claim memory claim,
        Batch memory batch,
        Statement calldata statement,
        uint256 position
    ) private returns (Skip reason) {
        _needGas(_ITEM_GAS);
        // A hook may have changed it since the last statement.
        claim.budget = _budgetOf(campaign);
        bytes32 digest = _present(claim, statement);
        (uint256 fresh, uint256 slot, uint256 word, bool enrolled) = _weigh(batch.open, claim);
        if (fresh == 0) return _skip(handle.rule, claim, batch);
        address payee;
        {
            uint256 found;
            (found, reason) = _check(claim, batch, digest, statement, position);
            if (reason != Skip.None) return reason;
            payee = address(uint160(found));
        }
        uint256 number = _numberOf(fresh);
        if (!enrolled && number > _freeIn(claim.budget)) return Skip.NotFree;
        _needGas(_ITEM_GAS + _PAY_GAS);
        _writeAt(slot, word | fresh);
        _takeEscrow(campaign, claim.budget, number, enrolled);
        if (!_tryPay(handle, claim.campaignId, payee, number, _PAY_GAS)) {
            _giveBack(campaign, claim, slot, fresh);
            return Skip.Refused;
        }
        _logPaid(claim, fresh, uint160(payee), _STATEMENT);
    }

    /// @dev Why a statement of a batch has nothing to be paid.
    function _skip(uint256 rule, Claim memory claim, Batch memory batch) private view returns (Skip) {
        bool asks = batch.credentials != address(0);
        return _isAccount(claim.account, asks) ? _whyNot(rule, claim) : Skip.NoAccount;
    }

    /// @dev Whom a statement of a batch is to be paid to, or what keeps it from being paid; page and budget apart. The page comes
    /// first: it is the cheapest of all, and what most copies of a batch fail at.
    function _check(
        Claim memory claim,
        Batch memory batch,
        bytes32 digest,
        Statement calldata statement,
        uint256 position
    ) private view returns (uint256 payee, Skip) {
        payee = uint256(claim.account);
        bool asks = batch.credentials != address(0);
        if (!_isAccount(bytes32(payee), asks)) return (0, Skip.NoAccount);
        if (!_isSignedBy(claim.signer, digest, statement.signature)) return (0, Skip.NotSigned);
        if (asks) {
            payee = uint160(_tryAccountOf(claim, batch, position));
            if (payee == 0) return (0, Skip.NoCredential);
        }
        return (payee, Skip.None);
    }

    /// @dev At most a word of the answer is copied; 0 if it is no address, or none.
    function _tryAccountOf(Claim memory claim, Batch memory batch, uint256 position)
        private
        view
        returns (address payee)
    {
        bytes[] calldata all;
        assembly ("memory-safe") {
            all.offset := mload(add(batch, 0x100))
            all.length := mload(add(batch, 0x120))
        }
        if (position >= all.length) return address(0);
        address credentials = batch.credentials;
        bytes memory question =
            abi.encodeCall(ICredentials.accountOf, (claim.campaignId, claim.account, all[position]));
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

    /// @dev Lowers the budget by what is free, or reserved for her.
    function _takeEscrow(Campaign storage campaign, uint256 budget, uint256 number, bool enrolled) private {
        unchecked {
            _writeBudget(campaign, budget - number - (enrolled ? number << _RESERVED : 0));
        }
    }

    /// @dev Not before the payment: a statement that is passed over leaves no event of it.
    function _logPaid(Claim memory claim, uint256 fresh, uint256 payee, uint256 path) private {
        // As `emit` does, but in scratch space: it is in every claim.
        assembly ("memory-safe") {
            mstore(0x00, fresh)
            mstore(0x20, or(or(shl(168, mload(add(claim, 0x80))), shl(160, path)), payee))
            log3(0x00, 0x40, _CONTACTS_PAID, mload(add(claim, 0x40)), mload(add(claim, 0x60)))
        }
    }

    /// @dev After a payment out of escrow that failed. Whether she is enrolled is asked anew: a hook may have enrolled her
    /// meanwhile, and then these contacts were not reserved, since their bits were set.
    function _giveBack(Campaign storage campaign, Claim memory claim, uint256 slot, uint256 fresh) private {
        uint56 number = uint56(_numberOf(fresh));
        _writeAt(slot, _wordAt(slot) & ~fresh);
        campaign.budget.left += number;
        if (_wordAt(_placeOf(claim.campaignId, claim.account, 0)) & _ENROLLED != 0) {
            campaign.budget.reserved += number;
        }
    }

    function _payCode(
        Campaign storage campaign,
        Handle calldata handle,
        Claim memory claim,
        uint256 index,
        uint256 payee
    ) private {
        bytes32 campaignId = claim.campaignId;
        uint256 budget = claim.budget;
        uint256 start = uint40(handle.rule >> _START);
        if (block.timestamp < start) revert CampaignNotStarted(start);
        (uint256 slot, uint256 bit) = _placeOfCode(campaignId, index);
        uint256 word = _wordAt(slot);
        if (word & (_ACTIVE | bit) != _ACTIVE) _refuseCode(campaign, campaignId, index, word);
        _countCode(campaignId, claim.account, budget, start);
        _writeAt(slot, word | bit);
        bool isFresh = _modeOf(handle.rule) == _FRESH;
        // As many as are reserved for codes, of what is left.
        unchecked {
            if (!isFresh) _writeBudget(campaign, budget - (1 << _CODES_LEFT) - 1);
        }
        emit CodePaid(campaignId, claim.account, index << 160 | payee);
        bool paid;
        uint256 reward = handle.reward;
        address to = address(uint160(payee));
        if (isFresh) {
            (paid,) =
                _issueOne(bytes32(_codesGrantOf(campaignId)), reward, reward >> _PRICE << _PRICE | payee);
        } else {
            paid = _tryPay(handle, campaignId, to, 1, gasleft());
        }
        if (!paid) revert RewardFailed(address(uint160(reward)), to);
    }

    function _refuseCode(Campaign storage campaign, bytes32 campaignId, uint256 index, uint256 word)
        private
        view
    {
        if (index >= campaign.codes) revert NoSuchCode(index, campaign.codes);
        if (word & _ACTIVE == 0) revert CodesInert(index / _BATCH);
        revert CodeTaken(campaignId, index);
    }

    function _countCode(bytes32 campaignId, bytes32 account, uint256 budget, uint256 start) private {
        uint256 slot = _placeOf(campaignId, account, _HAD_PAGE);
        uint256 had = _wordAt(slot);
        uint256 total = uint32(had);
        uint256 most = uint16(budget >> _PER_ACCOUNT);
        if (most != 0 && total >= most) revert CodesOfAccountTaken(account, most);
        uint256 day = _dayOf(start);
        uint256 today = uint32(had >> _DAY) == day ? had >> _TODAY : 0;
        most = uint16(budget >> _PER_DAY);
        if (most != 0 && today >= most) revert CodesOfDayTaken(account, most);
        // There are fewer than 2^32 codes, and claims end after at most 3,650 days.
        unchecked {
            _writeAt(slot, (today + 1) << _TODAY | day << _DAY | (total + 1));
        }
    }

    // -------------------------------------------------------------------------------------- internal: signing

    /// @dev Begins its digests.
    function _bind(Claim memory claim) private view {
        (claim.prefix, claim.domain) = (0x1901, _domainSeparator());
    }

    /// @dev Makes it the claim, and returns its digest.
    function _present(Claim memory claim, Statement calldata statement) private pure returns (bytes32) {
        bytes32 hash;
        assembly ("memory-safe") {
            // Account, page and contacts, behind kind, signer and campaign.
            calldatacopy(add(claim, 0x60), statement, 0x60)
            hash := keccak256(claim, 0xc0)
        }
        return _digestOf(claim, hash);
    }

    /// @dev Makes it the claim, and returns its digest. Page and contacts are the ticket's words then.
    /// @param bound Whether it was signed for its account; else for 0.
    function _checkTicket(Claim memory claim, Ticket calldata ticket, bool bound)
        private
        view
        returns (bytes32 digest)
    {
        _bind(claim);
        bytes32 hash;
        assembly ("memory-safe") {
            // Account, id, key and last second, behind kind, signer and campaign.
            calldatacopy(add(claim, 0x60), ticket, 0x80)
            if iszero(bound) { mstore(add(claim, 0x60), 0) }
            hash := keccak256(claim, 0xe0)
        }
        uint256 validUntil = claim.last;
        if (block.timestamp > validUntil) revert TicketExpired(validUntil);
        digest = _digestOf(claim, hash);
        if (!_isSignedBy(claim.signer, digest, ticket.signature)) _refuseSigned(claim, digest);
    }

    /// @dev As `_hashTypedData`, with a separator that a batch asks for once.
    function _digestOf(Claim memory claim, bytes32 hash) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            mstore(add(claim, 0x120), hash)
            digest := keccak256(add(claim, 0xfe), 0x42)
        }
    }

    /// @dev That a ticket's key names whom the claim pays, so that nobody can take it on the way.
    function _checkNamed(Claim memory claim, uint256 payee, bytes32 ticket, Signature calldata signature)
        private
        view
    {
        // Where the ticket has it. What is no address signs nothing.
        uint256 key = claim.contacts;
        bytes32 kind = _CLAIM_TICKET_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let room := mload(0x40)
            mstore(room, kind)
            mstore(add(room, 0x20), key)
            mstore(add(room, 0x40), payee)
            mstore(add(room, 0x60), ticket)
            hash := keccak256(room, 0x80)
        }
        bytes32 digest = _digestOf(claim, hash);
        if (!_isSignedBy(key, digest, signature)) {
            revert NotSignedByTicketKey(address(uint160(key)), digest);
        }
    }

    /// @dev The root is not told but found: only one that was appended is known.
    function _checkLeaf(Claim memory claim, Leaf calldata leaf, bytes32[] calldata proof) private view {
        bytes32 root;
        uint256 effectFrom;
        assembly ("memory-safe") {
            // Account, page and contacts, behind the campaign.
            calldatacopy(add(claim, 0x60), leaf, 0x60)
            // Twice, so that no inner node, a hash of 64 bytes, is a leaf.
            mstore(0x00, keccak256(add(claim, 0x40), 0x80))
            root := keccak256(0x00, 0x20)
            let at := proof.offset
            let end := add(at, shl(5, proof.length))
            // The smaller of a pair comes first. Two nodes a turn, since turning costs half as much as a node: an odd one before.
            if and(proof.length, 1) {
                let place := shl(5, gt(root, calldataload(at)))
                mstore(place, root)
                mstore(xor(place, 0x20), calldataload(at))
                root := keccak256(0x00, 0x40)
                at := add(at, 0x20)
            }
            for {} lt(at, end) { at := add(at, 0x40) } {
                {
                    let node := calldataload(at)
                    let place := shl(5, gt(root, node))
                    mstore(place, root)
                    mstore(xor(place, 0x20), node)
                    root := keccak256(0x00, 0x40)
                }
                let node := calldataload(add(at, 0x20))
                let place := shl(5, gt(root, node))
                mstore(place, root)
                mstore(xor(place, 0x20), node)
                root := keccak256(0x00, 0x40)
            }
            // As `_placeOf`.
            let room := mload(0x40)
            mstore(room, mload(add(claim, 0x40)))
            mstore(add(room, 0x20), root)
            mstore(add(room, 0x40), _ROOT_PAGE)
            effectFrom := sload(keccak256(room, 0x60))
        }
        if (effectFrom == 0) revert RootUnknown(claim.campaignId, root);
        if (block.timestamp < effectFrom) revert RootNotInEffect(root, effectFrom);
    }

    function _refuseSigned(Claim memory claim, bytes32 digest) private pure {
        revert NotSignedByCampaign(address(uint160(claim.signer)), digest);
    }

    /// @dev By a key alone. The compact form (ERC-2098) has no room for an s in the upper half of the order, but for 1 in 2^127.
    function _isSignedBy(uint256 signer, bytes32 digest, Signature calldata signature)
        private
        view
        returns (bool yes)
    {
        assembly ("memory-safe") {
            let room := mload(0x40)
            let vs := calldataload(add(signature, 0x20))
            mstore(0x00, digest)
            mstore(0x20, add(27, shr(255, vs)))
            mstore(0x40, calldataload(signature))
            mstore(0x60, and(vs, _S))
            // It answers nothing to what is no signature: then the digest stays there, which is nobody's address.
            pop(staticcall(gas(), 1, 0x00, 0x80, 0x00, 0x20))
            yes := eq(mload(0x00), signer)
            // The free memory and the word that is 0.
            mstore(0x40, room)
            mstore(0x60, 0)
        }
    }

    // --------------------------------------------------------------------------------------- internal: money

    /// @dev What of a grant is left, in contacts.
    function _grantedTo(Campaign storage campaign, uint256 id) private view returns (uint256) {
        Reward memory reward = campaign.reward;
        return ILoyaltyToken(reward.token).grantOf(address(this), id).amount / reward.price;
    }

    /// @dev What of a campaign's codes is left in their grant.
    function _codesGranted(Campaign storage campaign, bytes32 campaignId) private view returns (uint256) {
        return campaign.codes == 0 ? 0 : _grantedTo(campaign, _codesGrantOf(campaignId));
    }

    function _freeOf(bytes32 campaignId, Campaign storage campaign) private view returns (uint256) {
        uint256 left = campaign.budget.left;
        if (campaign.rule.mode == _FRESH) left = _grantedTo(campaign, uint256(campaignId));
        uint256 kept = _keptOf(_budgetOf(campaign));
        return left > kept ? left - kept : 0;
    }

    /// @dev Of a budget in escrow, which is never less than what is set aside.
    function _freeIn(uint256 budget) private pure returns (uint256) {
        unchecked {
            return uint56(budget) - _keptOf(budget);
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
    function _tryPay(Handle calldata handle, bytes32 campaignId, address payee, uint256 number, uint256 limit)
        private
        returns (bool)
    {
        (uint256 reward, uint256 rule) = (handle.reward, handle.rule);
        // Below 2^8 times 2^96.
        unchecked {
            return _trySend(
                campaignId,
                _modeOf(rule),
                address(uint160(reward)),
                payee,
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
    function _add(uint256[] memory words, uint256 word) private pure {
        assembly ("memory-safe") {
            let count := add(mload(words), 1)
            mstore(words, count)
            mstore(add(words, shl(5, count)), word)
        }
    }

    /// @dev Sends what `_issueCall` made room for.
    /// @param reward The campaign's word.
    function _issue(uint256 reward, uint256[] memory words) private returns (bool issued) {
        assembly ("memory-safe") {
            let size := add(0x64, shl(5, mload(words)))
            let done := call(gas(), shr(96, shl(96, reward)), 0, sub(words, 0x44), size, 0x00, 0x20)
            issued := and(done, gt(returndatasize(), 0x1f))
        }
    }

    /// @dev Calls `issueOneTo`. The token answers with what is left of the grant.
    /// @param reward The campaign's word.
    /// @param word The recipient, and the amount from where `reward` has the price.
    function _issueOne(bytes32 grantId, uint256 reward, uint256 word)
        private
        returns (bool issued, uint256 left)
    {
        bytes32 selector = ILoyaltyToken.issueOneTo.selector;
        assembly ("memory-safe") {
            let question := mload(0x40)
            mstore(question, selector)
            mstore(add(question, 0x04), grantId)
            mstore(add(question, 0x24), word)
            let done := call(gas(), shr(96, shl(96, reward)), 0, question, 0x44, 0x00, 0x20)
            issued := and(done, gt(returndatasize(), 0x1f))
            left := mload(0x00)
        }
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Attention", "1");
    }
}
