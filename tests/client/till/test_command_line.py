"""The till's commands: how it stands, a draft that is signed from its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.core.command import troc_here
from tests.client.till.conftest import Shop
from troc.accounts import open_account


@pytest.fixture
def command(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs `troc` on the shop's chain as an account."""
    folder = shop.world.project()

    def run(account: str, *arguments: str) -> tuple[int, str, str]:
        words = ("--account", account, *arguments)
        return troc_here(*words, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    return run


def test_how_a_till_stands(shop: Shop, url: str, command: Callable[..., tuple[int, str, str]]) -> None:
    shop.issue("a1", shop.world.bob, 40, matures="30d")
    shop.settle()
    code, out, err = command("dev:5", "till", "status", "ACME", "--database", url)
    assert (code, err) == (0, "")
    for text in (shop.till.address, "0 ACME of 0 receipts wait", "1 pending done, 40 ACME"):
        assert text in out, out
    code, out, _ = command("dev:5", "till", "status", "ACME", "--database", url, "--json")
    assert json.loads(out)["room"] == shop.get("/status")["room"]


def test_no_till_answers(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("troc_till_x\n")
    token.chmod(0o600)
    arguments = ("a1", "5", "--token-file", str(token), "--url", "http://127.0.0.1:1")
    code, _, err = command("dev:5", "till", "voucher", *arguments)
    assert code != 0
    assert "no till answers" in err
    assert err.count("\n") == 1


def test_a_draft_is_signed_from_its_file(
    shop: Shop, command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    draft, signed = tmp_path / "draft.json", tmp_path / "signed.json"
    name = "dev:3"
    holder = open_account(name, shop.world.chain.config).address
    shop.post("/issue", receipt="a0", customer=holder, amount=20)
    shop.settle()
    asked = shop.post("/redeem/draft", receipt="s1", customer=holder, amount=12)
    draft.write_text(json.dumps(asked))
    arguments = ("points", "sign", str(draft), "-o", str(signed), "--yes")
    code, _, err = command("dev:9", *arguments)
    assert (code, "this draft is for" in err, signed.exists()) == (3, True, False)
    code, _, err = command(name, *arguments)
    assert (code, err) == (0, "")
    assert shop.post("/redeem", **json.loads(signed.read_text()))["standing"] == "final"
    # What is shown to a wallet must be what is signed.
    asked["message"]["amount"] = "13"
    draft.write_text(json.dumps(asked))
    code, _, err = command(name, "points", "sign", str(draft), "-o", str(tmp_path / "other.json"), "--yes")
    assert (code, "no draft of a till" in err) == (3, True)
