"""Rules of one's own, what they may not do, and findings that are told once and laid aside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.client.trade.conftest import World
from troc.errors import InputError
from troc.index import Index
from troc.programme.journal import Journal
from troc.programme.vault import BrandStore
from troc.programme.watch import (
    MOST,
    Findings,
    Rule,
    Watch,
    built_in_rules,
    copy_rules,
    only_reading,
    read_rules,
)

HEADER = "-- severity: low\n-- reason: {recipient} got {units}\n-- key: recipient, units\n"
EVERYBODY = "SELECT recipient, units FROM chain_issues WHERE token = :token"
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 0 FROM n)"
    " SELECT 'x' AS recipient, MAX(i) AS units FROM n"
)


def rule(sql: str, name: str = "mine", header: str = HEADER) -> Rule:
    return Rule.parse(name, header + sql)


@pytest.fixture
def findings(store: BrandStore) -> Findings:
    return Findings(store, lambda: 1_800_000_000)


@pytest.fixture
def caught_up(index: Index) -> Index:
    index.catch_up()
    return index


def test_told_once_by_any_program(world: World, caught_up: Index, findings: Findings) -> None:
    watch = Watch(findings, caught_up, [rule(EVERYBODY)])
    (first,) = watch.run().new
    assert first.reason == f"{world.ann.address} got 400 ACME"
    assert first.data == {"recipient": world.ann.address, "units": 400}
    assert not watch.run().new
    # Said in other words it is still the same.
    reworded = rule(EVERYBODY, header=HEADER.replace("got", "has"))
    assert not Watch(Findings(findings.store), caught_up, [reworded]).run().new
    # By another rule it is another.
    (other,) = Watch(findings, caught_up, [rule(EVERYBODY, "other")]).run().new
    assert other.id != first.id
    world.brand.mint("ACME", {world.bob.address: 3})
    caught_up.catch_up()
    assert [each.data["units"] for each in watch.run().new] == [3]
    assert len(findings.all()) == 3


def test_found_again_after_the_index_was_made_anew(
    world: World, url: str, caught_up: Index, findings: Findings
) -> None:
    Watch(findings, caught_up, [rule(EVERYBODY)]).run()
    anew = Index.rebuild(world.chain, world.manifest, url)
    anew.catch_up()
    assert not Watch(findings, anew, [rule(EVERYBODY)]).run().new
    assert len(findings.all()) == 1


def test_laid_aside_with_an_entry_in_the_journal(
    caught_up: Index, store: BrandStore, findings: Findings
) -> None:
    watch = Watch(findings, caught_up, [rule(EVERYBODY)])
    (found,) = watch.run().new
    with pytest.raises(InputError, match="say so with --reason"):
        findings.acknowledge(found.id, "eva", " ")
    with pytest.raises(InputError, match="there is no finding"):
        findings.acknowledge("f" * 16, "eva", "a test")
    assert list(Journal(store).entries()) == []
    done = findings.acknowledge(found.id, "eva", "opening bonus")
    assert (done.acknowledged_by, done.acknowledged_at) == ("eva", 1_800_000_000)
    with pytest.raises(InputError, match="laid aside by eva before"):
        findings.acknowledge(found.id, "fay", "again")
    (entry,) = Journal(store).entries()
    assert (entry.kind, entry.actor, entry.reason) == ("watch.acknowledged", "eva", "opening bonus")
    assert entry.data == {"finding": found.id, "rule": "mine", "told": found.reason}
    Journal(store).verify()
    assert not findings.all(open_only=True)
    assert [each.id for each in findings.all()] == [found.id]
    assert not watch.run().new


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM chain_issues",
        "DELETE FROM chain_issues RETURNING recipient, units",
        "WITH gone AS (DELETE FROM chain_issues RETURNING *) SELECT recipient, units FROM gone",
        "SELECT 1) AS x; DELETE FROM chain_issues; SELECT * FROM (SELECT 1 AS recipient, 2 AS units",
        "SELECT 1) AS x; COMMIT; DELETE FROM chain_issues; SELECT * FROM (SELECT 1 AS units",
        "SELECT * FROM absent",
        "SELECT units FROM chain_issues",
        "SELECT recipient, 'many' AS units FROM chain_issues",
        "SELECT recipient, units FROM chain_issues WHERE units = 1 / 0 OR",
        "",
    ],
)
def test_a_rule_that_does_more_or_nothing_sensible_is_a_fault(
    sql: str, caught_up: Index, findings: Findings
) -> None:
    done = Watch(findings, caught_up, [rule(sql, "bad-one"), rule(EVERYBODY)]).run()
    (fault,) = done.faults
    assert fault.rule == "bad-one"
    assert fault.said.startswith("the rule bad-one ")
    assert "\n" not in fault.said
    # And the other has run, over what was there.
    assert [finding.rule for finding in done.new] == ["mine"]
    assert caught_up.status().rows["issues"] == 3


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM chain_issues",
        "UPDATE chain_issues SET units = 1",
        "CREATE TABLE mine (a INTEGER)",
        "DROP TABLE chain_issues",
    ],
)
def test_the_database_itself_refuses_to_write(sql: str, caught_up: Index) -> None:
    with (
        only_reading(caught_up.engine, 5) as connection,
        pytest.raises(sa.exc.DBAPIError, match=r"read-only|not authorized"),
    ):
        connection.exec_driver_sql(sql)
    assert caught_up.status().rows["issues"] == 3


def test_a_rule_opens_no_other_file(tmp_path: Path, caught_up: Index) -> None:
    if caught_up.engine.dialect.name != "sqlite":
        pytest.skip("files are attached in SQLite alone")
    for sql in (f"ATTACH '{tmp_path / 'other'}' AS other", "PRAGMA query_only = OFF"):
        with (
            only_reading(caught_up.engine, 5) as connection,
            pytest.raises(sa.exc.DBAPIError, match="not authorized"),
        ):
            connection.exec_driver_sql(sql)


def test_a_rule_cannot_switch_writing_on(caught_up: Index, findings: Findings) -> None:
    if caught_up.engine.dialect.name != "postgresql":
        pytest.skip("a setting of PostgreSQL")
    sql = "SELECT set_config('transaction_read_only', 'off', false) AS recipient, 1 AS units"
    done = Watch(findings, caught_up, [rule(sql)]).run()
    assert [fault.rule for fault in done.faults] == ["mine"]


def test_a_rule_that_takes_too_long_is_ended(caught_up: Index, findings: Findings) -> None:
    begun = time.monotonic()
    done = Watch(findings, caught_up, [rule(ENDLESS, "endless"), rule(EVERYBODY)], seconds=0.5).run()
    assert time.monotonic() - begun < 10
    assert [fault.said for fault in done.faults] == [
        "the rule endless took longer than 0.5 s: let it look at less"
    ]
    assert [finding.rule for finding in done.new] == ["mine"]


@pytest.mark.parametrize(("rows", "faults"), [(MOST, 0), (MOST + 1, 1)])
def test_a_rule_that_finds_too_much(rows: int, faults: int, caught_up: Index, findings: Findings) -> None:
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        " SELECT 'x' AS recipient, i AS units FROM n"
    )
    many = rule(sql, header=f"{HEADER}-- set rows = {rows}\n")
    done = Watch(findings, caught_up, [many]).run()
    assert (len(done.faults), len(done.new)) == (faults, 0 if faults else rows)


def test_only_what_is_new_enough(world: World, index: Index, findings: Findings) -> None:
    recent = rule(f"{EVERYBODY} AND time >= :since AND time <= :now")
    world.pass_days(60)
    index.catch_up()
    assert not Watch(findings, index, [recent], days=59).run().new
    assert Watch(findings, index, [recent], days=61).run().new


def test_sql_with_signs_that_drivers_read_otherwise(caught_up: Index, findings: Findings) -> None:
    odd = rule(f"{EVERYBODY} AND recipient LIKE '0x%' AND '12:30' <> '%(units)s?' -- done")
    done = Watch(findings, caught_up, [odd]).run()
    assert (len(done.new), done.faults) == (1, [])


def test_a_rule_of_ones_own_replaces_adds_and_switches_off(tmp_path: Path) -> None:
    files = copy_rules(tmp_path)
    names = sorted(built_in_rules())
    assert [file.stem for file in files] == names
    assert read_rules([tmp_path]) == (read_rules()[0], [])
    with pytest.raises(InputError, match="is there already"):
        copy_rules(tmp_path)
    velocity = tmp_path / "velocity.sql"
    velocity.write_text(velocity.read_text().replace("set most = 5", "set most = 9"))
    (tmp_path / "return-loop.sql").write_text("-- severity: off\n")
    (tmp_path / "mine.sql").write_text(HEADER + EVERYBODY + ";\n")
    (tmp_path / "serial-returns.sql").write_text("-- severity: terrible\n")
    rules, faults = read_rules([tmp_path])
    assert [each.name for each in rules] == sorted({*names, "mine"} - {"return-loop", "serial-returns"})
    assert {each.name: each.parameters for each in rules}["velocity"] == {"most": 9}
    assert [fault.rule for fault in faults] == ["serial-returns"]
    # One file as well; what is not there is no fault, but a slip of the hand.
    assert {each.name: each.parameters for each in read_rules([velocity])[0]}["velocity"] == {"most": 9}
    with pytest.raises(InputError, match="holds no rules"):
        read_rules([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1", "says no severity"),
        ("-- severity: low\n-- key: a\nSELECT 1", "says no reason or no key"),
        ("-- severity: low\n-- reason: a\nSELECT 1", "says no reason or no key"),
        (HEADER + "-- set token = 3\nSELECT 1", "sets token, which is given"),
        (HEADER + "SELECT :many", "uses :many"),
        # A setting after the first line of SQL is a comment.
        (HEADER + "SELECT :many\n-- set many = 3", "uses :many"),
    ],
)
def test_reverts_when_a_rule_says_too_little(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"the rule mine {said}"):
        Rule.parse("mine", text)


def test_built_in_rules_are_complete() -> None:
    for each in built_in_rules().values():
        assert each.severity in ("low", "medium", "high")
        # Whatever a rule sets, its SQL uses.
        assert set(each.parameters) <= set(each.statement.compile().params)
