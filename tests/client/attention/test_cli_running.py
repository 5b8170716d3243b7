"""`troc attention campaign status`, `admin`, `enrol`, `activate` and `root` as a brand runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.client.attention.cases import DAY, PRICE, Attention, attention, deployed, home, run
from troc.attention.leaves import leaves_in

__all__ = ["attention", "deployed", "home", "run"]

Cli = Callable[..., Any]


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
    (leaf,) = leaves_in(root_file, [attention.account(attention.ann)])
    attention.chain.send(attention.rewards.leaf_call(leaf), attention.payer)
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


def test_a_large_root_is_weighed_by_its_total(
    attention: Attention, run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many sets to ask for: what the campaign certainly cannot pay is told all the same."""
    monkeypatch.setattr("troc.cli.attention_roots._MOST_ASKED", 0)
    campaign = attention.open(budget=5, fresh=False, codes=0, codes_per_account=0, max_contacts=6)
    attention.claim(*attention.statements(attention.ann, 0, campaign=campaign))
    contacts = tmp_path / "contacts.csv"
    rows = [(attention.ann.address, number) for number in range(6)]
    pd.DataFrame(rows, columns=["account", "contact"]).to_csv(contacts, index=False)
    root_file = str(tmp_path / "week.root")
    run("attention", "root", "build", campaign.short, str(contacts), "-o", root_file)
    shown = run("attention", "root", "append", campaign.short, root_file, "--dry-run")
    assert (shown["exact"], shown["unpaid"], shown["short"]) == (False, 5, 1)


def test_a_customer_collects_her_proof(attention: Attention, run: Cli, tmp_path: Path) -> None:
    customer = attention.everyone.as_account("dev:1")
    name, contacts = attention.escrow.short, tmp_path / "contacts.csv"
    pd.DataFrame([(customer.address, 0)], columns=["account", "contact"]).to_csv(contacts, index=False)
    root_file, hers = str(tmp_path / "week.root"), str(tmp_path / "hers.json")
    run("attention", "root", "build", name, str(contacts), "-o", root_file)
    run("attention", "root", "append", name, root_file)
    run("attention", "root", "proof", root_file, customer.address, "-o", hers)
    attention.pass_days(2)
    assert not run("attention", "collect", hers, who="dev:1")["refused"]
    run("attention", "claim", "--all", who="dev:1")
    assert attention.points(customer) == PRICE
