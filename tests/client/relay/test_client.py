"""Customers without ether act through relays, and believe none of them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from tests.client.core.command import troc_here
from tests.client.market.test_swap import wallet_stands
from tests.client.relay.conftest import Desk, eventually, impatient
from tests.client.trade.conftest import World, poor
from troc.accounts import address_of
from troc.client import Troc, connect
from troc.errors import InputError, PointsError, RelayError
from troc.relay.service import create_app

NOWHERE = "http://127.0.0.1:9"
Serve = Callable[[Any], str]


def customer(world: World, name: str, *relays: str, seconds: float = 20, **more: Any) -> Troc:
    """A customer without ether who asks these relays."""
    chain = impatient(world.chain, seconds)
    everyone = Troc(chain, world.manifest, fetch=world._fetch, **more)
    return everyone.as_account(poor(name), relays=relays)


@pytest.fixture
def url(desk: Desk, serve: Serve) -> str:
    """A relay's address."""
    return serve(create_app(desk.relay))


def test_every_act_goes_through_a_relay(desk: Desk, world: World, url: str) -> None:
    ann, bob = (customer(world, name, url) for name in ("ann", "bob"))
    sent = ann.send("30 ACME", bob.address)
    assert sent.sender == desk.relay.address
    receipt = world.brand.receipt("ACME", "basket 1")
    ann.redeem("50 ACME", receipt)
    ann.set_exchange("ACME", False)
    assert not ann.balance("ACME").exchange_on
    ann.set_exchange("ACME", True)
    outcome = ann.trade("100 ACME", "80 BETA")
    assert not outcome.took
    assert bob.trade("80 BETA", "100 ACME").took
    left = ann.trade("20 ACME", "200 BETA")
    ann.cancel(left.order.id)
    ann.trade("21 ACME", "200 BETA")
    ann.cancel_all()
    assert not world.everyone.open_orders()
    acme = world.everyone.brand("ACME")
    world.everyone.brands.set_grant(acme, bob.address, 100, world.owner_signer)
    vouchers = [bob.sign_voucher("5 ACME", ann.address) for _ in range(3)]
    coded, ended = bob.sign_voucher("7 ACME"), bob.sign_voucher("9 ACME")
    bob.cancel_vouchers(ended)
    report = ann.claim(*vouchers, coded, ended)
    assert (len(report.paid), len(report.failed)) == (4, 1)
    assert world.units(ann, "ACME") == 400 - 30 - 50 - 100 + 15 + 7
    assert world.units(bob, "ACME") == 130
    assert world.units(ann, "BETA") == 8000
    assert [world.chain.balance(each.address) for each in (ann, bob)] == [0, 0]


def test_the_next_relay_is_asked_when_one_is_away(world: World, url: str) -> None:
    said: list[str] = []
    ann = customer(world, "ann", NOWHERE, url, say=said.append)
    ann.send("30 ACME", world.bob.address)
    assert said == ["The relay 127.0.0.1:9 did not do it: it does not answer."]


def liar(state: str) -> FastAPI:
    """A relay that accepts everything, says that it stands so, and does nothing."""
    app = FastAPI()
    answer = {"state": state, "transaction": "0x" + "1" * 64, "why": {"message": "\x1b[31mred"}}
    app.post("/messages")(lambda: answer)
    app.get("/messages/{id}")(lambda: answer)
    return app


def test_a_relay_that_answers_a_byte_now_and_then_holds_nobody_up(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troc.submitting.REQUEST_SECONDS", 0.5)
    said: list[str] = []
    over = threading.Event()

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            while not over.wait(0.2):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        slow = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ann = customer(world, "ann", slow, url, say=said.append)
        giver = threading.Thread(target=ann.send, args=("30 ACME", world.bob.address), daemon=True)
        giver.start()
        giver.join(15)
        over.set()
    assert not giver.is_alive()
    assert "it does not answer" in said[0]
    assert world.units(world.bob, "ACME") == 30


@pytest.mark.parametrize("state", ["done", "accepted", "failed"])
def test_a_relay_that_only_says_so_is_not_believed(world: World, url: str, serve: Serve, state: str) -> None:
    said: list[str] = []
    ann = customer(world, "ann", serve(liar(state)), url, seconds=1, say=said.append)
    ann.send("30 ACME", world.bob.address)
    assert world.units(world.bob, "ACME") == 30
    expected = "[31mred" if state == "failed" else "it accepted, and did nothing within 1 second"
    assert expected in said[0]
    assert "\x1b" not in said[0]


def test_a_relay_that_is_gone_is_not_waited_for(world: World, serve: Serve) -> None:
    """And whoever signed is told that what it took may still come."""
    app = FastAPI()
    app.post("/messages")(lambda: {"state": "accepted"})
    ann = customer(world, "ann", serve(app), seconds=90)
    began = time.monotonic()
    with pytest.raises(RelayError, match="it accepted, and does not answer any more") as caught:
        ann.send("30 ACME", world.bob.address)
    assert time.monotonic() - began < 15
    assert caught.value.remedy.startswith("what was accepted may still arrive: look before you sign anew")


def test_without_any_relay_ones_own_ether_pays(world: World) -> None:
    said: list[str] = []
    ann = customer(world, "ann", NOWHERE, say=said.append)
    with pytest.raises(RelayError) as caught:
        ann.send("30 ACME", world.bob.address)
    assert "127.0.0.1:9: it does not answer" in caught.value.message
    world.give_ether(ann.address)
    assert ann.send("30 ACME", world.bob.address).sender == ann.address
    assert said[-1] == f"No relay did it; {ann.address} sends it and pays."


def test_without_any_relay_somebody_else_pays(world: World) -> None:
    everyone = Troc(impatient(world.chain, 1), world.manifest, fetch=world._fetch)
    ann = everyone.as_account(poor("ann"), submit_with=world.relay_signer, relays=[NOWHERE])
    assert ann.trade("10 ACME", "5 BETA").transaction
    assert ann.redeem("5 ACME", b"r" * 32).sender == world.relay.address


def test_a_relay_that_was_given_up_may_do_it_after_all(
    world: World, desk: Desk, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message and the one that the fallback sends count once."""
    url = serve(create_app(desk.relay))
    monkeypatch.setattr(desk.relay._sender, "_send", lambda group: None)
    ann = customer(world, "ann", url, seconds=1)
    world.give_ether(ann.address)
    assert ann.send("30 ACME", world.bob.address).sender == ann.address
    monkeypatch.undo()
    eventually(lambda: desk.status()["messages"] == {"done": 1})
    assert world.units(world.bob, "ACME") == 30


def test_what_the_contracts_refuse_is_told_before_any_relay_is_asked(world: World, url: str) -> None:
    with pytest.raises(PointsError):
        customer(world, "ann", url).send("401 ACME", world.bob.address)


def test_an_order_that_is_taken_before_a_relay_settles_a_swap(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the contract refuses meanwhile is told as its refusal, and another way is found."""
    ann = customer(world, "ann", url)
    first = world.bob.trade("50 BETA", "50 ACME", new=True).order
    world.bob.trade("55 BETA", "60 ACME", new=True, in_parts=True)
    world.brand.mint("ACME", {world.cem.address: 100})
    settle = Troc.settle_signed

    def meddle(troc: Troc, *arguments: Any) -> Any:
        monkeypatch.setattr(Troc, "settle_signed", settle)
        world.cem.accept(first.id)
        return settle(troc, *arguments)

    monkeypatch.setattr(Troc, "settle_signed", meddle)
    done = ann.swap("50 ACME", "BETA", worst="45 BETA")
    assert (done.gave, done.got) == (50, 4_583)
    assert world.chain.balance(ann.address) == 0


def test_a_wallet_that_signs_in_rehearsals_only_stops_no_swap_through_a_relay(world: World, url: str) -> None:
    bait = wallet_stands(world, 100)
    world.bob.trade("100 BETA", "110 ACME", new=True, in_parts=True)
    ann = customer(world, "ann", url)
    assert [entry.id for entry in ann.quote(give="50 ACME", want="BETA").entries] == [bait.id]
    done = ann.swap("50 ACME", "BETA", worst="45 BETA")
    assert (done.gave, done.got) == (50, 4_545)
    assert world.chain.balance(ann.address) == 0


def test_a_relay_has_an_address(world: World) -> None:
    for url in ("relay.example", "ftp://relay.example", "http://a b"):
        with pytest.raises(InputError, match="is no address of a relay"):
            customer(world, "ann", url)


def test_two_relays_at_once(world: World, desk: Desk, url: str, serve: Serve) -> None:
    """A customer sends one message to two: it counts once, and both say that it is done."""
    ann = customer(world, "ann", url)
    other = customer(world, "ann", serve(liar("accepted")), url, seconds=1)
    ann.send("30 ACME", world.bob.address)
    other.send("30 ACME", world.bob.address)
    assert world.units(world.bob, "ACME") == 60


def test_connect_and_the_command_line(
    world: World,
    desk: Desk,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = world.project()
    monkeypatch.chdir(folder)
    customer = address_of("dev:3", world.chain.config)
    world.brand.mint("ACME", {customer: 90}, reference="dev:3")
    there = connect("local", account="dev:3", relays=[url])
    assert there.send("10 ACME", world.bob.address).sender == desk.relay.address
    give = ("--account", "dev:3", "--yes", "points", "send", "10 ACME", world.bob.address)
    code, out, _ = troc_here(
        *give, "--relay", NOWHERE, "--relay", url, capsys=capsys, cwd=folder, monkeypatch=monkeypatch
    )
    assert code == 0
    assert "The relay 127.0.0.1:9 did not do it: it does not answer." in out
    assert "Gave 10 Acme Hardware" in out
    monkeypatch.setenv("TROC_RELAY", f"{NOWHERE}, {url}")
    code, out, _ = troc_here(*give, "--json", capsys=capsys, cwd=folder, monkeypatch=monkeypatch)
    assert code == 0
    paid = json.loads(out[out.index("{") :])["transaction"]
    assert world.chain.receipt(paid).sender == desk.relay.address  # type: ignore[union-attr]
    assert world.units(world.bob, "ACME") == 30
    code, out, _ = troc_here("relay", "status", url, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)
    assert (code, out) == (0, "It takes messages.\n")
    code, _, err = troc_here("relay", "status", NOWHERE, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)
    assert code == RelayError.exit_code
    assert f"the relay at {NOWHERE}: it does not answer" in err
    # As if the node kept another chain; test_chain.py has one that does.
    monkeypatch.setattr(world.chain, "still_has_genesis", lambda: False)
    eventually(lambda: not desk.status()["open"])
    code, out, _ = troc_here("relay", "status", url, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)
    assert code == 0
    assert "It takes no messages now: its chain was started anew" in out
    assert "What to do: try another relay; whoever runs this one ends it" in out
