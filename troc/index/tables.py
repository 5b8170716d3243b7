"""Tables of the index. docs/index.md says what each of them means.

All names begin with `chain_`, so that a database can hold other things beside the index.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

PART = "index"
VERSION = 3
PREFIX = "chain_"

metadata = sa.MetaData()

_Address = sa.String(42)
_Hash = sa.String(66)


def _units(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _log(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """A table with a row an event. What a block held goes with the block when the chain drops it."""
    return sa.Table(
        PREFIX + name,
        metadata,
        sa.Column("block", sa.BigInteger, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("transaction", _Hash, nullable=False),
        *columns,
    )


def _event(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """The same for events of points."""
    return _log(
        name,
        sa.Column("token", _Address, nullable=False),
        *columns,
        sa.Index(f"{PREFIX}{name}_by_time", "token", "time"),
    )


state = sa.Table(
    PREFIX + "state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("chain_id", sa.BigInteger, nullable=False),
    sa.Column("genesis", _Hash, nullable=False),
    sa.Column("brands", _Address, nullable=False),
    # Empty while the deployment has none.
    sa.Column("inbox", _Address, nullable=False),
    sa.Column("first_block", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
)

blocks = sa.Table(
    PREFIX + "blocks",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", _Hash, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Index(PREFIX + "blocks_by_time", "time"),
)

brands = sa.Table(
    PREFIX + "brands",
    metadata,
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("token", _Address, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("decimals", sa.Integer, nullable=False),
    sa.Column("epoch_length", sa.BigInteger, nullable=False),
    sa.Column("origin", sa.BigInteger, nullable=False),
    sa.Column("owner", _Address, nullable=False),
)

issues = _event(
    "issues",
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("issuer", _Address),
    sa.Column("reference", _Hash),
    sa.Column("nonce", sa.Text),
    sa.Column("recipient", _Address, nullable=False),
    _units("units"),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("expiry", sa.BigInteger),
    sa.Index(PREFIX + "issues_by_recipient", "recipient", "token"),
    sa.Index(PREFIX + "issues_by_reference", "reference"),
)

redemptions = _event(
    "redemptions",
    sa.Column("holder", _Address, nullable=False),
    sa.Column("receipt", _Hash, nullable=False),
    _units("units"),
    sa.Column("agent", _Address, nullable=False),
    sa.Index(PREFIX + "redemptions_by_holder", "holder", "token"),
)

give_backs = _event(
    "give_backs",
    sa.Column("holder", _Address, nullable=False),
    sa.Column("receipt", _Hash, nullable=False),
    _units("units"),
    sa.Index(PREFIX + "give_backs_by_holder", "holder", "token"),
)

transfers = _event(
    "transfers",
    sa.Column("sender", _Address, nullable=False),
    sa.Column("recipient", _Address, nullable=False),
    _units("units"),
    sa.Index(PREFIX + "transfers_by_sender", "sender", "token"),
    sa.Index(PREFIX + "transfers_by_recipient", "recipient", "token"),
)

pending = _event(
    "pending",
    sa.Column("issuer", _Address),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("customer", _Address, nullable=False),
    _units("units"),
    sa.Column("matures_at", sa.BigInteger, nullable=False),
    sa.Column("reference", _Hash),
    sa.Index(PREFIX + "pending_by_number", "token", "issuer", "number"),
    sa.Index(PREFIX + "pending_by_customer", "customer", "token"),
)

pending_changes = _event(
    "pending_changes",
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("issuer", _Address),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("customer", _Address, nullable=False),
    _units("units"),
    sa.Index(PREFIX + "pending_changes_by_customer", "customer", "token"),
)

grants = _event(
    "grants",
    sa.Column("issuer", _Address, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    _units("units"),
    sa.Column("per_day", sa.BigInteger, nullable=False),
    sa.Column("locked_until", sa.BigInteger, nullable=False),
)

# ------------------------------------------------------------------------------------------------- the market

orders = _log(
    "orders",
    sa.Column("digest", _Hash, nullable=False),
    sa.Column("maker", _Address, nullable=False),
    sa.Column("give_token", _Address, nullable=False),
    sa.Column("want_token", _Address, nullable=False),
    sa.Column("open_until", sa.BigInteger, nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False),
    # 128 and 64 bits in hex of a fixed width.
    sa.Column("lane", sa.String(32), nullable=False),
    sa.Column("series", sa.String(16), nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("by_key", sa.Boolean, nullable=False),
    sa.Column("published", sa.Boolean, nullable=False),
    sa.Index(PREFIX + "orders_by_digest", "digest"),
    sa.Index(PREFIX + "orders_by_end", "open_until"),
    sa.Index(PREFIX + "orders_by_maker", "maker"),
    sa.Index(PREFIX + "orders_by_tokens", "give_token", "want_token"),
)

fills = _log(
    "fills",
    sa.Column("digest", _Hash, nullable=False),
    sa.Column("maker", _Address, nullable=False),
    _units("given"),
    _units("received"),
    sa.Index(PREFIX + "fills_by_digest", "digest"),
    sa.Index(PREFIX + "fills_by_maker", "maker"),
    sa.Index(PREFIX + "fills_by_time", "time"),
)

order_ends = _log(
    "order_ends",
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("maker", _Address, nullable=False),
    sa.Column("all_of_series", sa.Boolean, nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False),
    sa.Column("lane", sa.String(32), nullable=False),
    sa.Column("series", sa.String(16), nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Index(PREFIX + "order_ends_by_lane", "maker", "lane"),
)

batches = _log(
    "batches",
    sa.Column("solver", _Address, nullable=False),
    sa.Column("batch", _Hash, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Index(PREFIX + "batches_by_id", "batch"),
)

MARKET_TABLES = (orders, fills, order_ends, batches)

# --------------------------------------------------------------------------------------------- paid attention


def _campaign_log(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """The same for events of campaigns."""
    return _log(
        name,
        sa.Column("campaign", _Hash, nullable=False),
        *columns,
        sa.Index(f"{PREFIX}{name}_by_campaign", "campaign"),
    )


campaigns = _campaign_log(
    "campaigns",
    sa.Column("rewards", _Address, nullable=False),
    sa.Column("admin", _Address, nullable=False),
    sa.Column("token", _Address, nullable=False),
    sa.Column("token_kind", sa.Integer, nullable=False),
    sa.Column("fresh", sa.Boolean, nullable=False),
    # Of an ERC-20, 96 bits.
    sa.Column("price", sa.Text, nullable=False),
    sa.Column("signer", _Address, nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("claim_until", sa.BigInteger, nullable=False),
    sa.Column("max_contacts", sa.Integer, nullable=False),
    sa.Column("per_day", sa.Integer, nullable=False),
    sa.Column("codes", sa.BigInteger, nullable=False),
    sa.Column("codes_per_account", sa.Integer, nullable=False),
    sa.Column("root_delay_days", sa.Integer, nullable=False),
    sa.Column("credentials", _Address, nullable=False),
    sa.Column("topic", sa.Integer, nullable=False),
    sa.Column("channel", sa.Integer, nullable=False),
    sa.Column("terms_hash", _Hash, nullable=False),
    sa.Column("salt", _Hash, nullable=False),
    sa.Index(PREFIX + "campaigns_by_token", "token"),
)

campaign_changes = _campaign_log(
    "campaign_changes",
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("account", _Address),
    sa.Column("root", _Hash),
    # Of an ERC-20, 152 bits.
    sa.Column("number", sa.Text),
)

enrolments = _campaign_log(
    "enrolments",
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("account", _Hash, nullable=False),
    sa.Index(PREFIX + "enrolments_by_account", "account"),
)

code_batches = _campaign_log(
    "code_batches",
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
)

contacts = _campaign_log(
    "contacts",
    sa.Column("account", _Hash, nullable=False),
    sa.Column("payee", _Address, nullable=False),
    sa.Column("path", sa.String(10), nullable=False),
    sa.Column("page", sa.BigInteger, nullable=False),
    # A word in hex.
    sa.Column("bits", _Hash, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Index(PREFIX + "contacts_by_account", "account"),
    sa.Index(PREFIX + "contacts_by_payee", "payee"),
)

codes = _campaign_log(
    "codes",
    sa.Column("account", _Hash, nullable=False),
    sa.Column("payee", _Address, nullable=False),
    sa.Column("code", sa.BigInteger, nullable=False),
    sa.Index(PREFIX + "codes_by_account", "account"),
    sa.Index(PREFIX + "codes_by_payee", "payee"),
)

skipped = _campaign_log(
    "skipped",
    sa.Column("account", _Hash, nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
)

# ------------------------------------------------------------------------------------------------- the inbox

inbox_policies = _log(
    "inbox_policies",
    sa.Column("recipient", _Address, nullable=False),
    sa.Column("on", sa.Boolean, nullable=False),
    sa.Column("floor", sa.Text, nullable=False),
    sa.Column("per_week", sa.Integer, nullable=False),
    # 64 bits in hex of a fixed width.
    sa.Column("topics", sa.String(16), nullable=False),
    sa.Column("channels", sa.Integer, nullable=False),
    sa.Column("answer_days", sa.Integer, nullable=False),
    sa.Index(PREFIX + "inbox_policies_by_recipient", "recipient"),
)

inbox_welcomes = _log(
    "inbox_welcomes",
    sa.Column("recipient", _Address, nullable=False),
    sa.Column("sender", _Address, nullable=False),
    sa.Column("welcome", sa.String(10), nullable=False),
    sa.Index(PREFIX + "inbox_welcomes_by_recipient", "recipient", "sender"),
)

inbox_nonces = _log(
    "inbox_nonces",
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("recipient", _Address, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
)

messages = _log(
    "messages",
    sa.Column("message", _Hash, nullable=False),
    sa.Column("recipient", _Address, nullable=False),
    sa.Column("sender", _Address, nullable=False),
    # 96 bits.
    sa.Column("deposit", sa.Text, nullable=False),
    sa.Column("topic", sa.Integer, nullable=False),
    sa.Column("channel", sa.Integer, nullable=False),
    sa.Column("answer_by", sa.BigInteger, nullable=False),
    # All of it, 256 bits in hex: what an answer has to bring.
    sa.Column("terms", _Hash, nullable=False),
    sa.Column("content", _Hash, nullable=False),
    sa.Index(PREFIX + "messages_by_id", "message"),
    sa.Index(PREFIX + "messages_by_recipient", "recipient"),
    sa.Index(PREFIX + "messages_by_sender", "sender"),
)

message_ends = _log(
    "message_ends",
    sa.Column("message", _Hash, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("account", _Address, nullable=False),
    sa.Column("answer", _Hash),
    sa.Column("amount", sa.Text, nullable=False),
    sa.Index(PREFIX + "message_ends_by_id", "message"),
)


class BalanceChange(NamedTuple):
    """Rows that change balances: of whom (the column `account`), up or down, and why. The columns `other` and
    `reference` name the other side and what it was for, where there is such a thing.
    """

    table: sa.Table
    account: str
    sign: int
    reason: str
    other: str | None = None
    reference: str | None = None


BALANCE_CHANGES = (
    BalanceChange(issues, "recipient", 1, "issued", "issuer", "reference"),
    BalanceChange(redemptions, "holder", -1, "redeemed", "agent", "receipt"),
    BalanceChange(give_backs, "holder", 1, "given back", None, "receipt"),
    BalanceChange(transfers, "sender", -1, "sent", "recipient"),
    BalanceChange(transfers, "recipient", 1, "received", "sender"),
)
"""All that changes a balance, but for expiry, of which the chain writes nothing."""


def _lots(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """A history: a row holds from `from_block` up to, not including, `until_block`; null: still.

    `lot0` was earned in `epoch`, `lot3` three epochs before.
    """
    return sa.Table(
        PREFIX + name,
        metadata,
        sa.Column("token", _Address, primary_key=True),
        *columns,
        sa.Column("from_block", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until_block", sa.BigInteger),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        *(_units(f"lot{age}") for age in range(4)),
        sa.Column("exact", sa.Boolean, nullable=False),
        sa.Index(f"{PREFIX}{name}_by_start", "from_block"),
        sa.Index(f"{PREFIX}{name}_by_end", "until_block", "token"),
    )


lots = _lots("lots", sa.Column("account", _Address, primary_key=True))
sa.Index(
    PREFIX + "lots_in_doubt",
    lots.c.token,
    sqlite_where=sa.and_(lots.c.until_block.is_(None), sa.not_(lots.c.exact)),
    postgresql_where=sa.and_(lots.c.until_block.is_(None), sa.not_(lots.c.exact)),
)

supply = _lots("supply")
