"""Campaigns as tests write them, and what their keys sign; ids and digests are made without the contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from brownie import web3
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from tests.helpers import DAY, ZERO_ADDRESS, compact, now, sign
from tests.orders import ERC20, POINTS, digest

PRICE = 7
PAGE = 255
NOBODY = bytes(32)
KEY = Account.from_key(keccak(text="troc test: a ticket's one-time key"))
OTHER_KEY = Account.from_key(keccak(text="troc test: another one-time key"))
_TERMS = (
    "(address,address,uint8,bool,uint256,address,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,address,uint256,uint256,bytes32,bytes32)"
)


class Skip(IntEnum):
    """Why a statement of a batch was passed over."""

    NONE = 0
    OUT_OF_RANGE = 1
    AFTER_END = 2
    TOO_EARLY = 3
    NOTHING_NEW = 4
    NOT_FREE = 5
    NOT_SIGNED = 6
    NO_CREDENTIAL = 7
    NO_ACCOUNT = 8
    REFUSED = 9


def account_of(who: Any) -> bytes:
    """An address as an account; 32 bytes as they are."""
    return who if isinstance(who, bytes) else bytes.fromhex(getattr(who, "address", who)[2:]).rjust(32, b"\0")


def bits(*contacts: int) -> int:
    """The word of contacts of one page."""
    return sum(1 << contact for contact in set(contacts))


def make_terms(admin: Any, token: Any, signer: Any, /, **fields: Any) -> dict[str, Any]:
    """Ten days from the latest block on, twenty contacts, two a day, no codes, paid in cash out of escrow;
    `fields` replace others by name.
    """
    start = fields["start"] if "start" in fields else now()
    terms = {
        "admin": admin.address,
        "token": token.address,
        "tokenKind": ERC20,
        "fresh": False,
        "price": PRICE,
        "signer": signer.address,
        "start": start,
        "end": start + 9 * DAY,
        "claimUntil": start + 39 * DAY,
        "maxContacts": 20,
        "perDay": 2,
        "codes": 0,
        "codesPerAccount": 0,
        "rootDelayDays": 1,
        "credentials": ZERO_ADDRESS,
        "topic": 63,
        "channel": 15,
        "termsHash": bytes(keccak(text="terms")),
        "salt": bytes(32),
    }
    assert fields.keys() <= terms.keys(), f"there is no {fields.keys() - terms.keys()}"
    return terms | {name: getattr(value, "address", value) for name, value in fields.items()}


def handle_of(rewards: Any, terms: dict[str, Any], chain_id: int | None = None) -> tuple[int, int, bytes]:
    """What claims call a campaign by."""
    mode = 3 if terms["tokenKind"] != POINTS else 1 if terms["fresh"] else 2
    rule = (
        terms["rootDelayDays"] << 248
        | mode << 240
        | terms["claimUntil"] << 200
        | terms["start"] << 160
        | int(terms["signer"], 16)
    )
    here = (chain_id or web3.chain_id, rewards.address, tuple(terms.values()))
    hash_ = bytes(keccak(encode(["uint256", "address", _TERMS], here)))
    return terms["price"] << 160 | int(terms["token"], 16), rule, hash_


def id_of(rewards: Any, terms: dict[str, Any], chain_id: int | None = None) -> bytes:
    """The id of a campaign with these terms."""
    handle = handle_of(rewards, terms, chain_id)
    return bytes(keccak(encode(["uint256", "uint256", "bytes32"], handle)))


def codes_grant(campaign: bytes) -> int:
    """The number of the grant out of which a campaign's codes are paid."""
    return 2**256 - 1 - int.from_bytes(campaign)


def pair(signature: bytes) -> tuple[bytes, bytes]:
    """A signature as the contract takes it: the two words of its compact form."""
    short = compact(signature)
    return short[:32], short[32:]


def leaf_hash(campaign: bytes, account: bytes, page: int, contacts: int) -> bytes:
    encoded = encode(["bytes32", "bytes32", "uint256", "uint256"], [campaign, account, page, contacts])
    return bytes(keccak(keccak(encoded)))


def node(one: bytes, other: bytes) -> bytes:
    return bytes(keccak(min(one, other) + max(one, other)))


@dataclass(frozen=True)
class Campaign:
    """A campaign, and whoever has its key."""

    rewards: Any
    terms: dict[str, Any]
    signer: Any

    @cached_property
    def handle(self) -> tuple[int, int, bytes]:
        return handle_of(self.rewards, self.terms)

    @cached_property
    def id(self) -> bytes:
        return id_of(self.rewards, self.terms)

    def day(self, number: int) -> int:
        """The first second of one of its days."""
        return int(self.terms["start"]) + number * DAY

    def standing(self) -> tuple[int, int, int, int]:
        """Left, reserved, codes left, free: all in contacts."""
        left, reserved, codes, free = self.rewards.standingOf(self.id)[2:]
        return left, reserved, codes, free

    # ------------------------------------------------------------------------------------------ statements

    def statement_message(self, who: Any, contacts: int, page: int = 0) -> dict[str, Any]:
        return {
            "campaignSigner": self.terms["signer"],
            "campaign": self.id,
            "account": account_of(who),
            "page": page,
            "contacts": contacts,
        }

    def statement(
        self,
        who: Any,
        contacts: int,
        page: int = 0,
        *,
        by: Any = None,
        credential: bytes = b"",
        **domain: Any,
    ) -> tuple[Any, ...]:
        """Account, page, contacts, signature and credential; signed by another than the campaign's key if
        `by` says so.
        """
        message = self.statement_message(who, contacts, page)
        signature = sign(by or self.signer, self.rewards, "Statement", message, **domain)
        return account_of(who), page, contacts, pair(signature), credential

    def stated(self, statement: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of its claim: a credential only where there is one, as in the others."""
        *words, credential = statement
        return self.handle, tuple(words), *([credential] if credential else [])

    def batch(self, statements: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
        """The arguments of a claim of many."""
        listed = list(statements)
        asks = self.terms["credentials"] != ZERO_ADDRESS
        return self.handle, [one[:4] for one in listed], [one[4] for one in listed] if asks else []

    def statement_digest(self, who: Any, contacts: int, page: int = 0) -> bytes:
        return digest(self.rewards, "Statement", self.statement_message(who, contacts, page))

    # --------------------------------------------------------------------------------------------- tickets

    def ticket_message(self, ticket: tuple[Any, ...]) -> dict[str, Any]:
        account, number, key, valid_until = ticket[:4]
        return {
            "campaignSigner": self.terms["signer"],
            "campaign": self.id,
            "account": account,
            "id": number,
            "key": key,
            "validUntil": valid_until,
        }

    def ticket(
        self, who: Any, number: int, *, key: Any = KEY, valid_until: int | None = None, by: Any = None
    ) -> tuple[Any, ...]:
        """Bound to an account; `NOBODY`: a code. Valid until the claims end."""
        until = self.terms["claimUntil"] if valid_until is None else valid_until
        fields = (account_of(who), number, key.address, until)
        return *fields, pair(sign(by or self.signer, self.rewards, "Ticket", self.ticket_message(fields)))

    def ticket_digest(self, ticket: tuple[Any, ...]) -> bytes:
        return digest(self.rewards, "Ticket", self.ticket_message(ticket))

    def naming_message(self, ticket: tuple[Any, ...], recipient: Any) -> dict[str, Any]:
        to = getattr(recipient, "address", recipient)
        return {"key": ticket[2], "recipient": to, "ticket": self.ticket_digest(ticket)}

    def taker(
        self,
        ticket: tuple[Any, ...],
        who: Any,
        recipient: Any = None,
        *,
        key: Any = KEY,
        credential: bytes = b"",
    ) -> tuple[Any, ...]:
        """Who takes a ticket: the account, what its one-time key signed, and the credential."""
        named = who if recipient is None else recipient
        to = getattr(named, "address", named)
        signature = sign(key, self.rewards, "ClaimTicket", self.naming_message(ticket, to))
        return account_of(who), pair(signature), credential

    def taking(self, ticket: tuple[Any, ...], taker: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of the claim: a code's ticket says whose it shall be."""
        account, signature, credential = taker
        taken = ticket if ticket[0] != NOBODY else (account, *ticket[1:])
        return self.handle, taken, signature, *([credential] if credential else [])

    def take(self, ticket: tuple[Any, ...], taker: tuple[Any, ...], sent: dict[str, Any]) -> Any:
        """The claim, of a contact or of a code."""
        claim = self.rewards.claimCode if ticket[0] == NOBODY else self.rewards.claimTicket
        return claim(*self.taking(ticket, taker), sent)

    def naming_digest(self, ticket: tuple[Any, ...], recipient: Any) -> bytes:
        return digest(self.rewards, "ClaimTicket", self.naming_message(ticket, recipient))

    def bound(self, who: Any, number: int) -> tuple[Any, ...]:
        """The arguments of a claim of a contact by ticket."""
        ticket = self.ticket(who, number)
        return self.taking(ticket, self.taker(ticket, who))

    def code(self, who: Any, index: int) -> tuple[Any, ...]:
        """The arguments of a claim of a code."""
        ticket = self.ticket(NOBODY, index)
        return self.taking(ticket, self.taker(ticket, who))

    # ----------------------------------------------------------------------------------------------- roots

    def leaf(
        self, who: Any, contacts: int, page: int = 0, *, beside: Iterable[bytes] = (), credential: bytes = b""
    ) -> tuple[Any, ...]:
        """The root over a leaf and what is beside its way (alone, it is the root); account, page, contacts;
        the proof, and the credential.
        """
        proof = list(beside)
        root = leaf_hash(self.id, account_of(who), page, contacts)
        for hash_ in proof:
            root = node(root, hash_)
        return root, account_of(who), page, contacts, proof, credential

    def proven(self, leaf: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of its claim."""
        _, account, page, contacts, proof, credential = leaf
        return self.handle, (account, page, contacts), proof, *([credential] if credential else [])
