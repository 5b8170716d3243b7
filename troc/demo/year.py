"""The grocer's whole year of campaigns, paid: 27 of them, 6,589 mails and 1,148 visits for their coupons.

Each opens on its own first day. The grocer signs a statement for every household, and after the last day
somebody brings all of them, many in a transaction. A contact that no statement names is not paid.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from troc import words
from troc.accounts import Signer, open_account, open_dev_customers
from troc.anvil import free_port, move_to, rpc_of, run_anvil, set_pace
from troc.attention.campaigns import Campaign, Terms
from troc.attention.contacts import account_of
from troc.attention.register import Register
from troc.attention.signing import Signing
from troc.attention.slips import Slip
from troc.chain import Chain
from troc.client import Troc
from troc.demo.mailings import Mailing, read_mailings
from troc.demo.receipts import GROCER
from troc.demo.stage import PACE
from troc.demo.telling import Teller
from troc.deploy import deploy_suite
from troc.messages import KIND_POINTS, ZERO_ADDRESS
from troc.network import load_network

PRICE = 5
"""Points for a mail, and for each day on which a coupon of it was used."""

_BEGIN = "2016-11-14"
"""The first day of the first campaign."""

_CLAIMS = 31 * words.DAY
_STATEMENTS = 100
"""Statements of one transaction."""


@dataclass(frozen=True)
class Paid:
    """A campaign that was paid: its contacts, and what its claims cost."""

    mailing: Mailing
    contacts: int
    paid: int
    transactions: int
    gas: int


def pay_all(teller: Teller, numbers: Iterable[int] | None = None) -> list[Paid]:
    """Pay the campaigns with these numbers, or all, on a chain of its own. Raises `ChecksFailedError` at the
    end if a check failed.
    """
    begun = time.monotonic()
    wanted = None if numbers is None else set(numbers)
    mailings = [each for each in read_mailings() if wanted is None or each.number in wanted]
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="troc-year-") as name,
        run_anvil(port, "--timestamp", str(words.parse_day(_BEGIN))),
    ):
        config = replace(load_network("local", rpc_of(port)), folder=Path(name), brands=())
        chain = Chain.connect(config)
        set_pace(chain, PACE)
        year = _Year(chain, teller, mailings)
        done = year.run()
    contacts, gas = (sum(found) for found in zip(*((each.contacts, each.gas) for each in done), strict=True))
    sent = sum(each.transactions for each in done)
    teller.say(
        f"{words.count(contacts, 'contact')} of {words.count(len(done), 'campaign')}, in"
        f" {words.count(sent, 'transaction')}: {gas // contacts:,} gas each. It took"
        f" {time.monotonic() - begun:.0f} seconds."
    )
    teller.end()
    return done


class _Year:
    def __init__(self, chain: Chain, teller: Teller, mailings: Sequence[Mailing]) -> None:
        self._chain = chain
        self._teller = teller
        self._mailings = mailings
        self._relay, self._owner, self._key = (
            open_account(name, chain.config) for name in ("dev:0", "dev:1", "dev:2")
        )
        self._client = Troc(chain, deploy_suite(chain, self._relay))
        self._brand = self._client.as_account(self._owner)
        self._token = self._brand.launch(GROCER.name, GROCER.symbol, GROCER.valid)
        numbers = sorted({household for each in mailings for household in each.households})
        customers = open_dev_customers(len(numbers), chain.config)
        self._households: dict[int, Signer] = dict(zip(numbers, customers, strict=True))

    def run(self) -> list[Paid]:
        """Open each on its day, pay it after its last; tell what was paid."""
        days = [(each.start, 0, each) for each in self._mailings]
        days += [(each.end + 1, 1, each) for each in self._mailings]
        opened: dict[int, Campaign] = {}
        done = []
        for day, ends, mailing in sorted(days, key=lambda each: each[:2]):
            if day > self._chain.now():
                move_to(self._chain, day)
            if not ends:
                opened[mailing.number] = self._open(mailing)
            else:
                done.append(self._pay(mailing, opened[mailing.number]))
        done.sort(key=lambda each: each.mailing.number)
        self._teller.table(
            ("campaign", "households", "contacts", "paid", "transactions", "gas a household"),
            [
                (
                    f"{each.mailing.number}, {each.mailing.kind}: {words.day(each.mailing.start)} to"
                    f" {words.day(each.mailing.end)}",
                    f"{len(each.mailing.households):,}",
                    f"{each.contacts:,}",
                    f"{each.paid:,}",
                    str(each.transactions),
                    f"{each.gas // len(each.mailing.households):,}",
                )
                for each in done
            ],
        )
        contacts = sum(each.contacts for each in done)
        issued = self._client.status(self._token).issued
        self._teller.check(
            f"A1  {contacts:,} contacts had, {sum(each.paid for each in done):,} paid, and {issued:,} points"
            f" issued: {PRICE} each",
            all(each.contacts == each.paid for each in done) and issued == PRICE * contacts,
        )
        return done

    def _open(self, mailing: Mailing) -> Campaign:
        contacts = sum(len(mailing.contacts(each)) for each in mailing.households)
        terms = Terms(
            admin=self._owner.address,
            token=self._token.address,
            token_kind=KIND_POINTS,
            fresh=True,
            price=PRICE,
            signer=self._key.address,
            start=mailing.start,
            end=mailing.end,
            claim_until=mailing.end + _CLAIMS,
            max_contacts=1 + max(mailing.visits.values(), default=0),
            per_day=0,
            codes=0,
            codes_per_account=0,
            root_delay_days=1,
            credentials=ZERO_ADDRESS,
            topic=0,
            channel=0,
            terms_hash=bytes(32),
            salt=mailing.number.to_bytes(32),
        )
        return self._brand.attention.open(terms, contacts)

    def _pay(self, mailing: Mailing, campaign: Campaign) -> Paid:
        slips = self._sign(mailing, campaign)
        rewards = self._client.as_account(self._relay).attention
        gas = transactions = 0
        for start in range(0, len(slips), _STATEMENTS):
            part = slips[start : start + _STATEMENTS]
            gas += self._chain.send(rewards.statements_call(part), self._relay).gas_used
            transactions += 1
        contacts = sum(len(slip.contacts) for slip in slips)
        paid, _ = rewards.paid_in_all(campaign.id)
        return Paid(mailing, contacts, paid, transactions, gas)

    def _sign(self, mailing: Mailing, campaign: Campaign) -> list[Slip]:
        register = Register(f"sqlite:///{self._chain.config.folder / f'register-{mailing.number}.sqlite'}")
        rewards = self._brand.attention
        with Signing(rewards, register, self._key, [campaign]).running() as signing:
            waiting = [
                signing.confirm(
                    campaign,
                    f"household {household}, contact {contact}",
                    account_of(self._households[household].address),
                    had_at=mailing.end,
                )
                for household in mailing.households
                for contact in mailing.contacts(household)
            ]
            for each in waiting:
                each.result()
            return signing.statements(campaign)
