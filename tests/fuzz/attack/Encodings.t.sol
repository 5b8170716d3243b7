// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {VouchersTest} from "../LoyaltyToken/VouchersTest.sol";
import {setWord, wordAt} from "./Words.sol";

/// @notice The words of a voucher are hashed as they stand in the calldata: whatever their encoding, nobody is paid but
/// whom the signatures name, and nothing but what they say.
contract EncodingsAttack is VouchersTest {
    /// @dev Bytes before the words of the voucher in a call of `claim`: the selector, and where the struct lies.
    uint256 private constant _WORDS = 4 + 0x20;

    function _call(bytes memory data) private returns (bool done, bytes memory answer) {
        vm.prank(stranger);
        return address(token).call(data);
    }

    /// @dev The digest of the voucher's words as they stand in `data`.
    function _digestIn(bytes memory data) private view returns (bytes32) {
        bytes memory words = new bytes(0x100);
        for (uint256 i = 0; i < 8; ++i) {
            setWord(words, i * 0x20, wordAt(data, _WORDS + i * 0x20));
        }
        bytes32 kind = keccak256(
            "Voucher(address issuer,uint256 grantId,address recipient,bool isKey,uint256 amount,bytes32 receiptId,uint256 deadline,uint256 nonce)"
        );
        return _digest(keccak256(abi.encodePacked(kind, words)));
    }

    /// @dev Signs the words as they stand, so that only the encoding is wrong.
    function _claimOf(ILoyaltyToken.SignedVoucher memory signed, uint256 word, uint256 dirt)
        private
        view
        returns (bytes memory data)
    {
        data = abi.encodeCall(token.claim, (signed));
        uint256 at = _WORDS + word * 0x20;
        setWord(data, at, wordAt(data, at) | dirt);
        bytes32 digest = _digestIn(data);
        signed.signature = _signDigest(issuerKey, digest);
        if (signed.voucher.isKey) signed.keySignature = _sign(secret, _hashClaim(key, signed.to, digest));
        data = abi.encodeCall(token.claim, (signed));
        setWord(data, at, wordAt(data, at) | dirt);
    }

    function test_the_words_are_where_they_are_looked_for() public {
        bytes memory data = _claimOf(_named(0, buyer), 1, 0);
        assertEq(wordAt(data, _WORDS + 2 * 0x20), uint160(key));
        assertEq(_digestIn(data), _digest(_hash(_named(0, buyer).voucher)));
        (bool done,) = _call(data);
        assertTrue(done);
        assertEq(token.balanceOf(buyer), 15);
    }

    /// @dev Signed as it stands: only that the words are no addresses and no flag stops it.
    function testFuzz_dirty_bits_are_refused(uint96 dirt, uint256 flag, bool named) public {
        dirt = dirt == 0 ? 1 : dirt;
        flag = bound(flag, 1, MAX >> 1) << 1;
        ILoyaltyToken.SignedVoucher memory signed = named ? _named(0, buyer) : _signed(0);
        uint256[3] memory words = [uint256(0), 2, 3];
        for (uint256 i = 0; i < 3; ++i) {
            (bool done, bytes memory answer) =
                _call(_claimOf(signed, words[i], words[i] == 3 ? flag : uint256(dirt) << 160));
            assertFalse(done);
            assertEq(answer, "", "refused by the decoder");
        }
        assertEq(token.totalSupply(), 0);
    }

    function testFuzz_dirty_bits_of_whom_the_key_names_are_refused(uint96 dirt) public {
        bytes memory data = abi.encodeCall(token.claim, (_named(0, buyer)));
        uint256 at = _WORDS + 9 * 0x20;
        assertEq(wordAt(data, at), uint160(buyer));
        setWord(data, at, uint256(dirt == 0 ? 1 : dirt) << 160 | uint160(buyer));
        (bool done, bytes memory answer) = _call(data);
        assertFalse(done);
        assertEq(answer, "");
    }

    /// @dev Any one word changed, in any way.
    function testFuzz_a_changed_word_pays_nobody_else(uint256 where, uint256 word, bool named, bool batch)
        public
    {
        ILoyaltyToken.SignedVoucher memory signed = named ? _named(0, buyer) : _signed(0);
        bytes memory data =
            batch ? abi.encodeCall(token.claimBatch, (_list(signed))) : abi.encodeCall(token.claim, (signed));
        where = 4 + where % ((data.length - 4) / 0x20) * 0x20;
        uint256 kind = word % 4;
        // Small words, so that offsets and lengths point somewhere.
        if (kind == 0) word = (word >> 8) % (data.length + 0x40);
        else if (kind == 1) word = wordAt(data, where) ^ (1 << (word >> 8) % 256);
        else if (kind == 2) word = wordAt(data, where) + 0x20;
        setWord(data, where, word);
        (bool done,) = _call(data);
        uint256 paid = token.balanceOf(named ? buyer : customer);
        assertEq(token.totalSupply(), paid, "somebody else was paid");
        assertTrue(paid == 0 || (paid == 15 && done), "something else was paid");
        assertEq(token.nonceOpen(issuer, signed.voucher.nonce), paid == 0);
        assertEq(token.grantOf(issuer, GRANT).amount, 1_000 - paid);
    }

    /// @dev Where the signatures lie is no part of what is signed: they count wherever they are found, and nothing else does.
    function test_signatures_may_lie_elsewhere() public {
        ILoyaltyToken.SignedVoucher memory signed = _named(0, buyer);
        bytes memory data = abi.encodeCall(token.claim, (signed));
        (uint256 first, uint256 second) = (_WORDS + 8 * 0x20, _WORDS + 10 * 0x20);
        (uint256 one, uint256 other) = (wordAt(data, first), wordAt(data, second));
        setWord(data, first, other);
        setWord(data, second, one);
        _assertAnswer(data, _notSigned());
        setWord(data, second, other);
        _assertAnswer(data, _notSigned());
        setWord(data, first, one);
        setWord(data, second, one);
        _assertAnswer(data, _notNamed());
        setWord(data, second, other);
        // Beyond the end; before the beginning, where an offset is taken for a length; far before.
        uint256[4] memory nowhere = [data.length, 2 ** 64, MAX - 0x1f, 2 ** 255];
        for (uint256 i = 0; i < 4; ++i) {
            setWord(data, first, nowhere[i]);
            _assertAnswer(data, i < 2 ? bytes("") : _notSigned());
        }
        setWord(data, first, one);
        // A length that reaches beyond the end.
        uint256 at = _WORDS + one;
        assertEq(wordAt(data, at), 65);
        setWord(data, at, data.length);
        _assertAnswer(data, "");
        setWord(data, at, 65);
        // In another order, and with a gap.
        bytes memory moved = abi.encodePacked(data, new bytes(0x40), uint256(65), signed.signature);
        setWord(moved, first, data.length + 0x40 - _WORDS);
        (bool done,) = _call(moved);
        assertTrue(done);
        assertEq(token.balanceOf(buyer), 15);
        _assertAnswer(
            data, abi.encodeWithSignature("NonceUsed(address,uint256)", issuer, signed.voucher.nonce)
        );
    }

    /// @dev Two entries of a batch that are the same bytes: the second is passed over.
    function test_two_entries_of_a_batch_in_one_place_are_paid_once() public {
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](2);
        (list[0], list[1]) = (_signed(0), _signed(1));
        bytes memory data = abi.encodeCall(token.claimBatch, (list));
        // The selector, where the list lies, how many, where the first lies: where the second lies.
        uint256 second = 4 + 0x60;
        assertGt(wordAt(data, second), wordAt(data, second - 0x20));
        setWord(data, second, wordAt(data, second - 0x20));
        (bool done, bytes memory answer) = _call(data);
        assertTrue(done);
        assertEq(abi.decode(answer, (uint256)), 1);
        assertEq(token.balanceOf(customer), 15);
        assertTrue(token.nonceOpen(issuer, list[1].voucher.nonce));
    }

    function testFuzz_short_calldata_is_refused(uint256 length) public {
        bytes memory data = abi.encodeCall(token.claim, (_named(0, buyer)));
        // The last signature is 65 bytes in three words: what it is filled up with may be missing.
        length = bound(length, 4, data.length - 32);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _assertAnswer(data, "");
    }

    function _assertAnswer(bytes memory data, bytes memory wanted) private {
        (bool done, bytes memory answer) = _call(data);
        assertFalse(done);
        assertEq(answer, wanted);
    }
}
