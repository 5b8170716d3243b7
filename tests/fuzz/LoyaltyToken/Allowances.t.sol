// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Allowances, and the exchange's, which is a flag in the holder's balance.
contract AllowancesTest is LoyaltyTokenTest {
    function _approve(address account, address spender, uint256 value) private {
        vm.prank(account);
        assertTrue(token.approve(spender, value));
    }

    function _move(address spender, address from, address to, uint256 value) private {
        vm.prank(spender);
        assertTrue(token.transferFrom(from, to, value));
    }

    // ------------------------------------------------------------------------------------- anyone's allowance

    function test_approve_sets_and_tells() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Approval(customer, buyer, 7);
        _approve(customer, buyer, 7);
        assertEq(token.allowance(customer, buyer), 7);
        _approve(customer, buyer, 3);
        assertEq(token.allowance(customer, buyer), 3);
    }

    function test_revertWhen_spender_is_zero() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidSpender.selector, address(0)));
        vm.prank(customer);
        token.approve(address(0), 1);
    }

    function test_transferFrom_uses_the_allowance_up() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _approve(customer, stranger, 35);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, buyer, 15);
        _move(stranger, customer, buyer, 15);
        assertEq(token.allowance(customer, stranger), 20);
        _assertLots(customer, 0, 15, 30, 40);
        _assertLots(buyer, 10, 5, 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 20, 21)
        );
        vm.prank(stranger);
        token.transferFrom(customer, buyer, 21);
        _move(stranger, customer, buyer, 20);
        assertEq(token.allowance(customer, stranger), 0);
    }

    function test_endless_allowance_stays() public {
        _mint(customer, 10);
        _approve(customer, stranger, MAX);
        _move(stranger, customer, buyer, 10);
        assertEq(token.allowance(customer, stranger), MAX);
        _approve(customer, stranger, MAX - 1);
        _move(stranger, customer, buyer, 0);
        assertEq(token.allowance(customer, stranger), MAX - 1);
    }

    function test_transferFrom_nothing_needs_no_allowance() public {
        _move(stranger, customer, buyer, 0);
    }

    function test_revertWhen_nothing_was_allowed() public {
        _mint(customer, 10);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 0, 1)
        );
        vm.prank(stranger);
        token.transferFrom(customer, stranger, 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 0, 1)
        );
        vm.prank(stranger);
        token.transferFromWithin(customer, stranger, 1, 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, stranger, 0, 1)
        );
        vm.prank(stranger);
        token.transferFromAtEpoch(0, customer, stranger, 1);
    }

    /// @notice L3: a brand has no more right to move points than any stranger.
    function test_revertWhen_brand_moves_a_customers_points() public {
        _mint(customer, 10);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientAllowance.selector, brand, 0, 1)
        );
        vm.prank(brand);
        token.transferFrom(customer, brand, 1);
    }

    function test_revertWhen_allowed_more_than_held() public {
        _mint(customer, 10);
        _approve(customer, stranger, 11);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 10, 11)
        );
        vm.prank(stranger);
        token.transferFrom(customer, buyer, 11);
    }

    function test_revertWhen_transferFrom_pays_zero_token_or_exchange() public {
        _mint(customer, 10);
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            vm.prank(exchange);
            token.transferFrom(customer, refused[i], 1);
        }
    }

    // ----------------------------------------------------------------------------------- the exchange's switch

    function test_exchange_moves_points_by_birth() public {
        _mint(customer, 10);
        assertEq(token.allowance(customer, exchange), MAX);
        assertEq(token.allowance(address(0), exchange), MAX);
        _move(exchange, customer, buyer, 10);
        assertEq(token.allowance(customer, exchange), MAX);
        assertEq(token.balanceOf(buyer), 10);
    }

    function test_holder_switches_the_exchange_off_and_on() public {
        _mint(customer, 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Approval(customer, exchange, 0);
        _approve(customer, exchange, 0);
        assertEq(token.allowance(customer, exchange), 0);
        assertEq(token.allowance(buyer, exchange), MAX);
        for (uint256 value = 0; value < 2; ++value) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ExchangeSwitchedOff.selector, customer));
            vm.prank(exchange);
            token.transferFrom(customer, buyer, value);
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ExchangeSwitchedOff.selector, customer));
            vm.prank(exchange);
            token.transferFromWithin(customer, buyer, value, 0, 0);
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ExchangeSwitchedOff.selector, customer));
            vm.prank(exchange);
            token.transferFromAtEpoch(0, customer, buyer, value);
        }
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Approval(customer, exchange, MAX);
        _approve(customer, exchange, MAX);
        _move(exchange, customer, buyer, 10);
    }

    function testFuzz_revertWhen_the_exchange_is_authorised_in_part(uint256 value) public {
        value = bound(value, 1, MAX - 1);
        _checkPart(value);
        _checkPart(1);
        _checkPart(MAX - 1);
    }

    function _checkPart(uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ExchangeAllOrNothing.selector, value));
        vm.prank(customer);
        token.approve(exchange, value);
    }

    /// @notice Hole: a balance word read with its flag unmasked, or written without it. Every act that reads or writes
    /// a balance leaves the switch as it was and counts the same points, in every epoch.
    function testFuzz_switch_stays_through_every_write(bool off, uint8 act, uint8 wait) public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _fill(buyer, [uint256(10), 20, 30, 40]);
        _checkSwitch(off, act % 13, wait % 6);
    }

    function test_switch_stays_through_each_write() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _fill(buyer, [uint256(10), 20, 30, 40]);
        uint256 state = vm.snapshotState();
        for (uint256 act = 0; act < 13; ++act) {
            for (uint256 wait = 0; wait < 2; ++wait) {
                _checkSwitch(true, act, wait);
                vm.revertToState(state);
                _checkSwitch(false, act, wait);
                vm.revertToState(state);
            }
        }
    }

    function _checkSwitch(bool off, uint256 act, uint256 wait) private {
        if (off) _approve(customer, exchange, 0);
        uint256 balance = token.balanceOf(customer);
        (uint256[4] memory amounts,) = token.lotsOf(customer);
        assertEq(balance, amounts[0] + amounts[1] + amounts[2] + amounts[3]);
        vm.warp(block.timestamp + wait * LENGTH);
        balance = token.balanceOf(customer);
        uint256 change = _act(act, balance);
        assertEq(token.allowance(customer, exchange), off ? 0 : MAX, "switch");
        assertEq(token.balanceOf(customer), balance + change - 100, "points");
        assertEq(token.totalSupply(), token.balanceOf(customer) + token.balanceOf(buyer), "L1");
        assertEq(token.allowance(buyer, exchange), MAX, "nobody else's switch");
    }

    /// @dev Does one thing that reads or writes the customer's balance; returns 100 + the change of it.
    function _act(uint256 act, uint256 balance) private returns (uint256) {
        uint256 some = balance < 7 ? balance : 7;
        if (act == 0) return _then(customer, abi.encodeCall(token.transfer, (buyer, some)), 100 - some);
        if (act == 1) {
            uint256 hers = token.balanceOf(buyer) < 7 ? token.balanceOf(buyer) : 7;
            return _then(buyer, abi.encodeCall(token.transfer, (customer, hers)), 100 + hers);
        }
        if (act == 2) return _then(customer, abi.encodeCall(token.transfer, (customer, some)), 100);
        if (act == 3) return _then(brand, abi.encodeCall(token.mint, (customer, 7)), 107);
        if (act == 4) {
            return _then(brand, abi.encodeCall(token.mintBatch, ("batch", _one(_word(customer, 7)))), 107);
        }
        if (act == 5 || act == 6) {
            _grant(1, 7, 0, act == 5 ? block.timestamp : 0);
            return _then(issuer, abi.encodeCall(token.issue, (1, customer, 7, "receipt")), 107);
        }
        if (act == 7 && some != 0) {
            return _then(customer, abi.encodeCall(token.redeem, (some, "receipt")), 100 - some);
        }
        if (act == 8 && some != 0) {
            _redeem(customer, some, "receipt");
            return _then(brand, abi.encodeCall(token.giveBack, (customer, "receipt", some)), 100);
        }
        if (act == 9) {
            _approve(customer, stranger, some);
            return _then(
                stranger,
                abi.encodeCall(token.transferFromWithin, (customer, buyer, some, 0, MAX)),
                100 - some
            );
        }
        if (act == 10) {
            uint256 epoch = token.currentEpoch();
            some = token.balanceOfAtEpoch(epoch, customer);
            if (some > 7) some = 7;
            return _then(customer, abi.encodeCall(token.transferAtEpoch, (epoch, buyer, some)), 100 - some);
        }
        if (act == 11) return _then(brand, abi.encodeCall(token.mintFor, (customer, 7, "receipt")), 107);
        _approve(customer, stranger, 5);
        return 100;
    }

    function _then(address sender, bytes memory call, uint256 change) private returns (uint256) {
        vm.prank(sender);
        (bool done,) = address(token).call(call);
        assertTrue(done);
        return change;
    }

    function test_switching_does_not_touch_points() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _approve(customer, exchange, 0);
        _assertLots(customer, 10, 20, 30, 40);
        _enter(5);
        _approve(customer, exchange, 0);
        _assertLots(customer, 30, 40, 0, 0);
        _approve(customer, exchange, MAX);
        _assertLots(customer, 30, 40, 0, 0);
        assertEq(token.balanceOfAtEpoch(3, customer), 40);
    }
}
