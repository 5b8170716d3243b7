"""Debts of customers in a brand's books: points that were earned for goods that came back too late.

Nobody takes points from a customer. What she owes is netted against what she earns later, and is nothing but
an entry here and in the journal until then.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

import sqlalchemy as sa

from troc import words
from troc.errors import InputError, MemberError
from troc.messages import to_address
from troc.programme.guard import SHELF, Guard
from troc.programme.members import Members
from troc.programme.vault import BRAND
from troc.store import reading

_tables = sa.MetaData()
_debts = sa.Table(
    "debts",
    _tables,
    sa.Column("cause", sa.LargeBinary, primary_key=True),
    sa.Column("party", sa.String(33), primary_key=True),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    info={SHELF: "cause"},
)
_runs = sa.Table(
    "debt_runs",
    _tables,
    sa.Column("cause", sa.LargeBinary, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    info={SHELF: "cause"},
)
_ADDRESS_PARTY = 33
"""Letters of the number of an address's debts: "a", and 16 bytes in hex; a member's number has 32."""

GUARDED = (_debts, _runs)
"""Tables in which a change without the passphrase shows."""


@dataclass(frozen=True)
class DebtMoves:
    """What customers owe over a period, in smallest units: opening + noted - netted = closing."""

    opening: int
    noted: int
    netted: int
    closing: int


class Debts:
    """What customers owe one brand. Amounts are smallest units; `who` is a card, or an address without one.

    An address that a single card feeds counts as that card. What was noted of an address before a card fed
    it, or where several do, is netted against what any of its cards earns.
    """

    def __init__(self, members: Members, clock: Callable[[], float] = time) -> None:
        self._members = members
        self._vault = members.vault
        self._clock = clock
        members.vault.store.add(_tables, "debts")
        members.keep(self)

    def party(self, who: str) -> str:
        """Under which number somebody's debts stand."""
        if who.startswith("0x") and len(who) == 42:
            found = self._members.find_all(who)
            return found[0].id if len(found) == 1 else self._address_party(who)
        return self._members.find(who).id

    def record_debt(
        self,
        who: str,
        units: int,
        reference: str,
        reason: str,
        actor: str,
        connection: sa.Connection | None = None,
    ) -> bool:
        """Note that somebody owes points. False where this reference counted before."""
        if connection is None:
            with self._vault.store.writing() as own:
                return self.record_debt(who, units, reference, reason, actor, own)
        if units <= 0:
            raise InputError(f"a debt of {units} units is none", "write 1 or more")
        party = self.party(who)
        cause = self._vault.blind("debt", reference)
        self._guard.check(connection, _debts, [cause])
        before = connection.execute(sa.select(_debts).where(_debts.c.cause == cause)).first()
        if before is not None:
            if (before.party, before.units) != (party, units):
                raise MemberError(
                    f"the reference {reference!r} stands for another debt", "give this one one of its own"
                )
            return False
        row = {"cause": cause, "party": party, "units": units, "time": int(self._clock())}
        self._guard.insert(connection, _debts, [row])
        subject = BRAND if len(party) == _ADDRESS_PARTY else party
        self._members.journal.append(
            *("debt", actor, reason, {"units": str(units)}),
            subject=subject,
            key=self._members.key_of(subject, connection),
            sealed={"who": who},
            connection=connection,
        )
        return True

    def debt_of(self, who: str) -> int:
        """What somebody owes, by her card or her address."""
        with reading(self._vault.store.engine) as connection:
            self._guard.check(connection, _debts)
            owed = self._owed(connection)
            return sum(owed[party] for party in self._parties([who], connection, strangers=False)[0])

    def total(self) -> int:
        """What all customers owe: "debt" in the books."""
        with reading(self._vault.store.engine) as connection:
            self._guard.check(connection, _debts)
            return int(connection.scalar(sa.select(sa.func.sum(_debts.c.units))) or 0)

    def moves(self, since: int, until: int) -> DebtMoves:
        """All debts over `since <= time < until`."""
        opening = noted = netted = 0
        with reading(self._vault.store.engine) as connection:
            self._guard.check(connection, _debts)
            for time, units in connection.execute(
                sa.select(_debts.c.time, _debts.c.units).where(_debts.c.time < until)
            ):
                opening += units if time < since else 0
                noted += units if time >= since and units > 0 else 0
                netted -= units if time >= since and units < 0 else 0
        return DebtMoves(opening, noted, netted, opening + noted - netted)

    def net(self, who: str, units: int, reference: str) -> tuple[int, int]:
        """Split what somebody earned: (to pay her, kept for her debts). See `net_many`."""
        return self.net_many([(who, units)], reference)[0]

    def net_many(
        self,
        earned: Sequence[tuple[str, int]],
        reference: str,
        *,
        strangers: bool = False,
        dry_run: bool = False,
    ) -> list[tuple[int, int]]:
        """The same for many, in the order given, all or none.

        With a `reference` that was used before nothing is kept again, and the answer is the same.
        `strangers`: cards of no member owe nothing; else they are a fault. `dry_run`: nothing is written.
        """
        if any(units < 0 for _, units in earned):
            raise InputError("somebody earned less than nothing", "record a debt instead")
        cause = self._vault.blind("net", reference)
        content = self._content(earned)
        opened = reading(self._vault.store.engine) if dry_run else self._vault.store.writing()
        with opened as connection:
            self._guard.check(connection, _runs, [cause])
            self._guard.check(connection, _debts)
            before = connection.scalar(sa.select(_runs.c.content).where(_runs.c.cause == cause))
            if before is not None and bytes(before) != content:
                raise MemberError(
                    f"the reference {reference!r} stands for other points", "give these one of their own"
                )
            if before is None and not self._any(connection):
                if not dry_run:
                    self._note_run(connection, cause, content, {})
                return [(units, 0) for _, units in earned]
            parties = self._parties([who for who, _ in earned], connection, strangers)
            if before is not None:
                stored = connection.execute(
                    sa.select(_debts.c.party, _debts.c.units).where(_debts.c.cause == cause)
                )
                left: dict[str, int] = defaultdict(int, {row.party: -row.units for row in stored})
                split, _ = self._split(earned, parties, left)
                if any(left.values()):
                    raise MemberError(
                        f"something that was kept for {reference!r} is of nobody whom these cards name now",
                        "use what that run wrote, or give these points a reference of their own",
                    )
                return split
            split, kept = self._split(earned, parties, self._owed(connection))
            if not dry_run:
                self._note_run(connection, cause, content, kept)
            return split

    def export(self, member: str) -> dict[str, Any]:
        """See `Holdings`."""
        with reading(self._vault.store.engine) as connection:
            query = sa.select(_debts.c.time, _debts.c.units).where(_debts.c.party == member)
            rows = connection.execute(query.order_by(_debts.c.time))
            return {"debts": [{"time": row.time, "units": str(row.units)} for row in rows]}

    def before_erasing(self, member: str, give_up: bool, connection: sa.Connection) -> list[str]:
        """See `Holdings`."""
        owed = self._owed(connection)[member]
        if not owed:
            return []
        text = self._members.brand.text(owed)
        return [f"a debt of {text} stays in the books under a number that leads to nobody"]

    # -------------------------------------------------------------------------------------------- internal

    @property
    def _guard(self) -> Guard:
        return self._vault.guard

    def _note_run(
        self, connection: sa.Connection, cause: bytes, content: bytes, kept: Mapping[str, int]
    ) -> None:
        """Write a run down, also one that kept nothing: having its entry, it cannot be put back."""
        self._guard.insert(connection, _runs, [{"cause": cause, "content": content}])
        now = int(self._clock())
        rows = [
            {"cause": cause, "party": party, "units": -units, "time": now} for party, units in kept.items()
        ]
        if rows:
            self._guard.insert(connection, _debts, rows)
        self._members.journal.append(
            *("debts netted", "", ""),
            {"customers": len(kept), "units": str(sum(kept.values()))},
            reference=cause.hex(),
            connection=connection,
        )

    @staticmethod
    def _split(
        earned: Sequence[tuple[str, int]], parties: Sequence[Sequence[str]], left: dict[str, int]
    ) -> tuple[list[tuple[int, int]], dict[str, int]]:
        kept: dict[str, int] = defaultdict(int)
        split = []
        for (_, units), numbers in zip(earned, parties, strict=True):
            to_pay = units
            for party in numbers:
                part = min(to_pay, max(left[party], 0))
                if part:
                    left[party] -= part
                    kept[party] += part
                    to_pay -= part
            split.append((to_pay, units - to_pay))
        return split, dict(kept)

    def _address_party(self, address: str) -> str:
        return "a" + self._vault.blind("debtor", to_address(address)).hex()

    def _parties(
        self, who: Sequence[str], connection: sa.Connection, strangers: bool
    ) -> list[tuple[str, ...]]:
        """Under which numbers the debts of each stand: her own, and that of her address. A card of no member
        has none.
        """
        cards = [name for name in who if not (name.startswith("0x") and len(name) == 42)]
        numbers = dict(zip(cards, self._members.ids_of(cards, connection), strict=True))
        unknown = [card for card, number in numbers.items() if number is None]
        if unknown and not strangers:
            raise MemberError(
                f"{words.count(len(unknown), 'card')} unknown (first {unknown[0]})", "add the members first"
            )
        by_address = sa.func.length(_debts.c.party) == _ADDRESS_PARTY
        fed: dict[str, str] = {}
        if cards and connection.scalar(sa.select(_debts.c.party).where(by_address).limit(1)) is not None:
            fed = self._members.addresses_of_ids(connection)

        def found(name: str) -> tuple[str, ...]:
            if name not in numbers:
                return tuple(dict.fromkeys((self.party(name), self._address_party(name))))
            number = numbers[name]
            if number is None:
                return ()
            return (number, self._address_party(fed[number])) if number in fed else (number,)

        return [found(name) for name in who]

    @staticmethod
    def _any(connection: sa.Connection) -> bool:
        return connection.scalar(sa.select(_debts.c.party).limit(1)) is not None

    @staticmethod
    def _owed(connection: sa.Connection) -> dict[str, int]:
        query = sa.select(_debts.c.party, sa.func.sum(_debts.c.units)).group_by(_debts.c.party)
        return defaultdict(int, {party: int(units) for party, units in connection.execute(query)})

    def _content(self, earned: Sequence[tuple[str, int]]) -> bytes:
        text = "".join(f"{who}\0{units}\n" for who, units in earned)
        return self._vault.secret("net", hashlib.sha256(text.encode()).digest())
