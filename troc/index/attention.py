"""What campaigns and the inbox wrote in the log, as rows of the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from troc.artifacts import INBOX
from troc.attention.messages import REWARDS
from troc.index import tables
from troc.index.events import Event, Payment
from troc.index.source import checksummed

if TYPE_CHECKING:
    from troc.index.families import Row, Span

CONTRACTS = (REWARDS, INBOX)
PATHS = ("statement", "ticket", "root")
CODE = "code"
PAID = ("ContactsPaid", "CodePaid")
SKIPS = (
    "none",
    "out of range",
    "after the end",
    "too early",
    "nothing new",
    "not free",
    "not signed",
    "no credential",
    "no account",
    "refused",
)
WELCOMES = ("paid", "free", "blocked")

_TERMS = {
    "admin": "admin",
    "token": "token",
    "tokenKind": "token_kind",
    "fresh": "fresh",
    "signer": "signer",
    "start": "start",
    "end": "end",
    "claimUntil": "claim_until",
    "maxContacts": "max_contacts",
    "perDay": "per_day",
    "codes": "codes",
    "codesPerAccount": "codes_per_account",
    "rootDelayDays": "root_delay_days",
    "credentials": "credentials",
    "topic": "topic",
    "channel": "channel",
    "termsHash": "terms_hash",
    "salt": "salt",
}
_CHANGES = {
    "CampaignFunded": ("funded", "from", "contacts"),
    "AccountsEnrolled": ("enrolled", "", "reserved"),
    "CodesActivated": ("activated", "", ""),
    "RootAppended": ("root appended", "", "effectFrom"),
    "RootWithdrawn": ("root withdrawn", "", ""),
    "AdminOffered": ("admin offered", "to", ""),
    "AdminChanged": ("admin changed", "to", ""),
    "CampaignRefunded": ("refunded", "to", "amount"),
    "CampaignReleased": ("released", "", ""),
}
"""Kind of a change, and which value of its event is the account and which the number."""

CHANGES = tuple(_CHANGES)
_ADDRESS_BITS = 160
_ADDRESSES = (1 << _ADDRESS_BITS) - 1


@dataclass(frozen=True)
class Pays:
    """What a campaign pays for a contact or a code: `price` in smallest units of `token`."""

    token: str
    fresh: bool
    price: int


def opened(event: Event) -> Pays:
    """What the campaign of a `CampaignOpened` pays."""
    terms = event.args["terms"]
    return Pays(terms["token"], terms["fresh"], terms["price"])


def _payee(packed: int) -> str:
    return checksummed("0x" + (packed & _ADDRESSES).to_bytes(20).hex())


def payments(events: Iterable[Event], campaigns: Mapping[str, Pays]) -> Iterator[Payment]:
    """What campaigns issued: a payment for each contacts or code that were paid in fresh points."""
    for event in events:
        if event.name not in PAID:
            continue
        campaign = event.args["campaignId"]
        pays = campaigns[campaign]
        if pays.fresh:
            number = event.args["contacts"].bit_count() if event.name == "ContactsPaid" else 1
            yield Payment(
                rewards=event.token,
                campaign=campaign,
                token=pays.token,
                transaction=event.transaction,
                payee=_payee(event.args["packed"]),
                units=number * pays.price,
            )


def _of_campaign(event: Event) -> dict[str, Any]:
    return event.place() | {"campaign": event.args["campaignId"]}


def campaign_rows(span: Span) -> Iterator[Row]:
    """Campaigns that opened, and what their admins did with them."""
    for event in span.of("CampaignOpened"):
        terms = event.args["terms"]
        yield (
            tables.campaigns,
            _of_campaign(event)
            | {"rewards": event.token, "price": str(terms["price"])}
            | {column: terms[name] for name, column in _TERMS.items()},
        )
    for event in span.of(*CHANGES):
        kind, account, number = _CHANGES[event.name]
        yield (
            tables.campaign_changes,
            _of_campaign(event)
            | {
                "kind": kind,
                "account": event.args[account] if account else None,
                "root": event.args.get("root"),
                "number": str(event.args[number]) if number else None,
            },
        )
    for name, table, values, column in (
        ("AccountsEnrolled", tables.enrolments, "accounts", "account"),
        ("CodesActivated", tables.code_batches, "batches", "batch"),
    ):
        for event in span.of(name):
            yield from _listed(event, table, event.args[values], column)


def _listed(event: Event, table: sa.Table, values: Iterable[Any], column: str) -> Iterator[Row]:
    for number, value in enumerate(values):
        yield table, _of_campaign(event) | {"number": number, column: value}


def paid_rows(span: Span) -> Iterator[Row]:
    """Contacts and codes that were paid, and statements that were passed over."""
    for event in span.of("ContactsPaid"):
        packed, bits = event.args["packed"], event.args["contacts"]
        yield (
            tables.contacts,
            _of_campaign(event)
            | {
                "account": event.args["account"],
                "payee": _payee(packed),
                "path": PATHS[packed >> _ADDRESS_BITS & 0xFF],
                "page": packed >> _ADDRESS_BITS + 8,
                "bits": f"0x{bits:064x}",
                "number": bits.bit_count(),
            },
        )
    for event in span.of("CodePaid"):
        packed = event.args["packed"]
        yield (
            tables.codes,
            _of_campaign(event)
            | {
                "account": event.args["account"],
                "payee": _payee(packed),
                "code": packed >> _ADDRESS_BITS,
            },
        )
    for event in span.of("StatementSkipped"):
        yield (
            tables.skipped,
            _of_campaign(event)
            | {
                "account": event.args["account"],
                "place": event.args["position"],
                "reason": SKIPS[event.args["reason"]],
            },
        )


def policy_rows(span: Span) -> Iterator[Row]:
    """What people say of their inboxes."""
    for event in span.of("PolicySet"):
        args = event.args
        yield (
            tables.inbox_policies,
            event.place()
            | {
                "recipient": args["recipient"],
                "on": args["on"],
                "floor": str(args["floor"]),
                "per_week": args["perWeek"],
                "topics": f"{args['topics']:016x}",
                "channels": args["channels"],
                "answer_days": args["answerDays"],
            },
        )
    for event in span.of("WelcomeSet"):
        args = event.args
        yield (
            tables.inbox_welcomes,
            event.place()
            | {
                "recipient": args["recipient"],
                "sender": args["sender"],
                "welcome": WELCOMES[args["welcome"]],
            },
        )
    for event in span.of("InboxNoncesCancelled"):
        for number, nonce in enumerate(event.args["nonces"]):
            row = {"number": number, "recipient": event.args["recipient"], "nonce": str(nonce)}
            yield tables.inbox_nonces, event.place() | row


def message_rows(span: Span) -> Iterator[Row]:
    """Messages, and how they ended."""
    for event in span.of("MessageSent"):
        args, terms = event.args, event.args["terms"]
        yield (
            tables.messages,
            event.place()
            | {
                "message": args["messageId"],
                "recipient": args["recipient"],
                "sender": args["sender"],
                # docs/messages.md lays the word down.
                "deposit": str(terms & (1 << 96) - 1),
                "topic": terms >> 96 & 0xFF,
                "channel": terms >> 104 & 0xFF,
                "answer_by": terms >> 112 & (1 << 40) - 1,
                "terms": f"0x{terms:064x}",
                "content": args["content"],
            },
        )
    for event in span.of("MessageAnswered", "MessageReclaimed"):
        args, answered = event.args, event.name == "MessageAnswered"
        yield (
            tables.message_ends,
            event.place()
            | {
                "message": args["messageId"],
                "kind": "answered" if answered else "reclaimed",
                "account": args["recipient" if answered else "sender"],
                "answer": args["answer"] if answered else None,
                "amount": str(args["amount"]),
            },
        )
