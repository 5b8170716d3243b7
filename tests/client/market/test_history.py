"""`troc.market.history` and `troc trade market`: what was traded, at which price, and how long it lived."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from typer.testing import CliRunner

from tests.client.trade.conftest import World
from troc import words
from troc.cli import app
from troc.errors import InputError
from troc.market.history import MarketHistory, market_history, plot
from troc.messages import ZERO_ADDRESS


def seen(world: World, base: str = "ACME", quote: str = "BETA", **span: int) -> MarketHistory:
    index = world.everyone.index
    index.catch_up()
    return market_history(index, world.everyone.brand(base), world.everyone.brand(quote), **span)


def three_trades(world: World) -> None:
    """100 ACME for 80 BETA, then 30 of 60 for 27, then 10 BETA for 8 ACME, taken by Ann; one stays open."""
    world.bob.accept(world.ann.trade("100 ACME", "80 BETA").order.id)
    world.pass_days(1)
    world.bob.accept(world.ann.trade("60 ACME", "54 BETA", in_parts=True).order.id, "30")
    world.ann.accept(world.bob.trade("10 BETA", "8 ACME", new=True).order.id)


def test_trades_prices_and_lives(world: World) -> None:
    three_trades(world)
    found = seen(world)
    assert [(each.base_units, each.quote_units, each.price) for each in found.trades] == [
        (100, 8000, 0.8),
        (30, 2700, 0.9),
        (8, 1000, 1.25),
    ]
    total = found.total
    assert (total.trades, total.base_units, total.quote_units) == (3, 138, 11700)
    assert (total.last, total.lowest, total.highest) == (1.25, 0.8, 1.25)
    assert total.average == pytest.approx(117 / 138)
    assert [(each.trades, each.base_units) for each in found.by_day().values()] == [(1, 100), (2, 38)]
    # All of Ann's points were earned in one season.
    (lot,) = [lot for lot in world.ann.balance("ACME").lots if lot.units]
    assert [each.life for each in found.trades] == [lot.expiry - each.time for each in found.trades]
    assert [(name, sums.trades) for name, sums in found.by_life().items()] == [
        (found.trades[0].life_class, 3)
    ]
    # The other way round it is the same market.
    other = seen(world, "BETA", "ACME")
    assert [each.base_units for each in other.trades] == [8000, 2700, 1000]
    assert [each.price for each in other.trades] == pytest.approx([1 / 0.8, 1 / 0.9, 0.8])
    assert seen(world, "ACME", "GAMMA").trades == ()


def test_a_span_has_no_end(world: World) -> None:
    three_trades(world)
    times = [each.time for each in seen(world).trades]
    assert [each.time for each in seen(world, since=times[1]).trades] == times[1:]
    assert [each.time for each in seen(world, until=times[1]).trades] == times[:1]


def test_old_points_and_fresh_ones_are_told_apart(world: World) -> None:
    world.pass_days(200)
    world.brand.mint("ACME", {world.cem.address: 50}, reference="fresh")
    world.brand.mint("BETA", {world.bob.address: 100}, reference="fresh")
    world.bob.accept(world.ann.trade("20 ACME", "10 BETA", live="1d").order.id, live="1d")
    world.bob.accept(world.cem.trade("20 ACME", "15 BETA", live="1d").order.id, live="1d")
    found = seen(world)
    old, fresh = found.trades
    assert old.life is not None
    assert fresh.life is not None
    assert fresh.life - old.life >= 180 * words.DAY
    assert [(sums.last, sums.trades) for sums in found.by_life().values()] == [(0.5, 1), (0.75, 1)]


def test_what_two_orders_say_of_the_same_points_counts_once(world: World) -> None:
    one = world.ann.trade("100 ACME", "80 BETA").order
    two = world.bob.trade("80 BETA", "90 ACME", new=True).order
    world.relay.settle([one, two])
    (trade,) = seen(world).trades
    assert (trade.base_units, trade.quote_units) == (100, 8000)


def test_depth_counts_points_behind_several_orders_once(world: World) -> None:
    world.ann.trade("300 ACME", "300 BETA", in_parts=True)
    world.ann.trade("300 ACME", "600 BETA", in_parts=True, new=True)
    world.bob.trade("50 BETA", "100 ACME", in_parts=True, new=True)
    world.ann.trade("10 ACME", "1 BETA", only=world.cem.address)
    found = seen(world)
    assert found.asks == ((1.0, 300), (2.0, 400))
    assert found.bids == ((0.5, 100),)
    assert "400 ACME offered from 1 BETA each" in found.text()
    world.ann.send("400 ACME", world.cem.address)
    assert seen(world).asks == ()


def test_files_and_pictures(world: World, tmp_path: Path) -> None:
    three_trades(world)
    world.ann.trade("10 ACME", "30 BETA", new=True)
    found = seen(world)
    table = parquet.read_table(found.write(tmp_path / "m.parquet"))
    assert table.column("price").to_pylist() == [0.8, 0.9, 1.25]
    assert arrow_csv.read_csv(found.write(tmp_path / "m.csv")).num_rows == 3
    png, svg = plot(found, tmp_path / "m.png"), plot(found, tmp_path / "m.svg")
    assert png.read_bytes().startswith(b"\x89PNG")
    # Text is drawn as shapes, each after a comment that says it.
    drawn = svg.read_text()
    titles = ("ACME for BETA: price", "Volume a day", "Open orders: how much at a price or a better one")
    assert all(f"<!-- {said} -->" in drawn for said in (*titles, "good for 6 to 12 months", "offered"))
    plot(seen(world, "GAMMA", "BETA"), tmp_path / "empty.png")
    for path in ("m.txt", "m"):
        with pytest.raises(InputError, match="let its name end"):
            found.write(tmp_path / path)
        with pytest.raises(InputError, match="let its name end"):
            plot(found, tmp_path / path)
    with pytest.raises(InputError, match="cannot be written"):
        found.write(tmp_path / "no" / "m.csv")
    with pytest.raises(InputError, match="not traded for itself"):
        seen(world, "ACME", "ACME")


def test_command(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    three_trades(world)
    monkeypatch.chdir(world.project())
    run = CliRunner()
    said = run.invoke(app, ["trade", "market", "ACME", "BETA", "--csv", str(tmp_path / "t.csv")])
    assert said.exit_code == 0, said.output
    assert "3 trades, 138 ACME for 117 BETA" in said.stdout
    assert "last went for 1.25 BETA" in said.stdout
    data = json.loads(run.invoke(app, ["--json", "trade", "market", "ACME", "BETA"]).stdout)
    assert [each["price"] for each in data["trades"]] == [0.8, 0.9, 1.25]
    assert data["total"]["base_units"] == "138"


def test_history_says_what_was_asked(world: World) -> None:
    one = world.ann.trade("100 ACME", "80 BETA").order
    world.relay.settle([one, world.bob.trade("90 BETA", "100 ACME", new=True).order])
    (trade,) = world.ann.history()
    assert trade.asked == ((one.order, 100),)
    assert trade.text().endswith("gave 100 Acme Hardware, got 90 Beta Books (asked for 80)")
    assert world.relay.history() == []
    assert trade.asked[0][0].only_taker == ZERO_ADDRESS


def test_history_adds_up_what_several_orders_asked(world: World) -> None:
    orders = [
        world.ann.trade("100 ACME", "50 BETA").order,
        world.ann.trade("100 ACME", "80 BETA", new=True, in_parts=True).order,
        world.bob.trade("150 BETA", "150 ACME", new=True).order,
    ]
    world.relay.settle(orders)
    (trade,) = world.ann.history()
    assert trade.text().endswith("gave 200 Acme Hardware, got 150 Beta Books (asked for 130)")
