"""What tests of LoyaltyToken share: points in every lot, vouchers, pending points."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from brownie import web3

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, batch, now, sign, travel_to
from tests.orders import digest

LOTS = (10, 20, 30, 40)


@pytest.fixture(scope="module")
def enter(token: Any) -> Callable[[int], None]:
    """Go to the first second of an epoch."""
    origin, length = token.origin(), token.epochLength()
    return lambda epoch: travel_to(origin + epoch * length)


@pytest.fixture(scope="module")
def held(token: Any, brand: Any, customer: Any, enter: Callable[[int], None]) -> tuple[int, ...]:
    """The customer's points: 10, 20, 30, 40 of the epochs 0 to 3. It is epoch 3."""
    for epoch, amount in enumerate(LOTS):
        if epoch:
            enter(epoch)
        token.mint(customer, amount, {"from": brand})
    return LOTS


@pytest.fixture(scope="module")
def lots(token: Any) -> Callable[[Any], tuple[int, ...]]:
    """The points of an account, the oldest first."""
    return lambda account: tuple(token.lotsOf(account)[0])


@pytest.fixture(scope="module")
def totals(token: Any) -> Callable[[], tuple[int, ...]]:
    """Issued, live, redeemed, expired."""
    return lambda: tuple(token.totals())


@pytest.fixture(params=["zero", "token", "exchange"])
def refused(request: pytest.FixtureRequest, token: Any, exchange: Any) -> Any:
    """An address that never gets points."""
    return {"zero": "0x" + "00" * 20, "token": token, "exchange": exchange}[request.param]


@pytest.fixture(scope="module")
def granted(token: Any, brand: Any, issuer: Any) -> Any:
    """The token; the issuer's grant 1 has 100 points."""
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    return token


@pytest.fixture
def make_voucher(issuer: Any, customer: Any) -> Callable[..., dict[str, Any]]:
    """A voucher of the issuer's for 40 points to the customer; `fields` replace others by name."""

    def make(**fields: Any) -> dict[str, Any]:
        voucher = {
            "issuer": issuer.address,
            "grantId": 1,
            "recipient": customer.address,
            "isKey": False,
            "amount": 40,
            "receiptId": "0x" + "00" * 32,
            "deadline": MAX_UINT256,
            "nonce": 5,
        }
        assert fields.keys() <= voucher.keys(), f"a voucher has no {fields.keys() - voucher.keys()}"
        return voucher | {name: getattr(value, "address", value) for name, value in fields.items()}

    return make


@pytest.fixture
def sign_voucher(token: Any, issuer: Any) -> Callable[..., tuple[Any, ...]]:
    """A voucher as `claim` takes it: signed by the issuer, and by a one-time key for `to`."""

    def signed(
        voucher: dict[str, Any], signer: Any = issuer, key: Any = None, to: Any = ZERO_ADDRESS
    ) -> tuple[Any, ...]:
        to, claimed = getattr(to, "address", to), b""
        if key is not None:
            claim = {"key": key.address, "to": to, "voucher": digest(token, "Voucher", voucher)}
            claimed = sign(key, token, "Claim", claim)
        return tuple(voucher.values()), sign(signer, token, "Voucher", voucher), to, claimed

    return signed


@pytest.fixture
def one_time_key() -> Any:
    """A key that nobody knows but who holds the code."""
    return web3.eth.account.from_key(web3.keccak(text="troc test: one-time key"))


@pytest.fixture
def promise(token: Any, brand: Any, customer: Any) -> Callable[..., int]:
    """The brand promises the customer points that mature after `seconds`; returns when, to the second."""
    batches = count(1)

    def make(*amounts: int, seconds: int = 1_000) -> int:
        matures_at = now() + seconds
        words = batch([(customer, amount) for amount in amounts])
        token.mintPending(next(batches).to_bytes(32), matures_at, words, {"from": brand})
        return matures_at

    return make
