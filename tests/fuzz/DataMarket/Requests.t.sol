// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {DataMarketTest} from "./DataMarketTest.sol";

/// @notice Requests with a budget: opened, answered, taken one or many, closed.
contract DataMarketRequestsTest is DataMarketTest {
    function _attested(uint256 number) private returns (IDataMarket.Request memory request) {
        request = requestFor(number);
        request.attestor = attestor;
    }

    function test_a_request_is_opened_taken_and_closed() public {
        IDataMarket.Request memory request = requestFor(3);
        bytes32 id = requestIdOf(request);
        vm.expectEmit(address(market));
        emit IDataMarket.RequestOpened(id, buyer, request);
        assertEq(open(request), id);
        assertEq(cash.balanceOf(address(market)), 3 * PRICE);
        assertEq(market.leftOf(id), 3);
        Sold memory sold = answerTo(request, seller);
        vm.expectEmit(address(market));
        emit IDataMarket.AnswerTaken(id, sold.saleId);
        take(request, sold);
        assertEq(market.leftOf(id), 2);
        assertState(sold, IDataMarket.SaleState.Bought);
        deliver(sold);
        settle(sold);
        assertEq(cash.balanceOf(seller), FUNDS + PRICE);
        vm.expectEmit(address(market));
        emit IDataMarket.RequestClosed(id, buyer, address(cash), 2 * PRICE);
        vm.prank(buyer);
        market.closeRequest(request);
        assertEq(cash.balanceOf(buyer), FUNDS - PRICE);
        assertEq(market.leftOf(id), 0);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.RequestNotOpen.selector, id));
        vm.prank(buyer);
        market.closeRequest(request);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OpenedBefore.selector, id));
        open(request);
    }

    function test_a_request_in_points() public {
        IDataMarket.Request memory request = inPoints(requestFor(3));
        bytes32 id = open(request);
        assertEq(market.liveUntilOf(request), request.openUntil + 4 days);
        assertEq(points.balanceOf(points.pocketOf(address(market), id)), 3 * PRICE);
        Sold memory first = answerTo(request, seller);
        Sold memory second = answerTo(request, other);
        take(request, first);
        take(request, second);
        assertEq(points.balanceOf(points.pocketOf(address(market), id)), 3 * PRICE);
        deliver(first);
        settle(first);
        assertEq(points.balanceOf(seller), FUNDS + PRICE);
        vm.prank(buyer);
        market.closeRequest(request);
        assertEq(points.balanceOf(buyer), FUNDS - 2 * PRICE);
        assertEq(points.balanceOf(points.pocketOf(address(market), id)), PRICE);
        vm.warp(START + 1 days + 1);
        market.refund(second.deal, buyer);
        assertEq(points.balanceOf(buyer), FUNDS - PRICE);
    }

    /// @dev Of three answers and one that is left, who calls too late finds half of the price, whoever calls first.
    function test_what_expired_of_a_budget_is_shared() public {
        uint256 gone = START + 4 * EPOCH;
        vm.warp(START + EPOCH);
        vm.prank(brand);
        points.mint(stranger, 2 * PRICE);
        IDataMarket.Request memory request = inPoints(requestFor(4));
        // The older half is the buyer's, the younger a stranger's gift to him.
        vm.prank(buyer);
        points.transfer(other, FUNDS - 2 * PRICE);
        vm.prank(stranger);
        points.transfer(buyer, 2 * PRICE);
        open(request);
        address[3] memory sellers = [seller, account("second"), account("third")];
        Sold[] memory sold = new Sold[](3);
        for (uint256 i = 0; i < 3; ++i) {
            sold[i] = answerTo(request, sellers[i]);
            take(request, sold[i]);
            deliver(sold[i]);
        }
        vm.warp(gone);
        uint256 closing = vm.snapshotState();
        for (uint256 first = 0; first < 4; ++first) {
            for (uint256 i = 0; i < 4; ++i) {
                uint256 turn = (first + i) % 4;
                uint256 before = points.balanceOf(turn == 3 ? buyer : sellers[turn]);
                if (turn == 3) market.closeRequest(request);
                else market.settle(sold[turn].deal, buyer);
                uint256 held = points.balanceOf(turn == 3 ? buyer : sellers[turn]);
                assertEq(held, before + PRICE / 2);
            }
            vm.revertToState(closing);
        }
    }

    /// @dev What is owed keeps its share, and has it once.
    function test_a_refused_payment_keeps_its_share() public {
        IDataMarket.Request memory request = inPoints(requestFor(2));
        bytes32 id = open(request);
        Sold memory cheated = answerTo(request, seller);
        Sold memory honest = answerTo(request, other);
        take(request, cheated);
        take(request, honest);
        seal(cheated, 77, "another key");
        deliver(cheated);
        deliver(honest);
        bytes memory payment = abi.encodeWithSelector(ILoyaltyToken.transferFromPocket.selector, id, buyer);
        vm.mockCallRevert(address(points), payment, "frozen");
        disputeKey(cheated);
        vm.clearMockedCalls();
        assertTrue(market.saleOf(cheated.saleId).owed);
        vm.warp(START + 4 * EPOCH);
        // Somebody's fresh gift is all that lives: half for each.
        address pocket = points.pocketOf(address(market), id);
        vm.prank(brand);
        points.mint(pocket, PRICE);
        market.settle(honest.deal, buyer);
        assertEq(points.balanceOf(other), PRICE / 2);
        market.refund(cheated.deal, buyer);
        assertEq(points.balanceOf(buyer), PRICE / 2);
    }

    function test_a_budget_of_points_that_expired() public {
        IDataMarket.Request memory request = inPoints(requestFor(3));
        open(request);
        vm.warp(START + 4 * EPOCH);
        market.closeRequest(request);
        assertEq(points.balanceOf(buyer), 0);
        assertEq(market.leftOf(requestIdOf(request)), 0);
    }

    function test_free_answers_in_points_move_nothing() public {
        IDataMarket.Request memory request = inPoints(requestFor(1));
        request.price = 0;
        open(request);
        Sold memory sold = answerTo(request, seller);
        take(request, sold);
        deliver(sold);
        settle(sold);
        assertEq(points.balanceOf(buyer), FUNDS);
    }

    function test_everything_by_signature() public {
        IDataMarket.Request memory request = requestFor(2);
        bytes32 id = requestIdOf(request);
        bytes memory signature = signDigest(buyer, id);
        vm.startPrank(stranger);
        market.openRequestFor(request, signature);
        Sold memory sold = answerTo(request, seller);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](1);
        answers[0] = answer(sold);
        bytes[] memory buys = new bytes[](1);
        buys[0] = signBuy(sold, START);
        assertEq(market.takeManyFor(request, answers, START, buys), 1);
        assertEq(market.takeManyFor(request, answers, START, buys), 0);
        address elsewhere = makeAddr("elsewhere");
        bytes memory closing =
            signTo("CloseRequest(address buyer,bytes32 requestId,address to)", buyer, id, elsewhere);
        vm.expectRevert();
        market.closeRequestToFor(request, stranger, closing);
        market.closeRequestToFor(request, elsewhere, closing);
        vm.stopPrank();
        assertEq(cash.balanceOf(elsewhere), PRICE);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.CountsDiffer.selector, 1, 0));
        market.takeManyFor(request, answers, START, new bytes[](0));
    }

    function test_opening_by_a_bad_or_cancelled_signature() public {
        IDataMarket.Request memory request = requestFor(2);
        bytes32 id = requestIdOf(request);
        bytes memory wrong = signDigest(rival, id);
        bytes memory right = signDigest(buyer, id);
        vm.expectRevert(notSigned(buyer, id));
        market.openRequestFor(request, wrong);
        vm.prank(buyer);
        market.cancel(list(request.nonce));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealCancelled.selector, buyer, request.nonce));
        market.openRequestFor(request, right);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, rival));
        vm.prank(rival);
        market.openRequest(request);
    }

    function _notOpened(IDataMarket.Request memory request, bytes memory reason) private {
        vm.expectRevert(reason);
        open(request);
    }

    function test_requests_that_are_refused() public {
        IDataMarket.Request memory request = requestFor(1);
        request.seller = seller;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.SubscriptionsNotSupported.selector, seller, 0));
        request = requestFor(1);
        request.periodSeconds = 1;
        _notOpened(
            request, abi.encodeWithSelector(IDataMarket.SubscriptionsNotSupported.selector, address(0), 1)
        );
        request = requestFor(1);
        request.openUntil = START - 1;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.DealExpired.selector, START - 1));
        request.openUntil = 1 << 40;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.OpenUntilTooFar.selector, 1 << 40));
        _notOpened(requestFor(0), abi.encodeWithSelector(IDataMarket.NumberOutOfRange.selector, 0));
        _notOpened(
            requestFor(1 << 32), abi.encodeWithSelector(IDataMarket.NumberOutOfRange.selector, 1 << 32)
        );
        request = requestFor(1);
        request.tokenKind = 2;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.TokenKindUnknown.selector, 2));
        request = requestFor(1);
        request.price = 1 << 128;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.PriceOutOfRange.selector, 1 << 128));
        request = requestFor(1);
        request.maxDisputeSeconds = 2 days - 1;
        _notOpened(request, abi.encodeWithSelector(IDataMarket.TimesOutOfRange.selector, 1 days, 2 days - 1));
        request = inPoints(requestFor(1));
        request.openUntil = START + 4 * EPOCH - 4 days;
        uint256 until = START + 4 * EPOCH;
        _notOpened(
            request,
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, buyer, 0, PRICE, until, 0)
        );
    }

    function test_answers_that_do_not_fit() public {
        IDataMarket.Request memory request = requestFor(9);
        bytes32 id = open(request);
        for (uint256 i = 0; i < 7; ++i) {
            IDataMarket.Deal memory deal = answerTo(request, seller).deal;
            if (i == 0) deal.token = address(points);
            if (i == 1) (deal.tokenKind, deal.liveUntil) = (POINTS, START + 4 days);
            if (i == 2) deal.price += 1;
            if (i == 3) deal.termsHash = "other terms";
            if (i == 4) deal.deliverSeconds += 1;
            if (i == 5) deal.disputeSeconds += 1;
            if (i == 6) deal.liveUntil += 1;
            Sold memory sold = prepared(deal, buyer, bytes32(0));
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotAsRequested.selector, id));
            take(request, sold);
        }
        IDataMarket.Request memory paidInPoints = inPoints(requestFor(1));
        bytes32 other_ = open(paidInPoints);
        for (uint256 i = 0; i < 2; ++i) {
            IDataMarket.Deal memory deal = answerTo(paidInPoints, seller).deal;
            deal.liveUntil = i == 0 ? deal.liveUntil - 1 : deal.liveUntil + 1;
            Sold memory sold = prepared(deal, buyer, bytes32(0));
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotAsRequested.selector, other_));
            take(paidInPoints, sold);
        }
        Sold memory foreign = answerTo(requestFor(1), seller);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OtherRequest.selector, id, foreign.deal.requestId));
        take(request, foreign);
        Sold memory reserved = answerTo(request, seller);
        reserved.deal.buyer = rival;
        reserved = prepared(reserved.deal, buyer, bytes32(0));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OnlyBuyer.selector, rival, buyer));
        take(request, reserved);
        Sold memory fine = answerTo(request, seller);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, rival));
        vm.prank(rival);
        market.take(request, fine.deal, fine.signature, fine.posted.pointB);
    }

    function test_nothing_is_taken_that_is_not_there() public {
        IDataMarket.Request memory request = requestFor(1);
        Sold memory first = answerTo(request, seller);
        Sold memory second = answerTo(request, other);
        bytes32 id = requestIdOf(request);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.RequestNotOpen.selector, id));
        take(request, first);
        open(request);
        take(request, first);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.RequestNotOpen.selector, id));
        take(request, second);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.BoughtBefore.selector, first.saleId));
        take(request, first);
    }

    function test_taking_and_closing_around_the_last_second() public {
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START);
            IDataMarket.Request memory request = requestFor(2);
            open(request);
            Sold memory sold = answerTo(request, seller);
            sold.deal.openUntil = START + 30 days;
            sold = prepared(sold.deal, buyer, bytes32(0));
            vm.warp(request.openUntil - 1 + i);
            if (i < 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, stranger));
                vm.prank(stranger);
                market.closeRequest(request);
            } else {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealExpired.selector, request.openUntil));
            }
            take(request, sold);
            vm.prank(i < 2 ? buyer : stranger);
            market.closeRequest(request);
        }
        assertEq(cash.balanceOf(buyer), FUNDS - 2 * PRICE);
    }

    function test_attested_answers() public {
        IDataMarket.Request memory request = _attested(5);
        bytes32 id = open(request);
        Sold memory sold = answerTo(request, seller);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.AttestationExpected.selector, attestor));
        take(request, sold);
        assertFalse(market.subjectTaken(id, seller));
        takeAttested(request, sold, attest(request, seller, 1));
        assertTrue(market.subjectTaken(id, seller));
        IDataMarket.Request memory plain = requestFor(1);
        open(plain);
        Sold memory another = answerTo(plain, seller);
        IDataMarket.Attestation memory attestation = attest(request, seller, 1);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.AttestationExpected.selector, address(0)));
        takeAttested(plain, another, attestation);
    }

    function test_attestations_around_their_seconds() public {
        IDataMarket.Request memory request = _attested(5);
        open(request);
        Sold memory sold = answerTo(request, seller);
        IDataMarket.Attestation memory attestation = attest(request, seller, 1);
        attestation.issued = START + 10;
        attestation.expires = START + 20;
        attestation.signature = signAttestation(request, seller, attestation);
        bytes memory reason =
            abi.encodeWithSelector(IDataMarket.AttestationNotCurrent.selector, START + 10, START + 20);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(i < 2 ? START + 9 + i : START + 18 + i);
            if (i % 3 == 0) vm.expectRevert(reason);
            takeAttested(request, sold, attestation);
            vm.revertToState(snapshot);
        }
    }

    function test_a_revoked_attestation_takes_nothing_more_and_undoes_nothing() public {
        IDataMarket.Request memory request = _attested(5);
        open(request);
        Sold memory first = answerTo(request, seller);
        Sold memory second = answerTo(request, other);
        takeAttested(request, first, attest(request, seller, 1));
        uint256[] memory indices = new uint256[](2);
        (indices[0], indices[1]) = (1, 2);
        vm.prank(attestor);
        attestors.revokeAttestations(indices);
        IDataMarket.Attestation memory attestation = attest(request, other, 2);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.AttestationRevoked.selector, attestor, 2));
        takeAttested(request, second, attestation);
        deliver(first);
        settle(first);
        assertEq(cash.balanceOf(seller), FUNDS + PRICE);
    }

    /// @dev Of six answers, one of each kind that ended meanwhile, and one that did not.
    function test_many_are_taken_and_those_that_ended_passed_over() public {
        IDataMarket.Request memory request = _attested(9);
        bytes32 id = open(request);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](8);
        Sold memory kept;
        for (uint256 i = 0; i < 8; ++i) {
            address who = account(string(abi.encodePacked("household ", bytes1(uint8(65 + i)))));
            Sold memory sold = answerTo(request, who);
            answers[i] = answer(sold);
            answers[i].attestation = attest(request, who, i);
            if (i == 0) takeAttested(request, sold, answers[i].attestation);
            if (i == 1) {
                vm.prank(who);
                market.cancel(list(sold.deal.nonce));
            }
            if (i == 2) answers[i].signature = answers[0].signature;
            if (i == 3) {
                vm.prank(attestor);
                attestors.revokeAttestations(list(i));
            }
            if (i == 4) answers[i].attestation.expires -= 1;
            if (i == 5) kept = sold;
            if (i == 6) {
                answers[i].deal.openUntil = START - 1;
                answers[i].signature = signDigest(who, digestOf(answers[i].deal));
            }
            if (i == 7) {
                // Another deal of a household that was taken.
                answers[i].deal = answerTo(request, answers[0].deal.seller).deal;
                answers[i].signature = signDigest(answers[0].deal.seller, digestOf(answers[i].deal));
                answers[i].attestation = answers[0].attestation;
            }
        }
        vm.prank(buyer);
        assertEq(market.takeMany(request, answers), 1);
        assertState(kept, IDataMarket.SaleState.Bought);
        assertEq(market.leftOf(id), 7);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, rival));
        vm.prank(rival);
        market.takeMany(request, answers);
    }

    function test_many_without_an_attestor() public {
        IDataMarket.Request memory request = requestFor(2);
        open(request);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](2);
        answers[0] = answer(answerTo(request, seller));
        answers[1] = answer(answerTo(request, other));
        vm.prank(buyer);
        assertEq(market.takeMany(request, answers), 2);
        assertEq(market.leftOf(requestIdOf(request)), 0);
    }

    function test_closing_to_another_address() public {
        IDataMarket.Request memory request = requestFor(2);
        open(request);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, rival));
        vm.prank(rival);
        market.closeRequestTo(request, rival);
        vm.prank(buyer);
        market.closeRequestTo(request, other);
        assertEq(cash.balanceOf(other), FUNDS + 2 * PRICE);
    }
}
