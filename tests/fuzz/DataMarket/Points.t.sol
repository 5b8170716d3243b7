// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {DataMarketTest} from "./DataMarketTest.sol";

/// @notice Sales that are paid in points: they wait in a pocket of their own and live until everything is over.
contract DataMarketPointsTest is DataMarketTest {
    function _file() private pure returns (Content memory) {
        return content(1, 64, "rows");
    }

    function _pocket(bytes32 id) private view returns (address) {
        return points.pocketOf(address(market), id);
    }

    function test_a_sale_in_points_pays_the_seller() public {
        Sold memory sold = sale(inPoints(dealFor(_file())), _file().key);
        buy(sold);
        assertEq(points.balanceOf(_pocket(sold.saleId)), PRICE);
        assertEq(points.balanceOf(address(market)), 0);
        deliver(sold);
        settle(sold);
        assertEq(points.balanceOf(_pocket(sold.saleId)), 0);
        assertEq(points.balanceOf(seller), FUNDS + PRICE);
    }

    function test_a_refund_in_points() public {
        Sold memory sold = sale(inPoints(dealFor(_file())), _file().key);
        buy(sold);
        vm.warp(START + 1 days + 1);
        market.refund(sold.deal, buyer);
        assertEq(points.balanceOf(buyer), FUNDS);
    }

    function test_points_must_live_a_day_beyond_both_times() public {
        IDataMarket.Deal memory deal = inPoints(dealFor(_file()));
        uint256 least = deal.liveUntil;
        assertEq(least, START + 4 days);
        deal.liveUntil = least - 1;
        Sold memory sold = sale(deal, _file().key);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDataMarket.LiveUntilOutOfRange.selector, least - 1, least, type(uint256).max
            )
        );
        buy(sold);
        // The buyer's points expire at the end of the fourth epoch: they do not live beyond it.
        deal.liveUntil = START + 4 * EPOCH;
        sold = sale(deal, _file().key);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILoyaltyToken.PointsOutOfBounds.selector, buyer, 0, PRICE, deal.liveUntil, 0
            )
        );
        buy(sold);
        deal.liveUntil = START + 4 * EPOCH - 1;
        buy(sale(deal, _file().key));
    }

    function test_dying_points_that_a_stranger_sends_stay_behind() public {
        vm.warp(START + 3 * EPOCH + 25 days);
        vm.prank(brand);
        points.mint(buyer, PRICE);
        Sold memory sold = sale(inPoints(dealFor(_file())), _file().key);
        sold.deal.liveUntil += 10 days;
        sold = sale(sold.deal, _file().key);
        address pocket = _pocket(sold.saleId);
        vm.prank(rival);
        points.transfer(pocket, 40);
        buy(sold);
        deliver(sold);
        settle(sold);
        (uint256[4] memory amounts,) = points.lotsOf(seller);
        assertEq(amounts[3], PRICE, "the seller has the fresh ones");
        assertEq(points.balanceOf(_pocket(sold.saleId)), 40);
    }

    /// @dev Nobody calls for half a year: what has expired is gone, the rest goes to the winner, and the sale ends.
    function test_the_exit_moves_what_is_alive() public {
        Sold memory sold = sale(inPoints(dealFor(_file())), _file().key);
        buy(sold);
        deliver(sold);
        vm.warp(START + 4 * EPOCH - 1);
        uint256 snapshot = vm.snapshotState();
        vm.prank(stranger);
        market.settle(sold.deal, buyer);
        assertEq(points.balanceOf(seller), FUNDS + PRICE);
        vm.revertToState(snapshot);
        vm.warp(START + 4 * EPOCH);
        // Somebody's fresh gift to the pocket is all that lives there.
        vm.prank(brand);
        points.mint(stranger, 20);
        address pocket = _pocket(sold.saleId);
        vm.prank(stranger);
        points.transfer(pocket, 20);
        vm.expectEmit(address(market));
        emit IDataMarket.SaleEnded(sold.saleId, IDataMarket.SaleState.Paid, seller, address(points), 20);
        market.settle(sold.deal, buyer);
        assertEq(points.balanceOf(seller), 20);
        assertState(sold, IDataMarket.SaleState.Paid);
    }

    function test_all_points_expired_and_the_sale_still_ends() public {
        Sold memory sold = sale(inPoints(dealFor(_file())), _file().key);
        buy(sold);
        vm.warp(START + 5 * EPOCH);
        market.refund(sold.deal, buyer);
        assertState(sold, IDataMarket.SaleState.Refunded);
        assertEq(points.balanceOf(buyer), 0);
    }

    function test_a_token_that_moves_no_points_is_refused() public {
        OddTokenMock odd = new OddTokenMock();
        odd.mint(buyer, PRICE);
        vm.prank(buyer);
        odd.approve(address(market), 1);
        IDataMarket.Deal memory deal = inPoints(dealFor(_file()));
        deal.token = address(odd);
        Sold memory sold = sale(deal, _file().key);
        vm.expectRevert();
        buy(sold);
        vm.mockCall(
            address(odd),
            abi.encodeWithSelector(ILoyaltyToken.pocketOf.selector),
            abi.encode(makeAddr("pocket"))
        );
        odd.behave(OddTokenMock.Oddity.ReturnsFalse);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotOfThisKind.selector, address(odd), POINTS));
        buy(sold);
    }

    function test_points_are_refused_as_a_plain_token() public {
        IDataMarket.Deal memory deal = dealFor(_file());
        deal.token = address(points);
        Sold memory sold = sale(deal, _file().key);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotOfThisKind.selector, address(points), ERC20));
        buy(sold);
    }
}
