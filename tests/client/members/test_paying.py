"""Claims are paid out into their own lots, once, wherever a run is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client.members.test_linking import link
from tests.client.trade.conftest import World
from troc.accounts import Signer
from troc.chain import Chain, Receipt
from troc.errors import BrandError, MemberError, NetworkError
from troc.index import Index
from troc.payouts import Payout
from troc.programme.books import (
    KEPT_LIABILITY,
    LIABILITY,
    PAID_OUT,
    TAKEN_OVER,
    Books,
    Period,
    Value,
    journal,
)
from troc.programme.claims import IMPORTED, ClaimRow, PayReport
from troc.programme.members import NewMember
from troc.programme.programme import Programme


def pay(world: World, programme: Programme, chain: Chain | None = None) -> PayReport:
    token = world.everyone.brands.token(programme.members.brand)
    return programme.claims.pay(chain or world.chain, token, world.owner_signer)


def earn(world: World, programme: Programme, card: str, units: int, reference: str) -> int:
    expiry = programme.members.brand.longest_life(world.chain.now())
    programme.claims.add(card, units, expiry, reference)
    return expiry


def lots(world: World, customer: Any) -> dict[int, int]:
    return {lot.expiry: lot.units for lot in customer.balance("ACME").lots if lot.units}


def test_a_claim_is_paid_into_its_own_lots(world: World, programme: Programme) -> None:
    before = lots(world, world.ann)
    first = earn(world, programme, "1", 30, "a")
    world.pass_days(92)
    second = earn(world, programme, "1", 12, "b")
    earn(world, programme, "2", 5, "c")
    link(world, programme, "1", world.ann)
    report = pay(world, programme)
    assert (report.recipients, report.units, len(report.transactions)) == (1, 42, 2)
    assert lots(world, world.ann) == {first: before[first] + 30, second: 12}
    assert programme.claims.of("1") == []
    books = programme.claims.books()
    assert (books.earned, books.paid, books.unclaimed) == (47, 42, 5)
    assert pay(world, programme).transactions == ()
    entries = [entry.data for entry in programme.journal.entries(kind="claims paid")]
    assert [entry["units"] for entry in entries] == ["30", "12"]
    assert [entry["transaction"] for entry in entries] == list(report.transactions)


def test_what_comes_later_is_paid_later(world: World, programme: Programme) -> None:
    link(world, programme, "1", world.ann)
    earn(world, programme, "1", 30, "a")
    assert pay(world, programme).units == 30
    earn(world, programme, "1", 12, "b")
    assert pay(world, programme).units == 12
    assert world.units(world.ann, "ACME") == 442


def test_cards_of_a_household_are_one_recipient(world: World, programme: Programme) -> None:
    for card, units in (("1", 10), ("2", 20), ("3", 30)):
        link(world, programme, card, world.ann)
        earn(world, programme, card, units, f"receipt {card}")
    report = pay(world, programme)
    assert (report.recipients, report.units, len(report.transactions)) == (1, 60, 1)
    assert world.units(world.ann, "ACME") == 460


class Cut:
    """A chain on which sending is cut off, before or after it arrives."""

    def __init__(self, chain: Chain, arrives: bool) -> None:
        self._chain = chain
        self._arrives = arrives

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def send(self, call: Any, signer: Signer) -> Receipt:
        if self._arrives:
            self._chain.send(call, signer)
        raise NetworkError("the line is cut", "try again")


@pytest.mark.parametrize("arrives", [False, True])
def test_cut_off_and_run_again_pays_once(world: World, programme: Programme, arrives: bool) -> None:
    earn(world, programme, "1", 30, "a")
    link(world, programme, "1", world.ann)
    cut: Any = Cut(world.chain, arrives)
    with pytest.raises(NetworkError):
        pay(world, programme, cut)
    assert world.units(world.ann, "ACME") == (430 if arrives else 400)
    # What she earns in between is a payment of its own.
    earn(world, programme, "1", 7, "b")
    # While one is under way she cannot be erased, nor is anything lost when she leaves the address.
    with pytest.raises(MemberError, match="a payment to her is under way"):
        programme.members.erase("1", "asked", "clerk", give_up=True)
    programme.members.unlink("1", "asked", "clerk")
    report = pay(world, programme)
    assert (report.units, report.units_before) == ((0, 30) if arrives else (30, 0))
    assert world.units(world.ann, "ACME") == 430
    assert [units for units, _ in programme.claims.of("1")] == [7]
    books = programme.claims.books()
    assert (books.paid, books.unclaimed, books.earned) == (30, 7, 37)


def test_two_runs_at_once_pay_once(world: World, programme: Programme) -> None:
    """The other run sends after this one has looked."""
    earn(world, programme, "1", 30, "a")
    link(world, programme, "1", world.ann)

    class Late(Cut):
        def send(self, call: Any, signer: Signer) -> Receipt:
            assert pay(world, programme).units == 30
            return self._chain.send(call, signer)

    late: Any = Late(world.chain, True)
    pay(world, programme, late)
    assert world.units(world.ann, "ACME") == 430
    assert programme.claims.books().paid == 30
    assert len(list(programme.journal.entries(kind="claims paid"))) == 1


def test_a_payment_that_expired_before_it_was_sent_lapses(world: World, programme: Programme) -> None:
    earn(world, programme, "1", 30, "a")
    link(world, programme, "1", world.ann)
    cut: Any = Cut(world.chain, False)
    with pytest.raises(NetworkError):
        pay(world, programme, cut)
    world.pass_days(4 * 92)
    report = pay(world, programme)
    assert (report.units, report.units_lapsed, report.transactions) == (0, 30, ())
    books = programme.claims.books()
    assert (books.paid, books.lapsed, books.unclaimed) == (0, 30, 0)


def test_only_the_brand_pays(world: World, programme: Programme) -> None:
    earn(world, programme, "1", 30, "a")
    link(world, programme, "1", world.ann)
    token = world.everyone.brands.token(programme.members.brand)
    with pytest.raises(BrandError, match="only the brand pays claims of ACME"):
        programme.claims.pay(world.chain, token, world.relay_signer)
    assert programme.claims.prepared() == []


def test_many_are_paid_in_batches(world: World, programme: Programme) -> None:
    """450 members who feed two addresses: three batches; the sums agree."""
    cards = [f"c{number}" for number in range(450)]
    programme.members.add_many([NewMember(card) for card in cards], "import")
    expiry = programme.members.brand.longest_life(world.chain.now())
    programme.claims.add_many([ClaimRow(card, 2, expiry, card) for card in cards])
    for number, card in enumerate(cards):
        link(world, programme, card, (world.ann, world.bob)[number % 2])
    report = pay(world, programme)
    assert (report.units, report.recipients, len(report.transactions)) == (900, 2, 3)
    assert world.units(world.ann, "ACME") + world.units(world.bob, "ACME") == 1_300
    assert programme.claims.total() == 0


def test_the_books_tell_what_was_kept_from_what_was_brought_over(world: World, programme: Programme) -> None:
    """The sums are those of the chain, and neither payments nor points brought over are revenue."""
    chain, brand = world.chain, programme.members.brand
    expiry = brand.longest_life(chain.now())
    programme.claims.add_many([ClaimRow("1", 500, expiry, "line 1", IMPORTED)])
    earn(world, programme, "1", 30, "a")
    earn(world, programme, "2", 7, "b")
    programme.debts.record_debt("3", 5, "d", "late", "clerk")
    link(world, programme, "1", world.bob)
    pay(world, programme)
    payout = Payout(world.cem.address, 60)
    world.everyone.brands.mint_at_epochs(brand, {brand.epoch_at(chain.now()): [payout]}, world.owner_signer)
    index = Index(chain, world.everyone.manifest, "sqlite://")
    index.catch_up()
    books = Books(world.everyone, index, brand)
    whole = Period(books.launched[1], books.now + 1)
    found = journal(books, whole, Value.parse("0.01", "EUR"), programme=programme)
    assert found.kept is not None
    kept = {entry.figure: entry.units for entry in found.kept_entries}
    assert kept == {
        "opening balance": 0,
        "earned and kept": 37,
        "brought over and kept": 500,
        "corrected downwards": 0,
        "given up": 0,
        "lapsed": 0,
        "paid out to addresses": -530,
        "re-estimate and rounding": 0,
        "closing balance": 7,
    }
    moved = {entry.figure: (entry.units, entry.debit, entry.credit) for entry in found.entries}
    assert moved[PAID_OUT] == (530, KEPT_LIABILITY, LIABILITY)
    assert moved["brought over"] == (60, TAKEN_OVER, LIABILITY)
    for entries in (found.entries, found.kept_entries):
        assert sum(entry.units for entry in entries[:-1]) == entries[-1].units
        assert sum(entry.money for entry in entries[:-1]) == entries[-1].money
    assert found.entries[-1].units == world.everyone.status(brand).live
    assert found.kept.claims.closing == programme.claims.total()
    alone = {entry.figure: entry.units for entry in journal(books, whole, Value.parse("0.01", "EUR")).entries}
    assert alone["brought over"] == 590
