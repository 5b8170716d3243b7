// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {VouchersTest} from "./VouchersTest.sol";

/// @notice A voucher pays what its issuer signed, once, in time, on this chain and for this token only, out of its grant.
contract VouchersUnitTest is VouchersTest {
    function _used(uint256 nonce) private view returns (bytes memory) {
        return abi.encodeWithSelector(Nonces.NonceUsed.selector, issuer, nonce);
    }

    function _grantExceeded(uint256 left, uint256 needed) private view returns (bytes memory) {
        return abi.encodeWithSelector(ILoyaltyToken.GrantExceeded.selector, issuer, GRANT, left, needed);
    }

    // ----------------------------------------------------------------------------------------------- payment

    function test_anyone_claims_a_voucher_once() public {
        ILoyaltyToken.Voucher memory voucher = _voucher(3);
        voucher.receiptId = "receipt";
        ILoyaltyToken.SignedVoucher memory signed = _signed(voucher);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.VoucherClaimed(issuer, voucher.nonce, "receipt", customer, 15);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), customer, 15);
        vm.recordLogs();
        _claim(signed);
        assertEq(vm.getRecordedLogs().length, 2);
        _assertLots(customer, 0, 0, 0, 15);
        _assertTotals(15, 15, 0, 0);
        assertEq(token.grantOf(issuer, GRANT).amount, 985);
        assertFalse(token.nonceOpen(issuer, voucher.nonce));
        assertTrue(token.referenceUsed(issuer, "receipt"));
        assertFalse(token.referenceUsed(address(0), "receipt"));
        _assertEnded(signed, _used(voucher.nonce));
    }

    function test_points_are_of_the_epoch_in_which_they_are_claimed() public {
        ILoyaltyToken.Voucher memory voucher = _voucher(3);
        voucher.deadline = MAX;
        ILoyaltyToken.SignedVoucher memory first = _signed(voucher);
        voucher.nonce += 1;
        ILoyaltyToken.SignedVoucher memory second = _signed(voucher);
        _mint(customer, 1);
        _enter(1);
        _claim(first);
        _enter(3);
        assertEq(_claimBatch(_list(second)), 1);
        _assertLots(customer, 1, 15, 0, 15);
    }

    function testFuzz_pays_any_amount_that_the_grant_holds(uint256 amount, uint256 granted) public {
        granted = bound(granted, 1, LANE);
        _grant(GRANT, granted, 0, 0);
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.amount = amount;
        if (amount == 0) {
            return _assertRefused(_signed(voucher), abi.encodeWithSelector(ILoyaltyToken.ZeroAmount.selector));
        }
        if (amount > granted) _assertRefused(_signed(voucher), _grantExceeded(granted, amount));
        voucher.amount = bound(amount, 1, granted);
        _claim(_signed(voucher));
        assertEq(token.balanceOf(customer), voucher.amount);
        assertEq(token.grantOf(issuer, GRANT).amount, granted - voucher.amount);
    }

    function test_revertWhen_nothing_is_to_be_paid() public {
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.amount = 0;
        _assertRefused(_signed(voucher), abi.encodeWithSelector(ILoyaltyToken.ZeroAmount.selector));
    }

    function test_revertWhen_recipient_is_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]);
            ILoyaltyToken.Voucher memory voucher = _voucher(0);
            voucher.recipient = refused[i];
            _assertRefused(_signed(voucher), reason);
            _assertRefused(_named(0, refused[i]), reason);
        }
    }

    // ------------------------------------------------------------------------------------------------- grant

    function test_brand_stops_vouchers_by_the_grant() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        _grant(GRANT, 0, 0, 0);
        _assertRefused(signed, _grantExceeded(0, 15));
        _grant(GRANT, 14, 0, 0);
        _assertRefused(signed, _grantExceeded(14, 15));
        _grant(GRANT, 15, 0, 0);
        _claim(signed);
    }

    function test_grants_of_one_issuer_are_apart() public {
        _grant(2, 500, 0, 0);
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.grantId = 2;
        _claim(_signed(voucher));
        assertEq(token.grantOf(issuer, GRANT).amount, 1_000);
        assertEq(token.grantOf(issuer, 2).amount, 485);
    }

    function test_day_cap_counts_vouchers_and_issues_together() public {
        _grant(GRANT, 1_000, 30, 0);
        _issue(GRANT, buyer, 10);
        _claim(_signed(0));
        bytes memory reason =
            abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, GRANT, 5, 15);
        _assertRefused(_signed(1), reason);
        assertEq(token.grantOf(issuer, GRANT).usedToday, 25);
        vm.warp((block.timestamp / 1 days + 1) * 1 days);
        _claim(_signed(1));
        assertEq(token.grantOf(issuer, GRANT).usedToday, 15);
    }

    function test_voucher_of_a_locked_grant_has_its_place() public {
        _grant(2, 15, 0, block.timestamp + 1 days);
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.grantId = 2;
        _mint(buyer, LANE - 15);
        _assertRefused(_signed(1), abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 0, 15));
        _claim(_signed(voucher));
        assertEq(token.totalSupply(), LANE);
    }

    /// @dev In whatever order they stand, those out of locked grants take no room from the others.
    function test_batch_of_locked_and_unlocked_grants_fills_the_lot() public {
        _grant(2, 30, 0, block.timestamp + 1 days);
        _mint(buyer, LANE - 44);
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](3);
        for (uint256 i = 0; i < 3; ++i) {
            ILoyaltyToken.Voucher memory voucher = _voucher(i);
            if (i != 1) voucher.grantId = 2;
            list[i] = _signed(voucher);
        }
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 14, 15));
        _claimBatch(list);
        _redeem(buyer, 1, "room");
        assertEq(_claimBatch(list), 3);
        assertEq(token.balanceOf(customer), 45);
        assertEq(token.grantOf(issuer, GRANT).amount, 985);
        assertEq(token.grantOf(issuer, 2).amount, 0);
        assertEq(token.totalSupply(), LANE);
    }

    // --------------------------------------------------------------------------------------------- signature

    function test_revertWhen_any_field_is_changed() public {
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.receiptId = "receipt";
        bytes memory signature = _signed(voucher).signature;
        for (uint256 field = 0; field < 8; ++field) {
            ILoyaltyToken.Voucher memory other = abi.decode(abi.encode(voucher), (ILoyaltyToken.Voucher));
            if (field == 0) other.issuer = stranger;
            if (field == 1) other.grantId += 1;
            if (field == 2) other.recipient = stranger;
            if (field == 3) other.isKey = true;
            if (field == 4) other.amount += 1;
            if (field == 5) other.receiptId = "other";
            if (field == 6) other.deadline += 1;
            if (field == 7) other.nonce += 1;
            ILoyaltyToken.SignedVoucher memory signed = _signed(other);
            signed.signature = signature;
            _assertRefused(
                signed, abi.encodeWithSelector(ILoyaltyToken.NotSignedByIssuer.selector, other.issuer)
            );
        }
        // The signature itself is good: as it was signed, the voucher is paid.
        token.claim(_signed(voucher));
        assertEq(token.balanceOf(voucher.recipient), voucher.amount);
    }

    function test_revertWhen_somebody_else_signed() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        signed.signature = _sign(customerKey, _hash(signed.voucher));
        _assertRefused(signed, _notSigned());
        signed.signature = "";
        _assertRefused(signed, _notSigned());
        signed.signature = new bytes(65);
        _assertRefused(signed, _notSigned());
    }

    function test_revertWhen_signed_for_another_chain() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        _assertRefused(signed, _notSigned());
        vm.chainId(here);
        bytes32 there = _digestOn(here + 1, address(token), _hash(signed.voucher));
        bytes memory good = signed.signature;
        signed.signature = _signDigest(issuerKey, there);
        _assertRefused(signed, _notSigned());
        signed.signature = good;
        _claim(signed);
    }

    function test_revertWhen_signed_for_another_token() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        signed.signature =
            _signDigest(issuerKey, _digestOn(block.chainid, address(_launch(LENGTH)), _hash(signed.voucher)));
        _assertRefused(signed, _notSigned());
    }

    function test_revertWhen_signature_is_malleated() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        bytes memory good = signed.signature;
        signed.signature = _malleated(good);
        _assertRefused(signed, _notSigned());
        signed.signature = _malleated(signed.signature);
        assertEq(signed.signature, good, "malleated twice it is the same");
        _claim(signed);
    }

    function test_signature_in_64_bytes_counts() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        signed.signature = _compact(signed.signature);
        signed.keySignature = _compact(signed.keySignature);
        assertEq(signed.signature.length + signed.keySignature.length, 128);
        _claim(signed);
        assertEq(token.balanceOf(buyer), 15);
    }

    function test_revertWhen_issuer_is_the_zero_address() public {
        vm.prank(brand);
        token.setGrant(address(0), GRANT, 1_000, 0, 0);
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        signed.voucher.issuer = address(0);
        signed.signature = new bytes(65);
        _assertRefused(signed, abi.encodeWithSelector(ILoyaltyToken.NotSignedByIssuer.selector, address(0)));
    }

    function test_a_send_of_the_issuer_shares_its_nonces() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        ILoyaltyToken.Send memory message = ILoyaltyToken.Send({
            holder: issuer, to: buyer, amount: 0, deadline: MAX, nonce: signed.voucher.nonce
        });
        token.sendFor(message, _sign(issuerKey, _hash(message)));
        _assertEnded(signed, _used(signed.voucher.nonce));
    }

    function test_contract_wallets_sign_as_issuer_and_as_key() public {
        address till = _wallet(issuer);
        address holder = _wallet(key);
        vm.prank(brand);
        token.setGrant(till, GRANT, 15, 0, 0);
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        (voucher.issuer, voucher.recipient, voucher.isKey) = (till, holder, true);
        bytes32 digest = _digest(_hash(voucher));
        ILoyaltyToken.SignedVoucher memory signed = ILoyaltyToken.SignedVoucher({
            voucher: voucher,
            signature: _sign(secret, _hash(voucher)),
            to: buyer,
            keySignature: _sign(issuerKey, _hashClaim(holder, buyer, digest))
        });
        _assertRefused(signed, abi.encodeWithSelector(ILoyaltyToken.NotSignedByIssuer.selector, till));
        signed.signature = _sign(issuerKey, _hash(voucher));
        _assertRefused(signed, abi.encodeWithSelector(ILoyaltyToken.NotSignedByKey.selector, holder));
        signed.keySignature = _sign(secret, _hashClaim(holder, buyer, digest));
        vm.expectEmit(address(token));
        emit ILoyaltyToken.VoucherClaimed(till, voucher.nonce, 0, buyer, 15);
        _claim(signed);
        assertEq(token.balanceOf(buyer), 15);
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, till, voucher.nonce));
        _claim(signed);
    }

    // ---------------------------------------------------------------------------------- deadline, nonce, receipt

    function test_voucher_holds_until_its_deadline() public {
        ILoyaltyToken.SignedVoucher memory first = _signed(0);
        ILoyaltyToken.SignedVoucher memory second = _signed(1);
        vm.warp(first.voucher.deadline);
        _claim(first);
        vm.warp(first.voucher.deadline + 1);
        _assertRefused(
            second, abi.encodeWithSelector(ILoyaltyToken.DeadlinePassed.selector, second.voucher.deadline)
        );
    }

    function test_issuer_cancels_a_voucher() public {
        ILoyaltyToken.SignedVoucher memory first = _signed(0);
        ILoyaltyToken.SignedVoucher memory second = _signed(1);
        uint256[] memory nonces = _one(first.voucher.nonce);
        vm.prank(issuer);
        token.cancelNonces(nonces);
        _assertEnded(first, _used(first.voucher.nonce));
        nonces = _one(second.voucher.nonce);
        token.cancelNoncesFor(issuer, nonces, _sign(issuerKey, _hashCancel(issuer, nonces)));
        _assertEnded(second, _used(second.voucher.nonce));
    }

    function test_nobody_else_cancels_a_voucher() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        uint256[] memory nonces = _one(signed.voucher.nonce);
        vm.prank(brand);
        token.cancelNonces(nonces);
        vm.prank(customer);
        token.cancelNonces(nonces);
        _claim(signed);
    }

    function test_nonces_that_are_no_nonces_are_never_paid() public {
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.nonce = _nonce(7, 0, 224);
        _assertEnded(
            _signed(voucher), abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, voucher.nonce)
        );
        voucher.nonce = _nonce(7, 1, 0);
        _assertEnded(
            _signed(voucher),
            abi.encodeWithSelector(Nonces.NonceNotCurrent.selector, issuer, voucher.nonce, 0)
        );
    }

    function test_receipt_counts_once_for_issues_and_vouchers() public {
        bytes memory reason =
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("receipt"));
        ILoyaltyToken.Voucher memory voucher = _voucher(0);
        voucher.receiptId = "receipt";
        vm.prank(issuer);
        token.issue(GRANT, buyer, 1, "receipt");
        _assertRefused(_signed(voucher), reason);
        voucher.receiptId = "other";
        _claim(_signed(voucher));
        vm.prank(issuer);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("other"))
        );
        token.issue(GRANT, buyer, 1, "other");
        // Without a receipt any number.
        _claim(_signed(1));
        _claim(_signed(2));
        assertFalse(token.referenceUsed(issuer, 0));
    }

    // ------------------------------------------------------------------------------------------ one-time key

    function test_key_names_who_is_paid() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.VoucherClaimed(issuer, signed.voucher.nonce, 0, buyer, 15);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(address(0), buyer, 15);
        _claim(signed);
        assertEq(token.balanceOf(buyer), 15);
        assertEq(token.balanceOf(key), 0);
        _assertEnded(signed, _used(signed.voucher.nonce));
        _assertEnded(_named(0, stranger), _used(signed.voucher.nonce));
    }

    /// @dev Whoever sees the submission on its way can copy it, and pays the same person.
    function test_revertWhen_the_recipient_is_swapped_on_the_way() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        signed.to = stranger;
        _assertRefused(signed, _notNamed());
        signed.to = key;
        _assertRefused(signed, _notNamed());
        signed.to = address(0);
        _assertRefused(signed, _notNamed());
        signed.to = buyer;
        _claim(signed);
        assertEq(token.balanceOf(buyer), 15);
    }

    function test_revertWhen_another_key_names() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        bytes32 message = _hashClaim(key, buyer, _digest(_hash(signed.voucher)));
        signed.keySignature = _sign(customerKey, message);
        _assertRefused(signed, _notNamed());
        signed.keySignature = _sign(issuerKey, message);
        _assertRefused(signed, _notNamed());
        signed.keySignature = signed.signature;
        _assertRefused(signed, _notNamed());
        signed.keySignature = "";
        _assertRefused(signed, _notNamed());
        signed.keySignature = new bytes(65);
        _assertRefused(signed, _notNamed());
    }

    function test_revertWhen_the_key_named_for_another_voucher() public {
        ILoyaltyToken.SignedVoucher memory first = _named(0, buyer);
        ILoyaltyToken.SignedVoucher memory second = _named(1, buyer);
        (bytes memory good, bytes memory other) = (second.keySignature, first.keySignature);
        second.keySignature = other;
        _assertRefused(second, _notNamed());
        // Not even of the same words without the domain.
        second.keySignature = _sign(secret, _hashClaim(key, buyer, _hash(second.voucher)));
        _assertRefused(second, _notNamed());
        second.keySignature = good;
        _claim(second);
    }

    function test_revertWhen_the_key_named_for_another_chain_or_token() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        bytes32 message = _hashClaim(key, buyer, _digest(_hash(signed.voucher)));
        signed.keySignature = _signDigest(secret, _digestOn(block.chainid + 1, address(token), message));
        _assertRefused(signed, _notNamed());
        signed.keySignature = _signDigest(secret, _digestOn(block.chainid, address(this), message));
        _assertRefused(signed, _notNamed());
        bytes32 there = _digestOn(block.chainid + 1, address(token), _hash(signed.voucher));
        signed.keySignature = _sign(secret, _hashClaim(key, buyer, there));
        _assertRefused(signed, _notNamed());
    }

    function test_revertWhen_the_signature_of_the_key_is_malleated() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        signed.keySignature = _malleated(signed.keySignature);
        _assertRefused(signed, _notNamed());
    }

    function test_revertWhen_the_key_is_the_zero_address() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        signed.voucher.recipient = address(0);
        signed.signature = _sign(issuerKey, _hash(signed.voucher));
        signed.keySignature = new bytes(65);
        _assertRefused(signed, abi.encodeWithSelector(ILoyaltyToken.NotSignedByKey.selector, address(0)));
    }

    /// @dev A voucher for a key that is taken for one to an address would pay the key, which may be on paper.
    function test_voucher_to_an_address_heeds_no_key() public {
        ILoyaltyToken.SignedVoucher memory signed = _signed(0);
        signed.to = stranger;
        signed.keySignature =
            _sign(customerKey, _hashClaim(customer, stranger, _digest(_hash(signed.voucher))));
        _claim(signed);
        assertEq(token.balanceOf(customer), 15);
        assertEq(token.balanceOf(stranger), 0);
        signed = _named(1, buyer);
        signed.voucher.isKey = false;
        _assertRefused(signed, _notSigned());
    }

    // ------------------------------------------------------------------------------------------------ batches

    function test_batch_pays_all_and_counts_them() public {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](3);
        list[0] = _signed(0);
        list[1] = _named(1, buyer);
        list[2] = _signed(2);
        for (uint256 i = 0; i < 3; ++i) {
            address to = i == 1 ? buyer : customer;
            vm.expectEmit(address(token));
            emit ILoyaltyToken.VoucherClaimed(issuer, list[i].voucher.nonce, 0, to, 15);
            vm.expectEmit(address(token));
            emit ILoyaltyToken.Transfer(address(0), to, 15);
        }
        assertEq(_claimBatch(list), 3);
        _assertLots(customer, 0, 0, 0, 30);
        _assertLots(buyer, 0, 0, 0, 15);
        _assertTotals(45, 45, 0, 0);
        assertEq(token.grantOf(issuer, GRANT).amount, 955);
        assertEq(_claimBatch(list), 0);
        _assertTotals(45, 45, 0, 0);
    }

    function test_batch_of_nothing_does_nothing() public {
        vm.recordLogs();
        assertEq(_claimBatch(new ILoyaltyToken.SignedVoucher[](0)), 0);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(token.totalSupply(), 0);
    }

    function test_batch_pays_a_repeated_voucher_once() public {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](4);
        list[0] = _named(5, buyer);
        list[1] = _named(5, buyer);
        list[2] = _signed(6);
        // Another voucher of the same nonce.
        list[3] = _signed(5);
        assertEq(_claimBatch(list), 2);
        assertEq(token.balanceOf(buyer), 15);
        assertEq(token.balanceOf(customer), 15);
        assertEq(token.grantOf(issuer, GRANT).amount, 970);
    }

    /// @dev One that somebody else submitted first keeps nobody from being paid, even if it is too late by now.
    function test_batch_passes_over_what_was_paid_cancelled_and_is_too_late() public {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](3);
        list[0] = _signed(0);
        list[1] = _signed(1);
        _claim(list[0]);
        uint256[] memory nonces = _one(list[1].voucher.nonce);
        vm.prank(issuer);
        token.cancelNonces(nonces);
        vm.warp(list[0].voucher.deadline + 1);
        list[2] = _signed(2);
        vm.recordLogs();
        assertEq(_claimBatch(list), 1);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(token.balanceOf(customer), 30);
    }

    function test_revertWhen_a_grant_ends_in_the_middle_of_a_batch() public {
        _grant(GRANT, 44, 0, 0);
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](3);
        for (uint256 i = 0; i < 3; ++i) {
            list[i] = _signed(i);
        }
        vm.expectRevert(_grantExceeded(14, 15));
        _claimBatch(list);
        _assertTotals(0, 0, 0, 0);
        assertEq(token.balanceOf(customer), 0);
        assertEq(token.grantOf(issuer, GRANT).amount, 44);
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(token.nonceOpen(issuer, list[i].voucher.nonce));
        }
    }

    function test_revertWhen_the_cap_ends_in_the_middle_of_a_batch() public {
        _grant(GRANT, 1_000, 29, 0);
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](2);
        (list[0], list[1]) = (_signed(0), _signed(1));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DayCapExceeded.selector, issuer, GRANT, 14, 15));
        _claimBatch(list);
        assertEq(token.grantOf(issuer, GRANT).usedToday, 0);
        _grant(GRANT, 1_000, 30, 0);
        assertEq(_claimBatch(list), 2);
        assertEq(token.grantOf(issuer, GRANT).usedToday, 30);
    }

    function test_revertWhen_one_of_a_batch_is_wrong() public {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](2);
        (list[0], list[1]) = (_signed(0), _signed(1));
        list[1].signature = list[0].signature;
        vm.expectRevert(_notSigned());
        _claimBatch(list);
        list[1] = _named(1, buyer);
        list[1].to = stranger;
        vm.expectRevert(_notNamed());
        _claimBatch(list);
        list[1] = _signed(1);
        list[1].voucher.receiptId = "receipt";
        list[0].voucher.receiptId = "receipt";
        (list[0], list[1]) = (_signed(list[0].voucher), _signed(list[1].voucher));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, issuer, bytes32("receipt"))
        );
        _claimBatch(list);
        assertEq(token.totalSupply(), 0);
    }

    function test_revertWhen_a_batch_does_not_fit_the_lot() public {
        _mint(buyer, LANE - 29);
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](2);
        (list[0], list[1]) = (_signed(0), _signed(1));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, 29, 30));
        _claimBatch(list);
        _redeem(buyer, 1, "room");
        assertEq(_claimBatch(list), 2);
        assertEq(token.totalSupply(), LANE);
    }

    /// @dev A batch does what its vouchers do one after the other, and nothing where one of them fails alone, but for those
    /// that ended before.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_batch_is_its_vouchers_one_by_one(uint256[6] memory seeds, uint256 room) public {
        _grant(1, 40, 25, 0);
        _grant(2, 60, 0, block.timestamp + 2 days);
        _grant(3, LANE, 0, 0);
        _mint(stranger, LANE - 60 - bound(room, 0, 200));
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](6);
        for (uint256 i = 0; i < 6; ++i) {
            list[i] = _random(seeds[i]);
        }
        uint256 state = vm.snapshotState();
        (bool failed, bool full, uint256 paid) = (false, false, 0);
        for (uint256 i = 0; i < 6 && !failed; ++i) {
            try token.claim(list[i]) {
                ++paid;
            } catch (bytes memory reason) {
                failed = bytes4(reason) != Nonces.NonceUsed.selector
                    && bytes4(reason) != Nonces.NonceIndexTooLarge.selector;
                full = bytes4(reason) == ILoyaltyToken.NoHeadroom.selector;
            }
        }
        bytes32 wanted = _books();
        vm.revertToState(state);
        bytes32 before = _books();
        // Alone, one of an unlocked grant may come after one of a locked grant that still counts as promised: it finds less
        // room than in a batch, where it comes before.
        try token.claimBatch(list) returns (uint256 claimed) {
            assertTrue(!failed || full, "a batch with a wrong voucher went through");
            if (failed) return;
            assertEq(claimed, paid);
            assertEq(_books(), wanted);
        } catch {
            assertTrue(failed, "a batch of good vouchers failed");
            assertEq(_books(), before);
        }
    }

    function _random(uint256 seed) private view returns (ILoyaltyToken.SignedVoucher memory signed) {
        signed = seed % 3 == 0 ? _named(seed % 5, buyer) : _signed(seed % 5);
        ILoyaltyToken.Voucher memory voucher = signed.voucher;
        voucher.grantId = 1 + (seed >> 8) % 3;
        voucher.amount = (seed >> 16) % 64 == 0 ? 0 : 1 + (seed >> 16) % 30;
        if ((seed >> 32) % 8 == 0) voucher.receiptId = "receipt";
        if ((seed >> 40) % 32 == 0) voucher.deadline = block.timestamp - 1;
        if ((seed >> 48) % 16 == 0) voucher.nonce = _nonce(7, 0, 230);
        signed.signature = _sign(issuerKey, _hash(voucher));
        if (!voucher.isKey) return signed;
        signed.keySignature = _sign(secret, _hashClaim(key, buyer, _digest(_hash(voucher))));
        if ((seed >> 56) % 32 == 0) signed.to = stranger;
    }

    function _books() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                token.totalSupply(),
                token.balanceOf(customer),
                token.balanceOf(buyer),
                token.grantOf(issuer, 1),
                token.grantOf(issuer, 2),
                token.grantOf(issuer, 3),
                token.referenceUsed(issuer, "receipt"),
                token.nonceOpen(issuer, _nonce(7, 0, 0)),
                token.nonceOpen(issuer, _nonce(7, 0, 1))
            )
        );
    }
}
