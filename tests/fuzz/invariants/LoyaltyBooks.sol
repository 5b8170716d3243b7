// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CommonBase} from "forge-std/Base.sol";

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";

/// @notice Books that know only the definition of expiry: who has how much out of which epoch. They are kept beside the
/// token, by hand and without bit tricks, and compared with it after every call.
/// @dev What does not agree is noted under the number of the invariant and never reverts, so that a handler that may
/// fail is judged like one that may not.
abstract contract LoyaltyBooks is CommonBase {
    struct Receipt {
        address holder;
        bytes32 id;
        uint256[4] returnable;
        uint256 epoch;
    }

    /// @dev `left` is 0 once it was released, or cancelled as a whole.
    struct Purchase {
        address issuer;
        uint256 id;
        address customer;
        uint256 left;
        uint256 due;
    }

    /// @dev Thrown by what is tried out and must leave nothing behind.
    error AllArrived();

    uint256 internal constant LANE = (1 << 56) - 1;

    LoyaltyToken public immutable token;
    address public immutable exchange;
    uint256 internal immutable _length;
    uint256 internal immutable _origin;

    /// @notice The time of this world: forge does not keep a warp from one call to the next in every version.
    uint256 public time;
    /// @notice Everyone who can have points.
    address[] public accounts;
    mapping(address account => bool) internal _known;

    // The books.
    uint256 public issued;
    uint256 public redeemed;
    uint256 public expired;
    mapping(address holder => mapping(uint256 epoch => uint256)) internal _points;
    mapping(uint256 epoch => uint256) internal _supply;
    mapping(address holder => mapping(address spender => uint256)) internal _allowed;
    mapping(address holder => bool) internal _off;
    Receipt[] internal _receipts;
    Purchase[] internal _purchases;
    uint256 public pending;
    mapping(address issuer => uint256 id) internal _nextId;
    mapping(address issuer => mapping(uint256 id => uint256 number)) private _purchaseNumber;
    mapping(address holder => mapping(bytes32 id => bool)) private _receiptUsed;

    // What was seen of the token before the call that runs, and whom it concerns.
    mapping(address account => uint256) private _balanceSeen;
    mapping(address account => uint256) private _mayFall;
    mapping(address account => bool) private _concerned;
    mapping(uint256 epoch => uint256) private _lifeSeen;
    mapping(uint256 epoch => uint256) private _returnableSeen;
    mapping(uint256 epoch => uint256) private _issuedSince;

    /// @notice What was found wrong first, by the number of the invariant.
    mapping(uint256 invariant => string) public broken;

    constructor(LoyaltyToken token_) {
        token = token_;
        exchange = token_.exchange();
        _length = token_.epochLength();
        _origin = token_.origin();
        time = block.timestamp;
    }

    function allAccounts() external view returns (address[] memory) {
        return accounts;
    }

    /// @notice The sum of what the books say everyone has.
    function liveByBooks() external view returns (uint256 live) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            live += _living(accounts[i]);
        }
    }

    /// @notice Compares every redemption with the books; too dear to do after each call.
    function checkReceipts() external {
        vm.warp(time);
        for (uint256 i = 0; i < _receipts.length; ++i) {
            Receipt storage receipt = _receipts[i];
            (bool exists, uint256[4] memory amounts,) = token.redemptionOf(receipt.holder, receipt.id);
            if (!exists) _break(4, "a redemption is gone");
            for (uint256 age = 0; age < 4; ++age) {
                if (amounts[3 - age] != _returnableAt(receipt, age)) {
                    _break(2, "a redemption has other lots");
                }
            }
        }
    }

    /// @notice Compares every purchase with the books; too dear to do after each call.
    function checkPurchases() external {
        vm.warp(time);
        for (uint256 i = 0; i < _purchases.length; ++i) {
            _comparePurchase(_purchases[i]);
        }
    }

    /// @notice Compares every lot of everybody with the books; after a call that is done for those it concerned.
    function checkLots() external {
        vm.warp(time);
        for (uint256 i = 0; i < accounts.length; ++i) {
            _compareLots(accounts[i]);
        }
    }

    // ---------------------------------------------------------------------------------------- around a call

    /// @dev Before a call: nobody may lose anything yet.
    function _open() internal {
        vm.warp(time);
    }

    /// @dev The call that follows may lower what `account` has by this much: it is its own act, or it authorised it.
    function _permits(address account, uint256 amount) internal {
        _mayFall[account] = amount;
        _concerned[account] = true;
    }

    /// @dev After a call.
    function _close() internal {
        uint256 sum = 0;
        for (uint256 i = 0; i < accounts.length; ++i) {
            address account = accounts[i];
            uint256 balance = token.balanceOf(account);
            uint256 seen = _balanceSeen[account];
            sum += balance;
            if (balance < seen && seen - balance > _mayFall[account]) _break(3, "a balance fell unasked");
            if (balance != seen) _balanceSeen[account] = balance;
            if (_concerned[account] || balance != seen) {
                _compareLots(account);
                _concerned[account] = false;
                _mayFall[account] = 0;
            }
        }
        if (sum != token.totalSupply()) _break(1, "balances and supply");
        _compareLife();
    }

    function _compareLots(address account) private {
        (uint256[4] memory amounts, uint256[4] memory expiries) = token.lotsOf(account);
        for (uint256 age = 0; age < 4; ++age) {
            if (amounts[3 - age] != _lot(account, age)) _break(2, "somebody has other lots");
            if (expiries[3 - age] != _expiryAt(age)) _break(2, "a lot has another date");
        }
        if ((token.allowance(account, exchange) == 0) != _off[account]) {
            _break(3, "the exchange was switched for somebody");
        }
    }

    function _comparePurchase(Purchase storage purchase) internal {
        (address customer, uint256 amount, uint256 due) = token.pendingOf(purchase.issuer, purchase.id);
        if (amount != purchase.left) _break(3, "another amount is pending");
        if (amount == 0) return;
        if (customer != purchase.customer || due != purchase.due) _break(3, "another purchase is pending");
    }

    /// @dev L2 word for word: for each date, what lives until then, and what could come back to live until then, falls,
    /// but for what was issued to live until then.
    function _compareLife() private {
        uint256 epoch = _epoch();
        (uint256[4] memory supply,,,) = token.liability();
        uint256 seen = 0;
        uint256 now_ = 0;
        for (uint256 age = 0; age < 4 && age <= epoch; ++age) {
            seen += _lifeSeen[epoch - age] + _issuedSince[epoch - age];
            _issuedSince[epoch - age] = 0;
            uint256 life = supply[3 - age] + _returnableSeen[epoch - age];
            now_ += life;
            if (now_ > seen) _break(2, "points live longer than before");
            if (supply[3 - age] != _supply[epoch - age]) _break(4, "a lot of the supply differs");
        }
        for (uint256 age = 0; age < 4 && age <= epoch; ++age) {
            _lifeSeen[epoch - age] = supply[3 - age] + _returnableSeen[epoch - age];
        }
    }

    // ----------------------------------------------------------------------------------------- book-keeping

    function _bookTime(uint256 seconds_) internal {
        uint256 epoch = _epoch();
        time += seconds_;
        for (uint256 age = 0; age < 4 && age <= epoch; ++age) {
            if (_expiry(epoch - age) <= time) {
                expired += _supply[epoch - age];
                _supply[epoch - age] = 0;
            }
        }
        if (_epoch() == epoch) return;
        for (uint256 i = 0; i < accounts.length; ++i) {
            _balanceSeen[accounts[i]] = _living(accounts[i]);
        }
    }

    function _bookIssue(address to, uint256 amount) internal {
        _bookIssueAt(to, amount, _epoch());
    }

    function _bookIssueAt(address to, uint256 amount, uint256 epoch) internal {
        _know(to);
        if (epoch > _epoch() || _expiry(epoch) <= time) {
            return _break(2, "issued into a lot that does not live");
        }
        _points[to][epoch] += amount;
        _supply[epoch] += amount;
        _issuedSince[epoch] += amount;
        issued += amount;
    }

    /// @param issuer The brand as the zero address.
    function _bookPromise(address issuer, address customer, uint256 amount, uint256 due) internal {
        _know(customer);
        if (amount == 0 || due <= time) _break(3, "something was promised that is none");
        uint256 id = _nextId[issuer]++;
        _purchases.push(Purchase(issuer, id, customer, amount, due));
        _purchaseNumber[issuer][id] = _purchases.length;
        pending += amount;
        _comparePurchase(_purchases[_purchases.length - 1]);
    }

    function _bookCancellation(uint256 index, uint256 amount) internal {
        Purchase storage purchase = _purchases[index];
        if (time >= purchase.due) _break(3, "mature points were cancelled");
        if (amount == 0 || amount > purchase.left) return _break(3, "more was cancelled than was pending");
        purchase.left -= amount;
        pending -= amount;
        _comparePurchase(purchase);
    }

    /// @dev Into the lot of the epoch of maturity; nothing where that has expired, or where it ended before.
    function _bookRelease(address issuer, uint256 id) internal {
        uint256 number = _purchaseNumber[issuer][id];
        if (number == 0) return;
        Purchase storage purchase = _purchases[number - 1];
        uint256 amount = purchase.left;
        if (amount == 0) return;
        if (time < purchase.due) _break(3, "points were released before their date");
        purchase.left = 0;
        pending -= amount;
        uint256 epoch = (purchase.due - _origin) / _length;
        if (_expiry(epoch) > time) _bookIssueAt(purchase.customer, amount, epoch);
        _comparePurchase(purchase);
    }

    /// @dev The oldest first, within bounds. Notes it if there is too little.
    function _bookMove(address from, address to, uint256 value, uint256 atLeast, uint256 atMost) internal {
        uint256 epoch = _epoch();
        _know(to);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 age = 3 - i;
            if (age > epoch || !_within(_expiryAt(age), atLeast, atMost)) continue;
            uint256 part = _min(value, _points[from][epoch - age]);
            value -= part;
            _points[from][epoch - age] -= part;
            _points[to][epoch - age] += part;
        }
        if (value != 0) _break(3, "more was moved than there was");
    }

    function _bookMoveAtEpoch(address from, address to, uint256 value, uint256 of_) internal {
        _know(to);
        if (value == 0) return;
        if (of_ > _epoch() || _expiry(of_) <= time || value > _points[from][of_]) {
            return _break(3, "more was moved than the lot had");
        }
        _points[from][of_] -= value;
        _points[to][of_] += value;
    }

    function _bookRedemption(address holder, uint256 amount, bytes32 id) internal {
        uint256 epoch = _epoch();
        uint256[4] memory taken;
        if (id == 0 || _receiptUsed[holder][id]) _break(4, "two redemptions for one receipt, or none");
        _receiptUsed[holder][id] = true;
        redeemed += amount;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 age = 3 - i;
            if (age > epoch) continue;
            uint256 part = _min(amount, _points[holder][epoch - age]);
            amount -= part;
            _points[holder][epoch - age] -= part;
            _supply[epoch - age] -= part;
            taken[age] = part;
        }
        if (amount != 0) _break(3, "more was redeemed than there was");
        _receipts.push(Receipt(holder, id, taken, epoch));
        _see(holder, id, true);
    }

    /// @dev The youngest first, into the lots they came from.
    function _bookReturn(uint256 index, uint256 amount) internal {
        Receipt storage receipt = _receipts[index];
        uint256 epoch = _epoch();
        redeemed -= amount;
        for (uint256 age = 0; age < 4; ++age) {
            uint256 part = _min(amount, _returnableAt(receipt, age));
            if (part == 0) continue;
            amount -= part;
            receipt.returnable[age - (epoch - receipt.epoch)] -= part;
            _points[receipt.holder][epoch - age] += part;
            _supply[epoch - age] += part;
        }
        if (amount != 0) _break(2, "more came back than was left");
    }

    /// @dev Adds what the token says of one redemption to what could come back, or takes it out before it changes.
    function _see(address holder, bytes32 id, bool adds) internal {
        uint256 epoch = _epoch();
        (, uint256[4] memory amounts,) = token.redemptionOf(holder, id);
        for (uint256 age = 0; age < 4 && age <= epoch; ++age) {
            if (adds) _returnableSeen[epoch - age] += amounts[3 - age];
            else _returnableSeen[epoch - age] -= amounts[3 - age];
        }
    }

    function _know(address account) internal {
        if (_known[account]) return;
        _known[account] = true;
        accounts.push(account);
    }

    // ------------------------------------------------------------------------------------------------ words

    function _epoch() internal view returns (uint256) {
        return (time - _origin) / _length;
    }

    /// @dev The definition: points of an epoch live through it and the next three.
    function _expiry(uint256 epoch) internal view returns (uint256) {
        return _origin + (epoch + 4) * _length;
    }

    /// @dev The expiry of points that are so many epochs old, also before there were so many epochs.
    function _expiryAt(uint256 age) internal view returns (uint256) {
        return _origin + (_epoch() + 4 - age) * _length;
    }

    function _lot(address holder, uint256 age) internal view returns (uint256) {
        return age > _epoch() ? 0 : _points[holder][_epoch() - age];
    }

    function _living(address holder) internal view returns (uint256 sum) {
        for (uint256 age = 0; age < 4; ++age) {
            sum += _lot(holder, age);
        }
    }

    function _livingWithin(address holder, uint256 atLeast, uint256 atMost)
        internal
        view
        returns (uint256 sum)
    {
        for (uint256 age = 0; age < 4; ++age) {
            if (_within(_expiryAt(age), atLeast, atMost)) sum += _lot(holder, age);
        }
    }

    function _within(uint256 expiry, uint256 atLeast, uint256 atMost) internal pure returns (bool) {
        return atLeast < expiry && (atMost == 0 || expiry <= atMost);
    }

    /// @dev What is left of a redemption and would be so old now.
    function _returnableAt(Receipt storage receipt, uint256 age) internal view returns (uint256) {
        uint256 passed = _epoch() - receipt.epoch;
        return age < passed ? 0 : receipt.returnable[age - passed];
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _break(uint256 invariant, string memory what) internal {
        if (bytes(broken[invariant]).length == 0) broken[invariant] = what;
    }
}
