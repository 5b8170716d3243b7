"""Orders as tests write them: the fields of docs/messages.md by name."""

from __future__ import annotations

from typing import Any

from eth_account.messages import SignableMessage
from web3 import Web3

from tests.helpers import DAY, ZERO_ADDRESS, now, typed_data

POINTS, ERC20, ERC1155 = range(3)


def make_order(
    maker: Any, give: Any, give_amount: int, want: Any, want_amount: int, **fields: Any
) -> dict[str, Any]:
    """An order of points for points, all or nothing, open for a day; `fields` replace others by name."""
    order = {
        "maker": maker.address,
        "giveToken": give.address,
        "giveKind": POINTS,
        "giveId": 0,
        "giveAmount": give_amount,
        "wantToken": want.address,
        "wantKind": POINTS,
        "wantId": 0,
        "wantAmount": want_amount,
        "givePointsExpiringBy": 0,
        "wantPointsLivingUntil": 0,
        "onlyTaker": ZERO_ADDRESS,
        "openUntil": now() + DAY,
        "nonce": 0,
        "allowPartial": False,
    }
    assert fields.keys() <= order.keys(), f"an order has no {fields.keys() - order.keys()}"
    return order | {name: getattr(value, "address", value) for name, value in fields.items()}


def words(order: dict[str, Any]) -> tuple[Any, ...]:
    """An order as the contract takes it."""
    return tuple(order.values())


def digest_of(signable: SignableMessage) -> bytes:
    """The 32 bytes that a key signs for a message."""
    return bytes(Web3.keccak(b"\x19" + signable.version + signable.header + signable.body))


def digest(contract: Any, kind: str, message: dict[str, Any], **domain: Any) -> bytes:
    """What is signed for a message of docs/messages.md, computed without the contract."""
    return digest_of(typed_data(contract, kind, message, **domain))
