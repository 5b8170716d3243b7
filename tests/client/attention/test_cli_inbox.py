"""`troc attention policy`, `send`, `inbox`, `read`, `answer` and `reclaim` as people use them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.inbox_cases import CASH, DAY, Mail, deployed, home, mail
from tests.client.core.command import troc_here
from troc.accounts import open_account
from troc.attention.letters import Letter

__all__ = ["deployed", "home", "mail"]

# Of a local chain: the one who writes, and one who gets letters.
BRAND, ANN, RIVAL = "dev:5", "dev:2", "dev:6"


@dataclass
class Desk:
    """A machine on which all three have their accounts."""

    mail: Mail
    project: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.ann = open_account(ANN, self.mail.chain.config).address

    def run(self, who: str, *arguments: str) -> tuple[int, str, str]:
        """Run a command: exit code, output, errors."""
        return troc_here(
            *("--account", who, "attention", *arguments),
            capsys=self.capsys,
            cwd=self.project,
            monkeypatch=self.monkeypatch,
        )

    def ok(self, who: str, *arguments: str) -> Any:
        """Run a command that must work; gives its JSON."""
        code, out, err = self.run(who, *arguments, "--json", "--yes")
        assert code == 0, err
        return json.loads(out)

    def says(self, who: str, *arguments: str) -> str:
        """Run one; gives what a person reads."""
        code, out, err = self.run(who, *arguments, "--yes")
        assert code == 0, err
        return out

    def no(self, who: str, *arguments: str, code: int = 27) -> str:
        """Run one that must fail; gives its one line."""
        found, _, err = self.run(who, *arguments, "--yes")
        (line,) = err.strip().splitlines()
        assert found == code, line
        assert line.startswith("troc: ")
        assert ": " in line[6:]
        return line


@pytest.fixture
def desk(mail: Mail, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(mail, mail.project(), capsys, monkeypatch)


@pytest.fixture
def open_desk(desk: Desk) -> Desk:
    """The same, and Ann takes 2 messages a week on food, for half a CASH or more."""
    desk.ok(
        ANN,
        *("policy", "set", "--floor", "0.5", "--per-week", "2"),
        *("--topics", "food,20", "--channels", "email", "--answer-days", "3"),
    )
    return desk


def test_a_policy_is_said_in_words(desk: Desk) -> None:
    assert "nothing was said yet" in desk.says(ANN, "policy", "show")
    assert "name a --floor" in desk.no(ANN, "policy", "set", "--per-week", "2", code=3)
    said = desk.says(
        ANN,
        "policy",
        "set",
        "--floor",
        "0.5 CASH",
        "--per-week",
        "2",
        "--topics",
        "food,20",
        "--channels",
        "all",
    )
    assert (
        "a deposit of 0.5 CASH or more; 2 messages a week at most; topics: food and travel; channels: all;"
        " answered within 7 days." in said
    )
    shown = desk.ok(RIVAL, "policy", "show", desk.ann)
    assert (shown["on"], shown["floor"]["amount"], shown["left"]) == (True, "0.5", 2)
    assert shown["topics"] == ["food", "travel"]
    # What is left out stays.
    desk.ok(ANN, "policy", "set", "--floor", "0")
    shown = desk.ok(ANN, "policy", "show")
    assert (shown["floor"]["units"], shown["per_week"], shown["answer_days"]) == ("0", 2, 7)
    assert desk.ok(ANN, "policy", "set", "--floor", "0")["sent"] is False
    assert "needs no deposit" in desk.says(ANN, "policy", "show")
    desk.ok(ANN, "policy", "set", "--off")
    assert "it is off" in desk.says(ANN, "policy", "show", "--sender", RIVAL)
    desk.ok(ANN, "policy", "set", "--on")
    assert desk.ok(ANN, "policy", "show")["per_week"] == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--floor", "5 EUR"), "paid in CASH, not in EUR"),
        (("--floor", "1", "--topics", "breads"), "is no topic"),
        (("--floor", "1", "--per-week", "256"), "out of range"),
    ],
)
def test_a_policy_that_makes_no_sense(desk: Desk, wrong: tuple[str, ...], said: str) -> None:
    assert said in desk.no(ANN, "policy", "set", *wrong, code=3)


def test_a_message_from_the_letter_to_the_answer(open_desk: Desk, tmp_path: Path) -> None:
    desk, letter, reply = open_desk, tmp_path / "letter.json", tmp_path / "answer.json"
    sent = desk.ok(
        BRAND, "send", ANN, "Try our bread", "--topic", "food", "--channel", "email", "-o", str(letter)
    )
    assert (sent["sent"], sent["deposit"]["amount"], sent["at_once"]["amount"]) == (True, "0.5", "0.05")
    assert "Try our bread" not in json.dumps(sent)
    assert letter.stat().st_mode & 0o077 == 0
    (found,) = desk.ok(ANN, "inbox")["messages"]
    assert (found["id"], found["state"], found["sender"]) == (
        sent["id"],
        "waiting",
        desk.mail.brand.troc.address,
    )
    said = desk.says(ANN, "inbox")
    assert "food, by email; 0.5 CASH deposited, 0.05 CASH came at once; answer until" in said
    assert desk.ok(ANN, "read", str(letter))["text"] == "Try our bread"
    assert "The letter, as it was sent:\nTry our bread" in desk.says(ANN, "read", str(letter))
    # Sent again, as after a cut, it pays nothing.
    again = desk.ok(BRAND, "send", ANN, str(letter), "--topic", "food", "--channel", "email")
    assert (again["sent"], again["id"]) == (False, sent["id"])
    answered = desk.ok(ANN, "answer", sent["id"][:10], "With butter", "-o", str(reply))
    assert answered["sent"] is True
    assert desk.mail.cash(desk.ann) == CASH // 2
    assert desk.ok(BRAND, "read", str(reply))["text"] == "With butter"
    assert "No message waits" in desk.says(ANN, "inbox")
    assert "answered: 0.45 CASH paid" in desk.says(BRAND, "inbox", "--sent", "--all")
    assert "before" in desk.no(ANN, "answer", sent["id"])


def test_a_letter_that_was_not_sent_is_sent_from_its_file(open_desk: Desk, tmp_path: Path) -> None:
    """As after a cut between the two."""
    desk, path = open_desk, tmp_path / "letter.json"
    brand = desk.mail.brand
    letter = Letter(brand.domain, desk.ann, brand.troc.address, b"Try our bread")
    letter.write(path)
    assert "altered, or never sent" in desk.no(ANN, "read", str(path))
    good = ("--topic", "food", "--channel", "email")
    sent = desk.ok(BRAND, "send", ANN, str(path), *good)
    assert (sent["sent"], sent["content"], sent["file"]) == (True, "0x" + letter.hash.hex(), str(path))
    assert "is not yours to this recipient" in desk.no(RIVAL, "send", ANN, str(path), *good, code=3)
    assert desk.ok(ANN, "read", str(path))["text"] == "Try our bread"


def test_an_altered_letter_is_told(open_desk: Desk, tmp_path: Path) -> None:
    letter = tmp_path / "letter.json"
    open_desk.ok(BRAND, "send", ANN, "A", "--topic", "food", "--channel", "email", "-o", str(letter))
    data = json.loads(letter.read_text())
    letter.write_text(json.dumps(data | {"text": "B"}))
    assert "altered, or never sent" in open_desk.no(ANN, "read", str(letter))
    letter.write_text("{")
    open_desk.no(ANN, "read", str(letter), code=3)


def test_what_is_refused_is_said_before_anything_is_sent(open_desk: Desk) -> None:
    desk = open_desk
    good = ("--topic", "food", "--channel", "email")
    files = set(desk.project.iterdir())
    assert "below what" in desk.no(BRAND, "send", ANN, "x", *good, "--deposit", "0.4")
    assert "on sports: welcome are: food and travel" in desk.no(
        BRAND, "send", ANN, "x", "--topic", "sports", "--channel", "email"
    )
    assert "by sms: welcome are: email" in desk.no(
        BRAND, "send", ANN, "x", "--topic", "food", "--channel", "sms"
    )
    assert "you would wait 2 days" in desk.no(BRAND, "send", ANN, "x", *good, "--wait", "2")
    assert "the inbox is off" in desk.no(BRAND, "send", RIVAL, "x", *good)
    assert "the letter is empty" in desk.no(BRAND, "send", ANN, " ", *good, code=3)
    desk.ok(ANN, "policy", "block", BRAND)
    assert "takes no messages from you" in desk.no(BRAND, "send", ANN, "x", *good, "--deposit", "9")
    assert "is blocked" in desk.says(ANN, "policy", "show", "--sender", BRAND)
    desk.ok(ANN, "policy", "welcome", BRAND)
    # Let in free, the usual deposit is none.
    assert desk.ok(BRAND, "send", ANN, "x", *good, "--dry-run")["sent"] is False
    assert set(desk.project.iterdir()) == files
    assert desk.ok(BRAND, "send", ANN, "x", *good)["deposit"]["units"] == "0"
    assert desk.ok(ANN, "policy", "welcome", BRAND)["sent"] is False
    desk.ok(ANN, "policy", "welcome", BRAND, "--paid")
    assert desk.ok(BRAND, "send", ANN, "y", *good)["deposit"]["amount"] == "0.5"
    assert "takes 2 messages a week, and 2 have arrived: try again from 26 November" in desk.no(
        RIVAL, "send", ANN, "z", *good
    )


def test_what_was_not_answered_is_taken_back(open_desk: Desk) -> None:
    desk = open_desk
    good = ("--topic", "food", "--channel", "email")
    first, second = (desk.ok(BRAND, "send", ANN, text, *good) for text in "xy")
    assert "Nothing is due" in desk.says(BRAND, "reclaim")
    assert "can be answered until" in desk.no(BRAND, "reclaim", first["id"])
    desk.mail.pass_to(second["answer_by"] + 1)
    assert "0.45 CASH can go back to you" in desk.says(BRAND, "inbox", "--sent")
    assert "could be answered until" in desk.no(ANN, "answer", first["id"])
    before = desk.mail.cash(desk.mail.brand)
    taken = desk.ok(BRAND, "reclaim")
    assert (len(taken["transactions"]), taken["amount"]["amount"]) == (2, "0.9")
    assert desk.mail.cash(desk.mail.brand) - before == 9 * CASH // 10
    assert "reclaimed" in desk.no(BRAND, "reclaim", first["id"])
    assert second["answer_by"] - desk.mail.chain.time_of(desk.mail.chain.block_number()) < DAY
    assert "no message begins with" in desk.no(BRAND, "reclaim", "0x123456")


def test_what_she_signed_and_nobody_brought_is_ended(desk: Desk) -> None:
    assert desk.ok(ANN, "policy", "cancel")["sent"] is True
    assert desk.ok(ANN, "policy", "cancel", "--sender", RIVAL)["sent"] is True


def test_a_deployment_without_an_inbox(desk: Desk) -> None:
    path = next((desk.project / "deployments" / "local").glob("*.json"))
    data = json.loads(path.read_text())
    del data["contracts"]["Inbox"]
    path.write_text(json.dumps(data))
    try:
        assert "Inbox is not deployed" in desk.no(ANN, "policy", "show", code=6)
    finally:
        desk.mail.project()
