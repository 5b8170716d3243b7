// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {AttackBase} from "./AttackBase.sol";
import {Claim, FalsePoints, FeeOnTopToken, HalvingHookToken, PlainToken, Tickets} from "./OddTokens.sol";

contract Settler {
    PointsExchange internal immutable exchange;
    Claim internal immutable claim;
    HalvingHookToken internal immutable token;
    address internal immutable victim;

    constructor(PointsExchange exchange_, Claim claim_, HalvingHookToken token_, address victim_) {
        (exchange, claim, token, victim) = (exchange_, claim_, token_, victim_);
        token_.approve(address(exchange_), type(uint256).max);
    }

    function beforeSending() external {
        claim.release(token, victim, token.balanceOf(address(claim)));
    }

    function take(IPointsExchange.Order calldata order, bytes calldata signature) external {
        exchange.take(order, signature, order.giveAmount, 0);
    }
}

contract SettlementsAttack is AttackBase {
    function _one(IPointsExchange.Order memory order, bytes memory signature)
        internal
        pure
        returns (IPointsExchange.Order[] memory orders, bytes[] memory signatures)
    {
        orders = new IPointsExchange.Order[](1);
        signatures = new bytes[](1);
        (orders[0], signatures[0]) = (order, signature);
    }

    /// @dev Ann sells to Ben alone, at a friend's price. Ben has an open order at the market's price. A relay that pays Ann
    /// itself and passes her points on to Ben earns what she meant to give him.
    function test_a_price_reserved_for_one_taker_is_not_earned_by_a_third() public {
        _mint(coffee, ann.addr, 100);
        _mint(books, eve.addr, 100);
        _mint(books, ben.addr, 200);
        IPointsExchange.Order[] memory orders = new IPointsExchange.Order[](2);
        orders[0] = _order(ann.addr, address(coffee), 100, address(books), 100);
        orders[0].onlyTaker = ben.addr;
        orders[1] = _order(ben.addr, address(books), 200, address(coffee), 100);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _sign(ann, orders[0]);
        signatures[1] = _sign(ben, orders[1]);
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](3);
        transfers[0] = IPointsExchange.Transfer(2, 0, 100);
        transfers[1] = IPointsExchange.Transfer(0, 1, 100);
        transfers[2] = IPointsExchange.Transfer(1, 2, 200);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.OnlyTaker.selector, ben.addr, eve.addr));
        vm.prank(eve.addr);
        exchange.settle(orders, signatures, transfers);
        assertEq(books.balanceOf(eve.addr), 100, "eve is not the taker that ann named");
    }

    /// @dev Ann pays with what lives shortest. The sender of `settle` has no bound on that; `take` has one, and so has an
    /// order of the sender's own in the same settlement.
    function test_a_sender_refuses_dying_points_by_take_or_by_an_order_of_its_own() public {
        _mint(coffee, ann.addr, 100);
        vm.warp(START + 4 * LENGTH - 1 hours);
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        bytes memory signature = _sign(ann, order);
        IPointsExchange.Order memory own = _order(ben.addr, address(books), 100, address(coffee), 100);
        own.wantPointsLivingUntil = block.timestamp + 30 days;
        (IPointsExchange.Order[] memory orders, bytes[] memory signatures) = _one(order, signature);
        IPointsExchange.Order[] memory two = new IPointsExchange.Order[](2);
        bytes[] memory both = new bytes[](2);
        (two[0], two[1], both[0], both[1]) = (order, own, signature, _sign(ben, own));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](2);
        transfers[0] = IPointsExchange.Transfer(1, 0, 100);
        transfers[1] = IPointsExchange.Transfer(0, 1, 100);

        vm.startPrank(ben.addr);
        uint256 before = vm.snapshotState();
        exchange.settle(orders, signatures, transfers);
        vm.warp(block.timestamp + 1 hours);
        assertEq(
            coffee.balanceOf(ben.addr), 0, "what a sender without an order receives may die within the hour"
        );
        vm.revertToState(before);

        before = vm.snapshotState();
        exchange.take(order, signature, 100, block.timestamp + 30 days);
        vm.warp(block.timestamp + 1 hours);
        assertEq(
            coffee.balanceOf(ben.addr), 100, "what the sender of `take` receives lives as long as it said"
        );
        vm.revertToState(before);

        exchange.settle(two, both, transfers);
        vm.warp(block.timestamp + 1 hours);
        assertEq(coffee.balanceOf(ben.addr), 100, "and so does what its own order receives");
    }

    /// @dev Only what arrives is measured. A token that charges whoever gives takes that from the maker beside `giveAmount`;
    /// a maker who wants such a token receives all of it, and the other side bears the charge.
    function test_a_token_that_charges_the_giver_is_borne_by_whoever_gives_it() public {
        FeeOnTopToken token = new FeeOnTopToken();
        token.mint(ann.addr, 1_000);
        vm.prank(ann.addr);
        token.approve(address(exchange), type(uint256).max);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(token), 100, address(books), 100);
        order.giveKind = 1;
        bytes memory signature = _sign(ann, order);
        vm.prank(ben.addr);
        exchange.take(order, signature, 100, 0);
        assertEq(token.balanceOf(ann.addr), 890, "100 and the charge of 10");
        assertEq(token.balanceOf(ben.addr), 100);
        assertEq(books.balanceOf(ann.addr), 100);

        token.mint(ben.addr, 900);
        vm.prank(ben.addr);
        token.approve(address(exchange), type(uint256).max);
        order = _order(ann.addr, address(books), 100, address(token), 100);
        order.wantKind = 1;
        order.nonce = 1;
        signature = _sign(ann, order);
        vm.prank(ben.addr);
        exchange.take(order, signature, 100, 0);
        assertEq(token.balanceOf(ann.addr), 990, "all of what she wanted");
        assertEq(token.balanceOf(ben.addr), 890);
    }

    /// @dev Measuring around the one call is not enough when the token itself calls the giver first and delivers short: the
    /// giver fills the gap with what was the maker's anyway. With nothing of hers left to release, the gap shows.
    function test_a_short_token_that_calls_the_giver_is_filled_up_with_the_makers_own() public {
        HalvingHookToken token = new HalvingHookToken();
        Claim claim = new Claim();
        token.mint(address(claim), 50);
        _mint(coffee, ann.addr, 100);
        Settler settler = new Settler(exchange, claim, token, ann.addr);
        token.mint(address(settler), 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(token), 100);
        order.wantKind = 1;
        bytes memory signature = _sign(ann, order);

        uint256 before = vm.snapshotState();
        settler.take(order, signature);
        assertEq(coffee.balanceOf(address(settler)), 100);
        assertEq(token.balanceOf(address(claim)), 0);
        assertEq(token.balanceOf(ann.addr), 100, "50 of it was hers");
        vm.revertToState(before);

        claim.release(token, ann.addr, 50);
        vm.expectRevert(
            abi.encodeWithSelector(IPointsExchange.ShortDelivery.selector, address(token), ann.addr, 50, 100)
        );
        settler.take(order, signature);
        assertEq(coffee.balanceOf(ann.addr), 100);
    }

    // ------------------------------------------------------------------------------------------- defences

    function test_a_points_hook_may_settle_points_but_never_what_is_measured() public {
        FalsePoints points = new FalsePoints();
        PlainToken plain = new PlainToken();
        plain.mint(ann.addr, 100);
        vm.prank(ann.addr);
        plain.approve(address(exchange), type(uint256).max);
        IPointsExchange.Order memory inner = _order(ann.addr, address(plain), 10, address(points), 1);
        inner.giveKind = 1;
        inner.nonce = 1;
        points.call(address(exchange), abi.encodeCall(exchange.take, (inner, _sign(ann, inner), 10, 0)));
        IPointsExchange.Order memory outer = _order(ann.addr, address(plain), 20, address(points), 1);
        outer.giveKind = 1;
        bytes memory signature = _sign(ann, outer);
        exchange.take(outer, signature, 20, 0);
        assertFalse(points.succeeded());
        assertEq(bytes4(points.answer()), ReentrancyGuard.Reentrancy.selector);
        assertEq(plain.balanceOf(ann.addr), 80);
    }

    function test_nothing_measured_is_taken_inside_a_measured_settlement() public {
        FalsePoints points = new FalsePoints();
        PlainToken plain = new PlainToken();
        plain.mint(ann.addr, 100);
        vm.prank(ann.addr);
        plain.approve(address(exchange), type(uint256).max);
        IPointsExchange.Order memory inner = _order(ann.addr, address(plain), 10, address(points), 1);
        inner.giveKind = 1;
        inner.nonce = 1;
        points.call(address(exchange), abi.encodeCall(exchange.take, (inner, _sign(ann, inner), 10, 0)));
        IPointsExchange.Order memory outer = _order(ann.addr, address(plain), 20, address(points), 1);
        outer.giveKind = 1;
        (IPointsExchange.Order[] memory orders, bytes[] memory signatures) = _one(outer, _sign(ann, outer));
        IPointsExchange.Transfer[] memory transfers = new IPointsExchange.Transfer[](2);
        transfers[0] = IPointsExchange.Transfer(1, 0, 1);
        transfers[1] = IPointsExchange.Transfer(0, 1, 20);
        exchange.settle(orders, signatures, transfers);
        assertEq(bytes4(points.answer()), ReentrancyGuard.Reentrancy.selector);
        assertEq(plain.balanceOf(ann.addr), 80);
    }

    function test_an_order_is_dead_inside_its_own_settlement() public {
        FalsePoints points = new FalsePoints();
        _mint(coffee, ann.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 50, address(points), 1);
        order.allowPartial = true;
        bytes memory signature = _sign(ann, order);
        points.call(address(exchange), abi.encodeCall(exchange.take, (order, signature, 50, 0)));
        exchange.take(order, signature, 50, 0);
        assertFalse(points.succeeded());
        assertEq(bytes4(points.answer()), Nonces.Overfilled.selector);
        assertEq(coffee.balanceOf(ann.addr), 50);
    }

    function test_accounts_without_code_and_precompiles_are_no_points() public {
        _mint(coffee, ann.addr, 100);
        for (uint160 i = 1; i < 0x13; ++i) {
            IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(i), 1);
            bytes memory signature = _sign(ann, order);
            vm.expectRevert();
            exchange.take{gas: 1_000_000}(order, signature, 100, 0);
        }
        IPointsExchange.Order memory none = _order(ann.addr, address(coffee), 100, stranger, 1);
        bytes memory noneSigned = _sign(ann, none);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.TransferRefused.selector, stranger));
        exchange.take(none, noneSigned, 100, 0);
    }

    function test_points_as_an_erc20_obey_the_switch_and_the_measure() public {
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        (order.giveKind, order.wantKind) = (1, 1);
        bytes memory signature = _sign(ann, order);
        vm.prank(ann.addr);
        coffee.approve(address(exchange), 0);
        vm.prank(ben.addr);
        vm.expectRevert();
        exchange.take(order, signature, 100, 0);
        vm.prank(ann.addr);
        coffee.approve(address(exchange), type(uint256).max);
        vm.prank(ben.addr);
        exchange.take(order, signature, 100, 0);
        order.wantToken = address(coffee);
        order.wantKind = 0;
        order.nonce = 1;
        signature = _sign(ann, order);
        vm.prank(ben.addr);
        vm.expectRevert(abi.encodeWithSelector(IPointsExchange.SameAsset.selector, address(coffee)));
        exchange.take(order, signature, 100, 0);
    }

    function test_ids_of_one_erc1155_are_different_goods() public {
        Tickets tickets = new Tickets();
        tickets.mint(ann.addr, 1, 10);
        tickets.mint(ben.addr, 2, 10);
        vm.prank(ann.addr);
        tickets.setApprovalForAll(address(exchange), true);
        vm.prank(ben.addr);
        tickets.setApprovalForAll(address(exchange), true);
        IPointsExchange.Order memory order = _order(ann.addr, address(tickets), 10, address(tickets), 10);
        (order.giveKind, order.giveId, order.wantKind, order.wantId) = (2, 1, 2, 2);
        bytes memory signature = _sign(ann, order);
        IPointsExchange.Order memory other = order;
        vm.prank(ben.addr);
        exchange.take(other, signature, 10, 0);
        assertEq(tickets.balanceOf(ann.addr, 2), 10);
        assertEq(tickets.balanceOf(ben.addr, 1), 10);
    }

    function test_words_too_large_for_their_type_are_refused(uint256 place, uint8 bit) public {
        uint8[4] memory places = [0, 1, 5, 11];
        uint256 word = places[place % 4];
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        bytes memory data = abi.encodeCall(exchange.take, (order, new bytes(65), 100, 0));
        uint256 shift = 160 + bit % 96;
        assembly ("memory-safe") {
            let at := add(add(data, 0x24), shl(5, word))
            mstore(at, or(mload(at), shl(shift, 1)))
        }
        vm.prank(ben.addr);
        (bool ok, bytes memory reason) = address(exchange).call(data);
        assertFalse(ok);
        if (word != 11) assertEq(bytes4(reason), IPointsExchange.MalformedOrder.selector);
    }

    function test_an_order_of_another_chain_or_exchange_moves_nothing() public {
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        bytes memory foreign = _sign(ann, new PointsExchange().digestOf(order));
        bytes memory signature = _sign(ann, order);
        vm.startPrank(ben.addr);
        vm.expectRevert();
        exchange.take(order, foreign, 100, 0);
        vm.chainId(block.chainid + 1);
        vm.expectRevert();
        exchange.take(order, signature, 100, 0);
    }

    function test_splitting_a_take_never_pays(uint128 give, uint128 want, uint128 a, uint128 b) public {
        give = uint128(bound(give, 2, 1e15));
        want = uint128(bound(want, 1, 1e15));
        a = uint128(bound(a, 1, give - 1));
        b = uint128(bound(b, 1, give - a));
        _mint(coffee, ann.addr, give);
        _mint(books, ben.addr, uint256(want) + 2);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), give, address(books), want);
        order.allowPartial = true;
        bytes memory signature = _sign(ann, order);
        vm.startPrank(ben.addr);
        uint256 paid = exchange.take(order, signature, a, 0) + exchange.take(order, signature, b, 0);
        assertGe(paid * give, (uint256(a) + b) * want);
        vm.expectRevert();
        exchange.take(order, signature, uint256(give) - a - b + 1, 0);
    }
}
