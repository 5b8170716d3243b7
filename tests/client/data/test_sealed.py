"""The sealed key at its borders, beside arithmetic of the curve that is written out here."""

from __future__ import annotations

import hashlib
import os

import pytest
from coincurve import PublicKey
from eth_keys.datatypes import Signature
from eth_utils.crypto import keccak

from troc.data import sealed
from troc.errors import DealError

P = 2**256 - 2**32 - 977
N = sealed.ORDER
GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
MARKET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SALE = keccak(b"sale")
SEED = bytes(range(32))


def of(x: int) -> bytes:
    return x.to_bytes(32)


def multiple(scalar: int) -> bytes:
    """The x of scalar · G."""
    return PublicKey.from_valid_secret(of(scalar % N)).format()[1:]


def ecrecover(v: int, r: int, s: int) -> str | None:
    """`ecrecover(0, v, r, s)` by another library; None where the precompile answers nothing."""
    try:
        public = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(bytes(32))
    except Exception:
        return None
    return public.to_checksum_address()


def is_square(x: int) -> bool:
    return pow(pow(x, 3, P) + 7, (P - 1) // 2, P) == 1


# ----------------------------------------------------------------------------------------------------- points


def test_points_are_what_ecrecover_takes_for_one() -> None:
    border = [*range(1, 40), *range(N - 20, N + 20), *range(P - 20, P + 20), 2**256 - 1, GX]
    for x in border:
        expected = 0 < x < N and is_square(x)
        assert sealed.is_point(of(x)) == expected, hex(x)
        if expected:
            assert sealed.address_of(of(x)) == ecrecover(27, x, x)
        else:
            with pytest.raises(DealError, match="no point that a contract can take"):
                sealed.address_of(of(x))
    # Of x between the order and the prime, the curve has points and the contract knows none.
    assert any(is_square(x) and not sealed.is_point(of(x)) for x in range(N, N + 20))


@pytest.mark.parametrize("x", [b"", bytes(31), bytes(32), bytes(33), b"\2" + of(GX)])
def test_what_is_no_word_or_zero_is_no_point(x: bytes) -> None:
    assert not sealed.is_point(x)


@pytest.mark.parametrize("secret", [1, 2, 3, N // 2, N // 2 + 1, N - 2, N - 1])
def test_a_secret_and_its_negative_have_one_point_with_an_even_y(secret: int) -> None:
    one, other = sealed.one_time(secret), sealed.one_time(N - secret)
    assert one == other
    assert PublicKey.from_valid_secret(of(one.secret)).format()[0] == 2
    assert one.x == multiple(secret)


@pytest.mark.parametrize("secret", [0, -1, N, N + 1, 2 * N, 2**256 - 1, 2**256])
def test_a_secret_out_of_range_is_refused(secret: int) -> None:
    with pytest.raises(DealError, match="out of range"):
        sealed.one_time(secret)
    with pytest.raises(DealError, match="out of range"):
        sealed.shared_address(secret, of(GX))


def test_a_secret_is_not_shown() -> None:
    assert str(sealed.one_time(4711).secret) not in repr(sealed.one_time(4711))


def test_both_sides_and_the_contract_find_the_same_address() -> None:
    for b, e in [(1, 1), (1, N - 1), (5, 7), (N - 2, 3), (N // 3, N // 5), (2**200 + 1, 2**255 - 19)]:
        buyer, seller = sealed.one_time(b), sealed.one_time(e)
        shared = sealed.shared_address(buyer.secret, seller.x)
        assert shared == sealed.shared_address(seller.secret, buyer.x)
        x = int.from_bytes(seller.x)
        # SealedKey multiplies by ecrecover: r = x, s = b · x.
        assert shared == ecrecover(27, x, buyer.secret * x % N)
        assert sealed.address_of(buyer.x) == ecrecover(27, GX, buyer.secret * GX % N)
        # The secret plus the order is the same scalar: no second way to open the sale.
        assert (buyer.secret + N) * x % N == buyer.secret * x % N


# -------------------------------------------------------------------------------------------------------- key


def test_the_key_comes_out_for_the_buyer_alone() -> None:
    key = os.urandom(32)
    buyer, seller, stranger = sealed.one_time(4711), sealed.one_time(815), sealed.one_time(42)
    wrapped = sealed.wrap(key, SALE, seller, buyer.x)
    assert sealed.unwrap(wrapped, SALE, buyer, seller.x) == key
    assert sealed.unwrap(wrapped, SALE, stranger, seller.x) != key
    assert sealed.unwrap(wrapped, keccak(b"another sale"), buyer, seller.x) != key
    mask = keccak(SALE + bytes(12) + bytes.fromhex(sealed.shared_address(buyer.secret, seller.x)[2:]))
    assert bytes(a ^ b for a, b in zip(wrapped, mask, strict=True)) == key


@pytest.mark.parametrize("key", [bytes(32), b"", bytes(31) + b"\1\1"])
def test_a_key_of_zeros_or_of_another_length_is_not_wrapped(key: bytes) -> None:
    with pytest.raises(DealError, match="no key"):
        sealed.wrap(key, SALE, sealed.one_time(5), sealed.one_time(7).x)


# ------------------------------------------------------------------------------------------------------ rules


def test_a_point_near_the_generator_is_refused() -> None:
    for scalar in (1, 2, 3, 17, 511, 1023, 1024, N - 1, N - 2, N - 1024):
        with pytest.raises(DealError, match="anybody could take the key"):
            sealed.check_buyer_point(multiple(scalar), seen=False)
    for scalar in (1025, N - 1025, 1026):
        sealed.check_buyer_point(multiple(scalar), seen=False)


def test_a_point_that_was_used_before_is_refused() -> None:
    point = sealed.one_time(2**130).x
    sealed.check_buyer_point(point, seen=False)
    with pytest.raises(DealError, match="used in another sale"):
        sealed.check_buyer_point(point, seen=True)


@pytest.mark.parametrize("x", [0, 5, N, P, 2**256 - 1])
def test_what_is_no_point_is_refused(x: int) -> None:
    with pytest.raises(DealError, match="no point"):
        sealed.check_buyer_point(of(x), seen=False)


def test_one_time_points_differ_in_everything_they_are_made_of() -> None:
    deal, other = keccak(b"deal"), keccak(b"other")
    market = "0x" + "22" * 20
    variants = [
        sealed.buyer_point(SEED, 31337, MARKET, deal, 0),
        sealed.buyer_point(hashlib.sha256(SEED).digest(), 31337, MARKET, deal, 0),
        sealed.buyer_point(SEED, 1, MARKET, deal, 0),
        sealed.buyer_point(SEED, 31337, market, deal, 0),
        sealed.buyer_point(SEED, 31337, MARKET, other, 0),
        sealed.buyer_point(SEED, 31337, MARKET, deal, 1),
        sealed.seller_point(SEED, 31337, MARKET, deal, bytes(32)),
        sealed.seller_point(SEED, 31337, MARKET, deal, of(1)),
    ]
    assert len({point.x for point in variants}) == len(variants)
    assert all(sealed.is_point(point.x) for point in variants)
    assert sealed.buyer_point(SEED, 31337, MARKET, deal, 0) == variants[0]
    with pytest.raises(DealError, match="shorter than 32"):
        sealed.buyer_point(SEED[:31], 31337, MARKET, deal, 0)
