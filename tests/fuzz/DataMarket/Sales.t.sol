// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "./DataMarketTest.sol";

/// @notice Sales from purchase to payment: each call, each state, each second of a deadline.
contract DataMarketSalesTest is DataMarketTest {
    function test_a_sale_in_cash_pays_the_seller() public {
        Content memory file = content(3, 96, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        vm.expectEmit(address(market));
        emit IDataMarket.Bought(sold.saleId, seller, buyer, sold.posted.pointB);
        buy(sold);
        assertState(sold, IDataMarket.SaleState.Bought);
        assertEq(market.saleOf(sold.saleId).deadline, block.timestamp + 1 days);
        assertEq(cash.balanceOf(address(market)), PRICE);
        vm.expectEmit(address(market));
        emit IDataMarket.Delivered(sold.saleId, sold.posted.pointE, sold.posted.wrapped);
        deliver(sold);
        assertState(sold, IDataMarket.SaleState.Delivered);
        assertEq(market.saleOf(sold.saleId).deadline, block.timestamp + 2 days);
        vm.expectEmit(address(market));
        emit IDataMarket.SaleEnded(sold.saleId, IDataMarket.SaleState.Paid, seller, address(cash), PRICE);
        settle(sold);
        assertState(sold, IDataMarket.SaleState.Paid);
        assertEq(market.saleOf(sold.saleId).deadline, 0);
        assertEq(cash.balanceOf(seller), FUNDS + PRICE);
        assertEq(cash.balanceOf(address(market)), 0);
    }

    function test_every_act_by_signature_and_a_stranger_who_sends() public {
        Content memory file = content(1, 64, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        bytes memory buySignature = signBuy(sold, block.timestamp);
        vm.startPrank(stranger);
        market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, block.timestamp, buySignature);
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE, signDeliver(sold));
        market.settleFor(
            sold.deal, buyer, signAbout("Settle(address buyer,bytes32 saleId)", buyer, sold.saleId)
        );
        assertEq(cash.balanceOf(seller), FUNDS + PRICE);
        market.revokeFor(
            sold.digest,
            seller,
            buyer,
            signAbout("Revoke(address seller,bytes32 saleId)", seller, sold.saleId)
        );
        vm.warp(START + 5);
        market.acknowledgeFor(
            sold.digest,
            seller,
            buyer,
            signAbout("Acknowledge(address buyer,bytes32 saleId)", buyer, sold.saleId)
        );
        vm.stopPrank();
        IDataMarket.Sale memory kept = market.saleOf(sold.saleId);
        assertEq(kept.revokedAt, START);
        assertEq(kept.acknowledgedAt, START + 5);
    }

    /// @dev A bid: the buyer signs first, the seller sends and needs no signature.
    function test_a_seller_takes_a_bid_by_sending_it() public {
        Content memory file = content(1, 64, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        bytes memory bid = signBuy(sold, block.timestamp + 60);
        vm.prank(seller);
        market.buyFor(sold.deal, "", buyer, sold.posted.pointB, block.timestamp + 60, bid);
        assertState(sold, IDataMarket.SaleState.Bought);
    }

    function test_many_buyers_of_one_open_deal_each_once() public {
        Content memory file = content(1, 64, "rows");
        Sold memory first = sale(dealFor(file), file.key);
        Sold memory second = prepared(first.deal, rival, file.key);
        buy(first);
        buy(second);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.BoughtBefore.selector, first.saleId));
        buy(first);
        deliver(first);
        settle(first);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.BoughtBefore.selector, first.saleId));
        buy(first);
    }

    // --------------------------------------------------------------------------------------- what is refused

    function _refused(IDataMarket.Deal memory deal, bytes memory reason) private {
        Sold memory sold = sale(deal, bytes32(uint256(1)));
        vm.expectRevert(reason);
        buy(sold);
    }

    function test_terms_that_are_refused() public {
        Content memory file = content(1, 64, "rows");
        IDataMarket.Deal memory deal = dealFor(file);
        deal.buyer = rival;
        _refused(deal, abi.encodeWithSelector(IDataMarket.OnlyBuyer.selector, rival, buyer));
        deal = dealFor(file);
        deal.seller = buyer;
        _refused(deal, abi.encodeWithSelector(IDataMarket.SelfSale.selector, buyer));
        deal = dealFor(file);
        deal.tokenKind = 2;
        _refused(deal, abi.encodeWithSelector(IDataMarket.TokenKindUnknown.selector, 2));
        deal = dealFor(file);
        deal.price = 1 << 128;
        _refused(deal, abi.encodeWithSelector(IDataMarket.PriceOutOfRange.selector, 1 << 128));
        deal = dealFor(file);
        deal.count = 0;
        _refused(deal, abi.encodeWithSelector(IDataMarket.CountOutOfRange.selector, 0));
        deal.count = 1 << 32;
        _refused(deal, abi.encodeWithSelector(IDataMarket.CountOutOfRange.selector, 1 << 32));
        deal = dealFor(file);
        deal.liveUntil = 1;
        _refused(deal, abi.encodeWithSelector(IDataMarket.LiveUntilOutOfRange.selector, 1, 0, 0));
        deal = dealFor(file);
        deal.requestId = "a request";
        _refused(
            deal, abi.encodeWithSelector(IDataMarket.OtherRequest.selector, bytes32(0), bytes32("a request"))
        );
    }

    function test_times_that_are_refused() public {
        Content memory file = content(1, 64, "rows");
        uint256[2][5] memory bad = [
            [uint256(1 days - 1), 2 days],
            [uint256(1 days), 2 days - 1],
            [uint256(365 days + 1), 2 days],
            [uint256(1 days), 365 days + 1],
            [uint256(0), type(uint256).max]
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            IDataMarket.Deal memory deal = dealFor(file);
            (deal.deliverSeconds, deal.disputeSeconds) = (bad[i][0], bad[i][1]);
            _refused(deal, abi.encodeWithSelector(IDataMarket.TimesOutOfRange.selector, bad[i][0], bad[i][1]));
        }
    }

    function test_a_deal_is_open_until_its_last_second() public {
        Content memory file = content(1, 64, "rows");
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START);
            IDataMarket.Deal memory deal = dealFor(file);
            deal.openUntil = START + 100;
            Sold memory sold = sale(deal, file.key);
            vm.warp(START + 99 + i);
            if (i == 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealExpired.selector, START + 100));
            }
            buy(sold);
        }
    }

    function test_a_signed_purchase_holds_until_its_last_second() public {
        Content memory file = content(1, 64, "rows");
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START);
            Sold memory sold = sale(dealFor(file), file.key);
            bytes memory signature = signBuy(sold, START + 100);
            vm.warp(START + 99 + i);
            if (i == 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.PurchaseExpired.selector, START + 100));
            }
            market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, START + 100, signature);
        }
    }

    function test_signatures_that_are_refused() public {
        Content memory file = content(1, 64, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        bytes memory own = signDigest(buyer, sold.digest);
        vm.expectRevert(notSigned(seller, sold.digest));
        vm.prank(buyer);
        market.buy(sold.deal, own, sold.posted.pointB);
        bytes memory buySignature = signBuy(sold, START);
        bytes32 kind = keccak256(
            "Buy(address buyer,bytes32 dealDigest,bytes32 content,bytes32 pointB,uint256 deadline)"
        );
        bytes32 digest =
            typed(keccak256(abi.encode(kind, rival, sold.digest, bytes32(0), sold.posted.pointB, START)));
        vm.expectRevert(notSigned(rival, digest));
        market.buyFor(sold.deal, sold.signature, rival, sold.posted.pointB, START, buySignature);
    }

    function test_cancelled_deals_and_purchases_are_refused() public {
        Content memory file = content(1, 64, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        uint256 nonce = sold.deal.nonce;
        assertTrue(market.nonceOpen(seller, nonce));
        vm.expectEmit(address(market));
        emit IDataMarket.DealsCancelled(seller, list(nonce));
        vm.prank(seller);
        market.cancel(list(nonce));
        assertFalse(market.nonceOpen(seller, nonce));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealCancelled.selector, seller, nonce));
        buy(sold);
        // She may still agree by sending; the buyer's own nonce is another.
        bytes memory bid = signBuy(sold, START);
        vm.prank(seller);
        market.buyFor(sold.deal, "", buyer, sold.posted.pointB, START, bid);
        sold = sale(dealFor(file), file.key);
        bid = signBuy(sold, START);
        bytes memory cancelled =
            signList("CancelDeals(address account,uint256[] nonces)", buyer, list(sold.deal.nonce));
        market.cancelFor(buyer, list(sold.deal.nonce), cancelled);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealCancelled.selector, buyer, sold.deal.nonce));
        market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, START, bid);
        vm.expectRevert();
        market.cancelFor(rival, list(sold.deal.nonce), cancelled);
    }

    function test_whole_series_are_cancelled() public {
        Content memory file = content(1, 64, "rows");
        Sold memory sold = sale(dealFor(file), file.key);
        uint256[] memory series = list(sold.deal.nonce);
        bytes memory signature =
            signList("CancelDealSeries(address account,uint256[] series)", seller, series);
        vm.expectEmit(address(market));
        emit IDataMarket.DealSeriesCancelled(seller, series);
        market.cancelAllFor(seller, series, signature);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealCancelled.selector, seller, series[0]));
        buy(sold);
        // Again, it does nothing; and it is good for nothing else.
        market.cancelAllFor(seller, series, signature);
        vm.expectRevert();
        market.cancelFor(seller, series, signature);
        assertTrue(market.nonceOpen(seller, series[0] | 1 << 64));
        vm.prank(seller);
        market.cancelAll(list(series[0] | 1 << 64));
        assertFalse(market.nonceOpen(seller, series[0] | 1 << 64));
    }

    // --------------------------------------------------------------------------------------------- deadlines

    function test_delivery_and_refund_around_the_deadline() public {
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START);
            Sold memory sold = bought();
            uint256 deadline = START + 1 days;
            vm.warp(deadline - 1 + i);
            if (i < 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.TooEarly.selector, sold.saleId, deadline));
                market.refund(sold.deal, buyer);
                deliver(sold);
                vm.expectRevert(wrongState(sold, IDataMarket.SaleState.Delivered));
                market.refund(sold.deal, buyer);
            } else {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.TooLate.selector, sold.saleId, deadline));
                deliver(sold);
                uint256 held = cash.balanceOf(buyer);
                vm.prank(stranger);
                market.refund(sold.deal, buyer);
                assertEq(cash.balanceOf(buyer), held + PRICE);
                assertState(sold, IDataMarket.SaleState.Refunded);
            }
        }
    }

    function test_settling_around_the_deadline() public {
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START);
            Sold memory sold = delivered();
            uint256 deadline = START + 2 days;
            vm.warp(deadline - 1 + i);
            if (i < 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.TooEarly.selector, sold.saleId, deadline));
                vm.prank(seller);
                market.settle(sold.deal, buyer);
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.TooEarly.selector, sold.saleId, deadline));
                vm.prank(seller);
                market.settleTo(sold.deal, buyer, seller);
                settle(sold);
            } else {
                vm.prank(stranger);
                market.settle(sold.deal, buyer);
            }
            assertState(sold, IDataMarket.SaleState.Paid);
        }
    }

    /// @dev In each state, all that is not allowed in it.
    function test_nothing_happens_in_the_wrong_state() public {
        Content memory file = content(1, 64, "file");
        Sold memory sold = sale(dealFor(file), file.key);
        for (uint256 i = 0; i < 4; ++i) {
            IDataMarket.SaleState state = stateOf(sold);
            if (i != 1) {
                vm.expectRevert(wrongState(sold, state));
                deliver(sold);
                vm.expectRevert(wrongState(sold, state));
                market.refund(sold.deal, buyer);
                vm.expectRevert(wrongState(sold, state));
                vm.prank(i == 2 ? seller : buyer);
                if (i == 2) market.refund(sold.deal, buyer);
                else market.settleTo(sold.deal, buyer, buyer);
            }
            if (i != 2) {
                vm.expectRevert(wrongState(sold, state));
                settle(sold);
                vm.expectRevert(wrongState(sold, state));
                vm.prank(seller);
                market.concede(sold.deal, buyer);
                vm.expectRevert(wrongState(sold, state));
                disputeKey(sold);
                vm.expectRevert(wrongState(sold, state));
                disputeChunk(sold, chunkOf(file, 0));
                bytes memory signature = signAbout("Settle(address buyer,bytes32 saleId)", buyer, sold.saleId);
                vm.expectRevert(wrongState(sold, state));
                market.settleFor(sold.deal, buyer, signature);
            }
            if (i == 0) buy(sold);
            if (i == 1) deliver(sold);
            if (i == 2) settle(sold);
        }
    }

    // --------------------------------------------------------------------------------- conceding and paying

    function test_a_seller_concedes() public {
        Sold memory sold = delivered();
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, seller, buyer));
        vm.prank(buyer);
        market.concede(sold.deal, buyer);
        vm.prank(seller);
        market.concede(sold.deal, buyer);
        assertState(sold, IDataMarket.SaleState.Conceded);
        assertEq(cash.balanceOf(buyer), FUNDS);
        sold = delivered();
        bytes memory signature = signAbout("Concede(address seller,bytes32 saleId)", seller, sold.saleId);
        vm.expectRevert();
        market.concedeFor(sold.deal, rival, signature);
        market.concedeFor(sold.deal, buyer, signature);
        assertEq(cash.balanceOf(buyer), FUNDS);
    }

    function test_the_payee_names_another_address() public {
        address elsewhere = makeAddr("elsewhere");
        Sold memory sold = delivered();
        vm.warp(START + 2 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, seller, stranger));
        vm.prank(stranger);
        market.settleTo(sold.deal, buyer, stranger);
        vm.prank(seller);
        market.settleTo(sold.deal, buyer, elsewhere);
        assertEq(cash.balanceOf(elsewhere), PRICE);
        assertState(sold, IDataMarket.SaleState.Paid);
        sold = bought();
        vm.warp(block.timestamp + 1 days + 1);
        string memory words = "SettleTo(address payee,bytes32 saleId,address to)";
        bytes memory signature = signTo(words, buyer, sold.saleId, elsewhere);
        vm.expectRevert();
        market.settleToFor(sold.deal, buyer, stranger, signature);
        bytes memory sellers = signTo(words, seller, sold.saleId, elsewhere);
        vm.expectRevert();
        market.settleToFor(sold.deal, buyer, elsewhere, sellers);
        market.settleToFor(sold.deal, buyer, elsewhere, signature);
        assertEq(cash.balanceOf(elsewhere), 2 * PRICE);
        assertState(sold, IDataMarket.SaleState.Refunded);
    }

    // ------------------------------------------------------------------------------------------ after the sale

    function test_revoking_and_acknowledging() public {
        Sold memory sold = bought();
        vm.expectRevert(
            abi.encodeWithSelector(
                IDataMarket.WrongState.selector,
                idOf(sold.digest, stranger, buyer),
                IDataMarket.SaleState.None
            )
        );
        vm.prank(stranger);
        market.revoke(sold.digest, buyer);
        vm.expectEmit(address(market));
        emit IDataMarket.ConsentRevoked(sold.saleId, seller, buyer);
        vm.prank(seller);
        market.revoke(sold.digest, buyer);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.AlreadyRevoked.selector, sold.saleId, START));
        vm.prank(seller);
        market.revoke(sold.digest, buyer);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDataMarket.WrongState.selector,
                idOf(sold.digest, seller, stranger),
                IDataMarket.SaleState.None
            )
        );
        vm.prank(stranger);
        market.acknowledge(sold.digest, seller);
        vm.warp(START + 9);
        vm.expectEmit(address(market));
        emit IDataMarket.ErasureAcknowledged(sold.saleId, seller, buyer);
        vm.prank(buyer);
        market.acknowledge(sold.digest, seller);
        vm.expectRevert(
            abi.encodeWithSelector(IDataMarket.AlreadyAcknowledged.selector, sold.saleId, START + 9)
        );
        vm.prank(buyer);
        market.acknowledge(sold.digest, seller);
        assertEq(market.saleOf(sold.saleId).revokedAt, START);
        assertEq(market.saleOf(sold.saleId).acknowledgedAt, START + 9);
        assertState(sold, IDataMarket.SaleState.Bought);
    }

    function test_acknowledging_many() public {
        Sold[3] memory sales = [bought(), bought(), bought()];
        bytes32[] memory digests = new bytes32[](3);
        address[] memory sellers = new address[](3);
        bytes32[] memory ids = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (digests[i], sellers[i], ids[i]) = (sales[i].digest, seller, sales[i].saleId);
        }
        vm.prank(buyer);
        market.acknowledge(digests[1], seller);
        vm.warp(START + 7);
        bytes32 kind = keccak256("AcknowledgeMany(address buyer,bytes32[] saleIds)");
        bytes memory signature =
            signStruct(buyer, keccak256(abi.encode(kind, buyer, keccak256(abi.encodePacked(ids)))));
        vm.expectRevert();
        market.acknowledgeManyFor(digests, sellers, rival, signature);
        market.acknowledgeManyFor(digests, sellers, buyer, signature);
        assertEq(market.saleOf(ids[0]).acknowledgedAt, START + 7);
        assertEq(market.saleOf(ids[1]).acknowledgedAt, START);
        vm.prank(buyer);
        market.acknowledgeMany(digests, sellers);
        digests[2] = "unknown";
        vm.expectRevert(
            abi.encodeWithSelector(
                IDataMarket.WrongState.selector, idOf("unknown", seller, buyer), IDataMarket.SaleState.None
            )
        );
        vm.prank(buyer);
        market.acknowledgeMany(digests, sellers);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.CountsDiffer.selector, 3, 2));
        market.acknowledgeMany(digests, new address[](2));
    }

    // ------------------------------------------------------------------------------------------ views and birth

    function testFuzz_digests_are_those_of_the_page(IDataMarket.Deal memory deal) public view {
        assertEq(market.digestOf(deal), digestOf(deal));
        bytes32 id = idOf(digestOf(deal), deal.seller, deal.buyer);
        assertEq(market.saleIdOf(digestOf(deal), deal.seller, deal.buyer), id);
        assertEq(market.DOMAIN_SEPARATOR(), domain(address(market)));
    }

    function testFuzz_request_digests_are_those_of_the_page(IDataMarket.Request memory request) public view {
        assertEq(market.requestIdOf(request), requestIdOf(request));
    }

    function test_needs_attestors() public {
        assertEq(market.attestors(), address(attestors));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NoAttestors.selector, stranger));
        new DataMarket(stranger);
    }

    function test_a_gift_moves_no_money() public {
        Content memory file = content(1, 64, "rows");
        IDataMarket.Deal memory deal = dealFor(file);
        deal.price = 0;
        Sold memory sold = sale(deal, file.key);
        buy(sold);
        deliver(sold);
        settle(sold);
        assertEq(cash.balanceOf(buyer), FUNDS);
        assertState(sold, IDataMarket.SaleState.Paid);
    }
}
