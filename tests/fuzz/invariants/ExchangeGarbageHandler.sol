// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {CouponMock} from "../../../contracts/mocks/CouponMock.sol";

/// @notice The same settlements with one thing wrong: a price that is missed, an amount that is not there, an order that is
/// late or signed by somebody else, a field, a transfer or a sender that was changed afterwards. What the exchange
/// refuses is counted; what it accepts is booked, and noted where it should have been refused.
contract ExchangeGarbageHandler is ExchangeHandler {
    constructor(
        PointsExchange exchange_,
        LoyaltyToken[POINTS] memory points,
        CashMock coin,
        CouponMock coupons
    ) ExchangeHandler(exchange_, points, coin, coupons) {}

    function _try(address caller, bytes memory data) internal override returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(exchange).call(data);
    }

    /// @dev Some of these orders were nonsense from the beginning: any refusal will do.
    function _isEnd(bytes4) internal pure override returns (bool) {
        return true;
    }

    function _openUntil(uint256 seed) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "late") % 16;
        if (dice == 0) return time - 1;
        if (dice == 1) return time;
        return super._openUntil(seed);
    }

    function _nonce(address maker, bool partial_, uint256 seed) internal override returns (uint256) {
        uint256 dice = _dice(seed, "nonce") % 32;
        if (dice == 0) return super._nonce(maker, partial_, seed) + (1 << 64);
        if (dice == 1) return super._nonce(maker, partial_, seed) | 1 << 63;
        if (dice == 2 && _orders.length != 0) return _orders[seed % _orders.length].nonce;
        return super._nonce(maker, partial_, seed);
    }

    function _price(uint256 price, uint256 most, uint256 seed) internal pure override returns (uint256) {
        uint256 dice = _dice(seed, "dear") % 24;
        if (dice == 0) return most + 1;
        if (dice == 1) return most * 2;
        if (dice == 2) return 0;
        return price;
    }

    function _amount(uint256 amount, uint256 most, uint256 seed) internal pure override returns (uint256) {
        return _dice(seed, "too much") % 24 == 0 ? most + 1 : amount;
    }

    function _signed(IPointsExchange.Order memory order, uint256 seed)
        internal
        view
        override
        returns (bytes memory)
    {
        uint256 dice = _dice(seed, "signer") % 32;
        bytes32 hash = _hash(order);
        if (dice == 0) return _sign(_people[seed % 5], _digest(hash, block.chainid, address(exchange)));
        if (dice == 1) return _sign(order.maker, _digest(hash, block.chainid + 1, address(exchange)));
        if (dice == 2) return _sign(order.maker, _digest(hash, block.chainid, _assets[0]));
        return super._signed(order, seed);
    }

    function _canceller(address maker, uint256 seed) internal view override returns (address) {
        return _dice(seed, "canceller") % 3 == 0 ? _people[seed % MAKERS] : maker;
    }

    function _spoil(Plan memory plan, uint256 seed) internal view override {
        uint256 dice = _dice(seed, "spoil") % 32;
        uint256 i = _dice(seed, "which") % plan.orders.length;
        uint256 t = _dice(seed, "transfer") % plan.transfers.length;
        IPointsExchange.Order memory order = plan.orders[i];
        IPointsExchange.Transfer memory move = plan.transfers[t];
        // The amounts of transfers are nobody's signature: the terms must hold them.
        if (dice < 4) move.amount += 1 + seed % 3;
        else if (dice < 8) move.amount -= _min(move.amount, 1 + seed % 3);
        else if (dice == 8) move.amount = seed;
        else if (dice == 9) move.to = seed % (plan.orders.length + 2);
        else if (dice == 10) move.from = seed % (plan.orders.length + 2);
        else if (dice == 11) plan.transfers = _others(plan.transfers, t, false);
        else if (dice == 12) plan.transfers = _others(plan.transfers, t, true);
        // Changed after they were signed.
        else if (dice == 13) order.wantAmount -= _min(order.wantAmount - 1, 1);
        else if (dice == 14) order.giveAmount += 1;
        else if (dice == 15) order.givePointsExpiringBy = 0;
        else if (dice == 16) order.wantPointsLivingUntil = 0;
        else if (dice == 17) order.onlyTaker = address(0);
        else if (dice == 18) order.openUntil += 1;
        else if (dice == 19) order.nonce += 1;
        else if (dice == 20) order.allowPartial = !order.allowPartial;
        else if (dice == 21) order.giveToken = _assets[seed % ASSETS];
        else if (dice == 22) order.giveKind = uint8(seed);
        else if (dice == 23) order.maker = _people[seed % MAKERS];
        else if (dice == 24) plan.signatures[i] = plan.signatures[(i + 1) % plan.orders.length];
        else if (dice == 25) plan.sender = _people[seed % 5];
    }

    function _spoilTake(
        IPointsExchange.Order memory order,
        address taker,
        uint256 amount,
        uint256 livingUntil,
        uint256 seed
    ) internal view override returns (address, uint256, uint256) {
        uint256 dice = _dice(seed, "spoil take") % 16;
        if (dice == 0) amount += 1;
        else if (dice == 1) amount -= 1;
        else if (dice == 2) amount = seed;
        else if (dice == 3) amount = 0;
        else if (dice == 4) taker = _people[seed % 5];
        else if (dice == 5) livingUntil = seed;
        else if (dice == 6) livingUntil = time;
        else if (dice == 7) order.wantAmount -= _min(order.wantAmount - 1, 1);
        return (taker, amount, livingUntil);
    }

    /// @dev The list without one transfer, or with one twice.
    function _others(IPointsExchange.Transfer[] memory list, uint256 at, bool twice)
        private
        pure
        returns (IPointsExchange.Transfer[] memory others)
    {
        others = new IPointsExchange.Transfer[](twice ? list.length + 1 : list.length - 1);
        uint256 n = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            if (i != at || twice) others[n++] = list[i];
            if (i == at && twice) others[n++] = list[i];
        }
    }
}
