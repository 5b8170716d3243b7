// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {AttackBase} from "./AttackBase.sol";
import {FalsePoints} from "./OddTokens.sol";

/// @dev Calls whatever it is told to, but never the token that it keeps: the usual care of an adapter or flash lender.
contract Keeper {
    LoyaltyToken internal immutable token;

    constructor(LoyaltyToken token_, bool switchOff) {
        token = token_;
        if (switchOff) token_.approve(token_.exchange(), 0);
    }

    function run(address target, bytes calldata data) external {
        require(target != address(token), "not the token");
        (bool ok,) = target.call(data);
        require(ok, "failed");
    }
}

contract LimitsAttack is AttackBase {
    IPointsExchange.Order[] internal orders;
    bytes[] internal signatures;
    IPointsExchange.Transfer[] internal transfers;

    function _add(Vm.Wallet memory maker, IPointsExchange.Order memory order) internal {
        orders.push(order);
        signatures.push(_sign(maker, order));
    }

    function _settle(address sender, bytes memory reason) internal {
        IPointsExchange.Order[] memory a = orders;
        bytes[] memory b = signatures;
        IPointsExchange.Transfer[] memory c = transfers;
        if (reason.length != 0) vm.expectRevert(reason);
        vm.prank(sender);
        exchange.settle(a, b, c);
    }

    /// @dev The allowance by birth holds for contracts too: one that makes other people's calls loses its points through
    /// the exchange, though it guards the token and never approved anything. Switching the exchange off once is enough.
    function test_a_contract_that_makes_calls_for_others_must_switch_the_exchange_off() public {
        Keeper careless = new Keeper(coffee, false);
        Keeper careful = new Keeper(coffee, true);
        FalsePoints nothing = new FalsePoints();
        _mint(coffee, address(careless), 100);
        _mint(coffee, address(careful), 100);
        IPointsExchange.Order memory order = _order(eve.addr, address(nothing), 1, address(coffee), 100);
        bytes memory data = abi.encodeCall(exchange.take, (order, _sign(eve, order), 1, 0));

        bytes memory off =
            abi.encodeWithSelector(ILoyaltyToken.ExchangeSwitchedOff.selector, address(careful));
        vm.prank(address(careful));
        (bool ok, bytes memory reason) = address(exchange).call(data);
        assertFalse(ok);
        assertEq(reason, off);
        vm.expectRevert("failed");
        careful.run(address(exchange), data);
        assertEq(coffee.balanceOf(address(careful)), 100);

        careless.run(address(exchange), data);
        assertEq(coffee.balanceOf(address(careless)), 0);
        assertEq(coffee.balanceOf(eve.addr), 100);
    }

    /// @dev One unit taken from a partial order stops whoever counts on the whole of what was left: that one time, and at
    /// the maker's price. Whoever asks for less, or for what is left, is served.
    function test_a_fill_of_one_unit_stops_a_take_of_all_that_was_left() public {
        _mint(coffee, ann.addr, 1_000_000);
        _mint(books, ben.addr, 1_000_000);
        _mint(books, eve.addr, 1);
        IPointsExchange.Order memory order =
            _order(ann.addr, address(coffee), 1_000_000, address(books), 1_000_000);
        order.allowPartial = true;
        bytes memory signature = _sign(ann, order);
        vm.prank(eve.addr);
        exchange.take(order, signature, 1, 0);
        assertEq(books.balanceOf(eve.addr), 0);

        vm.startPrank(ben.addr);
        vm.expectRevert(abi.encodeWithSelector(Nonces.Overfilled.selector, ann.addr, 0, 999_999, 1_000_000));
        exchange.take(order, signature, 1_000_000, 0);
        exchange.take(order, signature, 990_000, 0);
        uint256 left = exchange.remainingOf(order);
        assertEq(left, 9_999);
        exchange.take(order, signature, left, 0);
        assertEq(coffee.balanceOf(ben.addr), 999_999);
    }

    /// @dev The stored word of a cancelled partial order is no amount any more: what was filled stands in the log.
    function test_the_word_of_a_cancelled_partial_order_reads_as_full() public {
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        order.allowPartial = true;
        bytes memory signature = _sign(ann, order);
        vm.recordLogs();
        vm.prank(ben.addr);
        exchange.take(order, signature, 40, 0);
        assertEq(exchange.partialWordOf(ann.addr, 0), 40);
        uint256[] memory nonces = new uint256[](1);
        vm.prank(ann.addr);
        exchange.cancel(new uint256[](0), nonces);
        assertEq(exchange.partialWordOf(ann.addr, 0), type(uint128).max);
        assertEq(exchange.remainingOf(order), 0);

        uint256 filled;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IPointsExchange.OrderFilled.selector) continue;
            if (logs[i].topics[1] != exchange.digestOf(order)) continue;
            (uint256 given,) = abi.decode(logs[i].data, (uint256, uint256));
            filled += given;
        }
        assertEq(filled, 40);
    }

    // ------------------------------------------------------------------------------------------- defences

    function test_an_order_listed_twice_moves_no_more_than_it_says() public {
        _mint(coffee, ann.addr, 300);
        _mint(books, ben.addr, 300);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        _add(ann, order);
        _add(ann, order);
        transfers.push(IPointsExchange.Transfer(2, 0, 100));
        transfers.push(IPointsExchange.Transfer(0, 2, 100));
        transfers.push(IPointsExchange.Transfer(2, 1, 100));
        transfers.push(IPointsExchange.Transfer(1, 2, 100));
        _settle(ben.addr, abi.encodeWithSelector(Nonces.NonceUsed.selector, ann.addr, 0));
        order.allowPartial = true;
        (orders[0], signatures[0]) = (order, _sign(ann, order));
        orders[1] = order;
        signatures[1] = signatures[0];
        _settle(ben.addr, abi.encodeWithSelector(Nonces.Overfilled.selector, ann.addr, 0, 0, 100));
    }

    function test_sums_do_not_wrap() public {
        FalsePoints points = new FalsePoints();
        _mint(coffee, ann.addr, 1);
        _add(ann, _order(ann.addr, address(coffee), 1, address(points), type(uint128).max));
        transfers.push(IPointsExchange.Transfer(1, 0, type(uint128).max));
        transfers.push(IPointsExchange.Transfer(1, 0, type(uint128).max));
        transfers.push(IPointsExchange.Transfer(0, 1, 1));
        _settle(
            ben.addr,
            abi.encodeWithSelector(IPointsExchange.AmountOutOfRange.selector, 2 * uint256(type(uint128).max))
        );
    }

    function test_indices_beyond_the_orders_are_refused(uint256 from, uint256 to) public {
        _mint(coffee, ann.addr, 1);
        _add(ann, _order(ann.addr, address(coffee), 1, address(books), 1));
        from = from % 2 == 0 ? from : from % 3;
        to = to % 2 == 0 ? to : to % 3;
        vm.assume(from > 1 || to > 1 || from == to);
        transfers.push(IPointsExchange.Transfer(from, to, 1));
        IPointsExchange.Order[] memory a = orders;
        bytes[] memory b = signatures;
        IPointsExchange.Transfer[] memory c = transfers;
        vm.prank(ben.addr);
        vm.expectRevert();
        exchange.settle(a, b, c);
    }

    function test_a_stranger_cannot_burn_an_order_without_a_fill() public {
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        _add(ann, order);
        _settle(
            eve.addr,
            abi.encodeWithSelector(IPointsExchange.NotWhole.selector, exchange.digestOf(order), 0, 100)
        );
        order.allowPartial = true;
        (orders[0], signatures[0]) = (order, _sign(ann, order));
        _settle(eve.addr, abi.encodeWithSelector(IPointsExchange.AmountOutOfRange.selector, 0));
    }

    function test_dust_of_dying_points_does_not_reach_a_maker_who_named_a_date() public {
        _mint(books, eve.addr, 100);
        vm.warp(START + 4 * LENGTH - 1 hours);
        _mint(books, eve.addr, 100);
        _mint(coffee, ann.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        order.wantPointsLivingUntil = block.timestamp + 1 hours;
        bytes memory signature = _sign(ann, order);
        vm.prank(eve.addr);
        exchange.take(order, signature, 100, 0);
        vm.warp(block.timestamp + 1 hours);
        assertEq(books.balanceOf(ann.addr), 100);
        assertEq(books.balanceOf(eve.addr), 0);
    }

    function test_fresh_points_that_were_not_offered_stay() public {
        _mint(coffee, ann.addr, 100);
        vm.warp(START + LENGTH);
        uint256 oldExpiry = coffee.expiryOf(100);
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 200);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 200, address(books), 200);
        order.allowPartial = true;
        order.givePointsExpiringBy = oldExpiry;
        bytes memory signature = _sign(ann, order);
        vm.startPrank(ben.addr);
        vm.expectRevert();
        exchange.take(order, signature, 101, 0);
        vm.expectRevert();
        exchange.take(order, signature, 1, oldExpiry);
        exchange.take(order, signature, 100, 0);
        assertEq(coffee.balanceOfAtEpoch(101, ann.addr), 100);
    }

    function test_points_never_enter_exchange_token_or_nowhere(uint256 path, uint256 whom) public {
        address[3] memory bad = [address(exchange), address(coffee), address(0)];
        address to = bad[whom % 3];
        _mint(coffee, ann.addr, 10);
        uint256[] memory words = new uint256[](1);
        words[0] = _word(1, to);
        bytes[7] memory calls = [
            abi.encodeCall(coffee.transfer, (to, 1)),
            abi.encodeCall(coffee.transferFrom, (ann.addr, to, 1)),
            abi.encodeCall(coffee.transferFromWithin, (ann.addr, to, 1, 1, 0)),
            abi.encodeCall(coffee.transferAtEpoch, (100, to, 1)),
            abi.encodeCall(coffee.transferFromAtEpoch, (100, ann.addr, to, 1)),
            abi.encodeCall(coffee.mint, (to, 1)),
            abi.encodeCall(coffee.mintBatch, ("b", words))
        ];
        path %= 7;
        vm.prank(ann.addr);
        coffee.approve(ann.addr, 1);
        vm.prank(path > 4 ? brand : ann.addr);
        (bool ok, bytes memory reason) = address(coffee).call(calls[path]);
        assertFalse(ok);
        assertEq(reason, abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, to));
    }
}
