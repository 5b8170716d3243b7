// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "./DataMarketTest.sol";

/// @notice Disputes: a wrong key or a wrong chunk returns the price, a right one never does.
contract DataMarketDisputesTest is DataMarketTest {
    function _sold(Content memory file, bytes32 key) private returns (Sold memory sold) {
        sold = sale(dealFor(file), file.key);
        seal(sold, scalar_(), key);
        buy(sold);
        deliver(sold);
    }

    function testFuzz_a_wrong_key_returns_the_price(bytes32 key, uint256 b, uint256 e) public {
        Content memory file = content(1, 32, "rows");
        vm.assume(key != file.key && b % ORDER != 0 && e % ORDER != 0);
        Sold memory sold = sale(dealFor(file), file.key);
        (sold.b, sold.posted.pointB,) = pointOf(b);
        seal(sold, e, key);
        buy(sold);
        deliver(sold);
        vm.expectEmit(address(market));
        emit IDataMarket.SaleEnded(sold.saleId, IDataMarket.SaleState.KeyWrong, buyer, address(cash), PRICE);
        disputeKey(sold);
        assertEq(cash.balanceOf(buyer), FUNDS);
        assertState(sold, IDataMarket.SaleState.KeyWrong);
    }

    function testFuzz_the_right_key_to_right_chunks_is_paid(bytes32 seed, uint256 b, uint256 e, uint256 index)
        public
    {
        vm.assume(b % ORDER != 0 && e % ORDER != 0);
        Content memory file = content(1 + uint256(seed) % 9, 32, seed);
        Sold memory sold = sale(dealFor(file), file.key);
        (sold.b, sold.posted.pointB,) = pointOf(b);
        seal(sold, e, file.key);
        buy(sold);
        deliver(sold);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsRight.selector, sold.saleId));
        disputeKey(sold);
        index %= file.count;
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ChunkIsRight.selector, index));
        disputeChunk(sold, chunkOf(file, index));
        settle(sold);
    }

    /// @dev In each file one chunk that is not what the manifest says: of any length, at any place.
    function testFuzz_a_wrong_chunk_returns_the_price(uint256 count, uint256 index, uint256 size) public {
        count = bound(count, 1, 7);
        index = bound(index, 0, count - 1);
        Content memory file = content(count, bound(size, 0, 70), "rows");
        file.plainLeaves[index] = keccak256("what was promised");
        grow(file);
        Sold memory sold = _sold(file, file.key);
        for (uint256 i = 0; i < count; ++i) {
            if (i == index) continue;
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.ChunkIsRight.selector, i));
            disputeChunk(sold, chunkOf(file, i));
        }
        disputeChunk(sold, chunkOf(file, index));
        assertEq(cash.balanceOf(buyer), FUNDS);
        assertState(sold, IDataMarket.SaleState.ChunkWrong);
    }

    function test_a_chunk_needs_the_right_key() public {
        Content memory file = content(2, 32, "rows");
        Sold memory sold = _sold(file, "wrong");
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsWrong.selector, sold.saleId));
        disputeChunk(sold, chunkOf(file, 0));
    }

    function test_disputes_around_the_deadline() public {
        Content memory file = content(1, 32, "rows");
        file.plainLeaves[0] = "promised";
        grow(file);
        for (uint256 i = 0; i < 6; ++i) {
            vm.warp(START);
            Sold memory sold = _sold(file, i < 3 ? bytes32("wrong") : file.key);
            uint256 deadline = START + 2 days;
            vm.warp(deadline - 1 + i % 3);
            if (i % 3 == 2) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.TooLate.selector, sold.saleId, deadline));
            }
            if (i < 3) disputeKey(sold);
            else disputeChunk(sold, chunkOf(file, 0));
        }
    }

    function test_what_was_not_posted_is_not_judged() public {
        Content memory file = content(1, 32, "rows");
        Sold memory sold = _sold(file, file.key);
        bytes memory reason = abi.encodeWithSelector(IDataMarket.NotWhatWasPosted.selector, sold.saleId);
        for (uint256 i = 0; i < 3; ++i) {
            Sold memory changed = sale(sold.deal, file.key);
            (changed.b, changed.posted) = (sold.b, sold.posted);
            if (i == 0) changed.posted.wrapped ^= bytes32(uint256(1));
            if (i == 1) (, changed.posted.pointE,) = pointOf(77);
            if (i == 2) (changed.b, changed.posted.pointB,) = pointOf(78);
            vm.expectRevert(reason);
            disputeKey(changed);
        }
    }

    /// @dev The verdict stands although the payment fails; it is paid once it can be, or elsewhere, and once.
    function test_a_verdict_whose_payment_fails() public {
        Content memory file = content(1, 32, "rows");
        for (uint256 i = 0; i < 3; ++i) {
            uint256 snapshot = vm.snapshotState();
            Sold memory sold = _sold(file, "wrong");
            bytes memory payment = abi.encodeCall(cash.transfer, (buyer, PRICE));
            vm.mockCallRevert(address(cash), payment, "frozen");
            vm.expectEmit(address(market));
            emit IDataMarket.PaymentRefused(sold.saleId, buyer);
            disputeKey(sold);
            assertTrue(market.saleOf(sold.saleId).owed);
            assertState(sold, IDataMarket.SaleState.KeyWrong);
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.PaymentFailed.selector, address(cash), buyer));
            market.refund(sold.deal, buyer);
            vm.warp(START + 9 days);
            vm.expectRevert(wrongState(sold, IDataMarket.SaleState.KeyWrong));
            market.settle(sold.deal, buyer);
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotTheParty.selector, buyer, seller));
            vm.prank(seller);
            market.settleTo(sold.deal, buyer, seller);
            if (i == 0) {
                vm.clearMockedCalls();
                vm.expectEmit(address(market));
                emit IDataMarket.PaymentMade(sold.saleId, buyer, address(cash), PRICE);
                market.refund(sold.deal, buyer);
                assertEq(cash.balanceOf(buyer), FUNDS);
            } else {
                vm.prank(buyer);
                market.settleTo(sold.deal, buyer, other);
                assertEq(cash.balanceOf(other), FUNDS + PRICE);
            }
            assertFalse(market.saleOf(sold.saleId).owed);
            vm.expectRevert(wrongState(sold, IDataMarket.SaleState.KeyWrong));
            market.refund(sold.deal, buyer);
            assertEq(cash.balanceOf(address(market)), 0);
            vm.clearMockedCalls();
            vm.revertToState(snapshot);
        }
    }
}
