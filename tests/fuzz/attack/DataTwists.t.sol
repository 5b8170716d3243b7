// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OddWalletMock} from "../../../contracts/mocks/OddWalletMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "../DataMarket/DataMarketTest.sol";
import {PlainToken} from "./OddTokens.sol";

/// @dev Points of another house behind a beacon: what it costs to ask for the length of an epoch is more than the probe has.
contract BeaconPoints is PlainToken {
    uint256[5] private _words = [uint256(1), 1, 1, 1, 30 days];

    function epochLength() external view returns (uint256) {
        return _words[0] * _words[1] * _words[2] * _words[3] * _words[4];
    }
}

/// @notice Small ways to hold others up, or to have something else counted than what was agreed.
contract DataTwists is DataMarketTest {
    /// @dev Made before, so that its storage is cold.
    BeaconPoints private slow;

    function setUp() public override {
        super.setUp();
        slow = new BeaconPoints();
    }

    /// @dev A seller's contract wallet burns what it is given; the batch needs no more than ten times its gas.
    function test_a_wallet_that_burns_gas_holds_nobody_up() public {
        IDataMarket.Request memory request = requestFor(9);
        open(request);
        OddWalletMock wallet = new OddWalletMock();
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](9);
        answers[0] = answer(answerTo(request, address(wallet)));
        for (uint256 i = 1; i < 9; ++i) {
            answers[i] =
                answer(answerTo(request, account(string(abi.encodePacked("home ", bytes1(uint8(48 + i)))))));
        }
        uint256 snapshot = vm.snapshotState();
        uint256 before = gasleft();
        vm.prank(buyer);
        assertEq(market.takeMany(request, answers), 9, "when he looked");
        before -= gasleft();
        vm.revertToState(snapshot);
        wallet.setAnswer(OddWalletMock.Answer.BurnsGas);
        vm.prank(buyer);
        assertEq(market.takeMany{gas: 10 * before}(request, answers), 8, "in the block");
    }

    /// @dev The buyer signed for what attestation 1 is about. It is revoked; the relay brings the seller's other one.
    function test_a_relay_cannot_swap_the_attestation() public {
        IDataMarket.Request memory request = requestFor(2);
        request.attestor = attestor;
        open(request);
        Sold memory sold = answerTo(request, seller);
        IDataMarket.Answer[] memory answers = new IDataMarket.Answer[](1);
        bytes[] memory signatures = new bytes[](1);
        answers[0] = answer(sold);
        answers[0].attestation = attest(request, seller, 1);
        signatures[0] = signBuyOf(sold, answers[0].attestation.contentHash, START + 1 hours);
        vm.prank(attestor);
        attestors.revokeAttestations(list(1));
        assertEq(market.takeManyFor(request, answers, START + 1 hours, signatures), 0, "revoked");
        answers[0].attestation = attest(request, seller, 2);
        answers[0].attestation.contentHash = keccak256("another record of hers");
        answers[0].attestation.signature = signAttestation(request, seller, answers[0].attestation);
        bytes32 kind = keccak256(
            "Buy(address buyer,bytes32 dealDigest,bytes32 content,bytes32 pointB,uint256 deadline)"
        );
        bytes32 about = answers[0].attestation.contentHash;
        bytes32 hash =
            keccak256(abi.encode(kind, buyer, sold.digest, about, sold.posted.pointB, START + 1 hours));
        vm.expectRevert(notSigned(buyer, typed(hash)));
        vm.prank(relay);
        market.takeManyFor(request, answers, START + 1 hours, signatures);
    }

    /// @dev Given for nothing, so no token is named that could be asked what of its points lives.
    function test_a_gift_without_a_token_ends() public {
        Content memory file = content(1, 64, "file");
        IDataMarket.Deal memory deal = inPoints(dealFor(file));
        (deal.token, deal.price) = (address(0), 0);
        Sold memory sold = sale(deal, file.key);
        buy(sold);
        deliver(sold);
        vm.warp(deal.liveUntil + 1);
        market.settle(sold.deal, buyer);
        assertState(sold, IDataMarket.SaleState.Paid);
    }

    /// @dev Else they would lie in the one balance in which old ones are paid out for fresh.
    function test_points_that_answer_slowly_are_no_cash() public {
        slow.mint(buyer, PRICE);
        vm.prank(buyer);
        slow.approve(address(market), PRICE);
        Content memory file = content(1, 64, "file");
        IDataMarket.Deal memory deal = dealFor(file);
        deal.token = address(slow);
        Sold memory sold = sale(deal, file.key);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotOfThisKind.selector, address(slow), ERC20));
        buy(sold);
    }
}
