"""What the page on tills shows is sent to a till as it is served; the till's own commands beside it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.core.command import environment, troc_here
from tests.client.till.conftest import GRANT, set_grant
from tests.client.trade.conftest import World
from tools.tree import ROOT
from troc.accounts import open_account
from troc.anvil import free_port
from troc.errors import InputError

TILL, ANN = "dev:5", "dev:3"


@dataclass
class Served:
    """`troc till serve` in a process of its own, and `troc` beside it."""

    world: World
    folder: Path
    url: str
    token: str
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def run(self, *arguments: str, account: str = TILL) -> tuple[int, str, str]:
        """Run `troc` as an account."""
        words = ("--account", account, "--yes", *arguments)
        return troc_here(*words, capsys=self.capsys, cwd=self.folder, monkeypatch=self.monkeypatch)


@pytest.fixture
def served(
    world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    set_grant(world, open_account(TILL, world.chain.config), GRANT)
    port = free_port()
    found = Served(world, world.project(), f"http://127.0.0.1:{port}", "", capsys, monkeypatch)
    code, out, err = found.run("till", "token", "add", "ACME", "register-1", "--json")
    assert code == 0, err
    found.token = json.loads(out)["token"]
    serve = (
        "--rpc",
        world.chain.config.rpc,
        "--account",
        TILL,
        "till",
        "serve",
        "ACME",
        "--port",
        str(port),
        "--vouchers",
        "20",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "troc", *serve],
        cwd=found.folder,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    give_up = time.monotonic() + 60
    while not _answers(found.url):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < give_up
        time.sleep(0.05)
    yield found
    process.terminate()
    process.communicate(timeout=20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_requests_of_the_page(served: Served, home: Path) -> None:
    shown = re.search(r"```\n(T=http.*?)```", (ROOT / "docs" / "till.md").read_text(), re.DOTALL)
    assert shown is not None
    holder = open_account(ANN, served.world.chain.config).address
    served.world.brand.mint("ACME", {holder: 20})
    python = f"{sys.executable} -m troc --rpc {served.world.chain.config.rpc} --yes"
    script = (
        # A refusal ends the script, and every answer stands in a line.
        f'set -e; curl() {{ command curl --fail-with-body "$@" && echo; }}; troc() {{ {python} "$@" >&2; }}\n'
        + shown[1].replace("http://127.0.0.1:8700", served.url).replace("0x…", holder)
    ).replace("--account ann", f"--account {ANN}")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=served.folder,
        env=environment(home) | {"TOKEN": served.token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    issued, voucher, redeemed, returned, balance, receipt, again, status, health = map(
        json.loads, done.stdout.splitlines()
    )
    assert (issued["amount"], voucher["amount"], redeemed["standing"]) == ("12", "5", "final")
    assert voucher["text"].startswith("TROC:VOUCHER/")
    assert (returned["id"], again["id"], receipt["earned_left"]) == ("r1", "r1", "8")
    assert (balance["amount"], int(status["vouchers_out"])) == ("8", 5)
    assert health == {"open": True, "online": True}


def test_a_voucher_of_an_open_till(served: Served, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(served.token + "\n")
    token.chmod(0o600)
    options = ("--token-file", str(token), "--url", served.url)
    code, out, err = served.run("till", "voucher", "4712", "5", *options)
    assert (code, err) == (0, "")
    assert out.startswith(
        "A voucher of 5 points for whoever has this code; it is as good as cash:\nTROC:VOUCHER/"
    )
    told: Any = json.loads(served.run("till", "voucher", "4712", "5", *options, "--json")[1])
    assert told["text"] == out.splitlines()[1], "a receipt has one voucher"
    before = served.world.units(served.world.bob, "ACME")
    served.world.relay.claim(told["text"], to=served.world.bob.address)
    assert served.world.units(served.world.bob, "ACME") == before + 5
    # The till's refusals are told as they are.
    code, out, err = served.run("till", "voucher", "4712", "6", *options)
    assert (code, out, err.count("\n")) == (InputError.exit_code, "", 1)
    assert "4712" in err
    code, _, err = served.run("till", "voucher", "4714", "16", *options)
    assert (code, err.count("\n")) == (InputError.exit_code, 1)
    token.write_text("troc_till_wrong\n")
    code, _, err = served.run("till", "voucher", "4715", "1", *options)
    assert (code, "token" in err) == (InputError.exit_code, True)
    code, _, err = served.run("till", "voucher", "4715", "1", "--token-file", str(token), "--url", "shop")
    assert (code, "is no address of a till" in err) == (InputError.exit_code, True)
    code, out, err = served.run("till", "status", "ACME")
    assert (code, err) == (0, "")
    assert "The till 0x" in out
