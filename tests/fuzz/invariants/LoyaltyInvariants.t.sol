// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {LoyaltyGarbageHandler} from "./LoyaltyGarbageHandler.sol";
import {LoyaltyHandler} from "./LoyaltyHandler.sol";

/// @notice L1 to L4, as README.md words them, for whatever calls the handler makes.
abstract contract LoyaltyInvariantsBase is Test {
    /// @dev Calls of a whole run, as `depth` says below: in a shorter one forge shortens a sequence that failed.
    uint256 internal constant DEPTH = 500;

    LoyaltyHandler internal _handler;
    LoyaltyToken internal _token;

    function _createToken(uint8 decimals, uint256 epochLength) internal {
        vm.warp(1_767_225_600);
        // The origin is no multiple of a day: days of caps and epochs begin at different times.
        _token = new LoyaltyToken(
            makeAddr("exchange"),
            makeAddr("brand"),
            "Le Panier",
            "PANIER",
            decimals,
            epochLength,
            1_767_222_001
        );
    }

    function _target() internal {
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: _handler.selectors()}));
    }

    /// @dev One function, since forge would make the same calls anew for each.
    function invariant_L1_L2_L3_L4() external {
        _handler.checkLots();
        _handler.checkGrants();
        _handler.checkPurchases();
        _handler.checkReleases();
        vm.warp(_handler.time());
        _assertUnbroken(1, "L1: ");
        _assertUnbroken(2, "L2: ");
        _assertUnbroken(3, "L3: ");
        _assertUnbroken(4, "L4: ");
        _assertBooks();
        _assertSums();
    }

    /// @dev L4 against totals that the handler keeps, not against the token's own sums.
    function _assertBooks() private view {
        (uint256 issued, uint256 live, uint256 redeemed, uint256 expired) = _token.totals();
        assertEq(issued, _handler.issued(), "L4: issued");
        assertEq(live, _handler.liveByBooks(), "L4: live");
        assertEq(redeemed, _handler.redeemed(), "L4: redeemed");
        assertEq(expired, _handler.expired(), "L4: expired");
        assertEq(issued, live + redeemed + expired, "L4: the sum");
    }

    /// @dev L1 now, and in every epoch that follows without a transaction, until all is gone.
    function _assertSums() private {
        uint256 now_ = _handler.time();
        address[] memory accounts = _handler.allAccounts();
        for (uint256 later = 0; later <= 4; ++later) {
            vm.warp(now_ + later * _token.epochLength());
            uint256 sum = 0;
            for (uint256 i = 0; i < accounts.length; ++i) {
                sum += _token.balanceOf(accounts[i]);
            }
            assertEq(sum, _token.totalSupply(), "L1: balances and supply");
        }
        assertEq(_token.totalSupply(), 0, "L1: something outlived four epochs");
        vm.warp(now_);
    }

    function _assertUnbroken(uint256 invariant, string memory prefix) internal view {
        string memory what = _handler.broken(invariant);
        assertEq(bytes(what).length, 0, string.concat(prefix, what));
    }
}

/// @notice Calls that are all valid: none may revert.
/// forge-config: default.invariant.runs = 132
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 25
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: deep.invariant.runs = 1320
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 25
/// forge-config: deep.invariant.fail-on-revert = true
contract LoyaltyInvariants is LoyaltyInvariantsBase {
    function setUp() external {
        _createToken(0, 30 days);
        _handler = new LoyaltyHandler(_token);
        _target();
    }

    /// @dev No invariant holds because nothing happened: each function did its work in each run.
    function afterInvariant() external {
        _handler.checkReceipts();
        _assertUnbroken(2, "L2: ");
        _assertUnbroken(4, "L4: ");
        if (_handler.calls() < DEPTH) return;
        uint256 sum = 0;
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            uint256 done = _handler.done(selectors[i]);
            assertGe(
                done, 1, string.concat("never did its work: ", vm.toString(abi.encodePacked(selectors[i])))
            );
            sum += done;
        }
        assertGe(sum, 400, "the handler mostly did nothing");
    }
}

/// @notice Calls of strangers, with anything in them, at wrong times, signed by others.
/// forge-config: default.invariant.runs = 132
/// forge-config: default.invariant.depth = 500
/// forge-config: default.invariant.check-interval = 25
/// forge-config: default.invariant.shrink-run-limit = 1000
/// forge-config: default.invariant.fail-on-revert = false
/// forge-config: deep.invariant.runs = 1320
/// forge-config: deep.invariant.depth = 500
/// forge-config: deep.invariant.check-interval = 25
/// forge-config: deep.invariant.fail-on-revert = false
contract LoyaltyGarbageInvariants is LoyaltyInvariantsBase {
    function setUp() external {
        _createToken(6, 1 days);
        _handler = new LoyaltyGarbageHandler(_token);
        _target();
    }

    /// @dev Both happened: calls that were refused, and calls that went through in between.
    function afterInvariant() external {
        _handler.checkReceipts();
        _assertUnbroken(2, "L2: ");
        _assertUnbroken(4, "L4: ");
        if (_handler.calls() < DEPTH) return;
        uint256 done = 0;
        uint256 refused = 0;
        bytes4[] memory selectors = _handler.selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            done += _handler.done(selectors[i]);
            refused += _handler.refused(selectors[i]);
        }
        assertGe(done, 100, "hardly anything went through");
        assertGe(refused, 100, "hardly anything was refused");
    }
}
