// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice A wallet that is a contract: answers what it was told to.
contract AnsweringWallet {
    bytes private _answer;

    function say(bytes calldata answer) external {
        _answer = answer;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        bytes memory answer = _answer;
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @notice A wallet that keeps a key's signature: the real check of ERC-1271.
contract KeyWallet {
    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        return ecrecover(digest, uint8(signature[64]), r, s) == _key ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// @notice What a holder signs anyone may submit, once, in time, on this chain and for this token only.
contract SignaturesTest is LoyaltyTokenTest {
    uint256 private constant _ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public override {
        super.setUp();
        _fill(customer, [uint256(10), 20, 30, 40]);
    }

    function _sendMessage(uint256 nonce) private view returns (ILoyaltyToken.Send memory) {
        return ILoyaltyToken.Send({
            holder: customer, to: buyer, amount: 15, deadline: block.timestamp + 1 hours, nonce: nonce
        });
    }

    function _redeemMessage(uint256 nonce) private view returns (ILoyaltyToken.Redeem memory) {
        return ILoyaltyToken.Redeem({
            holder: customer,
            amount: 15,
            receiptId: "receipt",
            agent: address(0),
            deadline: block.timestamp + 1 hours,
            nonce: nonce
        });
    }

    function _submit(ILoyaltyToken.Send memory message, bytes memory signature) private {
        vm.prank(stranger);
        token.sendFor(message, signature);
    }

    function _submit(ILoyaltyToken.Redeem memory message, bytes memory signature) private {
        vm.prank(stranger);
        token.redeemFor(message, signature);
    }

    function _expectNotSigned(address holder) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotSignedByHolder.selector, holder));
    }

    function _assertUntouched() private view {
        _assertLots(customer, 10, 20, 30, 40);
    }

    // ------------------------------------------------------------------------------------------------ Send

    function test_anyone_submits_a_signed_send() public {
        ILoyaltyToken.Send memory message = _sendMessage(_nonce(7, 0, 3));
        assertTrue(token.nonceOpen(customer, message.nonce));
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, buyer, 15);
        _submit(message, _sign(customerKey, _hash(message)));
        _assertLots(customer, 0, 15, 30, 40);
        _assertLots(buyer, 10, 5, 0, 0);
        assertFalse(token.nonceOpen(customer, message.nonce));
        assertTrue(token.nonceOpen(customer, message.nonce + 1));
    }

    /// @notice Attack 8: a signed message counts once.
    function test_revertWhen_a_send_is_submitted_again() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        _submit(message, signature);
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, customer, 0));
        _submit(message, signature);
        // Send and Redeem share their nonces.
        ILoyaltyToken.Redeem memory redeem = _redeemMessage(0);
        signature = _sign(customerKey, _hash(redeem));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, customer, 0));
        _submit(redeem, signature);
    }

    /// @notice Attack 25: in time is up to the deadline's own second.
    function test_send_holds_until_its_deadline() public {
        ILoyaltyToken.Send memory first = _sendMessage(0);
        ILoyaltyToken.Send memory second = _sendMessage(1);
        ILoyaltyToken.Send memory third = _sendMessage(2);
        vm.warp(first.deadline - 1);
        _submit(first, _sign(customerKey, _hash(first)));
        vm.warp(first.deadline);
        _submit(second, _sign(customerKey, _hash(second)));
        vm.warp(first.deadline + 1);
        bytes memory signature = _sign(customerKey, _hash(third));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DeadlinePassed.selector, first.deadline));
        _submit(third, signature);
    }

    function test_revertWhen_a_send_exceeds_the_balance() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.amount = 101;
        bytes memory signature = _sign(customerKey, _hash(message));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 100, 101)
        );
        _submit(message, signature);
        assertTrue(token.nonceOpen(customer, 0));
    }

    function test_revertWhen_a_send_pays_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            ILoyaltyToken.Send memory message = _sendMessage(i);
            message.to = refused[i];
            bytes memory signature = _sign(customerKey, _hash(message));
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            _submit(message, signature);
        }
    }

    /// @notice Attack 18: nobody on the way can change a word of a message.
    function testFuzz_revertWhen_a_send_was_changed(uint8 field, uint256 other) public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        if (field % 4 == 0) {
            vm.assume(uint160(other) != 0 && address(uint160(other)) != buyer);
            message.to = address(uint160(other));
        } else if (field % 4 == 1) {
            vm.assume(other != message.amount);
            message.amount = other;
        } else if (field % 4 == 2) {
            other = bound(other, message.deadline + 1, MAX);
            message.deadline = other;
        } else {
            message.nonce = _nonce(other >> 128, 0, 1 + other % 223);
        }
        _expectNotSigned(customer);
        _submit(message, signature);
        _assertUntouched();
    }

    function test_revertWhen_a_send_names_another_holder() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = buyer;
        bytes memory signature = _sign(customerKey, _hash(message));
        _expectNotSigned(buyer);
        _submit(message, signature);
    }

    // ---------------------------------------------------------------------------------------------- Redeem

    function test_anyone_submits_a_signed_redemption_without_agent() public {
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Redeemed(customer, "receipt", 15, stranger);
        _submit(message, _sign(customerKey, _hash(message)));
        _assertLots(customer, 0, 15, 30, 40);
        _assertTotals(100, 85, 15, 0);
    }

    /// @notice Hole: a redemption signature used without its other half.
    function test_only_the_agent_submits_a_redemption_that_names_one() public {
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        message.agent = buyer;
        bytes memory signature = _sign(customerKey, _hash(message));
        address[4] memory others = [stranger, customer, brand, exchange];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotTheAgent.selector, buyer, others[i]));
            vm.prank(others[i]);
            token.redeemFor(message, signature);
        }
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Redeemed(customer, "receipt", 15, buyer);
        vm.prank(buyer);
        token.redeemFor(message, signature);
    }

    function test_revertWhen_a_submitter_takes_the_agent_out() public {
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        message.agent = buyer;
        bytes memory signature = _sign(customerKey, _hash(message));
        message.agent = address(0);
        _expectNotSigned(customer);
        _submit(message, signature);
        message.agent = stranger;
        _expectNotSigned(customer);
        _submit(message, signature);
    }

    function testFuzz_revertWhen_a_redemption_was_changed(uint8 field, uint256 other) public {
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        if (field % 5 == 0) {
            vm.assume(other != message.amount);
            message.amount = other;
        } else if (field % 5 == 1) {
            vm.assume(bytes32(other) != message.receiptId && other != 0);
            message.receiptId = bytes32(other);
        } else if (field % 5 == 2) {
            message.agent = stranger;
        } else if (field % 5 == 3) {
            message.deadline = bound(other, message.deadline + 1, MAX);
        } else {
            message.nonce = _nonce(other >> 128, 0, 1 + other % 223);
        }
        _expectNotSigned(customer);
        _submit(message, signature);
        _assertUntouched();
    }

    function test_redemption_holds_until_its_deadline() public {
        uint256 deadline = block.timestamp + 1 hours;
        for (uint256 i = 0; i < 3; ++i) {
            ILoyaltyToken.Redeem memory message = _redeemMessage(i);
            message.receiptId = bytes32(i + 1);
            message.deadline = deadline;
            bytes memory signature = _sign(customerKey, _hash(message));
            vm.warp(deadline - 1 + i);
            if (i == 2) {
                vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DeadlinePassed.selector, deadline));
            }
            _submit(message, signature);
        }
        assertEq(token.balanceOf(customer), 70);
    }

    function test_revertWhen_a_signed_redemption_names_a_used_receipt() public {
        _redeem(customer, 1, "receipt");
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ReceiptUsed.selector, customer, bytes32("receipt"))
        );
        _submit(message, signature);
    }

    // ---------------------------------------------------------------------------------------------- Permit

    function _permit(uint256 key, address spender, uint256 value, uint256 nonce, uint256 deadline) private {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, _digest(_hashPermit(customer, spender, value, nonce, deadline)));
        vm.prank(stranger);
        token.permit(customer, spender, value, deadline, v, r, s);
    }

    function test_permit_authorises_in_sequence() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Approval(customer, buyer, 7);
        _permit(customerKey, buyer, 7, 0, block.timestamp);
        assertEq(token.allowance(customer, buyer), 7);
        assertEq(token.nonces(customer), 1);
        _permit(customerKey, buyer, 8, 1, block.timestamp);
        assertEq(token.nonces(customer), 2);
        _expectNotSigned(customer);
        _permit(customerKey, buyer, 9, 1, block.timestamp);
        _expectNotSigned(customer);
        _permit(customerKey, buyer, 9, 3, block.timestamp);
        assertEq(token.allowance(customer, buyer), 8);
        assertEq(token.nonces(customer), 2);
    }

    function test_permit_switches_the_exchange_off_and_on() public {
        _permit(customerKey, exchange, 0, 0, block.timestamp);
        assertEq(token.allowance(customer, exchange), 0);
        _permit(customerKey, exchange, MAX, 1, block.timestamp);
        assertEq(token.allowance(customer, exchange), MAX);
        _assertUntouched();
        uint256[3] memory parts = [uint256(1), 2 ** 255, MAX - 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ExchangeAllOrNothing.selector, parts[i]));
            _permit(customerKey, exchange, parts[i], 2, block.timestamp);
        }
    }

    function test_permit_holds_until_its_deadline() public {
        uint256 deadline = block.timestamp + 1 hours;
        vm.warp(deadline - 1);
        _permit(customerKey, buyer, 1, 0, deadline);
        vm.warp(deadline);
        _permit(customerKey, buyer, 2, 1, deadline);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DeadlinePassed.selector, deadline));
        _permit(customerKey, buyer, 3, 2, deadline);
    }

    function test_revertWhen_permit_names_the_zero_address() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidSpender.selector, address(0)));
        _permit(customerKey, address(0), 1, 0, block.timestamp);
    }

    function test_revertWhen_permit_is_signed_by_somebody_else() public {
        (, uint256 key) = makeAddrAndKey("thief");
        _expectNotSigned(customer);
        _permit(key, buyer, 7, 0, block.timestamp);
    }

    function _approveFor(
        address account,
        address spender,
        uint256 value,
        uint256 deadline,
        bytes memory signature
    ) private {
        vm.prank(stranger);
        token.approveFor(account, spender, value, deadline, signature);
    }

    /// @notice `approveFor` takes the very message of `permit`, with the same sequence of nonces.
    function test_approveFor_is_permit_in_another_form() public {
        uint256 deadline = block.timestamp;
        bytes memory first = _sign(customerKey, _hashPermit(customer, buyer, 7, 0, deadline));
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Approval(customer, buyer, 7);
        _approveFor(customer, buyer, 7, deadline, first);
        assertEq(token.nonces(customer), 1);
        _expectNotSigned(customer);
        _approveFor(customer, buyer, 7, deadline, first);
        _permit(customerKey, buyer, 8, 1, deadline);
        (bytes32 r, bytes32 vs) =
            vm.signCompact(customerKey, _digest(_hashPermit(customer, buyer, 9, 2, deadline)));
        _approveFor(customer, buyer, 9, deadline, abi.encodePacked(r, vs));
        assertEq(token.allowance(customer, buyer), 9);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.DeadlinePassed.selector, deadline));
        _approveFor(customer, buyer, 9, deadline, first);
    }

    function test_wallet_with_long_signatures_switches_the_exchange_off_and_on() public {
        AnsweringWallet wallet = new AnsweringWallet();
        wallet.say(abi.encode(bytes4(0x1626ba7e)));
        _approveFor(address(wallet), exchange, 0, block.timestamp, new bytes(195));
        assertEq(token.allowance(address(wallet), exchange), 0);
        _approveFor(address(wallet), exchange, MAX, block.timestamp, new bytes(195));
        assertEq(token.allowance(address(wallet), exchange), MAX);
        wallet.say(abi.encode(bytes4(0xffffffff)));
        _expectNotSigned(address(wallet));
        _approveFor(address(wallet), exchange, 0, block.timestamp, new bytes(195));
        assertEq(token.nonces(address(wallet)), 2);
    }

    // ----------------------------------------------------------------------------------------- CancelNonces

    function _list(uint256 a, uint256 b) private pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function test_holder_cancels_nonces() public {
        uint256[] memory list = _list(_nonce(1, 0, 5), _nonce(2, 0, 223));
        vm.expectEmit(address(token));
        emit ILoyaltyToken.NoncesCancelled(customer, list);
        vm.prank(customer);
        token.cancelNonces(list);
        for (uint256 i = 0; i < 2; ++i) {
            assertFalse(token.nonceOpen(customer, list[i]));
            assertTrue(token.nonceOpen(buyer, list[i]));
            ILoyaltyToken.Send memory message = _sendMessage(list[i]);
            bytes memory signature = _sign(customerKey, _hash(message));
            vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, customer, list[i]));
            _submit(message, signature);
        }
        assertTrue(token.nonceOpen(customer, _nonce(1, 0, 4)));
    }

    function test_anyone_submits_a_signed_cancellation_again_and_again() public {
        uint256[] memory list = _list(5, 6);
        bytes memory signature = _sign(customerKey, _hashCancel(customer, list));
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectEmit(address(token));
            emit ILoyaltyToken.NoncesCancelled(customer, list);
            vm.prank(stranger);
            token.cancelNoncesFor(customer, list, signature);
            assertFalse(token.nonceOpen(customer, 5));
            assertFalse(token.nonceOpen(customer, 6));
            assertTrue(token.nonceOpen(customer, 7));
        }
    }

    /// @notice One nonce that was used meanwhile does not keep the others alive.
    function test_cancels_the_rest_where_one_was_used() public {
        ILoyaltyToken.Send memory message = _sendMessage(5);
        _submit(message, _sign(customerKey, _hash(message)));
        vm.prank(customer);
        token.cancelNonces(_list(5, 6));
        assertFalse(token.nonceOpen(customer, 6));
    }

    function test_revertWhen_a_cancellation_is_not_the_holders() public {
        uint256[] memory list = _list(5, 6);
        bytes memory signature = _sign(customerKey, _hashCancel(customer, list));
        _expectNotSigned(buyer);
        token.cancelNoncesFor(buyer, list, signature);
        list[1] = 7;
        _expectNotSigned(customer);
        token.cancelNoncesFor(customer, list, signature);
        assertTrue(token.nonceOpen(customer, 5));
    }

    function test_revertWhen_nonce_is_out_of_range_or_of_another_series() public {
        uint256[] memory bad = _one(_nonce(0, 0, 224));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, bad[0]));
        vm.prank(customer);
        token.cancelNonces(bad);
        assertFalse(token.nonceOpen(customer, bad[0]));
        ILoyaltyToken.Send memory message = _sendMessage(bad[0]);
        bytes memory signature = _sign(customerKey, _hash(message));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceIndexTooLarge.selector, bad[0]));
        _submit(message, signature);

        bad = _one(_nonce(0, 1, 0));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceNotCurrent.selector, customer, bad[0], 0));
        vm.prank(customer);
        token.cancelNonces(bad);
        assertFalse(token.nonceOpen(customer, bad[0]));
        message = _sendMessage(bad[0]);
        signature = _sign(customerKey, _hash(message));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceNotCurrent.selector, customer, bad[0], 0));
        _submit(message, signature);
    }

    // --------------------------------------------------------------------------- attacks on any signature

    /// @notice Attack 1: the same signature on another chain, and after a change of chain id.
    function test_revertWhen_signed_for_another_chain() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        bytes memory signature =
            _signDigest(customerKey, _digestOn(block.chainid + 1, address(token), _hash(message)));
        _expectNotSigned(customer);
        _submit(message, signature);

        signature = _sign(customerKey, _hash(message));
        uint256 home = block.chainid;
        vm.chainId(home + 1);
        _expectNotSigned(customer);
        _submit(message, signature);
        (,,, uint256 told,,,) = token.eip712Domain();
        assertEq(told, home + 1);
        assertEq(keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), bytes32(0))), _digest(0));
        vm.chainId(home);
        _submit(message, signature);
    }

    function test_revertWhen_any_kind_of_message_was_signed_for_another_chain() public {
        vm.chainId(block.chainid + 1);
        bytes memory cancel = _sign(customerKey, _hashCancel(customer, _list(5, 6)));
        ILoyaltyToken.Redeem memory message = _redeemMessage(0);
        bytes memory redeem = _sign(customerKey, _hash(message));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(customerKey, _digest(_hashPermit(customer, buyer, 7, 0, block.timestamp)));
        vm.chainId(block.chainid - 1);
        _expectNotSigned(customer);
        token.cancelNoncesFor(customer, _list(5, 6), cancel);
        _expectNotSigned(customer);
        _submit(message, redeem);
        _expectNotSigned(customer);
        token.permit(customer, buyer, 7, block.timestamp, v, r, s);
    }

    /// @notice Attack 2: the same signature on a second token of the same name and brand.
    function test_revertWhen_signed_for_another_token() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        token = _launch(LENGTH);
        _mint(customer, 100);
        _expectNotSigned(customer);
        _submit(message, signature);
    }

    /// @notice Attack 3: s in the upper half of the order.
    function test_revertWhen_signature_is_malleated() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(customerKey, _digest(_hash(message)));
        bytes memory twin = abi.encodePacked(r, bytes32(_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        _expectNotSigned(customer);
        _submit(message, twin);
        bytes32 permit = _digest(_hashPermit(customer, buyer, 7, 0, block.timestamp));
        (v, r, s) = vm.sign(customerKey, permit);
        _expectNotSigned(customer);
        token.permit(customer, buyer, 7, block.timestamp, v == 27 ? 28 : 27, r, bytes32(_ORDER - uint256(s)));
        token.permit(customer, buyer, 7, block.timestamp, v, r, s);
    }

    /// @notice Attack 3: the 64 bytes of ERC-2098 are the same signature, and no second one.
    function test_64_byte_form_is_accepted_once() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        (bytes32 r, bytes32 vs) = vm.signCompact(customerKey, _digest(_hash(message)));
        _submit(message, abi.encodePacked(r, vs));
        bytes memory long = _sign(customerKey, _hash(message));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, customer, 0));
        _submit(message, long);
        _assertLots(buyer, 10, 5, 0, 0);
    }

    function test_both_values_of_v_work_in_64_bytes() public {
        bool[2] memory seen;
        for (uint256 i = 0; i < 20; ++i) {
            ILoyaltyToken.Send memory message = _sendMessage(i);
            message.amount = 1;
            bytes32 digest = _digest(_hash(message));
            (uint8 v,,) = vm.sign(customerKey, digest);
            (bytes32 r, bytes32 vs) = vm.signCompact(customerKey, digest);
            seen[v - 27] = true;
            _submit(message, abi.encodePacked(r, vs));
        }
        assertTrue(seen[0] && seen[1]);
        assertEq(token.balanceOf(buyer), 20);
    }

    function test_revertWhen_signature_has_another_length() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        bytes memory signature = _sign(customerKey, _hash(message));
        uint256[5] memory lengths = [uint256(0), 1, 63, 66, 97];
        for (uint256 i = 0; i < 5; ++i) {
            bytes memory cut = new bytes(lengths[i]);
            for (uint256 j = 0; j < cut.length && j < 65; ++j) {
                cut[j] = signature[j];
            }
            _expectNotSigned(customer);
            _submit(message, cut);
        }
    }

    function test_revertWhen_v_is_neither_27_nor_28() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(customerKey, _digest(_hash(message)));
        uint8[4] memory wrong = [uint8(0), v - 27, v + 27, 55 - v];
        for (uint256 i = 0; i < 4; ++i) {
            _expectNotSigned(customer);
            _submit(message, abi.encodePacked(r, s, wrong[i]));
        }
    }

    /// @notice Attack 4: a signature that recovers to nobody does not sign for the zero address, not even where that
    /// address holds nothing and nothing is sent.
    function test_revertWhen_holder_is_the_zero_address() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = address(0);
        message.amount = 0;
        bytes[3] memory nonsense = [
            abi.encodePacked(bytes32(0), bytes32(0), uint8(27)),
            abi.encodePacked(bytes32(MAX), bytes32(uint256(1)), uint8(0)),
            bytes("")
        ];
        for (uint256 i = 0; i < 3; ++i) {
            _expectNotSigned(address(0));
            _submit(message, nonsense[i]);
            _expectNotSigned(address(0));
            token.cancelNoncesFor(address(0), _list(1, 2), nonsense[i]);
        }
        _expectNotSigned(address(0));
        token.permit(address(0), buyer, 7, block.timestamp, 27, 0, 0);
        ILoyaltyToken.Redeem memory redeem = _redeemMessage(0);
        redeem.holder = address(0);
        _expectNotSigned(address(0));
        _submit(redeem, nonsense[0]);
    }

    // ---------------------------------------------------------------------------------------- contract wallets

    function test_contract_wallet_signs_by_ERC1271() public {
        address wallet = address(new KeyWallet(customer));
        _mint(wallet, 20);
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = wallet;
        _submit(message, _sign(customerKey, _hash(message)));
        ILoyaltyToken.Redeem memory redeem = _redeemMessage(1);
        redeem.holder = wallet;
        redeem.amount = 5;
        _submit(redeem, _sign(customerKey, _hash(redeem)));
        token.cancelNoncesFor(wallet, _list(2, 3), _sign(customerKey, _hashCancel(wallet, _list(2, 3))));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(customerKey, _digest(_hashPermit(wallet, buyer, 7, 0, block.timestamp)));
        token.permit(wallet, buyer, 7, block.timestamp, v, r, s);
        assertEq(token.balanceOf(wallet), 0);
        assertEq(token.allowance(wallet, buyer), 7);
        assertFalse(token.nonceOpen(wallet, 2));
        // The customer's own points need her own message.
        _assertUntouched();
    }

    function test_revertWhen_wallets_key_did_not_sign() public {
        address wallet = address(new KeyWallet(customer));
        _mint(wallet, 20);
        (, uint256 key) = makeAddrAndKey("thief");
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = wallet;
        bytes memory signature = _sign(key, _hash(message));
        _expectNotSigned(wallet);
        _submit(message, signature);
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, _digest(_hashPermit(wallet, buyer, 7, 0, block.timestamp)));
        _expectNotSigned(wallet);
        token.permit(wallet, buyer, 7, block.timestamp, v, r, s);
    }

    /// @notice Attack 19: only the whole word counts as yes, and a yes of before counts no more.
    function test_contract_wallet_must_answer_with_the_whole_word() public {
        AnsweringWallet wallet = new AnsweringWallet();
        _mint(address(wallet), 20);
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = address(wallet);
        message.amount = 1;
        bytes[6] memory answers = [
            bytes(""),
            abi.encodePacked(bytes4(0x1626ba7e)),
            abi.encode(uint256(1)),
            abi.encode(uint256(0x1626ba7e)),
            abi.encodePacked(bytes4(0x1626ba7e), bytes28(uint224(1))),
            abi.encodePacked(bytes4(0x1626ba7e), new bytes(27))
        ];
        for (uint256 i = 0; i < 6; ++i) {
            wallet.say(answers[i]);
            _expectNotSigned(address(wallet));
            _submit(message, "signature");
        }
        wallet.say(abi.encode(bytes4(0x1626ba7e)));
        _submit(message, "signature");
        wallet.say(abi.encodePacked(abi.encode(bytes4(0x1626ba7e)), new bytes(100_000)));
        message.nonce = 1;
        _submit(message, "");
        // It said yes before; now it says no.
        wallet.say(abi.encode(bytes4(0xffffffff)));
        message.nonce = 2;
        _expectNotSigned(address(wallet));
        _submit(message, "signature");
        assertEq(token.balanceOf(buyer), 2);
    }

    /// @notice Attack 19: a wallet that cannot be asked did not sign.
    function test_revertWhen_wallet_has_code_that_reverts() public {
        ILoyaltyToken.Send memory message = _sendMessage(0);
        message.holder = address(token);
        message.amount = 0;
        _expectNotSigned(address(token));
        _submit(message, "signature");
    }

    /// @notice Attack 20: an account with code signs with its own key all the same.
    function test_account_with_code_signs_with_its_key() public {
        AnsweringWallet wallet = new AnsweringWallet();
        vm.etch(customer, address(wallet).code);
        ILoyaltyToken.Send memory message = _sendMessage(0);
        _submit(message, _sign(customerKey, _hash(message)));
        _assertLots(buyer, 10, 5, 0, 0);
        bytes memory signature = _sign(customerKey, _hash(message));
        message.nonce = 1;
        _expectNotSigned(customer);
        _submit(message, signature);
    }
}
