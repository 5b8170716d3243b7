// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "../DataMarket/DataMarketTest.sol";

/// @notice Requests under attack: drained by one subject, by junk, or out of another's money.
contract DataRequestsAttack is DataMarketTest {
    function _attested(uint256 number) private returns (IDataMarket.Request memory request) {
        request = requestFor(number);
        request.attestor = attestor;
        open(request);
    }

    /// @dev One household that signs many deals is taken once, one by one and in a batch.
    function test_a_subject_is_taken_once() public {
        IDataMarket.Request memory request = _attested(5);
        Sold memory first = answerTo(request, seller);
        Sold memory second = answerTo(request, seller);
        IDataMarket.Attestation memory attestation = attest(request, seller, 1);
        IDataMarket.Attestation memory renewed = attest(request, seller, 2);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](2);
        (answers[0], answers[1]) = (answer(first), answer(second));
        (answers[0].attestation, answers[1].attestation) = (attestation, renewed);
        uint256 snapshot = vm.snapshotState();
        vm.prank(buyer);
        assertEq(market.takeMany(request, answers), 1);
        vm.revertToState(snapshot);
        takeAttested(request, first, attestation);
        vm.expectRevert(
            abi.encodeWithSelector(IDataMarket.SubjectTaken.selector, requestIdOf(request), seller)
        );
        takeAttested(request, second, renewed);
        // In another request she counts anew.
        request = _attested(1);
        takeAttested(request, answerTo(request, seller), attestation);
    }

    /// @dev Under another address of hers nobody attested her.
    function test_another_address_of_the_same_subject_is_not_attested() public {
        IDataMarket.Request memory request = _attested(5);
        Sold memory sold = answerTo(request, other);
        IDataMarket.Attestation memory attestation = attest(request, seller, 1);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        takeAttested(request, sold, attestation);
    }

    function test_each_word_of_an_attestation_is_signed() public {
        IDataMarket.Request memory request = _attested(5);
        Sold memory sold = answerTo(request, seller);
        for (uint256 i = 0; i < 7; ++i) {
            IDataMarket.Attestation memory attestation = attest(request, seller, 1);
            if (i == 0) attestation.contentHash ^= bytes32(uint256(1));
            if (i == 1) attestation.issued -= 1;
            if (i == 2) attestation.expires += 1;
            if (i == 3) attestation.index += 1;
            if (i == 4) attestation.signature = "";
            if (i == 5) attestation.signature = signDigest(seller, sold.digest);
            if (i == 6) {
                IDataMarket.Request memory about = requestFor(1);
                (about.attestor, about.schema) = (attestor, "another schema");
                attestation.signature = signAttestation(about, seller, attestation);
            }
            vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
            takeAttested(request, sold, attestation);
        }
    }

    /// @dev An attestor of the answerer's own is not the one that the request names.
    function test_an_attestor_of_her_own() public {
        IDataMarket.Request memory request = _attested(5);
        Sold memory sold = answerTo(request, seller);
        IDataMarket.Attestation memory attestation = attest(request, seller, 1);
        IDataMarket.Request memory own = requestFor(1);
        (own.attestor, own.schema) = (attestor, request.schema);
        keys[attestor] = keys[stranger] = uint256(keccak256("her own attestor"));
        attestation.signature = signAttestation(own, seller, attestation);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        takeAttested(request, sold, attestation);
    }

    function test_an_answer_is_worth_nothing_outside_its_request() public {
        IDataMarket.Request memory request = requestFor(5);
        open(request);
        IDataMarket.Request memory second = requestFor(5);
        open(second);
        Sold memory sold = answerTo(request, seller);
        vm.expectRevert(
            abi.encodeWithSelector(IDataMarket.OtherRequest.selector, bytes32(0), sold.deal.requestId)
        );
        buy(sold);
        vm.expectPartialRevert(IDataMarket.OtherRequest.selector);
        take(second, sold);
        take(request, sold);
    }

    /// @dev Two requests and a sale in one token: what each can pay out is what was paid in for it.
    function test_no_request_pays_out_of_another_s_money() public {
        IDataMarket.Request memory request = requestFor(2);
        open(request);
        IDataMarket.Request memory second = requestFor(3);
        open(second);
        bought();
        take(request, answerTo(request, seller));
        take(request, answerTo(request, other));
        Sold memory third = answerTo(request, stranger = account("third"));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.RequestNotOpen.selector, requestIdOf(request)));
        take(request, third);
        vm.startPrank(buyer);
        vm.expectPartialRevert(IDataMarket.RequestNotOpen.selector);
        market.closeRequest(request);
        market.closeRequest(second);
        vm.stopPrank();
        assertEq(cash.balanceOf(address(market)), 3 * PRICE);
        assertEq(cash.balanceOf(buyer), FUNDS - 3 * PRICE);
    }

    /// @dev A request that is the same in every word is the same request: it cannot be opened for its budget twice.
    function test_a_signed_request_is_opened_once() public {
        IDataMarket.Request memory request = requestFor(2);
        bytes memory signature = signDigest(buyer, requestIdOf(request));
        market.openRequestFor(request, signature);
        vm.prank(buyer);
        market.closeRequest(request);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OpenedBefore.selector, requestIdOf(request)));
        market.openRequestFor(request, signature);
        assertEq(cash.balanceOf(buyer), FUNDS);
    }

    /// @dev A relay that holds the buyer's signatures can change neither answer nor point nor deadline.
    function test_a_relay_takes_what_the_buyer_signed_and_nothing_else() public {
        IDataMarket.Request memory request = requestFor(2);
        open(request);
        Sold memory sold = answerTo(request, seller);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](1);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signBuy(sold, START);
        answers[0] = answer(answerTo(request, other));
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.takeManyFor(request, answers, START, signatures);
        answers[0] = answer(sold);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.takeManyFor(request, answers, START + 1, signatures);
        (, answers[0].pointB,) = pointOf(99);
        vm.expectPartialRevert(IDataMarket.NotSignedBy.selector);
        market.takeManyFor(request, answers, START, signatures);
        answers[0] = answer(sold);
        uint256 snapshot = vm.snapshotState();
        vm.prank(buyer);
        market.cancel(list(sold.deal.nonce));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.DealCancelled.selector, buyer, sold.deal.nonce));
        market.takeManyFor(request, answers, START, signatures);
        vm.revertToState(snapshot);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.PurchaseExpired.selector, START));
        market.takeManyFor(request, answers, START, signatures);
    }

    /// @dev A stranger who sends dying points into a request's pocket cannot have them paid out for fresh ones.
    function test_dying_points_in_a_request_s_pocket_stay_behind() public {
        vm.warp(START + 3 * EPOCH + 20 days);
        vm.prank(brand);
        points.mint(buyer, 2 * PRICE);
        IDataMarket.Request memory request = inPoints(requestFor(2));
        bytes32 id = open(request);
        address pocket = points.pocketOf(address(market), id);
        vm.prank(rival);
        points.transfer(pocket, 2 * PRICE);
        Sold memory sold = answerTo(request, seller);
        take(request, sold);
        deliver(sold);
        settle(sold);
        vm.prank(buyer);
        market.closeRequest(request);
        (uint256[4] memory amounts,) = points.lotsOf(pocket);
        assertEq(amounts[0], 2 * PRICE, "the dying ones");
        assertEq(amounts[3], 0);
        (amounts,) = points.lotsOf(seller);
        assertEq(amounts[3], PRICE, "the fresh ones");
    }

    /// @dev The buyer cannot leave his sellers with expired points by waiting and closing first.
    function test_a_late_close_takes_nothing_that_sellers_wait_for() public {
        vm.warp(START + EPOCH);
        vm.prank(brand);
        points.mint(stranger, PRICE);
        vm.prank(buyer);
        points.transfer(other, FUNDS - PRICE);
        vm.prank(stranger);
        points.transfer(buyer, PRICE);
        IDataMarket.Request memory request = inPoints(requestFor(2));
        open(request);
        Sold memory sold = answerTo(request, seller);
        take(request, sold);
        deliver(sold);
        vm.warp(START + 4 * EPOCH);
        vm.prank(buyer);
        market.closeRequest(request);
        assertEq(points.balanceOf(buyer), PRICE / 2);
        market.settle(sold.deal, buyer);
        assertEq(points.balanceOf(seller), PRICE / 2);
    }
}
