"""What somebody on the shop's network, with or without a stolen token, can do to a till."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client.members.conftest import programme
from tests.client.members.test_linking import link
from tests.client.till.conftest import Shop
from tests.client.trade.conftest import World
from troc.programme.programme import Programme

__all__ = ["programme"]

STRANGER = {"Authorization": "Bearer troc_till_guess"}


# --------------------------------------------------------------------------------------- without a token


@pytest.mark.parametrize("path", ["/issue", "/voucher"])
def test_a_stranger_learns_no_cards(
    world: World, programme: Programme, open_shop: Callable[..., Shop], path: str
) -> None:
    link(world, programme, "1", world.bob)
    shop = open_shop(cards=programme.members)
    for card in ("1", "2", "unknown"):
        body = {"receipt": "a1", "customer": card, "amount": 1}
        answer = shop.http.post(path, json=body, headers=STRANGER)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_unknown"), card


def test_a_stranger_cannot_try_out_which_receipt_a_hash_on_the_chain_stands_for(shop: Shop) -> None:
    body = shop.signed("s1", shop.world.ann, 1)
    for guess in ("s1", "s2"):
        answer = shop.http.post("/redeem", json=body | {"receipt": guess}, headers=STRANGER)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_unknown"), guess


@pytest.mark.parametrize("told", [True, False])
def test_a_large_body_is_refused_before_it_is_read(shop: Shop, told: bool) -> None:
    taken = 0

    def pieces() -> Any:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b" " * 2**20

    content = b" " * 2**26 if told else pieces()
    answer = shop.http.post("/issue", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_every_refusal_has_the_same_form(shop: Shop) -> None:
    for method, path, content in (
        ("POST", "/issue", "[" * 20_000),
        ("POST", "/issue", '{"amount": ' + "9" * 5_000 + "}"),
        ("GET", "/issue", ""),
        ("GET", "/nowhere", ""),
    ):
        headers = shop.headers | {"Content-Type": "application/json"}
        answer = shop.http.request(method, path, content=content, headers=headers)
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"code", "message", "remedy"}, answer.text


# ------------------------------------------------------------------------------------------- with a token


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "9" * 5_000},
        {"amount": "." + "0" * 5_000 + "1"},
        {"matures": "9" * 5_000 + "d"},
        {"matures": "9" * 400 + " months"},
    ],
)
def test_numbers_without_end_are_malformed(shop: Shop, fields: dict[str, str]) -> None:
    body = {"receipt": "a1", "customer": shop.world.bob.address, "amount": "1"} | fields
    assert shop.refused("/issue", **body) == (422, "malformed")
