"""Running claims against a plain model, and what is refused; on both databases."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.members.conftest import DAY, LENGTH, ORIGIN, PASSPHRASE, WORK, store_at
from troc.errors import InputError, MemberError
from troc.programme.claims import ClaimRow, Claims
from troc.programme.journal import Journal
from troc.programme.members import Members, NewMember
from troc.programme.vault import Vault

NOW = ORIGIN + 25 * DAY  # in epoch 2, whose points live until the end of epoch 5
EXPIRY = ORIGIN + 6 * LENGTH


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claims(members: Members, clock: Clock) -> Claims:
    members.add_many([NewMember("1"), NewMember("2"), NewMember("3")], "clerk")
    return Claims(members, clock)


def test_a_reference_counts_once(claims: Claims) -> None:
    assert claims.add("1", 50, EXPIRY, "receipt 7")
    assert not claims.add("1", 50, EXPIRY, "receipt 7")
    assert claims.add_many([ClaimRow("2", 5, EXPIRY, "a"), ClaimRow("2", 5, EXPIRY, "a")]) == 1
    assert claims.of("1") == [(50, EXPIRY)]
    assert claims.total() == 55


@pytest.mark.parametrize("row", [ClaimRow("1", 51, EXPIRY, "r"), ClaimRow("2", 50, EXPIRY, "r")])
def test_a_reference_for_something_else_is_refused(claims: Claims, row: ClaimRow) -> None:
    claims.add("1", 50, EXPIRY, "r")
    with pytest.raises(MemberError, match="the reference 'r' stands for other points"):
        claims.add_many([ClaimRow("3", 1, EXPIRY, "new"), row])
    assert claims.total() == 50


def test_a_reference_counts_once_whenever_it_comes_again(claims: Claims, clock: Clock) -> None:
    """A run that is taken up after the season has turned."""
    claims.add("1", 50, EXPIRY, "r")
    clock.now += 10 * LENGTH
    assert not claims.add("1", 50, EXPIRY, "r")


def test_the_same_receipts_at_once_count_once(claims: Claims, members: Members) -> None:
    rows = [ClaimRow("1", 1, EXPIRY, f"receipt {number}") for number in range(50)]
    added: list[int] = []
    threads = [threading.Thread(target=lambda: added.append(claims.add_many(rows))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [0, 0, 0, 50]
    assert claims.total() == 50


def test_an_unknown_card_adds_nothing(claims: Claims) -> None:
    with pytest.raises(MemberError, match=r"1 card unknown \(first 9\)"):
        claims.add_many([ClaimRow("1", 50, EXPIRY, "r"), ClaimRow("9", 50, EXPIRY, "s")])
    assert claims.total() == 0


def test_points_go_into_the_lot_that_keeps_their_date(claims: Claims) -> None:
    claims.add("1", 1, ORIGIN + 4 * LENGTH, "on the date of a lot")
    claims.add("1", 2, ORIGIN + 4 * LENGTH + 1, "a second later")
    claims.add("1", 4, ORIGIN + 5 * LENGTH - 1, "a second before the next")
    assert claims.of("1") == [(1, ORIGIN + 4 * LENGTH), (6, ORIGIN + 5 * LENGTH)]


@pytest.mark.parametrize(
    ("units", "expiry", "said"),
    [
        (0, EXPIRY, "are no amount"),
        (-5, EXPIRY, "are no amount"),
        (2**56, EXPIRY, "are no amount"),
        (5, NOW, "expired before"),
        (5, EXPIRY + 1, "points of now live until"),
    ],
)
def test_refuses_points_that_cannot_be(claims: Claims, units: int, expiry: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        claims.add("1", units, expiry, "r")


def test_claims_lapse_to_the_second(claims: Claims, clock: Clock) -> None:
    claims.add("1", 50, EXPIRY, "r")
    clock.now = EXPIRY - 1
    assert claims.total() == 50
    clock.now = EXPIRY
    assert (claims.total(), claims.of("1")) == (0, [])
    assert claims.books().lapsed == 50


def test_points_that_never_expire_are_kept(vault: Vault, journal: Journal, url: str) -> None:
    from dataclasses import replace

    from tests.client.members.conftest import BRAND

    brand = replace(BRAND, epoch_length=1 << 62)
    members = Members(replace(vault, store=store_at(url, brand)), journal)
    members.add(NewMember("1"), "clerk")
    claims = Claims(members, Clock())
    claims.add("1", 50, brand.longest_life(NOW), "r")
    assert claims.of("1") == [(50, ORIGIN + 4 * (1 << 62))]


def test_a_claim_must_be_given_up_before_erasing(claims: Claims, members: Members) -> None:
    claims.add("1", 50, EXPIRY, "r")
    assert members.export("1")["claim"] == [{"units": "50", "expiry": EXPIRY}]
    with pytest.raises(MemberError, match="50 PANIER are kept for her"):
        members.erase("1", "asked", "clerk")
    assert members.find("1")
    erased = members.erase("1", "asked", "clerk", give_up=True)
    assert "she gave up 50 PANIER" in erased.stays
    books = claims.books()
    assert (books.earned, books.given_up, books.unclaimed) == (50, 50, 0)
    # Whoever knows the receipt cannot find her entry by it.
    members.add(NewMember("1"), "clerk")
    assert claims.add("1", 50, EXPIRY, "r")


def test_reducing_takes_what_lapses_first_and_is_done_once(claims: Claims, members: Members) -> None:
    claims.add("1", 30, ORIGIN + 4 * LENGTH, "old")
    claims.add("1", 30, EXPIRY, "new")
    number = members.find("1").id
    for _ in range(2):
        with members.vault.store.writing() as connection:
            assert claims.reduce(number, 40, "wrong receipt", connection) == 40
        assert claims.of("1") == [(20, EXPIRY)]
    with members.vault.store.writing() as connection:
        assert claims.reduce(number, 40, "another", connection) == 20
    assert claims.total() == 0


# ------------------------------------------------------------ against a plain model


@dataclass
class Model:
    """What a claim is, in the plainest way."""

    seen: set[int] = field(default_factory=set)
    lots: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, card: str, units: int, expiry: int, reference: int) -> None:
        if reference not in self.seen:
            self.seen.add(reference)
            self.lots[card, expiry] += units

    def of(self, card: str, now: int) -> list[tuple[int, int]]:
        return [
            (units, expiry)
            for (whose, expiry), units in sorted(self.lots.items(), key=lambda item: item[0][1])
            if whose == card and expiry > now and units
        ]

    def reduce(self, card: str, units: int, now: int) -> int:
        left = units
        for there, expiry in self.of(card, now):
            taken = min(left, there)
            self.lots[card, expiry] -= taken
            left -= taken
        return units - left


_adds = st.tuples(
    st.just("add"), st.sampled_from("12"), st.integers(1, 1000), st.integers(0, 3), st.integers(0, 30)
)
_steps = st.lists(
    st.one_of(
        _adds,
        _adds,
        st.tuples(st.just("wait"), st.integers(1, 2 * LENGTH)),
        st.tuples(st.just("reduce"), st.sampled_from("12"), st.integers(1, 1500)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=_steps)
def test_claims_are_what_the_model_says(steps: list[tuple[object, ...]]) -> None:
    """Adding, waiting and reducing in any order; the books add up after each step."""
    with TemporaryDirectory() as folder:
        store = store_at(f"sqlite:///{Path(folder) / 'claims.sqlite'}")
        members = Members(Vault.create(store, PASSPHRASE, WORK), Journal(store))
        members.add_many([NewMember("1"), NewMember("2")], "clerk")
        clock, model = Clock(ORIGIN + 5 * LENGTH), Model()
        claims = Claims(members, clock)
        meant: dict[int, tuple[str, int, int]] = {}
        for number, (kind, *values) in enumerate(steps):
            if kind == "wait":
                (seconds,) = values
                assert isinstance(seconds, int)
                clock.now += seconds
            elif kind == "reduce":
                card, units = values
                assert isinstance(card, str)
                assert isinstance(units, int)
                with store.writing() as connection:
                    done = claims.reduce(members.find(card).id, units, f"reduce {number}", connection)
                assert done == model.reduce(card, units, clock.now)
            else:
                card, units, age, reference = values
                assert isinstance(card, str)
                assert isinstance(units, int)
                assert isinstance(age, int)
                assert isinstance(reference, int)
                expiry = members.brand.longest_life(clock.now) - age * LENGTH
                card, units, expiry = meant.setdefault(reference, (card, units, expiry))
                claims.add(card, units, expiry, f"receipt {reference}")
                model.add(card, units, expiry, reference)
            for card in "12":
                assert claims.of(card) == model.of(card, clock.now)
            books = claims.books()
            assert books.unclaimed == sum(units for card in "12" for units, _ in model.of(card, clock.now))
            assert books.earned == (
                books.reduced + books.given_up + books.paid + books.lapsed + books.unclaimed
            )
        store.engine.dispose()


def test_a_hundred_thousand_receipts(members: Members, clock: Clock) -> None:
    members.add_many([NewMember(str(number)) for number in range(2_500)], "import")
    claims = Claims(members, clock)
    rows = [ClaimRow(str(number % 2_500), 1, EXPIRY, f"receipt {number}") for number in range(100_000)]
    start = time.perf_counter()
    assert claims.add_many(rows) == 100_000
    first = time.perf_counter() - start
    assert claims.add_many(rows) == 0
    print(f"added in {first:.1f} s, again in {time.perf_counter() - start - first:.1f} s")
    assert claims.total() == 100_000
    assert first < 60
