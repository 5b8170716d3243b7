"""Bringing a programme over: where each row goes, what is refused; nothing is lost or issued twice."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.trade.conftest import World
from troc import words
from troc.brands import Brand
from troc.chain import Chain
from troc.errors import BrandError, InputError
from troc.payouts import BATCH_SIZE, LOT_MAX, FileFaultsError
from troc.programme.addresses import write_points
from troc.programme.correcting import Earlier, earlier_imports
from troc.programme.importing import (
    FILE_MAX,
    ClaimRow,
    ImportPlan,
    plan_import,
    send_import,
    write_claims,
    write_rows,
)

DAY = words.DAY
ORIGIN = words.parse_day("2026-01-01")
NOW = words.parse_day("2026-11-22")
BRAND = Brand("0x" + "11" * 20, "Acme", "ACME", 0, 90 * DAY, ORIGIN, "0x" + "22" * 20)
"""Epochs of 90 days from 1 January 2026 on; epoch 3 began on 28 September 2026."""


def address(number: int) -> str:
    return to_checksum_address((0xC0FFEE << 100 | number).to_bytes(20))


def write(folder: Path, *rows: str, header: str = "card,address,points,expires,status") -> Path:
    path = folder / "members.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def plan(path: Path, **options: Any) -> ImportPlan:
    return plan_import(path, options.pop("brand", BRAND), options.pop("now", NOW), **options)


class Kept:
    """Claims in memory, each reference once."""

    def __init__(self) -> None:
        self.rows: dict[str, ClaimRow] = {}

    def add_many(self, rows: Sequence[ClaimRow]) -> int:
        new = [row for row in rows if row.reference not in self.rows]
        self.rows |= {row.reference: row for row in new}
        return len(new)


class Refusing:
    """Claims that take nothing."""

    def add_many(self, rows: Sequence[ClaimRow]) -> int:
        raise InputError("the members are closed", "open them")


# -------------------------------------------------------------------------------------------------- planning


@pytest.mark.parametrize(
    ("date", "epoch"),
    [
        # Lots expire after 26 December 2026, 26 March, 24 June and 22 September 2027.
        ("2026-11-22", 0),
        ("2026-12-26", 0),
        ("2026-12-27", 1),
        ("2027-03-26", 1),
        ("2027-03-27", 2),
        ("2027-09-22", 3),
        ("2026-12-27T00:00:00Z", 0),
        ("2026-12-27T00:00:00.5Z", 1),
        ("2026-12-27T01:00:00+01:00", 0),
    ],
)
def test_the_lot_keeps_the_date_or_the_next_later_one(tmp_path: Path, date: str, epoch: int) -> None:
    (row,) = plan(write(tmp_path, f"1,{address(1)},5,{date},active")).rows
    assert row.epoch == epoch
    assert row.good_until is not None
    assert row.expiry - BRAND.epoch_length < row.good_until <= row.expiry


@given(st.integers(0, 4_000), st.integers(1, 400), st.integers(0, 2_000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_point_dies_before_its_date(tmp_path: Path, age: int, length: int, left: int) -> None:
    brand = Brand("0x" + "11" * 20, "Acme", "ACME", 0, length * DAY, ORIGIN, "0x" + "22" * 20)
    now = ORIGIN + age * DAY + 5
    last = datetime.fromtimestamp(now + left * DAY, UTC).date()
    path = write(tmp_path, f"1,{address(1)},5,{last},active")
    end = words.parse_day(str(last)) + DAY
    if end > brand.longest_life(now):
        with pytest.raises(FileFaultsError, match="live until"):
            plan(path, brand=brand, now=now)
        return
    (row,) = plan(path, brand=brand, now=now).rows
    current = brand.epoch_at(now)
    assert max(current - 3, 0) <= row.epoch <= current
    assert row.expiry >= end
    earlier = row.epoch - 1
    assert earlier < max(current - 3, 0) or brand.expiry_of(earlier) < end, "an earlier lot would do"


def test_who_gets_what(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"1,{address(1)},5,2027-03-26,active",
        f"2,{address(1)},7,2027-03-01,",
        f"3,{address(3)},11,2027-09-22,Inactive",
        "4,,13,2027-03-26,active",
        "5,,0,2020-01-01,active",
    )
    found = plan(path, total=Decimal(36))
    assert [(row.held, row.kept) for row in found.rows[:4]] == [
        ("", "good until 26 March 2027, as before"),
        ("", "good until 26 March 2027, 25 days longer"),
        ("inactive", "good until 22 September 2027, as before"),
        ("no address", "good until 26 March 2027, as before"),
    ]
    assert {epoch: [(p.address, p.units) for p in of] for epoch, of in found.issued.items()} == {
        1: [(address(1), 12)]
    }
    assert [(claim.card, claim.units) for claim in found.claims] == [("3", 11), ("4", 13)]
    assert (found.units, found.issued_units, found.claimed_units) == (36, 12, 24)
    write_rows(tmp_path / "report.csv", found)
    with (tmp_path / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["goes to"] for row in rows][:4] == [
        "address",
        "address",
        "claim (inactive)",
        "claim (no address)",
    ]
    assert sum(int(row["points"]) for row in rows) == found.units


def test_points_without_a_date(tmp_path: Path) -> None:
    path = write(tmp_path, f"1,{address(1)},5,,active", f"2,{address(2)},5,unlimited,active")
    with pytest.raises(FileFaultsError, match=r"line 2: no date; .* line 3: no date"):
        plan(path)
    assert {row.epoch for row in plan(path, undated="2027-03-26").rows} == {1}
    for_ever = Brand("0x" + "11" * 20, "Acme", "ACME", 0, 1 << 62, ORIGIN, "0x" + "22" * 20)
    assert [row.kept for row in plan(path, brand=for_ever).rows] == ["never expires"] * 2


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1,,-5,2027-03-26,", "line 3: points: -5 is below zero"),
        ("1,,5.5,2027-03-26,", "line 3: points: 5.5 ACME cannot be written"),
        ("1,,1e3,2027-03-26,", "line 3: points: '1e3' is no amount"),
        ("1,,NaN,2027-03-26,", "line 3: points: 'NaN' is no amount"),
        ("1,,,2027-03-26,", "line 3: points: '' is no amount"),
        (f"1,,{LOT_MAX + 1},2027-03-26,", "line 3: points: .* is too large"),
        ("1,,5,2026-11-21,", "line 3: these points expired on 21 November 2026"),
        ("1,,5,2027-09-23,", "line 3: good until 23 September 2027, but ACME of now live until 22 September"),
        ("1,,5,2027-02-30,", "line 3: '2027-02-30' is no date"),
        ("1,,5,tomorrow,", "line 3: 'tomorrow' is no date"),
        ("1,,5,2027-03-26T10:00:00,", "line 3: .* has no zone"),
        ("1,,5,2027-03-26,blocked", "line 3: the status 'blocked' is neither"),
        ("1,0x12,5,2027-03-26,", "line 3: .*0x12"),
        (f"1,{'0x' + '00' * 20},5,2027-03-26,", "line 3: 0x0+ cannot hold ACME"),
        (f"1,{'0x' + '33' * 20},5,2027-03-26,", "line 3: 0x3+ cannot hold ACME"),
        ("0 a,,5,2027-03-26,", "line 3: the card 0A is doubled, it stands in line 2 with the same date"),
        (f"0A,{'0x' + '44' * 20},5,2026-12-26,", "line 3: the card 0A has another address in line 2"),
        (",,5,2027-03-26,", "line 3: '' is no card"),
        ("1,,5,2027-03-26", "line 3: 4 values instead of 5"),
    ],
)
def test_faulty_rows_are_named(tmp_path: Path, row: str, fault: str) -> None:
    path = write(tmp_path, "0A,,5,2027-03-26,active", row)
    with pytest.raises(FileFaultsError, match=fault):
        plan(path, forbidden=["0x" + "33" * 20])


def test_every_fault_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "1,,-5,2020-01-01,x", "2,,5,2027-03-26,", "2,,5,2027-03-26,")
    with pytest.raises(FileFaultsError) as caught:
        plan(path)
    assert [fault.line for fault in caught.value.faults] == [2, 2, 4]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("card,address,points,expires,tier", "unknown column 'tier'"),
        ("card,points", "the column 'expires' is missing"),
        ("card,expires", "the column 'points' is missing"),
        ("number,points,expires", "there is no column card"),
        ("card,card,points,expires", "the column 'card' is doubled"),
    ],
)
def test_faulty_headers_are_refused(tmp_path: Path, header: str, fault: str) -> None:
    with pytest.raises(FileFaultsError, match=f"line 1: {fault}"):
        plan(write(tmp_path, header=header))


def test_a_wrong_sum_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "1,,5,2027-03-26,", "2,,6,2027-03-26,")
    with pytest.raises(InputError, match="comes to 11 ACME, not to 12"):
        plan(path, total=Decimal(12))
    assert plan(path, total=Decimal(11)).units == 11


@pytest.mark.parametrize(
    "content", [b"", b"card,points,expires\n", b"\xff\xfe\x00", b"x" * 100_000, b'card,"\n']
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "members.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        plan(path)


def test_ten_gigabytes_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(InputError, match="cut it into several files"):
        plan(path)
    os.truncate(path, FILE_MAX)
    # Within the bound, a line without an end is not read to its end.
    with pytest.raises(InputError, match="a line is too long"):
        plan(path)


# --------------------------------------------------------------------------------------- exports of others


def test_talon_one_balances(tmp_path: Path) -> None:
    header = (
        "loyaltyProgramID,loyaltySubledger,profileIntegrationID,currentBalance,pendingBalance,expiredBalance,"
        "spentBalance,currentTier"
    )
    path = write(tmp_path, "5,,URN1,100.00,0,7,8,Gold", "5,,URN2,0,0,0,0,", header=header)
    found = plan(path, layout="talon-one", undated="2027-03-26", total=Decimal(100))
    assert [(claim.card, claim.units) for claim in found.claims] == [("URN1", 100)]
    with pytest.raises(FileFaultsError, match="line 2: pendingBalance is 3; settle it"):
        plan(
            write(tmp_path, "5,,URN1,100,3,7,8,Gold", header=header), layout="talon-one", undated="2027-03-26"
        )
    with pytest.raises(FileFaultsError, match="line 1: there is no column card"):
        plan(path)


def test_talon_one_cards(tmp_path: Path) -> None:
    header = (
        "loyaltyProgramID,loyaltySubledger,cardIdentifier,cardState,currentBalance,pendingBalance,"
        "expiredBalance,spentBalance"
    )
    path = write(tmp_path, "5,,summer-1,active,100,0,0,0", "5,,summer-2,inactive,50,0,0,0", header=header)
    found = plan(path, layout="talon-one", undated="2027-03-26")
    assert [(row.card, row.units, row.held) for row in found.rows] == [
        ("SUMMER-1", 100, "no address"),
        ("SUMMER-2", 50, "inactive"),
    ]


def test_talon_one_points_with_dates(tmp_path: Path) -> None:
    header = "customerprofileid,amount,startdate,expirydate,subledgerid,reason"
    path = write(tmp_path, "URN1,100,2026-10-10T23:00:00Z,2027-03-27T00:00:00Z,,moved", header=header)
    (row,) = plan(path, layout="talon-one").rows
    assert (row.units, row.epoch) == (100, 1)


def test_salesforce_ledger(tmp_path: Path) -> None:
    header = (
        "Id,LoyaltyProgramMember.MembershipNumber,LoyaltyProgramMember.MemberStatus,ExpirationDate,"
        "ExpirationPoints,RedeemedPoints,PointsStatus"
    )
    path = write(
        tmp_path,
        "a,M-1,Active,2027-03-26,500.0,120.0,Active",
        "b,M-1,Active,2027-06-24,50.0,,Active",
        "c,M-2,Active,2027-06-24,10.0,,Inactive",
        header=header,
    )
    found = plan(path, layout="salesforce", total=Decimal(440))
    assert [(row.card, row.units, row.epoch, row.held) for row in found.rows] == [
        ("M-1", 380, 1, "no address"),
        ("M-1", 50, 2, "no address"),
        ("M-2", 10, 2, "inactive"),
    ]
    path = write(tmp_path, "a,M-1,Active,2027-03-26,5,6,Active", header=header)
    with pytest.raises(FileFaultsError, match="RedeemedPoints is more than ExpirationPoints"):
        plan(path, layout="salesforce")


@pytest.mark.parametrize(
    ("layout", "header", "rows"),
    [
        ("talon-one", "loyaltyProgramID,profileIntegrationID,currentBalance", ("5,1,10", "6,2,10")),
        ("talon-one", "loyaltySubledger,cardIdentifier,currentBalance", (",1,10", "shoes,2,10")),
        ("talon-one", "subledgerid,customerprofileid,amount,expirydate", (",1,10,", "shoes,2,10,")),
        (
            "salesforce",
            "LoyaltyProgramCurrencyId,LoyaltyMember.MembershipNumber,PointsBalance",
            ("0lc1,1,10", "0lc2,2,10"),
        ),
    ],
)
def test_two_kinds_of_points_are_not_one(
    tmp_path: Path, layout: str, header: str, rows: tuple[str, str]
) -> None:
    column = header.partition(",")[0]
    with pytest.raises(FileFaultsError, match=f"line 3: {column} is another one than in line 2"):
        plan(write(tmp_path, *rows, header=header), layout=layout, undated="2027-03-26")


def test_salesforce_balances(tmp_path: Path) -> None:
    header = "LoyaltyMember.MembershipNumber,LoyaltyMember.MemberStatus,PointsBalance,TotalPointsRedeemed"
    path = write(tmp_path, "M-1,Active,500.0,3", header=header)
    assert plan(path, layout="salesforce", undated="2027-03-26").units == 500


# --------------------------------------------------------------------------------------------------- sending


def world_plan(world: World, folder: Path, *rows: str, **options: Any) -> ImportPlan:
    brand = world.brand.brand("ACME")
    return plan_import(write(folder, *rows), brand, world.chain.now(), **options)


def day(time: int) -> str:
    return f"{datetime.fromtimestamp(time - 1, UTC):%Y-%m-%d}"


def dates(world: World) -> list[str]:
    """The last days of the lots that exist, soonest first."""
    brand = world.brand.brand("ACME")
    current = brand.epoch_at(world.chain.now())
    return [day(brand.expiry_of(epoch)) for epoch in range(max(current - 3, 0), current + 1)]


def lots(world: World, who: str) -> dict[str, int]:
    return {day(lot.expiry): lot.units for lot in world.everyone.balance("ACME", who).lots if lot.units}


def send(world: World, found: ImportPlan, claims: Any = None) -> Any:
    return send_import(world.brand.brands, found, world.owner_signer, claims)


@pytest.fixture
def aged(world: World) -> World:
    """A chain on which brands have had epochs enough for four lots."""
    world.pass_days(4 * 92)
    return world


def test_points_are_issued_with_their_dates(aged: World, tmp_path: Path) -> None:
    last_days = dates(aged)
    assert len(last_days) == 4
    rows = [f"{number},{address(1)},{number + 1},{date}," for number, date in enumerate(last_days)]
    before = aged.everyone.status("ACME").live
    claims = Kept()
    report = send(aged, world_plan(aged, tmp_path, *rows, f"9,,70,{last_days[2]},"), claims)
    assert (report.units, report.recipients, len(report.transactions)) == (10, 4, 4)
    assert lots(aged, address(1)) == {date: number + 1 for number, date in enumerate(last_days)}
    assert aged.everyone.status("ACME").live == before + 10
    (claim,) = claims.rows.values()
    assert (claim.card, claim.units, day(claim.expiry)) == ("9", 70, last_days[2])


def test_the_same_file_twice_issues_nothing_twice(aged: World, tmp_path: Path) -> None:
    date = dates(aged)[1]
    rows = [f"1,{address(1)},5,{date},", f"2,,6,{date},"]
    claims = Kept()
    send(aged, world_plan(aged, tmp_path, *rows), claims)
    again = send(aged, world_plan(aged, tmp_path, *reversed(rows)), claims)
    assert (again.units, again.units_before, again.transactions) == (0, 5, ())
    assert lots(aged, address(1)) == {date: 5}
    assert len(claims.rows) == 1
    send(aged, world_plan(aged, tmp_path, *rows, reference="second shop"), claims)
    assert lots(aged, address(1)) == {date: 10}
    assert len(claims.rows) == 2


# ------------------------------------------------------------------------------------------ after another one


def earlier(world: World, found: ImportPlan) -> Earlier:
    return earlier_imports(world.brand.brands, found)


def test_a_corrected_file_does_not_pay_twice(aged: World, tmp_path: Path) -> None:
    _, one, two, three = dates(aged)
    send(
        aged,
        world_plan(
            aged, tmp_path, f"1,{address(1)},5,{one},", f"2,{address(2)},6,{one},", f"3,{address(3)},9,{two},"
        ),
    )
    # More for 1, another date for 2, less for 3, a new card 4.
    rows = [
        f"1,{address(1)},8,{one},",
        f"2,{address(2)},7,{three},",
        f"3,{address(3)},4,{two},",
        f"4,{address(4)},3,{two},",
    ]
    for reference in ("", "corrected"):
        found = world_plan(aged, tmp_path, *rows, reference=reference)
        with pytest.raises(
            BrandError, match=r"for 3 cards of this file: 1 in line 2 had 5 ACME, and here it has 8 ACME"
        ):
            earlier(aged, found).refuse_twice()
    missing = earlier(aged, found).difference()
    assert [row.units for row in missing.plan.rows] == [3, 1, 0, 3]
    assert (missing.before, missing.less, missing.elsewhere) == (15, 5, 0)
    assert send(aged, missing.plan).units == 7
    assert lots(aged, address(1)) == {one: 8}
    assert lots(aged, address(2)) == {one: 6, three: 1}
    assert lots(aged, address(3)) == {two: 9}
    again = earlier(aged, found).difference()
    assert (again.plan.units, send(aged, again.plan).transactions) == (0, ())
    # The next correction adds as much once more, and that is not taken for the last one.
    rows[0] = f"1,{address(1)},11,{one},"
    found = world_plan(aged, tmp_path, rows[0], reference="corrected")
    missing = earlier(aged, found).difference()
    assert (missing.plan.units, missing.elsewhere) == (3, 19)
    send(aged, missing.plan)
    assert lots(aged, address(1)) == {one: 11}


def test_a_card_that_moved_is_known_by_the_file_of_before(aged: World, tmp_path: Path) -> None:
    _, one, two, _ = dates(aged)
    first = world_plan(
        aged, tmp_path, f"1,{address(1)},5,{one},", f"2,{address(1)},6,{two},", f"3,{address(3)},9,{two},"
    )
    send(aged, first)
    # 1 and 3 have other addresses by now, 1 has more, and 2 still feeds the old one of 1.
    rows = [f"1,{address(9)},7,{one},", f"2,{address(1)},6,{two},", f"3,{address(8)},9,{two},"]
    found = world_plan(aged, tmp_path, *rows, reference="corrected")
    unknown = earlier(aged, found).difference()
    assert ([row.units for row in unknown.plan.rows], unknown.less, unknown.elsewhere) == ([7, 0, 9], 5, 9)
    # Named twice, a file counts once.
    known = earlier_imports(aged.brand.brands, found, files=[first, first])
    with pytest.raises(BrandError, match=r"for 3 cards of this file: 1 in line 2 had 5 ACME"):
        known.refuse_twice()
    missing = known.difference()
    assert [row.units for row in missing.plan.rows] == [2, 0, 0]
    assert (missing.before, missing.less, missing.elsewhere) == (20, 0, 0)
    assert send(aged, missing.plan).units == 2
    assert lots(aged, address(9)) == {one: 2}
    again = earlier_imports(aged.brand.brands, found, files=[first]).difference()
    assert (again.plan.units, again.less) == (0, 0)


def test_a_file_of_before_that_was_never_sent_counts_for_nothing(aged: World, tmp_path: Path) -> None:
    one = dates(aged)[1]
    never = world_plan(aged, tmp_path, f"1,{address(1)},5,{one},")
    found = world_plan(aged, tmp_path, f"1,{address(9)},5,{one},")
    known = earlier_imports(aged.brand.brands, found, files=[never])
    known.refuse_twice()
    assert known.difference().plan.units == 5


def test_one_that_goes_on_is_none_that_is_sent_twice(
    aged: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of the file itself, in halves where a block was too small, were not brought by another."""
    date = dates(aged)[1]
    found = world_plan(aged, tmp_path, *[f"{n},{address(n)},2,{date}," for n in range(20)])
    submit = Chain.submit
    sent: list[Any] = []

    def failing(self: Chain, signed: Any) -> Any:
        if sent:
            raise CutError
        sent.append(signed)
        return submit(self, signed)

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "batch_gas", lambda self: 400_000)
        patch.setattr(Chain, "submit", failing)
        with pytest.raises(CutError):
            send(aged, found)
    assert 0 < sum(1 for n in range(20) if lots(aged, address(n))) < 20
    earlier(aged, found).refuse_twice()
    missing = earlier(aged, found).difference()
    assert missing.before == 2 * sum(1 for n in range(20) if lots(aged, address(n)))
    report = send(aged, found)
    assert report.units + report.units_before == 40


class CutError(Exception):
    """The power went off."""


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_cut_off_and_run_again(
    aged: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    last_days = dates(aged)
    rows = [f"{n},{address(n)},2,{last_days[n % 2 + 1]}," for n in range(2 * BATCH_SIZE + 20)]
    found = world_plan(aged, tmp_path, *rows, "none,,7," + last_days[3] + ",")
    before = aged.everyone.status("ACME").live
    claims = Kept()
    sent = 0
    submit = Chain.submit

    def failing(self: Chain, signed: Any) -> Any:
        nonlocal sent
        receipt = submit(self, signed)
        if sent == after:
            raise CutError
        sent += 1
        return receipt

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "submit", failing)
        with pytest.raises(CutError):
            send(aged, found, claims)
    report = send(aged, found, claims)
    assert report.units + report.units_before == found.issued_units == 2 * len(rows)
    assert aged.everyone.status("ACME").live == before + found.issued_units
    assert sum(claim.units for claim in claims.rows.values()) == 7


def test_nothing_is_sent_where_claims_have_no_home(aged: World, tmp_path: Path) -> None:
    date = dates(aged)[1]
    found = world_plan(aged, tmp_path, f"1,{address(1)},5,{date},", f"2,,6,{date},")
    count = aged.chain.transaction_count(aged.brand.address)
    with pytest.raises(InputError, match="6 ACME are for cards without an address"):
        send(aged, found)
    with pytest.raises(InputError, match="the members are closed"):
        send(aged, found, Refusing())
    assert aged.chain.transaction_count(aged.brand.address) == count


def test_only_the_brand_brings_points_over(aged: World, tmp_path: Path) -> None:
    found = world_plan(aged, tmp_path, f"1,{address(1)},5,{dates(aged)[1]},")
    with pytest.raises(BrandError, match="only the brand brings points over"):
        send_import(aged.brand.brands, found, aged.relay_signer)


def test_more_than_a_lot_holds_sends_nothing(aged: World, tmp_path: Path) -> None:
    date = dates(aged)[1]
    rows = [f"1,{address(1)},{LOT_MAX - 1},{date},", f"2,{address(2)},2,{date},"]
    count = aged.chain.transaction_count(aged.brand.address)
    with pytest.raises(InputError, match="are too many for the lot of"):
        send(aged, world_plan(aged, tmp_path, *rows))
    assert aged.chain.transaction_count(aged.brand.address) == count


def test_a_lot_that_expired_since_the_plan_sends_nothing(aged: World, tmp_path: Path) -> None:
    last_days = dates(aged)
    found = world_plan(
        aged, tmp_path, f"1,{address(1)},5,{last_days[0]},", f"2,{address(2)},5,{last_days[1]},"
    )
    aged.pass_until(found.rows[0].expiry)
    with pytest.raises(BrandError, match="of this import expired on"):
        send(aged, found)
    assert lots(aged, address(2)) == {}


@pytest.mark.parametrize("card", ['=HYPERLINK("HTTP://X")', "@SUM(1)", "+1+CMD|'/C'!A0", "-2-3"])
def test_no_card_is_a_formula_in_a_spreadsheet(tmp_path: Path, card: str) -> None:
    cells = '"' + card.replace('"', '""') + '"'
    found = plan(write(tmp_path, f"{cells},,10,2027-02-19,active"))
    write_rows(tmp_path / "rows.csv", found)
    write_claims(tmp_path / "claims.csv", found)
    write_points(tmp_path / "points.csv", "card", {card: 10}, 0)
    for name in ("rows", "claims", "points"):
        written = list(csv.reader((tmp_path / f"{name}.csv").open(newline="")))[1]
        assert "'" + card in written, name
        assert card not in written, name


@pytest.mark.parametrize("card", ["4711", "+491701234567", "-5", "", "A=B"])
def test_what_is_no_formula_stays_as_it_is(card: str) -> None:
    assert words.cell(card) == card
