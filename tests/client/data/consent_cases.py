"""What the tests of consent, receipts, attestors and words share: a buyer's terms, accounts, rows."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from troc.accounts import Signer, open_account
from troc.data.chunks import Content, Record, lay_out
from troc.data.consent import Terms
from troc.network import NetworkConfig, load_network

CHAIN = 31_337
MARKET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
TOKEN = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
NOW = 1_790_000_000
"""21 September 2026, 14:13 UTC."""
DAY = 86_400
SALT = bytes(range(32))
SCHEMA = "grocer.purchases.v1"

FIELDS: Mapping[str, Any] = {
    "controller": {
        "name": "DairyLab SAS",
        "address": "1 rue du Lait, 69001 Lyon",
        "contact": "privacy@dairylab.example",
        "country": "FR",
        "domain": "dairylab.example",
    },
    "purpose": "commercial research",
    "why": "Find out which yoghurts families buy together.",
    "data": ["purchases", "household"],
    "retention_days": 90,
    "recipients": [
        {"name": "StatLab", "role": "processor", "contact": "hello@statlab.example", "country": "DE"}
    ],
    "authority": "CNIL",
}

ROWS = [
    {"day": f"2026-03-{day:02}", "item": f"yoghurt {day % 4}", "cents": 99 + day, "household": 4}
    for day in range(1, 13)
]


def account(number: int) -> Signer:
    """One of a local chain's well-known accounts."""
    return open_account(f"dev:{number}", local())


def local() -> NetworkConfig:
    """A local chain, which nobody connects to."""
    return load_network("local", "")


def fields(**changes: Any) -> dict[str, Any]:
    """What a brand writes, changed; None takes a field away."""
    found = deepcopy(dict(FIELDS)) | changes
    return {name: value for name, value in found.items() if value is not None}


def terms(buyer: str, **changes: Any) -> Terms:
    """Terms of a buyer, always the same."""
    return Terms.draft(fields(**changes), CHAIN, buyer, NOW, salt=SALT)


def record(rows: list[dict[str, Any]] | None = None) -> Record:
    """A customer's purchases, laid out."""
    return lay_out(Content.of_rows(ROWS if rows is None else rows, "purchases"), b"\x07" * 32)


def same_as(name: str, text: str) -> None:
    """Compare with the text that is kept under this name."""
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")
        raise AssertionError(f"{path.name} was not there: read what was written, and run the test again")
    assert text + "\n" == path.read_text(encoding="utf-8")
