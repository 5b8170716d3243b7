// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {FallbackMock} from "../../contracts/mocks/FallbackMock.sol";
import {LibraryMock} from "../../contracts/mocks/LibraryMock.sol";
import {OddWalletMock} from "../../contracts/mocks/OddWalletMock.sol";
import {SafeMock} from "../../contracts/mocks/SafeMock.sol";
import {WalletMock} from "../../contracts/mocks/WalletMock.sol";

contract SignaturesTest is Test {
    uint256 private constant _ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant _HALF = _ORDER / 2;
    bytes32 private constant _DIGEST = keccak256("what is signed");

    LibraryMock private _signatures;
    address private _signer;
    uint256 private _key;

    function setUp() public {
        _signatures = new LibraryMock();
        (_signer, _key) = makeAddrAndKey("signer");
    }

    function _long(uint8 v, bytes32 r, bytes32 s) private pure returns (bytes memory) {
        return abi.encodePacked(r, s, v);
    }

    function _short(uint8 v, bytes32 r, bytes32 s) private pure returns (bytes memory) {
        return abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    // ------------------------------------------------------------------------------------------------ accounts

    function testFuzz_every_form_of_an_accounts_signature(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, _ORDER - 1);
        address signer = vm.addr(key);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        assertTrue(_signatures.isSigned(signer, digest, _long(v, r, s)));
        assertTrue(_signatures.isSigned(signer, digest, _short(v, r, s)));
        assertTrue(_signatures.isSignedInWords(signer, digest, v, r, s));
    }

    function testFuzz_another_digest_or_signer(bytes32 digest, address other) public view {
        vm.assume(digest != _DIGEST && other != _signer && other.code.length == 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key, _DIGEST);
        assertFalse(_signatures.isSigned(_signer, digest, _long(v, r, s)));
        assertFalse(_signatures.isSigned(other, _DIGEST, _long(v, r, s)));
        assertFalse(_signatures.isSignedInWords(_signer, digest, v, r, s));
        assertFalse(_signatures.isSignedInWords(other, _DIGEST, v, r, s));
    }

    /// Attack 3: the mirror image of a signature recovers to the same signer.
    function testFuzz_upper_half_of_s_is_refused(bytes32 digest) public view {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key, digest);
        uint8 flipped = v == 27 ? 28 : 27;
        bytes32 mirrored = bytes32(_ORDER - uint256(s));
        assertEq(ecrecover(digest, flipped, r, mirrored), _signer, "it would recover");
        assertFalse(_signatures.isSigned(_signer, digest, _long(flipped, r, mirrored)));
        assertFalse(_signatures.isSignedInWords(_signer, digest, flipped, r, mirrored));
    }

    /// The boundary itself: with s fixed, a key for it is found by taking the public key that recovers.
    function test_s_at_the_boundary() public view {
        bytes32 r = bytes32(uint256(0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798));
        address lower = ecrecover(_DIGEST, 27, r, bytes32(_HALF));
        address upper = ecrecover(_DIGEST, 27, r, bytes32(_HALF + 1));
        assertTrue(lower != address(0) && upper != address(0));
        assertTrue(_signatures.isSigned(lower, _DIGEST, _long(27, r, bytes32(_HALF))));
        assertTrue(_signatures.isSignedInWords(lower, _DIGEST, 27, r, bytes32(_HALF)));
        assertFalse(_signatures.isSigned(upper, _DIGEST, _long(27, r, bytes32(_HALF + 1))));
        assertFalse(_signatures.isSignedInWords(upper, _DIGEST, 27, r, bytes32(_HALF + 1)));
    }

    /// Attack 4: what recovers to nobody was not signed by nobody.
    function testFuzz_nobody_never_signed(uint8 v, bytes32 r, bytes32 s) public view {
        assertFalse(_signatures.isSigned(address(0), _DIGEST, _long(v, r, s)));
        assertFalse(_signatures.isSigned(address(0), _DIGEST, abi.encodePacked(r, s)));
        assertFalse(_signatures.isSignedInWords(address(0), _DIGEST, v, r, s));
        assertFalse(_signatures.isSignedInWords(address(0), _DIGEST, 0, 0, 0));
        assertFalse(_signatures.isSigned(address(0), _DIGEST, ""));
    }

    function testFuzz_v_is_27_or_28(uint8 v) public view {
        (uint8 good, bytes32 r, bytes32 s) = vm.sign(_key, _DIGEST);
        assertEq(_signatures.isSigned(_signer, _DIGEST, _long(v, r, s)), v == good);
        assertEq(_signatures.isSignedInWords(_signer, _DIGEST, v, r, s), v == good);
    }

    function testFuzz_other_lengths_are_refused(uint8 length) public view {
        vm.assume(length != 64 && length != 65);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key, _DIGEST);
        bytes memory signature = bytes.concat(_long(v, r, s), new bytes(200));
        assembly {
            mstore(signature, length)
        }
        assertFalse(_signatures.isSigned(_signer, _DIGEST, signature));
    }

    // --------------------------------------------------------------------------------------------- contracts

    function _wallet(bool safe) private returns (WalletMock wallet, bytes memory signature) {
        address[] memory owners = new address[](3);
        uint256[] memory keys = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            keys[i] = 100 + i;
            owners[i] = vm.addr(keys[i]);
        }
        wallet = safe ? new SafeMock(owners, 2) : new WalletMock(owners, 2);
        (uint256 first, uint256 second) = owners[0] < owners[1] ? (keys[0], keys[1]) : (keys[1], keys[0]);
        bytes32 signed = wallet.signedHashOf(_DIGEST);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(first, signed);
        signature = _long(v, r, s);
        (v, r, s) = vm.sign(second, signed);
        signature = bytes.concat(signature, _long(v, r, s));
    }

    function test_wallets_of_several_owners() public {
        for (uint256 i = 0; i < 2; ++i) {
            (WalletMock wallet, bytes memory signature) = _wallet(i == 1);
            assertTrue(_signatures.isSigned(address(wallet), _DIGEST, signature));
            assertFalse(_signatures.isSigned(address(wallet), keccak256("else"), signature));
            assembly {
                mstore(signature, 65)
            }
            assertFalse(_signatures.isSigned(address(wallet), _DIGEST, signature), "one of two owners");
        }
    }

    /// A Safe's owners sign for one Safe, not for any wallet that they own.
    function test_a_safes_signature_is_good_for_that_safe_alone() public {
        (, bytes memory plain) = _wallet(false);
        (WalletMock safe, bytes memory signature) = _wallet(true);
        assertFalse(_signatures.isSigned(address(safe), _DIGEST, plain));
        (WalletMock other,) = _wallet(true);
        assertFalse(_signatures.isSigned(address(other), _DIGEST, signature));
    }

    function test_a_contract_is_asked_in_words_too() public {
        OddWalletMock wallet = new OddWalletMock();
        vm.expectCall(
            address(wallet),
            abi.encodeCall(
                wallet.isValidSignature, (_DIGEST, abi.encodePacked(bytes32("r"), bytes32("s"), uint8(28)))
            )
        );
        assertTrue(_signatures.isSignedInWords(address(wallet), _DIGEST, 28, "r", "s"));
        wallet.setAnswer(OddWalletMock.Answer.No);
        assertFalse(_signatures.isSignedInWords(address(wallet), _DIGEST, 28, "r", "s"));
    }

    function testFuzz_a_contract_is_asked_with_the_same_bytes(bytes calldata signature) public {
        OddWalletMock wallet = new OddWalletMock();
        vm.expectCall(address(wallet), abi.encodeCall(wallet.isValidSignature, (_DIGEST, signature)));
        assertTrue(_signatures.isSigned(address(wallet), _DIGEST, signature));
    }

    function test_odd_answers_are_no_signature() public {
        OddWalletMock wallet = new OddWalletMock();
        wallet.setCall(address(_signatures), abi.encodeCall(_signatures.useWhole, (address(wallet), 0)));
        OddWalletMock.Answer[9] memory answers = [
            OddWalletMock.Answer.No,
            OddWalletMock.Answer.True,
            OddWalletMock.Answer.ShortYes,
            OddWalletMock.Answer.DirtyYes,
            OddWalletMock.Answer.Question,
            OddWalletMock.Answer.Nothing,
            OddWalletMock.Answer.NoInMegabyte,
            OddWalletMock.Answer.RevertsWithYes,
            OddWalletMock.Answer.CallsBack
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            wallet.setAnswer(answers[i]);
            assertFalse(_signatures.isSigned(address(wallet), _DIGEST, "signature"));
            assertFalse(_signatures.isSignedInWords(address(wallet), _DIGEST, 27, "r", "s"));
        }
        wallet.setAnswer(OddWalletMock.Answer.Yes);
        assertTrue(_signatures.isSigned(address(wallet), _DIGEST, "signature"));
    }

    function test_a_wallet_that_burns_all_gas_did_not_sign() public {
        OddWalletMock wallet = new OddWalletMock();
        wallet.setAnswer(OddWalletMock.Answer.BurnsGas);
        assertFalse(_signatures.isSigned{gas: 10_000_000}(address(wallet), _DIGEST, "signature"));
    }

    /// Attack 12: of a megabyte only one word is copied; the one who answers pays for the rest.
    function test_a_megabyte_is_not_copied() public {
        OddWalletMock wallet = new OddWalletMock();
        wallet.setAnswer(OddWalletMock.Answer.YesInMegabyte);
        uint256 before = gasleft();
        assertTrue(_signatures.isSigned(address(wallet), _DIGEST, "signature"));
        // A megabyte of memory costs 2.2 million once; copying it would cost as much again.
        assertLt(before - gasleft(), 2_500_000);
    }

    function test_fallbacks_that_accept_everything_did_not_sign() public {
        assertFalse(_signatures.isSigned(address(new FallbackMock("")), _DIGEST, "signature"));
        assertFalse(_signatures.isSigned(address(new FallbackMock(abi.encode(true))), _DIGEST, "signature"));
        assertFalse(
            _signatures.isSigned(
                address(new FallbackMock(abi.encode(type(uint256).max))), _DIGEST, "signature"
            )
        );
    }

    /// A precompile has no code; the library itself knows no ERC-1271.
    function test_what_cannot_sign_did_not_sign() public view {
        for (uint160 i = 1; i < 10; ++i) {
            assertFalse(_signatures.isSigned(address(i), _DIGEST, "signature"));
        }
        assertFalse(_signatures.isSigned(address(_signatures), _DIGEST, "signature"));
    }

    /// Attack 20: an account with code signs with its own key, whatever its code says.
    function test_an_account_with_code_signs_with_its_own_key() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key, _DIGEST);
        OddWalletMock code = new OddWalletMock();
        vm.etch(_signer, address(code).code);
        OddWalletMock(_signer).setAnswer(OddWalletMock.Answer.No);
        assertTrue(_signatures.isSigned(_signer, _DIGEST, _long(v, r, s)));
        assertTrue(_signatures.isSigned(_signer, _DIGEST, _short(v, r, s)));
        assertTrue(_signatures.isSignedInWords(_signer, _DIGEST, v, r, s));
        assertFalse(_signatures.isSigned(_signer, _DIGEST, ""));
        OddWalletMock(_signer).setAnswer(OddWalletMock.Answer.Yes);
        assertTrue(_signatures.isSigned(_signer, _DIGEST, ""), "and its code counts, as ERC-1271 says");
    }
}
