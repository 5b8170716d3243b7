// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "../DataMarket/DataMarketTest.sol";

/// @notice The shares of a request's pocket under attack: rounded away, or left unpaid for want of gas.
contract DataSharesAttack is DataMarketTest {
    uint256 private constant SELLERS = 4;

    /// @dev A budget whose older half expired, and its sellers, of whom the first `idle` did not deliver.
    function _waiting(uint256 price, uint256 idle)
        private
        returns (IDataMarket.Request memory request, Sold[] memory sold)
    {
        vm.warp(START + EPOCH);
        vm.prank(brand);
        points.mint(stranger, SELLERS * price);
        vm.prank(buyer);
        points.transfer(other, FUNDS - SELLERS * price);
        vm.prank(stranger);
        points.transfer(buyer, SELLERS * price);
        request = inPoints(requestFor(2 * SELLERS));
        request.price = price;
        open(request);
        sold = new Sold[](SELLERS);
        for (uint256 i = 0; i < SELLERS; ++i) {
            sold[i] = answerTo(request, account(string(abi.encodePacked("seller ", bytes1(uint8(65 + i))))));
            take(request, sold[i]);
            if (i >= idle) deliver(sold[i]);
        }
        vm.warp(START + 4 * EPOCH);
    }

    /// @dev Half of an odd price is rounded. Whoever the buyer calls for first, it is not rounded to his profit.
    function test_a_buyer_rounds_nothing_of_his_sellers_into_his_rest() public {
        for (uint256 price = 1; price < 4; ++price) {
            uint256 before = vm.snapshotState();
            (IDataMarket.Request memory request, Sold[] memory sold) = _waiting(price, 0);
            uint256 alive = SELLERS * price;
            for (uint256 first = 0; first <= SELLERS; ++first) {
                uint256 waiting = vm.snapshotState();
                for (uint256 i = 0; i < first; ++i) {
                    market.settle(sold[i].deal, buyer);
                }
                market.closeRequest(request);
                for (uint256 i = first; i < SELLERS; ++i) {
                    market.settle(sold[i].deal, buyer);
                }
                uint256 paid = 0;
                for (uint256 i = 0; i < SELLERS; ++i) {
                    paid += points.balanceOf(sold[i].deal.seller);
                }
                assertLe(points.balanceOf(buyer), alive / 2, "the buyer's rest");
                assertEq(paid, alive - points.balanceOf(buyer), "the sellers");
                vm.revertToState(waiting);
            }
            vm.revertToState(before);
        }
    }

    function test_a_buyer_rounds_nothing_of_his_sellers_into_his_refunds() public {
        (IDataMarket.Request memory request, Sold[] memory sold) = _waiting(1, 2);
        market.refund(sold[0].deal, buyer);
        market.refund(sold[1].deal, buyer);
        assertEq(points.balanceOf(buyer), 0);
        market.settle(sold[2].deal, buyer);
        market.settle(sold[3].deal, buyer);
        assertEq(points.balanceOf(sold[2].deal.seller) + points.balanceOf(sold[3].deal.seller), 2);
        market.closeRequest(request);
        assertEq(points.balanceOf(buyer), SELLERS - 2);
    }

    /// @dev Who brings too little gas cannot have a verdict for the buyer without its payment.
    function test_no_amount_of_gas_leaves_a_price_owed() public {
        IDataMarket.Request memory request = inPoints(requestFor(2));
        open(request);
        Sold[2] memory sold;
        sold[0] = answerTo(request, seller);
        take(request, sold[0]);
        seal(sold[0], 77, "another key");
        deliver(sold[0]);
        Content memory file = content(1, 64, "file");
        sold[1] = sale(dealFor(file), file.key);
        buy(sold[1]);
        seal(sold[1], 78, "another key");
        deliver(sold[1]);
        // The buyer has nothing yet: what he is paid costs the most.
        for (uint256 i = 0; i < 2; ++i) {
            _spend(i == 0 ? address(points) : address(cash));
            uint256 paid = 0;
            for (uint256 limit = 2_000; limit < 62_000; limit += 250) {
                uint256 before = vm.snapshotState();
                try market.disputeKey{gas: limit}(sold[i].deal, buyer, sold[i].posted, sold[i].b) {
                    assertFalse(market.saleOf(sold[i].saleId).owed);
                    ++paid;
                } catch {
                    assertState(sold[i], IDataMarket.SaleState.Delivered);
                }
                vm.revertToState(before);
            }
            assertGt(paid, 20);
            assertLt(paid, 220);
        }
    }

    function _spend(address token) private {
        vm.startPrank(buyer);
        if (token == address(points)) points.transfer(rival, points.balanceOf(buyer));
        else cash.transfer(rival, cash.balanceOf(buyer));
        vm.stopPrank();
    }
}
