"""`troc.orders`: made from words, told in words, kept in files."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.trade.conftest import DAY, poor
from troc.brands import Brand
from troc.errors import InputError, OrderError, PointsError, WrongChainError
from troc.messages import UINT256_MAX, WHOLE_INDEXES, ZERO_ADDRESS, Domain, Order, pack_nonce, sign
from troc.orders import (
    Side,
    SignedOrder,
    affordable,
    check_sense,
    cost,
    free_partial_nonces,
    free_whole_nonces,
    make_order,
    read_order,
    terms,
    write_order,
)
from troc.points import Holding, Lot

ANN = poor("ann")
NOW = int(datetime(2026, 11, 21, 14, 30, tzinfo=UTC).timestamp())
ORIGIN = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp())
SEASON = 92 * DAY
PANIER = Brand("0x" + "11" * 20, "Le Panier", "PANIER", 0, SEASON, ORIGIN - 8 * SEASON, ANN.address)
BIOBOX = Brand("0x" + "22" * 20, "BioBox", "BIOBOX", 2, SEASON, ORIGIN - 8 * SEASON, ANN.address)
DOMAIN = Domain("Troc Exchange", 31337, "0x" + "33" * 20)

OLD, FRESH = ORIGIN + SEASON, ORIGIN + 4 * SEASON


def holding(*lots: int) -> Holding:
    """What Ann has of Le Panier, by expiry."""
    expiries = [ORIGIN + season * SEASON for season in (1, 2, 3, 4)]
    return Holding(
        PANIER, ANN.address, tuple(Lot(units, expiry) for units, expiry in zip(lots, expiries, strict=True))
    )


def make(
    give: int = 120,
    want: int = 9000,
    held: Holding | None = None,
    open_until: int = NOW + 7 * DAY,
    live_until: int | None = None,
    allow_partial: bool = False,
    only_taker: str = ZERO_ADDRESS,
) -> Order:
    return make_order(
        ANN.address,
        Side(PANIER, give),
        Side(BIOBOX, want),
        held or holding(50, 70, 0, 500),
        now=NOW,
        open_until=open_until,
        live_until=live_until,
        nonce=0,
        allow_partial=allow_partial,
        only_taker=only_taker,
    )


@pytest.mark.parametrize(("give", "season"), [(50, 1), (51, 2), (120, 2), (121, 4), (620, 4)])
def test_make_order_gives_nothing_fresher_than_needed(give: int, season: int) -> None:
    assert make(give=give).give_points_expiring_by == ORIGIN + season * SEASON


def test_make_order_refuses_more_than_she_has() -> None:
    with pytest.raises(PointsError, match="you have 620 PANIER, not 621: give 620 PANIER at most"):
        make(give=621)
    with pytest.raises(PointsError, match="you have no PANIER"):
        make(held=holding(0, 0, 0, 0))


def test_make_order_asks_for_points_that_live_for_a_month_where_nobody_says_otherwise() -> None:
    assert make().want_points_living_until == int(datetime(2026, 12, 21, 23, 59, 59, tzinfo=UTC).timestamp())
    short = replace(BIOBOX, epoch_length=2 * DAY)
    order = make_order(
        ANN.address,
        Side(PANIER, 1),
        Side(short, 1),
        holding(5, 0, 0, 0),
        now=NOW,
        open_until=NOW + DAY,
        live_until=None,
        nonce=0,
        allow_partial=False,
    )
    assert order.want_points_living_until < short.longest_life(NOW)


def test_make_order_refuses_a_life_that_no_point_can_have() -> None:
    with pytest.raises(OrderError, match="BIOBOX that can be earned while the order is open"):
        make(live_until=NOW + 3 * 366 * DAY)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"give_amount": 0}, "gives nothing"),
        ({"want_amount": 0}, "wants nothing"),
        ({"want_amount": 1 << 128}, "more than there can be"),
        ({"give_token": ZERO_ADDRESS}, "points of no brand"),
        ({"want_token": ZERO_ADDRESS}, "points of no brand"),
        ({"want_token": PANIER.address}, "the same points"),
        ({"only_taker": ANN.address}, "its maker alone"),
        ({"open_until": NOW - 1}, "was open until"),
        ({"open_until": NOW + 367 * DAY}, "would stay open"),
        ({"open_until": UINT256_MAX}, "the end of time"),
    ],
)
def test_check_sense_refuses(change: dict[str, object], complaint: str) -> None:
    order = make()
    check_sense(order, NOW)
    with pytest.raises(OrderError, match=complaint):
        check_sense(replace(order, **change), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_check_sense_at_the_last_second(offset: int) -> None:
    order = make(open_until=NOW + 100)
    if offset > 0:
        with pytest.raises(OrderError):
            check_sense(order, NOW + 100 + offset)
    else:
        check_sense(order, NOW + 100 + offset)


def test_terms() -> None:
    assert terms(make(allow_partial=True), PANIER, BIOBOX) == (
        "You give at most 120 Le Panier, those that expire soonest first, none that live beyond 3 March 2027;"
        " you get at least 90 BioBox for all of it, good until at least 21 December 2026;"
        " open until 28 November 2026, 14:30 UTC; in parts: yes, at the same price"
    )
    order = make(only_taker="0x" + "44" * 20)
    assert terms(order, PANIER, BIOBOX, you=False) == (
        "The maker gives 120 Le Panier, those that expire soonest first, none that live beyond 3 March 2027;"
        " and gets at least 90 BioBox, good until at least 21 December 2026;"
        f" open until 28 November 2026, 14:30 UTC; in parts: no; only with {'0x' + '44' * 20}"
    )


def test_terms_say_what_an_order_without_bounds_means() -> None:
    order = replace(make(), give_points_expiring_by=0, want_points_living_until=0)
    said = terms(order, PANIER, BIOBOX)
    assert "whichever the taker chooses, fresh ones too" in said
    assert "however soon they expire" in said


@given(st.integers(1, 2**56), st.integers(1, 2**56), st.integers(1, 2**56))
def test_cost_is_rounded_in_favour_of_the_maker(give: int, want: int, amount: int) -> None:
    order = replace(make(), give_amount=give, want_amount=want)
    assert (cost(order, amount) - 1) * give < amount * want <= cost(order, amount) * give
    assert cost(order, affordable(order, amount)) <= amount
    assert cost(order, affordable(order, amount) + 1) > amount


def test_free_nonces_skip_what_is_used_or_taken() -> None:
    series = 5
    word = series << WHOLE_INDEXES | 0b1011
    taken = {pack_nonce(7, series, 2)}
    assert free_whole_nonces([word], taken, 7)[:2] == [pack_nonce(7, series, 4), pack_nonce(7, series, 5)]
    assert free_whole_nonces([(1 << WHOLE_INDEXES) - 1], set()) == []
    assert len(free_whole_nonces([0], set())) == WHOLE_INDEXES
    stored = [1, 9 << 128, 3 << 128 | 1, 0]
    assert free_partial_nonces(stored, {pack_nonce(3)}) == [pack_nonce(1, 9)]


def signed(order: Order) -> SignedOrder:
    return SignedOrder(order, sign(order, DOMAIN, ANN), DOMAIN)


def test_an_order_survives_a_file(tmp_path: Path) -> None:
    before = signed(make())
    path = write_order(before, tmp_path / "order.json")
    assert read_order(path, DOMAIN) == before
    with pytest.raises(InputError, match="is there already"):
        write_order(before, path)


def test_read_order_refuses_other_chains_and_exchanges(tmp_path: Path) -> None:
    path = write_order(signed(make()), tmp_path / "order.json")
    with pytest.raises(WrongChainError, match="for chain 31337, and this is chain 1"):
        read_order(path, replace(DOMAIN, chain_id=1))
    with pytest.raises(WrongChainError, match="for the exchange"):
        read_order(path, replace(DOMAIN, verifying_contract="0x" + "44" * 20))


@pytest.mark.parametrize("damage", ["", "[]", "{}", "null", '{"format": "troc-order-1"}', "\xff"])
def test_read_order_refuses_what_is_no_order(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "order.json"
    path.write_text(damage)
    with pytest.raises(InputError):
        read_order(path, DOMAIN)


@pytest.mark.parametrize(
    ("key", "value"), [("signature", 5), ("signature", "0xzz"), ("order", {}), ("extra", 1), ("format", "2")]
)
def test_read_order_refuses_a_damaged_order(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(signed(make()).to_json() | {key: value}))
    with pytest.raises(InputError):
        read_order(path, DOMAIN)
