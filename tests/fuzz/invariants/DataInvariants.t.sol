// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Attestors} from "../../../contracts/data/Attestors.sol";
import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {DataGarbageHandler} from "./DataGarbageHandler.sol";
import {DataHandler} from "./DataHandler.sol";

/// @notice D1 to D3, as README.md words them, for whatever sales the handler makes.
abstract contract DataInvariantsBase is Test {
    /// @dev Calls of a whole run, as `depth` says below: in a shorter one forge shortens a sequence that failed.
    uint256 internal constant DEPTH = 500;
    /// @dev Calls of the walk that is the same each time.
    uint256 internal constant WALK = 2_000;

    DataMarket internal _market;
    CashMock internal _cash;
    LoyaltyToken internal _points;
    DataHandler internal _handler;

    function _createMarket() internal {
        vm.warp(1_767_225_600);
        _market = new DataMarket(address(new Attestors()));
        _cash = new CashMock("Cash", "CASH");
        address exchange = address(new PointsExchange());
        // Who issues is the handler, which comes last.
        address handler = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        _points = new LoyaltyToken(exchange, handler, "Points", "PTS", 0, 5 days, 1_767_222_001);
    }

    function _target() internal {
        assertEq(_points.owner(), address(_handler));
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: _handler.selectors()}));
    }

    /// @dev What chance may leave idle in one run of forge's is seen at work here: the same walk each time, in which each function
    /// of the handler finds something that it can do.
    function _assertEachWorks() internal {
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < WALK; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("walk", i)));
            bytes4 selector = selectors[uint256(keccak256(abi.encode("call", i))) % selectors.length];
            (bool ok,) = address(_handler).call(abi.encodeWithSelector(selector, seed));
            assertTrue(ok);
        }
        this.invariant_D1_D2_D3();
        for (uint256 i = 0; i < selectors.length; ++i) {
            assertGe(_handler.done(selectors[i]), 3, vm.toString(abi.encodePacked(selectors[i])));
        }
    }

    /// @dev One function, since forge would make the same calls anew for each.
    function invariant_D1_D2_D3() external {
        _handler.checkAll();
        for (uint256 i = 1; i < 4; ++i) {
            string memory what = _handler.broken(i);
            assertEq(bytes(what).length, 0, string.concat("D", vm.toString(i), ": ", what));
        }
    }
}

/// @notice Sales and requests that are all valid: none may revert; and disputes that must fail.
/// forge-config: default.invariant.runs = 40
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 125
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: deep.invariant.runs = 400
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 125
/// forge-config: deep.invariant.fail-on-revert = true
contract DataInvariants is DataInvariantsBase {
    function setUp() external {
        _createMarket();
        _handler = new DataHandler(_market, _cash, _points);
        _target();
    }

    function test_each_function_of_the_handler_does_its_work() external {
        _assertEachWorks();
    }

    /// @dev No invariant holds because nothing happened. In a run whose numbers are all very large or small some functions find
    /// nothing that they could do; more than half of them always do.
    function afterInvariant() external view {
        if (_handler.calls() < DEPTH) return;
        uint256 sum = 0;
        uint256 atWork = 0;
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            uint256 done = _handler.done(selectors[i]);
            if (done != 0) ++atWork;
            sum += done;
        }
        assertGt(2 * atWork, selectors.length, "most functions of the handler never did their work");
        assertGe(sum, 100, "the handler mostly did nothing");
    }
}

/// @notice The same with calls in between that are changed, out of turn, or by others.
/// forge-config: default.invariant.runs = 40
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 125
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: deep.invariant.runs = 400
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 125
/// forge-config: deep.invariant.fail-on-revert = true
contract DataGarbageInvariants is DataInvariantsBase {
    function setUp() external {
        _createMarket();
        _handler = new DataGarbageHandler(_market, _cash, _points);
        _target();
    }

    function test_each_hostile_function_does_its_work() external {
        _assertEachWorks();
    }

    /// @dev Hostile calls were refused. Which of them the books allow is a matter of chance: in some runs none.
    function afterInvariant() external view {
        if (_handler.calls() < DEPTH) return;
        DataGarbageHandler twin = DataGarbageHandler(address(_handler));
        assertGe(twin.refused(), 20, "hardly anything was refused");
    }
}
