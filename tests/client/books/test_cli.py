"""The books as a user asks for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.client.books.conftest import Programme
from troc import words
from troc.errors import MemberError

Command = Callable[..., tuple[int, str, str]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_journal_of_each_month(story: Programme, command: Command, tmp_path: Path) -> None:
    closing = "0"
    for month in ("2026-11", "2026-12", "2027-01"):
        file = tmp_path / f"{month}.csv"
        code, out, err = command(
            *("brand", "journal", "month", "PAN", month, "-o", str(file), "--breakage", "0.125"),
            *("--value", "0.0137", "--currency", "CHF"),
        )
        assert (code, err) == (0, "")
        assert "it agrees" in out
        rows = rows_of(file)
        movements = [row for row in rows if row["section"] == "movements"]
        for column in ("points", "full_value", "money"):
            figures = [Decimal(row[column]) for row in movements]
            assert sum(figures[:-1]) == figures[-1], (month, column)
        assert Decimal(movements[0]["points"]) == Decimal(closing)
        closing = movements[-1]["points"]
        by_lot: dict[str, list[Decimal]] = {}
        for row in rows:
            if row["section"] == "lots":
                by_lot.setdefault(row["good_until"], []).append(Decimal(row["points"]))
        assert all(sum(figures[:-1]) == figures[-1] for figures in by_lot.values())
        assert sum(figures[-1] for figures in by_lot.values()) == Decimal(closing)
        pending = [Decimal(row["points"]) for row in rows if row["section"] == "pending"]
        assert sum(pending[:-1]) == pending[-1]
    assert Decimal(closing) > 0


def test_a_month_is_named_in_either_way(story: Programme, command: Command) -> None:
    expected = command("brand", "journal", "month", "PAN", "2026-12", "--json")
    assert expected[0] == 0
    assert command("brand", "journal", "PAN", "--month", "2026-12", "--json") == expected
    assert command("brand", "journal", "--month", "2026-12", "PAN", "--json") == expected
    code, _, err = command("brand", "journal", "PAN", "2026-12", "--month", "2026-12")
    assert (code, err) == (3, "troc: the month is named twice: name it once\n")


def test_a_month_that_runs_is_said_to(story: Programme, command: Command) -> None:
    code, out, _ = command("brand", "journal", "month", "PAN", words.iso_day(story.now)[:7])
    assert code == 0
    assert "The period still runs" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("2027-13",), "is no month"),
        ((), "one time is needed"),
        (("2027-01", "--from", "2027-01-01", "--to", "2027-01-31"), "one time is needed"),
        (("--from", "2027-01-31", "--to", "2027-01-01"), "is no time"),
        (("2099-01",), "has not begun"),
        (("2027-01", "--breakage", "1"), "is no share"),
        (("2027-01", "--value", "x"), "is no amount"),
        (("2027-01", "--currency", "euro"), "is no currency"),
    ],
)
def test_refuses_what_makes_no_sense(
    programme: Programme, command: Command, arguments: tuple[str, ...], says: str
) -> None:
    code, _, err = command("brand", "journal", "month", "PAN", *arguments)
    assert code == 3
    assert says in err


def test_liability_and_balances_of_a_past_day(story: Programme, command: Command, tmp_path: Path) -> None:
    world, brand = story.world, story.brand
    for day in ("2026-11-22", "2026-12-09", "2026-12-28", "2027-01-15"):
        file = tmp_path / f"{day}.csv"
        code, out, err = command("brand", "liability", "PAN", "--at", day, "--json")
        assert (code, err) == (0, "")
        told = json.loads(out)
        at = words.end_of_day(words.parse_day(day))
        block = world.chain.block_before(at + 1)
        token = world.everyone.brands.token(brand).functions
        amounts, expiries, pending, promised = world.chain.call(token.liability(), block=block)
        living = sum(units for units, expiry in zip(amounts, expiries, strict=True) if expiry > at)
        assert told["checked"]
        assert (told["live"], told["pending"], told["promised"]) == (str(living), str(pending), str(promised))
        assert command("brand", "balances", "PAN", "--at", day, "-o", str(file))[0] == 0
        assert sum(Decimal(row["amount"]) for row in rows_of(file)) * 100 == living
    assert command("brand", "balances", "PAN", "-o", str(file))[0] == 3
    assert "pending until 11 December 2026" in command("brand", "liability", "PAN", "--at", "2026-11-22")[1]
    assert "if nothing happens" in command("brand", "liability", "PAN", "--at", "2027-02-10")[1]


def test_liability_tells_what_is_kept_and_owed_on_a_past_day(
    programme: Programme, command: Command, tmp_path: Path
) -> None:
    from tests.client.members.conftest import WORK
    from tests.client.members.test_linking import link
    from troc.programme.members import NewMember
    from troc.programme.programme import Programme as Off
    from troc.programme.vault import Vault, open_brand_store

    world, brand = programme.world, programme.brand
    database = f"sqlite:///{tmp_path / 'brand.sqlite'}"
    store = open_brand_store(world.chain, brand, database)
    off = Off.over(Vault.create(store, "correct horse", WORK), world.chain)
    off.members.add_many([NewMember("1"), NewMember("2")], "clerk")
    first = words.iso_day(programme.now)
    off.claims.add("1", 1_250, brand.longest_life(programme.now), "basket")
    off.debts.record_debt("2", 300, "late", "came back too late", "clerk")
    world.pass_days(2)
    off.claims.add("2", 40, brand.longest_life(programme.now), "another")
    assert off.debts.net("2", 100, "November") == (0, 100)
    link(world, off, "1", world.ann)
    off.claims.pay(world.chain, world.everyone.brands.token(brand), world.owner_signer)
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    line = ("brand", "liability", "PAN", "--database", database, "--members-password-file", str(password))

    def told(*arguments: str) -> tuple[str, ...]:
        form = json.loads(command(*line, *arguments, "--json")[1])
        return form["live"], form["unclaimed"], form["debts"]

    assert told("--at", first) == ("0", "1250", "300")
    assert told() == ("1250", "40", "200")
    code, out, _ = command(*line, "--members")
    assert code == 0
    for text in ("  0.4 unclaimed, kept for", "  12.9 owed in all: ", "  2 owed by customers, "):
        assert text in out
    assert "unclaimed" not in json.loads(command("brand", "liability", "PAN", "--json")[1])


def test_statement(story: Programme, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    bob = story.world.bob.address
    code, out, err = command("points", "statement", "PAN", "--of", bob, "-o", str(file))
    assert (code, err) == (0, "")
    for text in (
        "earned at Le Panier",
        f"given to {story.world.cem.address}",
        "got in trade for 80 BETA",
        "matured: the goods from Le Panier can no longer be returned",
        "credited by Le Panier with the date of earlier points",
        "redeemed at Le Panier, receipt 0x",
        "expired: good until",
    ):
        assert text in out, text
    rows = rows_of(file)
    changes = [Decimal(row["points"]) for row in rows if row["points"]]
    opening, closing = Decimal(rows[0]["balance"]), Decimal(rows[-1]["balance"])
    assert opening + sum(changes) == closing
    assert closing * 100 == story.world.everyone.balance(story.brand, bob).total
    code, out, _ = command(
        *("points", "statement", "PAN", "--of", bob, "--from", "2026-12-01", "--to", "2026-12-31", "--json")
    )
    part = json.loads(out)
    assert part["checked"]
    assert int(part["opening"]) + sum(int(line["units"]) for line in part["lines"]) == int(part["closing"])
    assert int(part["opening"]) > 0
    code, out, _ = command("points", "statement", "PAN", "--of", story.world.ann.address)
    assert "traded away for 80 BETA" in out
    assert "given back by Le Panier" in out


def test_status_adds_members(story: Programme, command: Command, tmp_path: Path) -> None:
    from tests.client.members.conftest import WORK
    from troc.programme.members import NewMember
    from troc.programme.programme import Programme as Off
    from troc.programme.vault import Vault, open_brand_store

    world, brand = story.world, story.brand
    database = f"sqlite:///{tmp_path / 'brand.sqlite'}"
    store = open_brand_store(world.chain, brand, database)
    off = Off.over(Vault.create(store, "correct horse", WORK), world.chain)
    off.members.add_many([NewMember("1"), NewMember("2")], "clerk")
    off.claims.add("1", 1_250, brand.longest_life(story.now), "basket")
    off.debts.record_debt("2", 300, "late", "came back too late", "clerk")
    with pytest.raises(MemberError):
        off.claims.add("3", 1, brand.longest_life(story.now), "nobody")
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    arguments = ("--members", "--database", database, "--members-password-file", str(password))
    code, out, err = command("brand", "status", "PAN", *arguments, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["unclaimed"], told["debts"]) == ("1250", "300")
    assert int(told["owed_in_all"]) == int(told["live"]) + int(told["pending"]) + 1_250
    code, out, _ = command("brand", "status", "PAN", *arguments)
    assert "Kept for members without an address: 12.5." in out
    assert "Customers owe 3," in out


def test_the_journal_of_a_month_with_members(programme: Programme, command: Command, tmp_path: Path) -> None:
    from tests.client.members.conftest import WORK
    from tests.client.members.test_linking import link
    from troc.programme.claims import IMPORTED, ClaimRow
    from troc.programme.members import NewMember
    from troc.programme.programme import Programme as Off
    from troc.programme.vault import Vault, open_brand_store

    world, brand = programme.world, programme.brand
    database = f"sqlite:///{tmp_path / 'brand.sqlite'}"
    off = Off.over(
        Vault.create(open_brand_store(world.chain, brand, database), "correct horse", WORK), world.chain
    )
    off.members.add_many([NewMember("1"), NewMember("2")], "clerk")
    expiry = brand.longest_life(programme.now)
    off.claims.add("1", 1_250, expiry, "basket")
    off.claims.add_many([ClaimRow("2", 700, expiry, "old card", IMPORTED)])
    off.debts.record_debt("2", 300, "late", "came back too late", "clerk")
    assert off.debts.net("2", 100, "November") == (0, 100)
    link(world, off, "1", world.ann)
    off.claims.pay(world.chain, world.everyone.brands.token(brand), world.owner_signer)
    month = words.iso_day(programme.now)[:7]
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    file = tmp_path / "month.csv"
    line = ("brand", "journal", "month", "PAN", month)
    options = ("--members", "--database", database, "--members-password-file", str(password))
    code, out, err = command(*line, *options, "-o", str(file))
    assert (code, err) == (0, "")
    assert "Customers owe: 0 + 3 noted - 1 netted = 2." in out
    rows = rows_of(file)
    kept = {row["figure"]: Decimal(row["points"]) for row in rows if row["section"] == "kept for members"}
    *moves, closing = kept.values()
    assert sum(moves) == closing == 7
    assert sorted(each for each in moves if each) == [Decimal("-12.5"), 7, Decimal("12.5")]
    debts = [Decimal(row["points"]) for row in rows if row["section"] == "debts of customers"]
    assert debts == [0, 3, -1, 2]
    movements = [row for row in rows if row["section"] == "movements"]
    figures = [Decimal(row["points"]) for row in movements]
    assert sum(figures[:-1]) == figures[-1] == Decimal("12.5")
    told = json.loads(command(*line, *options, "--json")[1])["kept"]
    assert told["debts"] == {"opening": "0", "noted": "300", "netted": "100", "closing": "200"}
    assert [entry["units"] for entry in told["entries"]][-1] == "700"
    assert json.loads(command(*line, "--json")[1])["kept"] is None
    # A claim that somebody raised without the passphrase is in no books.
    with off.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE claim_entries SET units = units + 1")
    code, _, err = command(*line, *options)
    assert (code, "altered by somebody without the passphrase" in err) == (17, True)


def test_a_payment_that_arrived_is_no_claim_any_more(programme: Programme, tmp_path: Path) -> None:
    """Even if the run that sent it was cut off before it noted that: it must not be owed twice."""
    from tests.client.members.conftest import WORK
    from tests.client.members.test_linking import link
    from troc.programme.books import off_chain
    from troc.programme.members import NewMember
    from troc.programme.programme import Programme as Off
    from troc.programme.vault import Vault, open_brand_store

    world, brand = programme.world, programme.brand
    store = open_brand_store(world.chain, brand, f"sqlite:///{tmp_path / 'brand.sqlite'}")
    off = Off.over(Vault.create(store, "correct horse", WORK), world.chain)
    off.members.add_many([NewMember("1"), NewMember("2")], "clerk")
    link(world, off, "1", world.ann)
    expiry = brand.longest_life(programme.now)
    off.claims.add("1", 700, expiry, "hers")
    off.claims.add("2", 50, expiry, "without an address")
    token = world.everyone.brands.token(brand)
    off.claims.prepare()
    (payment,) = off.claims.prepared()
    assert off_chain(off, world.chain, token).unclaimed == 750
    programme.call("mintAtEpoch", payment.id, payment.epoch, payment.packed)
    assert off.claims.books().unclaimed == 750
    found = off_chain(off, world.chain, token)
    assert (found.unclaimed, found.by_expiry) == (50, ((50, expiry),))
