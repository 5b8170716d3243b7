// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Pending points are the brand's to take back until they mature, and the customer's from that second on.
contract PendingTest is LoyaltyTokenTest {
    uint256 private constant _GRANT = 1;
    uint256 private _due;

    function setUp() public override {
        super.setUp();
        _grant(_GRANT, 1_000, 0, 0);
        _due = block.timestamp + 10 days;
    }

    // --------------------------------------------------------------------------------------------- actions

    /// @dev By the brand: the ids count from 0.
    function _promise(bytes32 batchId, uint256 amount) private returns (uint256) {
        vm.prank(brand);
        return token.mintPending(batchId, _due, _one(_word(customer, amount)));
    }

    function _issuePending(bytes32 batchId, uint256 amount) private returns (uint256) {
        vm.prank(issuer);
        return token.issuePending(_GRANT, batchId, _due, _one(_word(customer, amount)));
    }

    function _cancel(address sender, address of_, uint256 id, uint256 amount) private {
        vm.prank(sender);
        token.cancelPending(of_, id, amount);
    }

    function _release(address of_, uint256[] memory ids) private {
        vm.prank(stranger);
        token.releasePending(of_, ids);
    }

    function _ids(uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory list) {
        list = new uint256[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    // ----------------------------------------------------------------------------------------------- looks

    function _assertPending(address of_, uint256 id, address who, uint256 amount, uint256 due) private view {
        (address customer_, uint256 amount_, uint256 due_) = token.pendingOf(of_, id);
        assertEq(customer_, who, "customer");
        assertEq(amount_, amount, "amount");
        assertEq(due_, due, "date");
    }

    function _assertNone(address of_, uint256 id) private view {
        _assertPending(of_, id, address(0), 0, 0);
    }

    function _expectExceeded(address of_, uint256 id, uint256 left, uint256 needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.PendingExceeded.selector, of_, id, left, needed));
    }

    function _expectNotMature(address of_, uint256 id, uint256 due) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotMature.selector, of_, id, due));
    }

    function _expectMature(address of_, uint256 id, uint256 due) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.AlreadyMature.selector, of_, id, due));
    }

    function _expectNoHeadroom(uint256 available, uint256 needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, available, needed));
    }

    // --------------------------------------------------------------------------------------------- promised

    function test_mintPending_writes_and_tells() public {
        uint256[] memory words = _ids(_word(customer, 10), _word(buyer, 20), _word(customer, 30));
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(token));
            emit ILoyaltyToken.PendingIssued(address(0), i, i == 1 ? buyer : customer, (i + 1) * 10, _due);
        }
        vm.expectEmit(address(token));
        emit ILoyaltyToken.BatchPending(address(0), "batch", 0, 3, 60);
        vm.recordLogs();
        vm.prank(brand);
        assertEq(token.mintPending("batch", _due, words), 0);
        assertEq(vm.getRecordedLogs().length, 4);
        _assertPending(address(0), 0, customer, 10, _due);
        _assertPending(address(0), 1, buyer, 20, _due);
        _assertPending(address(0), 2, customer, 30, _due);
        _assertNone(address(0), 3);
        _assertNone(brand, 0);
        assertEq(_pending(), 60);
        assertEq(_promised(), 0);
        assertEq(token.balanceOf(customer), 0);
        _assertTotals(0, 0, 0, 0);
        assertTrue(token.referenceUsed(address(0), "batch"));
    }

    function test_issuePending_charges_the_grant_and_tells() public {
        uint256[] memory words = _ids(_word(customer, 10), _word(buyer, 20), _word(customer, 30));
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(token));
            emit ILoyaltyToken.PendingIssued(issuer, i, i == 1 ? buyer : customer, (i + 1) * 10, _due);
        }
        vm.expectEmit(address(token));
        emit ILoyaltyToken.BatchPending(issuer, "batch", 0, 3, 60);
        vm.prank(issuer);
        assertEq(token.issuePending(_GRANT, "batch", _due, words), 0);
        _assertPending(issuer, 2, customer, 30, _due);
        assertEq(token.grantOf(issuer, _GRANT).amount, 940);
        assertEq(_pending(), 60);
        assertTrue(token.referenceUsed(issuer, "batch"));
        assertFalse(token.referenceUsed(address(0), "batch"));
    }

    function test_ids_count_for_each_issuer_and_are_never_given_again() public {
        assertEq(_promise("a", 1), 0);
        assertEq(_promise("b", 2), 1);
        assertEq(_issuePending("a", 3), 0);
        _cancel(brand, address(0), 1, 2);
        assertEq(_promise("c", 4), 2);
        vm.warp(_due);
        _release(address(0), _ids(0, 1, 2));
        _due += 1 days;
        assertEq(_promise("d", 5), 3);
        assertEq(_issuePending("b", 6), 1);
        _assertNone(address(0), 0);
        _assertNone(address(0), 1);
        _assertNone(address(0), 2);
        _assertPending(issuer, 0, customer, 3, _due - 1 days);
    }

    function test_revertWhen_somebody_else_promises_for_the_brand() public {
        uint256[] memory words = _one(_word(customer, 1));
        vm.startPrank(issuer);
        vm.expectRevert(Ownable.Unauthorized.selector);
        token.mintPending("batch", _due, words);
        vm.stopPrank();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, stranger, _GRANT, 0, 1));
        token.issuePending(_GRANT, "batch", _due, words);
    }

    function test_maturity_lies_after_now_and_within_40_bits() public {
        uint256[] memory words = _one(_word(customer, 1));
        uint256[4] memory refused = [block.timestamp, block.timestamp - 1, 2 ** 40, MAX];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(ILoyaltyToken.MaturityOutOfRange.selector, refused[i]);
            vm.prank(brand);
            vm.expectRevert(reason);
            token.mintPending("batch", refused[i], words);
            vm.prank(issuer);
            vm.expectRevert(reason);
            token.issuePending(_GRANT, "batch", refused[i], words);
        }
        vm.startPrank(brand);
        token.mintPending("batch", block.timestamp + 1, words);
        token.mintPending("other", 2 ** 40 - 1, words);
        vm.stopPrank();
        _assertPending(address(0), 1, customer, 1, 2 ** 40 - 1);
    }

    function test_reference_counts_once() public {
        _promise("batch", 1);
        uint256[] memory words = _one(_word(customer, 1));
        vm.startPrank(brand);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("batch"))
        );
        token.mintPending("batch", _due, words);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("batch"))
        );
        token.mintBatch("batch", words);
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        token.mintPending(0, _due, words);
        vm.stopPrank();
        _issuePending("batch", 1);
        vm.startPrank(issuer);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("batch"))
        );
        token.issuePending(_GRANT, "batch", _due, words);
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        token.issuePending(_GRANT, 0, _due, words);
        vm.stopPrank();
    }

    function test_revertWhen_customer_is_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]);
            // Whatever amount stands above the address, and also behind a purchase that is right.
            for (uint256 amount = 1; amount <= LANE / 2; amount *= 3) {
                uint256[] memory words = _one(_word(refused[i], amount));
                vm.prank(brand);
                vm.expectRevert(reason);
                token.mintPending("batch", _due, words);
                words = _ids(_word(customer, 1), _word(refused[i], amount), _word(customer, 1));
                vm.prank(issuer);
                vm.expectRevert(reason);
                token.issuePending(_GRANT, "batch", _due, words);
            }
        }
    }

    function test_revertWhen_nothing_is_promised() public {
        vm.startPrank(brand);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        token.mintPending("batch", _due, new uint256[](0));
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        token.mintPending("batch", _due, _ids(_word(customer, 1), _word(customer, 0), _word(customer, 1)));
        vm.stopPrank();
        vm.prank(issuer);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        token.issuePending(_GRANT, "batch", _due, new uint256[](0));
    }

    /// @dev A purchase has 56 bits for its amount, a word of a batch 96.
    function testFuzz_revertWhen_more_is_promised_than_a_lot_holds(uint96 first, uint96 second) public {
        second = uint96(bound(second, 1, 2 ** 96 - 1));
        first = uint96(bound(first, second > LANE ? 1 : LANE - second + 1, 2 ** 96 - 1));
        uint256[] memory words = _ids(_word(customer, first), _word(buyer, second), _word(buyer, 1));
        uint256 sum = first > LANE ? first : uint256(first) + second;
        vm.prank(brand);
        _expectNoHeadroom(LANE, sum);
        token.mintPending("batch", _due, words);
        assertFalse(token.referenceUsed(address(0), "batch"));
    }

    function test_promise_must_fit_beside_points_and_promises() public {
        _mint(buyer, 100);
        _grant(2, 200, 0, block.timestamp + 1 days);
        _promise("a", 300);
        _expectNoHeadroom(LANE - 100, LANE - 99);
        _promise("b", LANE - 100 - 500 + 1);
        _promise("b", LANE - 100 - 500);
        _expectNoHeadroom(LANE - 100, LANE - 99);
        _issuePending("a", 1);
        assertEq(_pending(), LANE - 300);
        assertEq(_promised(), 200);
        // It stays so in the next epoch, but for the points of this one.
        _enter(1);
        _due += LENGTH;
        _expectNoHeadroom(LANE, LANE + 1);
        _promise("c", 101);
        _promise("c", 100);
        assertEq(_pending(), LANE - 200);
    }

    function test_brand_cannot_take_the_room_of_what_is_pending() public {
        _promise("a", 10);
        _expectNoHeadroom(LANE - 10, LANE - 9);
        _mint(buyer, LANE - 9);
        _mint(buyer, LANE - 10);
        vm.prank(brand);
        _expectNoHeadroom(0, 1);
        token.mintBatch("b", _one(_word(buyer, 1)));
        _expectNoHeadroom(0, 1);
        _issue(_GRANT, buyer, 1);
        vm.prank(brand);
        _expectNoHeadroom(10, 11);
        token.setGrant(issuer, 2, 1, 0, block.timestamp);
    }

    function test_revertWhen_grant_or_cap_is_exceeded() public {
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, _GRANT, 1_000, 1_001)
        );
        _issuePending("batch", 1_001);
        _grant(_GRANT, 1_000, 30, 0);
        _issuePending("a", 20);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, _GRANT, 10, 11));
        _issuePending("batch", 11);
        assertEq(_pending(), 20);
        assertFalse(token.referenceUsed(issuer, "batch"));
    }

    function test_revertWhen_a_locked_grant_is_to_promise() public {
        uint256 until = block.timestamp + 1 days;
        _grant(_GRANT, 1_000, 0, until);
        bytes memory reason =
            abi.encodeWithSelector(ILoyaltyToken.GrantLocked.selector, issuer, _GRANT, until);
        vm.expectRevert(reason);
        _issuePending("batch", 10);
        // After its date it still keeps its place in the headroom until it is released, and then it is empty.
        vm.warp(until + 1);
        vm.expectRevert(reason);
        _issuePending("batch", 10);
        assertEq(token.grantOf(issuer, _GRANT).amount, 1_000);
        token.releaseGrant(issuer, _GRANT);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, _GRANT, 0, 10));
        _issuePending("batch", 10);
        _grant(_GRANT, 10, 0, 0);
        _issuePending("batch", 10);
    }

    // -------------------------------------------------------------------------------------------- cancelled

    function test_partial_return_takes_a_part() public {
        _issuePending("batch", 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.PendingCancelled(issuer, 0, 4);
        _cancel(issuer, issuer, 0, 4);
        _assertPending(issuer, 0, customer, 6, _due);
        assertEq(_pending(), 6);
        _expectExceeded(issuer, 0, 6, 7);
        _cancel(issuer, issuer, 0, 7);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.PendingCancelled(issuer, 0, 5);
        _cancel(brand, issuer, 0, 5);
        _assertPending(issuer, 0, customer, 1, _due);
        _cancel(issuer, issuer, 0, 1);
        _assertNone(issuer, 0);
        assertEq(_pending(), 0);
        _expectExceeded(issuer, 0, 0, 1);
        _cancel(issuer, issuer, 0, 1);
        // What was cancelled does not come back to the grant.
        assertEq(token.grantOf(issuer, _GRANT).amount, 990);
        vm.warp(_due);
        _release(issuer, _one(0));
        _assertTotals(0, 0, 0, 0);
    }

    function test_cancelling_frees_the_headroom() public {
        _promise("a", 10);
        _issuePending("a", 20);
        _cancel(brand, address(0), 0, 4);
        _cancel(issuer, issuer, 0, 20);
        assertEq(_pending(), 6);
        _expectNoHeadroom(LANE - 6, LANE);
        _mint(buyer, LANE);
        _cancel(brand, address(0), 0, 6);
        _mint(buyer, LANE);
    }

    function test_revertWhen_somebody_else_cancels() public {
        _promise("a", 10);
        _issuePending("a", 10);
        address[3] memory others = [stranger, customer, exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheIssuer.selector, issuer, others[i]));
            _cancel(others[i], issuer, 0, 1);
            vm.expectRevert(
                abi.encodeWithSelector(ILoyaltyToken.NotTheIssuer.selector, address(0), others[i])
            );
            _cancel(others[i], address(0), 0, 1);
        }
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheIssuer.selector, address(0), issuer));
        _cancel(issuer, address(0), 0, 1);
    }

    function test_next_owner_cancels_and_the_last_one_does_not() public {
        _promise("a", 10);
        _issuePending("a", 10);
        vm.prank(stranger);
        token.requestOwnershipHandover();
        vm.prank(brand);
        token.completeOwnershipHandover(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheIssuer.selector, address(0), brand));
        _cancel(brand, address(0), 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheIssuer.selector, issuer, brand));
        _cancel(brand, issuer, 0, 1);
        _cancel(stranger, address(0), 0, 1);
        _cancel(stranger, issuer, 0, 1);
        assertEq(_pending(), 18);
    }

    function test_revertWhen_nothing_or_nobodys_is_cancelled() public {
        _promise("a", 10);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _cancel(brand, address(0), 0, 0);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _cancel(brand, address(0), 7, 0);
        _expectExceeded(address(0), 7, 0, 1);
        _cancel(brand, address(0), 7, 1);
        _expectExceeded(address(0), 0, 10, MAX);
        _cancel(brand, address(0), 0, MAX);
        _expectExceeded(address(0), 0, 10, 2 ** 56);
        _cancel(brand, address(0), 0, 2 ** 56);
        _assertPending(address(0), 0, customer, 10, _due);
    }

    /// @dev In each second one of the two can be done, and never both.
    function test_cancel_ends_in_the_second_in_which_release_begins() public {
        _promise("a", 10);
        vm.warp(_due - 1);
        _expectNotMature(address(0), 0, _due);
        _release(address(0), _one(0));
        _cancel(brand, address(0), 0, 1);
        vm.warp(_due);
        _expectMature(address(0), 0, _due);
        _cancel(brand, address(0), 0, 1);
        _expectMature(address(0), 0, _due);
        _cancel(brand, address(0), 0, 9);
        _release(address(0), _one(0));
        assertEq(token.balanceOf(customer), 9);
    }

    // --------------------------------------------------------------------------------------------- released

    function test_anyone_releases_mature_points_once() public {
        _promise("a", 10);
        vm.warp(_due);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.PendingReleased(address(0), 0, 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 10);
        vm.recordLogs();
        _release(address(0), _one(0));
        assertEq(vm.getRecordedLogs().length, 2);
        _assertLots(customer, 0, 0, 0, 10);
        _assertNone(address(0), 0);
        assertEq(_pending(), 0);
        _assertTotals(10, 10, 0, 0);
        // One that somebody else released first keeps nobody waiting.
        _release(address(0), _one(0));
        assertEq(vm.getRecordedLogs().length, 0);
        _assertTotals(10, 10, 0, 0);
        _expectExceeded(address(0), 0, 0, 1);
        _cancel(brand, address(0), 0, 1);
    }

    function test_release_passes_over_what_ended_and_what_never_was() public {
        _promise("a", 1);
        _promise("b", 2);
        _promise("c", 4);
        _issuePending("a", 8);
        _cancel(brand, address(0), 1, 2);
        vm.warp(_due);
        _release(address(0), _ids(1, 99, MAX));
        _assertTotals(0, 0, 0, 0);
        _release(address(0), new uint256[](0));
        _release(address(0), _ids(2, 2, 2));
        _assertTotals(4, 4, 0, 0);
        _release(address(0), _ids(0, 1, 2));
        _assertTotals(5, 5, 0, 0);
        _assertPending(issuer, 0, customer, 8, _due);
        assertEq(_pending(), 8);
    }

    function test_one_that_is_not_mature_keeps_the_whole_call_waiting() public {
        _promise("a", 1);
        _due += 1;
        _promise("b", 2);
        vm.warp(_due - 1);
        _expectNotMature(address(0), 1, _due);
        _release(address(0), _ids(0, 1, 2));
        _assertPending(address(0), 0, customer, 1, _due - 1);
        _release(address(0), _one(0));
        _assertTotals(1, 1, 0, 0);
    }

    /// @dev What a locked grant issued still counts as promised until the grant is brought down; a release does not mind.
    function test_release_does_not_fail_because_of_a_grant_that_issued() public {
        _grant(2, 100, 0, block.timestamp + 30 days);
        _promise("a", 10);
        _mint(buyer, LANE - 110);
        _issue(2, buyer, 100);
        assertEq(_promised(), 100);
        vm.warp(_due);
        _release(address(0), _one(0));
        assertEq(token.balanceOf(customer), 10);
        assertEq(token.totalSupply(), LANE);
    }

    /// @dev However late: the lot is that of the epoch in which it matured, so the brand gains nothing by waiting, and the
    /// customer no life.
    function test_release_goes_into_the_lot_of_maturity() public {
        _promise("a", 10);
        uint256 state = vm.snapshotState();
        for (uint256 late = 0; late < 4; ++late) {
            vm.warp(late == 0 ? _due : ORIGIN + late * LENGTH);
            vm.expectEmit(address(token));
            emit ILoyaltyToken.PendingReleased(address(0), 0, 10);
            vm.expectEmit(address(token));
            emit ILoyaltyToken.Transfer(address(0), customer, 10);
            _release(address(0), _one(0));
            uint256[4] memory wanted;
            wanted[3 - late] = 10;
            _assertSame(_lots(customer), wanted, "lots");
            (uint256[4] memory supply,,,) = token.liability();
            _assertSame(supply, wanted, "supply");
            _assertTotals(10, 10, 0, 0);
            _enter(4);
            _assertTotals(10, 0, 0, 10);
            vm.revertToState(state);
        }
    }

    function test_released_in_the_last_second_of_its_lot() public {
        _promise("a", 10);
        _enter(4);
        vm.warp(block.timestamp - 1);
        _release(address(0), _one(0));
        _assertLots(customer, 10, 0, 0, 0);
        vm.warp(block.timestamp + 1);
        _assertLots(customer, 0, 0, 0, 0);
        _assertTotals(10, 0, 0, 10);
    }

    /// @dev Lazily released after the lot's expiry: gone, and never issued.
    function testFuzz_nothing_is_left_of_a_lot_that_expired(uint40 late) public {
        _promise("a", 10);
        _enter(4);
        vm.warp(block.timestamp + late);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.PendingReleased(address(0), 0, 0);
        vm.recordLogs();
        _release(address(0), _one(0));
        assertEq(vm.getRecordedLogs().length, 1, "no transfer");
        assertEq(token.balanceOf(customer), 0);
        assertEq(_pending(), 0);
        _assertNone(address(0), 0);
        _assertTotals(0, 0, 0, 0);
        _mint(buyer, LANE);
    }

    function test_maturity_in_the_first_and_last_second_of_an_epoch() public {
        _due = ORIGIN + LENGTH - 1;
        _promise("a", 1);
        _due = ORIGIN + LENGTH;
        _promise("b", 2);
        vm.warp(_due);
        _release(address(0), _ids(0, 1, 2));
        _assertLots(customer, 0, 0, 1, 2);
    }

    function test_releases_of_many_epochs_at_once() public {
        uint256[] memory ids = new uint256[](8);
        for (uint256 i = 0; i < 8; ++i) {
            ids[i] = i;
            _due = ORIGIN + (i / 2 + 1) * LENGTH - i % 2;
            vm.prank(brand);
            token.mintPending(bytes32(i + 1), _due, _one(_word(i < 4 ? customer : buyer, 10 ** (i + 1))));
        }
        _mint(customer, 1);
        _enter(4);
        _release(address(0), ids);
        // They matured in epochs 1, 0, 2, 1, 3, 2, 4 and 3, of which 0 is over.
        _assertLots(customer, 10 ** 1 + 10 ** 4, 10 ** 3, 0, 0);
        _assertLots(buyer, 0, 10 ** 6, 10 ** 5 + 10 ** 8, 10 ** 7);
        (uint256[4] memory supply,,,) = token.liability();
        _assertSame(
            supply, [uint256(10 ** 1 + 10 ** 4), 10 ** 3 + 10 ** 6, 10 ** 5 + 10 ** 8, 10 ** 7], "supply"
        );
        assertEq(_pending(), 0);
        _assertTotals(111_111_011, 111_111_010, 0, 1);
    }

    function test_points_of_length_0_mature_and_never_expire() public {
        token = _launch(0);
        _promise("a", 10);
        vm.warp(2 ** 40);
        _release(address(0), _one(0));
        _assertLots(customer, 0, 0, 0, 10);
    }

    function test_holders_flag_and_points_stay() public {
        vm.prank(customer);
        token.approve(exchange, 0);
        _mint(customer, 5);
        _promise("a", 10);
        _enter(1);
        _release(address(0), _one(0));
        _assertLots(customer, 0, 0, 15, 0);
        assertEq(token.allowance(customer, exchange), 0);
    }

    /// @dev Against a list of purchases: any order of promises, returns, releases and time.
    /// forge-config: default.fuzz.runs = 300
    function testFuzz_agrees_with_a_list(uint256[24] memory acts) public {
        for (uint256 i = 0; i < acts.length; ++i) {
            uint256 act = acts[i];
            uint256 kind = act % 5;
            uint256 id = _list.length == 0 ? 0 : (act >> 8) % _list.length;
            if (kind == 0 || _list.length == 0) {
                _due = block.timestamp + 1 + (act >> 16) % (2 * LENGTH);
                uint256 amount = 1 + (act >> 96) % 100;
                assertEq(_promise(bytes32(i + 1), amount), _list.length);
                _list.push(Purchase(amount, _due));
            } else if (kind == 1) {
                _tryCancel(id, 1 + (act >> 16) % 60);
            } else if (kind == 2) {
                _tryRelease(id);
            } else {
                vm.warp(block.timestamp + (act >> 16) % LENGTH);
            }
            _compare();
        }
    }

    struct Purchase {
        uint256 left;
        uint256 due;
    }

    Purchase[] private _list;
    mapping(uint256 epoch => uint256) private _got;

    function _tryCancel(uint256 id, uint256 amount) private {
        Purchase storage purchase = _list[id];
        if (amount > purchase.left) _expectExceeded(address(0), id, purchase.left, amount);
        else if (block.timestamp >= purchase.due) _expectMature(address(0), id, purchase.due);
        else purchase.left -= amount;
        _cancel(brand, address(0), id, amount);
    }

    function _tryRelease(uint256 id) private {
        Purchase storage purchase = _list[id];
        if (purchase.left != 0 && block.timestamp < purchase.due) {
            _expectNotMature(address(0), id, purchase.due);
        } else {
            _got[(purchase.due - ORIGIN) / LENGTH] += purchase.left;
            purchase.left = 0;
        }
        _release(address(0), _one(id));
    }

    function _compare() private view {
        uint256 sum;
        for (uint256 id = 0; id < _list.length; ++id) {
            (, uint256 amount, uint256 due) = token.pendingOf(address(0), id);
            assertEq(amount, _list[id].left);
            assertEq(due, amount == 0 ? 0 : _list[id].due);
            sum += amount;
        }
        assertEq(_pending(), sum);
        uint256 epoch = token.currentEpoch();
        for (uint256 age = 0; age < 4 && age <= epoch; ++age) {
            assertEq(token.balanceOfAtEpoch(epoch - age, customer), _got[epoch - age]);
        }
    }
}
