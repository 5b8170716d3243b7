"""Paid attention as the documents describe it, in plain Python: sets of contacts by number, and who is paid.

No bits, and no counters that follow along: what is reserved, left and free is counted anew from what was
funded, enrolled and paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.stateful.data import word
from tests.stateful.points import DAY, ZERO, Points
from tests.stateful.world import Refused

PAGE, BATCH = 255, 1_000
CASH, POINTS, FRESH = "cash", "points", "fresh"
Account = bytes


def codes_grant(campaign: bytes) -> int:
    """The number of the grant out of which its codes are paid."""
    return 2**256 - 1 - int.from_bytes(campaign)


@dataclass(frozen=True)
class Statement:
    """A set of contacts of one page. `good`: the campaign's key signed it."""

    account: Account
    page: int
    contacts: int
    good: bool
    digest: bytes
    payee: str | Refused | None = None
    """Whom the credential names, or why it names nobody; None where the campaign asks for none."""


@dataclass(frozen=True)
class Ticket:
    """A ticket, and who takes it. `good`: the campaign's key signed it, for account 0 if it is a code;
    `named`: for whom its one-time key signed, if it did; `naming`: what it ought to sign for somebody.
    """

    is_code: bool
    number: int
    key: str
    valid_until: int
    good: bool
    digest: bytes
    taker: Account
    named: str | None
    naming: Callable[[str], bytes]
    payee: str | Refused | None = None


@dataclass
class Campaign:
    handle: tuple[int, int, bytes]
    id: bytes
    mode: str
    price: int
    signer: str
    start: int
    end: int
    claim_until: int
    most: int
    per_day: int
    codes: int
    codes_per_account: int
    delay: int
    credentials: str
    admin: str
    next_admin: str = ZERO
    funded: int = 0
    ended: bool = False
    paid: dict[Account, set[int]] = field(default_factory=dict)
    enrolled: set[Account] = field(default_factory=set)
    active: set[int] = field(default_factory=set)
    taken: dict[int, tuple[Account, int]] = field(default_factory=dict)
    """Of each code that was paid: to whom, and when."""
    roots: dict[bytes, int] = field(default_factory=dict)

    def had(self, account: Account) -> set[int]:
        return self.paid.setdefault(account, set())

    def day_of(self, contact: int) -> int:
        """The first second of a contact's day."""
        return self.start + (contact // self.per_day * DAY if self.per_day else 0)

    @property
    def number_paid(self) -> int:
        return len(self.taken) + sum(map(len, self.paid.values()))

    @property
    def reserved(self) -> int:
        """What enrolled accounts can still have."""
        return 0 if self.ended else sum(self.most - len(self.had(account)) for account in self.enrolled)

    @property
    def codes_left(self) -> int:
        return 0 if self.ended else self.codes - len(self.taken)


@dataclass
class Attention:
    """Methods raise `Refused` as the contract does, and then change nothing."""

    address: str
    clock: Callable[[], int]
    points: Points
    cash_address: str
    pocket_of: Callable[[bytes], str]
    cash: Counter[str] = field(default_factory=Counter)
    allowed: set[str] = field(default_factory=set)
    """Who let the contract take her cash."""
    campaigns: dict[bytes, Campaign] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return self.clock()

    def token_of(self, campaign: Campaign) -> str:
        return self.cash_address if campaign.mode == CASH else self.points.address

    # -------------------------------------------------------------------------------------------- figures

    def grant_of(self, campaign: Campaign) -> Any:
        return self.points.grant(self.address, int.from_bytes(campaign.id))

    def codes_grant_of(self, campaign: Campaign) -> Any:
        return self.points.grant(self.address, codes_grant(campaign.id))

    def left(self, campaign: Campaign) -> int:
        if campaign.mode == FRESH:
            return self.shared(campaign) + self.codes_left(campaign)
        return 0 if campaign.ended else campaign.funded - campaign.number_paid

    def shared(self, campaign: Campaign) -> int:
        """Of fresh points what is not for codes."""
        return int(self.grant_of(campaign).amount) // campaign.price

    def codes_left(self, campaign: Campaign) -> int:
        if campaign.mode == FRESH:
            return int(self.codes_grant_of(campaign).amount) // campaign.price if campaign.codes else 0
        return campaign.codes_left

    def free(self, campaign: Campaign) -> int:
        if campaign.mode == FRESH:
            return max(0, self.shared(campaign) - campaign.reserved)
        return max(0, self.left(campaign) - campaign.reserved - campaign.codes_left)

    # ------------------------------------------------------------------------------------------ the brand

    def open(self, sender: str, campaign: Campaign, budget: int) -> None:
        if campaign.id in self.campaigns:
            raise Refused("CampaignExists", campaign.id)
        if sender != campaign.admin:
            raise Refused("NotTheAdmin", campaign.id, campaign.admin, sender)
        if campaign.end < self.now:
            raise Refused("CampaignTimesOutOfRange", campaign.start, campaign.end, campaign.claim_until)
        if campaign.mode == FRESH:
            if sender != self.points.owner:
                raise Refused("NotTheTokenOwner", self.points.address, self.points.owner, sender)
            grants = [self.grant_of(campaign)]
            if campaign.codes:
                grants.append(self.codes_grant_of(campaign))
            for grant in grants:
                if grant.cap or grant.locked_until < campaign.claim_until:
                    raise Refused("GrantUnfit", campaign.id, grant.cap, grant.locked_until)
            if self.left(campaign) < budget:
                raise Refused("BudgetTooSmall", self.left(campaign), budget)
            left = self.codes_left(campaign)
        else:
            left = budget
        if left < campaign.codes:
            # Nothing was collected then.
            if campaign.mode != FRESH and budget:
                self._check_money(sender, campaign, budget * campaign.price)
            raise Refused("BudgetTooSmall", left, campaign.codes)
        if campaign.mode != FRESH and budget:
            self._collect(sender, campaign, budget)
        self.campaigns[campaign.id] = campaign

    def _check_money(self, sender: str, campaign: Campaign, amount: int) -> None:
        if campaign.mode == CASH:
            if sender not in self.allowed or self.cash[sender] < amount:
                raise Refused("TransferFromFailed")
            return
        self.points.check_allowance(sender, self.address, amount)
        within = self.points.balance(sender, campaign.claim_until)
        if within < amount:
            raise Refused("PointsOutOfBounds", sender, within, amount, campaign.claim_until, 0)

    def _collect(self, sender: str, campaign: Campaign, contacts: int) -> None:
        amount = contacts * campaign.price
        self._check_money(sender, campaign, amount)
        if campaign.mode == CASH:
            self.cash[sender] -= amount
            self.cash[self.address] += amount
        else:
            pocket = self.pocket_of(campaign.id)
            self.points.transfer_within(sender, pocket, amount, campaign.claim_until, 0)
        campaign.funded += contacts

    def known(self, id_: bytes) -> Campaign:
        if id_ not in self.campaigns:
            raise Refused("CampaignUnknown", id_)
        return self.campaigns[id_]

    def claimable(self, id_: bytes) -> Campaign:
        campaign = self.known(id_)
        if self.now > campaign.claim_until:
            raise Refused("ClaimsOver", campaign.claim_until)
        return campaign

    def administered(self, sender: str, id_: bytes) -> Campaign:
        campaign = self.known(id_)
        if sender != campaign.admin:
            raise Refused("NotTheAdmin", id_, campaign.admin, sender)
        return campaign

    def run(self, sender: str, id_: bytes) -> Campaign:
        self.administered(sender, id_)
        return self.claimable(id_)

    def fund(self, sender: str, id_: bytes, contacts: int) -> None:
        campaign = self.claimable(id_)
        if campaign.mode == FRESH:
            raise Refused("NotInEscrow", id_)
        if contacts == 0:
            raise Refused("ZeroContacts")
        self._collect(sender, campaign, contacts)

    def enrol(self, sender: str, id_: bytes, accounts: list[Account]) -> None:
        campaign = self.run(sender, id_)
        for account in accounts:
            self._check_account(campaign, account)
        new = set(accounts) - campaign.enrolled
        needed = sum(campaign.most - len(campaign.had(account)) for account in new)
        if needed > self.free(campaign):
            raise Refused("NotFree", self.free(campaign), needed)
        campaign.enrolled |= new

    def activate(self, sender: str, id_: bytes, batches: list[int]) -> None:
        campaign = self.run(sender, id_)
        for batch in batches:
            if batch * BATCH >= campaign.codes:
                raise Refused("NoSuchBatch", batch, campaign.codes)
        campaign.active.update(batches)

    def append_root(self, sender: str, id_: bytes, root: bytes) -> None:
        campaign = self.run(sender, id_)
        if root in campaign.roots:
            raise Refused("RootKnown", id_, root)
        effect = self.now + campaign.delay * DAY
        if effect > campaign.claim_until:
            raise Refused("RootTooLate", effect, campaign.claim_until)
        campaign.roots[root] = effect

    def withdraw_root(self, sender: str, id_: bytes, root: bytes) -> None:
        campaign = self.run(sender, id_)
        if root not in campaign.roots:
            raise Refused("RootUnknown", id_, root)
        if self.now >= campaign.roots[root]:
            raise Refused("RootInEffect", root, campaign.roots[root])
        del campaign.roots[root]

    def offer_admin(self, sender: str, id_: bytes, to: str) -> None:
        self.administered(sender, id_).next_admin = to

    def accept_admin(self, sender: str, id_: bytes) -> None:
        campaign = self.known(id_)
        if sender != campaign.next_admin:
            raise Refused("NotOffered", id_, campaign.next_admin, sender)
        campaign.admin, campaign.next_admin = sender, ZERO

    def refund(self, sender: str, id_: bytes, to: str) -> None:
        campaign = self.administered(sender, id_)
        if campaign.mode == FRESH:
            raise Refused("NotInEscrow", id_)
        if self.now <= campaign.claim_until:
            raise Refused("ClaimsOpen", campaign.claim_until)
        amount = self.left(campaign) * campaign.price
        if campaign.mode == POINTS:
            amount = min(amount, self.points.balance(self.pocket_of(id_), campaign.claim_until))
        if amount:
            self._pay(campaign, to, amount)
        campaign.ended = True

    def release(self, id_: bytes) -> None:
        campaign = self.known(id_)
        if campaign.mode != FRESH:
            raise Refused("NotFresh", id_)
        if self.now <= campaign.claim_until:
            raise Refused("ClaimsOpen", campaign.claim_until)
        for_codes = campaign.codes > 0 and self._is_locked(codes_grant(id_))
        if for_codes:
            self.points.release_grant(self.address, codes_grant(id_))
        if not for_codes or self._is_locked(int.from_bytes(id_)):
            self.points.release_grant(self.address, int.from_bytes(id_))
        campaign.ended = True

    def _is_locked(self, grant: int) -> bool:
        return self.points.grant(self.address, grant).locked_until != 0

    # --------------------------------------------------------------------------------------- the customer

    def _check_account(self, campaign: Campaign, account: Account) -> None:
        if not any(account) or (campaign.credentials == ZERO and any(account[:12])):
            raise Refused("NoSuchAccount", account)

    def _payee(self, campaign: Campaign, account: Account, payee: str | Refused | None) -> str:
        self._check_account(campaign, account)
        if campaign.credentials == ZERO:
            return str(to_checksum_address(account[12:]))
        if isinstance(payee, Refused):
            raise payee
        assert payee is not None
        return payee

    def _new(self, campaign: Campaign, account: Account, page: int, contacts: int) -> set[int]:
        """Those of a set that are to be paid: all that are new, or none."""
        numbers = {PAGE * page + bit for bit in range(256) if contacts >> bit & 1}
        if not numbers:
            raise Refused("NothingNew", campaign.id, account)
        if page >= 2**16 or contacts >> PAGE or max(numbers) >= campaign.most:
            raise Refused("ContactOutOfRange", page, contacts, campaign.most)
        day = campaign.day_of(max(numbers))
        if day > campaign.end:
            raise Refused("ContactAfterEnd", max(numbers), day, campaign.end)
        if self.now < day:
            raise Refused("ContactTooEarly", max(numbers), day)
        new = numbers - campaign.had(account)
        if not new:
            raise Refused("NothingNew", campaign.id, account)
        if account not in campaign.enrolled and len(new) > self.free(campaign):
            raise Refused("NotFree", self.free(campaign), len(new))
        return new

    def _pay(self, campaign: Campaign, to: str, amount: int, *, is_code: bool = False) -> None:
        if campaign.mode == CASH:
            self.cash[self.address] -= amount
            self.cash[to] += amount
            return
        points = self.points
        if to in (ZERO, points.address, points.exchange):
            raise Refused("RewardFailed", points.address, to)
        if campaign.mode == FRESH:
            number = codes_grant(campaign.id) if is_code else int.from_bytes(campaign.id)
            points.check_grant(self.address, number, amount)
            points.issue_all([(to, amount)], promised=True)
            points.charge_grant(self.address, number, amount)
        else:
            points.transfer_within(self.pocket_of(campaign.id), to, amount, campaign.claim_until, 0)

    def _settle(self, campaign: Campaign, account: Account, payee: str, new: set[int]) -> None:
        self._pay(campaign, payee, len(new) * campaign.price)
        campaign.had(account).update(new)

    def claim_statement(self, id_: bytes, statement: Statement) -> None:
        campaign = self.claimable(id_)
        if not statement.good:
            raise Refused("NotSignedByCampaign", campaign.signer, statement.digest)
        payee = self._payee(campaign, statement.account, statement.payee)
        new = self._new(campaign, statement.account, statement.page, statement.contacts)
        self._settle(campaign, statement.account, payee, new)

    def claim_statements(self, id_: bytes, statements: list[Statement]) -> int:
        """How many were paid: each that could be claimed by itself at its place."""
        self.claimable(id_)
        paid = 0
        for statement in statements:
            try:
                self.claim_statement(id_, statement)
            except Refused:
                continue
            paid += 1
        return paid

    def claim_ticket(self, id_: bytes, ticket: Ticket) -> None:
        campaign = self.claimable(id_)
        if self.now > ticket.valid_until:
            raise Refused("TicketExpired", ticket.valid_until)
        if not ticket.good:
            raise Refused("NotSignedByCampaign", campaign.signer, ticket.digest)
        payee = self._payee(campaign, ticket.taker, ticket.payee)
        if payee != ticket.named:
            raise Refused("NotSignedByTicketKey", ticket.key, ticket.naming(payee))
        if ticket.is_code:
            self._claim_code(campaign, ticket.number, ticket.taker, payee)
        else:
            page, bit = divmod(ticket.number, PAGE)
            new = self._new(campaign, ticket.taker, page, 1 << bit)
            self._settle(campaign, ticket.taker, payee, new)

    def codes_of(self, campaign: Campaign, account: Account) -> tuple[int, int]:
        """In all, and on the campaign's day of now."""
        times = [time for who, time in campaign.taken.values() if who == account]
        today = (self.now - campaign.start) // DAY
        return len(times), sum((time - campaign.start) // DAY == today for time in times)

    def _claim_code(self, campaign: Campaign, index: int, account: Account, payee: str) -> None:
        if self.now < campaign.start:
            raise Refused("CampaignNotStarted", campaign.start)
        if index >= campaign.codes:
            raise Refused("NoSuchCode", index, campaign.codes)
        if index // BATCH not in campaign.active:
            raise Refused("CodesInert", index // BATCH)
        if index in campaign.taken:
            raise Refused("CodeTaken", campaign.id, index)
        total, today = self.codes_of(campaign, account)
        if campaign.codes_per_account and total >= campaign.codes_per_account:
            raise Refused("CodesOfAccountTaken", account, campaign.codes_per_account)
        if campaign.per_day and today >= campaign.per_day:
            raise Refused("CodesOfDayTaken", account, campaign.per_day)
        self._pay(campaign, payee, campaign.price, is_code=True)
        campaign.taken[index] = (account, self.now)

    def claim_root(
        self, id_: bytes, account: Account, page: int, contacts: int, payee: str | Refused | None
    ) -> None:
        """Under a root of this one leaf."""
        campaign = self.claimable(id_)
        root = leaf_hash(id_, account, page, contacts)
        if root not in campaign.roots:
            raise Refused("RootUnknown", id_, root)
        if self.now < campaign.roots[root]:
            raise Refused("RootNotInEffect", root, campaign.roots[root])
        to = self._payee(campaign, account, payee)
        self._settle(campaign, account, to, self._new(campaign, account, page, contacts))


def leaf_hash(campaign: bytes, account: Account, page: int, contacts: int) -> bytes:
    return bytes(keccak(keccak(campaign + account + word(page) + word(contacts))))
