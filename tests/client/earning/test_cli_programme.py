"""`troc brand earn` and `troc brand import`, as a brand runs them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.command import troc_here
from tests.client.core.conftest import rpc_call
from tests.client.earning.test_earning import BASE, line, write_csv
from tests.client.earning.test_importing import address, dates, lots, write
from tests.client.trade.conftest import World
from troc.errors import BrandError, DeclinedError, InputError
from troc.programme.members import Members

Run = Callable[..., tuple[int, str, str]]
RULES = BASE + "rules: [{name: Twice, multiply: 2, when: {product: 1}}]\ncaps: {basket: 30}\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`troc` in a folder of its own."""

    def run_(*arguments: str) -> tuple[int, str, str]:
        return troc_here(*arguments, capsys=capsys, cwd=tmp_path, monkeypatch=monkeypatch)

    return run_


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Rules, and receipts of two cards in two months."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    lines = [line("11", "a", 1000, "1"), line("12", "b", 5050), line("11", "c", 700, hours=96)]
    return str(rules), str(write_csv(tmp_path / "receipts.csv", lines))


def rows(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file))


def earn_for_members(files: tuple[str, str], members: tuple[str, ...]) -> tuple[str, ...]:
    """The command that turns receipts into points, with the members' file."""
    outputs = ("-o", "mint.csv", "--unclaimed", "o.csv")
    return ("brand", "earn", *files, "--members", "ACME", *members, *outputs)


def test_earn_tells_and_writes(run: Run, files: tuple[str, str], tmp_path: Path) -> None:
    code, out, _ = run("brand", "earn", *files, "--dry-run", "-o", "mint.csv", "--value", "0.01")
    assert code == 0
    assert "57 points for 2 members" in out
    assert "Cap of 30 a basket: reached 1 time, 20 points less." in out
    assert "Rounding (floor for a basket): -0.5." in out
    assert "The last whole month (2027-02) would have cost 50 points, 0.50 EUR." in out
    assert "Nothing was sent." in out
    assert rows(tmp_path / "mint.csv") == [["card", "amount"], ["11", "27"], ["12", "30"]]


def test_earn_in_json_adds_up(run: Run, files: tuple[str, str]) -> None:
    from fractions import Fraction

    code, out, _ = run("brand", "earn", *files, "--dry-run", "--json", "--month", "2027-02")
    assert code == 0
    found = json.loads(out)
    parts = sum(Fraction(rule["units"]) for rule in found["by_rule"]) + Fraction(found["below_zero"]["units"])
    parts -= Fraction(found["rounding"]) + sum(int(cap["units"]) for cap in found["caps"].values())
    assert parts == int(found["units"]) == 50
    assert not found["sent"]


def test_addresses_are_minted_and_cards_wait(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(BASE)
    lines = [line(address(1).lower(), "a", 1000), line(address(1), "b", 1000), line("77", "c", 500)]
    receipts = str(write_csv(tmp_path / "receipts.csv", lines))
    code, _, err = run("brand", "earn", "rules.yaml", receipts, "-o", "mint.csv")
    assert (code, "1 card with 5 points have no address" in err) == (InputError.exit_code, True)
    assert not (tmp_path / "mint.csv").exists()
    code, out, _ = run("brand", "earn", "rules.yaml", receipts, "-o", "mint.csv", "--unclaimed", "claims.csv")
    assert code == 0
    assert "1 member without an address: 5 points, in the file of --unclaimed alone." in out
    assert rows(tmp_path / "mint.csv") == [["address", "amount"], [address(1), "20"]]
    assert rows(tmp_path / "claims.csv") == [["card", "amount"], ["77", "5"]]


def test_earn_against_the_rules_until_now(run: Run, files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(BASE)
    code, out, _ = run("brand", "earn", *files, "--dry-run", "--against", "old.yaml")
    assert code == 0
    assert "67 → 57 points (-10)" in out
    assert "Twice: new → 10 (+10)" in out
    assert "12: 50 → 30 (-20)" in out
    code, out, _ = run("brand", "earn", *files, "--dry-run", "--against", "old.yaml", "--json")
    assert json.loads(out)["difference"]["losers"] == [{"member": "12", "old": "50", "new": "30"}]


def test_earn_says_what_is_wrong(run: Run, files: tuple[str, str], tmp_path: Path) -> None:
    assert "there is nowhere to write" in run("brand", "earn", *files)[2]
    (tmp_path / "bad.yaml").write_text(BASE.replace("1.00", "0") + "caps: {basket: x}\n")
    code, _, err = run("brand", "earn", "bad.yaml", files[1], "--dry-run", "--json")
    assert code == InputError.exit_code
    assert len(json.loads(err)["faults"]) == 2
    assert "names no table" in run("brand", "earn", *files, "--dry-run", "--table", "products")[2]


@pytest.fixture
def importing(run: Run, world: World, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """`troc brand import ACME members.csv` as the brand, on a chain with four lots."""
    world.pass_days(4 * 92)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    (tmp_path / "deployments").symlink_to(world.chain.config.folder / "deployments")

    def run_(*arguments: str) -> tuple[int, str, str]:
        return run("--rpc", world.chain.config.rpc, "--account", "dev:0", *arguments)

    return run_


def test_import_from_the_command_line(importing: Run, world: World, tmp_path: Path) -> None:
    last = dates(world)
    path = write(tmp_path, f"1,{address(1)},5,{last[1]},", f"2,,6,{last[2]},")
    command = ("brand", "import", "ACME", str(path), "--total", "11", "--report", "rows.csv")
    code, out, err = importing(*command, "--dry-run")
    assert code == 0, err
    assert "2 rows with 11 ACME: 5 ACME are issued, 6 ACME wait for an address." in out
    assert "as before" in out
    assert lots(world, address(1)) == {}
    code, out, err = importing(*command)
    assert code == DeclinedError.exit_code
    code, out, err = importing(*command, "--yes")
    assert (code, "are for cards without an address" in err) == (InputError.exit_code, True)
    code, out, err = importing(*command, "--yes", "--unclaimed", "claims.csv")
    assert code == 0, err
    assert lots(world, address(1)) == {last[1]: 5}
    assert rows(tmp_path / "claims.csv")[1][:3] == ["2", "6", last[2]]
    assert [row[3] for row in rows(tmp_path / "rows.csv")] == ["points", "5", "6"]
    again: Any = json.loads(importing(*command, "--yes", "--unclaimed", "claims.csv", "--json")[1])
    assert (again["sent"], again["issued_before"]["units"]) == (False, "5")
    assert lots(world, address(1)) == {last[1]: 5}


@pytest.fixture
def members(importing: Callable[..., tuple[int, str, str]], tmp_path: Path) -> tuple[str, ...]:
    """The members of ACME, and how their database is opened."""
    (tmp_path / "pass").write_text("correct horse")
    (tmp_path / "pass").chmod(0o600)
    options = ("--members-password-file", "pass", "--database", f"sqlite:///{tmp_path / 'brand.sqlite'}")
    code, _, err = importing("brand", "members", "init", "ACME", *options)
    assert code == 0, err
    return options


def test_imported_cards_become_members_with_claims(
    importing: Callable[..., tuple[int, str, str]], members: tuple[str, ...], world: World, tmp_path: Path
) -> None:
    last = dates(world)
    path = write(tmp_path, f"1,{address(1)},5,{last[1]},", f"2,,6,{last[2]},", f"2,,7,{last[3]},inactive")
    for _ in range(2):
        code, _, err = importing("brand", "import", "ACME", str(path), "--yes", "--members", *members)
        assert code == 0, err
    shown = importing("brand", "members", "find", "ACME", "2", *members, "--json")[1]
    (member,) = json.loads(shown)["members"]
    assert member["status"] == "inactive"
    assert [lot["units"] for lot in member["claim"]] == ["6", "7"]
    assert lots(world, address(1)) == {last[1]: 5}


def test_a_corrected_file_sends_its_difference(
    importing: Callable[..., tuple[int, str, str]], members: tuple[str, ...], world: World, tmp_path: Path
) -> None:
    last = dates(world)
    path = write(tmp_path, f"1,{address(1)},5,{last[1]},", f"2,,6,{last[2]},")
    command = ("brand", "import", "ACME", str(path), "--yes", "--members", *members)
    assert importing(*command)[0] == 0
    # The card 1 gets three more; 2 has an address by now, and four more; 3 is new.
    rows = (f"1,{address(1)},8,{last[1]},", f"2,{address(2)},10,{last[2]},", f"3,,7,{last[3]},")
    write(tmp_path, *rows)
    for more in ((), ("--reference", "corrected")):
        code, _, err = importing(*command, *more)
        assert (code, err) == (
            BrandError.exit_code,
            "troc: points were brought over before for 2 cards of this file: 1 in line 2 had 5 ACME, and"
            " here it has 8 ACME: send only what is missing with --difference; if all of these are further"
            " points, say --further\n",
        )
    code, _, err = importing(*command, "--difference", "--further")
    assert (code, "use --difference or --further" in err) == (InputError.exit_code, True)
    shown = importing(*command, "--difference", "--dry-run")[1]
    assert "Of 25 ACME in the file, 11 ACME were brought over before." in shown
    assert lots(world, address(1)) == {last[1]: 5}
    told = json.loads(importing(*command, "--difference", "--json")[1])
    assert (told["issued_now"]["units"], told["claims"]["units"]) == ("7", "7")
    before = told["brought_before"]
    assert (before["units"], before["less"], before["elsewhere"]) == ("11", "0", "0")
    assert lots(world, address(1)) == {last[1]: 8}
    assert lots(world, address(2)) == {last[2]: 4}
    assert (
        "Nothing is missing."
        in importing(*command, "--difference")[1] + importing(*command, "--difference")[2]
    )
    assert lots(world, address(2)) == {last[2]: 4}
    # The same file without the option is a second one all the same; as further points it is sent whole.
    assert importing(*command)[0] == BrandError.exit_code
    write(tmp_path, rows[0])
    assert importing(*command, "--further", "--reference", "a gift")[0] == 0
    assert lots(world, address(1)) == {last[1]: 16}


def test_a_card_with_another_address_is_known_by_the_file_of_before(
    importing: Run, world: World, tmp_path: Path
) -> None:
    last = dates(world)
    path = write(tmp_path, f"1,{address(1)},5,{last[1]},")
    command = ("brand", "import", "ACME", str(path), "--yes")
    assert importing(*command)[0] == 0
    old = path.rename(tmp_path / "old.csv")
    write(tmp_path, f"1,{address(2)},8,{last[1]},")
    shown = importing(*command, "--difference", "--dry-run")[1]
    assert "5 ACME were brought over to addresses that are not in the file" in shown
    assert "unless --before names the file" in shown
    assert importing(*command, "--before", str(old))[0] == BrandError.exit_code
    shown = importing(*command, "--difference", "--before", str(old))[1]
    assert "Of 8 ACME in the file, 5 ACME were brought over before." in shown
    assert lots(world, address(2)) == {last[1]: 3}


def test_a_difference_waits_for_what_is_under_way(importing: Run, world: World, tmp_path: Path) -> None:
    """What is in no block yet could be the very points that seem to be missing."""
    path = write(tmp_path, f"1,{address(1)},5,{dates(world)[1]},")
    brand = world.owner_signer.address
    rpc_call(world.chain, "evm_setAutomine", False)
    try:
        rpc_call(world.chain, "eth_sendTransaction", {"from": brand, "to": brand})
        code, _, err = importing("brand", "import", "ACME", str(path), "--yes", "--difference")
    finally:
        rpc_call(world.chain, "evm_setAutomine", True)
        rpc_call(world.chain, "evm_mine")
    assert (code, "are under way" in err) == (BrandError.exit_code, True)
    assert importing("brand", "import", "ACME", str(path), "--yes", "--difference")[0] == 0
    assert lots(world, address(1)) == {dates(world)[1]: 5}


def test_earned_points_of_members_are_kept_once(
    importing: Callable[..., tuple[int, str, str]],
    members: tuple[str, ...],
    files: tuple[str, str],
    tmp_path: Path,
) -> None:
    assert importing("brand", "members", "add", "ACME", "11", *members)[0] == 0
    command = ("brand", "earn", *files, "--members", "ACME", *members, "--keep", "March", "-o", "mint.csv")
    code, _, err = importing(*command)
    assert (code, "1 card with 30 points have no address" in err) == (InputError.exit_code, True)
    code, out, err = importing(*command, "--unclaimed", "others.csv")
    assert code == 0, err
    assert "Kept 1 new claim with the members of ACME." in out
    assert rows(tmp_path / "mint.csv") == [["address", "amount"]]
    assert rows(tmp_path / "others.csv") == [["card", "amount"], ["12", "30"]]
    again = importing(*command, "--unclaimed", "others.csv")[1]
    assert "1 member had their points kept for 'March' before: they are left out" in again
    assert "Kept" not in again
    assert rows(tmp_path / "others.csv") == [["card", "amount"], ["12", "30"]]
    assert "1 card of no member: 30 points, kept nowhere but in the file of --unclaimed." in again
    add = ("brand", "members", "add-all", "ACME", "others.csv", *members)
    assert "1 member would be added." in importing(*add, "--dry-run")[1]
    assert "1 member added to Acme Hardware." in importing(*add)[1]
    assert "0 members added to Acme Hardware. 1 card had a member before." in importing(*add)[1]
    assert "Kept 1 new claim" in importing(*command, "--unclaimed", "others.csv")[1]
    (tmp_path / "amounts.csv").write_text("amount\n5\n")
    err = importing("brand", "members", "add-all", "ACME", "amounts.csv", *members)[2]
    assert err == "troc: amounts.csv has no column card: name the column of card numbers `card`\n"


def test_what_a_member_owes_is_kept_back_once(
    importing: Callable[..., tuple[int, str, str]],
    members: tuple[str, ...],
    files: tuple[str, str],
    tmp_path: Path,
) -> None:
    """12 is a member of nobody at first: she owes nothing, and becomes one between two runs of one name."""
    assert importing("brand", "members", "add", "ACME", "11", *members)[0] == 0
    owe = ("brand", "members", "debt", "ACME", "11", "20", "--reference", "refund", "--reason", "late")
    assert importing(*owe, *members)[0] == 0
    command = earn_for_members(files, members)
    out = importing(*command)[1]
    assert "Customers owe 20 ACME, of which nothing is kept back here" in out
    assert rows(tmp_path / "o.csv")[1:] == [["11", "27"], ["12", "30"]]

    def debt() -> str:
        return str(json.loads(importing("brand", "members", "claims", "ACME", *members, "--json")[1])["debt"])

    told = json.loads(importing(*command, "--keep", "March", "--dry-run", "--json")[1])
    assert told["netted"] == {"members": 1, "units": "20"}
    assert debt() == "20"
    code, out, err = importing(*command, "--keep", "March")
    assert code == 0, err
    assert "1 member owed points: 20 of what they earned are kept back, for 'March'." in out
    assert debt() == "0"
    (found,) = json.loads(importing("brand", "members", "find", "ACME", "11", *members, "--json")[1])[
        "members"
    ]
    assert [lot["units"] for lot in found["claim"]] == ["7"]
    assert importing("brand", "members", "add-all", "ACME", "o.csv", *members)[0] == 0
    owe = ("brand", "members", "debt", "ACME", "12", "4", "--reference", "refund 2", "--reason", "late")
    assert importing(*owe, *members)[0] == 0
    assert "1 member owed points: 20 " in importing(*command, "--keep", "March")[1]
    assert debt() == "4"
    told = json.loads(importing(*command, "--net", "May", "--json")[1])
    assert told["netted"] == {"members": 1, "units": "4"}
    assert rows(tmp_path / "o.csv")[1:] == [["11", "27"], ["12", "26"]]
    err = importing("brand", "earn", *files, "-o", "mint.csv", "--net", "May")[2]
    assert err == "troc: debts stand in the brand's books: name the brand with --members\n"


def test_a_multiplier_is_for_members_of_a_status(
    importing: Callable[..., tuple[int, str, str]],
    members: tuple[str, ...],
    files: tuple[str, str],
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text(BASE + "rules: [{name: Gold, multiply: 3, when: {status: gold}}]\n")
    for card, status in (("11", "gold"), ("12", "silver")):
        assert importing("brand", "members", "add", "ACME", card, "--status", status, *members)[0] == 0
    command = ("brand", "earn", *files, "--dry-run")
    told = json.loads(importing(*command, "--members", "ACME", *members, "--json")[1])
    assert told["by_rule"] == [
        {"name": "base", "units": "135/2", "baskets": 3},
        {"name": "Gold", "units": "34", "baskets": 2},
    ]
    err = importing(*command)[2]
    assert "receipts.csv has no column 'status'" in err
    assert "or name the brand of the members with --members" in err


def test_points_that_were_kept_are_not_issued_once_more_when_she_has_an_address(
    importing: Callable[..., tuple[int, str, str]],
    members: tuple[str, ...],
    files: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert importing("brand", "members", "add", "ACME", "11", *members)[0] == 0
    command = earn_for_members(files, members)
    assert importing(*command, "--keep", "March")[0] == 0
    # From now on her card feeds an address.
    monkeypatch.setattr(
        Members, "addresses_of", lambda self, cards: [address(1) if card == "11" else None for card in cards]
    )
    assert importing(*command, "--keep", "March")[0] == 0
    assert rows(tmp_path / "mint.csv") == [["address", "amount"]]
    assert importing(*command, "--keep", "April")[0] == 0
    assert [row[0] for row in rows(tmp_path / "mint.csv")] == ["address", address(1)]


def test_import_with_a_wrong_sum_sends_nothing(importing: Run, world: World, tmp_path: Path) -> None:
    path = write(tmp_path, f"1,{address(1)},5,{dates(world)[1]},")
    code, _, err = importing("brand", "import", "ACME", str(path), "--total", "6", "--yes")
    assert (code, "comes to 5 ACME, not to 6" in err) == (InputError.exit_code, True)
    assert lots(world, address(1)) == {}


def test_a_run_whose_dates_passed_is_taken_up(importing: Run, world: World, tmp_path: Path) -> None:
    from tests.client.earning.test_importing import day

    today = day(world.chain.now() + 1)
    path = write(tmp_path, f"1,{address(1)},5,{today},")
    world.pass_days(1)
    code, _, err = importing("brand", "import", "ACME", str(path), "--yes")
    assert (code, "these points expired on" in err) == (InputError.exit_code, True)
    code, _, err = importing("brand", "import", "ACME", str(path), "--yes", "--as-of", today)
    assert code == 0, err
    assert sum(lots(world, address(1)).values()) == 5
