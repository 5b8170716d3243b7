// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";
import {EIP712} from "solady/utils/EIP712.sol";

import {IERC7818} from "../../interfaces/IERC7818.sol";
import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";
import {Lots} from "../libraries/Lots.sol";
import {Nonces} from "../libraries/Nonces.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @dev Stores the names before `EIP712` is constructed, which reads them for the domain.
abstract contract TokenNames {
    string internal _name;
    string internal _symbol;

    constructor(string memory name_, string memory symbol_) {
        if (bytes(name_).length == 0 || bytes(name_).length > 64) revert ILoyaltyToken.BadName(name_);
        if (bytes(symbol_).length == 0 || bytes(symbol_).length > 16) {
            revert ILoyaltyToken.BadSymbol(symbol_);
        }
        _name = name_;
        _symbol = symbol_;
    }
}

/// @title Points of one brand, owned by its customers
/// @dev The supply is a word of the same shape as a balance and ages the same way. Its lanes bound every account's lanes:
/// each raise checks the supply's lane, each burn takes from the supply the very lanes that it took from the holder.
/// So moving lanes from one account to another can neither overflow nor borrow.
contract LoyaltyToken is TokenNames, EIP712, Ownable, ILoyaltyToken {
    using Lots for uint256;
    using Nonces for Nonces.Whole;

    /// @dev The lots of an account. Flag: the holder switched the exchange off.
    struct Account {
        uint256 word;
    }

    /// @dev `amount` is what is left; `usedToday` counts for `day` alone, and only under a cap.
    struct GrantSlot {
        uint56 amount;
        uint40 lockedUntil;
        uint56 capPerDay;
        uint24 day;
        uint56 usedToday;
    }

    /// @dev Purchases that can be returned. `total` is part of `promised`. A word is `amount:56 | maturesAt:40 |
    /// customer:160`; 0: none, or no longer.
    struct Purchases {
        uint64 total;
        mapping(address issuer => uint256 id) next;
        mapping(address issuer => mapping(uint256 id => uint256 word)) words;
    }

    /// @dev `promised` is never less than what is pending and what locked grants can still issue; when a promise is made, it
    /// fits a lane. `expired` counts each point once: less than 2^56 an epoch for 2^31 epochs. `redeemed` could take 2^40
    /// full lanes.
    struct Books {
        uint96 redeemed;
        uint96 expired;
        uint64 promised;
    }

    bytes32 private constant _PERMIT_TYPE =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant _SEND_TYPE =
        keccak256("Send(address holder,address to,uint256 amount,uint256 deadline,uint256 nonce)");
    bytes32 private constant _REDEEM_TYPE = keccak256(
        "Redeem(address holder,uint256 amount,bytes32 receiptId,address agent,uint256 deadline,uint256 nonce)"
    );
    bytes32 private constant _VOUCHER_TYPE = keccak256(
        "Voucher(address issuer,uint256 grantId,address recipient,bool isKey,uint256 amount,bytes32 receiptId,uint256 deadline,uint256 nonce)"
    );
    bytes32 private constant _CLAIM_TYPE = keccak256("Claim(address key,address to,bytes32 voucher)");
    bytes32 private constant _CANCEL_NONCES_TYPE = keccak256("CancelNonces(address holder,uint256[] nonces)");

    // Where the fields of a `GrantSlot` begin.
    uint256 private constant _LOCK_SHIFT = 56;
    uint256 private constant _CAP_SHIFT = 96;
    uint256 private constant _DAY_SHIFT = 152;
    uint256 private constant _USED_SHIFT = 176;
    uint256 private constant _BELOW_DAY = (1 << _DAY_SHIFT) - 1;

    /// @dev The length that stands for "never expires": about 146 billion years.
    uint256 private constant _FOR_EVER = 1 << 62;

    /// @inheritdoc ILoyaltyToken
    address public immutable exchange;
    /// @inheritdoc ILoyaltyToken
    uint256 public immutable origin;
    /// @inheritdoc IERC7818
    uint256 public immutable epochLength;
    /// @inheritdoc ILoyaltyToken
    uint8 public immutable decimals;

    mapping(address account => Account) private _accounts;
    /// @dev Flag of the supply: something is promised.
    uint256 private _supply;
    Books private _books;
    mapping(address account => mapping(address spender => uint256 value)) private _allowances;
    mapping(address account => uint256 nonce) private _permitNonces;
    Nonces.Whole private _nonces;
    mapping(address issuer => mapping(uint256 id => GrantSlot)) private _grants;
    /// @dev What each locked grant counts for in `promised`.
    mapping(address issuer => mapping(uint256 id => uint256 amount)) private _promisedFor;
    mapping(address issuer => mapping(bytes32 ref => bool)) private _referenceUsed;
    Purchases private _purchases;
    /// @dev What a redemption took and was not given back. Flag: the redemption exists.
    mapping(address holder => mapping(bytes32 receiptId => uint256 word)) private _redemptions;

    /// @param exchange_ The exchange that may move points for signed orders.
    /// @param owner_ The brand.
    /// @param name_ 1 to 64 bytes.
    /// @param symbol_ 1 to 16 bytes.
    /// @param decimals_ 0 to 6, since a lot holds less than 2^56 smallest units.
    /// @param epochLength_ Seconds, at least a day; 0: points never expire.
    /// @param origin_ The first second of epoch 0, not in the future.
    constructor(
        address exchange_,
        address owner_,
        string memory name_,
        string memory symbol_,
        uint8 decimals_,
        uint256 epochLength_,
        uint256 origin_
    ) TokenNames(name_, symbol_) {
        if (exchange_ == address(0)) revert BadExchangeAddress(exchange_);
        if (owner_ == address(0)) revert BadOwner(owner_);
        if (decimals_ > 6) revert BadDecimals(decimals_);
        if (epochLength_ == 0) epochLength_ = _FOR_EVER;
        if (epochLength_ < 1 days || epochLength_ > _FOR_EVER) revert BadEpochLength(epochLength_);
        if (origin_ > block.timestamp) revert BadOrigin(origin_);
        exchange = exchange_;
        decimals = decimals_;
        epochLength = epochLength_;
        origin = origin_;
        _initializeOwner(owner_);
    }

    // ----------------------------------------------------------------------------------------- ERC-20, -2612

    /// @inheritdoc ILoyaltyToken
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, _accounts[msg.sender].word, to, value);
        return true;
    }

    /// @inheritdoc ILoyaltyToken
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _move(from, _spendAllowance(from, value), to, value);
        return true;
    }

    /// @inheritdoc ILoyaltyToken
    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    /// @inheritdoc ILoyaltyToken
    function permit(
        address account,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        bytes32 digest = _usePermit(account, spender, value, deadline);
        if (!Signatures.isValid(account, digest, v, r, s)) revert NotSignedByHolder(account);
        _approve(account, spender, value);
    }

    /// @inheritdoc ILoyaltyToken
    function approveFor(
        address account,
        address spender,
        uint256 value,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 digest = _usePermit(account, spender, value, deadline);
        if (!Signatures.isValid(account, digest, signature)) revert NotSignedByHolder(account);
        _approve(account, spender, value);
    }

    // ----------------------------------------------------------------------------------------- moving points

    /// @inheritdoc ILoyaltyToken
    function transferFromWithin(address from, address to, uint256 value, uint256 atLeast, uint256 atMost)
        external
        returns (bool)
    {
        _moveWithin(from, _spendAllowance(from, value), to, value, atLeast, atMost);
        return true;
    }

    /// @inheritdoc IERC7818
    function transferAtEpoch(uint256 epoch, address to, uint256 value) external returns (bool) {
        _moveAtEpoch(epoch, msg.sender, _accounts[msg.sender].word, to, value);
        return true;
    }

    /// @inheritdoc IERC7818
    function transferFromAtEpoch(uint256 epoch, address from, address to, uint256 value)
        external
        returns (bool)
    {
        _moveAtEpoch(epoch, from, _spendAllowance(from, value), to, value);
        return true;
    }

    /// @inheritdoc ILoyaltyToken
    function sendFor(Send calldata message, bytes calldata signature) external {
        address holder = message.holder;
        _useMessage(
            keccak256(abi.encode(_SEND_TYPE, message)), holder, message.deadline, message.nonce, signature
        );
        _move(holder, _accounts[holder].word, message.to, message.amount);
    }

    /// @inheritdoc ILoyaltyToken
    function transferFromPocket(bytes32 id, address to, uint256 value, uint256 atLeast) external {
        address pocket = pocketOf(msg.sender, id);
        _moveWithin(pocket, _accounts[pocket].word, to, value, atLeast, 0);
    }

    // ----------------------------------------------------------------------------------------------- issuing

    /// @inheritdoc ILoyaltyToken
    function mint(address to, uint256 amount) external onlyOwner {
        _issue(to, amount, false);
    }

    /// @inheritdoc ILoyaltyToken
    function mintFor(address to, uint256 amount, bytes32 receiptId) external onlyOwner {
        _useReference(address(0), receiptId);
        emit IssuedFor(address(0), receiptId, to, amount);
        _issue(to, amount, false);
    }

    /// @inheritdoc ILoyaltyToken
    function mintBatch(bytes32 batchId, uint256[] calldata words) external onlyOwner {
        _useReference(address(0), batchId);
        uint256 epoch = currentEpoch();
        uint256 amount = _issueMany(words, 0, epoch);
        // A batch of nothing would use up its reference.
        if (amount == 0) revert ZeroAmount();
        _raiseSupply(amount, false, epoch);
        emit BatchIssued(address(0), batchId, words.length, amount);
    }

    /// @inheritdoc ILoyaltyToken
    function mintAtEpoch(bytes32 batchId, uint256 epoch, uint256[] calldata words) external onlyOwner {
        uint256 current = currentEpoch();
        if (epoch > current || current - epoch >= Lots.LIFE) revert EpochNotLiving(epoch, current);
        _useReference(address(0), batchId);
        uint256 age = current - epoch;
        uint256 amount = _issueMany(words, age, current);
        if (amount == 0) revert ZeroAmount();
        if (amount > Lots.LANE) revert NoHeadroom(Lots.LANE, amount);
        _raiseSupplyLanes(Lots.single(amount, age), current, false, false);
        emit BatchIssuedAtEpoch(batchId, epoch, words.length, amount);
    }

    /// @inheritdoc ILoyaltyToken
    function issue(uint256 grantId, address to, uint256 amount, bytes32 receiptId) external {
        (, bool promised) = _spendGrant(msg.sender, grantId, amount);
        if (receiptId != 0) _useReference(msg.sender, receiptId);
        emit IssuedFor(msg.sender, receiptId, to, amount);
        _issue(to, amount, promised);
    }

    /// @inheritdoc ILoyaltyToken
    function issueBatch(uint256 grantId, bytes32 batchId, uint256[] calldata words) external {
        _useReference(msg.sender, batchId);
        uint256 epoch = currentEpoch();
        uint256 amount = _issueMany(words, 0, epoch);
        (, bool promised) = _spendGrant(msg.sender, grantId, amount);
        _raiseSupply(amount, promised, epoch);
        emit BatchIssued(msg.sender, batchId, words.length, amount);
    }

    /// @inheritdoc ILoyaltyToken
    function issueTo(uint256 grantId, uint256[] calldata words) external returns (uint256 left) {
        uint256 epoch = currentEpoch();
        uint256 amount = _issueMany(words, 0, epoch);
        bool promised;
        (left, promised) = _spendGrant(msg.sender, grantId, amount);
        if (!promised) revert IssueWithoutLock(msg.sender, grantId);
        _raiseSupply(amount, true, epoch);
    }

    /// @inheritdoc ILoyaltyToken
    function issueOneTo(uint256 grantId, uint256 word) external returns (uint256 left) {
        uint256 amount = word >> 160;
        bool promised;
        (left, promised) = _spendGrant(msg.sender, grantId, amount);
        if (!promised) revert IssueWithoutLock(msg.sender, grantId);
        // The cast alone would leave the amount above the address, where `_checkReceiver` looks at the whole word.
        _issue(address(uint160(word << 96 >> 96)), amount, true);
    }

    /// @inheritdoc ILoyaltyToken
    function claim(SignedVoucher calldata signed) external {
        _nonces.use(signed.voucher.issuer, signed.voucher.nonce);
        uint256 epoch = currentEpoch();
        (uint256 amount, bool promised) = _pay(signed, epoch);
        _raiseSupply(amount, promised, epoch);
    }

    /// @inheritdoc ILoyaltyToken
    function claimBatch(SignedVoucher[] calldata signed) external returns (uint256 claimed) {
        uint256 epoch = currentEpoch();
        uint256 free = 0;
        uint256 reserved = 0;
        for (uint256 i = 0; i < signed.length; ++i) {
            // One that somebody else submitted first must not keep the others from being paid.
            if (!_nonces.tryUse(signed[i].voucher.issuer, signed[i].voucher.nonce)) continue;
            (uint256 amount, bool promised) = _pay(signed[i], epoch);
            // Each is no more than a grant, below 2^56.
            unchecked {
                if (promised) reserved += amount;
                else free += amount;
                ++claimed;
            }
        }
        // What is promised counts in the headroom of the others, and never needs more room than they leave.
        _raiseSupply(free, false, epoch);
        _raiseSupply(reserved, true, epoch);
    }

    /// @inheritdoc ILoyaltyToken
    function setGrant(address issuer, uint256 id, uint256 amount, uint256 capPerDay, uint256 lockedUntil)
        external
        onlyOwner
    {
        GrantSlot storage grant = _grants[issuer][id];
        if (amount > Lots.LANE) revert AmountTooLarge(amount);
        if (capPerDay > Lots.LANE) revert AmountTooLarge(capPerDay);
        if (lockedUntil > type(uint40).max || (lockedUntil != 0 && lockedUntil < block.timestamp)) {
            revert LockOutOfRange(lockedUntil);
        }
        if (_isLocked(grant)) {
            bool lowersCap = capPerDay != 0 && (grant.capPerDay == 0 || capPerDay < grant.capPerDay);
            if (amount < grant.amount || lockedUntil < grant.lockedUntil || lowersCap) {
                revert GrantLocked(issuer, id, grant.lockedUntil);
            }
        }
        if (lockedUntil != 0) {
            // What the grant could issue already has its place in the headroom, if it was promised.
            uint256 reserved = grant.lockedUntil == 0 ? 0 : grant.amount;
            _promiseFor(issuer, id, amount);
            if (amount > reserved) _checkPromises();
        } else {
            _promiseFor(issuer, id, 0);
        }
        grant.amount = uint56(amount);
        grant.capPerDay = uint56(capPerDay);
        grant.lockedUntil = uint40(lockedUntil);
        emit GrantSet(issuer, id, amount, capPerDay, lockedUntil);
    }

    /// @inheritdoc ILoyaltyToken
    function releaseGrant(address issuer, uint256 id) external {
        GrantSlot storage grant = _grants[issuer][id];
        if (grant.lockedUntil == 0) revert GrantNotLocked(issuer, id);
        uint256 before = _promisedFor[issuer][id];
        if (!_isLocked(grant)) {
            grant.amount = 0;
            grant.lockedUntil = 0;
        }
        uint256 left = grant.amount;
        _promiseFor(issuer, id, left);
        emit GrantReleased(issuer, id, before - left);
    }

    // ----------------------------------------------------------------------- purchases that can be returned

    /// @inheritdoc ILoyaltyToken
    function mintPending(bytes32 batchId, uint256 maturesAt, uint256[] calldata words)
        external
        onlyOwner
        returns (uint256 firstId)
    {
        (firstId,) = _promisePurchases(address(0), batchId, maturesAt, words);
    }

    /// @inheritdoc ILoyaltyToken
    function issuePending(uint256 grantId, bytes32 batchId, uint256 maturesAt, uint256[] calldata words)
        external
        returns (uint256 firstId)
    {
        uint256 amount;
        (firstId, amount) = _promisePurchases(msg.sender, batchId, maturesAt, words);
        // What a locked grant issues is the customer's at once, and cannot be taken back.
        (, bool promised) = _spendGrant(msg.sender, grantId, amount);
        if (promised) {
            revert GrantLocked(msg.sender, grantId, _grants[msg.sender][grantId].lockedUntil);
        }
    }

    /// @inheritdoc ILoyaltyToken
    function cancelPending(address issuer, uint256 id, uint256 amount) external {
        if (msg.sender != issuer && msg.sender != owner()) revert NotTheIssuer(issuer, msg.sender);
        (, uint256 held, uint256 maturesAt) = pendingOf(issuer, id);
        if (amount == 0) revert ZeroAmount();
        if (amount > held) revert PendingExceeded(issuer, id, held, amount);
        if (block.timestamp >= maturesAt) revert AlreadyMature(issuer, id, maturesAt);
        if (amount == held) _purchases.words[issuer][id] = 0;
        else _purchases.words[issuer][id] -= amount << 200;
        _fulfil(amount);
        emit PendingCancelled(issuer, id, amount);
    }

    /// @inheritdoc ILoyaltyToken
    function releasePending(address issuer, uint256[] calldata ids) external {
        uint256 current = currentEpoch();
        uint256 lanes = 0;
        uint256 amount = 0;
        mapping(uint256 id => uint256 word) storage words = _purchases.words[issuer];
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 id = ids[i];
            uint256 word = words[id];
            // One that somebody else released first must not keep the others waiting.
            if (word == 0) continue;
            (address customer, uint256 value, uint256 maturesAt) = _purchase(word);
            if (block.timestamp < maturesAt) revert NotMature(issuer, id, maturesAt);
            words[id] = 0;
            // It matured after birth and not after now. All that is pending fits a lane, and so does what goes into each.
            unchecked {
                amount += value;
                uint256 shift = Lots.shiftOf(current - (maturesAt - origin) / epochLength);
                // Nothing is left of a lot that expired.
                if (shift >= Lots.SPAN) value = 0;
                emit PendingReleased(issuer, id, value);
                if (value == 0) continue;
                value <<= shift;
                lanes += value;
                _credit(customer, value >> shift, value, current);
            }
        }
        _fulfil(amount);
        _raiseSupplyLanes(lanes, current, true, true);
    }

    // ------------------------------------------------------------------------------------------- redemption

    /// @inheritdoc ILoyaltyToken
    function redeem(uint256 amount, bytes32 receiptId) external {
        _redeem(msg.sender, amount, receiptId, msg.sender);
    }

    /// @inheritdoc ILoyaltyToken
    function redeemFor(Redeem calldata message, bytes calldata signature) external {
        address holder = message.holder;
        if (message.agent != address(0) && message.agent != msg.sender) {
            revert NotTheAgent(message.agent, msg.sender);
        }
        _useMessage(
            keccak256(abi.encode(_REDEEM_TYPE, message)), holder, message.deadline, message.nonce, signature
        );
        _redeem(holder, message.amount, message.receiptId, msg.sender);
    }

    /// @inheritdoc ILoyaltyToken
    function giveBack(address holder, bytes32 receiptId, uint256 amount) external onlyOwner {
        _giveBack(holder, receiptId, amount, false);
    }

    /// @inheritdoc ILoyaltyToken
    function giveBackFrom(uint256 grantId, address holder, bytes32 receiptId, uint256 amount) external {
        (, bool promised) = _spendGrant(msg.sender, grantId, amount);
        _giveBack(holder, receiptId, amount, promised);
    }

    // --------------------------------------------------------------------------------------------- cancelling

    /// @inheritdoc ILoyaltyToken
    function cancelNonces(uint256[] calldata nonces_) external {
        _nonces.cancel(msg.sender, nonces_);
        emit NoncesCancelled(msg.sender, nonces_);
    }

    /// @inheritdoc ILoyaltyToken
    function cancelNoncesFor(address holder, uint256[] calldata nonces_, bytes calldata signature) external {
        bytes32 message =
            keccak256(abi.encode(_CANCEL_NONCES_TYPE, holder, keccak256(abi.encodePacked(nonces_))));
        if (!Signatures.isValid(holder, _hashTypedData(message), signature)) {
            revert NotSignedByHolder(holder);
        }
        _nonces.cancel(holder, nonces_);
        emit NoncesCancelled(holder, nonces_);
    }

    // ---------------------------------------------------------------------------------------------- ownership

    /// @notice Not offered: a new owner asks by `requestOwnershipHandover`, the old one agrees.
    function transferOwnership(address) public payable override {
        revert HandOverInTwoSteps();
    }

    /// @notice Not offered: points without a brand would bind nobody.
    function renounceOwnership() public payable override {
        revert HandOverInTwoSteps();
    }

    // -------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILoyaltyToken
    function name() external view returns (string memory) {
        return _name;
    }

    /// @inheritdoc ILoyaltyToken
    function symbol() external view returns (string memory) {
        return _symbol;
    }

    /// @inheritdoc ILoyaltyToken
    function totalSupply() external view returns (uint256) {
        return _supply.lanesAt(currentEpoch()).total();
    }

    /// @inheritdoc ILoyaltyToken
    function balanceOf(address account) external view returns (uint256) {
        return _accounts[account].word.lanesAt(currentEpoch()).total();
    }

    /// @inheritdoc ILoyaltyToken
    function allowance(address account, address spender) external view returns (uint256) {
        if (spender == exchange) return _isSwitchedOff(_accounts[account].word) ? 0 : type(uint256).max;
        return _allowances[account][spender];
    }

    /// @inheritdoc ILoyaltyToken
    function nonces(address account) external view returns (uint256) {
        return _permitNonces[account];
    }

    /// @inheritdoc ILoyaltyToken
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @inheritdoc IERC7818
    function balanceOfAtEpoch(uint256 epoch, address account) external view returns (uint256) {
        uint256 current = currentEpoch();
        return epoch > current ? 0 : _accounts[account].word.lanesAt(current).lane(current - epoch);
    }

    /// @inheritdoc IERC7818
    function currentEpoch() public view returns (uint256) {
        // origin <= now since birth; length is at least a day.
        unchecked {
            return (block.timestamp - origin) / epochLength;
        }
    }

    /// @inheritdoc IERC7818
    function epochType() external pure returns (EPOCH_TYPE) {
        return EPOCH_TYPE.TIME_BASED;
    }

    /// @inheritdoc IERC7818
    function validityDuration() external pure returns (uint256) {
        return Lots.LIFE;
    }

    /// @inheritdoc IERC7818
    function isEpochExpired(uint256 epoch) public view returns (bool) {
        uint256 current = currentEpoch();
        return epoch < current && current - epoch >= Lots.LIFE;
    }

    /// @inheritdoc ILoyaltyToken
    function expiryOf(uint256 epoch) public view returns (uint256) {
        return origin + (epoch + Lots.LIFE) * epochLength;
    }

    /// @inheritdoc ILoyaltyToken
    function lotsOf(address account)
        external
        view
        returns (uint256[4] memory amounts, uint256[4] memory expiries)
    {
        return _lots(_accounts[account].word);
    }

    /// @inheritdoc ILoyaltyToken
    function liability()
        external
        view
        returns (uint256[4] memory amounts, uint256[4] memory expiries, uint256 pending, uint256 promised)
    {
        (amounts, expiries) = _lots(_supply);
        pending = _purchases.total;
        promised = _books.promised - pending;
    }

    /// @inheritdoc ILoyaltyToken
    function totals()
        external
        view
        returns (uint256 issued, uint256 live, uint256 redeemed, uint256 expired)
    {
        live = _supply.lanesAt(currentEpoch()).total();
        redeemed = _books.redeemed;
        expired = _books.expired + (_supply & Lots.LANES).total() - live;
        issued = live + redeemed + expired;
    }

    /// @inheritdoc ILoyaltyToken
    function grantOf(address issuer, uint256 id) external view returns (Grant memory) {
        GrantSlot memory grant = _grants[issuer][id];
        return Grant({
            amount: grant.amount,
            lockedUntil: grant.lockedUntil,
            capPerDay: grant.capPerDay,
            usedToday: grant.day == _today() ? grant.usedToday : 0
        });
    }

    /// @inheritdoc ILoyaltyToken
    function pendingOf(address issuer, uint256 id)
        public
        view
        returns (address customer, uint256 amount, uint256 maturesAt)
    {
        return _purchase(_purchases.words[issuer][id]);
    }

    /// @inheritdoc ILoyaltyToken
    function referenceUsed(address issuer, bytes32 ref) external view returns (bool) {
        return _referenceUsed[issuer][ref];
    }

    /// @inheritdoc ILoyaltyToken
    function redemptionOf(address holder, bytes32 receiptId)
        external
        view
        returns (bool exists, uint256[4] memory amounts, uint256[4] memory expiries)
    {
        uint256 word = _redemptions[holder][receiptId];
        (amounts, expiries) = _lots(word);
        return (word & Lots.FLAG != 0, amounts, expiries);
    }

    /// @inheritdoc ILoyaltyToken
    function pocketOf(address holder, bytes32 id) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("troc.pocket", holder, id)))));
    }

    /// @inheritdoc ILoyaltyToken
    function nonceOpen(address holder, uint256 nonce) external view returns (bool) {
        return _nonces.isOpen(holder, nonce);
    }

    /// @inheritdoc ILoyaltyToken
    function owner() public view override(Ownable, ILoyaltyToken) returns (address) {
        return Ownable.owner();
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x01ffc9a7 || id == 0x36372b07 || id == type(IERC7818).interfaceId;
    }

    // ------------------------------------------------------------------------------------- internal: moving

    /// @dev `word` is what is stored for `from`.
    function _move(address from, uint256 word, address to, uint256 value) private {
        uint256 epoch = currentEpoch();
        word = word.aged(epoch);
        (uint256 taken, uint256 missing) = (word & Lots.LANES).takeOldest(value);
        if (missing != 0) revert ERC20InsufficientBalance(from, value - missing, value);
        _moveLanes(from, word, to, value, taken, epoch);
    }

    function _moveWithin(
        address from,
        uint256 word,
        address to,
        uint256 value,
        uint256 atLeast,
        uint256 atMost
    ) private {
        if (atLeast | atMost == 0) return _move(from, word, to, value);
        uint256 epoch = currentEpoch();
        word = word.aged(epoch);
        uint256 window = Lots.window(_soonestExpiry(epoch), epochLength, atLeast, atMost);
        (uint256 taken, uint256 missing) = (word & window).takeOldest(value);
        if (missing != 0) revert PointsOutOfBounds(from, value - missing, value, atLeast, atMost);
        _moveLanes(from, word, to, value, taken, epoch);
    }

    function _moveAtEpoch(uint256 epoch, address from, uint256 word, address to, uint256 value) private {
        uint256 current = currentEpoch();
        if (isEpochExpired(epoch)) revert ERC7818TransferredExpiredToken(from, epoch);
        word = word.aged(current);
        uint256 held = epoch > current ? 0 : (word & Lots.LANES).lane(current - epoch);
        if (held < value) revert ERC20InsufficientBalance(from, held, value);
        _moveLanes(from, word, to, value, value == 0 ? 0 : Lots.single(value, current - epoch), current);
    }

    /// @dev `word` is that of `from`, aged to `epoch`. Writes `from` before it reads `to`: only so is a transfer to oneself
    /// safe.
    function _moveLanes(address from, uint256 word, address to, uint256 value, uint256 taken, uint256 epoch)
        private
    {
        _checkReceiver(to);
        // `taken` is no more than `from` holds in any lane, and the supply bounds what `to` can hold in it.
        unchecked {
            _accounts[from].word = word - taken;
            Account storage account = _accounts[to];
            account.word = account.word.aged(epoch) + taken;
        }
        emit Transfer(from, to, value);
    }

    function _checkReceiver(address to) private view {
        address exchange_ = exchange;
        bool refused;
        // Without branches: it is in every path, and once for each recipient of a batch.
        assembly ("memory-safe") {
            refused := or(iszero(to), or(eq(to, address()), eq(to, exchange_)))
        }
        if (refused) revert ERC20InvalidReceiver(to);
    }

    /// @dev Returns the balance word of `from`, which holds the exchange's allowance.
    function _spendAllowance(address from, uint256 value) private returns (uint256 word) {
        word = _accounts[from].word;
        if (msg.sender == exchange) {
            if (_isSwitchedOff(word)) revert ExchangeSwitchedOff(from);
            return word;
        }
        uint256 allowed = _allowances[from][msg.sender];
        if (allowed == type(uint256).max) return word;
        if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
        _allowances[from][msg.sender] = allowed - value;
    }

    function _approve(address account, address spender, uint256 value) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        if (spender == exchange) {
            if (value == 0) _accounts[account].word |= Lots.FLAG;
            else if (value == type(uint256).max) _accounts[account].word &= ~Lots.FLAG;
            else revert ExchangeAllOrNothing(value);
        } else {
            _allowances[account][spender] = value;
        }
        emit Approval(account, spender, value);
    }

    /// @dev The digest of a permit in time, its nonce used up.
    function _usePermit(address account, address spender, uint256 value, uint256 deadline)
        private
        returns (bytes32)
    {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        uint256 nonce = _permitNonces[account]++;
        return _hashTypedData(keccak256(abi.encode(_PERMIT_TYPE, account, spender, value, nonce, deadline)));
    }

    function _useMessage(
        bytes32 message,
        address holder,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) private {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        _nonces.use(holder, nonce);
        if (!Signatures.isValid(holder, _hashTypedData(message), signature)) {
            revert NotSignedByHolder(holder);
        }
    }

    // ------------------------------------------------------------------------------------ internal: issuing

    function _issue(address to, uint256 amount, bool promised) private {
        _checkReceiver(to);
        uint256 epoch = currentEpoch();
        _raiseSupply(amount, promised, epoch);
        Account storage account = _accounts[to];
        // The supply's lane, just checked, bounds every balance's.
        unchecked {
            account.word = account.word.aged(epoch) + amount;
        }
        emit Transfer(address(0), to, amount);
    }

    /// @dev Credits the recipients with points that are `age` epochs old and returns the sum; the caller raises the supply by
    /// it, or everything reverts.
    function _issueMany(uint256[] calldata words, uint256 age, uint256 epoch) private returns (uint256 sum) {
        uint256 shift = Lots.shiftOf(age);
        address exchange_ = exchange;
        bytes32 topic = Transfer.selector;
        uint256 at;
        uint256 end;
        assembly ("memory-safe") {
            at := words.offset
            end := add(at, shl(5, words.length))
            mstore(0x20, _accounts.slot)
        }
        while (at < end) {
            address to;
            uint256 slot;
            uint256 word;
            // By hand, as the whole of an account in a batch: `_accounts[to].word`, whose place is still in scratch space.
            assembly ("memory-safe") {
                to := shr(96, shl(96, calldataload(at)))
                mstore(0x00, to)
                slot := keccak256(0x00, 0x40)
                word := sload(slot)
            }
            // As `_checkReceiver`.
            bool refused;
            assembly ("memory-safe") {
                refused := or(or(eq(to, exchange_), eq(to, address())), iszero(to))
            }
            if (refused) revert ERC20InvalidReceiver(to);
            if (word.epochOf() != epoch) word = word.aged(epoch);
            // Amounts are below 2^96, and no batch has 2^160 of them. An amount or a balance that does not fit its lane
            // comes with a sum that does not fit the supply's, which the caller refuses: then nothing stays written.
            // Then as `emit Transfer(address(0), to, amount)` does, but in scratch space.
            assembly ("memory-safe") {
                let amount := shr(160, calldataload(at))
                sum := add(sum, amount)
                sstore(slot, add(word, shl(shift, amount)))
                mstore(0x00, amount)
                log3(0x00, 0x20, topic, 0, to)
                at := add(at, 0x20)
            }
        }
    }

    /// @dev Adds to the lane of this epoch. What is promised must still fit beside it, unless the points are themselves
    /// promised ones.
    function _raiseSupply(uint256 amount, bool promised, uint256 epoch) private {
        uint256 supply = _agedSupply(epoch);
        uint256 room = _room(supply, promised);
        if (amount > room) revert NoHeadroom(room, amount);
        // No more than there is room for in the lane.
        unchecked {
            _supply = supply + amount;
        }
    }

    /// @dev What the lane of this epoch can still take.
    function _room(uint256 supply, bool promised) private view returns (uint256 room) {
        room = Lots.LANE - (supply & Lots.LANE);
        if (!promised && supply & Lots.FLAG != 0) {
            uint256 reserved = _books.promised;
            room = room > reserved ? room - reserved : 0;
        }
    }

    /// @dev The supply's word of now; books as expired what has left it since it was written.
    function _agedSupply(uint256 epoch) private returns (uint256 supply) {
        uint256 word = _supply;
        supply = word.aged(epoch);
        if (supply != word) {
            uint256 gone = (word & Lots.LANES).total() - (supply & Lots.LANES).total();
            if (gone != 0) _books.expired += uint96(gone);
        }
    }

    function _useReference(address issuer, bytes32 ref) private {
        if (ref == 0) revert ReferenceMissing();
        if (_referenceUsed[issuer][ref]) revert ReferenceUsed(issuer, ref);
        _referenceUsed[issuer][ref] = true;
    }

    /// @dev Charges a grant.
    /// @return left What is left of it.
    /// @return promised Whether it was counted in the headroom before.
    function _spendGrant(address issuer, uint256 id, uint256 amount)
        private
        returns (uint256 left, bool promised)
    {
        // Else anyone could log an issue, of nothing.
        if (amount == 0) revert ZeroAmount();
        uint256 slot;
        uint256 word;
        // `_grants[issuer][id]`, as a word with the fields where `GrantSlot` has them: each field read by itself would be masked and
        // shifted.
        assembly ("memory-safe") {
            mstore(0x00, issuer)
            mstore(0x20, _grants.slot)
            mstore(0x20, keccak256(0x00, 0x40))
            mstore(0x00, id)
            slot := keccak256(0x00, 0x40)
            word := sload(slot)
        }
        left = word & Lots.LANE;
        if (amount > left) revert GrantExceeded(issuer, id, left, amount);
        uint256 cap = word >> _CAP_SHIFT & Lots.LANE;
        if (cap != 0) {
            uint256 used = uint24(word >> _DAY_SHIFT) == _today() ? word >> _USED_SHIFT : 0;
            uint256 leftToday = used < cap ? cap - used : 0;
            if (amount > leftToday) revert DayCapExceeded(issuer, id, leftToday, amount);
            // No more than the cap.
            word = word & _BELOW_DAY | uint256(_today()) << _DAY_SHIFT | (used + amount) << _USED_SHIFT;
        }
        // The amount is the lowest field, and no less.
        unchecked {
            left -= amount;
            word -= amount;
        }
        assembly ("memory-safe") {
            sstore(slot, word)
        }
        promised = uint40(word >> _LOCK_SHIFT) != 0;
    }

    /// @dev Sets what one locked grant counts for in `promised`, and the supply's flag with it.
    function _promiseFor(address issuer, uint256 id, uint256 amount) private {
        uint256 before = _promisedFor[issuer][id];
        if (amount == before) return;
        _promisedFor[issuer][id] = amount;
        _setPromised(_books.promised - before + amount);
    }

    /// @dev `promised` is below 2^57: what was promised before fits a lane, and so does what comes to it.
    function _setPromised(uint256 promised) private {
        _books.promised = uint64(promised);
        _supply = promised == 0 ? _supply & ~Lots.FLAG : _supply | Lots.FLAG;
    }

    /// @dev Everything promised must fit beside the points of this epoch. Only a new promise is checked: a release must
    /// not fail because other grants have not been brought down yet.
    function _checkPromises() private view {
        uint256 room = Lots.LANE - (_supply.lanesAt(currentEpoch()) & Lots.LANE);
        if (_books.promised > room) revert NoHeadroom(room, _books.promised);
    }

    function _isLocked(GrantSlot storage grant) private view returns (bool) {
        return block.timestamp <= grant.lockedUntil;
    }

    function _today() private view returns (uint24) {
        return uint24(block.timestamp / 1 days);
    }

    /// @dev Credits the recipient of a voucher whose nonce the caller used up; the caller raises the supply by `amount`.
    function _pay(SignedVoucher calldata signed, uint256 epoch)
        private
        returns (uint256 amount, bool promised)
    {
        Voucher calldata voucher = signed.voucher;
        address issuer = voucher.issuer;
        address to = voucher.recipient;
        bytes32 receiptId = voucher.receiptId;
        amount = voucher.amount;
        if (block.timestamp > voucher.deadline) revert DeadlinePassed(voucher.deadline);
        bytes32 digest = _hashTypedData(_hashOf(voucher));
        if (!Signatures.isValid(issuer, digest, signed.signature)) revert NotSignedByIssuer(issuer);
        if (voucher.isKey) to = _namedBy(to, digest, signed);
        (, promised) = _spendGrant(issuer, voucher.grantId, amount);
        if (receiptId != 0) _useReference(issuer, receiptId);
        _checkReceiver(to);
        emit VoucherClaimed(issuer, voucher.nonce, receiptId, to, amount);
        _credit(to, amount, amount, epoch);
    }

    /// @dev Eight words as they stand in the calldata: that addresses and flag are proper ones is checked where they are read.
    function _hashOf(Voucher calldata voucher) private pure returns (bytes32 message) {
        bytes32 kind = _VOUCHER_TYPE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            calldatacopy(add(free, 0x20), voucher, 0x100)
            message := keccak256(free, 0x120)
        }
    }

    /// @dev The recipient that the one-time key of a voucher names.
    function _namedBy(address key, bytes32 voucher, SignedVoucher calldata signed)
        private
        view
        returns (address to)
    {
        to = signed.to;
        bytes32 message = keccak256(abi.encode(_CLAIM_TYPE, key, to, voucher));
        if (!Signatures.isValid(key, _hashTypedData(message), signed.keySignature)) {
            revert NotSignedByKey(key);
        }
    }

    // ------------------------------------------------------------------------------------- internal: pending

    /// @dev Writes purchases under the next ids of an issuer. Ids are never given twice, so what was released or cancelled
    /// cannot come back.
    function _promisePurchases(address issuer, bytes32 batchId, uint256 maturesAt, uint256[] calldata words)
        private
        returns (uint256 firstId, uint256 amount)
    {
        if (maturesAt <= block.timestamp || maturesAt > type(uint40).max) {
            revert MaturityOutOfRange(maturesAt);
        }
        _useReference(issuer, batchId);
        firstId = _purchases.next[issuer];
        _purchases.next[issuer] = firstId + words.length;
        for (uint256 i = 0; i < words.length; ++i) {
            (uint256 value, address customer) = _unpack(words[i]);
            _checkReceiver(customer);
            if (value == 0) revert ZeroAmount();
            amount += value;
            if (amount > Lots.LANE) revert NoHeadroom(Lots.LANE, amount);
            _purchases.words[issuer][firstId + i] = (value << 200) | (maturesAt << 160) | uint160(customer);
            emit PendingIssued(issuer, firstId + i, customer, value, maturesAt);
        }
        if (amount == 0) revert ZeroAmount();
        // Just bounded, and what was pending before fits a lane.
        _purchases.total += uint64(amount);
        _setPromised(_books.promised + amount);
        _checkPromises();
        emit BatchPending(issuer, batchId, firstId, words.length, amount);
    }

    function _purchase(uint256 word)
        private
        pure
        returns (address customer, uint256 amount, uint256 maturesAt)
    {
        return (address(uint160(word)), word >> 200, uint40(word >> 160));
    }

    /// @dev What was pending is so no longer.
    function _fulfil(uint256 amount) private {
        if (amount == 0) return;
        _purchases.total -= uint64(amount);
        _setPromised(_books.promised - amount);
    }

    /// @dev `lanes` are `amount` in its lot; the caller has checked `to`, and raises the supply by them or reverts.
    function _credit(address to, uint256 amount, uint256 lanes, uint256 epoch) private {
        Account storage account = _accounts[to];
        // The supply's lanes bound every balance's; where they do not, the caller reverts.
        unchecked {
            account.word = account.word.aged(epoch) + lanes;
        }
        emit Transfer(address(0), to, amount);
    }

    /// @dev Not by a cast, which leaves the amount above the address, where `_checkReceiver` would see it.
    function _unpack(uint256 word) private pure returns (uint256 amount, address to) {
        assembly ("memory-safe") {
            amount := shr(160, word)
            to := shr(96, shl(96, word))
        }
    }

    // --------------------------------------------------------------------------------- internal: redemption

    function _redeem(address holder, uint256 amount, bytes32 receiptId, address agent) private {
        if (amount == 0) revert ZeroAmount();
        if (receiptId == 0) revert ReferenceMissing();
        if (_redemptions[holder][receiptId] != 0) revert ReceiptUsed(holder, receiptId);
        uint256 epoch = currentEpoch();
        uint256 word = _accounts[holder].word.aged(epoch);
        (uint256 taken, uint256 missing) = (word & Lots.LANES).takeOldest(amount);
        if (missing != 0) revert ERC20InsufficientBalance(holder, amount - missing, amount);
        // `taken` is no more than the holder, and so the supply, has in any lane.
        unchecked {
            _accounts[holder].word = word - taken;
            _supply = _agedSupply(epoch) - taken;
        }
        _redemptions[holder][receiptId] = taken.pack(epoch) | Lots.FLAG;
        _books.redeemed += uint96(amount);
        emit Transfer(holder, address(0), amount);
        emit Redeemed(holder, receiptId, amount, agent);
    }

    /// @dev The lots come back as they would have aged, so no life is gained, and nothing counts as issued.
    function _giveBack(address holder, bytes32 receiptId, uint256 amount, bool promised) private {
        if (amount == 0) revert ZeroAmount();
        uint256 epoch = currentEpoch();
        uint256 word = _redemptions[holder][receiptId].aged(epoch);
        (uint256 given, uint256 missing) = (word & Lots.LANES).takeYoungest(amount);
        if (missing != 0) revert GiveBackExceeded(holder, receiptId, amount - missing, amount);
        _raiseSupplyLanes(given, epoch, promised, false);
        // `given` is no more than what is left of the redemption.
        unchecked {
            _redemptions[holder][receiptId] = word - given;
        }
        _books.redeemed -= uint96(amount);
        _credit(holder, amount, given, epoch);
        emit GivenBack(holder, receiptId, amount);
    }

    /// @dev What is pending is released into the lot of its maturity, however late, so room for it is kept in older lots
    /// too. `promised`: what is given has its place in the headroom; `pending`: in older lots too.
    function _raiseSupplyLanes(uint256 given, uint256 epoch, bool promised, bool pending) private {
        uint256 supply = _agedSupply(epoch);
        uint256 room = _room(supply, promised);
        if (given & Lots.LANE > room) revert NoHeadroom(room, given & Lots.LANE);
        uint256 reserved = pending || supply & Lots.FLAG == 0 ? 0 : _purchases.total;
        uint256 largest = Lots.largestSum(supply, given & ~Lots.LANE, reserved);
        if (largest > Lots.LANE) revert NoHeadroom(Lots.LANE, largest);
        // Just checked, lane by lane.
        unchecked {
            _supply = supply + given;
        }
    }

    // -------------------------------------------------------------------------------------- internal: views

    function _isSwitchedOff(uint256 word) private pure returns (bool) {
        return word & Lots.FLAG != 0;
    }

    /// @dev The expiry of the oldest lane of `epoch`: (epoch - 3) + 4.
    function _soonestExpiry(uint256 epoch) private view returns (uint256) {
        // Below 2^66, as in `Lots.window`.
        unchecked {
            return origin + (epoch + 1) * epochLength;
        }
    }

    function _lots(uint256 word)
        private
        view
        returns (uint256[4] memory amounts, uint256[4] memory expiries)
    {
        uint256 epoch = currentEpoch();
        uint256 lanes = word.lanesAt(epoch);
        for (uint256 i = 0; i < Lots.LIFE; ++i) {
            amounts[i] = lanes.lane(Lots.LIFE - 1 - i);
            expiries[i] = _soonestExpiry(epoch) + i * epochLength;
        }
    }

    // ---------------------------------------------------------------------------------------------- EIP-712

    function _domainNameAndVersion() internal view override returns (string memory, string memory) {
        return (_name, "1");
    }
}
