"""A brand's desk on a chain: renewal, caps, withdrawal, and prices that it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.trade.conftest import World
from troc.chain import Receipt
from troc.client import Troc
from troc.errors import InputError
from troc.market.desk import Desk, lane_of, make_plan, read_plan
from troc.messages import unpack_nonce
from troc.orders import SignedOrder
from troc.trade import State


def setting(**changes: Any) -> dict[str, Any]:
    """A desk for ACME, at 0.8 to 1 BETA."""
    return {
        "open": "2d",
        "caps": {"ACME": {"per_day": 50, "in_all": 120}, "BETA": {"per_day": 40}},
        "pairs": {"ACME/BETA": {"buy": 0.8, "sell": 1}},
    } | changes


def open_desk(world: World, **changes: Any) -> Desk:
    return Desk(world.brand, make_plan(setting(**changes), world.brand))


@pytest.fixture
def funded(world: World) -> World:
    """The brand has points of its own and of the other; Bob has BETA, Ann ACME."""
    owner = world.brand.address
    world.brand.mint("ACME", {owner: 1000})
    world.brand.mint("BETA", {owner: 1000})
    return world


def offered(troc: Troc, give: str) -> int:
    return max((each.left for each in troc.open_orders(give=give)), default=0)


def test_buys_and_sells(funded: World) -> None:
    done = open_desk(funded).renew()
    assert (done.published, done.kept) == (2, 0)
    assert funded.bob.swap("30 BETA", "ACME", worst="30 ACME").got == 30
    assert funded.ann.swap("50 ACME", "BETA", worst="40 BETA").got == 4_000
    lines = {line.brand.symbol: line for line in open_desk(funded).report()}
    assert (lines["ACME"].given_today, lines["ACME"].offered) == (30, 20)
    assert (lines["BETA"].given_today, lines["BETA"].offered) == (4_000, 0)


def test_a_desk_without_points_says_what_to_do(world: World) -> None:
    world.brand.mint("BETA", {world.brand.address: 1000})
    done = open_desk(world).renew()
    assert done.published == 1
    acme, beta = (line.text() for line in done.lines)
    assert "offers 0; it has no points to give" in acme
    assert "`troc brand mint ACME FILE`" in acme
    assert "no points to give" not in beta


def test_a_file_that_is_not_there(world: World, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*desk\.yaml: check its name"):
        read_plan(tmp_path / "desk.yaml", world.brand)


def test_the_example_of_the_docs_is_a_desk(world: World, tmp_path: Path) -> None:
    world.brand.launch("Le Panier", "PANIER", "12 months")
    world.brand.launch("BioBox", "BIOBOX", "12 months")
    text = (Path(__file__).parents[3] / "docs" / "market.md").read_text()
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "desk.yaml").write_text(example)
    plan = read_plan(tmp_path / "desk.yaml", world.brand)
    assert [brand.symbol for brand in plan.gives()] == ["PANIER", "BIOBOX", "BETA"]


def test_renewed_again_it_adds_nothing(funded: World) -> None:
    open_desk(funded).renew()
    again = open_desk(funded).renew()
    assert (again.published, again.kept) == (0, 2)


def test_cut_off_after_publishing_it_does_not_double(funded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two desks that know nothing of each other share the limit of their lane."""
    desk = open_desk(funded)
    orders: list[SignedOrder] = []
    publish = funded.brand.publish

    def listened(troc: Troc, *signed: SignedOrder) -> Receipt:
        orders.extend(signed)
        return publish(*signed)

    with monkeypatch.context() as patch:
        patch.setattr(Troc, "publish", listened)
        desk.renew()
    # As if the first had not been seen: signed once more, and published as well.
    again = [
        funded.brand.sign(replace(signed.order, open_until=signed.order.open_until + 1)) for signed in orders
    ]
    publish(*again)
    assert len(funded.bob.open_orders(give="ACME")) == 2
    funded.bob.swap("50 BETA", "ACME")
    assert offered(funded.bob, "ACME") == 0
    assert funded.bob.quote(give="10 BETA", want="ACME").way is None


def test_cap_a_day_and_in_all(funded: World) -> None:
    got = []
    for _ in range(4):
        open_desk(funded).renew()
        way = funded.bob.quote(give="60 BETA", want="ACME").way
        if way is not None:
            got.append(funded.bob.swap("60 BETA", "ACME", in_parts=True, worst="60 ACME").got)
            assert open_desk(funded).renew().lines[0].offered == 0
        funded.pass_days(1)
    assert got == [50, 50, 20]


def test_a_day_passes_and_nothing_is_sold_twice(funded: World) -> None:
    open_desk(funded).renew()
    funded.pass_days(1.6)
    done = open_desk(funded).renew()
    assert done.published == 2
    assert offered(funded.bob, "ACME") == 50
    funded.bob.swap("50 BETA", "ACME")
    assert funded.bob.quote(give="1 BETA", want="ACME").way is None


def test_another_price_ends_the_older_orders(funded: World) -> None:
    open_desk(funded).renew()
    old = funded.bob.open_orders(give="ACME")[0].entry
    done = open_desk(funded, pairs={"ACME/BETA": {"buy": 0.8, "sell": 2}}).renew()
    assert [brand.symbol for brand in done.ended] == ["ACME"]
    assert funded.bob.show(old.id).state is State.CANCELLED
    assert funded.bob.swap("30 BETA", "ACME", worst="15 ACME").got == 15
    # What was given before counts, though the series is another.
    assert open_desk(funded, pairs={"ACME/BETA": {"buy": 0.8, "sell": 2}}).renew().lines[0].given == 15


def test_tells_what_still_stands_of_a_pair_that_was_taken_out(funded: World) -> None:
    funded.brand.mint("GAMMA", {funded.brand.address: 100})
    more = {
        "caps": setting()["caps"] | {"GAMMA": {"per_day": 10}},
        "pairs": setting()["pairs"] | {"ACME/GAMMA": {"buy": 0.5, "sell": 2}},
    }
    assert open_desk(funded, **more).renew().others == ()
    done = open_desk(funded).renew()
    assert [brand.symbol for brand in done.others] == ["GAMMA"]
    assert "Orders of a desk still give Gamma Garden, of which this file says nothing" in done.text()
    # What gave ACME for GAMMA has ended; what gives GAMMA is somebody else's to end.
    assert [brand.symbol for brand in done.ended] == ["ACME"]
    assert funded.ann.open_orders(give="GAMMA")
    open_desk(funded, **more).withdraw()
    assert open_desk(funded).renew().others == ()


def test_withdrawn_for_good(funded: World) -> None:
    open_desk(funded).renew()
    old = [each.entry for each in funded.bob.open_orders(give="ACME")]
    open_desk(funded).withdraw()
    assert [funded.bob.show(entry.id).state for entry in old] == [State.CANCELLED]
    assert funded.bob.quote(give="10 BETA", want="ACME").way is None


def test_cancel_all_ends_a_desk_too(funded: World) -> None:
    open_desk(funded).renew()
    order = funded.bob.open_orders(give="ACME")[0].order
    assert unpack_nonce(order.nonce)[0] == lane_of(order.give_token)
    funded.brand.cancel_all()
    assert funded.bob.open_orders(give="ACME") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pairs": {"ACME/BETA": {"buy": 1, "sell": 1}}}, "would buy at 1 and sell at 1"),
        ({"pairs": {"ACME/BETA": {"price": 1, "spread": "0%"}}}, "no number above 0"),
        ({"pairs": {"ACME/BETA": {"buy": 1}}}, "not understood"),
        ({"pairs": {"ACME/ACME": {"buy": 1, "sell": 2}}}, "same brand"),
        ({"caps": {}}, "no cap on the ACME"),
        ({"open": "2 days or so"}, "no span of time"),
        (
            {
                "pairs": {
                    "ACME/BETA": {"buy": 0.9, "sell": 1},
                    "BETA/GAMMA": {"buy": 0.9, "sell": 1},
                    "ACME/GAMMA": {"buy": 1.2, "sell": 1.3},
                }
            },
            "would trade against itself",
        ),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_plan(setting(**changes), world.brand)


def test_spread_around_a_price(world: World) -> None:
    plan = make_plan(setting(pairs={"ACME/BETA": {"price": 1, "spread": "10%"}}), world.brand)
    sell, buy = plan.prices
    assert sell.asks(100) == 10_500
    assert buy.asks(9_500) == 100
