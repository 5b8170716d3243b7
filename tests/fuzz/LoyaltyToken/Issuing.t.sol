// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Points come from the brand alone, once for each reference, into the lot of now, as far as the lot holds.
contract IssuingTest is LoyaltyTokenTest {
    function _batch(bytes32 id, uint256[] memory words) private {
        vm.prank(brand);
        token.mintBatch(id, words);
    }

    function _expectNoHeadroom(uint256 available, uint256 needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, available, needed));
    }

    // ------------------------------------------------------------------------------------------------ mint

    function test_mint_goes_into_the_lot_of_now() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 10);
        _mint(customer, 10);
        _assertLots(customer, 0, 0, 0, 10);
        _enter(2);
        _mint(customer, 5);
        _assertLots(customer, 0, 10, 0, 5);
        assertEq(token.totalSupply(), 15);
        _assertTotals(15, 15, 0, 0);
    }

    function test_mint_nothing_succeeds() public {
        _mint(customer, 0);
        _assertTotals(0, 0, 0, 0);
    }

    /// @notice Hole: a mint that spills into the older lot.
    function test_lot_of_now_holds_2_to_the_56_less_one() public {
        _mint(customer, LANE - 1);
        _mint(buyer, 1);
        _expectNoHeadroom(0, 1);
        _mint(stranger, 1);
        _enter(1);
        _expectNoHeadroom(LANE, LANE + 1);
        _mint(customer, LANE + 1);
        _mint(customer, LANE);
        _assertLots(customer, 0, 0, LANE - 1, LANE);
        assertEq(token.totalSupply(), 2 * LANE);
    }

    function testFuzz_revertWhen_mint_is_beyond_the_lot(uint256 first, uint256 amount) public {
        first = bound(first, 0, LANE);
        amount = bound(amount, LANE - first + 1, MAX);
        _mint(buyer, first);
        _expectNoHeadroom(LANE - first, amount);
        _mint(customer, amount);
        _expectNoHeadroom(LANE - first, MAX);
        _mint(customer, MAX);
    }

    function test_full_lots_of_all_ages_neither_spill_nor_borrow() public {
        _fill(customer, [LANE, LANE, LANE, LANE]);
        _assertLots(customer, LANE, LANE, LANE, LANE);
        assertEq(token.totalSupply(), 4 * LANE);
        vm.prank(customer);
        token.transfer(buyer, 4 * LANE - 1);
        _assertLots(customer, 0, 0, 0, 1);
        _assertLots(buyer, LANE, LANE, LANE, LANE - 1);
        _enter(5);
        _mint(stranger, LANE);
        _assertTotals(5 * LANE, 3 * LANE, 0, 2 * LANE);
    }

    function test_revertWhen_mint_pays_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory wanted =
                abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]);
            vm.expectRevert(wanted);
            vm.prank(brand);
            token.mint(refused[i], 1);
            vm.expectRevert(wanted);
            vm.prank(brand);
            token.mintFor(refused[i], 1, "receipt");
            vm.expectRevert(wanted);
            _batch("batch", _one(_word(refused[i], 1)));
            _grant(1, 10, 0, 0);
            vm.expectRevert(wanted);
            vm.prank(issuer);
            token.issue(1, refused[i], 1, "receipt");
            vm.expectRevert(wanted);
            vm.prank(issuer);
            token.issueBatch(1, "batch", _one(_word(refused[i], 1)));
        }
    }

    function test_revertWhen_somebody_else_mints() public {
        address[4] memory others = [customer, issuer, exchange, stranger];
        for (uint256 i = 0; i < 4; ++i) {
            vm.startPrank(others[i]);
            vm.expectRevert(Ownable.Unauthorized.selector);
            token.mint(customer, 1);
            vm.expectRevert(Ownable.Unauthorized.selector);
            token.mintFor(customer, 1, "receipt");
            vm.expectRevert(Ownable.Unauthorized.selector);
            token.mintBatch("batch", _one(_word(customer, 1)));
            vm.stopPrank();
        }
    }

    // --------------------------------------------------------------------------------------------- mintFor

    function test_mintFor_pays_a_receipt_once() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.IssuedFor(address(0), "receipt", customer, 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 10);
        vm.prank(brand);
        token.mintFor(customer, 10, "receipt");
        assertTrue(token.referenceUsed(address(0), "receipt"));
        assertFalse(token.referenceUsed(brand, "receipt"));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("receipt"))
        );
        vm.prank(brand);
        token.mintFor(buyer, 1, "receipt");
        vm.prank(brand);
        token.mintFor(customer, 10, "another");
        assertEq(token.balanceOf(customer), 20);
    }

    function test_revertWhen_receipt_is_missing() public {
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        vm.prank(brand);
        token.mintFor(customer, 10, 0);
    }

    // ------------------------------------------------------------------------------------------- mintBatch

    function test_batch_pays_each_recipient() public {
        _fill(customer, [uint256(1), 0, 0, 5]);
        uint256[] memory words = new uint256[](3);
        words[0] = _word(customer, 10);
        words[1] = _word(buyer, 20);
        words[2] = _word(customer, 30);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), buyer, 20);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 30);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.BatchIssued(address(0), "batch", 3, 60);
        _batch("batch", words);
        _assertLots(customer, 1, 0, 0, 45);
        _assertLots(buyer, 0, 0, 0, 20);
        _assertTotals(66, 66, 0, 0);
    }

    /// @notice Attack 8: a batch that is sent again, whole or cut, pays nobody twice.
    function test_revertWhen_batch_was_used() public {
        _batch("batch", _one(_word(customer, 10)));
        assertTrue(token.referenceUsed(address(0), "batch"));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("batch"))
        );
        _batch("batch", _one(_word(buyer, 10)));
        // A receipt and a batch of one issuer share their names.
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("batch"))
        );
        vm.prank(brand);
        token.mintFor(customer, 10, "batch");
        assertEq(token.totalSupply(), 10);
    }

    function test_revertWhen_batch_has_no_reference() public {
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        _batch(0, _one(_word(customer, 10)));
    }

    /// @notice A batch of nothing would use up its reference for nothing.
    function test_revertWhen_a_batch_is_of_nothing() public {
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _batch("batch", new uint256[](0));
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _batch("batch", _one(_word(customer, 0)));
        assertFalse(token.referenceUsed(address(0), "batch"));
        uint256[] memory words = new uint256[](2);
        words[0] = _word(customer, 0);
        words[1] = _word(buyer, 1);
        _batch("batch", words);
    }

    /// @notice A word's amount has 96 bits, a lot 56: what is too large by itself cannot hide in the sum either.
    function test_revertWhen_an_amount_of_a_batch_exceeds_a_lot() public {
        _batch("whole", _one(_word(customer, LANE)));
        _enter(1);
        uint256[4] memory amounts = [LANE + 1, 2 ** 57, 2 ** 87, type(uint96).max];
        uint256[] memory words = new uint256[](3);
        for (uint256 i = 0; i < 4; ++i) {
            _expectNoHeadroom(LANE, amounts[i]);
            _batch("batch", _one(_word(customer, amounts[i])));
            words[0] = _word(buyer, 1);
            words[1] = words[2] = _word(customer, amounts[i]);
            _expectNoHeadroom(LANE, 2 * amounts[i] + 1);
            _batch("batch", words);
        }
        _assertLots(customer, 0, 0, LANE, 0);
        _assertLots(buyer, 0, 0, 0, 0);
    }

    /// @notice Amounts that fit one by one, whose sum does not: to one recipient, whose lane overflows on the way, and to
    /// several, whose lanes do not.
    function test_revertWhen_the_sum_of_a_batch_overflows_the_lot() public {
        uint256[] memory words = new uint256[](2);
        words[0] = _word(customer, LANE);
        words[1] = _word(customer, 1);
        _expectNoHeadroom(LANE, LANE + 1);
        _batch("batch", words);
        words[1] = _word(buyer, 1);
        _expectNoHeadroom(LANE, LANE + 1);
        _batch("batch", words);
        words[0] = _word(customer, LANE - 1);
        _batch("batch", words);
        _assertLots(customer, 0, 0, 0, LANE - 1);
        _assertLots(buyer, 0, 0, 0, 1);
    }

    /// @notice The overflow that would carry through all four lanes of a recipient, and through the switch above them.
    function test_revertWhen_a_batch_would_carry_through_full_lots() public {
        _fill(customer, [LANE, LANE, LANE, LANE]);
        uint256[] memory words = new uint256[](8);
        for (uint256 i = 0; i < 8; ++i) {
            words[i] = _word(customer, LANE);
        }
        _expectNoHeadroom(0, 8 * LANE);
        _batch("batch", words);
        _assertLots(customer, LANE, LANE, LANE, LANE);
    }

    function testFuzz_batch_pays_what_its_words_say(uint56[5] memory amounts, uint8 who, uint56 before)
        public
    {
        _mint(stranger, before);
        uint256 sum;
        uint256 mine;
        uint256[] memory words = new uint256[](5);
        for (uint256 i = 0; i < 5; ++i) {
            bool isCustomer = who & (1 << i) != 0;
            words[i] = _word(isCustomer ? customer : buyer, amounts[i]);
            sum += amounts[i];
            if (isCustomer) mine += amounts[i];
        }
        vm.assume(sum != 0);
        bool fits = sum <= LANE - before;
        if (!fits) _expectNoHeadroom(LANE - before, sum);
        _batch("batch", words);
        _assertLots(customer, 0, 0, 0, fits ? mine : 0);
        _assertLots(buyer, 0, 0, 0, fits ? sum - mine : 0);
        assertEq(token.totalSupply(), fits ? sum + before : before);
    }

    function test_dust_amounts_of_five_fifths_reach_the_lot_exactly() public {
        uint256[] memory words = new uint256[](5);
        for (uint256 i = 0; i < 5; ++i) {
            words[i] = _word(i % 2 == 0 ? customer : buyer, LANE / 5);
        }
        _batch("batch", words);
        assertEq(LANE % 5, 0);
        assertEq(token.totalSupply(), LANE);
        _expectNoHeadroom(0, 1);
        _mint(customer, 1);
    }
}
