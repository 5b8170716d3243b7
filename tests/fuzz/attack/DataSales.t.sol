// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "solady/tokens/ERC20.sol";
import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";

import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {CallbackMock} from "../../../contracts/mocks/CallbackMock.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {OddWalletMock} from "../../../contracts/mocks/OddWalletMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "../DataMarket/DataMarketTest.sol";

/// @dev Calls whoever it pays.
contract TellingCash is ERC20 {
    function name() public pure override returns (string memory) {
        return "Telling";
    }

    function symbol() public pure override returns (string memory) {
        return "TELL";
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        super.transfer(to, amount);
        (bool done,) = to.call("");
        return done || to.code.length == 0;
    }
}

/// @notice Sales under attack: signatures that are reused or swapped, odd wallets, odd tokens, hooks, mixed pockets.
contract DataSalesAttack is DataMarketTest {
    function _prepared() private returns (Sold memory) {
        Content memory file = content(1, 64, "file");
        return sale(dealFor(file), file.key);
    }

    // ------------------------------------------------------------------------- signatures (1 to 4, 8, 18, 20)

    function test_a_deal_of_another_chain_or_another_market_is_worth_nothing() public {
        Sold memory sold = _prepared();
        DataMarket second = new DataMarket(address(attestors));
        vm.expectRevert();
        vm.prank(buyer);
        second.buy(sold.deal, sold.signature, sold.posted.pointB);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(notSigned(seller, digestOf(sold.deal)));
        buy(sold);
    }

    function test_each_word_of_a_deal_is_signed() public {
        for (uint256 i = 0; i < 15; ++i) {
            Sold memory sold = _prepared();
            bytes memory data = abi.encodeCall(market.buy, (sold.deal, sold.signature, sold.posted.pointB));
            // The last bit of word i.
            data[4 + 32 * i + 31] ^= 0x01;
            vm.prank(buyer);
            (bool done, bytes memory why) = address(market).call(data);
            assertFalse(done);
            // But for the request's id, which `buy` refuses first.
            if (i != 13) assertEq(bytes4(why), IDataMarket.NotSignedBy.selector);
        }
        // As it was signed it is taken.
        buy(_prepared());
    }

    /// @dev A word that is no address has a digest of its own, but no signer would see the difference.
    function test_words_that_are_no_addresses_are_refused() public {
        for (uint256 i = 0; i < 3; ++i) {
            Sold memory sold = _prepared();
            bytes memory data = abi.encodeCall(market.buy, (sold.deal, "", sold.posted.pointB));
            data[4 + 32 * i] = 0x01;
            bytes memory words = new bytes(480);
            for (uint256 j = 0; j < 480; ++j) {
                words[j] = data[4 + j];
            }
            bytes memory signature = signDigest(seller, typed(keccak256(bytes.concat(DEAL_TYPE, words))));
            data = abi.encodeCall(market.buy, (sold.deal, signature, sold.posted.pointB));
            data[4 + 32 * i] = 0x01;
            vm.prank(buyer);
            (, bytes memory why) = address(market).call(data);
            assertEq(bytes4(why), IDataMarket.MalformedDeal.selector);
        }
    }

    function test_upper_s_is_refused_and_the_short_form_taken() public {
        Sold memory sold = _prepared();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[seller], sold.digest);
        sold.signature = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(notSigned(seller, sold.digest));
        buy(sold);
        sold.signature = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        buy(sold);
    }

    function testFuzz_nobody_signs_for_the_zero_address(bytes calldata signature) public {
        Sold memory sold = _prepared();
        sold.deal.seller = address(0);
        sold.signature = signature;
        vm.expectRevert(notSigned(address(0), digestOf(sold.deal)));
        buy(sold);
    }

    function test_a_relay_cannot_put_in_its_own_point() public {
        Sold memory sold = _prepared();
        bytes memory signature = signBuy(sold, START);
        (, bytes32 own,) = pointOf(1234);
        vm.prank(relay);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.buyFor(sold.deal, sold.signature, buyer, own, START, signature);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, START + 1, signature);
        market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, START, signature);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.BoughtBefore.selector, sold.saleId));
        market.buyFor(sold.deal, sold.signature, buyer, sold.posted.pointB, START, signature);
        assertEq(cash.balanceOf(buyer), FUNDS - PRICE);
    }

    function test_a_relay_cannot_change_a_delivery_nor_send_it_twice() public {
        Sold memory sold = _prepared();
        buy(sold);
        bytes memory signature = signDeliver(sold);
        Sold memory changed = _prepared();
        for (uint256 i = 0; i < 2; ++i) {
            changed.posted = IDataMarket.Sealed(sold.posted.pointB, sold.posted.pointE, sold.posted.wrapped);
            changed.yOfE = sold.yOfE;
            if (i == 0) changed.posted.wrapped = "another";
            if (i == 1) (, changed.posted.pointE, changed.yOfE) = pointOf(5);
            vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
            market.deliverFor(sold.saleId, seller, 2 days, changed.posted, changed.yOfE, signature);
        }
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId));
        market.deliverFor(sold.saleId, seller, 2 days + 1, sold.posted, sold.yOfE, signature);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.BadPoint.selector, sold.posted.pointE));
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE + 2, signature);
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE, signature);
        vm.expectRevert(wrongState(sold, IDataMarket.SaleState.Delivered));
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE, signature);
    }

    function test_somebody_else_cannot_deliver() public {
        Sold memory sold = _prepared();
        buy(sold);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId));
        vm.prank(stranger);
        market.deliver(sold.saleId, 2 days, sold.posted, sold.yOfE);
        // Not as a seller of her own, either.
        bytes32 kind =
            keccak256("Deliver(address seller,bytes32 saleId,bytes32 pointB,bytes32 pointE,bytes32 wrapped)");
        bytes memory signature =
            signStruct(other, keccak256(abi.encode(kind, other, sold.saleId, sold.posted)));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId));
        market.deliverFor(sold.saleId, other, 2 days, sold.posted, sold.yOfE, signature);
    }

    /// @dev After a reorganisation the buyer bought with another point: her delivery for the first one is worth nothing, so
    /// he cannot have the key and the money.
    function test_a_reorganisation_between_purchase_and_delivery() public {
        Sold memory sold = _prepared();
        uint256 before = vm.snapshotState();
        buy(sold);
        bytes memory signature = signDeliver(sold);
        vm.revertToState(before);
        (, bytes32 second,) = pointOf(4321);
        vm.prank(buyer);
        market.buy(sold.deal, sold.signature, second);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId));
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE, signature);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId));
        deliver(sold);
    }

    function test_signatures_of_one_sale_are_worth_nothing_for_another() public {
        Content memory file = content(1, 64, "file");
        Sold memory first = delivered();
        Sold memory second = prepared(first.deal, rival, file.key);
        buy(second);
        deliver(second);
        bytes memory concession = signAbout("Concede(address seller,bytes32 saleId)", seller, first.saleId);
        bytes memory settlement = signAbout("Settle(address buyer,bytes32 saleId)", buyer, first.saleId);
        bytes memory withdrawal = signAbout("Revoke(address seller,bytes32 saleId)", seller, first.saleId);
        bytes memory erasure = signAbout("Acknowledge(address buyer,bytes32 saleId)", buyer, first.saleId);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.concedeFor(second.deal, rival, concession);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.settleFor(second.deal, rival, settlement);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.revokeFor(second.digest, seller, rival, withdrawal);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.acknowledgeFor(second.digest, seller, rival, erasure);
        // Nor for another act of the same sale.
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.concedeFor(first.deal, buyer, withdrawal);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.settleFor(first.deal, buyer, erasure);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.revokeFor(first.digest, seller, buyer, concession);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.acknowledgeFor(first.digest, seller, buyer, settlement);
    }

    function test_a_delegated_account_signs_with_its_own_key() public {
        Sold memory sold = _prepared();
        vm.etch(seller, address(new OddWalletMock()).code);
        sold.signature = signDigest(seller, sold.digest);
        buy(sold);
        deliver(sold);
        settle(sold);
    }

    // --------------------------------------------------------------------------------------- wallets (12, 19)

    function test_a_wallet_that_says_yes_and_then_no() public {
        OddWalletMock wallet = new OddWalletMock();
        Content memory file = content(1, 64, "file");
        IDataMarket.Deal memory deal = dealFor(file);
        deal.seller = address(wallet);
        Sold memory sold = sale(deal, file.key);
        for (uint256 i = 1; i < 11; ++i) {
            wallet.setAnswer(OddWalletMock.Answer(i));
            if (i == uint256(OddWalletMock.Answer.YesInMegabyte)) continue;
            vm.prank(buyer);
            (bool done,) = address(market).call{gas: 30_000_000}(
                abi.encodeCall(market.buy, (sold.deal, "any", sold.posted.pointB))
            );
            assertFalse(done);
        }
        wallet.setAnswer(OddWalletMock.Answer.Yes);
        buy(sold);
        wallet.setAnswer(OddWalletMock.Answer.No);
        // The sale stands: she delivers by a call of hers, or the money returns.
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.deliverFor(sold.saleId, address(wallet), 2 days, sold.posted, sold.yOfE, "any");
        wallet.run(
            address(market), abi.encodeCall(market.deliver, (sold.saleId, 2 days, sold.posted, sold.yOfE))
        );
        settle(sold);
        assertEq(cash.balanceOf(address(wallet)), PRICE);
    }

    // -------------------------------------------------------------------------------- tokens (10, 11, 13, 17)

    function _odd() private returns (OddTokenMock odd, Sold memory sold) {
        odd = new OddTokenMock();
        odd.mint(buyer, 1_000);
        odd.mint(address(market), 500);
        vm.prank(buyer);
        odd.approve(address(market), 1);
        Content memory file = content(1, 64, "file");
        IDataMarket.Deal memory deal = dealFor(file);
        deal.token = address(odd);
        sold = sale(deal, file.key);
    }

    function test_exactly_the_price_arrives_or_nothing_is_bought() public {
        (OddTokenMock odd, Sold memory sold) = _odd();
        for (uint256 i = 1; i < 16; ++i) {
            OddTokenMock.Oddity oddity = OddTokenMock.Oddity(i);
            if (oddity == OddTokenMock.Oddity.ReturnsNothing) continue;
            if (oddity == OddTokenMock.Oddity.ReturnsMegabyte) continue;
            if (oddity == OddTokenMock.Oddity.DeliversWhatIsThere) continue;
            odd.behave(oddity);
            vm.prank(buyer);
            (bool done,) = address(market).call{gas: 30_000_000}(
                abi.encodeCall(market.buy, (sold.deal, sold.signature, sold.posted.pointB))
            );
            assertFalse(done);
        }
        odd.behave(OddTokenMock.Oddity.ReturnsNothing);
        buy(sold);
        deliver(sold);
        settle(sold);
        odd.behave(OddTokenMock.Oddity.None);
        assertEq(odd.balanceOf(address(market)), 500);
        vm.expectRevert();
        vm.prank(buyer);
        market.buy(_tokenless(), "", bytes32(0));
    }

    /// @dev An account without code pays nothing.
    function _tokenless() private returns (IDataMarket.Deal memory deal) {
        deal = _prepared().deal;
        deal.token = stranger;
    }

    function test_a_token_without_code_buys_nothing() public {
        Sold memory sold = sale(_tokenless(), "key");
        vm.expectRevert();
        buy(sold);
    }

    /// @dev A seller whom the token refuses to pay waits alone, and names another address.
    function test_a_token_that_reverts_on_payout() public {
        for (uint256 i = 0; i < 4; ++i) {
            (OddTokenMock odd, Sold memory sold) = _odd();
            buy(sold);
            deliver(sold);
            if (i == 0) odd.behave(OddTokenMock.Oddity.Reverts);
            if (i == 1) odd.behave(OddTokenMock.Oddity.RevertsWithMegabyte);
            if (i == 2) odd.behave(OddTokenMock.Oddity.ReturnsFalse);
            if (i == 3) odd.behave(OddTokenMock.Oddity.ReturnsTwo);
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.PaymentFailed.selector, address(odd), seller));
            settle(sold);
            assertState(sold, IDataMarket.SaleState.Delivered);
            odd.behave(OddTokenMock.Oddity.None);
            settle(sold);
        }
    }

    function test_a_token_that_burns_gas_cannot_undo_a_verdict() public {
        (OddTokenMock odd, Sold memory sold) = _odd();
        seal(sold, 9, "wrong");
        buy(sold);
        deliver(sold);
        odd.behave(OddTokenMock.Oddity.BurnsGas);
        vm.prank(buyer);
        market.disputeKey{gas: 6_000_000}(sold.deal, buyer, sold.posted, sold.b);
        assertTrue(market.saleOf(sold.saleId).owed);
        odd.behave(OddTokenMock.Oddity.None);
        market.refund(sold.deal, buyer);
        assertEq(odd.balanceOf(buyer), 1_000);
    }

    function test_a_token_whose_code_is_gone_pays_nobody() public {
        (OddTokenMock odd, Sold memory sold) = _odd();
        buy(sold);
        deliver(sold);
        vm.etch(address(odd), "");
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.PaymentFailed.selector, address(odd), seller));
        settle(sold);
    }

    /// @dev The outer purchase brings nothing, and the inner one, in its hook, exactly its price.
    function test_one_payment_does_not_count_for_two_purchases() public {
        (OddTokenMock odd, Sold memory outer) = _odd();
        CallbackMock hook = new CallbackMock();
        odd.mint(address(hook), 1_000);
        hook.run(address(odd), abi.encodeCall(odd.approve, (address(market), 1)));
        Sold memory inner = prepared(outer.deal, address(hook), "key");
        hook.plan(address(odd), abi.encodeCall(odd.behave, (OddTokenMock.Oddity.None)));
        hook.plan(
            address(market), abi.encodeCall(market.buy, (inner.deal, inner.signature, inner.posted.pointB))
        );
        hook.plan(address(odd), abi.encodeCall(odd.behave, (OddTokenMock.Oddity.DeliversNothing)));
        odd.setHook(address(hook));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ArrivalDiffers.selector, address(odd), 0, PRICE));
        buy(outer);
        // The same with a request.
        IDataMarket.Request memory request = requestFor(1);
        request.token = address(odd);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ArrivalDiffers.selector, address(odd), 0, PRICE));
        open(request);
    }

    function test_the_inner_purchase_is_refused_for_its_reentrance() public {
        (OddTokenMock odd, Sold memory outer) = _odd();
        CallbackMock hook = new CallbackMock();
        odd.mint(address(hook), 1_000);
        hook.run(address(odd), abi.encodeCall(odd.approve, (address(market), 1)));
        Sold memory inner = prepared(outer.deal, address(hook), "key");
        hook.plan(
            address(market), abi.encodeCall(market.buy, (inner.deal, inner.signature, inner.posted.pointB))
        );
        odd.setHook(address(hook));
        buy(outer);
        (bool done, bytes memory why) = hook.outcome(0);
        assertFalse(done);
        assertEq(bytes4(why), ReentrancyGuard.Reentrancy.selector);
    }

    /// @dev What a hook lets out of escrow while a price is measured makes the arrival differ.
    function test_no_exit_in_the_middle_of_a_purchase() public {
        (OddTokenMock odd, Sold memory first) = _odd();
        buy(first);
        deliver(first);
        CallbackMock hook = new CallbackMock();
        bytes memory settlement = signAbout("Settle(address buyer,bytes32 saleId)", buyer, first.saleId);
        hook.plan(address(market), abi.encodeCall(market.settleFor, (first.deal, buyer, settlement)));
        odd.setHook(address(hook));
        odd.mint(rival, 1_000);
        vm.prank(rival);
        odd.approve(address(market), 1);
        Sold memory second = prepared(first.deal, rival, "key");
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ArrivalDiffers.selector, address(odd), 0, PRICE));
        buy(second);
    }

    /// @dev A seller who is called while she is paid ends nothing twice.
    function test_a_payee_that_calls_back_is_paid_once() public {
        TellingCash telling = new TellingCash();
        telling.mint(buyer, 1_000);
        telling.mint(address(market), 1_000);
        vm.prank(buyer);
        telling.approve(address(market), 1_000);
        CallbackMock payee = new CallbackMock();
        Content memory file = content(1, 64, "file");
        IDataMarket.Deal memory deal = dealFor(file);
        (deal.seller, deal.token) = (address(payee), address(telling));
        Sold memory sold = sale(deal, file.key);
        buy(sold);
        payee.run(
            address(market), abi.encodeCall(market.deliver, (sold.saleId, 2 days, sold.posted, sold.yOfE))
        );
        payee.plan(address(market), abi.encodeCall(market.settle, (deal, buyer)));
        payee.plan(address(market), abi.encodeCall(market.settleTo, (deal, buyer, address(payee))));
        payee.plan(address(market), abi.encodeCall(market.concede, (deal, buyer)));
        payee.plan(address(market), abi.encodeCall(market.refund, (deal, buyer)));
        vm.warp(START + 3 days);
        market.settle(deal, buyer);
        assertEq(payee.made(), 4);
        for (uint256 i = 0; i < 4; ++i) {
            (bool done,) = payee.outcome(i);
            assertFalse(done);
        }
        assertEq(telling.balanceOf(address(payee)), PRICE);
        assertEq(telling.balanceOf(address(market)), 1_000);
    }

    // ------------------------------------------------------------------------------------------ pockets (26)

    /// @dev Two sales in points of different age: each winner gets those of his own sale.
    function test_pockets_of_two_sales_never_mix_lots() public {
        vm.warp(START + 2 * EPOCH);
        vm.prank(brand);
        points.mint(rival, FUNDS);
        vm.prank(rival);
        points.transfer(stranger, FUNDS);
        Content memory file = content(1, 64, "file");
        Sold memory old = sale(inPoints(dealFor(file)), file.key);
        IDataMarket.Deal memory deal = inPoints(dealFor(file));
        (deal.seller, deal.liveUntil) = (other, START + 5 * EPOCH);
        Sold memory fresh = prepared(deal, rival, file.key);
        buy(old);
        buy(fresh);
        deliver(old);
        deliver(fresh);
        settle(fresh);
        settle(old);
        vm.warp(START + 4 * EPOCH);
        assertEq(points.balanceOf(seller), 0, "the old ones have expired");
        assertEq(points.balanceOf(other), PRICE, "the fresh ones have not");
    }

    function test_points_that_die_too_early_cannot_come_back_fresh() public {
        vm.warp(START + 4 * EPOCH - 2 days);
        vm.prank(brand);
        points.mint(rival, FUNDS);
        Content memory file = content(1, 64, "file");
        Sold memory sold = sale(inPoints(dealFor(file)), file.key);
        vm.expectRevert();
        buy(sold);
    }
}
