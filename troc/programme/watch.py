"""Watching a programme: plain rules in SQL over the index, and what they find.

A rule is a file of SQL whose first comments say how bad a finding is, its reason in words, the columns that
make it the same finding when it is met again, and parameters with their usual values. It runs in a
transaction that only reads, with a limit of time, unchanged on SQLite and PostgreSQL.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from troc import words
from troc.brands import Brand
from troc.errors import InputError, StoreError, TrocError
from troc.index.reading import Reading
from troc.programme.journal import Journal
from troc.programme.vault import BrandStore
from troc.store import reading

SEVERITIES = ("low", "medium", "high")
OFF = "off"
"""The severity of a rule that is not run, to switch a built-in one off by a file of its name."""

MOST = 1_000
"""So many findings of one rule are taken at once."""

SECONDS = 30
"""So long a rule may run."""

USUAL_DAYS = 60
"""So far back the rules look for something new."""

_BUILT_IN = Path(__file__).parent / "watch_rules"
_GIVEN = ("token", "since", "now", "clerks")
_LARGEST = 100_000
_HEADER = re.compile(r"--\s*(severity|reason|key)\s*:\s*(.*\S)\s*")
_SETTING = re.compile(r"--\s*set\s+([a-z_]\w*)\s*=\s*(-?\d{1,15})\s*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PLACE = re.compile(r"\{(\w+)\}")
_INSTRUCTIONS = 10_000
_WRITES = (
    *("read-only", "readonly", "not authorized", "prohibited", "multiple commands", "one statement"),
    # A query inside of ours is no place for anything else.
    *('near "INSERT"', 'near "UPDATE"', 'near "DELETE"', "data-modifying"),
)

_tables = sa.MetaData()
_findings = sa.Table(
    "watch_findings",
    _tables,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("rule", sa.String(40), nullable=False),
    sa.Column("severity", sa.String(10), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("found_at", sa.BigInteger, nullable=False),
    sa.Column("acknowledged_at", sa.BigInteger),
    sa.Column("acknowledged_by", sa.String(100)),
)


# ------------------------------------------------------------------------------------------------------ rules


@dataclass(frozen=True)
class Rule:
    """A rule. `key` names the columns that tell one finding from another; `parameters` are whole numbers that
    the SQL names as `:name`, beside `:token`, `:since`, `:now` (Unix seconds) and `:clerks` (addresses).
    """

    name: str
    severity: str
    reason: str
    key: tuple[str, ...]
    parameters: Mapping[str, int]
    sql: str

    @classmethod
    def parse(cls, name: str, text: str) -> Rule:
        """Read a rule from its file's text. Raises `InputError` with its name."""
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is no name of a rule", "use small letters, digits and hyphens")
        said: dict[str, str] = {}
        parameters: dict[str, int] = {}
        for line in text.splitlines():
            if line.strip() and not line.lstrip().startswith("--"):
                break
            if header := _HEADER.fullmatch(line.strip()):
                said[header[1]] = header[2]
            elif setting := _SETTING.fullmatch(line.strip()):
                parameters[setting[1]] = int(setting[2])
        severity = said.get("severity", "")
        if severity == OFF:
            return cls(name, OFF, "", (), {}, "")
        if severity not in SEVERITIES:
            raise _faulty(name, "says no severity", f"begin it with `-- severity: {'|'.join(SEVERITIES)}`")
        key = tuple(part.strip() for part in said.get("key", "").split(",") if part.strip())
        if "reason" not in said or not key:
            raise _faulty(
                name, "says no reason or no key", "begin it with `-- reason: …` and `-- key: column, …`"
            )
        if taken := set(parameters) & set(_GIVEN):
            raise _faulty(name, f"sets {min(taken)}, which is given", "choose another name")
        sql = text.strip().rstrip(";").rstrip()
        unknown = set(sa.text(sql).compile().params) - set(parameters) - set(_GIVEN)
        if unknown:
            raise _faulty(name, f"uses :{min(unknown)}", f"set it with `-- set {min(unknown)} = 3`")
        return cls(name, severity, said["reason"], key, parameters, sql)

    @property
    def statement(self) -> sa.TextClause:
        """Its SQL, bounded in what it gives. The outer query makes it a query whatever it was, and the bound
        makes drivers refuse a second statement.
        """
        statement = sa.text(f"SELECT * FROM (\n{self.sql}\n) AS found LIMIT :most_rows")  # noqa: S608
        named = set(statement.compile().params)
        whole = [sa.bindparam(name, type_=sa.BigInteger) for name in named - {"token", "clerks"}]
        texts = [sa.bindparam("token", type_=sa.String)] if "token" in named else []
        many = [sa.bindparam("clerks", expanding=True, type_=sa.String)] if "clerks" in named else []
        return statement.bindparams(*whole, *texts, *many)

    def describe(self, row: Mapping[str, Any], brand: Brand) -> str:
        """The reason of one finding in words. Columns named `units` or `…_units` are amounts, `day` counts
        days since 1970, `time` is in Unix seconds.
        """

        def shown(place: re.Match[str]) -> str:
            name = place[1]
            value = row[name] if name in row else self.parameters[name]
            if name == "units" or name.endswith("_units"):
                return brand.text(int(value))
            if name == "day":
                return words.day(int(value) * words.DAY)
            if name == "time":
                return words.moment(int(value))
            if name == "issuer" and not value:
                return "the brand"
            return words.shown(str(value))

        return _PLACE.sub(shown, self.reason)


def built_in_rules() -> dict[str, Rule]:
    """The rules that come with the client, by name."""
    return _rules_in(_BUILT_IN)


def copy_rules(folder: Path) -> list[Path]:
    """Write the built-in rules into a folder, to be changed there; gives the files. What is there is kept."""
    sources = sorted(_BUILT_IN.glob("*.sql"))
    if taken := [source.name for source in sources if (folder / source.name).exists()]:
        raise InputError(f"{folder / taken[0]} is there already", "name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        (folder / source.name).write_text(source.read_text())
    return [folder / source.name for source in sources]


def read_rules(paths: Iterable[Path] = ()) -> tuple[list[Rule], list[Fault]]:
    """The built-in rules and those of files and folders, in which a rule of the same name replaces it.

    A file that holds no rule is a fault, and does not stop the others. `InputError` where a path is not
    there.
    """
    rules = built_in_rules()
    faults = []
    for path in paths:
        files = sorted(path.glob("*.sql")) if path.is_dir() else [path]
        if not files or not path.exists():
            raise InputError(f"{path} holds no rules", "name a file or folder of .sql files")
        for file in files:
            try:
                rules[file.stem] = _read_rule(file)
            except InputError as error:
                # What was meant to replace a built-in rule must not leave that one running unseen.
                rules.pop(file.stem, None)
                faults.append(Fault(file.stem, str(error)))
    return [rule for _, rule in sorted(rules.items()) if rule.severity != OFF], faults


def _rules_in(folder: Path) -> dict[str, Rule]:
    return {file.stem: _read_rule(file) for file in sorted(folder.glob("*.sql"))}


def _read_rule(file: Path) -> Rule:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LARGEST + 1)
    except (OSError, UnicodeError):
        raise _faulty(file.stem, "cannot be read", "check its name, rights and encoding") from None
    if len(text) > _LARGEST:
        raise _faulty(file.stem, f"has more than {_LARGEST:,} letters", "name a file of SQL")
    return Rule.parse(file.stem, text)


def _faulty(name: str, what: str, remedy: str) -> InputError:
    return InputError(f"the rule {name} {what}", remedy)


# --------------------------------------------------------------------------------------------------- findings


@dataclass(frozen=True)
class Finding:
    """What a rule found. `id` is the same whenever the same is found; `data` is the row of the rule."""

    id: str
    rule: str
    severity: str
    reason: str
    data: Mapping[str, Any]
    found_at: int
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json` and notices."""
        return {**vars(self), "data": dict(self.data)}


@dataclass(frozen=True)
class Fault:
    """A rule that could not be run, and why, in one line."""

    rule: str
    said: str


@dataclass(frozen=True)
class Round:
    """What one run of all rules found that is new, and which of them could not run."""

    new: Sequence[Finding]
    faults: Sequence[Fault]


@dataclass(frozen=True)
class Findings:
    """What was found for one brand, in the brand's own database."""

    store: BrandStore
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.store.add(_tables, "watch")

    def all(self, *, open_only: bool = False) -> list[Finding]:
        """What was found, the oldest first."""
        query = sa.select(_findings).order_by(_findings.c.found_at, _findings.c.id)
        if open_only:
            query = query.where(_findings.c.acknowledged_at.is_(None))
        with reading(self.store.engine) as connection:
            return [_finding(row) for row in connection.execute(query).mappings()]

    def acknowledge(self, id_: str, actor: str, reason: str) -> Finding:
        """Lay a finding aside, with an entry in the journal that says who did and why."""
        if not reason.strip():
            raise InputError("why is this finding laid aside?", "say so with --reason")
        journal = Journal(self.store, self.clock)
        with self.store.writing() as connection:
            row = connection.execute(sa.select(_findings).where(_findings.c.id == id_)).mappings().first()
            if row is None:
                raise InputError(
                    f"there is no finding {words.shown(id_)}", "`troc brand watch list` names them"
                )
            if row["acknowledged_at"] is not None:
                raise InputError(
                    f"{id_} was laid aside by {row['acknowledged_by']} before", "the journal says why"
                )
            entry = journal.append(
                "watch.acknowledged",
                actor,
                reason,
                {"finding": id_, "rule": row["rule"], "told": row["reason"]},
                reference=id_,
                connection=connection,
            )
            done = {"acknowledged_at": entry.time, "acknowledged_by": actor}
            connection.execute(_findings.update().where(_findings.c.id == id_).values(**done))
        return _finding({**row, **done})

    def keep(self, found: Sequence[Finding]) -> list[Finding]:
        """Keep what is not known yet; gives that."""
        if not found:
            return []
        with self.store.writing() as connection:
            known = set(connection.scalars(sa.select(_findings.c.id)))
            new = [finding for finding in found if finding.id not in known]
            for finding in new:
                values = {**vars(finding), "data": json.dumps(dict(finding.data))}
                connection.execute(_findings.insert().values(**values))
        return new


@dataclass(frozen=True)
class Watch:
    """The rules of one brand over the index. `clerks` are addresses; the rules look for something new in the
    last `days`, for at most `seconds` each.
    """

    findings: Findings
    index: Reading
    rules: Sequence[Rule] = field(default_factory=lambda: list(built_in_rules().values()))
    clerks: Sequence[str] = ()
    days: int = USUAL_DAYS
    seconds: float = SECONDS

    def run(self) -> Round:
        """Run all rules over what is in the index; keeps what is new and gives it.

        Each finding is new once.
        """
        found: dict[str, Finding] = {}
        faults = []
        for rule in self.rules:
            try:
                for finding in self._find(rule):
                    found.setdefault(finding.id, finding)
            except TrocError as error:
                faults.append(Fault(rule.name, str(error)))
        return Round(self.findings.keep(list(found.values())), faults)

    # -------------------------------------------------------------------------------------------- internal

    def _find(self, rule: Rule) -> Iterator[Finding]:
        store = self.findings.store
        now = self.index.reached()[1]
        values = {
            **rule.parameters,
            "token": store.brand.address,
            "now": now,
            "since": now - self.days * words.DAY,
            "clerks": list(self.clerks),
            "most_rows": MOST + 1,
        }
        statement = rule.statement
        given = {name: values[name] for name in statement.compile().params}
        with only_reading(self.index.engine, self.seconds) as connection:
            try:
                rows = [dict(row) for row in connection.execute(statement, given).mappings()]
            except (sa.exc.SQLAlchemyError, sqlite3.Error, ValueError, OverflowError) as error:
                raise _refused(rule.name, error, self.seconds) from None
        if len(rows) > MOST:
            raise _faulty(rule.name, f"finds more than {MOST:,}", "set its parameters so that it finds less")
        for row in rows:
            data = {name: _plain(value) for name, value in row.items()}
            needed = set(rule.key) | (set(_PLACE.findall(rule.reason)) - set(rule.parameters))
            if missing := needed - set(data):
                raise _faulty(
                    rule.name,
                    f"gives no column {min(missing)}",
                    "its reason and its key name columns that it gives",
                )
            key = json.dumps([rule.name, store.owner, *(data[name] for name in rule.key)])
            try:
                said = rule.describe(data, store.brand)
            except (ValueError, TypeError, OverflowError):
                raise _faulty(
                    rule.name,
                    "gives something else than whole numbers for units, a day or a time",
                    "mend its SQL",
                ) from None
            id_ = hashlib.sha256(key.encode()).hexdigest()[:16]
            yield Finding(id_, rule.name, rule.severity, said, data, int(self.findings.clock()))


def _finding(row: Any) -> Finding:
    return Finding(**{**row, "data": json.loads(row["data"])})


def _plain(value: Any) -> Any:
    """A value of a row as JSON has it."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


# ------------------------------------------------------------------------------------- SQL of somebody's own


@contextmanager
def only_reading(engine: sa.Engine, seconds: float) -> Iterator[sa.Connection]:
    """A connection of its own on which the database itself refuses to write, and ends what takes longer."""
    if engine.dialect.name == "sqlite":
        path = quote(str(Path(engine.url.database or "").absolute()))
        file = f"file:{path}?mode=ro"
        own = sa.create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(file, uri=True), poolclass=sa.NullPool
        )
        with own.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            _only_selects(driver, time.monotonic() + seconds)
            yield connection
        return
    own = sa.create_engine(engine.url, poolclass=sa.NullPool)
    with own.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        yield connection


def _only_selects(connection: sqlite3.Connection, end: float) -> None:
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    # The file is opened for reading alone; this refuses to attach another one as well.
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY
    )
    connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)


def _refused(name: str, error: Exception, seconds: float) -> StoreError:
    said = str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
    if said == "interrupted" or "statement timeout" in said:
        return StoreError(f"the rule {name} took longer than {seconds:g} s", "let it look at less")
    if any(word in said for word in _WRITES):
        return StoreError(f"the rule {name} does more than read ({said})", "let it be one SELECT")
    return StoreError(f"the rule {name} cannot be run ({said})", "mend its SQL")
