"""Points of members without an address: one running claim each, aged like points on the chain.

A claim is kept in lots by the epoch in which its points were earned, and lapses as they would have expired.
When a member has linked an address, her claim is paid out by `mintAtEpoch` into the same lots. Each payment
is written down with its reference before it is sent, and the chain refuses a reference the second time: cut
off anywhere and run again, it pays nobody twice and forgets nobody.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from web3.contract import Contract

from troc import words
from troc.accounts import Signer
from troc.chain import Chain
from troc.errors import BrandError, ChecksFailedError, ContractError, InputError, MemberError
from troc.messages import ZERO_ADDRESS
from troc.payouts import LOT_MAX
from troc.programme.guard import SHELF, Guard
from troc.programme.members import Members
from troc.store import reading

_BATCH = 200
"""Recipients of one payment: at most about 6 million gas."""

_PARAMETERS = 10_000
_ADDRESS_BITS = 160

EARNED, IMPORTED, REDUCED, GIVEN_UP = "earned", "imported", "reduced", "given up"
_PREPARED, _PAID, _LAPSED = "prepared", "paid", "lapsed"

_tables = sa.MetaData()
_entries = sa.Table(
    "claim_entries",
    _tables,
    sa.Column("cause", sa.LargeBinary, primary_key=True),
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("member", sa.String(32), nullable=False, index=True),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("payment", sa.String(64), index=True),
    info={SHELF: "member"},
)
_payments = sa.Table(
    "claim_payments",
    _tables,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("prepared", sa.BigInteger, nullable=False),
    sa.Column("transaction", sa.String(66), nullable=False),
    info={SHELF: "id"},
)
_lines = sa.Table(
    "claim_payment_lines",
    _tables,
    sa.Column("payment", sa.String(64), primary_key=True),
    sa.Column("member", sa.String(32), primary_key=True),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("address", sa.LargeBinary, nullable=False),
    info={SHELF: "payment"},
)
GUARDED = (_entries, _payments, _lines)
"""Tables in which a change without the passphrase shows."""


@dataclass(frozen=True)
class ClaimRow:
    """Points for a card: `units` in smallest units, `expiry` in Unix seconds as of points on the chain.

    `reference` is what they are for (a receipt, a line of an import): it counts once. `kind` is `EARNED`, or
    `IMPORTED` for points of a programme that was brought over.
    """

    card: str
    units: int
    expiry: int
    reference: str
    kind: str = EARNED


@dataclass(frozen=True)
class Payment:
    """One payment of claims: `lines` are recipients and smallest units, `epoch` the lot that they go into.

    `id` is its reference on the chain.
    """

    id: bytes
    epoch: int
    lines: tuple[tuple[str, int], ...]

    @property
    def units(self) -> int:
        """Its sum, in smallest units."""
        return sum(units for _, units in self.lines)

    @property
    def packed(self) -> list[int]:
        """The words of `mintAtEpoch`: `amount:96 ‖ address:160`."""
        return [units << _ADDRESS_BITS | int(address, 16) for address, units in self.lines]


@dataclass(frozen=True)
class ClaimBooks:
    """All claims in sums of smallest units: earned = reduced + given_up + paid + lapsed + unclaimed."""

    earned: int
    reduced: int
    given_up: int
    paid: int
    lapsed: int
    unclaimed: int
    by_expiry: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class KeptMoves:
    """All claims over a period, in smallest units: opening + earned + imported - reduced - given_up - paid
    - lapsed = closing. `paid` went to the chain in the period.
    """

    opening: int
    earned: int
    imported: int
    reduced: int
    given_up: int
    paid: int
    lapsed: int
    closing: int


@dataclass(frozen=True)
class PayReport:
    """What a run of `pay` did. Amounts in smallest units."""

    recipients: int
    units: int
    units_before: int
    units_lapsed: int
    transactions: tuple[str, ...]


class Claims:
    """The running claims of one brand's members. `now` gives the chain's time, in Unix seconds."""

    def __init__(self, members: Members, now: Callable[[], int]) -> None:
        self._members = members
        self._vault = members.vault
        self._store = members.vault.store
        self._brand = members.brand
        self.now = now
        self._store.add(_tables, "claims")
        members.keep(self)

    # -------------------------------------------------------------------------------------------- adding

    def add(self, card: str, units: int, expiry: int, reference: str) -> bool:
        """Add points to a member's claim. False where this reference counted before."""
        return self.add_many([ClaimRow(card, units, expiry, reference)]) == 1

    def add_many(
        self,
        rows: Sequence[ClaimRow],
        connection: sa.Connection | None = None,
        *,
        actor: str = "",
        reason: str = "",
    ) -> int:
        """Add many, all or none. Gives how many are new: a reference that counted before is passed over.

        Points go into the lot with that expiry or, between two, the later one. Raises `MemberError` for
        unknown cards and for a reference that stands for something else; `InputError` for points that
        have expired, that would live too long, or that are none.
        """
        if connection is None:
            with self._store.writing() as own:
                return self.add_many(rows, own, actor=actor, reason=reason)
        now = self.now()
        numbers = self._members.ids_of([row.card for row in rows], connection)
        unknown = [row.card for row, number in zip(rows, numbers, strict=True) if number is None]
        if unknown:
            raise MemberError(
                f"{words.count(len(unknown), 'card')} unknown (first {unknown[0]})", "add the members first"
            )
        causes = [self._vault.blind("claim", row.reference) for row in rows]
        known = self._known(connection, causes)
        # One that was removed would count again.
        self._guard.check(connection, _entries, [str(number) for number in numbers])
        new: list[dict[str, Any]] = []
        for row, number, cause in zip(rows, numbers, causes, strict=True):
            same = (str(number), row.units)
            if cause not in known:
                known[cause] = same
                new.append(
                    {
                        "cause": cause,
                        "epoch": self._epoch(row, now),
                        "member": number,
                        "units": row.units,
                        "kind": row.kind,
                        "time": now,
                    }
                )
            elif known[cause] != same:
                raise MemberError(
                    f"the reference {row.reference!r} stands for other points",
                    "it counted before with another card or amount: correct that by `troc brand adjust`; only"
                    " points that are new need a reference of their own",
                )
        if new:
            self._guard.insert(connection, _entries, new)
            units = sum(int(row["units"]) for row in new)
            self._members.journal.append(
                *("claims added", actor, reason, {"claims": len(new), "units": str(units)}),
                connection=connection,
            )
        return len(new)

    def counted(self, references: Sequence[str]) -> list[bool]:
        """For each reference, whether it counted before, paid by now or not."""
        causes = [self._vault.blind("claim", reference) for reference in references]
        with reading(self._store.engine) as connection:
            known = self._known(connection, causes)
        return [cause in known for cause in causes]

    def imported(self, cards: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
        """For each card what was brought over for it: (the lot's expiry, smallest units), by `reference_key`.

        It counts whether it was paid, adjusted, or lapsed since.
        """
        with reading(self._store.engine) as connection:
            numbers = self._members.ids_of(cards, connection)
            card_of = {number: card for card, number in zip(cards, numbers, strict=True) if number}
            self._guard.check(connection, _entries, list(card_of))
            found: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
            query = sa.select(_entries.c.cause, _entries.c.member, _entries.c.epoch, _entries.c.units)
            for row in connection.execute(query.where(_entries.c.kind == IMPORTED)):
                if row.member in card_of:
                    told = self._expiry(row.epoch), int(row.units)
                    found[card_of[row.member]][bytes(row.cause).hex()] = told
        return found

    def reference_key(self, reference: str) -> str:
        """Under which key a reference stands in `imported`."""
        return self._vault.blind("claim", reference).hex()

    def payments(self) -> set[bytes]:
        """The references of all payments, made or not."""
        with reading(self._store.engine) as connection:
            self._guard.check(connection, _payments)
            return {bytes.fromhex(number) for number in connection.scalars(sa.select(_payments.c.id))}

    def reduce(self, member: str, units: int, reference: str, connection: sa.Connection) -> int:
        """Take points off a claim, those that lapse soonest first; gives how many were there to take.

        With a reference that was used before nothing happens again.
        """
        cause = self._vault.blind("reduce", reference)
        before = connection.execute(
            sa.select(sa.func.sum(_entries.c.units)).where(_entries.c.cause == cause)
        ).scalar()
        if before is not None:
            return -int(before)
        return self._take(connection, member, units, cause, REDUCED)

    def _take(self, connection: sa.Connection, member: str, units: int, cause: bytes, kind: str) -> int:
        left = units
        for epoch, there in sorted(self._lots(connection, member, unpaid=True).items()):
            taken = min(left, there)
            if taken:
                row = {"cause": cause, "epoch": epoch, "member": member, "units": -taken, "kind": kind}
                self._guard.insert(connection, _entries, [row | {"time": self.now()}])
            left -= taken
        return units - left

    # -------------------------------------------------------------------------------------------- reading

    def of(self, card: str) -> list[tuple[int, int]]:
        """A member's claim: (smallest units, expiry), soonest to lapse first."""
        with reading(self._store.engine) as connection:
            return self._by_expiry(self._lots(connection, self._members.find(card).id))

    def total(self) -> int:
        """What all claims are worth now, in smallest units: "unclaimed" in the books."""
        return self.books().unclaimed

    def books(self) -> ClaimBooks:
        """All claims in sums. What is prepared to be paid is unclaimed until the chain has it."""
        first = self._first_alive()
        sums = {EARNED: 0, IMPORTED: 0, REDUCED: 0, GIVEN_UP: 0}
        done, lapsed = 0, 0
        lots: dict[int, int] = defaultdict(int)
        query = (
            sa.select(_entries.c.kind, _entries.c.epoch, _payments.c.state, sa.func.sum(_entries.c.units))
            .select_from(_entries.outerjoin(_payments, _entries.c.payment == _payments.c.id))
            .group_by(_entries.c.kind, _entries.c.epoch, _payments.c.state)
        )
        with reading(self._store.engine) as connection:
            self._check(connection)
            for kind, epoch, state, total in connection.execute(query):
                units = int(total)
                sums[kind] += abs(units)
                if state == _PAID:
                    done += units
                elif epoch < first:
                    lapsed += units
                else:
                    lots[epoch] += units
        return ClaimBooks(
            earned=sums[EARNED] + sums[IMPORTED],
            reduced=sums[REDUCED],
            given_up=sums[GIVEN_UP],
            paid=done,
            lapsed=lapsed,
            unclaimed=sum(lots.values()),
            by_expiry=tuple(self._by_expiry(lots)),
        )

    def moves(self, since: int, until: int, arrived: Mapping[str, tuple[int, int]]) -> KeptMoves:
        """All claims over `since <= time < until`. `arrived`: when each payment got to the chain, and how
        many units of it, by its reference in hex.

        Raises `ChecksFailedError` where a payment is another sum here than on the chain.
        """
        query = sa.select(
            _entries.c.kind,
            _entries.c.epoch,
            _entries.c.time,
            _entries.c.payment,
            sa.func.sum(_entries.c.units),
        ).group_by(_entries.c.kind, _entries.c.epoch, _entries.c.time, _entries.c.payment)
        with reading(self._store.engine) as connection:
            self._check(connection)
            rows = connection.execute(query).all()
        sums: dict[str, int] = defaultdict(int)
        sent: dict[str, int] = defaultdict(int)
        for kind, epoch, time, payment, total in rows:
            units = int(total)
            is_paid = payment in arrived
            end = arrived[payment][0] if is_paid else self._expiry(epoch)
            if is_paid:
                sent[payment] += units
            for name, at in (("opening", since), ("closing", until)):
                sums[name] += units if time < at <= end else 0
            sums[kind] += abs(units) if since <= time < until else 0
            sums["paid" if is_paid else "lapsed"] += units if since <= end < until else 0
        for payment, units in sent.items():
            if arrived[payment][1] != units:
                raise ChecksFailedError(
                    f"payment {payment[:8]}… of claims: {units} units by the members' database,"
                    f" {arrived[payment][1]} on the chain",
                    "check the database with `troc brand members check`",
                )
        return KeptMoves(
            opening=sums["opening"],
            earned=sums[EARNED],
            imported=sums[IMPORTED],
            reduced=sums[REDUCED],
            given_up=sums[GIVEN_UP],
            paid=sums["paid"],
            lapsed=sums["lapsed"],
            closing=sums["closing"],
        )

    def export(self, member: str) -> dict[str, Any]:
        """See `Holdings`."""
        with reading(self._store.engine) as connection:
            lots = self._by_expiry(self._lots(connection, member))
            rows = connection.execute(
                sa.select(_entries, _payments.c.state, _payments.c.transaction)
                .select_from(_entries.outerjoin(_payments, _entries.c.payment == _payments.c.id))
                .where(_entries.c.member == member)
                .order_by(_entries.c.time, _entries.c.epoch)
            )
            entries = [
                {
                    "time": row.time,
                    "kind": row.kind,
                    "units": str(row.units),
                    "expiry": self._expiry(row.epoch),
                    "payment": row.state or "",
                    "transaction": row.transaction or "",
                }
                for row in rows
            ]
        claim = [{"units": str(units), "expiry": expiry} for units, expiry in lots]
        return {"claim": claim, "claim_entries": entries}

    def before_erasing(self, member: str, give_up: bool, connection: sa.Connection) -> list[str]:
        """See `Holdings`."""
        open_payment = connection.scalar(
            sa.select(sa.func.count())
            .select_from(_lines.join(_payments, _lines.c.payment == _payments.c.id))
            .where(_lines.c.member == member, _payments.c.state == _PREPARED)
        )
        if open_payment:
            raise MemberError(
                "a payment to her is under way", "finish it with `troc brand members pay`, then erase her"
            )
        units = sum(self._lots(connection, member).values())
        if units and not give_up:
            raise MemberError(
                f"{self._brand.text(units)} are kept for her",
                "link an address and pay them out, or erase her with --give-up",
            )
        if units:
            self._take(connection, member, units, os.urandom(16), GIVEN_UP)
        # Whoever knows a receipt's number must not find her entry by it.
        for cause, epoch in connection.execute(
            sa.select(_entries.c.cause, _entries.c.epoch).where(_entries.c.member == member)
        ).all():
            one = [_entries.c.cause == cause, _entries.c.epoch == epoch]
            self._guard.update(connection, _entries, one, {"cause": os.urandom(16)})
        self._guard.delete(connection, _lines, [_lines.c.member == member])
        stays = ["sums of what she earned stay in the books under a number that leads to nobody"]
        if units:
            stays.insert(0, f"she gave up {self._brand.text(units)}")
        return stays

    # --------------------------------------------------------------------------------------------- paying

    def prepare(self) -> int:
        """Write down the payments that are due: living points of members who have an address. Gives how many
        members. Nothing is sent.
        """
        now = self.now()
        with self._store.writing() as connection:
            addresses = self._members.addresses_of_ids(connection)
            due = self._due(connection, addresses)
            for epoch, recipients in due.items():
                for start in range(0, len(recipients), _BATCH):
                    self._prepare(connection, epoch, recipients[start : start + _BATCH], addresses, now)
        return len({member for recipients in due.values() for member, _ in recipients})

    def due(self) -> tuple[int, int]:
        """What `pay` would pay now: how many members, and smallest units."""
        with reading(self._store.engine) as connection:
            new = self._due(connection, self._members.addresses_of_ids(connection))
        lines = [line for payment in self.prepared() for line in payment.lines]
        lines += [line for recipients in new.values() for line in recipients]
        return len({who for who, _ in lines}), sum(units for _, units in lines)

    def _due(
        self, connection: sa.Connection, addresses: Mapping[str, str]
    ) -> dict[int, list[tuple[str, int]]]:
        """By lot: living points of members who have an address, that no payment has yet."""
        self._check(connection)
        query = (
            sa.select(_entries.c.member, _entries.c.epoch, sa.func.sum(_entries.c.units))
            .where(_entries.c.payment.is_(None), _entries.c.epoch >= self._first_alive())
            .group_by(_entries.c.member, _entries.c.epoch)
            .order_by(_entries.c.epoch, _entries.c.member)
        )
        due: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for member, epoch, total in connection.execute(query):
            if member in addresses and total > 0:
                due[epoch].append((member, int(total)))
        return due

    def _prepare(
        self,
        connection: sa.Connection,
        epoch: int,
        recipients: Sequence[tuple[str, int]],
        addresses: dict[str, str],
        now: int,
    ) -> None:
        number = os.urandom(32).hex()
        payment = {"id": number, "epoch": epoch, "state": _PREPARED, "prepared": now, "transaction": ""}
        self._guard.insert(connection, _payments, [payment])
        key = self._vault.brand_key
        lines = [
            {
                "payment": number,
                "member": member,
                "units": units,
                "address": key.seal(
                    "claim_payment_lines", f"{number} {member}", "address", addresses[member]
                ),
            }
            for member, units in recipients
        ]
        self._guard.insert(connection, _lines, lines)
        due = [
            _entries.c.member.in_([member for member, _ in recipients]),
            _entries.c.epoch == epoch,
            _entries.c.payment.is_(None),
        ]
        self._guard.update(connection, _entries, due, {"payment": number})
        self._members.journal.append(
            *(
                "claims prepared",
                "",
                "",
                {"epoch": epoch, "units": str(sum(units for _, units in recipients))},
            ),
            reference=number,
            connection=connection,
        )

    def prepared(self) -> list[Payment]:
        """Payments that were written down and are not known to be on the chain."""
        with reading(self._store.engine) as connection:
            self._check(connection)
            rows = connection.execute(
                sa.select(
                    _payments.c.id, _payments.c.epoch, _lines.c.member, _lines.c.units, _lines.c.address
                )
                .select_from(_payments.join(_lines, _payments.c.id == _lines.c.payment))
                .where(_payments.c.state == _PREPARED)
                .order_by(_payments.c.epoch, _payments.c.prepared, _payments.c.id, _lines.c.member)
            ).all()
        found: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        key = self._vault.brand_key
        for row in rows:
            address = key.unseal("claim_payment_lines", f"{row.id} {row.member}", "address", row.address)
            # Several cards of a household feed one address.
            found[row.id, row.epoch][address] += row.units
        return [
            Payment(bytes.fromhex(number), epoch, tuple(lines.items()))
            for (number, epoch), lines in found.items()
        ]

    def settle(self, payment: Payment, transaction: str = "", actor: str = "") -> None:
        """Note that the chain has a payment (`transaction`: its hash, where it is known)."""
        self._close(payment, _PAID, transaction, actor)

    def lapse(self, payment: Payment, actor: str = "") -> None:
        """Note that a payment can never be made, because its points have expired."""
        if payment.epoch >= self._first_alive():
            raise InputError("these points still live", "pay them")
        self._close(payment, _LAPSED, "", actor)

    def _close(self, payment: Payment, state: str, transaction: str, actor: str) -> None:
        with self._store.writing() as connection:
            open_one = [_payments.c.id == payment.id.hex(), _payments.c.state == _PREPARED]
            values = {"state": state, "transaction": transaction}
            changed = self._guard.update(connection, _payments, open_one, values)
            if changed:
                self._members.journal.append(
                    f"claims {state}",
                    actor,
                    payload={
                        "epoch": payment.epoch,
                        "units": str(payment.units),
                        "recipients": len(payment.lines),
                        "transaction": transaction,
                    },
                    reference=payment.id.hex(),
                    connection=connection,
                )

    def pay(self, chain: Chain, token: Contract, signer: Signer) -> PayReport:
        """Pay out what is due, as the brand's owner. Cut off and run again, it takes up where it stopped."""
        if chain.call(token.functions.owner()) != signer.address:
            raise BrandError(
                f"only the brand pays claims of {self._brand.symbol}",
                "use --account with the brand's account",
            )
        self.prepare()
        sent: list[str] = []
        units = units_before = lapsed = 0
        paid: set[str] = set()
        for payment in self.prepared():
            if self._is_on_chain(chain, token, payment):
                self.settle(payment, actor=signer.address)
                units_before += payment.units
            elif payment.epoch < self._first_alive():
                self.lapse(payment, actor=signer.address)
                lapsed += payment.units
            else:
                transaction = self._send(chain, token, payment, signer)
                self.settle(payment, transaction, signer.address)
                sent.append(transaction)
                units += payment.units
                paid |= {address for address, _ in payment.lines}
        return PayReport(len(paid), units, units_before, lapsed, tuple(sent))

    def _send(self, chain: Chain, token: Contract, payment: Payment, signer: Signer) -> str:
        call = token.functions.mintAtEpoch(payment.id, payment.epoch, payment.packed)
        try:
            return chain.send(call, signer).transaction
        except ContractError as error:
            if error.name == "ReferenceUsed":
                return ""
            raise

    def _is_on_chain(self, chain: Chain, token: Contract, payment: Payment) -> bool:
        return bool(chain.call(token.functions.referenceUsed(ZERO_ADDRESS, payment.id)))

    # -------------------------------------------------------------------------------------------- internal

    @property
    def _guard(self) -> Guard:
        return self._vault.guard

    def _check(self, connection: sa.Connection) -> None:
        """Raise unless everything is as it was written."""
        for table in (_entries, _payments, _lines):
            self._guard.check(connection, table)

    def _known(self, connection: sa.Connection, causes: Sequence[bytes]) -> dict[bytes, tuple[str, int]]:
        found = {}
        for start in range(0, len(causes), _PARAMETERS):
            part = causes[start : start + _PARAMETERS]
            query = sa.select(_entries.c.cause, _entries.c.member, _entries.c.units)
            for row in connection.execute(query.where(_entries.c.cause.in_(part))):
                found[bytes(row.cause)] = (row.member, row.units)
        return found

    def _lots(self, connection: sa.Connection, member: str, unpaid: bool = False) -> dict[int, int]:
        """Living units of a claim by epoch; `unpaid`: without what is prepared to be paid."""
        self._guard.check(connection, _entries, [member])
        query = (
            sa.select(_entries.c.epoch, sa.func.sum(_entries.c.units))
            .select_from(_entries.outerjoin(_payments, _entries.c.payment == _payments.c.id))
            .where(_entries.c.member == member, _entries.c.epoch >= self._first_alive())
            .where(
                _entries.c.payment.is_(None)
                if unpaid
                else sa.or_(_entries.c.payment.is_(None), _payments.c.state != _PAID)
            )
            .group_by(_entries.c.epoch)
        )
        return {epoch: int(units) for epoch, units in connection.execute(query) if units}

    def _first_alive(self) -> int:
        return self._brand.epoch_at(self.now()) - words.LIFE_EPOCHS + 1

    def _expiry(self, epoch: int) -> int:
        return self._brand.origin + (epoch + words.LIFE_EPOCHS) * self._brand.epoch_length

    def _by_expiry(self, lots: dict[int, int]) -> list[tuple[int, int]]:
        return [(units, self._expiry(epoch)) for epoch, units in sorted(lots.items()) if units]

    def _epoch(self, row: ClaimRow, now: int) -> int:
        """The lot that keeps an expiry, or the next later one."""
        if not 0 < row.units <= LOT_MAX:
            raise InputError(f"{row.units} units for the card {row.card} are no amount", "write 1 or more")
        epoch = -((self._brand.origin - row.expiry) // self._brand.epoch_length) - words.LIFE_EPOCHS
        current = self._brand.epoch_at(now)
        if row.expiry <= now:
            raise InputError(
                f"points for the card {row.card} expired before {words.moment(now)}", "leave them out"
            )
        if epoch > current:
            latest = words.last_day(self._brand.longest_life(now))
            raise InputError(
                f"points for the card {row.card} would live until {words.last_day(row.expiry)}",
                f"points of now live until {latest} at most",
            )
        return epoch
