"""`troc attention campaign`, `enrol`, `activate` and `root` as a brand runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.client.attention.cases import (
    DAY,
    PRICE,
    START,
    Attention,
    attention,
    campaign_signer,
    deploy_cash,
    deployed,
    home,
)
from tests.client.core.command import troc_here
from troc.attention.campaigns import Rewards
from troc.attention.roots import RootFile
from troc.errors import NetworkError

__all__ = ["attention", "deployed", "home"]

Cli = Callable[..., Any]
SIGNER = campaign_signer().address
OPEN = (
    *("attention", "campaign", "open", "--price", "5 PANIER", "--budget", "100", "--end", "30d"),
    *("--signer", SIGNER, "--contacts", "4", "--per-day", "2"),
)


@pytest.fixture
def run(
    attention: Attention, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cli:
    """Runs a command as the brand (or `who`); gives its JSON, or where it fails (`code`, message)."""
    monkeypatch.setenv("TROC_DATA", str(tmp_path / "data"))
    project = attention.project()

    def command(*arguments: str, who: str = "dev:0", code: int = 0, yes: bool = True) -> Any:
        line = ["--account", who, "--json", *(["--yes"] if yes else []), *arguments]
        found, out, err = troc_here(*line, capsys=capsys, cwd=project, monkeypatch=monkeypatch)
        assert found == code, err
        if code:
            return json.loads(err.strip().splitlines()[-1])["message"]
        return json.loads(out)

    return command


# ---------------------------------------------------------------------------------------------------- opening


def test_a_fresh_campaign_is_shown_then_opened_once(attention: Attention, run: Cli) -> None:
    shown = run(*OPEN, "--dry-run")
    assert not shown["sent"]
    rewards = attention.rewards
    before = len(rewards.campaigns())
    assert "100 contacts: 500 Le Panier" in shown["words"]
    assert "until 20 January 2027" in shown["words"]
    assert "4 contacts at most, 2 a day" in shown["words"]
    opened = run(*OPEN)
    assert opened["sent"]
    assert opened["campaign"] == shown["campaign"]
    assert opened["standing"]["left"] == 100
    assert opened["terms"]["end"] == str(START - START % DAY + 31 * DAY - 1)
    again = run(*OPEN)
    assert (again["sent"], again["campaign"]) == (False, opened["campaign"])
    other = run(*OPEN, "--reference", "May")
    assert other["campaign"] != opened["campaign"]
    assert len(rewards.campaigns()) == before + 2


def test_nobody_to_ask_opens_nothing(attention: Attention, run: Cli) -> None:
    before = attention.rewards.campaigns()
    assert run(*OPEN, code=12, yes=False) == "there is nobody to ask"
    assert attention.rewards.campaigns() == before


def test_what_was_cut_off_goes_on_with_the_same_dates(
    attention: Attention, run: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grant is set; then the node is gone. Days later the same campaign opens, and no other."""
    brand = attention.brand.brand("PANIER")
    with monkeypatch.context() as patch:
        patch.setattr(Rewards, "_open", _gone)
        assert run(*OPEN, code=4) == "the node is gone"
    promised = attention.brand.status(brand).promised
    attention.pass_days(3)
    shown = run(*OPEN, "--dry-run")
    assert "An earlier run agreed to this" in shown["words"]
    opened = run(*OPEN)
    assert opened["campaign"] == shown["campaign"]
    assert opened["terms"]["end"] == str(START - START % DAY + 31 * DAY - 1)
    assert attention.brand.status(brand).promised == promised


def _gone(*_: Any) -> Any:
    raise NetworkError("the node is gone", "wait")


def test_terms_come_from_a_file(attention: Attention, run: Cli, tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("Watch the film to its end.")
    file = tmp_path / "film.yaml"
    file.write_text(
        f"price: 3 PANIER\nbudget: 50\nend: 2026-12-24\nsigner: '{SIGNER}'\ncodes: 20\n"
        "codes-per-account: 1\ntopic: food\nchannel: web\nterms: terms.txt\nroot_delay: 1\n"
    )
    opened = run("attention", "campaign", "open", str(file), "--price", "2 PANIER")
    terms = opened["terms"]
    assert (terms["price"], terms["codes"], terms["codesPerAccount"], terms["topic"]) == (
        *("2", "20", "1"),
        "8",
    )
    toml = tmp_path / "film.toml"
    toml.write_text(
        f"price = '2 PANIER'\nbudget = 50\nend = 2026-12-24\nsigner = '{SIGNER}'\ncodes = 20\n"
        "codes_per_account = 1\ntopic = 'food'\nchannel = 'web'\nterms = 'terms.txt'\nroot_delay = 1\n"
    )
    assert run("attention", "campaign", "open", str(toml))["campaign"] == opened["campaign"]
    name = opened["campaign"][:14]
    said = run("attention", "campaign", "status", name, "--terms", str(tmp_path / "terms.txt"))
    assert said["standing"]["codes_left"] == 20
    (tmp_path / "other.txt").write_text("Watch any film.")
    refused = run("attention", "campaign", "status", name, "--terms", str(tmp_path / "other.txt"), code=25)
    assert refused == "other.txt is not the text that this campaign fixed"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("--end", "2026-11-01"), 25, "the campaign would end before it starts"),
        (("--claim-until", "31d"), 25, "claims need 30 days after the end, 21 December 2026"),
        (("--contacts", "0"), 25, "the campaign has neither contacts nor codes"),
        (("--codes", "101"), 25, "101 codes cannot be paid out of a budget of 100 contacts"),
        (("--root-delay", "8"), 25, "a root cannot take effect after 8 days"),
        (("--topic", "gossip"), 3, "'gossip' is no topic"),
        (("--per-day", "-1"), 3, "per_day: -1 is below zero"),
        (("--escrow", "--budget", "1000000"), 9, "dev:0 has"),
    ],
)
def test_what_the_contract_would_refuse_is_refused_before(
    attention: Attention, run: Cli, change: tuple[str, ...], code: int, message: str
) -> None:
    assert message.replace("dev:0", attention.owner.address) in run(*OPEN, *change, code=code)


def test_only_the_brand_issues(run: Cli, attention: Attention) -> None:
    refused = run(*OPEN, who="dev:5", code=25)
    assert refused == f"only the brand issues PANIER, and that is {attention.owner.address}"


def test_points_in_escrow_must_live_beyond_the_claims(run: Cli) -> None:
    refused = run(*OPEN, "--escrow", "--claim-until", "360d", code=9)
    assert "has 0 Le Panier that live beyond" in refused


def test_a_campaign_pays_an_erc20_out_of_escrow(attention: Attention, run: Cli) -> None:
    cash = deploy_cash(attention.chain, attention.owner, attention.owner.address)
    opened = run(*OPEN, "--price", f"0.5 {cash}", "--escrow")
    assert opened["price"]["amount"] == "0.5"
    functions = attention.chain.contract("LoyaltyToken", cash).functions
    assert attention.chain.call(functions.balanceOf(attention.rewards.address)) == 50 * 10**18
    name = opened["campaign"]
    run("attention", "campaign", "fund", name, "20")
    assert run("attention", "campaign", "fund", name, "150", "--up-to")["left"] == 150
    assert not run("attention", "campaign", "fund", name, "150", "--up-to")["sent"]
    refused = run("attention", "campaign", "close", name, code=25)
    assert refused == "customers can claim until 20 January 2027"
    attention.pass_days(70)
    assert "ended" in run("attention", "campaign", "fund", name, "1", code=25)
    run("attention", "campaign", "close", name, "--to", attention.fox.address)
    assert attention.chain.call(functions.balanceOf(attention.fox.address)) == 75 * 10**18
    assert not run("attention", "campaign", "close", name)["sent"]
    assert run("attention", "campaign", "status", name)["closed"]


# ---------------------------------------------------------------------------------------------------- running


def test_a_fresh_campaign_is_funded_watched_and_closed(attention: Attention, run: Cli) -> None:
    name, brand = attention.fresh.short, attention.brand.brand("PANIER")
    assert run("attention", "campaign", "fund", name, "10")["left"] == 5_010
    assert "raised by" in run("attention", "campaign", "fund", name, "10", who="dev:5", code=25)
    attention.claim(*attention.statements(attention.ann, 0, 1))
    said = run("attention", "campaign", "status", name)
    assert said["paid"]["contacts"] == 2
    assert said["paid"]["amount"]["units"] == str(2 * PRICE)
    assert said["token_owner"] == attention.owner.address
    assert not said["closed"]
    attention.pass_to(attention.fresh.terms.claim_until + 1)
    run("attention", "campaign", "close", name)
    assert attention.brand.status(brand).promised == 0
    assert run("attention", "campaign", "status", name)["closed"]


def test_a_campaign_is_handed_over(attention: Attention, run: Cli) -> None:
    name = attention.escrow.short
    assert "only" in run("attention", "campaign", "admin", "offer", name, "dev:5", who="dev:5", code=25)
    run("attention", "campaign", "admin", "offer", name, "dev:5")
    refused = run("attention", "campaign", "admin", "accept", name, who="dev:9", code=25)
    assert refused == f"the campaign is offered to {attention.fox.address}"
    run("attention", "campaign", "admin", "offer", name, "nobody")
    refused = run("attention", "campaign", "admin", "accept", name, who="dev:5", code=25)
    assert refused == "the campaign is offered to nobody"
    run("attention", "campaign", "admin", "offer", name, "dev:5")
    run("attention", "campaign", "admin", "accept", name, who="dev:5")
    standing = run("attention", "campaign", "status", name)["standing"]
    assert standing["admin"] == attention.fox.address


def test_accounts_are_enrolled_from_a_file_and_by_name(
    attention: Attention, run: Cli, tmp_path: Path
) -> None:
    name = attention.escrow.short
    file = tmp_path / "members.csv"
    pd.DataFrame({"account": [attention.ann.address, attention.bob.address]}).to_csv(file, index=False)
    shown = run("attention", "enrol", name, str(file), "dev:5", "--dry-run")
    assert (shown["accounts"], shown["reserved"], shown["free_after"]) == (3, 60, 940)
    done = run("attention", "enrol", name, str(file), "dev:5")
    assert len(done["transactions"]) == 1
    again = run("attention", "enrol", name, str(file), attention.customer("dan").address)
    assert (again["accounts"], again["enrolled_before"]) == (1, 2)
    assert not run("attention", "enrol", name, str(file))["sent"]
    many = tmp_path / "many.csv"
    addresses = [f"0x{number:040x}" for number in range(1, 60)]
    pd.DataFrame({"account": addresses}).to_csv(many, index=False)
    refused = run("attention", "enrol", name, str(many), code=25)
    assert refused == "1,180 contacts would be reserved, and 920 are free"
    assert "no account" in run("attention", "enrol", name, "0x" + "ab" * 32, code=3)


def test_batches_are_activated_for_good(attention: Attention, run: Cli) -> None:
    name = attention.fresh.short
    assert run("attention", "activate", name, "0-1", "--dry-run")["codes"] == 2_000
    assert run("attention", "activate", name, "2")["codes"] == 500
    assert run("attention", "activate", name, "all")["batches"] == [0, 1]
    assert not run("attention", "activate", name, "0")["sent"]
    assert run("attention", "campaign", "status", name)["active_batches"] == [0, 1, 2]
    assert run("attention", "activate", name, "3", code=25) == "the campaign has no batch 3"
    assert run("attention", "activate", name, "2-1", code=3) == "'2-1' is no span of batches"


def test_a_root_is_built_appended_claimed_under_and_withdrawn(
    attention: Attention, run: Cli, tmp_path: Path
) -> None:
    name, root_file = attention.escrow.short, tmp_path / "week.root"
    contacts = tmp_path / "contacts.csv"
    rows = [(attention.ann.address, 0), (attention.ann.address, 1), (attention.bob.address, 5)]
    pd.DataFrame(rows, columns=["account", "contact"]).to_csv(contacts, index=False)
    assert not run("attention", "root", "build", name, str(contacts), "-o", str(root_file), "--dry-run")[
        "written"
    ]
    built = run("attention", "root", "build", name, str(contacts), "-o", str(root_file))
    assert (built["accounts"], built["contacts"]) == (2, 3)
    attention.claim(*attention.statements(attention.ann, 0, campaign=attention.escrow))
    run("attention", "enrol", name, attention.bob.address)
    shown = run("attention", "root", "append", name, str(root_file), "--dry-run")
    assert (shown["contacts"], shown["unpaid"], shown["first_come"], shown["short"]) == (3, 2, 1, 0)
    done = run("attention", "root", "append", name, str(root_file))
    assert done["effect_from"] == attention.chain.now() + 2 * DAY
    assert not run("attention", "root", "append", name, str(root_file))["sent"]
    said = run("attention", "root", "proof", str(root_file), attention.ann.address)
    assert said["contacts"] == [0, 1]
    listed = run("attention", "root", "list", name)["roots"]
    assert [(each["root"], each["in_effect"]) for each in listed] == [(built["root"], False)]
    run("attention", "root", "withdraw", name, built["root"][:12])
    assert run("attention", "root", "list", name)["roots"][0]["withdrawn"]
    run("attention", "root", "append", name, str(root_file))
    attention.pass_days(2)
    refused = run("attention", "root", "withdraw", name, str(root_file), code=25)
    assert refused.startswith("the root is in effect since")
    with RootFile(root_file) as file:
        proof = file.proof_of(attention.account(attention.ann), 0)
    call = attention.rewards.leaf_call(
        attention.escrow.id, file.root, proof.account, 0, proof.contacts, proof.hashes
    )
    attention.chain.send(call, attention.payer)
    assert attention.points(attention.ann) == 2 * PRICE


def test_a_root_that_cannot_be_paid_is_told(attention: Attention, run: Cli, tmp_path: Path) -> None:
    name = attention.open(budget=5, fresh=False, codes=0, codes_per_account=0, max_contacts=6).short
    contacts = tmp_path / "contacts.csv"
    rows = [(attention.ann.address, number) for number in range(6)]
    pd.DataFrame(rows, columns=["account", "contact"]).to_csv(contacts, index=False)
    root_file = str(tmp_path / "week.root")
    run("attention", "root", "build", name, str(contacts), "-o", root_file)
    shown = run("attention", "root", "append", name, root_file, "--dry-run")
    assert (shown["unpaid"], shown["short"]) == (6, 1)
    other = attention.fresh.short
    assert "is a root of the campaign" in run("attention", "root", "append", other, root_file, code=3)
    pd.DataFrame([(attention.ann.address, 6)], columns=["account", "contact"]).to_csv(contacts, index=False)
    refused = run("attention", "root", "build", name, str(contacts), "-o", root_file, code=3)
    assert refused == "row 1 of contacts.csv: contact 6 is out of range"
