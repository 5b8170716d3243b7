// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataMarketTest} from "../DataMarket/DataMarketTest.sol";

/// @notice Disputes under attack: false ones, borders of the curve, garbage; the honest side always has a way out (27).
contract DataDisputesAttack is DataMarketTest {
    bytes4 private constant PANIC = 0x4e487b71;

    function _sold(Content memory file, bytes32 key) private returns (Sold memory sold) {
        sold = sale(dealFor(file), file.key);
        seal(sold, scalar_(), key);
        buy(sold);
        deliver(sold);
    }

    function _notInManifest(Sold memory sold, IDataMarket.Chunk memory chunk) private {
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NotInManifest.selector, chunk.index));
        disputeChunk(sold, chunk);
    }

    // ---------------------------------------------------------------------------------------- the tree (14)

    function test_a_false_dispute_with_a_made_up_chunk() public {
        Content memory file = content(6, 64, "file");
        Sold memory sold = _sold(file, file.key);
        for (uint256 i = 0; i < 6; ++i) {
            IDataMarket.Chunk memory chunk = chunkOf(file, i);
            chunk.plainLeaf = "another";
            _notInManifest(sold, chunk);
            chunk = chunkOf(file, i);
            chunk.ciphertext[7] ^= 0x01;
            _notInManifest(sold, chunk);
            chunk = chunkOf(file, i);
            chunk.ciphertext = bytes.concat(chunk.ciphertext, hex"00");
            _notInManifest(sold, chunk);
            chunk = chunkOf(file, i);
            chunk.index = (i + 1) % 6;
            _notInManifest(sold, chunk);
        }
    }

    function test_high_bits_of_the_index_win_nothing() public {
        Content memory file = content(5, 64, "file");
        Sold memory sold = _sold(file, file.key);
        for (uint256 bit = 3; bit < 256; ++bit) {
            IDataMarket.Chunk memory chunk = chunkOf(file, 4);
            chunk.index = 4 | 1 << bit;
            _notInManifest(sold, chunk);
        }
    }

    function test_proofs_of_another_length_win_nothing() public {
        Content memory file = content(5, 64, "file");
        Sold memory sold = _sold(file, file.key);
        for (uint256 length = 0; length < 6; ++length) {
            if (length == 3) continue;
            IDataMarket.Chunk memory chunk = chunkOf(file, 2);
            bytes32[] memory proof = new bytes32[](length);
            for (uint256 i = 0; i < length && i < 3; ++i) {
                proof[i] = chunk.proof[i];
            }
            chunk.proof = proof;
            _notInManifest(sold, chunk);
        }
    }

    /// @dev The seller's own tree cannot hide the last chunk, nor can the buyer prove what only fills the tree up.
    function test_the_last_chunk_is_judged_and_what_fills_up_is_not() public {
        Content memory file = content(5, 64, "file");
        file.plainLeaves[4] = "promised";
        grow(file);
        Sold memory sold = _sold(file, file.key);
        IDataMarket.Chunk memory filling = IDataMarket.Chunk(5, 0, "", proofOf(file, 5));
        _notInManifest(sold, filling);
        disputeChunk(sold, chunkOf(file, 4));
        assertState(sold, IDataMarket.SaleState.ChunkWrong);
    }

    // --------------------------------------------------------------------------------------- the curve (27)

    function test_points_at_the_borders_cannot_be_posted() public {
        bytes32[6] memory none = [
            bytes32(0),
            bytes32(uint256(5)),
            bytes32(ORDER),
            bytes32(ORDER + 2),
            bytes32(FIELD),
            bytes32(type(uint256).max)
        ];
        Content memory file = content(1, 64, "file");
        for (uint256 i = 0; i < none.length; ++i) {
            Sold memory sold = sale(dealFor(file), file.key);
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.BadPoint.selector, none[i]));
            vm.prank(buyer);
            market.buy(sold.deal, sold.signature, none[i]);
            buy(sold);
            sold.posted.pointE = none[i];
            for (uint256 y = 0; y < 4; ++y) {
                sold.yOfE = y;
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.BadPoint.selector, none[i]));
                deliver(sold);
            }
        }
    }

    /// @dev ±G, B itself (so −B: their x is one) for E: the right key is right, a wrong one wrong, and nothing panics.
    function test_points_that_are_odd_choices() public {
        Content memory file = content(1, 64, "file");
        for (uint256 i = 0; i < 8; ++i) {
            bytes32 key = i % 2 == 0 ? file.key : bytes32("wrong");
            Sold memory sold = sale(dealFor(file), file.key);
            if (i / 2 == 1) (sold.b, sold.posted.pointB,) = pointOf(1);
            uint256 e = i / 2 == 2 ? sold.b : i / 2 == 3 ? ORDER - 1 : 1;
            seal(sold, e, key);
            buy(sold);
            deliver(sold);
            if (i % 2 == 0) {
                vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsRight.selector, sold.saleId));
            }
            disputeKey(sold);
        }
    }

    function test_scalars_at_the_borders() public {
        Content memory file = content(1, 64, "file");
        Sold memory sold = _sold(file, "wrong");
        uint256 right = sold.b;
        uint256[5] memory wrong = [uint256(0), ORDER, ORDER - right, type(uint256).max, right ^ 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            sold.b = wrong[i];
            vm.expectRevert(abi.encodeWithSelector(IDataMarket.WrongScalar.selector, sold.posted.pointB));
            disputeKey(sold);
        }
        (sold.b, sold.posted.pointB,) = pointOf(3);
        // b + n is the same scalar.
        Content memory second = content(1, 64, "second");
        Sold memory again = sale(dealFor(second), second.key);
        (again.b, again.posted.pointB,) = pointOf(3);
        seal(again, 8, "wrong");
        buy(again);
        deliver(again);
        again.b += ORDER;
        disputeKey(again);
        assertState(again, IDataMarket.SaleState.KeyWrong);
    }

    function test_the_key_zero_is_a_key() public {
        Content memory file = content(1, 64, "file");
        file.key = 0;
        file.ciphers[0] = applyStream(0, 0, file.chunks[0]);
        grow(file);
        Sold memory sold = _sold(file, 0);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsRight.selector, sold.saleId));
        disputeKey(sold);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ChunkIsRight.selector, 0));
        disputeChunk(sold, chunkOf(file, 0));
        settle(sold);
    }

    // -------------------------------------------------------------------------------------------- garbage

    function testFuzz_a_dispute_never_panics(
        uint256 how,
        uint256 scalar,
        IDataMarket.Sealed calldata posted,
        IDataMarket.Chunk calldata chunk
    ) public {
        Content memory file = content(3, 32, "file");
        Sold memory sold = _sold(file, how % 2 == 0 ? file.key : bytes32("wrong"));
        if (how % 4 == 3) sold.posted = posted;
        if (how % 8 > 3) sold.b = scalar;
        bytes memory data = how % 3 == 0
            ? abi.encodeCall(market.disputeKey, (sold.deal, buyer, sold.posted, sold.b))
            : abi.encodeCall(market.disputeChunk, (sold.deal, buyer, sold.posted, sold.b, chunk));
        (bool done, bytes memory why) = address(market).call(data);
        if (done) return;
        assertGe(why.length, 4, "a reason");
        assertTrue(bytes4(why) != PANIC, "no panic");
    }

    // ---------------------------------------------------------------------------------- who wins what (18, 27)

    /// @dev Whoever learns b can dispute, and the money goes to the buyer all the same.
    function test_somebody_else_who_learned_the_scalar() public {
        Content memory file = content(1, 64, "file");
        Sold memory sold = _sold(file, "wrong");
        vm.prank(stranger);
        market.disputeKey(sold.deal, buyer, sold.posted, sold.b);
        assertEq(cash.balanceOf(buyer), FUNDS);
        sold = _sold(file, file.key);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsRight.selector, sold.saleId));
        vm.prank(stranger);
        market.disputeKey(sold.deal, buyer, sold.posted, sold.b);
    }

    /// @dev A key that is held back until after the deadline, and one that never comes, return the price.
    function test_a_late_key_and_no_key() public {
        Content memory file = content(1, 64, "file");
        Sold memory sold = sale(dealFor(file), file.key);
        buy(sold);
        vm.warp(START + 1 days + 1);
        vm.expectPartialRevert(IDataMarket.TooLate.selector);
        deliver(sold);
        bytes memory signature = signDeliver(sold);
        vm.expectPartialRevert(IDataMarket.TooLate.selector);
        market.deliverFor(sold.saleId, seller, 2 days, sold.posted, sold.yOfE, signature);
        market.refund(sold.deal, buyer);
        assertEq(cash.balanceOf(buyer), FUNDS);
    }

    /// @dev Withdrawing consent returns no price and costs none.
    function test_revoking_moves_no_money() public {
        Content memory file = content(1, 64, "file");
        Sold memory sold = _sold(file, "wrong");
        vm.prank(seller);
        market.revoke(sold.digest, buyer);
        disputeKey(sold);
        assertEq(cash.balanceOf(buyer), FUNDS);
        assertEq(market.saleOf(sold.saleId).revokedAt, START);
    }

    /// @dev A scalar that opens one sale opens the other with the same point: why a client never uses one twice.
    function test_one_point_for_two_sales_opens_both() public {
        Content memory first = content(1, 64, "first");
        Content memory second = content(1, 64, "second");
        Sold memory one = _sold(first, "wrong");
        Sold memory two = sale(dealFor(second), second.key);
        (two.b, two.posted.pointB) = (one.b, one.posted.pointB);
        seal(two, 5, second.key);
        buy(two);
        deliver(two);
        disputeKey(one);
        // What everybody can compute now.
        (uint256 e,,) = pointOf(5);
        assertEq(two.posted.wrapped, wrap(two.saleId, one.b, e, second.key));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.KeyIsRight.selector, two.saleId));
        vm.prank(stranger);
        market.disputeKey(two.deal, buyer, two.posted, one.b);
    }

    /// @dev Without b, nobody finds the key by asking the chain: it keeps 208 bits of a hash, and the key stays wrapped.
    function test_the_chain_keeps_neither_key_nor_point() public {
        Content memory file = content(1, 64, "file");
        vm.record();
        Sold memory sold = _sold(file, file.key);
        (, bytes32[] memory slots) = vm.accesses(address(market));
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 word = vm.load(address(market), slots[i]);
            assertTrue(word != file.key && word != sold.posted.wrapped && word != sold.posted.pointB);
        }
    }
}
