"""Signing for campaigns of paid attention: tickets before a contact, statements after it, codes to hand out.

Everything is in the register before it is signed (`troc.attention.register`). A signature follows from what
it signs (RFC 6979), and a one-time key from the campaign's key: so neither is kept, and the same contact gets
the same answer again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from troc import words
from troc.accounts import Signer
from troc.attention.campaigns import CODES_OF_BATCH, Campaign, Rewards, Standing
from troc.attention.contacts import PAGE
from troc.attention.messages import Statement
from troc.attention.register import (
    NO_CAPS,
    OWNER,
    Batch,
    Caps,
    Contact,
    How,
    Register,
    Seen,
    Taken,
    Wanted,
    check_valid,
)
from troc.attention.slips import NO_ACCOUNT, Slip, sign_ticket
from troc.errors import InputError
from troc.messages import Domain
from troc.serving.refusal import RefusalError
from troc.serving.worker import Worker

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_ADDRESS_BITS = 160
_PATH_BITS = 8

USUAL_VALID = "30d"
"""How long a ticket can be claimed, where nobody said otherwise."""


def seed_of(signer: Signer, campaign: bytes) -> bytes:
    """The seed of a campaign's one-time keys, 32 bytes: made from a signature of its key that is never shown
    (RFC 6979: the same each time), so there is nothing to keep beside the account.
    """
    return keccak(
        signer.sign_message(
            encode_defunct(text=f"Troc: the seed of my one-time keys\ncampaign 0x{campaign.hex()}")
        )
    )


@dataclass(frozen=True)
class Signed:
    """A contact that was taken down, with what was signed for it."""

    contact: Contact
    slip: Slip


class Signing:
    """The signer of some campaigns, with their register. `running` opens it.

    `good`, here and below, says until when a ticket can be claimed: "30d" or "2027-02-19". A date beyond the
    campaign's claims means their end.
    """

    def __init__(
        self,
        rewards: Rewards,
        register: Register,
        signer: Signer,
        campaigns: Sequence[Campaign],
        caps: Caps = NO_CAPS,
    ) -> None:
        if not campaigns:
            raise InputError("no campaign was named", "name one")
        for campaign in campaigns:
            if campaign.terms.signer != signer.address:
                raise InputError(
                    f"campaign {campaign.short} is signed by {campaign.terms.signer}, not by {signer.name}",
                    "open the account that the campaign names (`--account`)",
                )
        self.register = register
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.domain: Domain = rewards.domain
        self._signer = signer
        self._caps = caps
        self._seeds = {campaign.id: seed_of(signer, campaign.id) for campaign in campaigns}
        self._watch = Watch(rewards, register, campaigns)

    @contextmanager
    def running(self) -> Iterator[Signing]:
        """Take the register for this process, look at the chain, and go on looking."""
        with ExitStack() as stack:
            stack.enter_context(self.register.running())
            for id_, seed in self._seeds.items():
                self.register.add(id_, keccak(b"troc.attention.seed\0" + seed).hex())
            stack.callback(self._watch.stop)
            self._watch.start()
            yield self

    @property
    def address(self) -> str:
        """The campaigns' key."""
        return self._signer.address

    @property
    def online(self) -> bool:
        """Whether the chain answered last time."""
        return self._watch.line.online

    @property
    def now(self) -> int:
        """The chain's time, in Unix seconds; while it cannot be asked, what passed is added."""
        return self._watch.line.now

    def look(self) -> None:
        """Look at the chain now."""
        self._watch.observe()

    def campaign(self, text: str = "") -> Campaign:
        """The campaign whose id begins so; none named: the only one."""
        wanted = text.strip().lower().removeprefix("0x")
        found = [each for each in self.campaigns.values() if each.id.hex().startswith(wanted)]
        if len(found) != 1:
            raise RefusalError(
                "campaign_unknown",
                404,
                f"{text!r} is {'no' if not found else 'not one'} campaign that is signed here",
                f"name one of {words.listed(each.short for each in self.campaigns.values())}",
            )
        return found[0]

    # -------------------------------------------------------------------------------------------- signing

    def confirm(
        self,
        campaign: Campaign,
        id_: str,
        account: bytes,
        *,
        had_at: int | None = None,
        token: str = OWNER,
        how: How = How.STATEMENT,
    ) -> Future[Taken]:
        """Take down that an account had a contact, at `had_at` (default: now). Done when it is on the disk;
        `statement` signs it then. `how` root: a root will pay it.
        """
        wanted = Wanted(id_, account, how, self.now, had_at)
        return self.register.accept(campaign.id, campaign.terms, wanted, self._caps, token)

    def promise(
        self, campaign: Campaign, id_: str, account: bytes, *, good: str = USUAL_VALID, token: str = OWNER
    ) -> Future[Taken]:
        """Take down that an account will be paid for a contact; `ticket` signs it then."""
        now = self.now
        wanted = Wanted(id_, account, How.TICKET, now, valid_until=self._until(campaign, good, now))
        return self.register.accept(campaign.id, campaign.terms, wanted, self._caps, token)

    def hand_out(self, campaign: Campaign, id_: str, *, good: str = "", token: str = OWNER) -> Future[Taken]:
        """Take down that a code is handed out; `ticket` signs it then. `good`: empty until the claims end."""
        now = self.now
        until = self._until(campaign, good, now)
        return self.register.accept_code(campaign.id, campaign.terms, id_, now, until, token)

    def check_good(self, campaign: Campaign, good: str) -> None:
        """Raise `InputError` where a new ticket with this date could never be claimed."""
        terms, now = campaign.terms, self.now
        if now <= terms.claim_until:
            check_valid(terms, self._until(campaign, good, now), max(now, terms.start))

    def statement(self, campaign: Campaign, taken: Taken) -> Signed:
        """The statement of a contact that was taken down."""
        page = taken.contact.number // PAGE
        return Signed(taken.contact, self._statement(campaign.id, taken.contact.account, page, taken.word))

    def ticket(self, campaign: Campaign, contact: Contact) -> Signed:
        """The ticket of a contact that was taken down, or a code, with its one-time key."""
        if contact.how not in (How.TICKET, How.CODE):
            raise InputError(f"the contact {contact.id} is paid by a {contact.how}", "ask for that")
        return Signed(
            contact, self._ticket(campaign.id, contact.account, contact.number, contact.valid_until)
        )

    def print_batch(self, campaign: Campaign, batch: int, good: str = "") -> list[Slip]:
        """All codes of a batch, with their keys: the same each time."""
        now = self.now
        until = self._until(campaign, good, now)
        taken = self.register.take_batch(campaign.id, campaign.terms, batch, now, until)
        return self._codes(campaign.id, taken)

    # -------------------------------------------------------------------------------------------- reading

    def statements(self, campaign: Campaign, account: bytes | None = None) -> list[Slip]:
        """The statements of an account, or of all: a page each."""
        return [self._statement(campaign.id, *each) for each in self.register.words(campaign.id, account)]

    def everything(self, campaign: Campaign) -> list[Slip]:
        """All that was signed: statements as they stand, tickets and codes without their keys."""
        found = self.statements(campaign)
        for contact in self.register.contacts(campaign.id):
            if contact.how in (How.TICKET, How.CODE):
                found.append(self.ticket(campaign, contact).slip.public())
        for batch in self.register.batches(campaign.id):
            if batch.printed:
                found += [each.public() for each in self._codes(campaign.id, batch)]
        return found

    def status(self, campaign: Campaign) -> dict[str, Any]:
        """How a campaign stands: what may still be promised, what is owed, what became of the contacts."""
        books = self.register.books(campaign.id)
        line = self._watch.line
        return books_form(campaign, self.register) | {
            "online": line.online,
            "why": line.why,
            "chain_time": line.now,
            "open": line.now <= campaign.terms.claim_until and not books.short,
        }

    # ------------------------------------------------------------------------------------------- internal

    def _statement(self, campaign: bytes, account: bytes, page: int, word: int) -> Slip:
        statement = Statement(self._signer.address, campaign, account, page, word)
        return Slip.signed(statement, self.domain, self._signer)

    def _ticket(self, campaign: bytes, account: bytes, number: int, valid_until: int) -> Slip:
        seed = self._seeds[campaign]
        return sign_ticket(campaign, account, number, valid_until, seed, self.domain, self._signer)

    def _codes(self, campaign: bytes, batch: Batch) -> list[Slip]:
        first = batch.batch * CODES_OF_BATCH
        return [
            self._ticket(campaign, NO_ACCOUNT, index, batch.valid_until) for index in range(first, batch.next)
        ]

    def _until(self, campaign: Campaign, good: str, now: int) -> int:
        last = campaign.terms.claim_until
        return min(words.parse_until(good, now), last) if good else last


def books_form(campaign: Campaign, register: Register) -> dict[str, Any]:
    """A campaign's books for `--json` and HTTP, in contacts."""
    books = register.books(campaign.id)
    return {
        "campaign": campaign.name,
        "room": books.room,
        "owed": books.owed,
        "short": books.short,
        "free": books.free,
        "reserved": books.reserved,
        "codes_left": books.codes_left,
        "budget": books.budget,
        "block": books.block,
        "block_time": books.block_time,
        "contacts": register.counts(campaign.id),
        "batches": [
            {
                "batch": each.batch,
                "printed": each.printed,
                "signed": each.next - each.batch * CODES_OF_BATCH,
                "paid": each.paid,
                "valid_until": each.valid_until,
            }
            for each in register.batches(campaign.id)
        ],
    }


class Watch(Worker):
    """Brings what happens on the chain into a register."""

    def __init__(self, rewards: Rewards, register: Register, campaigns: Sequence[Campaign]) -> None:
        super().__init__("attention watch", _log, _PAUSE_SECONDS)
        self._rewards = rewards
        self._chain = rewards.chain
        self._register = register
        self._campaigns = campaigns
        self._seen: dict[bytes, int] = {}

    def observe(self) -> None:
        """Read each campaign at the last block that is final, and what happened up to it."""
        head = self._chain.header()
        # A chain that is younger than that has no final block but its first.
        final = max(head.number - self._chain.config.confirmations + 1, 0)
        for campaign in self._campaigns:
            # What opened later than that is seen once it is final.
            if final >= campaign.block and self._seen.get(campaign.id) != final:
                self._register.observe(campaign.id, self._look(campaign, final))
                self._seen[campaign.id] = final
        self.line.chain_time, self.line.seen = head.time, time.monotonic()
        self.line.online, self.line.why = True, ""

    def step(self) -> bool:
        """There is nothing to send."""
        return False

    def _look(self, campaign: Campaign, block: int) -> Seen:
        known = self._register.books(campaign.id).block
        since = max(known + 1, campaign.block)
        functions = self._rewards.contract.functions
        standing = Standing.of(self._chain.call(functions.standingOf(campaign.id), block=block))

        def happened(name: str) -> Iterator[Any]:
            event = getattr(self._rewards.contract.events, name)()
            for log in self._chain.logs(event, {"campaignId": campaign.id}, since, block):
                yield log["args"]

        enrolled = [bytes(each) for log in happened("AccountsEnrolled") for each in log["accounts"]]
        paid = [
            (bytes(log["account"]), log["packed"] >> _ADDRESS_BITS + _PATH_BITS, log["contacts"])
            for log in happened("ContactsPaid")
        ]
        codes = [log["packed"] >> _ADDRESS_BITS for log in happened("CodePaid")]
        return Seen(
            block,
            self._chain.time_of(block),
            standing.left,
            standing.reserved,
            standing.codes_left,
            standing.free,
            enrolled,
            paid,
            codes,
        )
