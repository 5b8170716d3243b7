// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {AttentionRewards} from "../../../contracts/attention/AttentionRewards.sol";
import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {AttentionHandler} from "./AttentionHandler.sol";

/// @notice A1 to A3, as README.md words them, for whatever campaigns the handler opens.
/// forge-config: default.invariant.runs = 40
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 125
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: deep.invariant.runs = 640
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 125
/// forge-config: deep.invariant.fail-on-revert = true
contract AttentionInvariants is Test {
    /// @dev Calls of the walk that is the same each time.
    uint256 private constant _WALK = 1_500;

    AttentionHandler private _handler;

    function setUp() external {
        vm.warp(1_767_225_600);
        AttentionRewards rewards = new AttentionRewards();
        CashMock cash = new CashMock("Cash", "CASH");
        address exchange = address(new PointsExchange());
        // The brand is the handler, which comes last.
        address handler = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        LoyaltyToken points =
            new LoyaltyToken(exchange, handler, "Points", "PTS", 0, 3650 days, 1_767_222_001);
        _handler = new AttentionHandler(rewards, cash, points);
        assertEq(points.owner(), address(_handler));
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: _handler.selectors()}));
    }

    /// @dev What chance may leave idle in one run of forge's is seen at work here: the same walk each time.
    function test_each_function_of_the_handler_does_its_work() external {
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < _WALK; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("walk", i)));
            bytes4 selector = selectors[uint256(keccak256(abi.encode("call", i))) % selectors.length];
            (bool ok,) = address(_handler).call(abi.encodeWithSelector(selector, seed));
            assertTrue(ok);
            if (i % 25 == 0) this.invariant_A1_A2_A3();
        }
        this.invariant_A1_A2_A3();
        for (uint256 i = 0; i < selectors.length; ++i) {
            assertGe(_handler.done(selectors[i]), 3, vm.toString(abi.encodePacked(selectors[i])));
        }
        assertGe(_handler.refused(), 100, "hardly anything was refused");
    }

    /// @dev One function, since forge would make the same calls anew for each.
    function invariant_A1_A2_A3() external {
        _handler.checkAll();
        for (uint256 i = 1; i < 4; ++i) {
            string memory what = _handler.broken(i);
            assertEq(bytes(what).length, 0, string.concat("A", vm.toString(i), ": ", what));
        }
    }
}
