"""What a register keeps: the contacts that a brand promised or confirmed, by campaign, account and number.

Campaigns and accounts are 32 bytes, times Unix seconds of the chain, budgets contacts.
"""

from __future__ import annotations

import sqlalchemy as sa

from troc.serving.tokens import token_table

PART = "attention"
VERSION = 1

tables = sa.MetaData()

tokens = token_table("attention_tokens", tables)

campaigns = sa.Table(
    "attention_campaigns",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.LargeBinary(32), nullable=False, unique=True),
    # A mark of the seed of its one-time keys: another seed would make a second key for a number.
    sa.Column("seed_mark", sa.String(64), nullable=False),
    # What is promised to accounts that are not enrolled and could still be claimed.
    sa.Column("owed", sa.BigInteger, nullable=False, default=0),
    # The campaign as the chain last told it, and when.
    sa.Column("budget", sa.BigInteger, nullable=False, default=0),
    sa.Column("reserved", sa.BigInteger, nullable=False, default=0),
    sa.Column("codes_left", sa.BigInteger, nullable=False, default=0),
    sa.Column("free", sa.BigInteger, nullable=False, default=0),
    sa.Column("block", sa.BigInteger, nullable=False, default=0),
    sa.Column("block_time", sa.BigInteger, nullable=False, default=0),
    # Contacts of the campaign's last day that had any.
    sa.Column("day", sa.BigInteger, nullable=False, default=0),
    sa.Column("today", sa.BigInteger, nullable=False, default=0),
)

accounts = sa.Table(
    "attention_accounts",
    tables,
    sa.Column("campaign", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.LargeBinary(32), primary_key=True),
    # The number of its next contact.
    sa.Column("next", sa.Integer, nullable=False),
    # Of those it has: how many could still be claimed.
    sa.Column("open", sa.Integer, nullable=False),
    sa.Column("enrolled", sa.Boolean, nullable=False),
    sa.Column("day", sa.BigInteger, nullable=False),
    sa.Column("today", sa.Integer, nullable=False),
)

contacts = sa.Table(
    "attention_contacts",
    tables,
    sa.Column("campaign", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("contact", sa.String(100), primary_key=True),
    # Zeros: a code, and its index.
    sa.Column("account", sa.LargeBinary(32), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("how", sa.String(10), nullable=False),
    sa.Column("valid_until", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("campaign", "account", "number", name="attention_number_once"),
)
sa.Index(
    "attention_expiring",
    contacts.c.campaign,
    contacts.c.valid_until,
    sqlite_where=sa.and_(contacts.c.state == "open", contacts.c.valid_until > 0),
    postgresql_where=sa.and_(contacts.c.state == "open", contacts.c.valid_until > 0),
)

sets = sa.Table(
    "attention_sets",
    tables,
    sa.Column("campaign", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.LargeBinary(32), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
    # What its statement says, as the contract has it. It only grows.
    sa.Column("word", sa.LargeBinary(32), nullable=False),
)

batches = sa.Table(
    "attention_batches",
    tables,
    sa.Column("campaign", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
    # Whether all its codes were signed at once, to be printed; else they are handed out one by one.
    sa.Column("printed", sa.Boolean, nullable=False),
    sa.Column("next", sa.BigInteger, nullable=False),
    sa.Column("valid_until", sa.BigInteger, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
