"""What a relay keeps: one database a relay, from which it can go on after a cut anywhere.

A message is written down before it is answered; a transaction, with the messages in it, before it is sent.
Times are Unix seconds of the chain, wei are decimal text: they are beyond what databases count.
"""

from __future__ import annotations

import sqlalchemy as sa

PART = "relay"
VERSION = 1

tables = sa.MetaData()

settings = sa.Table(
    "relay_settings",
    tables,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

messages = sa.Table(
    "relay_messages",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(66), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    # To whose account it is put, whose state it depends on, and what it uses up (`troc.acts.Act`).
    sa.Column("payer", sa.String(42), nullable=False),
    # What it counts under, and to whose account a failure in a block is put.
    sa.Column("account", sa.String(46), nullable=False),
    sa.Column("blame", sa.String(46), nullable=False),
    sa.Column("parties", sa.Text, nullable=False),
    sa.Column("uses", sa.String(180), nullable=False, index=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("deadline", sa.String(78)),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    sa.Column("slot", sa.Integer, index=True),
    # It failed in company, or its signer is a contract: it goes by itself.
    sa.Column("alone", sa.Boolean, nullable=False),
    sa.Column("accepted_at", sa.BigInteger, nullable=False),
    # The block from which on its trace is looked for.
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("resubmitted", sa.Integer, nullable=False),
    # How often it failed in a block, and so cost something.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("transaction", sa.String(66)),
    sa.Column("block", sa.BigInteger),
    sa.Column("code", sa.String(60)),
    sa.Column("why", sa.Text),
    sa.Column("remedy", sa.Text),
    sa.Index("relay_messages_account", "account", "accepted_at"),
    sa.Index("relay_messages_blame", "blame", "accepted_at"),
)

slots = sa.Table(
    "relay_slots",
    tables,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    # Whose place in the account's sequence it is; several versions of a transaction may compete for it.
    sa.Column("nonce", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    sa.Column("gas", sa.BigInteger, nullable=False),
    sa.Column("day", sa.BigInteger, nullable=False, index=True),
    # What it can cost at most; once it is in a block, what it did cost.
    sa.Column("cost", sa.String(78), nullable=False),
    sa.Column("transaction", sa.String(66)),
    sa.Column("block", sa.BigInteger),
    sa.Column("block_hash", sa.String(66)),
)

versions = sa.Table(
    "relay_versions",
    tables,
    sa.Column("transaction", sa.String(66), primary_key=True),
    sa.Column("slot", sa.Integer, nullable=False, index=True),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("fee", sa.String(78), nullable=False),
)
