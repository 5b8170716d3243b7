"""`troc data offer`, `buy`, `watch`, `open` and the rest as people use them: a real vault, served."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.client.core.command import environment, troc_here
from tests.client.data.conftest import DAY, ROWS, Market, deliver_anything
from troc.accounts import open_account
from troc.anvil import free_port
from troc.data.chunks import Content
from troc.data.deals import SaleState, SignedDeal
from troc.data.serving import create_app
from troc.data.vault import Shelf, Vault, vault_folder
from troc.manifest import write_manifest

Cli = Callable[..., Any]
SELLER, BUYER = "dev:5", "dev:0"


@contextmanager
def served(shelf: Shelf) -> Iterator[str]:
    """The vault's service on a port of its own."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(shelf), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


class Desk:
    """A seller's and a buyer's machine in one: a project, a vault with a record, and its service."""

    def __init__(self, market: Market, run: Cli, project: Path, url: str) -> None:
        self.market, self._run, self.project, self.url = market, run, project, url

    def ok(self, who: str, *arguments: str) -> Any:
        """Run a command that must work; gives its JSON."""
        code, out, err = self._run(who, *arguments, "--json", "--yes")
        assert code == 0, err
        return json.loads(out)

    def no(self, who: str, *arguments: str) -> str:
        """Run one that must fail; gives its one line."""
        code, _, err = self._run(who, *arguments, "--yes")
        lines = err.strip().splitlines()
        assert code != 0
        assert len(lines) == 1, err
        assert lines[0].startswith("troc: ")
        assert ": " in lines[0][6:]
        return str(lines[0])

    def says(self, who: str, *arguments: str) -> str:
        """Run one; gives what a person reads."""
        code, out, err = self._run(who, *arguments, "--yes")
        assert code == 0, err
        return str(out)

    def offer(self, *more: str) -> Any:
        """The record, offered with a link."""
        (copy,) = (note.root.hex() for note in Shelf(vault_folder()).notes())
        link = self.ok(SELLER, "token", copy, "a buyer", "--url", self.url)["link"]
        return self.ok(SELLER, "offer", copy, "50 MILK", "--link", link, *more)


@pytest.fixture
def desk(
    market: Market, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Desk]:
    write_manifest(market.chain, market.deployment)
    project = market.chain.config.folder
    (project / "config").mkdir(exist_ok=True)
    (project / "config" / "local.yaml").write_text(f"rpc: {market.chain.config.rpc}\nchain_id: local\n")
    secret = tmp_path / "passphrase"
    secret.write_text("a passphrase for tests\n")
    secret.chmod(0o600)
    monkeypatch.setenv("TROC_VAULT_PASSWORD_FILE", str(secret))
    vault = Vault.create(vault_folder(), "a passphrase for tests", work=10)
    vault.add(Content.of_rows(ROWS, "dairy"), "dairy", tell=True)
    market.brand.mint("MILK", {market.brand.address: 1_000})

    def run(who: str, *arguments: str) -> Any:
        return troc_here(
            "--account", who, "data", *arguments, capsys=capsys, cwd=project, monkeypatch=monkeypatch
        )

    with served(Shelf(vault_folder())) as url:
        yield Desk(market, run, project, url)


def test_a_sale_by_commands(desk: Desk, tmp_path: Path) -> None:
    offer = desk.offer("-o", str(tmp_path / "offer.json"))
    assert "You sell" in offer["words"]
    assert "Know this" in offer["words"]
    assert "this address has sold" not in offer["words"]
    bought = desk.ok(BUYER, "buy", str(tmp_path / "offer.json"))
    sale = bought["sale"]
    (standing,) = desk.ok(SELLER, "status", sale[:12])["sales"]
    assert (standing["state"], standing["selling"]) == ("bought", True)
    assert desk.ok(SELLER, "watch", "--sell", "--once")["done"][0]["what"] == "delivered"
    opened = desk.ok(BUYER, "open", sale[:12], "-o", str(tmp_path / "rows.json"), "--settle")
    assert opened["rows"] == ROWS
    assert json.loads((tmp_path / "rows.json").read_text()) == ROWS
    assert desk.ok(SELLER, "status")["sales"][0]["state"] == "paid"
    # Everybody sees that a second sale of one address is the same seller's: she is warned.
    second = desk.offer("-o", str(tmp_path / "second.json"))
    assert "Careful: this address has sold 1 time before" in second["words"]
    assert "`troc account new`" in second["words"]
    desk.ok(SELLER, "revoke", sale[:12])
    assert "State: consent withdrawn" in desk.says(BUYER, "status", sale)
    desk.ok(BUYER, "acknowledge", sale)
    assert "State: erased" in desk.says(SELLER, "status")
    assert "no proven domain" in desk.says(SELLER, "buyer", desk.market.brand.address)
    assert desk.ok(SELLER, "buyer", desk.market.brand.address)["apart"] == 1


def test_an_offer_takes_an_attestation_along_while_it_counts(desk: Desk, tmp_path: Path) -> None:
    (copy,) = (note.root.hex() for note in Shelf(vault_folder()).notes())
    asked, said, out = (str(tmp_path / name) for name in ("ask.json", "said", "offer.json"))
    desk.ok(SELLER, "ask", copy, asked)
    desk.ok("dev:7", "attest", asked, "--unseen", "-o", said)
    (paper,) = Path(said).iterdir()
    attestor = open_account("dev:7", desk.market.chain.config).address
    offer = desk.offer("--attestation", str(paper), "-o", out)
    assert f"\n{attestor} vouches for it.\n" in offer["words"]
    assert " vouches for it." not in desk.offer()["words"]
    bought = ("buy", out, "--dry-run")
    assert f"Careful: {attestor} vouches for it, and is not on your list" in desk.says(BUYER, *bought)
    desk.ok(BUYER, "trust", "dev:7", "--name", "the dairy")
    assert "\nthe dairy (no proven domain) vouches for it, and is on your list.\n" in desk.says(
        BUYER, *bought
    )
    asked_for = desk.says(
        BUYER, "request", "5 MILK", "3", "--schema", "dairy", "--attestor", "dev:7", "--dry-run"
    )
    assert "each attested by the dairy (no proven domain). " in asked_for
    desk.ok(BUYER, "trust", "dev:7", "--remove")
    assert json.loads(Path(out).read_text())["papers"] == {"attestation": json.loads(paper.read_text())}
    desk.ok("dev:7", "attest", "--revoke", "0")
    refused = desk.no(SELLER, "offer", copy, "50 MILK", "--attestation", str(paper))
    assert "the attestation does not count: the attestor has revoked it: ask" in refused


def test_haggling_by_commands(desk: Desk) -> None:
    offer = desk.offer()
    bid = desk.ok(BUYER, "bid", offer["text"], "40 MILK")
    assert desk.ok(SELLER, "offers", "--add", bid["text"])["offers"][-1]["kind"] in ("offer", "bid")
    sold = desk.ok(SELLER, "accept", bid["text"])
    assert desk.market.sale(bytes.fromhex(sold["sale"][2:])).state == SaleState.BOUGHT
    desk.ok(SELLER, "cancel", offer["id"][:14])
    assert "ended this offer" in desk.no(BUYER, "buy", offer["text"])
    states = {each["id"]: each["state"] for each in desk.ok(SELLER, "offers")["offers"]}
    assert states[offer["id"]] == "ended"


def test_a_request_by_commands(desk: Desk, tmp_path: Path) -> None:
    found = desk.ok(BUYER, "request", "5 MILK", "3", "--until", "5d")["request"]
    assert found[:14] in desk.says(SELLER, "requests")
    (copy,) = (note.root.hex() for note in Shelf(vault_folder()).notes())
    link = desk.ok(SELLER, "token", copy, "a buyer", "--url", desk.url)["link"]
    folder = str(tmp_path / "answers")
    filled = desk.ok(
        SELLER,
        *("fill", found[:14], copy, "--link", link, "--folder", folder),
        *("--criteria", "diabetics in one street"),
    )
    assert "diabetics" in filled["words"]
    assert "You take 1 answer, for 5" in desk.says(BUYER, "take", found[:14], "--folder", folder, "--dry-run")
    taken = desk.ok(BUYER, "take", found[:14], "--folder", folder)
    assert len(taken["sales"]) == 1
    assert desk.ok(BUYER, "take", found, "--folder", folder)["sent"] is False
    (mine,) = desk.ok(BUYER, "requests", "--mine")["requests"]
    assert (mine["state"], mine["left"]) == ("open", 2)
    desk.ok(BUYER, "close", found[:14])
    assert desk.ok(BUYER, "requests", "--mine")["requests"][0]["state"] == "closed"


def test_the_other_ends_by_commands(desk: Desk) -> None:
    offer = desk.offer()
    sale = desk.ok(BUYER, "buy", offer["text"])["sale"]
    desk.ok(SELLER, "deliver", sale)
    assert "is what was sold" in desk.no(BUYER, "dispute", sale)
    desk.ok(SELLER, "concede", sale)
    assert desk.ok(BUYER, "status")["sales"][0]["state"] == "conceded"
    other = desk.ok(BUYER, "buy", desk.offer()["text"])["sale"]
    desk.no(BUYER, "refund", other)
    desk.market.pass_to(desk.market.now() + 4 * DAY)
    assert "too late" in desk.no(SELLER, "deliver", other)
    desk.ok(BUYER, "refund", other)
    assert {each["state"] for each in desk.ok(BUYER, "status")["sales"]} == {"conceded", "returned"}


def test_a_wrong_key_by_commands(desk: Desk, tmp_path: Path) -> None:
    market = desk.market
    sale = desk.ok(BUYER, "buy", desk.offer()["text"])["sale"]
    seller = market.troc(open_account(SELLER, market.chain.config)).data
    found = market.sale(bytes.fromhex(sale[2:]))
    offer = SignedDeal(seller.seller.deal_of(found), b"", seller.seller.domain)
    deliver_anything(seller, found, offer, bytes(31) + b"\5")
    assert "not the one" in desk.no(BUYER, "open", sale)
    notes = str(tmp_path / "notes")
    assert desk.ok(BUYER, "dispute", sale, "--ask", notes)["sent"] is False
    other = desk.ok(BUYER, "buy", desk.offer()["text"])["sale"]
    done = desk.ok(SELLER, "watch", "--sell", "--once", "--notes", notes)["done"]
    assert {each["what"]: each["about"] for each in done} == {"conceded": sale, "delivered": other}
    third = desk.ok(BUYER, "buy", desk.offer()["text"])["sale"]
    deliver_anything(
        seller,
        market.sale(bytes.fromhex(third[2:])),
        SignedDeal(seller.seller.deal_of(market.sale(bytes.fromhex(third[2:]))), b"", seller.seller.domain),
        bytes(31) + b"\6",
    )
    assert desk.ok(BUYER, "dispute", third)["finding"]["fault"] == "key"
    assert desk.ok(BUYER, "status", third)["sales"][0]["state"] == "key_wrong"


def test_what_is_wrong_is_said_in_one_line(desk: Desk) -> None:
    for arguments, why in (
        (("buy", "nowhere"), "no deal and no file"),
        (("buy", "TROC:DEAL/AAAA"), "cut off or altered"),
        (("buy", "0x123456"), "no deal in the book begins"),
        (("open", "0x1234567"), "no sale that begins"),
        (("take", "0x1234567"), "no request begins"),
        (("request", "5 MILK", "0"), "out of range"),
        (("watch", "--once"), "not said what to watch"),
        (("bid", "nowhere", "5 MILK"), "no deal and no file"),
        (("status", "0x1234567"), "no sale that begins"),
    ):
        assert why in desk.no(BUYER, *arguments)


def test_a_dry_run_signs_and_sends_nothing(desk: Desk) -> None:
    offer = desk.offer()
    before = desk.market.chain.block_number()
    found = desk.ok(BUYER, "buy", offer["text"], "--dry-run")
    assert found["sent"] is False
    assert "You buy" in found["words"]
    assert desk.market.chain.block_number() == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_watcher_that_is_killed_goes_on(desk: Desk, when: str, home: Path) -> None:
    sale = desk.ok(BUYER, "buy", desk.offer()["text"])["sale"]
    options = (
        "--rpc",
        desk.market.chain.config.rpc,
        "--account",
        SELLER,
        "data",
        "watch",
        "--sell",
        "--once",
    )
    dying = subprocess.run(
        [sys.executable, "-m", "tests.client.data.dying", when, *options],
        env=environment(home) | {"TROC_VAULT_PASSWORD_FILE": str(desk.market.folder / "passphrase")},
        cwd=desk.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert dying.returncode == -signal.SIGKILL, dying.stderr
    done = desk.ok(SELLER, "watch", "--sell", "--once")["done"]
    assert [each["what"] for each in done] == (["delivered"] if when == "before" else [])
    assert desk.ok(BUYER, "open", sale)["rows"] == ROWS
