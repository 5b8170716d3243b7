"""Which events become which rows: a function a family of events, and their registry.

Something new in the index is a table in `tables.py`, a function here that makes its rows, and a line in
`FAMILIES`. Every table that a family names is undone by its column `block` when the chain drops blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from troc.artifacts import INBOX
from troc.attention.messages import REWARDS
from troc.index import attention, tables
from troc.index.events import GIVEN_BACK, IMPORTED, RELEASED, Birth, Event, Payment, births
from troc.index.ledger import Movement
from troc.messages import ZERO_ADDRESS
from troc.words import LIFE_EPOCHS, never_expires

Row = tuple[sa.Table, dict[str, Any]]


@dataclass(frozen=True)
class Calendar:
    """A brand's epochs. Seconds."""

    origin: int
    epoch_length: int

    def epoch_at(self, time: int) -> int:
        """The epoch of a time."""
        return (time - self.origin) // self.epoch_length

    def expiry_of(self, epoch: int) -> int:
        """The first second at which points of an epoch are not valid."""
        return self.origin + (epoch + LIFE_EPOCHS) * self.epoch_length


@dataclass(frozen=True)
class Purchase:
    """A purchase with points that are pending, as it was issued."""

    customer: str
    matures_at: int


PurchaseKey = tuple[str, str | None, int]
"""Token, issuer (None: the brand) and number."""


@dataclass
class Span:
    """The events of a range of blocks, oldest first, and what is needed to make sense of them.

    `purchases` are those of earlier ranges that events here are about, `payments` what campaigns issued in
    this one.
    """

    events: Sequence[Event]
    calendars: Mapping[str, Calendar]
    purchases: Mapping[PurchaseKey, Purchase]
    payments: Sequence[Payment] = ()

    def of(self, *names: str) -> Iterator[Event]:
        """The events of these kinds."""
        return (event for event in self.events if event.name in names)

    @cached_property
    def births(self) -> list[Birth]:
        """Points that came into being, with the reason."""
        return births(self.events, self.payments)

    @cached_property
    def all_purchases(self) -> dict[PurchaseKey, Purchase]:
        """Those, and the ones issued in this range."""
        return dict(self.purchases) | {
            purchase_key(event): Purchase(event.args["customer"], event.args["maturesAt"])
            for event in self.of("PendingIssued")
        }

    def epoch_of(self, birth: Birth) -> int | None:
        """The epoch whose lot points are born into; None where the log does not tell."""
        calendar, event = self.calendars[birth.transfer.token], birth.transfer
        if birth.kind == GIVEN_BACK:
            return None
        if birth.kind == IMPORTED:
            assert birth.cause is not None
            return int(birth.cause.args["epoch"])
        if birth.kind == RELEASED:
            assert birth.cause is not None
            return calendar.epoch_at(self.all_purchases[purchase_key(birth.cause)].matures_at)
        return calendar.epoch_at(event.time)

    def movements(self) -> list[Movement]:
        """Everything that changes a balance, in the order of the log. Moves of nothing are left out."""
        born = {(birth.transfer.block, birth.transfer.position): birth for birth in self.births}
        found = []
        for event in self.of("Transfer"):
            if not event.args["value"]:
                continue
            birth = born.get((event.block, event.position))
            found.append(
                Movement(
                    token=event.token,
                    block=event.block,
                    now=self.calendars[event.token].epoch_at(event.time),
                    sender=_nobody(event.args["from"]),
                    recipient=_nobody(event.args["to"]),
                    units=event.args["value"],
                    transaction=event.transaction,
                    epoch=None if birth is None else self.epoch_of(birth),
                )
            )
        return found


def _nobody(address: str) -> str | None:
    return None if address == ZERO_ADDRESS else address


def _issuer(event: Event) -> str | None:
    return _nobody(event.args["issuer"])


def purchase_key(event: Event) -> PurchaseKey:
    """Which purchase a `Pending…` event is about."""
    return event.token, _issuer(event), event.args["id"]


def _issues(span: Span) -> Iterator[Row]:
    for birth in span.births:
        if birth.kind == GIVEN_BACK:
            continue
        event = birth.transfer
        calendar = span.calendars[event.token]
        epoch = span.epoch_of(birth)
        if epoch is None:
            epoch = calendar.epoch_at(event.time)
        expiry = calendar.expiry_of(epoch)
        yield (
            tables.issues,
            event.row()
            | {
                "kind": birth.kind,
                "issuer": birth.issuer,
                "reference": birth.reference,
                # Up to 2^256.
                "nonce": None if birth.nonce is None else str(birth.nonce),
                "recipient": event.args["to"],
                "units": event.args["value"],
                "epoch": epoch,
                "expiry": None if never_expires(expiry) else expiry,
            },
        )


def _redemptions(span: Span) -> Iterator[Row]:
    for event in span.of("Redeemed", "GivenBack"):
        row = event.row() | {
            "holder": event.args["holder"],
            "receipt": event.args["receiptId"],
            "units": event.args["amount"],
        }
        if event.name == "Redeemed":
            yield tables.redemptions, row | {"agent": event.args["agent"]}
        else:
            yield tables.give_backs, row


def _transfers(span: Span) -> Iterator[Row]:
    for event in span.of("Transfer"):
        sender, recipient, units = event.args["from"], event.args["to"], event.args["value"]
        if units and ZERO_ADDRESS not in (sender, recipient):
            yield tables.transfers, event.row() | {"sender": sender, "recipient": recipient, "units": units}


def _pending(span: Span) -> Iterator[Row]:
    batches = {
        (event.token, event.transaction, _issuer(event), event.args["firstId"] + index): event.args["batchId"]
        for event in span.of("BatchPending")
        for index in range(event.args["recipients"])
    }
    for event in span.of("PendingIssued"):
        issuer, number = _issuer(event), event.args["id"]
        yield (
            tables.pending,
            event.row()
            | {
                "issuer": issuer,
                "number": number,
                "customer": event.args["customer"],
                "units": event.args["amount"],
                "matures_at": event.args["maturesAt"],
                "reference": batches.get((event.token, event.transaction, issuer, number)),
            },
        )
    for event in span.of("PendingCancelled", "PendingReleased"):
        yield (
            tables.pending_changes,
            event.row()
            | {
                "kind": "cancelled" if event.name == "PendingCancelled" else "released",
                "issuer": _issuer(event),
                "number": event.args["id"],
                "customer": span.all_purchases[purchase_key(event)].customer,
                "units": event.args["amount"],
            },
        )


def _grants(span: Span) -> Iterator[Row]:
    for event in span.of("GrantSet"):
        yield (
            tables.grants,
            event.row()
            | {
                "issuer": event.args["issuer"],
                # The brand chooses the number, up to 2^256.
                "number": str(event.args["id"]),
                "units": event.args["amount"],
                "per_day": event.args["capPerDay"],
                "locked_until": event.args["lockedUntil"],
            },
        )


@dataclass(frozen=True)
class Family:
    """Events of one contract that become rows of some tables."""

    contract: str
    events: tuple[str, ...]
    tables: tuple[sa.Table, ...]
    rows: Callable[[Span], Iterator[Row]]


_BIRTHS = (
    "Transfer",
    "IssuedFor",
    "BatchIssued",
    "BatchIssuedAtEpoch",
    "VoucherClaimed",
    "PendingIssued",
    "PendingReleased",
    "GivenBack",
)

FAMILIES = (
    Family("LoyaltyToken", _BIRTHS, (tables.issues,), _issues),
    Family("LoyaltyToken", ("Redeemed", "GivenBack"), (tables.redemptions, tables.give_backs), _redemptions),
    Family("LoyaltyToken", ("Transfer",), (tables.transfers,), _transfers),
    Family(
        "LoyaltyToken",
        ("PendingIssued", "PendingCancelled", "PendingReleased", "BatchPending"),
        (tables.pending, tables.pending_changes),
        _pending,
    ),
    Family("LoyaltyToken", ("GrantSet",), (tables.grants,), _grants),
    Family(
        REWARDS,
        ("CampaignOpened", *attention.CHANGES),
        (tables.campaigns, tables.campaign_changes, tables.enrolments, tables.code_batches),
        attention.campaign_rows,
    ),
    Family(
        REWARDS,
        ("ContactsPaid", "CodePaid", "StatementSkipped"),
        (tables.contacts, tables.codes, tables.skipped),
        attention.paid_rows,
    ),
    Family(
        INBOX,
        ("PolicySet", "WelcomeSet", "InboxNoncesCancelled"),
        (tables.inbox_policies, tables.inbox_welcomes, tables.inbox_nonces),
        attention.policy_rows,
    ),
    Family(
        INBOX,
        ("MessageSent", "MessageAnswered", "MessageReclaimed"),
        (tables.messages, tables.message_ends),
        attention.message_rows,
    ),
)
EVENT_TABLES = tuple(dict.fromkeys(table for family in FAMILIES for table in family.tables))
EVENTS = tuple(dict.fromkeys(name for family in FAMILIES for name in family.events))


def rows(span: Span) -> Iterator[Row]:
    """The rows that a range of blocks makes."""
    for family in FAMILIES:
        yield from family.rows(span)


def grouped(found: Iterable[Row]) -> dict[sa.Table, list[dict[str, Any]]]:
    """Rows by table."""
    tables_: dict[sa.Table, list[dict[str, Any]]] = {}
    for table, row in found:
        tables_.setdefault(table, []).append(row)
    return tables_
