// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {CouponMock} from "../../../contracts/mocks/CouponMock.sol";

/// @notice Books beside the exchange: who has what out of which epoch, which orders still hold and for how much. They
/// know the definition of expiry and the words of an order, and nothing of how the contracts store either.
abstract contract ExchangeBooks is CommonBase, StdUtils {
    bytes32 private constant _DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    string internal constant ORDER_WORDS =
        "Order(address maker,address giveToken,uint8 giveKind,uint256 giveId,uint256 giveAmount,address wantToken,uint8 wantKind,uint256 wantId,uint256 wantAmount,uint256 givePointsExpiringBy,uint256 wantPointsLivingUntil,address onlyTaker,uint256 openUntil,uint256 nonce,bool allowPartial)";

    uint256 internal constant POINTS = 3;
    uint256 internal constant ASSETS = 5;
    uint256 internal constant COUPON = 7;
    uint256 internal constant MAKERS = 4;

    PointsExchange public immutable exchange;
    /// @dev Three points, which expire at different times, a coin, and coupons.
    address[ASSETS] internal _assets;
    uint256[POINTS] internal _lengths;
    uint256[POINTS] internal _origins;
    /// @dev The makers, and one who only takes.
    address[] internal _people;

    /// @notice The time of this world.
    uint256 public time;
    /// @notice What was found wrong first, by the number of the invariant.
    mapping(uint256 invariant => string) public broken;

    // The books.
    mapping(uint256 asset => mapping(address holder => mapping(uint256 epoch => uint256))) internal _points;
    mapping(uint256 asset => mapping(address holder => uint256)) internal _goods;
    mapping(address maker => mapping(uint256 laneAndKind => uint256)) internal _series;
    mapping(address maker => mapping(uint256 nonce => bool)) internal _used;
    mapping(address maker => mapping(uint256 nonce => uint256)) internal _filled;
    uint256[ASSETS] private _ofExchange;

    constructor(
        PointsExchange exchange_,
        LoyaltyToken[POINTS] memory points,
        CashMock coin,
        CouponMock coupons
    ) {
        exchange = exchange_;
        time = block.timestamp;
        for (uint256 i = 0; i < POINTS; ++i) {
            _assets[i] = address(points[i]);
            _lengths[i] = points[i].epochLength();
            _origins[i] = points[i].origin();
        }
        _assets[3] = address(coin);
        _assets[4] = address(coupons);
        for (uint256 i = 0; i <= MAKERS; ++i) {
            _people.push(vm.addr(_key(i)));
            vm.startPrank(_people[i]);
            coin.approve(address(exchange_), type(uint256).max);
            coupons.setApprovalForAll(address(exchange_), true);
            vm.stopPrank();
        }
        for (uint256 i = 0; i < ASSETS; ++i) {
            _ofExchange[i] = _balance(i, address(exchange_));
        }
    }

    // -------------------------------------------------------------------------------------------- the checks

    /// @dev X1, after every call.
    function _checkExchange() internal {
        for (uint256 i = 0; i < ASSETS; ++i) {
            if (_balance(i, address(exchange)) != _ofExchange[i]) _break(1, "the exchange has more or less");
        }
    }

    /// @notice Compares all that anybody has with the books. After a call that is done for those it concerned.
    function checkAll() external {
        vm.warp(time);
        for (uint256 asset = 0; asset < ASSETS; ++asset) {
            uint256 sum = _balance(asset, address(exchange));
            for (uint256 i = 0; i < _people.length; ++i) {
                _compare(asset, _people[i]);
                sum += _balance(asset, _people[i]);
            }
            if (asset < POINTS && sum != LoyaltyToken(_assets[asset]).totalSupply()) {
                _break(1, "points got lost");
            }
        }
    }

    function _compare(uint256 asset, address holder) internal {
        if (asset >= POINTS) {
            if (_balance(asset, holder) != _goods[asset][holder]) _break(2, "somebody has other goods");
            return;
        }
        (uint256[4] memory amounts, uint256[4] memory expiries) = LoyaltyToken(_assets[asset]).lotsOf(holder);
        for (uint256 age = 0; age < 4; ++age) {
            if (amounts[3 - age] != _lot(asset, holder, age)) _break(2, "somebody has other lots");
            if (expiries[3 - age] != _expiryAt(asset, age)) _break(2, "a lot has another date");
        }
    }

    /// @dev X2 and X3 of one order that took part: it still held, its maker signed exactly this, it gave all or at most
    /// what was left, and got its price.
    function _bookOrder(
        IPointsExchange.Order memory order,
        bytes memory signature,
        uint256 given,
        uint256 received
    ) internal {
        if (time > order.openUntil) _break(3, "an expired order took part");
        if (!_isSigned(order, signature)) _break(3, "an order took part that its maker did not sign here");
        uint256 left = _leftOf(order);
        if (left == 0) _break(3, "an order took part that was filled or cancelled");
        if (order.allowPartial) {
            if (given == 0 || given > left) _break(2, "a partial order gave nothing or too much");
            _filled[order.maker][order.nonce] += given;
        } else {
            if (given != order.giveAmount) _break(2, "a whole order gave something else than all");
            _used[order.maker][order.nonce] = true;
        }
        if (received * order.giveAmount < given * order.wantAmount) {
            _break(2, "an order got less than its price");
        }
    }

    /// @dev Moves what an order gives in the books: out of lots that both ends agreed to, the oldest first.
    function _bookMove(
        uint256 asset,
        address from,
        address to,
        uint256 amount,
        uint256 atLeast,
        uint256 atMost
    ) internal {
        if (asset >= POINTS) {
            if (amount > _goods[asset][from]) {
                return _break(2, "somebody gave more goods than she had");
            }
            _goods[asset][from] -= amount;
            _goods[asset][to] += amount;
            return;
        }
        uint256 epoch = _epoch(asset);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 age = 3 - i;
            if (age > epoch || !_within(_expiryAt(asset, age), atLeast, atMost)) continue;
            uint256 part = _min(amount, _points[asset][from][epoch - age]);
            amount -= part;
            _points[asset][from][epoch - age] -= part;
            _points[asset][to][epoch - age] += part;
        }
        if (amount != 0) _break(2, "somebody gave, or got, lots that were not agreed");
    }

    function _know(address person) internal {
        for (uint256 i = 0; i < _people.length; ++i) {
            if (_people[i] == person) return;
        }
        _people.push(person);
    }

    // ------------------------------------------------------------------------------------------------ orders

    /// @dev What an order can still give by the books.
    function _leftOf(IPointsExchange.Order memory order) internal view returns (uint256) {
        if (uint64(order.nonce >> 64) != _series[order.maker][_laneOf(order.nonce, order.allowPartial)]) {
            return 0;
        }
        uint256 index = uint64(order.nonce);
        if (index > (order.allowPartial ? 0 : 223)) return 0;
        if (!order.allowPartial) return _used[order.maker][order.nonce] ? 0 : order.giveAmount;
        uint256 filled = _filled[order.maker][order.nonce];
        return filled < order.giveAmount ? order.giveAmount - filled : 0;
    }

    /// @dev Lanes of whole and of partial orders are different ones.
    function _laneOf(uint256 nonce, bool partial_) internal pure returns (uint256) {
        return (nonce >> 128) << 1 | (partial_ ? 1 : 0);
    }

    function _isSigned(IPointsExchange.Order memory order, bytes memory signature)
        internal
        view
        returns (bool)
    {
        (bytes32 r, bytes32 s, uint8 v) = _split(signature);
        address signer = ecrecover(_digest(_hash(order), block.chainid, address(exchange)), v, r, s);
        return signer != address(0) && signer == order.maker;
    }

    /// @dev All fields of an order are static: encoded they are its words.
    function _hash(IPointsExchange.Order memory order) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(ORDER_WORDS)), order));
    }

    function _digest(bytes32 message, uint256 chainId, address place) internal pure returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(_DOMAIN_TYPE, keccak256("Troc Exchange"), keccak256("1"), chainId, place));
        return keccak256(abi.encodePacked("\x19\x01", domain, message));
    }

    function _sign(address signer, bytes32 digest) internal view returns (bytes memory) {
        for (uint256 i = 0; i < _people.length; ++i) {
            if (_people[i] != signer) continue;
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(i), digest);
            return abi.encodePacked(r, s, v);
        }
        return new bytes(65);
    }

    function _split(bytes memory signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    // ------------------------------------------------------------------------------------------------ words

    function _epoch(uint256 asset) internal view returns (uint256) {
        return (time - _origins[asset]) / _lengths[asset];
    }

    /// @dev The definition: points of an epoch live through it and the next three.
    function _expiryAt(uint256 asset, uint256 age) internal view returns (uint256) {
        return _origins[asset] + (_epoch(asset) + 4 - age) * _lengths[asset];
    }

    function _lot(uint256 asset, address holder, uint256 age) internal view returns (uint256) {
        return age > _epoch(asset) ? 0 : _points[asset][holder][_epoch(asset) - age];
    }

    /// @dev What a holder could give within bounds.
    function _available(uint256 asset, address holder, uint256 atLeast, uint256 atMost)
        internal
        view
        returns (uint256 sum)
    {
        if (asset >= POINTS) return _goods[asset][holder];
        for (uint256 age = 0; age < 4; ++age) {
            if (_within(_expiryAt(asset, age), atLeast, atMost)) sum += _lot(asset, holder, age);
        }
    }

    function _within(uint256 expiry, uint256 atLeast, uint256 atMost) private pure returns (bool) {
        return atLeast < expiry && (atMost == 0 || expiry <= atMost);
    }

    function _balance(uint256 asset, address holder) internal view returns (uint256) {
        if (asset == 4) return CouponMock(_assets[4]).balanceOf(holder, COUPON);
        return CashMock(_assets[asset]).balanceOf(holder);
    }

    function _kind(uint256 asset) internal pure returns (uint8) {
        return asset < POINTS ? 0 : asset == 3 ? 1 : 2;
    }

    function _assetOf(address token) internal view returns (uint256) {
        for (uint256 i = 0; i < ASSETS; ++i) {
            if (_assets[i] == token) return i;
        }
        return ASSETS;
    }

    function _key(uint256 person) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("maker", person)));
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _break(uint256 invariant, string memory what) internal {
        if (bytes(broken[invariant]).length == 0) broken[invariant] = what;
    }
}
