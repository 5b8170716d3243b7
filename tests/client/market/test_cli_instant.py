"""`troc trade quote`, `troc trade swap` and `troc brand desk`, as a user runs them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.core.forked import Forked
from tests.client.trade.test_cli import ANN, BOB, OWNER, RELAY, Stage, golden, kept, stage
from troc.accounts import address_of
from troc.words import DAY

__all__ = ["kept", "stage"]

DESK = """\
open: 2d
caps:
  PANIER: {per_day: 50}
  BIOBOX: {per_day: 40}
pairs:
  PANIER/BIOBOX: {buy: 0.76, sell: 0.8}
"""


def stand(stage: Stage) -> str:
    """Bob gives 100 BIOBOX for 125 PANIER, also in parts."""
    return stage.order("100 BIOBOX", "125 PANIER", "--in-parts", account=BOB)


def test_quote_says_what_is_there(stage: Stage) -> None:
    order = stand(stage)
    shown = stage.troc("trade", "quote", "100 PANIER", "BIOBOX", account=ANN)
    lines = shown.splitlines()
    assert lines[0].startswith("You give 100 Le Panier and get 80 BioBox, good until at least ")
    assert lines[0].endswith(": 1 Le Panier for 0.8 BioBox, through 1 order.")
    assert lines[1] == "  All that is there: 100 BioBox for 125 Le Panier."
    assert lines[2].startswith("No batch has priced both yet")
    found = stage.json("trade", "quote", "PANIER", "40 BIOBOX")
    assert found["orders"] == [order]
    assert (found["complete"], found["give"]["units"], found["get"]["units"]) == (True, "50", "40")
    assert [each["factor"] for each in found["depth"]] == [1, 2, 5]


def test_swap_asks_first_and_sends_once(stage: Stage) -> None:
    stand(stage)
    line = ("trade", "swap", "100 PANIER", "BIOBOX")
    shown = stage.troc(*line, "--dry-run", account=ANN)
    assert "At worst you get 80 BioBox." in shown
    assert shown.endswith("Nothing was sent.\n")
    assert "Gave 100 Le Panier and got 80 BioBox." in stage.troc(*line, "--submit-with", RELAY, account=ANN)
    assert "80 BioBox (BIOBOX)" in stage.troc("points", "list", account=ANN)
    again = stage.json(*line, "--in-parts", "--worst", "80 BIOBOX", "--else-publish", account=ANN)
    assert (again["gave"]["units"], again["got"]["units"]) == ("25", "20")
    assert again["published"]


def test_error_worst_price_missed(stage: Stage) -> None:
    stand(stage)
    code, _, err = stage.tried("trade", "swap", "100 PANIER", "BIOBOX", "--worst", "90 BIOBOX", account=ANN)
    assert code == 15
    golden("swap_worst_price_missed", err)


def test_asks_nothing_where_the_amount_cannot_be_had(stage: Stage) -> None:
    stand(stage)
    line = ("trade", "swap", "150 PANIER", "BIOBOX")
    code, shown, err = stage.tried(*line, "--dry-run", account=ANN)
    assert (code, shown) == (15, "")
    assert "nothing was swapped: only 125 Le Panier can be swapped at once" in err
    for option in ("--in-parts", "--else-publish"):
        assert "Nothing was sent." in stage.troc(*line, option, "--dry-run", account=ANN)


def test_error_nothing_on_offer(stage: Stage) -> None:
    code, _, err = stage.tried("trade", "swap", "100 PANIER", "BIOBOX", account=ANN)
    assert code == 15
    golden("swap_nothing_on_offer", err)


def test_error_points_live_too_short(stage: Stage) -> None:
    stand(stage)
    line = ("trade", "swap", "100 PANIER", "BIOBOX", "--live", "2027-12-31")
    code, _, err = stage.tried(*line, account=ANN)
    assert code == 15
    golden("swap_lives_too_short", err)
    assert "are not good until 31 December 2027" in stage.troc("trade", "quote", *line[2:], account=ANN)


def plan_of_owner(stage: Stage) -> Path:
    """The desk's file of a brand that has 300 points of both."""
    file = stage.folder / "points.csv"
    file.write_text(f"address,amount\n{address_of(OWNER)},300\n")
    for symbol in ("PANIER", "BIOBOX"):
        stage.troc("brand", "mint", symbol, str(file), account=OWNER)
    plan = stage.folder / "desk.yaml"
    plan.write_text(DESK)
    return plan


def test_desk_stands_reports_and_withdraws(stage: Stage) -> None:
    line = ("brand", "desk", str(plan_of_owner(stage)))
    shown = stage.troc(*line, "--dry-run", account=OWNER)
    assert "Gives Le Panier at 0.8 BioBox a point" in shown
    assert shown.endswith("Nothing was sent.\n")
    first = stage.troc(*line, account=OWNER)
    assert "2 orders published, 0 stood already" in first
    assert "Le Panier: has 300, gave 0 today and 0 in all, offers 50" in first
    assert "0 orders published, 2 stood already" in stage.troc(*line, account=OWNER)
    stage.troc("trade", "swap", "40 BIOBOX", "PANIER", account=BOB)
    report = stage.json(*line, "--report", account=OWNER)["brands"]
    assert (report[0]["given_today"]["units"], report[0]["offered"]["units"]) == ("50", "0")
    assert "Ended what the desk gave of" in stage.troc(*line, "--withdraw", account=OWNER)
    code, _, err = stage.tried("trade", "swap", "10 PANIER", "BIOBOX", account=ANN)
    assert (code, "no open orders lead" in err) == (15, True)


def test_desk_renews_itself_until_it_is_stopped(stage: Stage, home: Path) -> None:
    plan = plan_of_owner(stage)

    def wait_for_orders() -> list[str]:
        give_up = time.monotonic() + 60
        while True:
            found = stage.json("trade", "quote", "20 PANIER", "BIOBOX")["orders"]
            if found:
                return [str(id_) for id_ in found]
            assert time.monotonic() < give_up, "nothing stands"
            assert desk.poll() is None, "it has ended by itself"
            time.sleep(0.2)

    line = ["--rpc", stage.rpc, "--yes", "--account", OWNER, "brand", "desk", str(plan), "--every", "1s"]
    desk = Forked("troc", line, home, stage.folder)
    try:
        first = wait_for_orders()
        # Its orders stay open for two days.
        rpc_call(stage.chain, "evm_increaseTime", 3 * DAY)
        rpc_call(stage.chain, "evm_mine")
        assert not set(wait_for_orders()) & set(first)
    finally:
        desk.kill()
        desk.wait()


def test_desk_goes_on_when_relays_and_points_are_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that is away, without ether of one's own; points that are kept from the exchange a while."""
    plan = plan_of_owner(stage)
    stage.troc("points", "exchange", "off", "PANIER", account=OWNER)
    ether = rpc_call(stage.chain, "eth_getBalance", address_of(OWNER), "latest")
    turns: list[float] = []
    said: list[str] = []

    def sleep(seconds: float) -> None:
        if seconds < 100:
            return
        turns.append(seconds)
        if len(turns) == 1:
            # What the desk said so far comes with it.
            said.append(stage.troc("points", "exchange", "on", "PANIER", account=OWNER))
            rpc_call(stage.chain, "anvil_setBalance", address_of(OWNER), "0x0")
        elif len(turns) == 2:
            rpc_call(stage.chain, "anvil_setBalance", address_of(OWNER), ether)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    line = ("--yes", "brand", "desk", str(plan), "--every", "10m", "--relay", "http://127.0.0.1:9")
    code, shown, _ = stage.tried(*line, account=OWNER)
    assert code == 130
    assert "you keep PANIER from the exchange" in said[0]
    assert "no relay did it" in shown
    assert "2 orders published, 0 stood already" in shown
    assert turns == [600, 600, 600]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sell: 0.8": "sell: 0.7"}, "the desk would buy at 0.76 and sell at 0.7"),
        ({"  BIOBOX: {per_day: 40}\n": ""}, "there is no cap on the BIOBOX that the desk gives"),
        ({"open: 2d": "open: [", "caps": "]caps"}, "cannot be read"),
    ],
)
def test_desk_refuses_a_file(stage: Stage, change: dict[str, str], said: str) -> None:
    text = DESK
    for old, new in change.items():
        text = text.replace(old, new)
    desk = stage.folder / "wrong.yaml"
    desk.write_text(text)
    code, _, err = stage.tried("brand", "desk", str(desk), account=OWNER)
    assert code == 3
    assert said in err
    assert len(err.splitlines()) == 1
