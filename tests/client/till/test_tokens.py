"""Tokens: who is let in, and that nothing of a token is stored but its hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.client.core.command import troc_here
from tests.client.till.conftest import Shop
from tests.client.trade.conftest import World
from troc.errors import InputError
from troc.store import reading
from troc.till import tokens
from troc.till.tables import tokens as table
from troc.till.till import open_till

REQUESTS = (
    ("POST", "/issue"),
    ("POST", "/voucher"),
    ("POST", "/redeem/draft"),
    ("POST", "/redeem"),
    ("POST", "/return"),
    ("GET", "/return"),
    ("GET", "/receipt"),
    ("GET", "/balance"),
    ("GET", "/status"),
)


def bodies(shop: Shop) -> dict[str, dict[str, object]]:
    """A good request of each kind."""
    bob = shop.world.bob.address
    sale = {"receipt": "a1", "customer": bob, "amount": 1}
    return {
        "/issue": sale,
        "/voucher": sale,
        "/redeem/draft": sale,
        "/redeem": shop.signed("s1", shop.world.ann, 1),
        "/return": {"id": "r1", "receipt": "a1"},
    }


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_nothing_is_told_or_done_without_a_good_token(shop: Shop, method: str, path: str) -> None:
    body = bodies(shop).get(path) if method == "POST" else None
    query = {"id": "r1", "receipt": "a1", "customer": shop.world.bob.address}
    for headers, code in (
        ({}, "token_missing"),
        ({"Authorization": "Bearer troc_till_guess"}, "token_unknown"),
        ({"Authorization": f"Basic {shop.token}"}, "token_missing"),
    ):
        answer = shop.http.request(method, path, json=body, params=query, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert shop.waiting() == 0
    assert {route for _, route in REQUESTS} == set(shop.http.get("/openapi.json").json()["paths"]) - {
        "/health"
    }


def test_a_revoked_token_is_void_with_the_next_request(shop: Shop) -> None:
    shop.issue("a1", shop.world.bob, 1)
    tokens.revoke(shop.engine, "register-1")
    body = {"receipt": "a2", "customer": shop.world.bob.address, "amount": 1}
    assert shop.refused("/issue", **body) == (401, "token_unknown")
    # What it sent before still counts.
    shop.token = tokens.add(shop.engine, "register-2")
    shop.settle()
    assert shop.units(shop.world.bob) == 1


def test_a_token_is_stored_as_a_hash(url: str) -> None:
    engine = open_till(url)
    token = tokens.add(engine, "register-1")
    with reading(engine) as connection:
        row = connection.execute(sa.select(table)).one()
    assert token not in str(row)
    assert row.digest == tokens.digest(token)


def test_names_are_taken_once_and_a_revoked_one_stays(url: str) -> None:
    engine = open_till(url)
    tokens.add(engine, "register-1")
    for name in ("register-1", "", "a b", "-x"):
        with pytest.raises(InputError):
            tokens.add(engine, name)
    tokens.revoke(engine, "register-1")
    with pytest.raises(InputError, match="no good token"):
        tokens.revoke(engine, "register-1")
    with pytest.raises(InputError):
        tokens.add(engine, "register-1")
    assert [(token.name, token.revoked is None) for token in tokens.listed(engine)] == [("register-1", False)]


def test_the_command_line(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = world.chain.config.folder
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "local.yaml").write_text("chain_id: local\nrpc: http://127.0.0.1:1\n")
    monkeypatch.setenv("TROC_DATA", str(tmp_path / "data"))

    def run(*words: str) -> tuple[int, str, str]:
        arguments = ("--rpc", world.chain.config.rpc, "--account", "dev:5", "till", "token", *words)
        return troc_here(*arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    code, out, _ = run("add", "ACME", "register-1", "--json")
    assert code == 0
    assert json.loads(out)["token"].startswith("troc_till_")
    assert run("list", "ACME")[1].startswith("register-1  since ")
    assert run("revoke", "ACME", "register-1")[1] == "The token of register-1 is void.\n"
    assert ", revoked " in run("list", "ACME")[1]
    code, _, err = run("revoke", "ACME", "register-1")
    assert (code, err.count("\n")) == (3, 1)
