"""Signing from the command line: statements, tickets, codes on sheets, and what the register says."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.cases import PRICE, Attention, attention, deployed, home
from tests.client.core.command import troc_here
from troc import words
from troc.accounts import open_account
from troc.anvil import move_to
from troc.attention.campaigns import Campaign
from troc.attention.register import Register
from troc.attention.slips import Slip, read_slips, read_text

__all__ = ["attention", "deployed", "home"]


@dataclass
class Shell:
    """`troc attention` in the folder of the brand, as the campaign's key."""

    attention: Attention
    campaign: Campaign
    folder: Path
    run: Callable[..., tuple[int, str, str]]

    def troc(self, *words: str) -> str:
        """A command that must work."""
        code, out, err = self.run(*words)
        assert (code, err) == (0, ""), err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json")[1])

    def fails(self, *words: str) -> tuple[int, str]:
        code, _, err = self.run(*words)
        assert code, words
        assert err.count("\n") == 1, err
        return code, err

    def file(self, name: str, rows: list[tuple[str, str]]) -> str:
        lines = ["account,contact", *(f"{account},{contact}" for account, contact in rows)]
        (self.folder / name).write_text("\n".join(lines) + "\n")
        return name

    def read(self, name: str) -> list[Slip]:
        return read_slips(self.folder / name)


@pytest.fixture
def shell(
    attention: Attention, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    monkeypatch.setenv("TROC_DATA", str(tmp_path / "data"))
    signer = open_account("dev:4", attention.chain.config)
    campaign = attention.open(2_130, signer=signer.address, per_day=0, codes=2_030)
    folder = attention.project()

    def run(*words: str) -> tuple[int, str, str]:
        arguments = ("--account", "dev:4", "--yes", "attention", *words)
        return troc_here(*arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    for old in ("slips.json", "more.json", "rows.csv"):
        (folder / old).unlink(missing_ok=True)
    return Shell(attention, campaign, folder, run)


def test_statements_of_a_file_that_grows(shell: Shell) -> None:
    attention, name = shell.attention, shell.campaign.short
    ann, bob = attention.ann, attention.bob
    rows = [(ann.address, "film 1"), (bob.address, "film 1b"), (ann.address, "film 2")]
    file = shell.file("rows.csv", rows)
    said = shell.run("statement", name, file, "-o", "never.json", "--dry-run")[1]
    assert "You sign 3 contacts of 2 accounts" in said
    assert "worth 15 Le Panier" in said
    assert not (shell.folder / "never.json").exists()
    assert "Signed 3 contacts in 2 statements" in shell.troc("statement", name, file, "-o", "slips.json")
    assert {each.contacts for each in shell.read("slips.json")} == {frozenset({0, 1}), frozenset({0})}
    file = shell.file("rows.csv", [*rows, (ann.address, "film 3")])
    said = shell.troc("statement", name, file, "-o", "more.json")
    assert "You sign 1 contact of 1 account" in said
    assert "3 contacts were signed before" in said
    slips = shell.read("more.json")
    assert {each.contacts for each in slips} == {frozenset({0, 1, 2}), frozenset({0})}
    attention.claim(*slips)
    assert (attention.points(ann), attention.points(bob)) == (3 * PRICE, PRICE)


def test_a_single_contact_is_shown(shell: Shell) -> None:
    ann = shell.attention.ann
    found = shell.json(
        *("statement", shell.campaign.short, "--to", ann.address, "--contact", "a", "--contact", "b")
    )
    assert (found["signed"], [each["number"] for each in found["contacts"]]) == (2, [0, 1])
    assert read_text(found["slips"][0]).contacts == {0, 1}


def test_what_is_refused_stops_nothing_else_and_is_told(shell: Shell) -> None:
    attention, name = shell.attention, shell.campaign.short
    rows = [(attention.ann.address, f"a{number}") for number in range(22)]
    file = shell.file("rows.csv", [*rows, (attention.bob.address, "b0"), (attention.bob.address, "a0")])
    code, out, err = shell.run("statement", name, file, "-o", "slips.json")
    assert (code, err) == (
        25,
        "troc: refused: 3 contacts: the lines above say why; running it again signs nothing twice\n",
    )
    assert "a21: this account has had all 20 contacts of the campaign" in out
    assert "a0: the contact a0 was taken down as a statement of 0x" in out
    assert len(shell.read("slips.json")) == 2


def test_tickets_with_and_without_their_keys(shell: Shell) -> None:
    attention, name = shell.attention, shell.campaign.short
    rows = [(attention.ann.address, "mail 1"), (attention.bob.address, "mail 1b")]
    file = shell.file("rows.csv", rows)
    shell.troc("ticket", name, file, "-o", "letters", "--qr", "--page", "https://biobox.example/claim")
    whole, ahead = shell.read("letters/tickets.json"), shell.read("letters/ahead.json")
    assert all(each.secret for each in whole)
    assert [each.public() for each in whole] == ahead
    assert (shell.folder / "letters" / "0002.png").read_bytes().startswith(b"\x89PNG")
    assert (shell.folder / "letters" / "links.txt").read_text().startswith("https://biobox.example/claim#")
    # Asked for again, they are the same.
    shell.troc("ticket", name, file, "-o", "again.json", "--ahead", "ahead.txt", "--good", "5d")
    assert shell.read("again.json") == whole
    assert shell.read("ahead.txt") == ahead
    recipient = attention.bob.address
    call = attention.rewards.ticket_call(whole[1], attention.account(attention.bob), recipient)
    attention.chain.send(call, attention.payer)
    assert attention.points(attention.bob) == PRICE


def test_one_ticket_as_a_picture(shell: Shell) -> None:
    one = ("--to", shell.attention.ann.address, "--contact", "beacon 1")
    shell.troc("ticket", shell.campaign.short, *one, "-o", "one.svg")
    assert b"<svg" in (shell.folder / "one.svg").read_bytes()
    assert "█" in shell.troc("ticket", shell.campaign.short, *one, "--qr")


def test_a_batch_of_codes_on_a_sheet(shell: Shell) -> None:
    attention, name = shell.attention, shell.campaign.short
    said = shell.troc("ticket", name, "--codes", "2", "--sheet", "sheet.pdf", "-o", "codes.json")
    assert "30 codes, worth 150 Le Panier" in said
    assert f"troc attention activate {name} 2" in said
    codes = shell.read("codes.json")
    assert len(codes) == 30
    assert (shell.folder / "sheet.pdf").read_bytes().startswith(b"%PDF")
    attention.rewards.activate(shell.campaign.id, [2])
    ann = attention.ann
    call = attention.rewards.ticket_call(codes[7], attention.account(ann), ann.address)
    attention.chain.send(call, attention.payer)
    assert attention.points(ann) == PRICE
    said = shell.troc("ticket", name, "--codes", "2", "--qr", "-o", "pictures")
    assert "The batch is active: each of them is cash now." in said
    # A picture is called by the number of its code.
    pictures = sorted(path.stem for path in (shell.folder / "pictures").glob("*.png"))
    assert pictures == [str(2_000 + number) for number in range(30)]
    used, new = attention.bob.earnings.collect([codes[7].to_text(), codes[8].to_text()])
    assert (used.why, new.why) == ("it has been claimed before", "")


def test_contacts_for_a_root(shell: Shell) -> None:
    from troc.attention.roots import read_sets

    attention, name = shell.attention, shell.campaign.short
    shell.troc("statement", name, "--to", attention.ann.address, "--contact", "film 1", "-o", "slips.json")
    rows = [(attention.ann.address, "visit 1"), (attention.bob.address, "visit 2")]
    shell.troc("statement", name, shell.file("rows.csv", rows), "--root", "-o", "numbers.csv")
    sets = read_sets(shell.folder / "numbers.csv")
    found = {bytes(sets.accounts[row]): int(sets.contacts[row][31]) for row in range(len(sets))}
    assert found == {attention.account(attention.ann): 0b10, attention.account(attention.bob): 0b1}


def test_the_register_and_its_export(shell: Shell) -> None:
    attention, name = shell.attention, shell.campaign.short
    to = ("--to", attention.ann.address)
    assert shell.fails("register", name)[1].startswith("troc: this register has no campaign 0x")
    slip = read_text(shell.json("statement", name, *to, "--contact", "film 1")["slips"][0])
    shell.troc("ticket", name, *to, "--contact", "mail 1", "-o", "mail.json")
    attention.claim(slip)
    shell.troc("ticket", name, "--codes", "2", "-o", "batch.json")
    said = shell.troc("register", name)
    assert "1 contact by statement: 1 paid" in said
    assert "1 contact by ticket: 1 open" in said
    assert "batch 2 of codes: 30 printed, 0 paid" in said
    assert "98 contacts can still be promised" in said
    # It looks at the chain, whether or not anything is signed meanwhile.
    attention.rewards.enrol(shell.campaign.id, [attention.account(attention.bob)])
    assert "78 contacts can still be promised" in shell.troc("register", name)
    shell.troc("register", name, "--export", "all.json")
    exported = shell.read("all.json")
    assert len(exported) == 2 + 30
    assert not any(each.secret for each in exported)


def test_it_is_refused_before_anything_is_signed(shell: Shell) -> None:
    name, ann = shell.campaign.short, shell.attention.ann.address
    to = ("--to", ann, "--contact", "a")
    rows = shell.file("rows.csv", [(ann, "a"), (ann, "b")])
    for arguments, why in (
        (("statement", name), "whose contacts"),
        (("statement", name, rows, "--to", ann), "whose contacts"),
        (("statement", name, "--to", ann), "whose contacts"),
        (("statement", name, "none.csv"), "no file"),
        (("statement", name, *to, "-o", rows), "no .json file"),
        (("statement", name, *to, "--root"), "go into a file"),
        (("ticket", name, rows, "-o", "one.png"), "2 QR codes"),
        (("ticket", name, rows, "--sheet", "sheet.pdf"), "only codes"),
        (("ticket", name, *to, "--page", "ftp://x"), "http"),
        (("ticket", name, rows, "--codes", "1"), "nobody in particular"),
        (("ticket", name, "--codes", "3"), "no batch 3"),
        (("ticket", name, "--codes", "1", "--sheet", "sheet.txt"), "no .pdf file"),
        (("ticket", name, *to, "--good", "2020-01-01"), "could not be claimed"),
        (("ticket", name, "--codes", "1", "--good", "2020-01-01"), "could not be claimed"),
        (("statement", "0x77", *to), "no campaign"),
        (("statement", shell.attention.fresh.short, *to), "is signed by"),
    ):
        code, err = shell.fails(*arguments)
        assert code in (3, 25), err
        assert why in err
        assert "Sign?" not in err
    registers = list(shell.folder.glob("**/attention-*.sqlite"))
    assert all(not Register(f"sqlite:///{path}").contacts(shell.campaign.id) for path in registers)


def test_a_ticket_that_was_signed_is_given_again_after_its_date(shell: Shell) -> None:
    name, chain = shell.campaign.short, shell.attention.chain
    to = ("--to", shell.attention.ann.address, "--contact", "a")
    day = words.iso_day(chain.now() + words.DAY)
    first = shell.json("ticket", name, *to, "--good", day)["slips"]
    move_to(chain, chain.now() + 3 * words.DAY)
    assert shell.json("ticket", name, *to, "--good", day)["slips"] == first


def test_a_port_that_is_taken_is_told_in_a_line(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = shell.run("serve", shell.campaign.short, "--port", str(port))
    assert (code, out) == (4, "")
    assert err == (
        f"troc: something listens on port {port} already: stop it, or choose another with --port\n"
    )


def test_tokens(shell: Shell) -> None:
    assert shell.json("token", "add", "site")["token"].startswith("troc_attention_")
    assert shell.troc("token", "list").startswith("site  since ")
    assert shell.troc("token", "revoke", "site") == "The token of site is void.\n"
    assert ", revoked " in shell.troc("token", "list")
    assert shell.fails("token", "revoke", "site")[1].startswith("troc: there is no good token 'site'")
