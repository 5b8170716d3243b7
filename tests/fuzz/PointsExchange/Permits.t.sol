// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

contract PointsExchangePermitsTest is ExchangeTest {
    uint256 private constant _MAX = type(uint256).max;

    function _permit(address token, string memory name, address owner, uint256 value)
        private
        view
        returns (IPointsExchange.Permit[] memory permits)
    {
        bytes32 message = keccak256(
            abi.encode(
                PERMIT_TYPE, owner, exchange, value, ILoyaltyToken(token).nonces(owner), block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[owner], typed(domain(name, token), message));
        permits = new IPointsExchange.Permit[](1);
        permits[0] = IPointsExchange.Permit(token, owner, value, block.timestamp, v, r, s);
    }

    function _moneyForPoints() private returns (IPointsExchange.Order memory) {
        cash.mint(alice, 100);
        return giving(points(alice, acme, 100, beta, 80), address(cash), ERC20, 0);
    }

    function test_take_with_a_permit_for_money() public {
        IPointsExchange.Order memory order = _moneyForPoints();
        IPointsExchange.Permit[] memory permits = _permit(address(cash), "Euro", alice, 100);
        bytes memory signature = sign(order);
        vm.prank(bob);
        assertEq(exchange.takeWithPermits(permits, order, signature, 100, 0), 80);
        assertEq(cash.balanceOf(bob), 100);
        assertEq(cash.allowance(alice, address(exchange)), 0);
    }

    function test_settle_with_a_permit_for_money() public {
        IPointsExchange.Order[] memory orders = list(_moneyForPoints());
        IPointsExchange.Permit[] memory permits = _permit(address(cash), "Euro", alice, 100);
        bytes[] memory signatures = sign(orders);
        vm.prank(bob);
        exchange.settleWithPermits(permits, orders, signatures, swap(100, 80));
        assertEq(cash.balanceOf(bob), 100);
    }

    /// A holder who had switched the exchange off switches it on by the same bundle.
    function test_settle_with_a_permit_that_switches_the_exchange_on() public {
        vm.prank(alice);
        acme.approve(address(exchange), 0);
        IPointsExchange.Order[] memory orders = list(points(alice, acme, 100, beta, 80));
        bytes[] memory signatures = sign(orders);
        IPointsExchange.Permit[] memory permits = _permit(address(acme), "ACME", alice, _MAX);
        vm.prank(bob);
        exchange.settleWithPermits(permits, orders, signatures, swap(100, 80));
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
    }

    /// Attack 6: somebody submits the permit first.
    function test_a_permit_that_was_submitted_before_does_no_harm() public {
        IPointsExchange.Order memory order = _moneyForPoints();
        IPointsExchange.Permit[] memory permits = _permit(address(cash), "Euro", alice, 100);
        vm.prank(stranger);
        cash.permit(
            alice, address(exchange), 100, permits[0].deadline, permits[0].v, permits[0].r, permits[0].s
        );
        bytes memory signature = sign(order);
        vm.prank(bob);
        exchange.takeWithPermits(permits, order, signature, 100, 0);
        assertEq(cash.balanceOf(bob), 100);
    }

    function test_a_permit_that_fails_gives_no_right() public {
        IPointsExchange.Order memory order = _moneyForPoints();
        IPointsExchange.Permit[] memory permits = _permit(address(cash), "Euro", alice, 100);
        permits[0].v ^= 1;
        bytes memory signature = sign(order);
        vm.prank(bob);
        vm.expectRevert();
        exchange.takeWithPermits(permits, order, signature, 100, 0);
    }

    /// Whatever a permit's token does is passed over: no code, the exchange itself, refusing, a megabyte.
    function test_permits_of_nonsense_are_passed_over() public {
        OddTokenMock odd = new OddTokenMock();
        IPointsExchange.Permit[] memory permits = new IPointsExchange.Permit[](5);
        permits[0].token = stranger;
        permits[1].token = address(exchange);
        permits[2].token = address(coupons);
        permits[3].token = address(odd);
        permits[4].token = address(0);
        IPointsExchange.Order memory order = inParts(points(alice, acme, 100, beta, 80));
        bytes memory signature = sign(order);
        OddTokenMock.Oddity[3] memory oddities = [
            OddTokenMock.Oddity.ReturnsMegabyte,
            OddTokenMock.Oddity.ReturnsFalse,
            OddTokenMock.Oddity.ReturnsNothing
        ];
        for (uint256 i = 0; i < 3; ++i) {
            odd.behave(oddities[i]);
            vm.prank(bob);
            exchange.takeWithPermits(permits, order, signature, 10, 0);
        }
        assertEq(odd.calls(), 3);
        assertEq(acme.balanceOf(bob), 4 * LOT + 30);
    }

    /// A permit goes to the exchange as spender, whatever it says.
    function test_a_permit_names_the_exchange_as_spender() public {
        IPointsExchange.Permit[] memory permits = _permit(address(cash), "Euro", alice, 100);
        vm.expectCall(
            address(cash),
            abi.encodeCall(
                cash.permit,
                (alice, address(exchange), 100, permits[0].deadline, permits[0].v, permits[0].r, permits[0].s)
            )
        );
        exchange.settleWithPermits(
            permits, new IPointsExchange.Order[](0), new bytes[](0), new IPointsExchange.Transfer[](0)
        );
        assertEq(cash.allowance(alice, address(exchange)), 100);
    }
}
