"""`troc brand members`, `journal`, `adjust`, `limits`, `troc points link`, as a user runs them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client.core.command import Place, environment, troc_here
from tests.client.core.conftest import quick, rpc_call
from tests.client.trade.conftest import START
from troc.accounts import address_of, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.errors import StoreError

OWNER, ANN, EVA, FAY = "dev:0", "dev:1", "dev:4", "dev:5"


@dataclass
class Desk(Place):
    """A brand's desk."""

    def members(self, *arguments: str, account: str = "") -> str:
        """`troc brand members COMMAND PANIER …` with the passphrase."""
        command, *rest = arguments
        return self.troc("brand", "members", command, "PANIER", *rest, *self.password, account=account)

    @property
    def password(self) -> tuple[str, str]:
        return ("--members-password-file", str(self.folder / "passphrase"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("work")
    (folder / "config").mkdir()
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    (folder / "passphrase").write_text("correct horse\n")
    (folder / "passphrase").chmod(0o600)
    with run_anvil(port := free_port(), "--timestamp", str(START)):
        rpc = rpc_of(port)
        chain = Chain.connect(quick(rpc, folder))
        owner = open_account(OWNER, chain.config)
        Troc(chain, deploy_suite(chain, owner)).as_account(owner).launch("Le Panier", "PANIER")
        yield rpc, folder


@pytest.fixture
def desk(
    kept: tuple[str, Path], home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    rpc, folder = kept
    chain = Chain.connect(quick(rpc, folder))
    snapshot = rpc_call(chain, "evm_snapshot")

    def run(*arguments: str) -> tuple[int, str, str]:
        return troc_here(*arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    monkeypatch.setattr("troc.programme.vault.SCRYPT_WORK", 4)
    found = Desk(rpc, folder, run, chain)
    shown = found.members("init")
    assert re.search(r"kept in sqlite:.*/\.troc/31337-\w{12}/0x\w{40}/brand\.sqlite\.", shown)
    yield found
    rpc_call(chain, "evm_revert", snapshot)


def database(home: Path) -> Path:
    (found,) = home.glob(".troc/*/*/brand.sqlite")
    return found


def test_a_members_way_through_the_programme(desk: Desk, home: Path) -> None:
    """Added, consents, earns a goodwill claim, links her address, is paid, exported, erased."""
    members = desk.members
    assert members("add", "4006 381", "--household", "Jung", "--detail", "name=Annegret") == (
        "4006381 is a member of Le Panier.\n"
    )
    members("consent", "4006381", "newsletter", "--how", "form 17")
    accounts = ("--sign", EVA, "--sign", FAY, "--agent", EVA, "--agent", FAY)
    limits = ("--per-day", "300", "--second-above", "100", "--reason", "opening")
    desk.troc("brand", "limits", "PANIER", *accounts, *limits, *desk.password)
    assert desk.troc("brand", "limits", "PANIER", *desk.password) == (
        "dev:4 and dev:5 may adjust 300 PANIER a day each; more than 100 PANIER at once takes two of them.\n"
    )
    adjust = ("brand", "adjust", "PANIER", "4006381")
    why = ("--reason", "broken eggs", "--agent", EVA, *desk.password)
    code, _, err = desk.tried(*adjust, "+150", *why, account=OWNER)
    assert (code, err) == (18, "troc: more than 100 PANIER takes two: name another agent with --second\n")
    shown = desk.troc(*adjust, "+150", *why, "--second", FAY, account=OWNER)
    assert shown.endswith("150 PANIER added to her claim; entry 4 of the journal.\n")
    shown = desk.troc(*adjust, "-20", *why, account=OWNER)
    assert shown.endswith("20 PANIER taken off her claim; entry 7 of the journal.\n")
    assert "Earned 150 = unclaimed 130 + paid 0 + lapsed 0 + reduced 20 + given up 0.\n" in members("claims")

    shown = desk.troc("brand", "journal", "verify", "PANIER", *desk.password)
    assert "2 adjustments and all limits are signed by their agents." in shown

    file = str(desk.folder / "link.json")
    members("invite", "4006381", address_of(ANN), "-o", file)
    assert "The brand will know that this address is yours." in desk.troc("points", "link", file, account=ANN)
    assert "130 PANIER are kept for her" in members("link", "4006381", file)
    assert "Paid 130 PANIER to 1 address." in members("pay", account=OWNER)
    assert "Nothing was left to pay." in members("pay", account=OWNER)
    assert desk.json("points", "balance", "PANIER", account=ANN)["units"] == "130"
    assert "household Jung" in members("find", address_of(ANN))

    told = json.loads(members("export", "4006381"))
    assert told["member"]["address"] == address_of(ANN)
    assert sum(int(entry["units"]) for entry in told["claim_entries"]) == 130
    shown = members("erase", "4006381", "--reason", "she asked")
    assert f"  {address_of(ANN)} and all it did stay on the chain" in shown
    assert members("list") == "There are no such members.\n"
    found = b"".join(path.read_bytes() for path in database(home).parent.iterdir())
    for secret in (b"4006381", address_of(ANN).encode(), b"Annegret", b"broken eggs"):
        assert secret not in found
    assert "entries are as they were written" in desk.troc("brand", "journal", "verify", "PANIER")


def test_an_adjustment_is_signed_at_two_machines(desk: Desk) -> None:
    desk.members("add", "1")
    accounts = ("--sign", EVA, "--sign", FAY, "--agent", EVA, "--agent", FAY)
    limits = ("--per-day", "300", "--second-above", "100", "--reason", "opening")
    desk.troc("brand", "limits", "PANIER", *accounts, *limits, *desk.password)
    file = desk.folder / "asked.json"
    file.unlink(missing_ok=True)
    ask = (
        "brand",
        "adjust",
        "PANIER",
        "1",
        "+150",
        "--reason",
        "broken door",
        "--agent",
        EVA,
        *desk.password,
    )
    code, _, err = desk.tried(*ask, "--ask", str(file), "--second", FAY)
    assert (code, "leave --ask or --second away" in err) == (3, True)
    assert f"Signed into {file}. Nothing is decided" in desk.troc(*ask, "--ask", str(file))
    code, _, err = desk.tried(*ask, "--ask", str(file))
    assert (code, "cannot be written" in err) == (3, True)
    sign = ("brand", "countersign", "PANIER", str(file), "--agent", FAY, *desk.password)
    shown = desk.troc(*sign, account=OWNER)
    assert f"{address_of(EVA)} asks: 1 gets 150 PANIER: broken door." in shown
    assert "150 PANIER added to her claim" in shown
    assert "Done before" in desk.troc(*sign, account=OWNER)
    assert "Earned 150 = unclaimed 150" in desk.members("claims")
    shown = desk.troc("brand", "journal", "verify", "PANIER", *desk.password)
    assert "1 adjustment and all limits are signed" in shown


def test_the_journal_is_anchored_and_a_cut_shows(desk: Desk, home: Path) -> None:
    desk.members("add", "1")
    desk.members("add", "2")
    head = str(desk.folder / "head.json")
    (desk.folder / "head.json").unlink(missing_ok=True)
    desk.troc("brand", "journal", "head", "PANIER", "-o", head)
    code, _, err = desk.tried("brand", "journal", "anchor", "PANIER", account=ANN)
    assert code == 3
    assert "only the brand anchors its journal" in err
    anchor = desk.json("brand", "journal", "anchor", "PANIER", account=OWNER)
    assert desk.json("brand", "journal", "verify", "PANIER", "--anchor", anchor["transaction"])[
        "anchored"
    ] == [2]
    desk.members("add", "3")
    export = desk.folder / "journal.jsonl"
    export.unlink(missing_ok=True)
    desk.troc("brand", "journal", "export", "PANIER", "-o", str(export))
    assert [json.loads(line)["kind"] for line in export.read_text().splitlines()] == ["member added"] * 3
    assert "All 3 entries" in desk.troc("brand", "journal", "verify", "PANIER", "--head", head)

    engine = sa.create_engine(f"sqlite:///{database(home)}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM journal WHERE sequence > 1")
    engine.dispose()
    assert "All 1 entries" in desk.troc("brand", "journal", "verify", "PANIER")
    for option in (("--head", head), ("--anchor", anchor["transaction"])):
        code, _, err = desk.tried("brand", "journal", "verify", "PANIER", *option)
        assert code == 19
        assert err == (
            "troc: entry 2 of the journal is missing: 2 entries were anchored:"
            " compare with a backup; do not write on until it is clear\n"
        )


def test_only_the_brands_transactions_anchor(desk: Desk) -> None:
    ann = open_account(ANN, desk.chain.config)
    head = desk.json("brand", "journal", "head", "PANIER")
    data = "0x" + (b"troc.journal\0" + head["sequence"].to_bytes(8) + bytes.fromhex(head["hash"])).hex()
    sent: Any = {"to": ann.address, "data": data}
    receipt = desk.chain.send(sent, ann)
    code, _, err = desk.tried("brand", "journal", "verify", "PANIER", "--anchor", receipt.transaction)
    assert code == 3
    assert "who is not the brand" in err
    code, _, err = desk.tried("brand", "journal", "verify", "PANIER", "--anchor", "0x" + "12" * 32)
    assert code == 3
    assert "the chain has no transaction" in err


def test_the_passphrase_is_asked_for_and_changed(desk: Desk) -> None:
    desk.members("add", "1")
    wrong = desk.folder / "wrong"
    wrong.write_text("wrong horse\n")
    wrong.chmod(0o600)
    line = ("brand", "members", "list", "PANIER")
    code, _, err = desk.tried(*line, "--members-password-file", str(wrong))
    assert (code, err) == (
        8,
        "troc: this is not the passphrase of the members of PANIER: try again, mind capitals and spaces\n",
    )
    code, _, err = desk.tried(*line)
    assert (code, err) == (
        8,
        "troc: the passphrase of the members is needed: name a file with --members-password-file\n",
    )
    desk.members("passphrase", "--new-password-file", str(wrong))
    assert desk.troc(*line, "--members-password-file", str(wrong)) == "1  no address\n"


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    desk.members("add", "1")
    before = desk.json("brand", "journal", "head", "PANIER")
    desk.members("add", "2", "--dry-run")
    desk.members("consent", "1", "newsletter", "--how", "form", "--dry-run")
    desk.members("debt", "1", "5", "--reference", "r", "--reason", "late", "--dry-run")
    desk.members("erase", "1", "--reason", "asked", "--dry-run")
    assert desk.json("brand", "journal", "head", "PANIER") == before
    assert desk.members("list") == "1  no address\n"


def test_debts_are_shown(desk: Desk) -> None:
    desk.members("add", "1")
    line = ("debt", "1", "5", "--reference", "refund 7", "--reason", "late")
    assert "1 owes 5 PANIER" in desk.members(*line)
    assert desk.members(*line).startswith("refund 7 was noted before. 1 owes 5 PANIER")
    assert "Customers owe 5." in desk.members("claims")
    assert "  owes 5 PANIER" in desk.members("find", "1")


def test_a_database_by_url_serves_as_well(desk: Desk, tmp_path: Path) -> None:
    elsewhere = ("--database", f"sqlite:///{tmp_path / 'own.sqlite'}")
    desk.members("init", *elsewhere)
    desk.members("add", "77", *elsewhere)
    assert desk.members("list", *elsewhere) == "77  no address\n"
    assert desk.members("list") == "There are no such members.\n"


def write(home: Path, *statements: str) -> None:
    """As somebody does who has the database and not the passphrase."""
    engine = sa.create_engine(f"sqlite:///{database(home)}")
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_check_tells_of_changes(desk: Desk, home: Path) -> None:
    desk.members("add", "1")
    desk.members("debt", "1", "5", "--reference", "refund 7", "--reason", "late")
    head = desk.folder / "checked.json"
    head.unlink(missing_ok=True)
    desk.troc("brand", "journal", "head", "PANIER", "-o", str(head))
    shown = desk.members("check")
    assert shown.startswith("2 rows of members, claims and debts are as they were written. Whether all of it")
    assert desk.members("check", "--head", str(head)) == (
        "2 rows of members, claims and debts are as they were written.\n"
    )
    write(home, "UPDATE debts SET units = 1")
    code, _, err = desk.tried("brand", "members", "check", "PANIER", *desk.password)
    assert (code, err) == (
        StoreError.exit_code,
        "troc: debts in the database was altered by somebody without the passphrase: restore the database"
        " from a backup, and pay nothing until it is clear\n",
    )


@pytest.mark.parametrize("part", ["", "DELETE FROM troc_parts WHERE part = 'guards'"])
def test_a_database_of_before_is_taken_up(desk: Desk, home: Path, part: str) -> None:
    """Made when there were no sums: its tables, whether or not its list of parts knows of them."""
    desk.members("add", "1")
    desk.members("debt", "1", "5", "--reference", "refund 7", "--reason", "late")
    write(home, "DROP TABLE guards", *filter(None, [part]))
    for command in (("find", "PANIER", "1"), ("check", "PANIER"), ("add", "PANIER", "2")):
        code, _, err = desk.tried("brand", "members", *command, *desk.password)
        assert (code, err) == (
            StoreError.exit_code,
            "troc: the database has no sums by which changes are seen: restore it from a backup; if an"
            " earlier version made it, run `troc brand members check BRAND --begin`\n",
        )
    desk.members("check", "--begin", "--dry-run")
    assert desk.tried("brand", "members", "check", "PANIER", *desk.password)[0] == StoreError.exit_code
    assert "2 rows of members, claims and debts are as" in desk.members("check", "--begin", account=OWNER)
    assert "owes 5 PANIER" in desk.members("find", "1")
    desk.members("add", "2")
    assert "3 rows" in desk.members("check")
    write(home, "UPDATE debts SET units = 1")
    assert desk.tried("brand", "members", "check", "PANIER", *desk.password)[0] == StoreError.exit_code


@pytest.mark.parametrize("amount", ["50", "0", "+0", "+x", "-"])
def test_an_amount_must_say_more_or_less(desk: Desk, amount: str) -> None:
    desk.members("add", "1")
    line = ("brand", "adjust", "PANIER", "1", amount, "--reason", "eggs", "--agent", EVA, *desk.password)
    code, _, err = desk.tried(*line, account=OWNER)
    assert code == 3, err


@pytest.mark.parametrize(
    "line", [("members", "list", "X"), ("members", "init", "X"), ("journal", "verify", "X"), ("limits", "X")]
)
def test_without_databases_it_says_what_to_install(line: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; from troc.cli import main; main(sys.argv[1:])"
    ended = subprocess.run(
        [sys.executable, "-c", program, "brand", *line],
        env=environment(home),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        3,
        "troc: databases need SQLAlchemy: run `pip install '.[store]'` in the folder of this project\n",
    )
