"""What a till keeps: one database a till, from which it can go on after a cut anywhere.

Amounts are smallest units, times Unix seconds of the chain. Everything that goes to the chain is an errand;
an issue has none until its batch is fixed.
"""

from __future__ import annotations

import sqlalchemy as sa

from troc.serving.tokens import token_table

PART = "till"
VERSION = 1

tables = sa.MetaData()

settings = sa.Table(
    "till_settings",
    tables,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

tokens = token_table("till_tokens", tables)

books = sa.Table(
    "till_books",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    # What was accepted and may still be charged to the grant.
    sa.Column("open_units", sa.BigInteger, nullable=False),
    # The grant as the chain last told it, and when.
    sa.Column("grant_left", sa.BigInteger, nullable=False),
    sa.Column("cap", sa.BigInteger, nullable=False),
    sa.Column("used_today", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("block_time", sa.BigInteger, nullable=False),
)

errands = sa.Table(
    "till_errands",
    tables,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    # The receipt, return or batch that it is about; the batch's is its reference on the chain.
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("matures_at", sa.BigInteger, nullable=False),
    # The block from which on its traces are looked for.
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.BigInteger),
    sa.Column("raw", sa.Text),
    sa.Column("transaction", sa.String(66)),
    sa.Column("first_id", sa.BigInteger),
    sa.Column("why", sa.Text),
)

issues = sa.Table(
    "till_issues",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("receipt", sa.String(100), nullable=False, unique=True),
    sa.Column("customer", sa.String(100), nullable=False),
    sa.Column("address", sa.String(42), nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("matures", sa.String(40), nullable=False),
    sa.Column("matures_at", sa.BigInteger, nullable=False),
    # What was returned before the batch was fixed, and what was after.
    sa.Column("dropped", sa.BigInteger, nullable=False, default=0),
    sa.Column("returned", sa.BigInteger, nullable=False, default=0),
    sa.Column("errand", sa.Integer, index=True),
    # A voucher that was signed and handed out: its text, until it ended, and "out", "claimed" or "void".
    sa.Column("voucher", sa.Text),
    sa.Column("voucher_state", sa.String(10), index=True),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("accepted_at", sa.BigInteger, nullable=False),
)

redemptions = sa.Table(
    "till_redemptions",
    tables,
    sa.Column("receipt", sa.String(100), primary_key=True),
    sa.Column("holder", sa.String(42), nullable=False, index=True),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("nonce", sa.String(78), nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("returned", sa.BigInteger, nullable=False, default=0),
    sa.Column("unseen", sa.Boolean, nullable=False),
    sa.Column("errand", sa.Integer, nullable=False),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("accepted_at", sa.BigInteger, nullable=False),
)

returns = sa.Table(
    "till_returns",
    tables,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("receipt", sa.String(100), nullable=False),
    sa.Column("content", sa.String(200), nullable=False),
    # Points earned on the goods: dropped before they were issued, to be cancelled, or owed by the customer.
    sa.Column("dropped", sa.BigInteger, nullable=False),
    sa.Column("cancelled", sa.BigInteger, nullable=False),
    sa.Column("debt", sa.BigInteger, nullable=False),
    sa.Column("customer", sa.String(100), nullable=False),
    sa.Column("debt_told", sa.Boolean, nullable=False),
    # Points spent on the goods, to be given back.
    sa.Column("given_back", sa.BigInteger, nullable=False),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("accepted_at", sa.BigInteger, nullable=False),
)
