"""Campaigns of paid attention: their terms, how they stand, and what a brand does with them on the chain.

    rewards = troc.connect("local", account="brand").attention
    campaign = rewards.open(terms, budget=1_000)
    rewards.enrol(campaign.id, [customer])

A campaign is the 32 bytes of its id, an account 32 bytes too (`troc.attention.contacts`). Budgets count
contacts, prices smallest units, times Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_utils.crypto import keccak
from web3.contract.contract import ContractFunction

from troc import words
from troc.abi import CODEC, words_call
from troc.attention import acts
from troc.attention.acts import Taker
from troc.attention.contacts import MOST_CONTACTS, PAGE, address_of, from_pages, of_page
from troc.attention.leaves import Leaf
from troc.attention.messages import REWARDS, Ticket, rewards_domain
from troc.attention.slips import Slip
from troc.chain import Receipt
from troc.errors import CampaignError, ContractError, FundsError, InputError, NetworkError
from troc.messages import (
    KIND_ERC20,
    KIND_POINTS,
    UINT256_MAX,
    ZERO_ADDRESS,
    Address,
    Bool,
    Bytes32,
    Domain,
    Struct,
    Uint8,
    Uint256,
    to_address,
)
from troc.money import Money, money_of

if TYPE_CHECKING:
    from troc.client import Troc

CODES_OF_BATCH = 1_000
MOST_ACCOUNTS = 200
"""Accounts that are enrolled in one transaction, where they fit into it."""

LEAST_CLAIM = 30 * words.DAY
MOST_AHEAD = 3_650 * words.DAY
DELEGATED = bytes.fromhex("ef0100")
"""How the code of an account begins that has a key and lets a contract act for it (EIP-7702)."""

_ADDRESS_BITS = 160
_FRESH_MODE, _POINTS_MODE, _ERC20_MODE = 1, 2, 3
_ID = 14


@dataclass(frozen=True)
class Terms(Struct):
    """What is fixed when a campaign opens, field by field as the contract has it."""

    admin: Address
    token: Address
    token_kind: Uint8
    fresh: Bool
    price: Uint256
    signer: Address
    start: Uint256
    end: Uint256
    claim_until: Uint256
    max_contacts: Uint256
    per_day: Uint256
    codes: Uint256
    codes_per_account: Uint256
    root_delay_days: Uint256
    credentials: Address
    topic: Uint256
    channel: Uint256
    terms_hash: Bytes32
    salt: Bytes32

    def id(self, chain_id: int, contract: str) -> bytes:
        """The campaign's id: on another chain or in another contract it is another."""
        return keccak(CODEC.encode(["uint256", "uint256", "bytes32"], self.handle(chain_id, contract)))

    def handle(self, chain_id: int, contract: str) -> tuple[int, int, bytes]:
        """What claims call the campaign by: what a contact is paid; who signs, when, and how it is paid; and
        the hash of chain, contract and terms.
        """
        types = ",".join(self._layout().values())
        values = [chain_id, to_address(contract), self.as_tuple()]
        hash_ = keccak(CODEC.encode(["uint256", "address", f"({types})"], values))
        mode = _ERC20_MODE if self.token_kind != KIND_POINTS else _FRESH_MODE if self.fresh else _POINTS_MODE
        rule = (
            self.root_delay_days << 248
            | mode << 240
            | self.claim_until << 200
            | self.start << _ADDRESS_BITS
            | int(self.signer, 16)
        )
        # What is out of range overlaps, as in the contract.
        return (self.price << _ADDRESS_BITS | int(self.token, 16)) % 2**256, rule % 2**256, hash_

    def opens_at(self, contact: int) -> int:
        """From when a contact may be claimed: each day of the campaign opens the next `per_day` of them."""
        return self.start + (contact // self.per_day * words.DAY if self.per_day else 0)

    def can_be_claimed(self, contact: int) -> bool:
        """Whether a contact can be claimed at some time: its number and its day lie in range."""
        return 0 <= contact < self.max_contacts and self.opens_at(contact) <= self.end

    @property
    def contacts(self) -> int:
        """How many contacts one account can have at most: those whose day begins by the end."""
        if not self.per_day:
            return self.max_contacts
        days = (self.end - self.start) // words.DAY + 1
        return min(self.max_contacts, days * self.per_day)

    @property
    def batches(self) -> int:
        """How many batches of codes there are."""
        return -(-self.codes // CODES_OF_BATCH)

    @property
    def asks(self) -> bool:
        """Whether accounts are pseudonyms, for which a credential is asked."""
        return self.credentials != ZERO_ADDRESS

    def check_account(self, account: bytes) -> None:
        """Raise `InputError` for what is no account of the campaign."""
        if len(account) != 32 or not any(account) or (not self.asks and address_of(account) is None):
            raise InputError(
                f"{words.short('0x' + account.hex())} is no account of this campaign",
                "name a pseudonym, or an address" if self.asks else "name an address",
            )

    def check(self, now: int) -> None:
        """Raise `CampaignError` where the contract would not open it at `now`."""
        for wrong, why, remedy in self._faults(now):
            if wrong:
                raise CampaignError(why, remedy)

    def _faults(self, now: int) -> Iterator[tuple[bool, str, str]]:
        points = self.token_kind == KIND_POINTS
        yield self.signer == ZERO_ADDRESS, "nobody would sign for the campaign", "name a signer"
        yield (
            self.token_kind not in (KIND_POINTS, KIND_ERC20) or (self.fresh and not points),
            "only points can be issued fresh",
            "pay an ERC-20 out of escrow",
        )
        yield (
            not 0 < self.price < 1 << (56 if points else 96),
            f"a contact cannot be paid {self.price} smallest units",
            "choose a price above 0, and below 2^56 of points",
        )
        yield (
            self.start > self.end,
            "the campaign would end before it starts",
            "choose a later end, or an earlier start",
        )
        yield self.end < now, f"{words.moment(self.end)} is past", "choose a later end"
        yield (
            self.claim_until - self.end < LEAST_CLAIM,
            f"claims need 30 days after the end, {words.moment(self.end)}",
            f"let them end on {words.day(words.end_of_day(self.end + LEAST_CLAIM))} or later",
        )
        yield (
            self.claim_until > now + MOST_AHEAD,
            f"claims could come until {words.moment(self.claim_until)}, more than 3,650 days ahead",
            "choose an earlier date",
        )
        yield (
            self.max_contacts > MOST_CONTACTS or self.per_day > MOST_CONTACTS,
            f"an account can have {MOST_CONTACTS:,} contacts at most",
            "choose fewer",
        )
        yield (
            self.codes >= 1 << 32 or self.codes_per_account > MOST_CONTACTS,
            f"there can be fewer than 2^32 codes, and {MOST_CONTACTS:,} for an account",
            "choose fewer",
        )
        yield (
            not self.max_contacts + self.codes,
            "the campaign has neither contacts nor codes",
            "choose how many an account may have, or how many codes there are",
        )
        yield (
            not 1 <= self.root_delay_days <= 7,
            f"a root cannot take effect after {self.root_delay_days} days",
            "choose 1 to 7 days",
        )
        yield (
            self.topic > 63 or self.channel > 15,
            f"there is no topic {self.topic} or no channel {self.channel}",
            "choose a topic below 64 and a channel below 16",
        )


class Standing(NamedTuple):
    """How a campaign stands, in contacts. `next_admin`: to whom it was offered, or the zero address; `free`:
    what those who are not enrolled can still claim, first come.
    """

    admin: str
    next_admin: str
    left: int
    reserved: int
    codes_left: int
    free: int

    @classmethod
    def of(cls, answer: Any) -> Standing:
        """From what web3 makes of the struct."""
        if isinstance(answer, Mapping):
            answer = answer.values()
        return cls(*answer)


@dataclass(frozen=True)
class Campaign:
    """A campaign as it stands. `symbol` names what it pays, `price` is the price of one contact; `block` is
    where it opened.
    """

    id: bytes
    terms: Terms
    standing: Standing
    price: Money
    block: int

    @property
    def name(self) -> str:
        """Its id in hex."""
        return "0x" + self.id.hex()

    @property
    def short(self) -> str:
        """How its id begins: what people name it by."""
        return self.name[:_ID]

    @property
    def symbol(self) -> str:
        """What it pays in."""
        return self.price.name

    def worth(self, contacts: int) -> Money:
        """What so many contacts or codes pay."""
        return self.price.of(self.price.units * contacts)

    def is_over(self, now: int) -> bool:
        """Whether no claim can come any more."""
        return now > self.terms.claim_until


@dataclass(frozen=True)
class Root:
    """A root that was appended. `effect_from`: the first second of claims under it."""

    root: bytes
    effect_from: int
    withdrawn: bool
    block: int

    @property
    def name(self) -> str:
        """It in hex."""
        return "0x" + self.root.hex()

    def is_in_effect(self, now: int) -> bool:
        """Whether claims under it are paid."""
        return not self.withdrawn and now >= self.effect_from


@dataclass(frozen=True)
class Paid:
    """What an account was paid in a campaign: contacts by number, codes by index."""

    contacts: frozenset[int]
    codes: frozenset[int]

    @property
    def number(self) -> int:
        """How many were paid."""
        return len(self.contacts) + len(self.codes)


Progress = Callable[[int, int], None]
"""Told how many are done, and of how many."""

_Step = tuple[ContractFunction, str]
"""A call, and what is told once it was made."""


def codes_grant(id_: bytes) -> int:
    """The number of the grant of fresh points out of which a campaign's codes are paid."""
    return UINT256_MAX - int.from_bytes(id_)


class Rewards:
    """The campaigns of one deployment, as one account sees them. Sending needs an opened account."""

    def __init__(self, troc: Troc) -> None:
        self._troc = troc
        self.chain = troc.chain
        self.address = troc.manifest.address(REWARDS)
        self.contract = self.chain.contract(REWARDS, self.address)
        self._since = troc.manifest.contracts[REWARDS].block
        self._next_block = self._since
        self._known: dict[bytes, tuple[Terms, int]] = {}
        self._handles = acts.Handles(self.chain)

    @cached_property
    def domain(self) -> Domain:
        """The domain of statements and tickets."""
        return rewards_domain(self.chain.chain_id, self.address)

    def id_of(self, terms: Terms) -> bytes:
        """The id that these terms have here."""
        return terms.id(self.chain.chain_id, self.address)

    # -------------------------------------------------------------------------------------------- finding

    def campaign(self, id_: bytes) -> Campaign:
        """A campaign as it stands. Raises `CampaignError` where there is none."""
        found = self._standing([id_])
        if not found:
            raise CampaignError(
                f"there is no campaign 0x{id_.hex()}"[: _ID + 21] + "…",
                "check it, or see `troc attention campaign list`",
            )
        return found[0]

    def campaigns(self, token: str | None = None) -> list[Campaign]:
        """Every campaign, or those that pay this token (by address), in the order of opening."""
        self._catch_up()
        return self._standing(
            [id_ for id_, (terms, _) in self._known.items() if token in (None, terms.token)]
        )

    def find(self, text: str) -> Campaign:
        """The campaign whose id begins so. Raises `CampaignError` for none and for several."""
        wanted = text.strip().lower()
        if not wanted.startswith("0x"):
            wanted = "0x" + wanted
        self._catch_up()
        ids = [id_ for id_ in self._known if ("0x" + id_.hex()).startswith(wanted)]
        found = self._standing(ids) if len(wanted) > len("0x") else []
        if len(found) != 1:
            what = "several campaigns begin" if found else "no campaign begins"
            raise CampaignError(
                f"{what} with {text.strip()[:20]!r}", "look at `troc attention campaign list`"
            )
        return found[0]

    def terms(self, id_: bytes) -> Terms | None:
        """The terms of a campaign; None where there is none."""
        if id_ not in self._known:
            self._catch_up()
        return self._known[id_][0] if id_ in self._known else None

    def _catch_up(self) -> None:
        """Read what opened since the last time. One that a reorganisation takes away has no standing."""
        last = self.chain.block_number()
        if last < self._next_block:
            return
        event = self.contract.events.CampaignOpened()
        for log in self.chain.logs(event, from_block=self._next_block, to_block=last):
            id_ = bytes(log["args"]["campaignId"])
            self._known[id_] = Terms.from_chain(log["args"]["terms"]), log["blockNumber"]
        self._next_block = last + 1

    def _standing(self, ids: Sequence[bytes]) -> list[Campaign]:
        if any(id_ not in self._known for id_ in ids):
            self._catch_up()
        known = [id_ for id_ in ids if id_ in self._known]
        asked = [self.contract.functions.standingOf(id_) for id_ in known]
        standings = map(Standing.of, self.chain.read_many(asked))
        found = []
        for id_, standing in zip(known, standings, strict=True):
            terms, block = self._known[id_]
            if standing.admin == ZERO_ADDRESS:
                continue
            found.append(Campaign(id_, terms, standing, self.price(terms), block))
        return found

    def price(self, terms: Terms) -> Money:
        """What one contact is paid."""
        return money_of(self._troc.brands, terms.token, terms.token_kind, terms.price)

    # -------------------------------------------------------------------------------------------- reading

    def word(self, id_: bytes, account: bytes, page: int = 0) -> int:
        """Which contacts of a page were paid to an account, as bits."""
        return int(self.chain.call(self.contract.functions.contactsOf(id_, account, page)))

    def contacts(self, campaign: Campaign, account: bytes) -> frozenset[int]:
        """Which contacts were paid to an account, by whatever path."""
        pages = range(-(-campaign.terms.max_contacts // PAGE))
        asked = [self.contract.functions.contactsOf(campaign.id, account, page) for page in pages]
        return from_pages(dict(enumerate(self.chain.read_many(asked))))

    def enrolled(self, id_: bytes, account: bytes) -> bool:
        """Whether contacts are reserved for an account."""
        return bool(self.chain.call(self.contract.functions.isEnrolled(id_, account)))

    def code_used(self, id_: bytes, index: int) -> bool:
        """Whether a code was paid."""
        return bool(self.chain.call(self.contract.functions.isTaken(id_, index)))

    def codes_of(self, id_: bytes, account: bytes) -> tuple[int, int]:
        """How many codes an account has claimed: in all, and today."""
        total, today = self.chain.call(self.contract.functions.codesOf(id_, account))
        return int(total), int(today)

    def activated(self, id_: bytes, batch: int) -> bool:
        """Whether the codes of a batch can be claimed."""
        return bool(self.chain.call(self.contract.functions.isActive(id_, batch)))

    def active_batches(self, campaign: Campaign) -> list[int]:
        """The batches whose codes can be claimed."""
        asked = [
            self.contract.functions.isActive(campaign.id, batch) for batch in range(campaign.terms.batches)
        ]
        return [batch for batch, active in enumerate(self.chain.read_many(asked)) if active]

    def root_from(self, id_: bytes, root: bytes) -> int:
        """From when a root counts; 0: it is none of the campaign's."""
        return int(self.chain.call(self.contract.functions.rootOf(id_, root)))

    def roots(self, id_: bytes) -> list[Root]:
        """The roots that were appended, in that order, those withdrawn too."""
        logs = self._logs("RootAppended", id_)
        functions = self.contract.functions
        effects = self.chain.read_many([functions.rootOf(id_, log["args"]["root"]) for log in logs])
        # One that was withdrawn and appended again stands twice in the log: the last one counts.
        found: dict[bytes, Root] = {}
        for log, effect in zip(logs, effects, strict=True):
            root = bytes(log["args"]["root"])
            found[root] = Root(root, log["args"]["effectFrom"], not effect, log["blockNumber"])
        return list(found.values())

    def paid(self, id_: bytes, account: bytes) -> Paid:
        """What the log says that an account was paid."""
        contacts: set[int] = set()
        for log in self._logs("ContactsPaid", id_, account=account):
            page = log["args"]["packed"] >> _ADDRESS_BITS + 8
            contacts |= of_page(page, log["args"]["contacts"])
        codes = {
            log["args"]["packed"] >> _ADDRESS_BITS for log in self._logs("CodePaid", id_, account=account)
        }
        return Paid(frozenset(contacts), frozenset(codes))

    def paid_in_all(self, id_: bytes) -> tuple[int, int]:
        """How many contacts, and how many codes, a campaign has paid."""
        contacts = sum(log["args"]["contacts"].bit_count() for log in self._logs("ContactsPaid", id_))
        return contacts, len(self._logs("CodePaid", id_))

    def closed(self, id_: bytes) -> bool:
        """Whether what was left was returned or given up."""
        return bool(self._logs("CampaignRefunded", id_) or self._logs("CampaignReleased", id_))

    def _logs(self, event: str, id_: bytes, **filters: Any) -> list[Any]:
        self.terms(id_)
        since = self._known[id_][1] if id_ in self._known else self._since
        return list(self.chain.logs(self.contract.events[event](), {"campaignId": id_, **filters}, since))

    # -------------------------------------------------------------------------------------------- opening

    def open(self, terms: Terms, budget: int, report: Callable[[str], None] = lambda line: None) -> Campaign:
        """Open a campaign with a budget in contacts, as its admin. Where points are issued, its grant is set
        first; where it pays out of escrow, the budget is collected.

        Cut off and run again with the same terms, it goes on where it was; a campaign that is open is left
        as it is. `report` is told each step in a line.
        """
        id_ = self.id_of(terms)
        found = self._standing([id_])
        if found:
            return found[0]
        self.check_open(terms, budget)
        for call, done in self._preparing(terms, budget):
            self.chain.send(call, self._troc.signer)
            report(done)
        self._open(terms, budget)
        report(f"Opened the campaign 0x{id_.hex()}.")
        return self.campaign(id_)

    def _open(self, terms: Terms, budget: int) -> None:
        try:
            self.chain.send(self._opening(terms, budget), self._troc.signer)
        except ContractError as error:
            # A transaction of an earlier run, or another process of the same brand, came first.
            if error.name != "CampaignExists":
                raise

    def opening(self, terms: Terms, budget: int) -> list[ContractFunction]:
        """The calls that open a campaign, in their order, for an admin that makes them itself: a contract
        wallet. What it has done of them is left out.
        """
        self.check_open(terms, budget)
        return [*(call for call, _ in self._preparing(terms, budget)), self._opening(terms, budget)]

    def _opening(self, terms: Terms, budget: int) -> ContractFunction:
        return self.contract.functions.open(terms.as_tuple(), budget)

    def _preparing(self, terms: Terms, budget: int) -> list[_Step]:
        """What must be there before: the grants where points are issued, else an allowance."""
        price = self.price(terms)
        whole = price.of(price.units * budget)
        if not terms.fresh:
            return self._approval(terms, whole)
        id_ = self.id_of(terms)
        steps = self._granting(terms, int.from_bytes(id_), budget - terms.codes, "the campaign")
        if terms.codes:
            steps += self._granting(terms, codes_grant(id_), terms.codes, "the campaign's codes")
        return steps

    def _granting(self, terms: Terms, number: int, contacts: int, what: str) -> list[_Step]:
        """What makes a grant hold as many contacts, for as long as they can be claimed."""
        price, brand = self.price(terms), self._troc.brand(terms.token)
        grant = self._troc.brands.grant(brand, self.address, number)
        part = price.of(price.units * contacts)
        if grant.amount >= part.units and grant.locked_until >= terms.claim_until and not grant.per_day:
            return []
        amount, locked_until = max(part.units, grant.amount), max(terms.claim_until, grant.locked_until)
        token = self._troc.brands.token(brand).functions
        said = f"Set aside {part} for {what} until {words.moment(terms.claim_until)}."
        return [(token.setGrant(self.address, number, amount, 0, locked_until), said)]

    def check_open(self, terms: Terms, budget: int) -> None:
        """Raise before anything is sent if these terms cannot be opened by the account that acts."""
        terms.check(self.chain.now())
        if terms.admin != self._troc.address:
            raise CampaignError(
                f"the terms name {terms.admin} as the admin, and you are {self._troc.address}",
                "act with that account",
            )
        if budget < terms.codes:
            raise CampaignError(
                f"{words.count(terms.codes, 'code')} cannot be paid out of a budget of"
                f" {words.count(budget, 'contact')}",
                "raise the budget, or have fewer codes",
            )
        signer_code = self.chain.code(terms.signer)
        if signer_code and not signer_code.startswith(DELEGATED):
            raise CampaignError(
                f"{terms.signer} is a contract, and cannot sign", "name an account with a key"
            )
        if terms.asks and not self.chain.code(terms.credentials):
            raise CampaignError(
                f"there is no contract at {terms.credentials} to ask for credentials", "check its address"
            )
        if not terms.fresh:
            self._check_has(terms, budget)
            return
        brand = self._troc.brand(terms.token)
        owner = self.chain.call(self._troc.brands.token(brand).functions.owner())
        if owner != terms.admin:
            raise CampaignError(
                f"only the brand issues {brand.symbol}, and that is {owner}",
                "act as the brand, or pay points of your own out of escrow",
            )

    def fund(self, id_: bytes, contacts: int, report: Callable[[str], None] = lambda line: None) -> Receipt:
        """Raise a campaign's budget by so many contacts: of escrow anybody, of fresh points their brand."""
        campaign = self.campaign(id_)
        self.check_fund(campaign, contacts)
        terms, more = campaign.terms, campaign.worth(contacts)
        if not terms.fresh:
            for call, done in self._approval(terms, more):
                self.chain.send(call, self._troc.signer)
                report(done)
            return self.chain.send(self.contract.functions.fund(id_, contacts), self._troc.signer)
        brand = self._troc.brand(terms.token)
        grant = self._troc.brands.grant(brand, self.address, int.from_bytes(id_))
        return self._troc.brands.set_grant(
            brand,
            self.address,
            grant.amount + more.units,
            self._troc.signer,
            grant=int.from_bytes(id_),
            locked_until=grant.locked_until,
        )

    def check_fund(self, campaign: Campaign, contacts: int) -> None:
        """Raise before anything is sent if the account that acts cannot raise the budget."""
        self._check_claims(campaign)
        if contacts <= 0:
            raise InputError("a budget is raised by 1 contact or more", "say by how many")
        if campaign.terms.fresh:
            brand = self._troc.brand(campaign.terms.token)
            owner = self.chain.call(self._troc.brands.token(brand).functions.owner())
            if owner != self._troc.address:
                raise CampaignError(
                    f"the budget of fresh {brand.symbol} is raised by {owner} alone", "act as the brand"
                )
        else:
            self._check_has(campaign.terms, contacts)

    def _check_has(self, terms: Terms, contacts: int) -> None:
        """Raise `FundsError` unless the account that acts has the price of so many contacts."""
        price = self.price(terms)
        whole = price.of(price.units * contacts)
        account, said = self._troc.address, ""
        if terms.token_kind == KIND_POINTS:
            has = self._troc.balance(price.token, account).within(terms.claim_until)
            said = f" that live beyond {words.moment(terms.claim_until)}"
        else:
            token = self.chain.contract("LoyaltyToken", price.token).functions
            has = self.chain.call(token.balanceOf(account))
        if has < whole.units:
            raise FundsError(
                f"{account} has {whole.of(has)}{said}, and {whole} are needed", "get more, or choose less"
            )

    def _approval(self, terms: Terms, whole: Money) -> list[_Step]:
        """The call that lets the contract take what goes into escrow, where it may not yet."""
        if not whole.units:
            return []
        token = self.chain.contract("LoyaltyToken", terms.token).functions
        if self.chain.call(token.allowance(self._troc.address, self.address)) >= whole.units:
            return []
        return [(token.approve(self.address, whole.units), f"Allowed the contract to take {whole}.")]

    # -------------------------------------------------------------------------------------------- running

    def enrol(
        self, id_: bytes, accounts: Iterable[bytes], progress: Progress | None = None
    ) -> tuple[list[Receipt], int]:
        """Reserve all contacts that each account can still have. Those enrolled before are passed over.

        Gives the transactions, and how many accounts they enrolled. More than what is free is refused
        beforehand.
        """
        campaign = self.campaign(id_)
        todo = self.not_enrolled(campaign, accounts)
        self.check_enrol(campaign, todo)
        receipts = []
        done = 0
        while done < len(todo):
            batch = self._fitting(campaign, todo[done : done + MOST_ACCOUNTS])
            receipts.append(self.chain.send(self.contract.functions.enrol(id_, batch), self._troc.signer))
            done += len(batch)
            if progress is not None:
                progress(done, len(todo))
        return receipts, done

    def not_enrolled(self, campaign: Campaign, accounts: Iterable[bytes]) -> list[bytes]:
        """Those of these accounts, each once, that are not enrolled yet."""
        several = list(dict.fromkeys(accounts))
        for account in several:
            campaign.terms.check_account(account)
        asked = [self.contract.functions.isEnrolled(campaign.id, account) for account in several]
        answers = self.chain.read_many(asked)
        return [account for account, enrolled in zip(several, answers, strict=True) if not enrolled]

    def check_enrol(self, campaign: Campaign, accounts: Sequence[bytes]) -> int:
        """How many contacts will be reserved for these accounts, which are not enrolled yet. Raises before
        anything is sent if they are more than what is free.
        """
        self._check_run(campaign)
        if not accounts:
            return 0
        pages = range(-(-campaign.terms.max_contacts // PAGE))
        had = self._ask_words(
            ("contactsOf", campaign.name, "0x" + account.hex(), page)
            for account in accounts
            for page in pages
        )
        needed = campaign.terms.max_contacts * len(accounts) - sum(word.bit_count() for word in had)
        if needed > campaign.standing.free:
            raise CampaignError(
                f"{words.count(needed, 'contact')} would be reserved, and"
                f" {campaign.standing.free:,} are free",
                "enrol fewer, or raise the budget first (`troc attention campaign fund`)",
            )
        return needed

    def _fitting(self, campaign: Campaign, accounts: Sequence[bytes]) -> list[bytes]:
        """As many of them from the first on as one transaction takes."""
        batch = list(accounts)
        while len(batch) > 1 and not self._fits(self.contract.functions.enrol(campaign.id, batch)):
            batch = batch[: len(batch) // 2]
        return batch

    def _fits(self, call: ContractFunction) -> bool:
        try:
            return self.chain.estimate(call, self._troc.signer.address) <= self.chain.batch_gas()
        except (FundsError, NetworkError):
            # The node gives up where a call needs more gas than a block or the account has.
            return False

    def _ask_words(self, asked: Iterable[tuple[Any, ...]]) -> list[int]:
        """The answers, a word each, to many questions (function, words), all at one block."""
        block = self.chain.block_number()
        calls = [(self.address, words_call(REWARDS, *each)) for each in asked]
        return [int.from_bytes(answer) for answer in self.chain.call_many(calls, block)]

    def activate(self, id_: bytes, batches: Sequence[int]) -> Receipt | None:
        """Make batches of codes claimable, for good; None where all of them are."""
        campaign = self.campaign(id_)
        todo = self.not_active(campaign, batches)
        if not todo:
            return None
        return self.chain.send(self.contract.functions.activate(id_, todo), self._troc.signer)

    def not_active(self, campaign: Campaign, batches: Sequence[int]) -> list[int]:
        """Those of these batches that are not active yet. Raises before anything is sent if the account that
        acts cannot activate them.
        """
        self._check_run(campaign)
        for batch in batches:
            if not 0 <= batch < campaign.terms.batches:
                last = campaign.terms.batches - 1
                raise CampaignError(
                    f"the campaign has no batch {batch}",
                    f"name batches 0 to {last}" if last >= 0 else "it has no codes at all",
                )
        wanted = sorted(set(batches))
        asked = [self.contract.functions.isActive(campaign.id, batch) for batch in wanted]
        return [batch for batch, on in zip(wanted, self.chain.read_many(asked), strict=True) if not on]

    def unpaid(self, campaign: Campaign, sets: Sequence[tuple[bytes, int, int]]) -> tuple[int, int]:
        """How many contacts of these sets (account, page, contacts) are not paid yet: in all, and of accounts
        for which nothing is reserved.
        """
        answers = self._ask_words(
            call
            for account, page, _ in sets
            for call in (
                ("contactsOf", campaign.name, "0x" + account.hex(), page),
                ("isEnrolled", campaign.name, "0x" + account.hex()),
            )
        )
        in_all = first_come = 0
        for (_, _, contacts), had, enrolled in zip(sets, answers[::2], answers[1::2], strict=True):
            new = (contacts & ~had).bit_count()
            in_all, first_come = in_all + new, first_come + (0 if enrolled else new)
        return in_all, first_come

    def append_root(self, id_: bytes, root: bytes) -> Receipt:
        """Append a root of contacts, which takes effect after the campaign's delay."""
        self.check_root(self.campaign(id_))
        return self.chain.send(self.contract.functions.appendRoot(id_, root), self._troc.signer)

    def withdraw_root(self, id_: bytes, root: bytes) -> Receipt:
        """Withdraw a root before it takes effect."""
        self.check_withdrawal(self.campaign(id_), root)
        return self.chain.send(self.contract.functions.withdrawRoot(id_, root), self._troc.signer)

    def check_root(self, campaign: Campaign) -> int:
        """From when on a root would count that is appended now. Raises before anything is sent if the account
        that acts cannot append one that takes effect in time.
        """
        self._check_run(campaign)
        effect_from = self.chain.now() + campaign.terms.root_delay_days * words.DAY
        if effect_from > campaign.terms.claim_until:
            raise CampaignError(
                f"a root would take effect {words.moment(effect_from)}, and claims end"
                f" {words.moment(campaign.terms.claim_until)}",
                "give statements instead",
            )
        return effect_from

    def check_withdrawal(self, campaign: Campaign, root: bytes) -> None:
        """Raise before anything is sent if a root cannot be withdrawn by the account that acts."""
        self._check_run(campaign)
        effect_from = self.root_from(campaign.id, root)
        if not effect_from:
            raise CampaignError(
                f"0x{root.hex()} is no root of {campaign.short}", "look at `troc attention root list`"
            )
        if self.chain.now() >= effect_from:
            raise CampaignError(
                f"the root is in effect since {words.moment(effect_from)}",
                "it stays: what it says can be claimed",
            )

    def offer(self, id_: bytes, to: str) -> Receipt:
        """Offer the campaign to another admin; the zero address takes an offer back."""
        self.check_admin(self.campaign(id_))
        return self.chain.send(
            self.contract.functions.offerAdmin(id_, to_address(to, "new admin")), self._troc.signer
        )

    def accept(self, id_: bytes) -> Receipt:
        """Take over a campaign that was offered to the account that acts."""
        self.check_accept(self.campaign(id_))
        return self.chain.send(self.contract.functions.acceptAdmin(id_), self._troc.signer)

    def check_accept(self, campaign: Campaign) -> None:
        """Raise before anything is sent if the campaign was not offered to the account that acts."""
        to = campaign.standing.next_admin
        if to != self._troc.address:
            said = "to nobody" if to == ZERO_ADDRESS else f"to {to}"
            raise CampaignError(f"the campaign is offered {said}", "ask its admin to offer it to you")

    def close(self, id_: bytes, to: str = "") -> Receipt:
        """After the claims: return what is left in escrow (`to`; none: to the account that acts), or give up
        what is left of the grant.
        """
        campaign = self.campaign(id_)
        self.check_close(campaign)
        if campaign.terms.fresh:
            return self.chain.send(self.contract.functions.release(id_), self._troc.sender)
        receiver = to_address(to or self._troc.address, "receiver")
        return self.chain.send(self.contract.functions.refund(id_, receiver), self._troc.signer)

    def check_close(self, campaign: Campaign) -> None:
        """Raise before anything is sent if the campaign cannot be closed now by the account that acts."""
        if not campaign.is_over(self.chain.now()):
            raise CampaignError(
                f"customers can claim until {words.moment(campaign.terms.claim_until)}",
                "close the campaign after that",
            )
        if not campaign.terms.fresh:
            self.check_admin(campaign)

    def check_admin(self, campaign: Campaign) -> None:
        """Raise `CampaignError` unless the account that acts runs the campaign."""
        if campaign.standing.admin != self._troc.address:
            raise CampaignError(
                f"only {campaign.standing.admin} runs {campaign.short}, not {self._troc.address}",
                "act with that account",
            )

    def _check_claims(self, campaign: Campaign) -> None:
        if campaign.is_over(self.chain.now()):
            raise CampaignError(
                f"the claims of {campaign.short} ended on {words.moment(campaign.terms.claim_until)}",
                "nothing can be added to it any more",
            )

    def _check_run(self, campaign: Campaign) -> None:
        self.check_admin(campaign)
        self._check_claims(campaign)

    # ------------------------------------------------------------------------------------------- claiming

    def statement_call(self, slip: Slip, credential: bytes = b"") -> ContractFunction:
        """The call that pays the new contacts of a statement, all of them or none."""
        return self._calling(acts.call(slip.message, slip.signature, Taker(credential), self.domain))

    def statements_call(
        self, slips: Sequence[Slip], credentials: Mapping[bytes, bytes] | None = None
    ) -> ContractFunction:
        """The call that pays many statements of one campaign; `credentials` by account."""
        known = credentials or {}
        return self._calling(
            acts.call_many(
                [
                    (slip.message, slip.signature, Taker(known.get(slip.message.account, b"")))
                    for slip in slips
                ]
            )
        )

    def ticket_call(
        self, slip: Slip, account: bytes, recipient: str, credential: bytes = b""
    ) -> ContractFunction:
        """The call that pays a ticket with its one-time key: to `recipient`, as a contact of `account`."""
        claim, key_signature = slip.claim_to(to_address(recipient, "recipient"))
        assert isinstance(slip.message, Ticket)
        taker = Taker(credential, account, slip.message, slip.signature)
        return self._calling(acts.call(claim, key_signature, taker, self.domain))

    def leaf_call(self, leaf: Leaf, credential: bytes = b"") -> ContractFunction:
        """The call that pays the new contacts of a leaf, all of them or none."""
        return self._calling(acts.call(leaf, b"", Taker(credential), self.domain))

    def _calling(self, named: tuple[str, tuple[Any, ...]]) -> ContractFunction:
        name, arguments = named
        call: ContractFunction = getattr(self.contract.functions, name)(
            *self._handles.resolved(self.contract, arguments)
        )
        return call
