"""What somebody on the shop's network, with or without a stolen token, can do to a till."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.client.core.conftest import quick
from tests.client.core.faulty_node import faulty_node
from tests.client.members.conftest import programme
from tests.client.members.test_linking import link
from tests.client.till.conftest import GRANT, Shop, eventually, set_grant
from tests.client.till.test_redeem import cut, mend
from tests.client.trade.conftest import World
from troc.accounts import open_account
from troc.chain import Chain
from troc.client import Troc
from troc.messages import Redeem, sign
from troc.programme.programme import Programme
from troc.till import tokens
from troc.till.desk import Limits
from troc.till.service import create_app
from troc.till.till import Till, open_till

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


def test_redemptions_that_cannot_be_paid_do_not_keep_issues_waiting(
    world: World, open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    with faulty_node(world.chain.config.rpc) as node:
        seen = Troc(Chain.connect(quick(node.url, tmp_path)), world.manifest)
        shop = open_shop(seen, limits=Limits(risk_each=400, risk_total=400))
        cut(node, shop)
        for number in range(100):
            assert shop.redeem(f"s{number}", world.ann, 1, wait=0)["standing"] == "at risk"
        # She spends the same points elsewhere.
        world.ann.send("400 ACME", world.cem.address)
        mend(node, shop)
        # What was tried once waits; the till has time for the others.
        tried_until = time.monotonic() + 60
        while len(shop.get("/status")["held"]) < 100:
            assert time.monotonic() < tried_until, "some were never tried"
            time.sleep(0.1)
        began = time.monotonic()
        shop.issue("a1", world.bob, 5)
        eventually(lambda: shop.get("/receipt", receipt="a1")["issue_standing"] == "issued")
        assert time.monotonic() - began < 15


def test_a_signature_that_hardly_ever_ends_is_refused(shop: Shop) -> None:
    body = {"receipt": "s1", "customer": shop.world.ann.address, "amount": 1}
    assert shop.refused("/redeem/draft", **body, good="8d") == (422, "malformed")
    draft = shop.post("/redeem/draft", **body)
    message = Redeem.from_json(draft["message"] | {"deadline": str(2**40)})
    signature = sign(
        message, shop.till.brand.domain_of_messages(shop.world.chain.chain_id), shop.world.ann.signer
    )
    signed = {"receipt": "s1", "message": message.to_json(), "signature": "0x" + signature.hex()}
    assert shop.refused("/redeem", **signed) == (422, "malformed")


def _greedy(rounds: int) -> str:
    """Code of a wallet that says yes to every signature, after some 26 gas a round."""
    loop = "62" + rounds.to_bytes(3).hex() + "5b6001900380600457"
    return "0x" + loop + "50" + "631626ba7e60e01b60005260206000f3"


@pytest.mark.parametrize(("rounds", "is_paid"), [(1_000, True), (200_000, False)])
def test_a_wallet_cannot_spend_the_tills_ether(shop: Shop, rounds: int, is_paid: bool) -> None:
    """ERC-1271 runs her code in a transaction that the till pays for: 5 million gas for 1 point."""
    world = shop.world
    wallet = "0x" + "77" * 20
    world.set_code(wallet, _greedy(rounds))
    world.brand.mint("ACME", {wallet: 10})
    draft = shop.post("/redeem/draft", receipt="s1", customer=wallet, amount=1)
    body = {"receipt": "s1", "message": draft["message"], "signature": "0x00"}
    if is_paid:
        shop.post("/redeem", **body, wait=0)
        eventually(lambda: shop.get("/receipt", receipt="s1")["redemption"]["standing"] == "final")
    else:
        # A wallet that takes more than any has to did not sign, for whoever asks it.
        assert shop.refused("/redeem", **body, wait=0)[0] == 403
    assert world.everyone.points.holding(shop.till.brand, wallet).total == (9 if is_paid else 10)


# ----------------------------------------------------------------------------------- tills of one brand


def test_tills_that_count_returns_alike_lose_no_debt(
    world: World, programme: Programme, open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    """A return's number is unique at its till, and the brand's books are those of all its tills."""
    link(world, programme, "1", world.bob)
    books: dict[str, Any] = {"cards": programme.members, "debts": programme.debts}
    shop = open_shop(**books)
    other_signer = open_account("dev:6", world.chain.config)
    set_grant(world, other_signer, GRANT)
    engine = open_till(f"sqlite:///{tmp_path / 'other.sqlite'}")
    other = Till(world.everyone, shop.till.brand, other_signer, engine, **books)
    with other.running():
        second = Shop(world, other, engine, tokens.add(engine, "register-1"), TestClient(create_app(other)))
        for each, amount in ((shop, 4), (second, 4), (shop, 3), (second, 2)):
            receipt = f"a{amount}"
            each.post("/issue", receipt=receipt, customer="1", amount=10)
            each.settle()
            each.post("/return", id=f"r{amount // 2}", receipt=receipt, earned=amount)
        eventually(lambda: programme.debts.total() == 13)
    engine.dispose()


def test_a_debt_that_the_books_refuse_keeps_no_other_waiting(
    world: World, programme: Programme, open_shop: Callable[..., Shop]
) -> None:
    link(world, programme, "1", world.bob)
    link(world, programme, "2", world.cem)
    shop = open_shop(cards=programme.members, debts=programme.debts)
    for card in ("1", "2"):
        shop.post("/issue", receipt=f"a{card}", customer=card, amount=10)
    shop.settle()
    programme.members.erase("1", "she asked", "clerk")
    for card in ("1", "2"):
        shop.post("/return", id=f"r{card}", receipt=f"a{card}", earned=4)
    eventually(lambda: programme.debts.total() == 4)
