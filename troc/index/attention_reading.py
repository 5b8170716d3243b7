"""Questions to the index about campaigns of paid attention and the inbox. Amounts in smallest units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from troc.attention.contacts import of_page
from troc.brands import Brand
from troc.index import tables
from troc.index.attention import CODE
from troc.index.reading import Reading

if TYPE_CHECKING:
    from troc.attention.campaigns import Terms


@dataclass(frozen=True)
class IndexedCampaign:
    """A campaign as it opened. `admin` runs it now; `paid` contacts and codes were paid so far."""

    id: str
    block: int
    time: int
    transaction: str
    terms: Terms
    admin: str
    paid: int


@dataclass(frozen=True)
class AttentionPayment:
    """What a campaign paid in one go: contacts of an account by number, or a code.

    `path` is "statement", "ticket", "root" or "code". `account` is 32 bytes in hex; `payee` got the `units`
    of `token`.
    """

    block: int
    position: int
    time: int
    transaction: str
    campaign: str
    account: str
    payee: str
    path: str
    contacts: frozenset[int]
    code: int | None
    token: str
    units: int


@dataclass(frozen=True)
class IndexedMessage:
    """A message of the inbox. `state` is "waiting", "due" (can be reclaimed), "answered" or "reclaimed"."""

    id: str
    block: int
    time: int
    transaction: str
    recipient: str
    sender: str
    deposit: int
    topic: int
    channel: int
    answer_by: int
    terms: int
    content: str
    state: str
    answer: str | None


class AttentionReading(Reading):
    """Questions about paid attention, to an index that its reader brought up to date before."""

    def campaigns(self, token: str | None = None) -> list[IndexedCampaign]:
        """Every campaign, or those that pay a token, in the order of opening."""
        from troc.attention.campaigns import Terms

        t, c = tables.campaigns, tables.campaign_changes
        where = [] if token is None else [t.c.token == token]
        with self.reading() as connection:
            rows = list(connection.execute(sa.select(t).where(*where).order_by(t.c.block, t.c.position)))
            query = sa.select(c.c.campaign, c.c.account).where(c.c.kind == "admin changed")
            changed = connection.execute(query.order_by(c.c.block, c.c.position))
            admins = {row.campaign: row.account for row in changed}
            paid: dict[str, int] = {}
            for number, table in (
                (sa.func.sum(tables.contacts.c.number), tables.contacts),
                (sa.func.count(), tables.codes),
            ):
                counted = sa.select(table.c.campaign, number).group_by(table.c.campaign)
                for campaign, found in connection.execute(counted):
                    paid[campaign] = paid.get(campaign, 0) + int(found)
        names = Terms.__dataclass_fields__
        return [
            IndexedCampaign(
                id=row.campaign,
                block=row.block,
                time=row.time,
                transaction=row.transaction,
                terms=Terms(**{name: _term(name, row._mapping[name]) for name in names}),
                admin=admins.get(row.campaign, row.admin),
                paid=paid.get(row.campaign, 0),
            )
            for row in rows
        ]

    def payments(
        self,
        campaign: str | None = None,
        account: str | None = None,
        payee: str | None = None,
        since: int = 0,
        until: int | None = None,
    ) -> list[AttentionPayment]:
        """What campaigns paid with `since <= time < until`, oldest first."""
        found = []
        with self.reading() as connection:
            for table in (tables.contacts, tables.codes):
                wanted = {"campaign": campaign, "account": account, "payee": payee}
                where = [table.c[name] == value for name, value in wanted.items() if value is not None]
                where.append(table.c.time >= since)
                if until is not None:
                    where.append(table.c.time < until)
                c = tables.campaigns.c
                query = sa.select(table, c.token, c.price).join_from(
                    table, tables.campaigns, c.campaign == table.c.campaign
                )
                found += [_payment(row._mapping) for row in connection.execute(query.where(*where))]
        return sorted(found, key=lambda payment: (payment.block, payment.position))

    def is_attention(self, brand: Brand, transaction: str, payee: str, units: int) -> bool:
        """Whether a campaign paid so many points of a brand to an account in a transaction."""
        c = tables.campaigns.c
        with self.reading() as connection:
            for table in (tables.contacts, tables.codes):
                number = table.c.number if table is tables.contacts else sa.literal(1)
                query = (
                    sa.select(number, c.price)
                    .join_from(table, tables.campaigns, c.campaign == table.c.campaign)
                    .where(
                        table.c.payee == payee, table.c.transaction == transaction, c.token == brand.address
                    )
                )
                if any(count * int(price) == units for count, price in connection.execute(query)):
                    return True
        return False

    def messages(
        self, recipient: str | None = None, sender: str | None = None, at: int | None = None
    ) -> list[IndexedMessage]:
        """Messages of the inbox as they stood at a time (none: as far as the index goes), oldest first."""
        now = self.reached()[1] if at is None else at
        t, e = tables.messages, tables.message_ends
        where: Sequence[Any] = [
            column == value
            for column, value in ((t.c.recipient, recipient), (t.c.sender, sender))
            if value is not None
        ]
        query = (
            sa.select(t, e.c.kind, e.c.answer)
            .outerjoin(e, sa.and_(e.c.message == t.c.message, e.c.time <= now))
            .where(t.c.time <= now, *where)
            .order_by(t.c.block, t.c.position)
        )
        with self.reading() as connection:
            return [
                IndexedMessage(
                    id=row.message,
                    block=row.block,
                    time=row.time,
                    transaction=row.transaction,
                    recipient=row.recipient,
                    sender=row.sender,
                    deposit=int(row.deposit),
                    topic=row.topic,
                    channel=row.channel,
                    answer_by=row.answer_by,
                    terms=int(row.terms, 16),
                    content=row.content,
                    state=row.kind or ("due" if now > row.answer_by else "waiting"),
                    answer=row.answer,
                )
                for row in connection.execute(query)
            ]


def _term(name: str, value: Any) -> Any:
    if name == "price":
        return int(value)
    return bytes.fromhex(value[2:]) if name in ("terms_hash", "salt") else value


def _payment(row: Any) -> AttentionPayment:
    is_code = "code" in row
    names = ("block", "position", "time", "transaction", "campaign", "account", "payee", "token")
    return AttentionPayment(
        **{name: row[name] for name in names},
        path=CODE if is_code else row["path"],
        contacts=frozenset() if is_code else of_page(row["page"], int(row["bits"], 16)),
        code=row["code"] if is_code else None,
        units=int(row["price"]) * (1 if is_code else row["number"]),
    )
