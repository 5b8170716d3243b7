// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {ExchangeGarbageHandler} from "./ExchangeGarbageHandler.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {CouponMock} from "../../../contracts/mocks/CouponMock.sol";

/// @notice X1 to X3, as README.md words them, for whatever settlements the handler makes.
abstract contract ExchangeInvariantsBase is Test {
    /// @dev Calls of a whole run, as `depth` says below: in a shorter one forge shortens a sequence that failed.
    uint256 internal constant DEPTH = 500;

    PointsExchange internal _exchange;
    LoyaltyToken[3] internal _points;
    CashMock internal _coin;
    CouponMock internal _coupons;
    ExchangeHandler internal _handler;

    function _createMarket() internal {
        vm.warp(1_767_225_600);
        _coin = new CashMock("Coin", "COIN");
        _coupons = new CouponMock();
        // Somebody sent the exchange goods by mistake, before it was there to refuse them: not even these may move.
        address exchange = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        _coin.mint(exchange, 1e12);
        _coupons.mint(exchange, 7, 1e12);
        _exchange = new PointsExchange();
        assertEq(address(_exchange), exchange);
        // Who issues is the handler, which comes last.
        address handler = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 3);
        _points[0] = new LoyaltyToken(exchange, handler, "Le Panier", "PANIER", 0, 30 days, 1_767_222_001);
        _points[1] = new LoyaltyToken(exchange, handler, "BioBox", "BIOBOX", 2, 11 days, 1_767_225_600);
        _points[2] = new LoyaltyToken(exchange, handler, "Ever", "EVER", 0, 0, 0);
    }

    function _target() internal {
        assertEq(_points[0].owner(), address(_handler));
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: _handler.selectors()}));
    }

    /// @dev One function, since forge would make the same calls anew for each.
    function invariant_X1_X2_X3() external {
        _handler.checkAll();
        _assertUnbroken(1, "X1: ");
        _assertUnbroken(2, "X2: ");
        _assertUnbroken(3, "X3: ");
        assertEq(_coin.balanceOf(address(_exchange)), 1e12, "X1: coins");
        assertEq(_coupons.balanceOf(address(_exchange), 7), 1e12, "X1: coupons");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_points[i].balanceOf(address(_exchange)), 0, "X1: points");
        }
    }

    function _assertUnbroken(uint256 invariant, string memory prefix) private view {
        string memory what = _handler.broken(invariant);
        assertEq(bytes(what).length, 0, string.concat(prefix, what));
    }
}

/// @notice Settlements that are all valid: none may revert; and orders that are over, which must.
/// forge-config: default.invariant.runs = 132
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 25
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: deep.invariant.runs = 1320
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 25
/// forge-config: deep.invariant.fail-on-revert = true
contract ExchangeInvariants is ExchangeInvariantsBase {
    function setUp() external {
        _createMarket();
        _handler = new ExchangeHandler(_exchange, _points, _coin, _coupons);
        _target();
    }

    /// @dev No invariant holds because nothing happened: each function did its work in each run.
    function afterInvariant() external view {
        if (_handler.calls() < DEPTH) return;
        uint256 sum = 0;
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            uint256 done = _handler.done(selectors[i]);
            assertGe(done, 1, "a function of the handler never did its work");
            sum += done;
        }
        assertGe(sum, 400, "the handler mostly did nothing");
    }
}

/// @notice Settlements that were changed after they were signed, or signed badly.
/// forge-config: default.invariant.runs = 132
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 25
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = false
/// forge-config: deep.invariant.runs = 1320
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 25
/// forge-config: deep.invariant.fail-on-revert = false
contract ExchangeGarbageInvariants is ExchangeInvariantsBase {
    function setUp() external {
        _createMarket();
        _handler = new ExchangeGarbageHandler(_exchange, _points, _coin, _coupons);
        _target();
    }

    /// @dev Both happened: settlements that were refused, and settlements that went through in between.
    function afterInvariant() external view {
        if (_handler.calls() < DEPTH) return;
        uint256 done = 0;
        uint256 refused = 0;
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            done += _handler.done(selectors[i]);
            refused += _handler.refused(selectors[i]);
        }
        assertGe(done, 100, "hardly anything went through");
        assertGe(refused, 60, "hardly anything was refused");
        assertGe(_handler.refused(_handler.settleTwo.selector), 1, "no settlement of two was refused");
        assertGe(_handler.refused(_handler.settleRing.selector), 1, "no ring was refused");
        // That rings by themselves go through is shown where every call is made valid: by chance few of these do.
        uint256 settled =
            _handler.done(_handler.settleTwo.selector) + _handler.done(_handler.settleRing.selector);
        assertGe(settled, 1, "no settlement went through");
    }
}
