"""`troc attention campaign open`, `fund` and `close` as a brand runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.cases import (
    DAY,
    START,
    Attention,
    attention,
    campaign_signer,
    deploy_cash,
    deployed,
    home,
    run,
)
from tests.client.core.conftest import rpc_call
from troc.attention.campaigns import Rewards
from troc.attention.drafting import Wanted
from troc.errors import NetworkError
from troc.messages import to_address

__all__ = ["attention", "deployed", "home", "run"]

Cli = Callable[..., Any]
SIGNER = campaign_signer().address
OPEN = (
    *("attention", "campaign", "open", "--price", "5 PANIER", "--budget", "100", "--end", "30d"),
    *("--signer", SIGNER, "--contacts", "4", "--per-day", "2"),
)


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


def test_what_was_sent_and_not_seen_is_not_sent_again(
    attention: Attention, run: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between sending and the receipt; it is run again in the same words, days later."""
    rewards, escrow = attention.rewards, (*OPEN, "--escrow")
    before = len(rewards.campaigns())
    with monkeypatch.context() as patch:
        patch.setattr(Rewards, "_open", _dies_after_sending)
        assert run(*escrow, code=4) == "the node is gone"
    assert len(rewards.campaigns()) == before + 1
    has = attention.points(attention.brand)
    attention.pass_days(3)
    again = run(*escrow)
    assert not again["sent"]
    assert again["standing"]["left"] == 100
    assert len(rewards.campaigns()) == before + 1
    assert attention.points(attention.brand) == has


def _dies_after_sending(rewards: Rewards, *arguments: Any) -> None:
    _OPEN(rewards, *arguments)
    _gone()


_OPEN = Rewards._open


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


def test_the_file_of_the_docs_opens(attention: Attention, run: Cli, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "campaigns.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    lines = [line for line in text.splitlines() if not line.startswith("credentials:")]
    assert len(lines) == len(fields(Wanted)) - 2
    (tmp_path / "film.yaml").write_text("\n".join(lines))
    (tmp_path / "film-terms.txt").write_text("Watch the film to its end.")
    shown = run("attention", "campaign", "open", str(tmp_path / "film.yaml"), "--signer", SIGNER, "--dry-run")
    assert "10,000 contacts, 2,500 of them for the codes: 50,000 Le Panier" in shown["words"]
    assert "Careful" not in shown["words"]


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


def test_a_start_that_is_past_is_told(run: Cli) -> None:
    past = (*OPEN, "--start", "2026-11-01", "--dry-run")
    said = "Careful: it starts on 1 November 2026, which is past"
    assert f"{said}: the contacts of the days since then can be had at once." in run(*past)["words"]
    assert f"{said}.\n" in run(*past, "--per-day", "0")["words"]
    assert "which is past" not in run(*OPEN, "--dry-run")["words"]
    assert "which is past" not in run(*OPEN, "--start", "2026-11-21", "--dry-run")["words"]


def test_a_contract_wallet_opens_by_the_transactions_of_a_file(
    attention: Attention, run: Cli, tmp_path: Path
) -> None:
    wallet, chain = to_address("0x" + "5afe" * 10), attention.chain
    cash = deploy_cash(chain, attention.owner, wallet)
    batch = tmp_path / "batch.json"
    opening = (*OPEN, "--price", f"0.5 {cash}", "--escrow", "--for", wallet)
    assert run(*opening, code=3) == "a wallet's transactions go into a file"
    assert run(*opening, "-o", str(tmp_path / "batch.txt"), code=3).endswith("cannot be a new .json file")
    shown = run(*opening, "-o", str(batch), "--dry-run")
    assert f"{wallet} opens it, by transactions of its own." in shown["words"]
    assert not batch.exists()
    told = run(*opening, "-o", str(batch), who="dev:9")
    assert (told["transactions"], told["sent"]) == (2, False)
    found = json.loads(batch.read_text())
    assert (found["version"], found["chainId"]) == ("1.0", str(chain.chain_id))
    assert found["meta"]["createdFromSafeAddress"] == wallet
    assert [each["to"] for each in found["transactions"]] == [cash, attention.rewards.address]
    rpc_call(chain, "anvil_setBalance", wallet, hex(10**18))
    rpc_call(chain, "anvil_impersonateAccount", wallet)
    for each in found["transactions"]:
        call = {"from": wallet, "gas": hex(500_000), "to": each["to"], "data": each["data"]}
        sent = rpc_call(chain, "eth_sendTransaction", call)
        assert chain.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    opened = attention.rewards.find(told["campaign"])
    assert (opened.standing.admin, opened.standing.left) == (wallet, 100)
    # Asked again, it is open; and nobody else runs it.
    assert not run(*opening, "-o", str(tmp_path / "again.json"))["sent"]
    assert f"only {wallet} runs" in run("attention", "activate", opened.short, "0", code=25)


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
