// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Issuers: what they may issue, how much a day, and until when the brand cannot take it from them.
contract GrantsTest is LoyaltyTokenTest {
    uint256 private _soon;

    function setUp() public override {
        super.setUp();
        _soon = block.timestamp + 10 days;
    }

    function _assertGrant(uint256 id, uint256 amount, uint256 lockedUntil, uint256 cap, uint256 used)
        private
        view
    {
        ILoyaltyToken.Grant memory grant = token.grantOf(issuer, id);
        assertEq(grant.amount, amount, "amount");
        assertEq(grant.lockedUntil, lockedUntil, "lockedUntil");
        assertEq(grant.capPerDay, cap, "capPerDay");
        assertEq(grant.usedToday, used, "usedToday");
    }

    function _expectLocked(uint256 id, uint256 until) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantLocked.selector, issuer, id, until));
    }

    function _expectNoHeadroom(uint256 available, uint256 needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, available, needed));
    }

    function _release(uint256 id) private {
        vm.prank(stranger);
        token.releaseGrant(issuer, id);
    }

    // --------------------------------------------------------------------------------------------- setting

    function test_setGrant_stores_and_tells() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GrantSet(issuer, 1, 100, 30, _soon);
        _grant(1, 100, 30, _soon);
        _assertGrant(1, 100, _soon, 30, 0);
        _assertGrant(2, 0, 0, 0, 0);
        assertEq(_promised(), 100);
    }

    function test_revertWhen_somebody_else_sets_a_grant() public {
        vm.expectRevert(Ownable.Unauthorized.selector);
        vm.prank(issuer);
        token.setGrant(issuer, 1, 1, 0, 0);
    }

    function test_amount_and_cap_fit_56_bits() public {
        _grant(1, LANE, LANE, 0);
        _assertGrant(1, LANE, 0, LANE, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.AmountTooLarge.selector, LANE + 1));
        _grant(1, LANE + 1, LANE, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.AmountTooLarge.selector, LANE + 2));
        _grant(1, LANE, LANE + 2, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.AmountTooLarge.selector, MAX));
        _grant(1, MAX, 0, 0);
    }

    function test_lock_lies_between_now_and_40_bits() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.LockOutOfRange.selector, block.timestamp - 1));
        _grant(1, 1, 0, block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.LockOutOfRange.selector, 1));
        _grant(1, 1, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.LockOutOfRange.selector, 2 ** 40));
        _grant(1, 1, 0, 2 ** 40);
        _grant(1, 1, 0, block.timestamp);
        _assertGrant(1, 1, block.timestamp, 0, 0);
        _grant(1, 1, 0, 2 ** 40 - 1);
        _assertGrant(1, 1, 2 ** 40 - 1, 0, 0);
    }

    function test_unlocked_grant_is_stopped_at_once() public {
        _grant(1, 100, 30, 0);
        assertEq(_promised(), 0);
        _grant(1, 0, 1, 0);
        _assertGrant(1, 0, 0, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 0, 1));
        _issue(1, customer, 1);
    }

    // ----------------------------------------------------------------------------------------------- locks

    function test_locked_grant_can_be_raised_and_extended() public {
        _grant(1, 100, 30, _soon);
        _grant(1, 101, 31, _soon + 1);
        _assertGrant(1, 101, _soon + 1, 31, 0);
        _grant(1, 101, 0, _soon + 1);
        _assertGrant(1, 101, _soon + 1, 0, 0);
        assertEq(_promised(), 101);
    }

    /// @notice Attack 25, 29: until the last second of the lock nothing of it can be lowered; a second later everything can.
    function test_locked_grant_cannot_be_lowered_until_its_date_has_passed() public {
        _grant(1, 100, 30, _soon);
        _issue(1, customer, 5);
        uint256[3] memory moments = [block.timestamp, _soon - 1, _soon];
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(moments[i]);
            _expectLocked(1, _soon);
            _grant(1, 94, 30, _soon);
            _expectLocked(1, _soon);
            _grant(1, 0, 0, _soon + 100);
            _expectLocked(1, _soon);
            _grant(1, 95, 29, _soon);
            _expectLocked(1, _soon);
            _grant(1, 95, 30, 0);
            if (moments[i] < _soon) {
                _expectLocked(1, _soon);
                _grant(1, 95, 30, _soon - 1);
            }
        }
        _grant(1, 95, 30, _soon);
        vm.warp(_soon + 1);
        _grant(1, 94, 29, 0);
        _assertGrant(1, 94, 0, 29, 0);
        assertEq(_promised(), 0);
    }

    function test_locked_grant_without_cap_cannot_get_one() public {
        _grant(1, 100, 0, _soon);
        _expectLocked(1, _soon);
        _grant(1, 100, LANE, _soon);
        vm.warp(_soon + 1);
        _grant(1, 100, LANE, _soon + 2);
    }

    /// @notice Attack 29: a lock binds whoever owns the token by then.
    function test_lock_binds_the_next_owner() public {
        _grant(1, 100, 0, _soon);
        vm.prank(buyer);
        token.requestOwnershipHandover();
        vm.prank(brand);
        token.completeOwnershipHandover(buyer);
        _expectLocked(1, _soon);
        vm.prank(buyer);
        token.setGrant(issuer, 1, 0, 0, 0);
        _issue(1, customer, 100);
        assertEq(token.balanceOf(customer), 100);
    }

    // --------------------------------------------------------------------------------------------- issuing

    function test_issue_charges_the_grant() public {
        _grant(1, 100, 0, 0);
        _fill(customer, [uint256(1), 0, 0, 2]);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.IssuedFor(issuer, "receipt", customer, 40);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 40);
        vm.prank(issuer);
        token.issue(1, customer, 40, "receipt");
        _assertGrant(1, 60, 0, 0, 0);
        _assertLots(customer, 1, 0, 0, 42);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 60, 61));
        _issue(1, customer, 61);
        _issue(1, customer, 60);
        _assertGrant(1, 0, 0, 0, 0);
        _assertTotals(103, 103, 0, 0);
    }

    function test_issue_refuses_amounts_beyond_any_word() public {
        _grant(1, LANE, LANE, 0);
        uint256[3] memory amounts = [LANE + 1, 2 ** 56 + 1, MAX];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, LANE, amounts[i])
            );
            _issue(1, customer, amounts[i]);
        }
    }

    function test_revertWhen_issuer_has_no_grant() public {
        _grant(1, 100, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 2, 0, 1));
        _issue(2, customer, 1);
        address[3] memory others = [brand, exchange, stranger];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, others[i], 1, 0, 1));
            vm.prank(others[i]);
            token.issue(1, customer, 1, 0);
        }
    }

    function _issueTo(uint256 id, uint256[] memory words) private returns (uint256 left) {
        vm.prank(issuer);
        return token.issueTo(id, words);
    }

    function _issueOneTo(uint256 id, uint256 word) private returns (uint256 left) {
        vm.prank(issuer);
        return token.issueOneTo(id, word);
    }

    function test_issueTo_charges_a_locked_grant_and_logs_transfers_alone() public {
        _grant(1, 100, 0, _soon);
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (_word(customer, 40), _word(buyer, 2));
        vm.recordLogs();
        assertEq(_issueTo(1, words), 58);
        assertEq(vm.getRecordedLogs().length, 2);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 58);
        assertEq(_issueTo(1, _one(_word(customer, 58))), 0);
        _assertGrant(1, 0, _soon, 0, 0);
        _assertLots(customer, 0, 0, 0, 98);
        _assertLots(buyer, 0, 0, 0, 2);
        _assertTotals(100, 100, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 0, 1));
        _issueTo(1, _one(_word(customer, 1)));
    }

    /// @notice It leaves no reference and no event of an issue: only a contract's promise may go out like that.
    function test_revertWhen_issueTo_has_no_lock() public {
        _grant(1, 100, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.IssueWithoutLock.selector, issuer, 1));
        _issueTo(1, _one(_word(customer, 1)));
        _grant(1, 100, 0, _soon);
        _issueTo(1, _one(_word(customer, 1)));
        vm.warp(_soon + 1);
        _issueTo(1, _one(_word(customer, 1)));
        _release(1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 0, 1));
        _issueTo(1, _one(_word(customer, 1)));
    }

    function test_revertWhen_issueOneTo_has_no_lock_or_no_receiver() public {
        _grant(1, 100, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.IssueWithoutLock.selector, issuer, 1));
        _issueOneTo(1, _word(customer, 1));
        _grant(1, 100, 0, _soon);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _issueOneTo(1, _word(customer, 0));
        address[3] memory refused = [address(0), exchange, address(token)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            _issueOneTo(1, _word(refused[i], 1));
        }
    }

    function test_issueOneTo_has_its_place_in_the_lot() public {
        _grant(1, 100, 0, _soon);
        _mint(customer, LANE - 100);
        vm.recordLogs();
        assertEq(_issueOneTo(1, _word(customer, 60)), 40);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(_issueOneTo(1, _word(customer, 40)), 0);
        _assertGrant(1, 0, _soon, 0, 0);
        _assertLots(customer, 0, 0, 0, LANE);
        _assertTotals(LANE, LANE, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 0, 1));
        _issueOneTo(1, _word(customer, 1));
    }

    function test_issueTo_has_its_place_in_the_lot() public {
        _grant(1, 100, 0, _soon);
        _mint(customer, LANE - 100);
        _expectNoHeadroom(0, 1);
        _mint(customer, 1);
        assertEq(_issueTo(1, _one(_word(customer, 100))), 0);
        _assertLots(customer, 0, 0, 0, LANE);
    }

    function test_issueTo_keeps_to_the_cap_of_a_day() public {
        _grant(1, 100, 30, _soon);
        assertEq(_issueTo(1, _one(_word(customer, 20))), 80);
        _assertGrant(1, 80, _soon, 30, 20);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 10, 11));
        _issueTo(1, _one(_word(customer, 11)));
        vm.warp(block.timestamp + 1 days);
        _issueTo(1, _one(_word(customer, 30)));
        _assertGrant(1, 50, _soon, 30, 30);
    }

    function test_revertWhen_issueTo_issues_nothing_or_to_nobody() public {
        _grant(1, 100, 0, _soon);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        _issueTo(1, new uint256[](0));
        address[3] memory refused = [address(0), exchange, address(token)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            _issueTo(1, _one(_word(refused[i], 1)));
        }
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 100, type(uint96).max)
        );
        _issueTo(1, _one(_word(customer, type(uint96).max)));
    }

    /// @notice The grant's word is written as one: no field runs into another.
    function testFuzz_a_grant_keeps_its_other_fields(uint56 amount, uint56 cap, uint40 lock, uint56 spent)
        public
    {
        amount = uint56(bound(amount, 1, LANE));
        lock = uint40(bound(lock, block.timestamp, type(uint40).max));
        _grant(1, amount, cap, lock);
        uint256 most = cap == 0 || cap > amount ? amount : cap;
        spent = uint56(bound(spent, 1, most));
        assertEq(_issueTo(1, _one(_word(customer, spent))), amount - spent);
        _assertGrant(1, amount - spent, lock, cap, cap == 0 ? 0 : spent);
    }

    /// @notice Attack 17: two campaigns never share a grant, although one issuer holds both.
    function test_grants_of_one_issuer_are_apart() public {
        _grant(1, 10, 5, 0);
        _grant(2, 20, 0, _soon);
        _issue(1, customer, 4);
        _issue(2, customer, 15);
        _assertGrant(1, 6, 0, 5, 4);
        _assertGrant(2, 5, _soon, 0, 0);
    }

    function test_receipts_of_an_issuer_are_its_own() public {
        _grant(1, 100, 0, 0);
        vm.prank(brand);
        token.mintFor(customer, 1, "receipt");
        vm.prank(issuer);
        token.issue(1, customer, 1, "receipt");
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("receipt"))
        );
        vm.prank(issuer);
        token.issue(1, customer, 1, "receipt");
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("receipt"))
        );
        vm.prank(issuer);
        token.issueBatch(1, "receipt", _one(_word(customer, 1)));
        assertTrue(token.referenceUsed(issuer, "receipt"));
        // Without a receipt nothing is remembered, and nothing refused.
        _issue(1, customer, 1);
        _issue(1, customer, 1);
        assertFalse(token.referenceUsed(issuer, 0));
        _assertGrant(1, 97, 0, 0, 0);
    }

    function test_issue_without_receipt_names_the_issuer() public {
        _grant(1, 100, 0, 0);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.IssuedFor(issuer, 0, customer, 1);
        _issue(1, customer, 1);
    }

    function test_issueBatch_charges_the_sum() public {
        _grant(1, 100, 70, 0);
        uint256[] memory words = new uint256[](2);
        words[0] = _word(customer, 30);
        words[1] = _word(buyer, 40);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.BatchIssued(issuer, "batch", 2, 70);
        vm.prank(issuer);
        token.issueBatch(1, "batch", words);
        _assertGrant(1, 30, 0, 70, 70);
        assertEq(token.balanceOf(customer), 30);
        assertEq(token.balanceOf(buyer), 40);
        assertEq(token.totalSupply(), 70);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("batch"))
        );
        vm.prank(issuer);
        token.issueBatch(1, "batch", words);
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        vm.prank(issuer);
        token.issueBatch(1, 0, words);
        words[0] = _word(customer, LANE + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 30, LANE + 41)
        );
        vm.prank(issuer);
        token.issueBatch(1, "next", words);
        words[0] = _word(customer, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, 30, 40));
        vm.prank(issuer);
        token.issueBatch(1, "next", words);
    }

    /// @notice A batch whose sum overflows a lot reaches neither the grant nor anybody.
    function test_revertWhen_the_sum_of_an_issued_batch_overflows_the_lot() public {
        uint256[] memory words = new uint256[](2);
        words[0] = _word(customer, LANE);
        words[1] = _word(customer, 1);
        _grant(1, LANE, 0, _soon);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, 1, LANE, LANE + 1)
        );
        vm.prank(issuer);
        token.issueBatch(1, "batch", words);
        words[0] = _word(customer, LANE - 1);
        vm.prank(issuer);
        token.issueBatch(1, "batch", words);
        _assertLots(customer, 0, 0, 0, LANE);
    }

    /// @notice Nobody fills the log with issues of nothing, with a grant or without.
    function test_revertWhen_nothing_is_issued() public {
        _grant(1, 100, 0, 0);
        address[2] memory senders = [issuer, stranger];
        for (uint256 i = 0; i < 2; ++i) {
            vm.startPrank(senders[i]);
            vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
            token.issue(1, customer, 0, "receipt");
            vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
            token.issueBatch(1, "batch", new uint256[](0));
            vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
            token.issueBatch(1, "batch", _one(_word(customer, 0)));
            vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
            token.giveBackFrom(1, customer, "receipt", 0);
            vm.stopPrank();
        }
    }

    // ------------------------------------------------------------------------------------------- day's cap

    function test_cap_holds_for_a_day_of_UTC() public {
        vm.warp(ORIGIN / 1 days * 1 days + 1 days);
        _grant(1, 1000, 30, 0);
        _issue(1, customer, 20);
        _assertGrant(1, 980, 0, 30, 20);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 10, 11));
        _issue(1, customer, 11);
        _issue(1, customer, 10);
        _assertGrant(1, 970, 0, 30, 30);
        vm.warp(block.timestamp + 1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 0, 1));
        _issue(1, customer, 1);
        vm.warp(block.timestamp + 1);
        _assertGrant(1, 970, 0, 30, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 30, 31));
        _issue(1, customer, 31);
        _issue(1, customer, 30);
        _assertGrant(1, 940, 0, 30, 30);
    }

    function test_cap_below_what_was_issued_today_leaves_nothing() public {
        _grant(1, 1000, 30, 0);
        _issue(1, customer, 20);
        _grant(1, 1000, 19, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 0, 1));
        _issue(1, customer, 1);
        _grant(1, 1000, 20, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 0, 1));
        _issue(1, customer, 1);
        _grant(1, 1000, 21, 0);
        _issue(1, customer, 1);
    }

    function test_without_cap_nothing_is_counted() public {
        _grant(1, 1000, 0, 0);
        _issue(1, customer, 900);
        _assertGrant(1, 100, 0, 0, 0);
    }

    /// @dev A grant that is set again on the same day keeps the count of that day.
    function test_setting_a_grant_again_does_not_renew_the_day() public {
        _grant(1, 1000, 30, 0);
        _issue(1, customer, 30);
        _grant(1, 1000, 30, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, 1, 0, 1));
        _issue(1, customer, 1);
    }

    function testFuzz_a_day_never_issues_more_than_its_cap(
        uint56[6] memory amounts,
        uint16[6] memory waits,
        uint56 cap
    ) public {
        vm.assume(cap != 0);
        _grant(1, LANE, cap, 0);
        uint256 day = block.timestamp / 1 days;
        uint256 used;
        uint256 left = LANE;
        for (uint256 i = 0; i < 6; ++i) {
            vm.warp(block.timestamp + waits[i]);
            if (block.timestamp / 1 days != day) (day, used) = (block.timestamp / 1 days, 0);
            uint256 amount = bound(amounts[i], 1, uint256(cap) + 1);
            bool fits = amount <= left && amount <= cap - used;
            vm.prank(issuer);
            (bool done,) = address(token).call(abi.encodeCall(token.issue, (1, customer, amount, 0)));
            assertEq(done, fits);
            if (fits) (used, left) = (used + amount, left - amount);
            _assertGrant(1, left, 0, cap, used);
        }
    }

    // -------------------------------------------------------------------------------------------- headroom

    /// @notice Hole: a brand that fills the lane so that promises fail.
    function test_promised_points_keep_their_place_in_the_lot() public {
        _grant(1, 100, 0, _soon);
        _expectNoHeadroom(LANE - 100, LANE - 99);
        _mint(customer, LANE - 99);
        _mint(customer, LANE - 100);
        _expectNoHeadroom(0, 1);
        _mint(customer, 1);
        _expectNoHeadroom(0, 1);
        vm.prank(brand);
        token.mintFor(customer, 1, "receipt");
        _expectNoHeadroom(0, 1);
        vm.prank(brand);
        token.mintBatch("batch", _one(_word(customer, 1)));
        _grant(2, 1, 0, 0);
        _expectNoHeadroom(0, 1);
        _issue(2, customer, 1);
        _issue(1, buyer, 60);
        vm.prank(issuer);
        token.issueBatch(1, "batch", _one(_word(buyer, 40)));
        assertEq(token.balanceOf(buyer), 100);
        assertEq(token.totalSupply(), LANE);
    }

    /// @notice Points that come back out of a promise take its place, those that the brand gives back do not.
    function test_give_back_out_of_a_promise_has_its_place() public {
        _mint(customer, 10);
        _redeem(customer, 10, "receipt");
        _grant(1, 100, 0, _soon);
        _mint(buyer, LANE - 100);
        _expectNoHeadroom(0, 1);
        vm.prank(brand);
        token.giveBack(customer, "receipt", 1);
        vm.prank(issuer);
        token.giveBackFrom(1, customer, "receipt", 10);
        _assertLots(customer, 0, 0, 0, 10);
        _issue(1, customer, 90);
        assertEq(token.totalSupply(), LANE);
    }

    function test_revertWhen_a_give_back_without_promise_takes_a_promised_place() public {
        _mint(customer, 10);
        _redeem(customer, 10, "receipt");
        _grant(1, 100, 0, _soon);
        _grant(2, 100, 0, 0);
        _mint(buyer, LANE - 103);
        _expectNoHeadroom(3, 4);
        vm.prank(issuer);
        token.giveBackFrom(2, customer, "receipt", 4);
        vm.prank(issuer);
        token.giveBackFrom(2, customer, "receipt", 3);
        _issue(1, customer, 100);
    }

    function test_new_promise_must_fit_beside_points_and_promises() public {
        _mint(customer, LANE - 100);
        _expectNoHeadroom(100, 101);
        _grant(1, 101, 0, _soon);
        _grant(1, 60, 0, _soon);
        _expectNoHeadroom(100, 101);
        _grant(2, 41, 0, _soon);
        _grant(2, 40, 0, _soon);
        assertEq(_promised(), 100);
        _expectNoHeadroom(100, 101);
        _grant(1, 61, 0, _soon);
        _enter(1);
        _grant(1, LANE - 40, 0, block.timestamp + 1);
        _expectNoHeadroom(LANE, LANE + 1);
        _grant(1, LANE - 39, 0, block.timestamp + 1);
    }

    /// @notice A grant without a lock was not promised: locking it takes room for all of it.
    function test_locking_a_grant_promises_all_of_it() public {
        _grant(1, 100, 0, 0);
        _mint(customer, LANE - 99);
        _expectNoHeadroom(99, 100);
        _grant(1, 100, 0, _soon);
        _grant(1, 99, 0, _soon);
        assertEq(_promised(), 99);
    }

    /// @notice A locked grant that was partly used and is set again to its first amount is a new promise.
    function test_refilling_a_used_grant_does_not_overbook_the_lot() public {
        _grant(1, 100, 0, _soon);
        _mint(customer, LANE - 100);
        _issue(1, customer, 60);
        _expectNoHeadroom(40, 100);
        _grant(1, 100, 0, _soon);
        _expectNoHeadroom(40, 41);
        _grant(1, 41, 0, _soon);
        _grant(1, 40, 0, _soon);
        _issue(1, customer, 40);
        _assertLots(customer, 0, 0, 0, LANE);
    }

    function test_refilling_a_used_grant_in_the_next_epoch_fits_again() public {
        _grant(1, 100, 0, block.timestamp + LENGTH);
        _mint(customer, LANE - 100);
        _issue(1, customer, 60);
        _enter(1);
        _grant(1, 100, 0, block.timestamp);
        _mint(customer, LANE - 100);
        _issue(1, buyer, 100);
        _assertLots(buyer, 0, 0, 0, 100);
    }

    /// @notice After its date a grant still counts until it is released, and still has its place.
    function test_grant_past_its_date_keeps_its_place_until_released() public {
        _grant(1, 100, 0, _soon);
        vm.warp(_soon + 1);
        _expectNoHeadroom(LANE - 100, LANE);
        _mint(customer, LANE);
        _mint(customer, LANE - 100);
        _issue(1, customer, 100);
        _assertLots(customer, 0, 0, 0, LANE);
    }

    /// @notice A grant past its date that is set to what is left is no new promise, one that is raised is.
    function test_renewing_a_lock_needs_no_new_room() public {
        _grant(1, 100, 0, _soon);
        _mint(customer, LANE - 100);
        _issue(1, customer, 60);
        vm.warp(_soon + 1);
        _expectNoHeadroom(40, 41);
        _grant(1, 41, 0, _soon + 2);
        _grant(1, 40, 0, _soon + 2);
        assertEq(_promised(), 40);
        _issue(1, customer, 40);
    }

    // --------------------------------------------------------------------------------------------- release

    function test_release_brings_promises_down_to_what_is_left() public {
        _grant(1, 100, 0, _soon);
        _issue(1, customer, 60);
        assertEq(_promised(), 100);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GrantReleased(issuer, 1, 60);
        _release(1);
        assertEq(_promised(), 40);
        _assertGrant(1, 40, _soon, 0, 0);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GrantReleased(issuer, 1, 0);
        _release(1);
        _issue(1, customer, 40);
    }

    /// @notice Attack 25: anyone ends a grant the second after its date, nobody before.
    function test_release_ends_a_grant_after_its_date() public {
        _grant(1, 100, 7, _soon);
        vm.warp(_soon - 1);
        _release(1);
        _assertGrant(1, 100, _soon, 7, 0);
        vm.warp(_soon);
        _release(1);
        _assertGrant(1, 100, _soon, 7, 0);
        assertEq(_promised(), 100);
        vm.warp(_soon + 1);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.GrantReleased(issuer, 1, 100);
        _release(1);
        _assertGrant(1, 0, 0, 7, 0);
        assertEq(_promised(), 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantNotLocked.selector, issuer, 1));
        _release(1);
    }

    function test_revertWhen_a_grant_without_lock_is_released() public {
        _grant(1, 100, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantNotLocked.selector, issuer, 1));
        _release(1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.GrantNotLocked.selector, issuer, 2));
        _release(2);
    }

    /// @notice The release of one grant does not fail because of another, however full the lot is.
    function test_release_does_not_fail_because_of_another_grant() public {
        _grant(1, 100, 0, _soon);
        _grant(2, 200, 0, _soon + 100 days);
        _mint(customer, LANE - 300);
        _issue(1, customer, 100);
        _issue(2, customer, 200);
        assertEq(token.totalSupply(), LANE);
        // Now 300 are still counted as promised beside a lot that is full.
        assertEq(_promised(), 300);
        _release(1);
        assertEq(_promised(), 200);
        vm.warp(_soon + 1);
        _release(1);
        _release(2);
        assertEq(_promised(), 0);
        _enter(1);
        _mint(customer, LANE);
    }

    /// @notice Brands without promises pay nothing for it: the flag of the supply goes when the last promise goes.
    function test_last_release_gives_the_whole_lot_back() public {
        _grant(1, 100, 0, _soon);
        _grant(2, 100, 0, _soon);
        vm.warp(_soon + 1);
        _release(1);
        _expectNoHeadroom(LANE - 100, LANE);
        _mint(customer, LANE);
        _release(2);
        _mint(customer, LANE);
        _assertTotals(LANE, LANE, 0, 0);
    }

    function test_unlocking_a_grant_after_its_date_ends_the_promise() public {
        _grant(1, 100, 0, _soon);
        vm.warp(_soon + 1);
        _grant(1, 100, 0, 0);
        assertEq(_promised(), 0);
        _mint(customer, LANE);
        _expectNoHeadroom(0, 1);
        _issue(1, customer, 1);
    }

    /// @notice The supply's flag is kept through every write of the supply, and never counted as points.
    function test_promises_survive_every_write_of_the_supply() public {
        _grant(1, 100, 0, ORIGIN + 100 * LENGTH);
        for (uint256 i = 0; i < 6; ++i) {
            _enter(i);
            _mint(customer, 50);
            _redeem(customer, 30, bytes32(i + 1));
            vm.prank(brand);
            token.giveBack(customer, bytes32(i + 1), 10);
            assertEq(token.totalSupply(), token.balanceOf(customer));
            uint256 lane = token.balanceOfAtEpoch(i, customer);
            _expectNoHeadroom(LANE - 100 - lane, LANE - 100 - lane + 1);
            _mint(customer, LANE - 100 - lane + 1);
        }
    }
}
