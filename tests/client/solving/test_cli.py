"""`troc trade solve` and `troc trade audit`, as a user runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.client.core.command import troc_here
from tests.client.solving.conftest import HandMade, order_of, publish
from tests.client.trade.conftest import World
from troc.orders import SignedOrder

RELAY = "dev:9"


@pytest.fixture
def run(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs `troc trade`: exit code, standard output, standard error."""
    folder = world.project()
    with (folder / "config" / "local.yaml").open("a") as config:
        config.write("poll_seconds: 0.01\n")

    def troc(*arguments: str) -> tuple[int, str, str]:
        return troc_here("trade", *arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    return troc


def test_shows_prices_and_who_trades_what(
    world: World, ring: list[SignedOrder], run: Callable[..., Any]
) -> None:
    publish(world, order_of(world, world.ann, "50 ACME", "500 GAMMA", lane=1))
    code, shown, _ = run("solve")
    assert code == 0
    lines = shown.splitlines()
    assert lines[0] == "4 open orders, 3 of them trade, in 1 settlement."
    assert re.fullmatch(r"Prices: 1 ACME = 1, 1 BETA = [\d.]+, 1 GAMMA = [\d.]+\.", lines[1])
    assert sorted(line.split(" for ")[0] for line in lines[2:5]) == [
        "  1 order gives 100 ACME",
        "  1 order gives 100 BETA",
        "  1 order gives 100 GAMMA",
    ]
    assert "Makers gain 100.00 % of what no settlement at these prices could exceed." in lines
    assert "  1 order: ask more than the batch's prices" in lines
    assert world.everyone.balance("BETA", world.ann.address).total == 0


def test_json_has_everything_that_a_program_needs(
    world: World, ring: list[SignedOrder], run: Callable[..., Any]
) -> None:
    code, shown, _ = run("solve", "--json")
    assert code == 0
    told = json.loads(shown)
    assert {fill["order"] for fill in told["fills"]} == {order.id for order in ring}
    (settlement,) = told["settlements"]
    assert told["record"]["settlements"] == [settlement["hash"]]
    # Anyone may submit it.
    world.chain.send(
        {
            "to": world.everyone.exchange_domain.verifying_contract,
            "data": settlement["calldata"],
        },
        world.relay_signer,
    )
    assert world.units(world.ann, "BETA") == 10_000


def test_submit_then_audit(world: World, ring: list[SignedOrder], run: Callable[..., Any]) -> None:
    code, shown, _ = run("solve", "--submit", "--account", RELAY, "--dry-run")
    assert code == 0
    assert shown.endswith("Nothing was sent.\n")
    assert world.units(world.ann, "BETA") == 0
    code, shown, _ = run("solve", "--submit", "--account", RELAY, "--yes")
    assert code == 0
    assert world.units(world.ann, "BETA") == 10_000
    (name,) = re.findall(r"Check it with `troc trade audit (0x[0-9a-f]{12})`", shown)
    code, shown, error = run("audit", name)
    assert (code, error) == (0, "")
    assert shown.startswith(f"Batch {name}")
    assert shown.count(" holds ") == 14
    assert re.search(r"surplus +holds +makers gained [\d.]+ % of the value traded, as it says", shown)
    told = json.loads(run("audit", "--json")[1])
    assert told["holds"]
    assert {check["verdict"] for check in told["checks"]} == {"holds"}
    code, shown, _ = run("solve", "--submit", "--account", RELAY, "--yes")
    assert (code, shown) == (0, "0 open orders, and none can be traded.\n")


def test_a_lie_ends_with_an_error(
    world: World, by_hand: Callable[..., HandMade], run: Callable[..., Any]
) -> None:
    made = by_hand(surplus=1)
    made.publish()
    made.settle()
    code, shown, error = run("audit")
    assert code == 16
    assert "surplus      does not hold" in shown
    assert re.fullmatch(
        r"troc: the record of batch 0x[0-9a-f]{12} does not hold \(surplus\):"
        r" do not trust prices of 0x[0-9a-fA-F]{40}\n",
        error,
    )


def test_every_goes_on_until_it_is_stopped(
    world: World, ring: list[SignedOrder], run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    def sleep(seconds: float) -> None:
        if seconds < 1:
            return
        turns.append(seconds)
        if len(turns) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    code, shown, _ = run("solve", "--submit", "--every", "2m", "--account", RELAY, "--yes")
    assert code == 130
    assert turns == [120, 120]
    lines = shown.splitlines()
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d batch 0x[0-9a-f]{12}: 1 of 1 settled$", lines[1])
    assert lines[2].endswith("nothing can be traded")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["solve", "--every", "soon"], 3, "--every 'soon' is no sensible pause: write seconds or minutes"),
        (["solve", "--submit"], 8, "no account was named"),
        (
            ["solve", "--submit", "--yes", "--account", RELAY, "--every", "5s", "--dry-run"],
            3,
            "--every sends",
        ),
        (["audit"], 15, "no batch was published here: make one with `troc trade solve --submit`"),
        (["solve", "--orders", "1"], 2, "--orders"),
    ],
)
def test_errors_are_one_line(run: Callable[..., Any], arguments: list[str], code: int, said: str) -> None:
    found, _, error = run(*arguments)
    assert found == code
    assert said in error
    assert error.count("\n") == 1
