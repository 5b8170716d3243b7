// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {StdUtils} from "forge-std/StdUtils.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {LoyaltyBooks} from "./LoyaltyBooks.sol";

/// @notice Everything that can happen to points, each call made valid: none may revert.
/// @dev The choices that make a call valid are virtual; `LoyaltyGarbageHandler` makes them badly.
contract LoyaltyHandler is LoyaltyBooks, StdUtils {
    struct GrantBook {
        uint256 amount;
        uint256 cap;
        uint256 lockedUntil;
        uint256 day;
        uint256 used;
    }

    bytes32 private constant _DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
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
    bytes32 private constant _CANCEL_TYPE = keccak256("CancelNonces(address holder,uint256[] nonces)");

    uint256 internal constant CUSTOMERS = 3;
    uint256 internal constant GRANTS = 4;
    /// @dev The numbers of those keys that are no customer's: the issuers' from here on, and one for vouchers.
    uint256 internal constant TILL = 100;
    uint256 internal constant ONE_TIME = 200;

    address public immutable escrow = address(uint160(uint256(keccak256("escrow"))));
    /// @dev Customers, two brands of which one owns the token, and a contract with pockets.
    address[] internal _holders;
    address[2] internal _issuers;
    address public brand;

    mapping(address issuer => mapping(uint256 id => GrantBook)) internal _grants;
    mapping(address holder => uint256) internal _nonces;
    mapping(address holder => mapping(uint256 nonce => bool)) internal _nonceEnded;
    mapping(address holder => uint256) internal _permitNonces;
    uint256 internal _references;
    mapping(address issuer => mapping(bytes32 ref => bool)) private _referenceUsed;
    /// @dev Until when somebody who asked may be made the owner.
    mapping(address asker => uint256) private _askedUntil;

    /// @notice How often anything was called.
    uint256 public calls;
    /// @notice How often each function did what it is for.
    mapping(bytes4 selector => uint256) public done;
    /// @notice How often the token refused.
    mapping(bytes4 selector => uint256) public refused;

    constructor(LoyaltyToken token_) LoyaltyBooks(token_) {
        brand = token_.owner();
        for (uint256 i = 0; i < CUSTOMERS; ++i) {
            _holders.push(vm.addr(_key(i)));
        }
        _holders.push(brand);
        _holders.push(address(uint160(uint256(keccak256("other brand")))));
        _holders.push(escrow);
        for (uint256 i = 0; i < _holders.length; ++i) {
            _know(_holders[i]);
        }
        _know(_pocket(escrow, 0));
        _know(_pocket(escrow, 1));
        _issuers = [vm.addr(_key(TILL)), vm.addr(_key(TILL + 1))];
    }

    modifier counted() {
        ++calls;
        _;
    }

    /// @notice What forge may call.
    function selectors() external pure returns (bytes4[] memory list) {
        list = new bytes4[](30);
        list[0] = this.passTime.selector;
        list[1] = this.transfer.selector;
        list[2] = this.transferFrom.selector;
        list[3] = this.transferAtEpoch.selector;
        list[4] = this.transferFromAtEpoch.selector;
        list[5] = this.transferFromWithin.selector;
        list[6] = this.moveByExchange.selector;
        list[7] = this.approve.selector;
        list[8] = this.permit.selector;
        list[9] = this.switchExchange.selector;
        list[10] = this.sendFor.selector;
        list[11] = this.transferFromPocket.selector;
        list[12] = this.mint.selector;
        list[13] = this.mintFor.selector;
        list[14] = this.mintBatch.selector;
        list[15] = this.setGrant.selector;
        list[16] = this.releaseGrant.selector;
        list[17] = this.issue.selector;
        list[18] = this.issueBatch.selector;
        list[19] = this.redeem.selector;
        list[20] = this.redeemFor.selector;
        list[21] = this.giveBack.selector;
        list[22] = this.cancelNonces.selector;
        list[23] = this.handOver.selector;
        list[24] = this.mintAtEpoch.selector;
        list[25] = this.claim.selector;
        list[26] = this.promisePurchases.selector;
        list[27] = this.cancelPending.selector;
        list[28] = this.releasePending.selector;
        list[29] = this.issueTo.selector;
    }

    // ------------------------------------------------------------------------------------------------- time

    /// @dev From a second to six epochs; every other time to the last second of an epoch or the first of the next.
    function passTime(uint256 seed, uint256 how) external counted {
        uint256 left = _length - (time - _origin) % _length;
        uint256 seconds_;
        how %= 6;
        if (how == 0) seconds_ = _bound(seed, 1, 1 days);
        else if (how == 1) seconds_ = left - 1;
        else if (how == 2) seconds_ = left;
        else if (how == 3) seconds_ = left + _length * (seed % 4) - 1;
        else if (how == 4) seconds_ = _bound(seed, 1, 6 * _length);
        else seconds_ = 1;
        _bookTime(seconds_);
        _open();
        ++done[msg.sig];
        _closeAll();
    }

    // ------------------------------------------------------------------------------------------ moving points

    function transfer(uint256 a, uint256 b, uint256 v) external counted {
        address from = _holder(a);
        address to = _receiver(b);
        uint256 value = _amount(v, _living(from));
        _open();
        _permits(from, value);
        if (_call(from, abi.encodeCall(token.transfer, (to, value)))) _bookMove(from, to, value, 0, 0);
        _closeAll();
    }

    function transferFrom(uint256 a, uint256 s, uint256 b, uint256 v) external counted {
        address from = _holder(a);
        address to = _receiver(b);
        address spender = _holder(s);
        uint256 value = _amount(v, _living(from));
        _allow(from, spender, value, v);
        _open();
        _permits(from, _allowed[from][spender]);
        if (_call(spender, abi.encodeCall(token.transferFrom, (from, to, value)))) {
            _bookSpending(from, spender, value);
            _bookMove(from, to, value, 0, 0);
        }
        _closeAll();
    }

    function transferAtEpoch(uint256 a, uint256 b, uint256 e, uint256 v) external counted {
        address from = _holder(a);
        address to = _receiver(b);
        (uint256 epoch, uint256 held) = _epochOf(from, e);
        uint256 value = _amount(v, held);
        _open();
        _permits(from, value);
        if (_call(from, abi.encodeCall(token.transferAtEpoch, (epoch, to, value)))) {
            _bookMoveAtEpoch(from, to, value, epoch);
        }
        _closeAll();
    }

    function transferFromAtEpoch(uint256 a, uint256 s, uint256 b, uint256 e, uint256 v) external counted {
        address from = _holder(a);
        address to = _receiver(b);
        address spender = _holder(s);
        (uint256 epoch, uint256 held) = _epochOf(from, e);
        uint256 value = _amount(v, held);
        _allow(from, spender, value, v);
        _open();
        _permits(from, _allowed[from][spender]);
        if (_call(spender, abi.encodeCall(token.transferFromAtEpoch, (epoch, from, to, value)))) {
            _bookSpending(from, spender, value);
            _bookMoveAtEpoch(from, to, value, epoch);
        }
        _closeAll();
    }

    function transferFromWithin(uint256 a, uint256 s, uint256 b, uint256 v, uint256 lo, uint256 hi)
        external
        counted
    {
        address from = _holder(a);
        address to = _receiver(b);
        address spender = _holder(s);
        (lo, hi) = _bounds(lo, hi);
        uint256 value = _amount(v, _livingWithin(from, lo, hi));
        _allow(from, spender, value, v);
        _open();
        _permits(from, _allowed[from][spender]);
        if (_call(spender, abi.encodeCall(token.transferFromWithin, (from, to, value, lo, hi)))) {
            _bookSpending(from, spender, value);
            _bookMove(from, to, value, lo, hi);
        }
        _closeAll();
    }

    /// @dev What the exchange does for an order: it may, unless the holder switched it off.
    function moveByExchange(uint256 a, uint256 b, uint256 v, uint256 lo, uint256 hi) external counted {
        address from = _holder(a);
        address to = _receiver(b);
        (lo, hi) = _bounds(lo, hi);
        if (_off[from] && !_badly(v)) _switch(from, true);
        uint256 value = _amount(v, _livingWithin(from, lo, hi));
        _open();
        if (!_off[from]) _permits(from, value);
        if (_call(exchange, abi.encodeCall(token.transferFromWithin, (from, to, value, lo, hi)))) {
            if (_off[from]) _break(3, "the exchange moved what was switched off");
            _bookMove(from, to, value, lo, hi);
        }
        _closeAll();
    }

    function approve(uint256 a, uint256 s, uint256 v) external counted {
        address from = _holder(a);
        address spender = _holder(s);
        uint256 value = v % 4 == 0 ? type(uint256).max : v;
        _open();
        if (_call(from, abi.encodeCall(token.approve, (spender, value)))) _allowed[from][spender] = value;
        _closeAll();
    }

    function permit(uint256 a, uint256 s, uint256 v, uint256 late) external counted {
        uint256 customer = a % CUSTOMERS;
        address from = _holders[customer];
        address spender = s % 5 == 0 ? exchange : _holder(s);
        uint256 value = v % 4 == 0 ? type(uint256).max : v;
        if (spender == exchange && !_badly(a)) value = v % 2 == 0 ? 0 : type(uint256).max;
        uint256 deadline = _deadline(late);
        bytes memory signature = _sign(
            customer,
            keccak256(abi.encode(_PERMIT_TYPE, from, spender, value, _permitNonces[from], deadline)),
            late
        );
        bytes memory data = abi.encodeCall(token.approveFor, (from, spender, value, deadline, signature));
        if (late % 2 == 0) {
            (bytes32 r, bytes32 s_, uint8 v_) = _split(signature);
            data = abi.encodeCall(token.permit, (from, spender, value, deadline, v_, r, s_));
        }
        _open();
        if (_call(_anyone(s), data)) {
            _checkMessage(deadline, late);
            ++_permitNonces[from];
            if (spender != exchange) _allowed[from][spender] = value;
            else if (value == 0) _off[from] = true;
            else if (value == type(uint256).max) _off[from] = false;
            else _break(3, "the exchange got an allowance in between");
        }
        _closeAll();
    }

    function switchExchange(uint256 a, bool on) external counted {
        _open();
        _switch(_holder(a), on);
        ++done[msg.sig];
        _closeAll();
    }

    function sendFor(uint256 a, uint256 b, uint256 v, uint256 n, uint256 late) external counted {
        uint256 customer = a % CUSTOMERS;
        ILoyaltyToken.Send memory message = ILoyaltyToken.Send({
            holder: _holders[customer],
            to: _receiver(b),
            amount: _amount(v, _living(_holders[customer])),
            deadline: _deadline(late),
            nonce: _nonce(_holders[customer], n)
        });
        bytes memory signature = _sign(customer, keccak256(abi.encode(_SEND_TYPE, message)), late);
        _open();
        _permits(message.holder, message.amount);
        if (_call(_anyone(b), abi.encodeCall(token.sendFor, (message, signature)))) {
            _checkMessage(message.deadline, late);
            _bookNonce(message.holder, message.nonce);
            _bookMove(message.holder, message.to, message.amount, 0, 0);
        }
        _closeAll();
    }

    function transferFromPocket(uint256 p, uint256 b, uint256 v, uint256 lo) external counted {
        bytes32 id = bytes32(p % 2);
        address caller = _rightful(escrow, v);
        address pocket = _pocket(caller, uint256(id));
        address to = _receiver(b);
        (lo,) = _bounds(lo, 0);
        uint256 value = _amount(v, _livingWithin(pocket, lo, 0));
        _open();
        _permits(pocket, value);
        if (_call(caller, abi.encodeCall(token.transferFromPocket, (id, to, value, lo)))) {
            _bookMove(pocket, to, value, lo, 0);
        }
        _closeAll();
    }

    // ----------------------------------------------------------------------------------------------- issuing

    function mint(uint256 b, uint256 v) external counted {
        address to = _receiver(b);
        uint256 amount = _issue(v, _room());
        _open();
        address caller = _rightful(brand, v);
        if (_call(caller, abi.encodeCall(token.mint, (to, amount)))) {
            _checkBrand(caller);
            _bookIssue(to, amount);
        }
        _closeAll();
    }

    function mintFor(uint256 b, uint256 v) external counted {
        address to = _receiver(b);
        uint256 amount = _issue(v, _room());
        bytes32 ref = _reference(v);
        _open();
        address caller = _rightful(brand, v);
        if (_call(caller, abi.encodeCall(token.mintFor, (to, amount, ref)))) {
            _checkBrand(caller);
            _bookReference(address(0), ref);
            _bookIssue(to, amount);
        }
        _closeAll();
    }

    function mintBatch(uint256 b, uint256 v, uint256 n) external counted {
        bytes32 ref = _reference(v);
        uint256 amount = _issue(v, _room());
        if (amount == 0 && !_badly(v)) amount = _min(1, _room());
        if (amount == 0 && !_badly(v)) return;
        (uint256[] memory words, uint256 sum) = _batch(b, 1 + n % 4, amount);
        _open();
        address caller = _rightful(brand, v);
        if (_call(caller, abi.encodeCall(token.mintBatch, (ref, words)))) {
            _checkBrand(caller);
            _bookReference(address(0), ref);
            _bookBatch(words, sum);
        }
        _closeAll();
    }

    function mintAtEpoch(uint256 b, uint256 v, uint256 n, uint256 e) external counted {
        uint256 epoch = _livingEpoch(e);
        uint256 room = _roomAt(epoch);
        uint256 amount = _issue(v, room);
        if (amount == 0 && !_badly(v)) amount = _min(1, room);
        if (amount == 0 && !_badly(v)) return;
        bytes32 ref = _reference(v);
        (uint256[] memory words, uint256 sum) = _batch(b, 1 + n % 4, amount);
        _open();
        address caller = _rightful(brand, v);
        if (_call(caller, abi.encodeCall(token.mintAtEpoch, (ref, epoch, words)))) {
            _checkBrand(caller);
            _bookReference(address(0), ref);
            _checkBatch(sum);
            for (uint256 i = 0; i < words.length; ++i) {
                _bookIssueAt(address(uint160(words[i])), words[i] >> 160, epoch);
            }
        }
        _closeAll();
    }

    function setGrant(uint256 i, uint256 v, uint256 cap, uint256 lock) external counted {
        (address issuer, uint256 id) = _grantAt(i);
        if (_grants[issuer][id].lockedUntil != 0) _release(issuer, id);
        GrantBook memory grant = _grants[issuer][id];
        uint256 amount = _issue(v, _room());
        cap = cap % 2 == 0 ? _issue(cap, LANE) : 0;
        lock = lock % 2 == 0 ? 0 : time + _bound(lock, 0, 12 * _length);
        if (_isLocked(grant) && !_badly(v)) {
            amount = grant.amount + _issue(v, _room());
            if (lock < grant.lockedUntil) lock = grant.lockedUntil;
            if (grant.cap == 0) cap = 0;
            else if (cap != 0 && cap < grant.cap) cap = grant.cap;
        } else if (_badly(lock)) {
            lock = time - _min(time, lock % (2 * _length));
        }
        // A lock holds the room for long: half of it, and seldom all, so that others can still issue.
        if (lock != 0 && !_isLocked(grant) && v % 64 != 0) amount /= 2;
        _open();
        address caller = _rightful(brand, v);
        if (_call(caller, abi.encodeCall(token.setGrant, (issuer, id, amount, cap, lock)))) {
            _checkBrand(caller);
            if (_isLocked(grant)) {
                bool lowersCap = cap != 0 && (grant.cap == 0 || cap < grant.cap);
                if (amount < grant.amount || lock < grant.lockedUntil || lowersCap) {
                    _break(3, "a lock did not hold");
                }
            }
            if (lock != 0 && lock < time) _break(3, "a lock was born dead");
            GrantBook storage book = _grants[issuer][id];
            (book.amount, book.cap, book.lockedUntil) = (amount, cap, lock);
        }
        _closeAll();
    }

    function releaseGrant(uint256 i) external counted {
        for (uint256 n = 0; n < GRANTS; ++n) {
            (address issuer, uint256 id) = _grantAt(i % GRANTS + n);
            if (_grants[issuer][id].lockedUntil == 0 && !_badly(i)) continue;
            _open();
            if (_release(issuer, id)) ++done[msg.sig];
            else ++refused[msg.sig];
            return _closeAll();
        }
    }

    /// @dev A promised grant is bounded by itself alone: there must be room.
    function issue(uint256 i, uint256 b, uint256 v) external counted {
        (address issuer, uint256 id) = _usableGrantAt(i);
        address to = _receiver(b);
        uint256 amount = _issue(v, _usable(issuer, id));
        if (amount == 0 && !_badly(v)) amount = _min(1, _usable(issuer, id));
        if (amount == 0 && !_badly(v)) return;
        bytes32 ref = v % 3 == 0 ? bytes32(0) : _reference(v);
        _open();
        address caller = _rightful(issuer, v);
        if (_call(caller, abi.encodeCall(token.issue, (id, to, amount, ref)))) {
            if (ref != 0) _bookReference(caller, ref);
            if (amount == 0) _break(4, "nothing was issued out of a grant");
            _bookGrant(caller, id, amount);
            _bookIssue(to, amount);
        }
        _closeAll();
    }

    function issueBatch(uint256 i, uint256 b, uint256 v, uint256 n) external counted {
        (address issuer, uint256 id) = _usableGrantAt(i);
        bytes32 ref = _reference(v);
        uint256 amount = _issue(v, _usable(issuer, id));
        if (amount == 0 && !_badly(v)) amount = _min(1, _usable(issuer, id));
        if (amount == 0 && !_badly(v)) return;
        (uint256[] memory words, uint256 sum) = _batch(b, 1 + n % 4, amount);
        _open();
        address caller = _rightful(issuer, v);
        if (_call(caller, abi.encodeCall(token.issueBatch, (id, ref, words)))) {
            _bookReference(caller, ref);
            _bookGrant(caller, id, sum);
            _bookBatch(words, sum);
        }
        _closeAll();
    }

    /// @dev Out of a grant that has a lock; of one that has none now and then, which is refused.
    function issueTo(uint256 i, uint256 b, uint256 v, uint256 n) external counted {
        (address issuer, uint256 id) = _badly(v) ? _usableGrantAt(i) : _lockedGrantAt(i);
        uint256 usable = _usable(issuer, id);
        uint256 amount = _issue(v, usable);
        if (!_badly(v)) {
            if (usable == 0 || _grants[issuer][id].lockedUntil == 0) return;
            if (amount == 0) amount = 1;
        }
        (uint256[] memory words, uint256 sum) = _batch(b, 1 + n % 4, amount);
        _open();
        address caller = _rightful(issuer, v);
        bytes memory call = words.length == 1
            ? abi.encodeCall(token.issueOneTo, (id, words[0]))
            : abi.encodeCall(token.issueTo, (id, words));
        if (_call(caller, call)) {
            if (sum == 0) _break(4, "nothing was issued out of a grant");
            if (_grants[caller][id].lockedUntil == 0) {
                _break(4, "an issue without a lock and without a trace");
            }
            _bookGrant(caller, id, sum);
            _bookBatch(words, sum);
        }
        _closeAll();
    }

    /// @dev Alone, or in a batch: with one out of another grant, and one of the two a second time.
    function claim(uint256 i, uint256 b, uint256 v, uint256 late, uint256 how) external counted {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](how % 4);
        if (list.length == 0) list = new ILoyaltyToken.SignedVoucher[](1);
        uint256 sum = 0;
        for (uint256 n = 0; n < list.length && n < 2; ++n) {
            (list[n], sum) = _voucherOf(uint256(keccak256(abi.encode(i, n))), b, v, late, sum);
            // Nobody can issue anything now.
            if (list[n].voucher.amount == 0 && !_badly(v)) return;
        }
        if (list.length == 3) list[2] = list[how / 4 % 2];
        _open();
        bytes memory data =
            how % 4 == 0 ? abi.encodeCall(token.claim, (list[0])) : abi.encodeCall(token.claimBatch, (list));
        if (_call(_anyone(b), data)) {
            for (uint256 n = 0; n < list.length; ++n) {
                _bookVoucher(list[n], late, how % 4 == 0);
            }
        }
        _closeAll();
    }

    // ---------------------------------------------------------------------- purchases that can be returned

    /// @dev By the brand, or by an issuer out of a grant without a lock.
    function promisePurchases(uint256 i, uint256 b, uint256 v, uint256 n, uint256 wait) external counted {
        _promise(i, b, v, n, wait);
        _closeAll();
    }

    /// @dev By its issuer, or by the brand. Where nothing is left to cancel, the brand promises something first.
    function cancelPending(uint256 p, uint256 v, uint256 i) external counted {
        (bool found, uint256 index) = _purchaseAt(p, false);
        if (!found && !_badly(p)) {
            if (_room() == 0) return;
            _promise(0, p, 1 + v % 100 * 4, 0, v);
            index = _purchases.length == 0 ? 0 : _purchases.length - 1;
        }
        if (_purchases.length == 0) return;
        Purchase memory purchase = _purchases[index];
        uint256 amount = _amount(v, purchase.left);
        if (amount == 0 && !_badly(v)) amount = 1;
        address caller = _rightful(purchase.issuer == address(0) || i % 2 == 0 ? brand : purchase.issuer, v);
        _open();
        if (_call(caller, abi.encodeCall(token.cancelPending, (purchase.issuer, purchase.id, amount)))) {
            if (caller != brand && caller != purchase.issuer) _break(3, "a stranger cancelled a purchase");
            _bookCancellation(index, amount);
        }
        _closeAll();
    }

    /// @dev Up to four of one issuer's, among them some that ended before, one of them twice.
    function releasePending(uint256 p, uint256 b) external counted {
        (, uint256 index) = _purchaseAt(p, true);
        if (_purchases.length == 0) return;
        address issuer = _purchases[index].issuer;
        uint256[] memory ids = new uint256[](5);
        uint256 found = 0;
        for (uint256 n = 0; n < _purchases.length && found < 4; ++n) {
            Purchase storage purchase = _purchases[(index + n) % _purchases.length];
            if (purchase.issuer != issuer) continue;
            if (purchase.left == 0 || time >= purchase.due || _badly(p)) ids[found++] = purchase.id;
        }
        for (uint256 n = found; n < 5; ++n) {
            ids[n] = found == 0 ? _nextId[issuer] : ids[p % found];
        }
        _open();
        if (_call(_anyone(b), abi.encodeCall(token.releasePending, (issuer, ids)))) {
            for (uint256 n = 0; n < 5; ++n) {
                _bookRelease(issuer, ids[n]);
            }
        }
        _closeAll();
    }

    // -------------------------------------------------------------------------------------------- redemption

    function redeem(uint256 a, uint256 v) external counted {
        address holder = _holderOfPoints(a, _holders.length);
        uint256 amount = _amount(v, _living(holder));
        if (amount == 0 && !_badly(v)) amount = _min(1, _living(holder));
        if (amount == 0 && !_badly(v)) return;
        bytes32 id = _receipt(v);
        _open();
        _permits(holder, amount);
        if (_call(holder, abi.encodeCall(token.redeem, (amount, id)))) {
            _bookRedemption(holder, amount, id);
        }
        _closeAll();
    }

    function redeemFor(uint256 a, uint256 v, uint256 g, uint256 n, uint256 late) external counted {
        ILoyaltyToken.Redeem memory message;
        message.holder = _holderOfPoints(a, CUSTOMERS);
        message.amount = _amount(v, _living(message.holder));
        if (message.amount == 0 && !_badly(v)) message.amount = _min(1, _living(message.holder));
        if (message.amount == 0 && !_badly(v)) return;
        message.receiptId = _receipt(v);
        message.agent = g % 2 == 0 ? address(0) : _holder(g / 2);
        message.deadline = _deadline(late);
        message.nonce = _nonce(message.holder, n);
        bytes memory signature = _signAs(message.holder, keccak256(abi.encode(_REDEEM_TYPE, message)), late);
        address sender = message.agent == address(0) ? _anyone(n) : _rightful(message.agent, n);
        _open();
        _permits(message.holder, message.amount);
        if (_call(sender, abi.encodeCall(token.redeemFor, (message, signature)))) {
            _checkMessage(message.deadline, late);
            if (message.agent != address(0) && message.agent != sender) {
                _break(3, "half of a bundle was submitted");
            }
            _bookNonce(message.holder, message.nonce);
            _bookRedemption(message.holder, message.amount, message.receiptId);
        }
        _closeAll();
    }

    /// @dev By the brand, or by an issuer out of a grant.
    function giveBack(uint256 r, uint256 v, uint256 i) external counted {
        if (_receipts.length == 0) return;
        uint256 index = _receiptAt(r);
        Receipt storage receipt = _receipts[index];
        bool byBrand = i % 2 == 0;
        uint256 most = _returnable(receipt, false);
        (address caller, uint256 grant) = (brand, 0);
        if (!byBrand) {
            (caller, grant) = _grantAt(i / 2);
            most = _returnable(receipt, _grants[caller][grant].lockedUntil != 0);
            most = _min(most, _left(caller, grant));
        }
        uint256 amount = _amount(v, most);
        if (amount == 0 && !_badly(v)) amount = _min(1, most);
        if (amount == 0 && !_badly(v)) return;
        (address holder, bytes32 id) = (receipt.holder, receipt.id);
        caller = _rightful(caller, v);
        _open();
        _see(holder, id, false);
        bool ok = _call(
            caller,
            byBrand
                ? abi.encodeCall(token.giveBack, (holder, id, amount))
                : abi.encodeCall(token.giveBackFrom, (grant, holder, id, amount))
        );
        _see(holder, id, true);
        if (ok) {
            if (byBrand) _checkBrand(caller);
            else _bookGrant(caller, grant, amount);
            _bookReturn(index, amount);
        }
        _closeAll();
    }

    // -------------------------------------------------------------------------------------------------- rest

    function cancelNonces(uint256 a, uint256 n, bool signed) external counted {
        uint256 customer = a % CUSTOMERS;
        address holder = _holders[customer];
        uint256[] memory nonces = new uint256[](2);
        nonces[0] = _nonce(holder, n);
        nonces[1] = _badly(n) ? n : nonces[0];
        _open();
        bool ok;
        if (signed) {
            bytes32 list = keccak256(abi.encodePacked(nonces));
            bytes memory signature = _sign(customer, keccak256(abi.encode(_CANCEL_TYPE, holder, list)), a);
            ok = _call(_anyone(n), abi.encodeCall(token.cancelNoncesFor, (holder, nonces, signature)));
            if (ok) _checkMessage(time, a);
        } else {
            ok = _call(holder, abi.encodeCall(token.cancelNonces, (nonces)));
        }
        if (ok) {
            if (token.nonceOpen(holder, nonces[0])) _break(3, "a nonce outlived its cancellation");
            _nonceEnded[holder][nonces[0]] = true;
            _nonceEnded[holder][nonces[1]] = true;
        }
        _closeAll();
    }

    /// @dev In two steps, between the two brands.
    function handOver(uint256 seed) external counted {
        address next =
            _rightful(_holders[CUSTOMERS] == brand ? _holders[CUSTOMERS + 1] : _holders[CUSTOMERS], seed);
        _open();
        address caller = _rightful(brand, seed >> 8);
        if (!_badly(seed >> 16) && _try(next, abi.encodeCall(token.requestOwnershipHandover, ()))) {
            _askedUntil[next] = time + 48 hours;
        }
        if (_call(caller, abi.encodeCall(token.completeOwnershipHandover, (next)))) {
            _checkBrand(caller);
            if (time > _askedUntil[next]) _break(3, "the ownership was forced on somebody");
            _askedUntil[next] = 0;
            brand = next;
        }
        if (token.owner() != brand) _break(3, "the token has another owner");
        _closeAll();
    }

    // ------------------------------------------------------------------- choices, which the twin makes badly

    /// @dev Calls the token. Here every call is valid, so that a refusal is passed on and ends the run.
    function _try(address caller, bytes memory data) internal virtual returns (bool) {
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(token).call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return true;
    }

    /// @dev An epoch whose lot can be issued into.
    function _livingEpoch(uint256 seed) internal view virtual returns (uint256) {
        return _epoch() - seed % (_min(_epoch(), 3) + 1);
    }

    /// @dev The second from which on points are the customer's; every other time the first or last of an epoch.
    function _maturity(uint256 seed) internal view virtual returns (uint256) {
        uint256 due = time + 1 + (seed >> 8) % (2 * _length);
        if (seed % 4 == 0) return due - (due - _origin) % _length + _length;
        if (seed % 4 == 1) return due - (due - _origin) % _length + _length - 1 + (due > time + 1 ? 0 : 1);
        return due;
    }

    /// @dev Whether to do something that should be refused.
    function _badly(uint256) internal view virtual returns (bool) {
        return false;
    }

    /// @dev Who should call, or in the twin somebody else.
    function _rightful(address who, uint256) internal view virtual returns (address) {
        return who;
    }

    /// @dev Everything, any part, little, very little.
    function _amount(uint256 seed, uint256 most) internal view virtual returns (uint256) {
        uint256 how = seed % 4;
        if (how == 0) return most;
        if (how == 1) return _bound(seed, 0, most);
        if (how == 2) return _bound(seed, 0, most / 1000);
        return _min(most, (seed >> 8) % 100);
    }

    /// @dev Seldom all there is room for: then nobody could issue until the epoch is over.
    function _issue(uint256 seed, uint256 most) internal view virtual returns (uint256) {
        return seed % 16 == 0 ? most : _amount(seed, most / 8);
    }

    function _receiver(uint256 seed) internal view virtual returns (address) {
        return accounts[seed % accounts.length];
    }

    function _deadline(uint256 seed) internal view virtual returns (uint256) {
        return time + seed % (2 * _length);
    }

    /// @dev A nonce that was not used, of series 0: 8 to a lane, so that lanes change.
    function _nonce(address holder, uint256) internal virtual returns (uint256) {
        return _nonceAt(_nonces[holder]++);
    }

    function _reference(uint256) internal virtual returns (bytes32) {
        return bytes32(++_references);
    }

    function _receipt(uint256) internal virtual returns (bytes32) {
        return bytes32(++_references);
    }

    function _bounds(uint256 lo, uint256 hi) internal view virtual returns (uint256 atLeast, uint256 atMost) {
        atLeast = lo % 5 == 4 ? 0 : _expiryAt(lo % 5) - (lo >> 8) % 2;
        atMost = hi % 5 == 4 ? 0 : _expiryAt(hi % 5) - (hi >> 8) % 2;
    }

    function _sign(uint256 customer, bytes32 message, uint256) internal view virtual returns (bytes memory) {
        return _signWith(_key(customer), message);
    }

    /// @dev After a signed message was accepted: whether it should have been.
    function _checkMessage(uint256 deadline, uint256) internal virtual {
        if (time > deadline) _break(3, "a message was accepted too late");
    }

    // -------------------------------------------------------------------------------------------- the rest

    /// @dev The call that a function is there for: counted.
    function _call(address caller, bytes memory data) internal returns (bool ok) {
        ok = _try(caller, data);
        if (ok) ++done[msg.sig];
        else ++refused[msg.sig];
    }

    function _holder(uint256 seed) internal view returns (address) {
        return _holders[seed % _holders.length];
    }

    function _anyone(uint256 seed) internal pure returns (address) {
        return address(uint160(_bound(seed, 1000, type(uint160).max)));
    }

    function _nonceAt(uint256 count) internal pure returns (uint256) {
        return (count / 8) << 128 | count % 8 * 31;
    }

    /// @dev The next that has points, if there is one among the first so many.
    function _holderOfPoints(uint256 seed, uint256 among) private view returns (address holder) {
        for (uint256 i = 0; i < among; ++i) {
            holder = _holders[(seed % among + i) % among];
            if (_living(holder) != 0) return holder;
        }
    }

    /// @dev One of the last redemptions, rather one of which something can come back.
    function _receiptAt(uint256 seed) private view returns (uint256 index) {
        uint256 among = _min(_receipts.length, 12);
        for (uint256 i = 0; i < among; ++i) {
            index = _receipts.length - 1 - (seed % among + i) % among;
            for (uint256 age = 0; age < 4; ++age) {
                if (_returnableAt(_receipts[index], age) != 0) return index;
            }
        }
    }

    /// @dev One that has a lock and something left; else one is locked.
    function _lockedGrantAt(uint256 seed) private returns (address issuer, uint256 id) {
        for (uint256 n = 0; n < GRANTS; ++n) {
            (issuer, id) = _grantAt(seed % GRANTS + n);
            if (_grants[issuer][id].lockedUntil != 0 && _usable(issuer, id) != 0) return (issuer, id);
        }
        uint256 amount = _room() / 16;
        for (uint256 n = 0; n < GRANTS && amount != 0; ++n) {
            (issuer, id) = _grantAt(seed % GRANTS + n);
            if (_grants[issuer][id].lockedUntil != 0) continue;
            _open();
            uint256 lock = time + _length;
            if (_try(brand, abi.encodeCall(token.setGrant, (issuer, id, amount, 0, lock)))) {
                GrantBook storage book = _grants[issuer][id];
                (book.amount, book.cap, book.lockedUntil) = (amount, 0, lock);
            }
            return (issuer, id);
        }
    }

    /// @dev The next that can issue something, if there is one.
    function _usableGrantAt(uint256 seed) private returns (address issuer, uint256 id) {
        for (uint256 n = 0; n < GRANTS; ++n) {
            (issuer, id) = _grantAt(seed % GRANTS + n);
            if (_usable(issuer, id) != 0) return (issuer, id);
        }
        // Else nobody could issue until a grant is set by chance.
        uint256 amount = _room() / 8;
        for (uint256 n = 0; n < GRANTS && amount != 0; ++n) {
            (issuer, id) = _grantAt(seed % GRANTS + n);
            if (_grants[issuer][id].lockedUntil != 0) continue;
            _open();
            if (_try(brand, abi.encodeCall(token.setGrant, (issuer, id, amount, 0, 0)))) {
                GrantBook storage book = _grants[issuer][id];
                (book.amount, book.cap) = (amount, 0);
            }
            return (issuer, id);
        }
    }

    function _signAs(address holder, bytes32 message, uint256 seed) private view returns (bytes memory) {
        for (uint256 i = 0; i < CUSTOMERS; ++i) {
            if (_holders[i] == holder) return _sign(i, message, seed);
        }
        return "";
    }

    function _grantAt(uint256 seed) internal view returns (address issuer, uint256 id) {
        return (_issuers[seed % 2], (seed / 2) % 2);
    }

    function _pocket(address holder, uint256 id) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("troc.pocket", holder, id)))));
    }

    function _epochOf(address from, uint256 seed)
        internal
        view
        virtual
        returns (uint256 epoch, uint256 held)
    {
        uint256 age = seed % (_min(_epoch(), 3) + 1);
        return (_epoch() - age, _lot(from, age));
    }

    function _isLocked(GrantBook memory grant) internal view returns (bool) {
        return time <= grant.lockedUntil;
    }

    /// @dev What the brand may still issue in this epoch. `promised` is the token's own, an upper bound.
    function _room() internal returns (uint256) {
        vm.warp(time);
        (,,, uint256 promised) = token.liability();
        uint256 room = LANE - _supply[_epoch()];
        return room > promised + pending ? room - promised - pending : 0;
    }

    /// @dev The same for an older lot, which keeps room for whatever is pending.
    function _roomAt(uint256 epoch) internal returns (uint256) {
        if (epoch >= _epoch()) return _room();
        uint256 room = LANE - _supply[epoch];
        return room > pending ? room - pending : 0;
    }

    function _left(address issuer, uint256 id) internal view returns (uint256) {
        GrantBook memory grant = _grants[issuer][id];
        if (grant.cap == 0) return grant.amount;
        uint256 used = grant.day == time / 1 days ? grant.used : 0;
        return used < grant.cap ? _min(grant.amount, grant.cap - used) : 0;
    }

    function _usable(address issuer, uint256 id) internal returns (uint256) {
        uint256 left = _left(issuer, id);
        return _grants[issuer][id].lockedUntil == 0 ? _min(left, _room()) : left;
    }

    /// @dev What can come back of a redemption, the youngest first, before a lot of the supply would be too full.
    function _returnable(Receipt storage receipt, bool promised) internal returns (uint256 most) {
        for (uint256 age = 0; age < 4 && age <= _epoch(); ++age) {
            uint256 left = _returnableAt(receipt, age);
            bool free = age == 0 && promised;
            uint256 fits = _min(left, free ? LANE - _supply[_epoch()] : _roomAt(_epoch() - age));
            most += fits;
            if (fits < left) return most;
        }
    }

    /// @dev Recipients that may be doubled.
    function _batch(uint256 b, uint256 n, uint256 amount)
        internal
        view
        returns (uint256[] memory words, uint256 sum)
    {
        words = new uint256[](n);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 part = i == 0 ? amount - amount / n * (n - 1) : amount / n;
            words[i] = part << 160 | uint160(_receiver(uint256(keccak256(abi.encode(b, i)))));
            sum += words[i] >> 160;
        }
    }

    function _checkBatch(uint256 sum) internal {
        if (sum > LANE) _break(1, "a batch issued more than a lot holds");
        if (sum == 0) _break(4, "a batch of nothing used up its reference");
    }

    function _bookBatch(uint256[] memory words, uint256 sum) internal {
        _checkBatch(sum);
        for (uint256 i = 0; i < words.length; ++i) {
            _bookIssue(address(uint160(words[i])), words[i] >> 160);
        }
    }

    /// @dev Out of the next grant that can issue something beside `before`, to a customer or by a one-time key.
    function _voucherOf(uint256 i, uint256 b, uint256 v, uint256 late, uint256 before)
        private
        returns (ILoyaltyToken.SignedVoucher memory signed, uint256 sum)
    {
        ILoyaltyToken.Voucher memory voucher = signed.voucher;
        (voucher.issuer, voucher.grantId) = _usableGrantAt(i);
        uint256 most = _usable(voucher.issuer, voucher.grantId);
        // A batch may name the same grant twice.
        most = most > before ? most - before : 0;
        voucher.amount = _issue(v, most);
        if (voucher.amount == 0 && !_badly(v)) voucher.amount = _min(1, most);
        voucher.receiptId = v % 3 == 0 ? bytes32(0) : _reference(v);
        voucher.deadline = _deadline(late);
        voucher.nonce = _nonce(voucher.issuer, v);
        voucher.isKey = i % 2 == 0;
        voucher.recipient = voucher.isKey ? vm.addr(_key(ONE_TIME)) : _receiver(b);
        bytes32 message = keccak256(abi.encode(_VOUCHER_TYPE, voucher));
        signed.signature = _sign(voucher.issuer == _issuers[0] ? TILL : TILL + 1, message, late);
        if (voucher.isKey) {
            signed.to = _receiver(b);
            message = keccak256(abi.encode(_CLAIM_TYPE, voucher.recipient, signed.to, _digest(message)));
            signed.keySignature = _sign(ONE_TIME, message, late);
        }
        unchecked {
            sum = before + voucher.amount;
        }
    }

    /// @dev Alone each counts; in a batch those whose nonce ended before are passed over.
    function _bookVoucher(ILoyaltyToken.SignedVoucher memory signed, uint256 late, bool alone) private {
        ILoyaltyToken.Voucher memory voucher = signed.voucher;
        bool open = !_nonceEnded[voucher.issuer][voucher.nonce] && uint64(voucher.nonce) < 224
            && uint64(voucher.nonce >> 64) == 0;
        if (!open && !alone) return;
        _checkMessage(voucher.deadline, late);
        _bookNonce(voucher.issuer, voucher.nonce);
        if (voucher.receiptId != 0) _bookReference(voucher.issuer, voucher.receiptId);
        if (voucher.amount == 0) _break(4, "a voucher of nothing was paid");
        _bookGrant(voucher.issuer, voucher.grantId, voucher.amount);
        _bookIssue(voucher.isKey ? signed.to : voucher.recipient, voucher.amount);
    }

    /// @dev One of the last purchases, rather one that is pending and mature, or not mature yet.
    function _purchaseAt(uint256 seed, bool mature) private view returns (bool found, uint256 index) {
        uint256 among = _min(_purchases.length, 24);
        for (uint256 n = 0; n < among; ++n) {
            index = _purchases.length - 1 - (seed % among + n) % among;
            Purchase storage purchase = _purchases[index];
            if (purchase.left != 0 && (time >= purchase.due) == mature) return (true, index);
        }
    }

    function _promise(uint256 i, uint256 b, uint256 v, uint256 n, uint256 wait) private {
        (address issuer, uint256 id) = _grantAt(i / 2);
        bool byBrand = i % 2 == 0 || (_grants[issuer][id].lockedUntil != 0 && !_badly(i));
        // What is pending is so for long: a part of the room, so that others can still issue.
        uint256 most = (byBrand ? _room() : _usable(issuer, id)) / 4;
        uint256 amount = _issue(v, most);
        if (amount == 0 && !_badly(v)) amount = _min(1, byBrand ? _room() : _usable(issuer, id));
        if (amount == 0 && !_badly(v)) return;
        n = _badly(n) || amount == 0 ? 1 + n % 4 : 1 + n % _min(4, amount);
        (uint256[] memory words, uint256 sum) = _batch(b, n, amount);
        bytes32 ref = _reference(v);
        uint256 due = _maturity(wait);
        address caller = _rightful(byBrand ? brand : issuer, v);
        _open();
        if (_call(
                caller,
                byBrand
                    ? abi.encodeCall(token.mintPending, (ref, due, words))
                    : abi.encodeCall(token.issuePending, (id, ref, due, words))
            )) {
            if (byBrand) {
                _checkBrand(caller);
            } else {
                if (_grants[caller][id].lockedUntil != 0) {
                    _break(3, "a locked grant promised what can be cancelled");
                }
                _bookGrant(caller, id, sum);
            }
            issuer = byBrand ? address(0) : caller;
            _bookReference(issuer, ref);
            _checkBatch(sum);
            for (uint256 w = 0; w < words.length; ++w) {
                _bookPromise(issuer, address(uint160(words[w])), words[w] >> 160, due);
            }
        }
    }

    function _bookSpending(address from, address spender, uint256 value) internal {
        uint256 allowed = _allowed[from][spender];
        if (allowed < value) return _break(3, "more was spent than allowed");
        if (allowed != type(uint256).max) _allowed[from][spender] = allowed - value;
        if (token.allowance(from, spender) != _allowed[from][spender]) _break(3, "an allowance differs");
    }

    function _bookGrant(address issuer, uint256 id, uint256 amount) internal {
        GrantBook storage grant = _grants[issuer][id];
        if (amount > _left(issuer, id)) return _break(3, "more was issued than granted");
        grant.amount -= amount;
        if (grant.cap == 0) return;
        if (grant.day != time / 1 days) (grant.day, grant.used) = (time / 1 days, 0);
        grant.used += amount;
    }

    function _bookNonce(address holder, uint256 nonce) internal {
        if (_nonceEnded[holder][nonce]) _break(3, "a nonce was used twice");
        _nonceEnded[holder][nonce] = true;
    }

    /// @param issuer The brand as the zero address.
    function _bookReference(address issuer, bytes32 ref) internal {
        if (ref == 0 || _referenceUsed[issuer][ref]) {
            _break(4, "something was issued twice for one reference");
        }
        _referenceUsed[issuer][ref] = true;
    }

    function _checkBrand(address caller) internal {
        if (caller != brand) _break(3, "somebody acted as the brand");
    }

    function _allow(address from, address spender, uint256 value, uint256 seed) private {
        if (_allowed[from][spender] >= value || _badly(seed)) return;
        vm.warp(time);
        vm.prank(from);
        token.approve(spender, value);
        _allowed[from][spender] = value;
    }

    function _switch(address holder, bool on) private {
        vm.warp(time);
        vm.prank(holder);
        token.approve(exchange, on ? type(uint256).max : 0);
        _off[holder] = !on;
    }

    function _release(address issuer, uint256 id) private returns (bool) {
        vm.warp(time);
        GrantBook storage grant = _grants[issuer][id];
        bool lapsed = !_isLocked(grant);
        if (!_try(_anyone(id + uint160(issuer)), abi.encodeCall(token.releaseGrant, (issuer, id)))) {
            return false;
        }
        if (grant.lockedUntil == 0) _break(3, "a grant without a lock was released");
        if (lapsed) (grant.amount, grant.lockedUntil) = (0, 0);
        return true;
    }

    /// @dev After a call, of either kind: what was promised must still fit, and no grant was lowered by anybody.
    function _closeAll() internal {
        _close();
        uint256 promised = 0;
        for (uint256 i = 0; i < GRANTS; ++i) {
            (address issuer, uint256 id) = _grantAt(i);
            if (_grants[issuer][id].lockedUntil != 0) promised += _grants[issuer][id].amount;
        }
        (,, uint256 total, uint256 counts) = token.liability();
        if (total != pending) _break(3, "pending points are not the sum of the purchases");
        if (promised > counts) _break(3, "more is promised than the token counts");
        if (promised + pending + _supply[_epoch()] > LANE) _break(3, "promised points would not fit");
    }

    /// @notice Tries out that all that is pending arrives, now and in one of the next epochs, and that each locked grant can
    /// still be issued beside it.
    function checkReleases() external {
        _tryReleases(time);
        _tryReleases(time + (1 + calls / 25 % 4) * _length);
        vm.warp(time);
    }

    function _tryReleases(uint256 when) private {
        vm.warp(when);
        try this.releaseAll() {}
        catch (bytes memory reason) {
            if (bytes4(reason) != AllArrived.selector) _break(3, "what was promised did not arrive");
        }
    }

    /// @dev Reverts in any case, so that nothing of it stays.
    function releaseAll() external {
        uint256[] memory ids = new uint256[](1);
        for (uint256 i = 0; i < _purchases.length; ++i) {
            Purchase storage purchase = _purchases[i];
            if (purchase.left == 0 || purchase.due > block.timestamp) continue;
            ids[0] = purchase.id;
            bool living = _expiry((purchase.due - _origin) / _length) > block.timestamp;
            uint256 wanted = token.balanceOf(purchase.customer) + (living ? purchase.left : 0);
            token.releasePending(purchase.issuer, ids);
            require(token.balanceOf(purchase.customer) == wanted, "a release gave something else");
        }
        for (uint256 i = 0; i < GRANTS; ++i) {
            (address issuer, uint256 id) = _grantAt(i);
            GrantBook memory grant = _grants[issuer][id];
            if (grant.lockedUntil == 0 || grant.cap != 0 || grant.amount == 0) continue;
            vm.prank(issuer);
            token.issue(id, escrow, grant.amount, 0);
        }
        revert AllArrived();
    }

    /// @notice Compares every grant with the books.
    function checkGrants() external {
        vm.warp(time);
        for (uint256 i = 0; i < GRANTS; ++i) {
            (address issuer, uint256 id) = _grantAt(i);
            ILoyaltyToken.Grant memory found = token.grantOf(issuer, id);
            GrantBook memory grant = _grants[issuer][id];
            if (found.amount != grant.amount || found.lockedUntil != grant.lockedUntil) {
                _break(3, "a grant differs");
            }
            if (found.capPerDay != grant.cap) _break(3, "a cap differs");
        }
    }

    function _key(uint256 customer) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("customer", customer)));
    }

    function _signWith(uint256 key, bytes32 message) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digest(message));
        return abi.encodePacked(r, s, v);
    }

    function _digest(bytes32 message) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                _DOMAIN_TYPE, keccak256(bytes(token.name())), keccak256("1"), block.chainid, address(token)
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, message));
    }

    function _split(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }
}
