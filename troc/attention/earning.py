"""What a customer has earned by paid attention, as the chain and her book of slips have it, and claiming it.

    earnings = troc.connect("local", account="customer").earnings
    earnings.collect(["slips.json"])
    report = earnings.claim(earnings.plan(earnings.earned()))

Whatever is cut off can be run again: what was paid is on the chain, and is not presented a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troc import words
from troc.acts import Act, Part
from troc.attention.acts import Taker, state
from troc.attention.claiming import CODES_OF_BATCH, Assessed, Facts, State, assess
from troc.attention.collection import (
    Addition,
    Collection,
    Found,
    Item,
    KeptCredential,
    Key,
    is_of,
    read_source,
    source_of,
)
from troc.attention.contacts import PAGE, account_of
from troc.attention.credentials import SignedCredential
from troc.attention.leaves import Leaf
from troc.attention.messages import Statement, Ticket
from troc.attention.reconciling import Reconciled, called, reconcile
from troc.attention.slips import NO_ACCOUNT, Slip
from troc.chain import Receipt
from troc.errors import ContractError, InputError, PendingError, TrocError

if TYPE_CHECKING:
    from troc.attention.campaigns import Campaign
    from troc.client import Troc
    from troc.money import Money

STATEMENTS_PER_BATCH = 50
_ADDRESS_BITS = 160
_PAID_MEANWHILE = ("NothingNew", "CodeTaken")
_NOTHING_NEW = 4
SKIPS = {
    1: "it has contacts that are none of the campaign's",
    2: "the day of one of its contacts begins after the campaign's end",
    3: "the day of one of its contacts has not begun",
    4: "all of it was paid before",
    5: "the budget has too little left that is not reserved for others",
    6: "the campaign's key did not sign it",
    7: "its credential is missing, or is not good any more",
    8: "it names no account",
    9: "the token did not pay her account",
}
"""Why a statement of a batch was passed over, by the contract's number."""


@dataclass(frozen=True)
class Collected:
    """One thing that was read: where it stood, what it is, what came of it; `error`: why it was not kept."""

    place: str
    what: str
    addition: Addition | None
    why: str = ""
    campaign: bytes = b""
    error: TrocError | None = None

    @property
    def refused(self) -> bool:
        """Whether it was not kept."""
        return self.addition is None


@dataclass(frozen=True)
class Earned:
    """What an account has earned in a campaign. `claim_until` and the rest are the campaign's."""

    campaign: Campaign
    assessed: Assessed
    credential: KeptCredential | None = None

    def worth(self, *states: State) -> Money:
        """What the contacts and codes in these states pay; in any, where none is named."""
        return self.campaign.worth(self.assessed.count(*states))


@dataclass(frozen=True)
class Step:
    """One transaction: claims that go together. `contacts`: how many contacts and codes it pays; `gas`: what
    a rehearsal took; `refusal`: why the contract refuses it.
    """

    earned: Earned
    acts: tuple[Act, ...]
    contacts: int
    gas: int = 0
    refusal: TrocError | None = None

    @property
    def worth(self) -> Money:
        """What it pays."""
        return self.earned.campaign.worth(self.contacts)


@dataclass(frozen=True)
class Refused:
    """Something that was not paid, and why."""

    campaign: Campaign
    what: str
    why: str
    remedy: str


@dataclass
class ClaimReport:
    """What was paid: contacts and codes by campaign; what was not; the transactions, with gas and wei."""

    paid: Counter[Campaign] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)
    gas: int = 0
    fee: int = 0
    counted: set[tuple[str, bytes, bytes]] = field(default_factory=set, repr=False)

    def worth(self) -> list[Money]:
        """What came in, an amount a token."""
        found: dict[str, Money] = {}
        for campaign, contacts in self.paid.items():
            more = campaign.worth(contacts)
            known = found.get(more.token)
            found[more.token] = more if known is None else more.of(more.units + known.units)
        return list(found.values())


class Earnings:
    """Collecting and claiming for one account. `database`: the URL of another book than that of her home;
    `owner`: whose slips they are where that is not the account that acts, such as a contract wallet.
    """

    def __init__(self, troc: Troc, database: str = "", owner: str = "") -> None:
        self._troc = troc
        self._owner = owner
        self._chain = troc.chain
        self._database = database
        self._seen: dict[bytes, Campaign] = {}

    @property
    def address(self) -> str:
        """Who is paid."""
        return self._owner or self._troc.address

    @cached_property
    def book(self) -> Collection:
        """Her book of slips."""
        return Collection.open(self._chain, self.address, self._database)

    # ------------------------------------------------------------------------------------------ collecting

    def collect(self, sources: Iterable[str | Path]) -> list[Collected]:
        """Read sources, check each thing in them against the chain, and keep what is good. What is wrong is
        told and leaves the rest alone.
        """
        found = []
        accounts = self.accounts()
        # Asked once for all that is read now.
        self._seen = {}
        now = self._chain.now()
        for source in sources:
            for place, item in read_source(source, accounts):
                try:
                    if isinstance(item, TrocError):
                        raise item
                    found.append(self._keep(place, item, now))
                except TrocError as error:
                    found.append(Collected(place, "", None, str(error), error=error))
        return found

    def accounts(self) -> list[bytes]:
        """Her address, and the pseudonyms that credentials name her by."""
        pseudonyms = {each for campaign in self.book.campaigns() for each in self.book.credentials(campaign)}
        return [account_of(self.address), *sorted(pseudonyms)]

    def _campaign(self, id_: bytes) -> Campaign:
        if id_ not in self._seen:
            self._seen[id_] = self._troc.attention.campaign(id_)
        return self._seen[id_]

    def _keep(self, place: str, item: Item, now: int) -> Collected:
        if isinstance(item, Key):
            addition = self.book.add_key(item.secret)
            why = "no ticket of yours has this key yet" if addition is Addition.WAITING else ""
            return Collected(place, "a one-time key", addition, why)
        if isinstance(item, Found):
            return self._keep_leaf(place, item, now)
        if isinstance(item, SignedCredential):
            return self._keep_credential(place, item)
        campaign = self._check(item)
        addition = self.book.add(item, now)
        why = ""
        if addition is Addition.WAITING:
            why = "its one-time key is missing: the content reveals it"
        elif self._is_used(item):
            why = "it has been claimed before"
        return Collected(place, described(item), addition, why, campaign.id)

    def _is_used(self, slip: Slip) -> bool:
        """Whether this is a code that was paid before."""
        message = slip.message
        return (
            isinstance(message, Ticket)
            and slip.is_code
            and self._troc.attention.code_used(message.campaign, message.id)
        )

    def _check(self, slip: Slip) -> Campaign:
        """The campaign of a slip. Raises unless it is signed for this chain and contract by that campaign's
        key, and for this account.
        """
        rewards = self._troc.attention
        slip.expect(rewards.domain)
        campaign = self._campaign(slip.message.campaign)
        slip.expect(rewards.domain, campaign.id, campaign.terms.signer)
        self._check_account(campaign, slip.message.account, slip.kind)
        return campaign

    def _check_account(self, campaign: Campaign, account: bytes, kind: str) -> None:
        if not campaign.terms.asks and not is_of(account, self.address):
            raise InputError(
                f"this {kind} is for {called(account)}, not for your account",
                "use that account (--account)",
            )

    def _keep_credential(self, place: str, signed: SignedCredential) -> Collected:
        message = signed.message
        campaign = self._campaign(message.campaign)
        if campaign.terms.credentials != signed.domain.verifying_contract:
            raise InputError(
                f"{campaign.short} does not ask {signed.domain.verifying_contract} for credentials",
                "use it where it was made for",
            )
        if message.account != self.address:
            raise InputError(f"this credential is for {message.account}", "use that account (--account)")
        signed.check(self._chain)
        kept = KeptCredential(message.campaign, message.pseudonym, message.expiry, signed.data)
        return Collected(place, "a credential", self.book.add_credential(kept), "", campaign.id)

    def _keep_leaf(self, place: str, found: Found, now: int) -> Collected:
        rewards, leaf = self._troc.attention, found.leaf
        if found.domain is not None and found.domain != rewards.domain:
            raise InputError(
                f"the leaves are for the contract {found.domain.verifying_contract} of the chain"
                f" {found.domain.chain_id}",
                "use them where they were made for",
            )
        campaign = self._campaign(leaf.campaign)
        self._check_account(campaign, leaf.account, "leaf")
        addition = self.book.add_leaf(leaf, rewards.domain, now)
        why = ""
        if not rewards.root_from(campaign.id, leaf.root):
            why = "its root is not on the chain: it was withdrawn, or did not come yet"
        return Collected(place, described(leaf), addition, why, campaign.id)

    # ---------------------------------------------------------------------------------------------- earned

    def earned(
        self, campaign: bytes | None = None, only: Sequence[Slip | Leaf] | None = None
    ) -> list[Earned]:
        """What this account has earned, a campaign and account each. `only`: the slips and leaves to look
        at, in place of the whole book.
        """
        found = []
        for id_ in [campaign] if campaign is not None else self.book.campaigns():
            known = self._troc.attention.campaign(id_)
            credentials = self.book.credentials(id_)
            slips, leaves = self.book.slips(id_), self.book.leaves(id_)
            if only is not None:
                wanted = {_name(each) for each in only}
                slips = [each for each in slips if _name(each) in wanted]
                leaves = [each for each in leaves if _name(each) in wanted]
            for account in self._accounts_in(known, slips, leaves, credentials):
                credential = credentials.get(account)
                facts = self._facts(known, account, slips, leaves)
                assessed = assess(known.terms, account, facts, slips, leaves, credential)
                if assessed.count() or campaign is not None:
                    found.append(Earned(known, assessed, credential))
        return found

    def earned_by(self, sources: Sequence[Slip | Leaf]) -> list[Earned]:
        """What these slips and leaves of the book are worth by themselves."""
        ids = dict.fromkeys(_campaign_of(each) for each in sources)
        return [found for id_ in ids for found in self.earned(id_, sources)]

    def _accounts_in(
        self,
        campaign: Campaign,
        slips: Sequence[Slip],
        leaves: Sequence[Leaf],
        credentials: Iterable[bytes],
    ) -> list[bytes]:
        if not campaign.terms.asks:
            return [account_of(self.address)]
        named = [slip.message.account for slip in slips if not slip.is_code]
        named += [leaf.account for leaf in leaves]
        # A code may be taken by a pseudonym for which nothing else was signed.
        accounts = list(dict.fromkeys([*credentials, *named]))
        return accounts or [account_of(self.address)]

    def _facts(
        self, campaign: Campaign, account: bytes, slips: Sequence[Slip], leaves: Sequence[Leaf]
    ) -> Facts:
        """What the chain says about an account in a campaign, in as few questions as possible."""
        rewards, terms = self._troc.attention, campaign.terms
        functions = rewards.contract.functions
        pages = range(-(-terms.max_contacts // PAGE))
        roots = sorted({leaf.root for leaf in leaves})
        indexes = sorted(
            {slip.message.id for slip in slips if isinstance(slip.message, Ticket) and slip.is_code}
        )
        indexes = [index for index in indexes if index < terms.codes]
        batches = sorted({index // CODES_OF_BATCH for index in indexes})
        asked: list[Any] = [functions.contactsOf(campaign.id, account, page) for page in pages]
        asked += [functions.isEnrolled(campaign.id, account)]
        asked += [functions.rootOf(campaign.id, root) for root in roots]
        asked += [functions.isActive(campaign.id, batch) for batch in batches]
        asked += [functions.isTaken(campaign.id, index) for index in indexes]
        now = self._chain.now()
        if terms.codes and now >= terms.start:
            asked.append(functions.codesOf(campaign.id, account))
        answers = iter(self._chain.read_many(asked))
        paid = {page: word for page, word in ((page, int(next(answers))) for page in pages) if word}
        enrolled = bool(next(answers))
        effects = {root: effect for root, effect in ((root, int(next(answers))) for root in roots) if effect}
        active = frozenset(batch for batch in batches if next(answers))
        taken = frozenset(index for index in indexes if next(answers))
        total, today = next(answers, (0, 0))
        own = rewards.paid(campaign.id, account).codes if total else frozenset()
        return Facts(
            now,
            paid,
            enrolled,
            campaign.standing.free,
            effects,
            active,
            taken,
            own,
            (int(total), int(today)),
        )

    # -------------------------------------------------------------------------------------------- claiming

    def plan(self, earned: Iterable[Earned]) -> list[Step]:
        """The transactions that claim what can be claimed, each rehearsed. Sends nothing."""
        return [self._rehearsed(step) for each in earned for step in self._steps(each)]

    def _steps(self, earned: Earned) -> list[Step]:
        assessed = earned.assessed
        steps = []
        had: dict[int, int] = {}
        for number, found in assessed.contacts.items():
            if found.state is State.CLAIMED:
                had[number // PAGE] = had.get(number // PAGE, 0) | 1 << number % PAGE
        batch: list[tuple[Act, int]] = []
        for proof in assessed.proofs:
            new = (proof.contacts & ~had.get(proof.page, 0)).bit_count()
            had[proof.page] = had.get(proof.page, 0) | proof.contacts
            act = self._act(earned, proof.source)
            if proof.path == "statement":
                batch.append((act, new))
            else:
                steps.append(Step(earned, (act,), new))
        for start in range(0, len(batch), STATEMENTS_PER_BATCH):
            part = batch[start : start + STATEMENTS_PER_BATCH]
            steps.insert(
                start // STATEMENTS_PER_BATCH,
                Step(earned, tuple(act for act, _ in part), sum(new for _, new in part)),
            )
        return steps + [Step(earned, (self._act(earned, slip),), 1) for slip in assessed.code_slips]

    def _act(self, earned: Earned, source: Slip | Leaf) -> Act:
        """What is submitted for a slip or a leaf. Its recipient is this account, whatever kind of account."""
        domain = self._troc.attention.domain
        credential = earned.credential.data if earned.credential is not None else b""
        if isinstance(source, Leaf):
            return Act((Part(source, b""),), domain, context=Taker(credential))
        if isinstance(source.message, Statement):
            part = Part(source.message, source.signature)
            return Act((part,), domain, context=Taker(credential))
        claim = Part(*source.claim_to(self.address))
        taker = Taker(credential, earned.assessed.account, source.message, source.signature)
        return Act((claim,), domain, context=taker)

    def _rehearsed(self, step: Step) -> Step:
        try:
            sender = self._troc.address if self._troc.is_named else self.address
            gas = self._chain.estimate(self._troc.acts.call(step.acts), sender)
        except ContractError as error:
            return replace(step, refusal=error)
        return replace(step, gas=gas)

    def claim(self, steps: Iterable[Step], progress: Callable[[int, int], None] | None = None) -> ClaimReport:
        """Send what `plan` found, through the relays or the account that pays. Where one step is refused, the
        others are sent; what was paid in the meantime is not sent again.
        """
        steps = list(steps)
        report = ClaimReport()
        submitter = self._troc.anyone
        if not self._troc.has_relays and self._chain.has_unmined(submitter.address):
            raise PendingError(
                f"a transaction of {submitter.address} is in no block yet, and it may be this claim",
                "wait for it, then claim again",
            )
        for number, step in enumerate(steps, 1):
            if step.refusal is None:
                self._send(step, submitter, report)
            elif not _is_paid(step.refusal):
                report.refused.append(_refused(step, step.refusal))
            if progress is not None:
                progress(number, len(steps))
        return report

    def _send(self, step: Step, submitter: Any, report: ClaimReport) -> None:
        acts = self._unpaid(step.acts)
        if not acts:
            return
        step = replace(step, acts=acts)
        try:
            receipts = submitter.submit(acts)
        except ContractError as error:
            # Somebody else submitted it for her meanwhile: then it is paid, and nothing is wrong.
            if not _is_paid(error):
                report.refused.append(_refused(step, error))
            return
        for receipt in receipts:
            self._count(step, receipt, report)

    def _unpaid(self, acts: Sequence[Act]) -> tuple[Act, ...]:
        """Without those of which nothing is left to be paid: a relay would be asked for nothing."""
        contract = self._troc.attention.contract
        asked = [state(contract, act.message, act.known_context) for act in acts]
        answers = self._chain.read_many([question for question, _ in asked])
        return tuple(
            act for act, (_, is_paid), answer in zip(acts, asked, answers, strict=True) if not is_paid(answer)
        )

    def _count(self, step: Step, receipt: Receipt, report: ClaimReport) -> None:
        events = self._troc.attention.contract.events
        campaign, account = step.earned.campaign, step.earned.assessed.account
        if receipt.transaction not in report.transactions:
            report.transactions.append(receipt.transaction)
            report.gas += receipt.gas_used
            report.fee += receipt.fee
        # A relay's transaction can hold several steps, and other people's.
        if (receipt.transaction, campaign.id, account) in report.counted:
            return
        report.counted.add((receipt.transaction, campaign.id, account))
        for event in receipt.events(events.ContactsPaid()):
            if (event["args"]["campaignId"], event["args"]["account"]) == (campaign.id, account):
                report.paid[campaign] += event["args"]["contacts"].bit_count()
        for event in receipt.events(events.CodePaid()):
            if (event["args"]["campaignId"], event["args"]["account"]) == (campaign.id, account):
                report.paid[campaign] += 1
        if len(step.acts) == 1 or self._troc.has_relays:
            return
        for event in receipt.events(events.StatementSkipped()):
            place, reason = event["args"]["position"], event["args"]["reason"]
            # While it pays, a campaign's token can have others claim: theirs are in this transaction too.
            foreign = event["args"]["campaignId"] != campaign.id or place >= len(step.acts)
            if not foreign and reason != _NOTHING_NEW:
                what = described_act(step.acts[place])
                report.refused.append(Refused(campaign, what, SKIPS[reason], "see `troc attention earned`"))

    # ----------------------------------------------------------------------------------------- reconciling

    def reconcile(
        self,
        campaign: Campaign,
        brand: Iterable[str | Path],
        customer: Iterable[str | Path] | None = None,
    ) -> Reconciled:
        """The brand's book, a customer's (none: her own) and the chain side by side. Raises `InputError`
        where something in the sources cannot be read, or is of another campaign.
        """
        hers: list[Slip | Leaf] = []
        if customer is None:
            hers += [*self.book.slips(campaign.id), *self.book.leaves(campaign.id)]
            accounts = self._accounts_in(
                campaign,
                self.book.slips(campaign.id),
                self.book.leaves(campaign.id),
                self.book.credentials(campaign.id),
            )
        else:
            hers += self._read_all(campaign, customer, [])
            bound = [account for each in hers if (account := _account_of(each)) != NO_ACCOUNT]
            accounts = list(dict.fromkeys(bound))
            if not accounts:
                raise InputError(
                    "the customer's book names no account", "compare it as that customer, with her own book"
                )
        brands = self._read_all(campaign, brand, accounts)
        paid = {each: self._troc.attention.paid(campaign.id, each) for each in accounts}
        return reconcile(brands, hers, paid)

    def _read_all(
        self, campaign: Campaign, sources: Iterable[str | Path], accounts: Sequence[bytes]
    ) -> list[Slip | Leaf]:
        """The slips and leaves in these sources, all of which must be the campaign's."""
        domain = self._troc.attention.domain
        found: list[Slip | Leaf] = []
        for source in sources:
            for place, item in read_source(source, accounts):
                try:
                    if isinstance(item, TrocError):
                        raise item
                    if isinstance(item, Slip):
                        item.expect(domain, campaign.id, campaign.terms.signer)
                    elif isinstance(item, Found):
                        self._check_leaf(campaign, item.leaf)
                except TrocError as error:
                    raise InputError(f"{place}: {error.message}", error.remedy) from None
                kept = source_of(item)
                if kept is not None:
                    found.append(kept)
        return found

    def _check_leaf(self, campaign: Campaign, leaf: Leaf) -> None:
        if leaf.campaign != campaign.id:
            raise InputError("this leaf is of another campaign", "leave it away")
        if not self._troc.attention.root_from(campaign.id, leaf.root):
            raise InputError(
                f"the root 0x{leaf.root.hex()[:8]}… is not on the chain", "it proves nothing: leave it away"
            )


def _account_of(source: Slip | Leaf) -> bytes:
    return source.message.account if isinstance(source, Slip) else source.account


def _campaign_of(source: Slip | Leaf) -> bytes:
    return source.message.campaign if isinstance(source, Slip) else source.campaign


def _name(source: Slip | Leaf) -> Any:
    return source.message if isinstance(source, Slip) else source


def _is_paid(error: TrocError) -> bool:
    return isinstance(error, ContractError) and error.name in _PAID_MEANWHILE


def _refused(step: Step, error: TrocError) -> Refused:
    what = words.listed(described_act(act) for act in step.acts)
    return Refused(step.earned.campaign, what, error.message, error.remedy)


def described(source: Slip | Leaf) -> str:
    """What a slip or a leaf is, in words."""
    message = source.message if isinstance(source, Slip) else source
    return _described(message)


def described_act(act: Act) -> str:
    """What an act claims, in words."""
    context = act.known_context
    return _described(act.message if context.ticket is None else context.ticket)


def _described(message: Any) -> str:
    if isinstance(message, Ticket):
        return (
            f"the code {message.id:,}"
            if not any(message.account)
            else f"the ticket of contact {message.id:,}"
        )
    number = words.count(message.contacts.bit_count(), "contact")
    kind = "leaf" if isinstance(message, Leaf) else "statement"
    return f"a {kind} of {number} on page {message.page:,}"
