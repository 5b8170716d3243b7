"""`troc attention collect`, `earned` and `claim` as people use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.cases import PRICE, SEED, Attention, attention, deployed, home
from tests.client.core.command import troc_here
from troc.attention.contacts import account_of
from troc.attention.slips import Slip, sign_statements, sign_ticket, write_slips

__all__ = ["attention", "deployed", "home"]

CUSTOMER = "dev:5"


class Desk:
    """A customer's machine: `dev:5`, who has ether and no points."""

    def __init__(
        self, case: Attention, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.case, self.fox = case, case.fox
        self._capsys, self._monkeypatch, self._folder = capsys, monkeypatch, case.project()

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run `troc attention` as the customer; gives exit code, output and errors."""
        return troc_here(
            "--account", CUSTOMER, "--yes", "attention", *arguments,
            capsys=self._capsys, cwd=self._folder, monkeypatch=self._monkeypatch,
        )  # fmt: skip

    def ok(self, *arguments: str) -> Any:
        """Run a command that must work; gives its JSON."""
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    def says(self, *arguments: str) -> str:
        """Run a command that must work; gives what a person reads."""
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return out

    def no(self, *arguments: str) -> str:
        """Run one that must fail; gives its one line."""
        code, _, err = self.run(*arguments)
        (line,) = err.strip().splitlines()
        assert code != 0
        return line

    def statement(self, *contacts: int) -> Slip:
        """A statement for the customer."""
        (slip,) = self.case.statements(self.fox, *contacts)
        return slip


@pytest.fixture
def desk(attention: Attention, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(attention, capsys, monkeypatch)


def test_collect_look_and_claim(desk: Desk, tmp_path: Path) -> None:
    slips = [desk.statement(0, 1, 2), desk.case.ticket(desk.fox, 4)]
    file = str(write_slips(slips, tmp_path / "slips.json"))
    assert "new: a statement of 3 contacts" in desk.says("collect", file)
    said = desk.says("earned")
    assert f"4 contacts earned, worth {4 * PRICE} Le Panier. Nothing is reserved for you" in said
    assert f"claimable: contacts 0 to 2, {3 * PRICE} Le Panier: it can be claimed until" in said
    assert f"opens later: contact 4, {PRICE} Le Panier: contact 4 opens on 22 November 2026" in said
    dry = desk.says("claim", "--all", "--dry-run")
    assert "Nothing was sent." in dry
    assert "gas, 0.0" in dry
    done = desk.ok("claim", "--all")
    assert (done["paid"][0]["contacts"], len(done["transactions"])) == (3, 1)
    assert desk.case.points(desk.fox) == 3 * PRICE
    assert "nothing can be claimed now (contact 4 opens on" in desk.no("claim", "--all")
    desk.case.pass_days(1)
    assert f"Claimed 1 contact, worth {PRICE} Le Panier." in desk.says("claim", desk.case.fresh.short)
    assert "nothing is left to claim" in desk.no("claim", "--all")


def test_one_slip_is_claimed_alone(desk: Desk) -> None:
    desk.ok("collect", desk.statement(0).to_text())
    ticket = desk.case.ticket(desk.fox, 1)
    desk.ok("claim", ticket.to_text())
    assert desk.case.points(desk.fox) == PRICE
    (found,) = desk.ok("earned")["earned"]
    assert [(each["number"], each["state"]) for each in found["contacts"]] == [
        (0, "claimable"),
        (1, "claimed"),
    ]


def test_a_contract_wallet_is_paid_at_its_address(desk: Desk) -> None:
    """It signs nothing: the campaign's key names it, a ticket's key names it, and anybody submits."""
    built = json.loads((Path(__file__).parents[3] / "build" / "contracts" / "WalletMock.json").read_text())
    chain, owner = desk.case.chain, desk.case.owner
    creation = chain.web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
    wallet = chain.send(creation.constructor([owner.address], 1), owner).contract
    assert wallet is not None
    case, account = desk.case, account_of(wallet)
    domain, until = case.rewards.domain, case.fresh.terms.claim_until
    slips = sign_statements(case.fresh.id, account, [0], domain, case.signer)
    slips.append(sign_ticket(case.fresh.id, account, 1, until, SEED, domain, case.signer))
    texts = [slip.to_text() for slip in slips]
    assert "not for your account" in desk.no("collect", texts[0])
    desk.ok("collect", "--for", wallet, *texts)
    done = desk.ok("claim", "--all", "--for", wallet)
    assert done["paid"][0]["contacts"] == 2
    assert case.everyone.balance("PANIER", wallet).total == 2 * PRICE
    assert desk.says("earned").startswith("You have no slips yet")


def test_what_is_refused_is_told_and_the_rest_kept(desk: Desk) -> None:
    other = desk.case.statements(desk.case.ann, 0)[0].to_text()
    line = desk.no("collect", other, desk.statement(0).to_text())
    assert line.startswith("troc: 1 thing was not kept, of 2: ")
    assert "not for your account" in line
    assert desk.no("collect", "lost.json") == "troc: there is no file lost.json: check its name"
    assert desk.ok("earned")["earned"][0]["contacts"][0]["state"] == "claimable"


def test_gas_above_the_worth_is_told(desk: Desk) -> None:
    desk.ok("collect", desk.statement(0).to_text())
    assert "gas costs more" in desk.says("claim", "--all", "--dry-run", "--ether", "0.000000001")
    assert "gas costs more" not in desk.says("claim", "--all", "--dry-run", "--ether", "10")


def test_nothing_is_claimed_that_was_not_named(desk: Desk) -> None:
    assert "name a campaign or a slip" in desk.no("claim")
    assert "no campaign begins with" in desk.no("claim", "0x12345678")
    assert desk.says("earned").startswith("You have no slips yet")
