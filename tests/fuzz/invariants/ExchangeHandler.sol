// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeBooks} from "./ExchangeBooks.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {CouponMock} from "../../../contracts/mocks/CouponMock.sol";

/// @notice Everything that can happen on the exchange, each call made valid: none may revert, but for those that try to
/// move an order that is over, which must.
/// @dev Choices are virtual: `ExchangeGarbageHandler` spoils them.
contract ExchangeHandler is ExchangeBooks {
    /// @dev A settlement that is about to be sent.
    struct Plan {
        IPointsExchange.Order[] orders;
        bytes[] signatures;
        IPointsExchange.Transfer[] transfers;
        address sender;
    }

    bytes32 private constant _CANCEL_TYPE =
        keccak256("Cancel(address maker,uint256[] wholeNonces,uint256[] partialNonces)");
    bytes32 private constant _CANCEL_ALL_TYPE =
        keccak256("CancelAll(address maker,uint256[] wholeSeries,uint256[] partialSeries)");

    /// @dev Published orders, with parts left or over.
    IPointsExchange.Order[] internal _orders;
    bytes[] internal _signatures;
    mapping(uint256 order => bool) internal _foreign;
    uint256 private _nonceCount;

    /// @notice How often anything was called.
    uint256 public calls;
    /// @notice How often each function did what it is for.
    mapping(bytes4 selector => uint256) public done;
    /// @notice How often the exchange refused.
    mapping(bytes4 selector => uint256) public refused;

    constructor(
        PointsExchange exchange_,
        LoyaltyToken[POINTS] memory points,
        CashMock coin,
        CouponMock coupons
    ) ExchangeBooks(exchange_, points, coin, coupons) {}

    modifier counted() {
        ++calls;
        _;
    }

    /// @notice What forge may call.
    function selectors() external pure returns (bytes4[] memory list) {
        list = new bytes4[](14);
        list[0] = this.passTime.selector;
        list[1] = this.mint.selector;
        list[2] = this.send.selector;
        list[3] = this.settleTwo.selector;
        list[4] = this.settleRing.selector;
        list[5] = this.settleAlone.selector;
        list[6] = this.settleInParts.selector;
        list[7] = this.take.selector;
        list[8] = this.takeRest.selector;
        list[9] = this.publish.selector;
        list[10] = this.publishForeign.selector;
        list[11] = this.cancel.selector;
        list[12] = this.cancelAll.selector;
        list[13] = this.replay.selector;
    }

    // ------------------------------------------------------------------------------------- time and holdings

    function passTime(uint256 seed, uint256 how) external counted {
        // The third never expires.
        uint256 asset = seed % 2;
        uint256 left = _lengths[asset] - (time - _origins[asset]) % _lengths[asset];
        how %= 5;
        if (how == 0) time += _bound(seed, 1, 3 days);
        else if (how == 1) time += left - 1;
        else if (how == 2) time += left;
        else if (how == 3) time += 1;
        else time += _bound(seed, 1, 40 days);
        vm.warp(time);
        ++done[msg.sig];
        _checkExchange();
    }

    function mint(uint256 a, uint256 p, uint256 v) external counted {
        vm.warp(time);
        _mint(a % ASSETS, _people[p % _people.length], 1 + v % 1e6);
        ++done[msg.sig];
        _checkExchange();
    }

    /// @dev A maker may always move what she offered.
    function send(uint256 a, uint256 p, uint256 q, uint256 v) external counted {
        vm.warp(time);
        uint256 asset = a % POINTS;
        address from = _people[p % _people.length];
        address to = _people[q % _people.length];
        uint256 amount = _bound(v, 0, _available(asset, from, 0, 0));
        vm.prank(from);
        LoyaltyToken(_assets[asset]).transfer(to, amount);
        _bookMove(asset, from, to, amount, 0, 0);
        ++done[msg.sig];
        _closeFor(asset, from);
        _closeFor(asset, to);
        _checkExchange();
    }

    // ------------------------------------------------------------------------------------------- settlements

    function settleTwo(uint256 seed) external counted {
        _settle(_ring(2, seed), seed);
    }

    function settleRing(uint256 n, uint256 seed) external counted {
        _settle(_ring(3 + n % 2, seed), seed);
    }

    /// @dev One order, and the sender himself as the other end.
    function settleAlone(uint256 seed) external counted {
        vm.warp(time);
        Plan memory plan = _plan(1, 2, seed);
        (uint256 gives, uint256 wants) = _twoAssets(seed);
        plan.sender = _people[MAKERS];
        (uint256 paid, uint256 amount) = (1 + _dice(seed, "paid") % 1e5, 0);
        (plan.orders[0], amount) = _order(seed, _maker(seed), gives, wants, paid, plan.sender, 0);
        plan.signatures[0] = _signed(plan.orders[0], seed);
        _fund(wants, plan.sender, plan.orders[0].wantPointsLivingUntil, 0, paid);
        plan.transfers[0] = IPointsExchange.Transfer({from: 1, to: 0, amount: paid});
        plan.transfers[1] = IPointsExchange.Transfer({from: 0, to: 1, amount: amount});
        _settle(plan, seed);
    }

    /// @dev An order that allows parts, listed twice, against two makers.
    function settleInParts(uint256 seed) external counted {
        vm.warp(time);
        Plan memory plan = _plan(4, 4, seed);
        while (_dice(seed, "partial") % 2 != 0) {
            seed = _twist(seed, 0);
        }
        (uint256 gives, uint256 wants) = _twoAssets(seed);
        IPointsExchange.Order memory order;
        uint256 amount;
        uint256 price = 2 + _dice(seed, "price") % 1e5;
        (order, amount) = _order(seed, _people[0], gives, wants, price, address(0), 0);
        if (amount < 2) return;
        (plan.orders[0], plan.orders[1]) = (order, order);
        plan.signatures[0] = plan.signatures[1] = _signed(order, seed);
        for (uint256 i = 0; i < 2; ++i) {
            address maker = _people[1 + i];
            uint256 part = i == 0 ? amount / 2 : amount - amount / 2;
            // Rounded up: her price holds for each part.
            uint256 pays = (part * order.wantAmount + order.giveAmount - 1) / order.giveAmount;
            _fund(wants, maker, order.wantPointsLivingUntil, 0, pays);
            IPointsExchange.Order memory other = _crossing(_twist(seed, i), maker, wants, gives, pays, part);
            plan.orders[2 + i] = other;
            plan.signatures[2 + i] = _signed(other, seed);
            plan.transfers[2 * i] = IPointsExchange.Transfer({from: i, to: 2 + i, amount: part});
            plan.transfers[2 * i + 1] = IPointsExchange.Transfer({from: 2 + i, to: i, amount: pays});
        }
        _settle(plan, seed);
    }

    function take(uint256 seed) external counted {
        vm.warp(time);
        (uint256 gives, uint256 wants) = _twoAssets(seed);
        address maker = _maker(seed);
        address taker = _people[MAKERS];
        uint256 livingUntil = gives < POINTS ? _floor(gives, _dice(seed, "living")) : 0;
        (IPointsExchange.Order memory order, uint256 amount) =
            _order(seed, maker, gives, wants, 1 + _dice(seed, "paid") % 1e5, taker, livingUntil);
        _take(order, _signed(order, seed), taker, amount, livingUntil, seed);
        if (order.allowPartial) _publish(order, false);
    }

    /// @dev More of an order that was filled in part before.
    function takeRest(uint256 i) external counted {
        vm.warp(time);
        for (uint256 n = 0; n < _orders.length && n < 20; ++n) {
            uint256 index = _orders.length - 1 - (i % _orders.length + n) % _orders.length;
            IPointsExchange.Order memory order = _orders[index];
            address taker = _people[MAKERS];
            if (order.onlyTaker != address(0)) taker = order.onlyTaker;
            uint256 left = _leftOf(order);
            if (left == 0 || time > order.openUntil || _foreign[index] || taker == order.maker) continue;
            // A relay has nothing to pay with, and some prices nobody.
            if (uint160(taker) < 2000 || order.wantAmount > 1e15) continue;
            uint256 gives = _assetOf(order.giveToken);
            uint256 most = _min(left, _available(gives, order.maker, 0, order.givePointsExpiringBy));
            uint256 amount = _dice(i, "all") % 2 == 0 ? most : _bound(i, _min(1, most), most);
            if (amount == 0 || (!order.allowPartial && amount != order.giveAmount)) continue;
            return _take(order, _signatures[index], taker, amount, 0, i);
        }
    }

    // ------------------------------------------------------------------------------------ orders and their end

    function publish(uint256 seed) external counted {
        vm.warp(time);
        (uint256 gives, uint256 wants) = _twoAssets(seed);
        (IPointsExchange.Order memory order,) =
            _order(seed, _maker(seed), gives, wants, 1 + seed % 1e5, address(0), 0);
        _publish(order, false);
        if (exchange.remainingOf(order) != _leftOf(order)) _break(3, "something else is left of an order");
        ++done[msg.sig];
    }

    /// @dev Signed for another chain, or for another exchange on this one.
    function publishForeign(uint256 seed) external counted {
        vm.warp(time);
        (uint256 gives, uint256 wants) = _twoAssets(seed);
        (IPointsExchange.Order memory order,) =
            _order(seed, _maker(seed), gives, wants, 1 + seed % 1e5, address(0), 0);
        _publish(order, true);
        ++done[msg.sig];
    }

    function cancel(uint256 i, uint256 seed) external counted {
        if (_orders.length == 0) return;
        vm.warp(time);
        IPointsExchange.Order memory order = _orders[i % _orders.length];
        (bool ok, address who) = _end(
            order, order.nonce, _CANCEL_TYPE, exchange.cancel.selector, exchange.cancelFor.selector, seed
        );
        if (!ok) return;
        if (uint64(order.nonce >> 64) == _series[who][_laneOf(order.nonce, order.allowPartial)]) {
            if (order.allowPartial) _filled[who][order.nonce] = type(uint128).max;
            else _used[who][order.nonce] = true;
        }
        if (exchange.remainingOf(order) != _leftOf(order)) _break(3, "a cancellation did something else");
        if (who == order.maker && _leftOf(order) != 0) _break(3, "a cancelled order is open");
    }

    function cancelAll(uint256 i, uint256 seed) external counted {
        if (_orders.length == 0) return;
        vm.warp(time);
        IPointsExchange.Order memory order = _orders[i % _orders.length];
        (bool ok, address who) = _end(
            order,
            order.nonce >> 64 << 64,
            _CANCEL_ALL_TYPE,
            exchange.cancelAll.selector,
            exchange.cancelAllFor.selector,
            seed
        );
        if (!ok) return;
        uint256 lane = _laneOf(order.nonce, order.allowPartial);
        uint256 next = uint64(order.nonce >> 64) + 1;
        if (next > _series[who][lane]) _series[who][lane] = next;
        if (exchange.remainingOf(order) != _leftOf(order)) _break(3, "a cancellation did something else");
        if (who == order.maker && _leftOf(order) != 0) _break(3, "an order outlived its series");
    }

    /// @dev X3: an order that is over is taken, and settled, and both must fail for what ended it.
    function replay(uint256 i, uint256 seed) external counted {
        vm.warp(time);
        for (uint256 n = 0; n < _orders.length && n < 20; ++n) {
            uint256 index = (i % _orders.length + n) % _orders.length;
            IPointsExchange.Order memory order = _orders[index];
            if (_leftOf(order) != 0 && time <= order.openUntil && !_foreign[index]) continue;
            address taker = order.onlyTaker == address(0) ? _people[MAKERS] : order.onlyTaker;
            if (taker == order.maker) continue;
            uint256 amount = order.allowPartial ? _bound(seed, 1, order.giveAmount) : order.giveAmount;
            uint256 gives = _assetOf(order.giveToken);
            uint256 wants = _assetOf(order.wantToken);
            _fund(gives, order.maker, 0, order.givePointsExpiringBy, amount);
            _fund(wants, taker, order.wantPointsLivingUntil, 0, order.wantAmount);
            _mustRefuse(taker, abi.encodeCall(exchange.take, (order, _signatures[index], amount, 0)));
            Plan memory plan = _plan(1, 2, seed);
            (plan.orders[0], plan.signatures[0]) = (order, _signatures[index]);
            plan.transfers[0] = IPointsExchange.Transfer({from: 1, to: 0, amount: order.wantAmount});
            plan.transfers[1] = IPointsExchange.Transfer({from: 0, to: 1, amount: amount});
            _mustRefuse(
                taker, abi.encodeCall(exchange.settle, (plan.orders, plan.signatures, plan.transfers))
            );
            ++done[msg.sig];
            _checkExchange();
            return;
        }
    }

    // -------------------------------------------------------------------------------------- making it valid

    /// @dev A ring of orders: each maker gives to the next. Assets, bounds, prices and takers are chosen at will.
    function _ring(uint256 n, uint256 seed) private returns (Plan memory plan) {
        vm.warp(time);
        plan = _plan(n, n, seed);
        uint256[] memory amounts = new uint256[](n);
        uint256 asset = _dice(seed, "asset");
        uint256 first = _dice(seed, "maker");
        uint256[] memory floors = new uint256[](n);
        for (uint256 i = 0; i < n; ++i) {
            uint256 gets = (asset + (i + n - 1) % n) % ASSETS;
            floors[i] = gets < POINTS ? _floor(gets, _twist(seed, i)) : 0;
        }
        for (uint256 i = 0; i < n; ++i) {
            uint256 next = (i + 1) % n;
            address maker = _people[(first % MAKERS + i) % MAKERS];
            uint256 gives = (asset + i) % ASSETS;
            plan.orders[i].givePointsExpiringBy = _ceiling(gives, maker, floors[next], _twist(seed, i));
            amounts[i] =
                _giveable(gives, maker, floors[next], plan.orders[i].givePointsExpiringBy, _twist(seed, i));
        }
        for (uint256 i = 0; i < n; ++i) {
            address next = _people[(first % MAKERS + (i + 1) % n) % MAKERS];
            plan.orders[i] = _terms(
                Terms({
                    seed: _twist(seed, i),
                    maker: _people[(first % MAKERS + i) % MAKERS],
                    gives: (asset + i) % ASSETS,
                    wants: (asset + (i + n - 1) % n) % ASSETS,
                    given: amounts[i],
                    received: amounts[(i + n - 1) % n],
                    ceiling: plan.orders[i].givePointsExpiringBy,
                    floor: floors[i],
                    taker: n == 2 && _twist(seed, i) % 2 == 0 ? next : plan.sender
                })
            );
            plan.signatures[i] = _signed(plan.orders[i], _twist(seed, i));
            plan.transfers[i] = IPointsExchange.Transfer({from: i, to: (i + 1) % n, amount: amounts[i]});
        }
    }

    /// @dev What an order is made of: what it gives and receives in the settlement at hand.
    struct Terms {
        uint256 seed;
        address maker;
        uint256 gives;
        uint256 wants;
        uint256 given;
        uint256 received;
        uint256 ceiling;
        uint256 floor;
        address taker;
    }

    /// @dev An order that gives and receives just this, at a price that is met; all of it, or more later.
    function _terms(Terms memory terms) private returns (IPointsExchange.Order memory order) {
        uint256 seed = terms.seed;
        order.maker = terms.maker;
        order.giveToken = _assets[terms.gives];
        order.giveKind = _kind(terms.gives);
        order.giveId = terms.gives == 4 ? COUPON : 0;
        order.wantToken = _assets[terms.wants];
        order.wantKind = _kind(terms.wants);
        order.wantId = terms.wants == 4 ? COUPON : 0;
        order.givePointsExpiringBy = terms.ceiling;
        order.wantPointsLivingUntil = terms.floor;
        order.onlyTaker = _dice(seed, "taker") % 3 == 0 ? terms.taker : address(0);
        order.openUntil = _openUntil(seed);
        order.allowPartial = _dice(seed, "partial") % 2 == 0;
        order.nonce = _nonce(order.maker, order.allowPartial, seed);
        order.giveAmount = terms.given;
        if (order.allowPartial) {
            order.giveAmount += _dice(seed, "more") % (2 * terms.given);
            // What others of the same lane and series have used up; of a lane that is over it does not matter.
            order.giveAmount += _filled[order.maker][order.nonce] % type(uint128).max;
        }
        // received * giveAmount >= given * wantAmount, often just so.
        uint256 most = _min(terms.received * order.giveAmount / terms.given, type(uint128).max);
        order.wantAmount = _dice(seed, "price") % 2 == 0 ? most : _bound(seed, _min(1, most), most);
        // A price of less than one unit cannot be named.
        if (order.wantAmount == 0) (order.giveAmount, order.wantAmount) = (terms.given, terms.received);
        order.wantAmount = _price(order.wantAmount, most, seed);
    }

    /// @dev An order that stands alone, and how much of it can be given now.
    function _order(
        uint256 seed,
        address maker,
        uint256 gives,
        uint256 wants,
        uint256 received,
        address taker,
        uint256 livingUntil
    ) private returns (IPointsExchange.Order memory order, uint256 amount) {
        uint256 ceiling = _ceiling(gives, maker, livingUntil, seed);
        amount = _giveable(gives, maker, livingUntil, ceiling, seed);
        order = _terms(
            Terms({
                seed: seed,
                maker: maker,
                gives: gives,
                wants: wants,
                given: amount,
                received: received,
                ceiling: ceiling,
                floor: wants < POINTS ? _floor(wants, seed) : 0,
                taker: taker
            })
        );
        if (!order.allowPartial) amount = order.giveAmount;
    }

    /// @dev The whole order that meets another one exactly.
    function _crossing(
        uint256 seed,
        address maker,
        uint256 gives,
        uint256 wants,
        uint256 given,
        uint256 received
    ) private returns (IPointsExchange.Order memory order) {
        order = _terms(
            Terms({
                seed: seed,
                maker: maker,
                gives: gives,
                wants: wants,
                given: given,
                received: received,
                ceiling: 0,
                floor: 0,
                taker: address(0)
            })
        );
    }

    function _plan(uint256 orders, uint256 transfers, uint256 seed) private view returns (Plan memory plan) {
        plan.orders = new IPointsExchange.Order[](orders);
        plan.signatures = new bytes[](orders);
        plan.transfers = new IPointsExchange.Transfer[](transfers);
        plan.sender = address(uint160(1000 + _dice(seed, "sender") % 3));
    }

    /// @dev A lower bound on lives, below that of the youngest lot: points of today always fit.
    function _floor(uint256 asset, uint256 seed) private view returns (uint256) {
        uint256 dice = _dice(seed, "floor") % 6;
        if (dice < 2) return 0;
        if (dice == 5) return _expiryAt(asset, 0) - 1;
        return _expiryAt(asset, dice - 1) - (seed >> 8) % 2;
    }

    /// @dev An upper bound that leaves something above the floor, or none.
    function _ceiling(uint256 asset, address maker, uint256 floor, uint256 seed)
        private
        view
        returns (uint256)
    {
        if (asset >= POINTS) return 0;
        uint256 ceiling = _expiryAt(asset, _dice(seed, "ceiling") % 4) + (seed >> 9) % 2;
        return _available(asset, maker, floor, ceiling) == 0 ? 0 : ceiling;
    }

    /// @dev How much is given: at least 1, issued for the purpose if there is none.
    function _giveable(uint256 asset, address maker, uint256 floor, uint256 ceiling, uint256 seed)
        private
        returns (uint256)
    {
        uint256 most = _available(asset, maker, floor, ceiling);
        if (most == 0) {
            most = 1 + _dice(seed, "fresh") % 1e6;
            _mint(asset, maker, most);
        }
        return _amount(_dice(seed, "all") % 2 == 0 ? most : _bound(seed, 1, most), most, seed);
    }

    function _fund(uint256 asset, address holder, uint256 floor, uint256 ceiling, uint256 amount) private {
        uint256 has = _available(asset, holder, floor, ceiling);
        if (has < amount && amount < 1e18) _mint(asset, holder, amount - has);
    }

    function _mint(uint256 asset, address to, uint256 amount) private {
        _know(to);
        if (asset == 4) {
            CouponMock(_assets[4]).mint(to, COUPON, amount);
        } else {
            if (asset < POINTS) amount = _min(amount, _room(asset));
            CashMock(_assets[asset]).mint(to, amount);
        }
        if (asset < POINTS) _points[asset][to][_epoch(asset)] += amount;
        else _goods[asset][to] += amount;
    }

    function _room(uint256 asset) private view returns (uint256) {
        (uint256[4] memory lots,,,) = LoyaltyToken(_assets[asset]).liability();
        return type(uint56).max - lots[3];
    }

    function _twoAssets(uint256 seed) private pure returns (uint256 gives, uint256 wants) {
        gives = _dice(seed, "gives") % ASSETS;
        wants = (gives + 1 + _dice(seed, "wants") % (ASSETS - 1)) % ASSETS;
    }

    function _maker(uint256 seed) private view returns (address) {
        return _people[_dice(seed, "maker") % MAKERS];
    }

    function _publish(IPointsExchange.Order memory order, bool foreign) private {
        uint256 place = _orders.length;
        // The list stays short: the oldest makes room.
        if (place >= 64) place = _nonceCount % 64;
        else _orders.push();
        if (place == _signatures.length) _signatures.push();
        bytes32 hash = _hash(order);
        _orders[place] = order;
        _foreign[place] = foreign;
        bytes32 digest = _digest(hash, block.chainid, address(exchange));
        if (foreign) {
            digest = order.nonce % 2 == 0
                ? _digest(hash, block.chainid + 1, address(exchange))
                : _digest(hash, block.chainid, address(this));
        }
        _signatures[place] = _sign(order.maker, digest);
    }

    /// @dev Cancels one nonce or series, by the maker or with her signature; `who` is whose it was.
    function _end(
        IPointsExchange.Order memory order,
        uint256 nonce,
        bytes32 messageType,
        bytes4 direct,
        bytes4 signed,
        uint256 seed
    ) private returns (bool ok, address who) {
        uint256[] memory whole = new uint256[](order.allowPartial ? 0 : 1);
        uint256[] memory parts = new uint256[](order.allowPartial ? 1 : 0);
        (order.allowPartial ? parts : whole)[0] = nonce;
        address canceller = _canceller(order.maker, seed);
        if (seed % 2 == 0) {
            return (_call(canceller, abi.encodeWithSelector(direct, whole, parts)), canceller);
        }
        bytes32 message = keccak256(
            abi.encode(
                messageType,
                order.maker,
                keccak256(abi.encodePacked(whole)),
                keccak256(abi.encodePacked(parts))
            )
        );
        bytes memory signature = _sign(canceller, _digest(message, block.chainid, address(exchange)));
        ok = _call(_people[MAKERS], abi.encodeWithSelector(signed, order.maker, whole, parts, signature));
        if (ok && canceller != order.maker) _break(3, "somebody cancelled for a maker");
        return (ok, order.maker);
    }

    // ------------------------------------------------------------------------------------ sending and booking

    function _settle(Plan memory plan, uint256 seed) private {
        _spoil(plan, seed);
        bytes memory data = abi.encodeCall(exchange.settle, (plan.orders, plan.signatures, plan.transfers));
        if (_call(plan.sender, data)) _bookSettlement(plan);
        _closePlan(plan);
        for (uint256 i = 0; i < plan.orders.length; ++i) {
            if (plan.orders[i].allowPartial && _leftOf(plan.orders[i]) != 0) {
                _publish(plan.orders[i], false);
                break;
            }
        }
    }

    function _bookSettlement(Plan memory plan) private {
        uint256 n = plan.orders.length;
        uint256[] memory given = new uint256[](n);
        uint256[] memory received = new uint256[](n);
        for (uint256 i = 0; i < plan.transfers.length; ++i) {
            IPointsExchange.Transfer memory move = plan.transfers[i];
            if (move.from < n) given[move.from] += move.amount;
            if (move.to < n) received[move.to] += move.amount;
            _bookTransfer(plan, move);
        }
        for (uint256 i = 0; i < n; ++i) {
            _bookOrder(plan.orders[i], plan.signatures[i], given[i], received[i]);
        }
        for (uint256 i = 0; i < n; ++i) {
            if (exchange.remainingOf(plan.orders[i]) != _leftOf(plan.orders[i])) {
                _break(3, "something else is left of an order");
            }
        }
    }

    function _bookTransfer(Plan memory plan, IPointsExchange.Transfer memory move) private {
        uint256 n = plan.orders.length;
        bool bySender = move.from == n;
        bool toSender = move.to == n;
        if (move.from > n || move.to > n || (bySender && toSender)) {
            return _break(2, "a transfer from nowhere");
        }
        address from = bySender ? plan.sender : plan.orders[move.from].maker;
        address to = toSender ? plan.sender : plan.orders[move.to].maker;
        _know(to);
        address token = bySender ? plan.orders[move.to].wantToken : plan.orders[move.from].giveToken;
        if (!toSender && plan.orders[move.to].wantToken != token) {
            _break(2, "somebody got what she did not want");
        }
        if (from == to) _break(2, "somebody traded with herself");
        if (!bySender) _checkTaker(plan.orders[move.from].onlyTaker, to, plan.sender);
        if (!toSender) _checkTaker(plan.orders[move.to].onlyTaker, from, plan.sender);
        _bookMove(
            _assetOf(token),
            from,
            to,
            move.amount,
            toSender ? 0 : plan.orders[move.to].wantPointsLivingUntil,
            bySender ? 0 : plan.orders[move.from].givePointsExpiringBy
        );
    }

    function _checkTaker(address only, address other, address sender) private {
        if (only == address(0) || only == other || only == sender) return;
        _break(2, "a stranger traded with a reserved order");
    }

    function _take(
        IPointsExchange.Order memory order,
        bytes memory signature,
        address taker,
        uint256 amount,
        uint256 livingUntil,
        uint256 seed
    ) private {
        uint256 gives = _assetOf(order.giveToken);
        uint256 wants = _assetOf(order.wantToken);
        (taker, amount, livingUntil) = _spoilTake(order, taker, amount, livingUntil, seed);
        // Rounded up, in favour of the maker.
        uint256 price =
            amount < 1e30 ? (amount * order.wantAmount + order.giveAmount - 1) / order.giveAmount : 0;
        _fund(wants, taker, order.wantPointsLivingUntil, 0, price);
        bytes memory data = abi.encodeCall(exchange.take, (order, signature, amount, livingUntil));
        if (_call(taker, data)) {
            if (order.onlyTaker != address(0) && order.onlyTaker != taker) {
                _break(2, "a stranger took a reserved order");
            }
            if (order.maker == taker) _break(2, "somebody traded with herself");
            _bookMove(wants, taker, order.maker, price, order.wantPointsLivingUntil, 0);
            _bookMove(gives, order.maker, taker, amount, livingUntil, order.givePointsExpiringBy);
            _bookOrder(order, signature, amount, price);
            if (exchange.remainingOf(order) != _leftOf(order)) {
                _break(3, "something else is left of an order");
            }
        }
        _closeFor(gives, order.maker);
        _closeFor(wants, order.maker);
        _closeFor(gives, taker);
        _closeFor(wants, taker);
        _checkExchange();
    }

    function _closePlan(Plan memory plan) private {
        for (uint256 i = 0; i < plan.orders.length; ++i) {
            _closeFor(_assetOf(plan.orders[i].giveToken), plan.orders[i].maker);
            _closeFor(_assetOf(plan.orders[i].wantToken), plan.orders[i].maker);
        }
        _checkExchange();
    }

    function _closeFor(uint256 asset, address holder) private {
        if (asset < ASSETS) _compare(asset, holder);
    }

    /// @dev Refused for what ended the order, not for something else.
    function _mustRefuse(address sender, bytes memory data) private {
        vm.prank(sender);
        (bool ok, bytes memory answer) = address(exchange).call(data);
        if (ok) return _break(3, "an order that is over moved something");
        if (!_isEnd(bytes4(answer))) _break(3, "an order that is over was refused for another reason");
    }

    /// @dev The call that a function is there for: counted.
    function _call(address caller, bytes memory data) internal returns (bool ok) {
        ok = _try(caller, data);
        if (ok) ++done[msg.sig];
        else ++refused[msg.sig];
    }

    // ------------------------------------------------------------------- choices, which the twin makes badly

    /// @dev Here every call is valid, so that a refusal is passed on and ends the run.
    function _try(address caller, bytes memory data) internal virtual returns (bool) {
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(exchange).call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return true;
    }

    /// @dev Whether an error says that an order is over.
    function _isEnd(bytes4 reason) internal view virtual returns (bool) {
        return reason == IPointsExchange.OrderExpired.selector
            || reason == IPointsExchange.NotSignedByMaker.selector || reason == Nonces.NonceUsed.selector
            || reason == Nonces.NonceNotCurrent.selector || reason == Nonces.Overfilled.selector;
    }

    function _openUntil(uint256 seed) internal view virtual returns (uint256) {
        return time + _dice(seed, "open") % 40 days;
    }

    /// @dev Three lanes of whole orders; a lane for each partial one, or the last one's again: then they share a limit.
    function _nonce(address maker, bool partial_, uint256 seed) internal virtual returns (uint256) {
        uint256 count = ++_nonceCount;
        uint256 lane = partial_ ? count - (count > 1 ? _dice(seed, "lane") % 2 : 0) : count / 200;
        uint256 nonce = lane << 128 | _series[maker][_laneOf(lane << 128, partial_)] << 64;
        if (!partial_) return nonce | count % 200;
        return _filled[maker][nonce] == type(uint128).max ? count << 128 : nonce;
    }

    function _price(uint256 price, uint256, uint256) internal view virtual returns (uint256) {
        return price;
    }

    function _amount(uint256 amount, uint256, uint256) internal view virtual returns (uint256) {
        return amount;
    }

    function _signed(IPointsExchange.Order memory order, uint256)
        internal
        view
        virtual
        returns (bytes memory)
    {
        return _sign(order.maker, _digest(_hash(order), block.chainid, address(exchange)));
    }

    function _canceller(address maker, uint256) internal view virtual returns (address) {
        return maker;
    }

    /// @dev Changes a settlement after it was signed.
    function _spoil(Plan memory, uint256) internal virtual {}

    function _spoilTake(
        IPointsExchange.Order memory,
        address taker,
        uint256 amount,
        uint256 livingUntil,
        uint256
    ) internal virtual returns (address, uint256, uint256) {
        return (taker, amount, livingUntil);
    }

    function _dice(uint256 seed, string memory what) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    function _twist(uint256 seed, uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }
}
