"""A brand's register: which contacts of which accounts it promised (tickets) or confirmed (statements).

A register is one database. Whatever is signed is written here first, and is on the disk before the signature
leaves: so a number has one contact, a statement only grows, and what could still be claimed never exceeds
what the chain has free or reserved. One process writes at a time.

    with Register(url).running() as register:
        register.add(campaign, seed_mark)
        wanted = Wanted("visit 4711", account, How.STATEMENT, now)
        taken = register.accept(campaign, terms, wanted).result()

Claims lower both what is free and what is owed, so a state of the chain that is some blocks old is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from troc import words
from troc.attention.campaigns import CODES_OF_BATCH
from troc.attention.contacts import PAGE, named, of_page
from troc.attention.register_tables import (
    PART,
    VERSION,
    accounts,
    batches,
    campaigns,
    contacts,
    sets,
    tables,
    tokens,
)
from troc.attention.slips import NO_ACCOUNT
from troc.errors import InputError
from troc.serving.lock import only_one
from troc.serving.refusal import RefusalError
from troc.serving.tokens import Tokens
from troc.serving.writer import Writer
from troc.store import open_store, reading

if TYPE_CHECKING:
    from troc.attention.campaigns import Terms

TOKENS = Tokens(tokens, "troc_attention_", "troc attention token")
"""The tokens by which a shop's site, tills and mail system are let in."""

OWNER = "-"
"""Stands for the token where the brand itself acts."""

LONGEST_ID = 100

_SERVICE = "attention"
_TAKEN = "ask that service, or stop it first"
_IN_ONE = 500
"""Values of one question at most: databases bound them."""

T = TypeVar("T")


class How(StrEnum):
    """By which path a contact is paid."""

    STATEMENT = "statement"
    TICKET = "ticket"
    CODE = "code"
    ROOT = "root"


class State(StrEnum):
    """How a contact stands: `open` could still be claimed, `expired` not any more."""

    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Contact:
    """A contact that was taken down. `id` is the shop's own name for it, `number` the account's, or the
    index of a code; `valid_until` is 0 for what no ticket pays. Times are Unix seconds.
    """

    id: str
    account: bytes
    number: int
    how: How
    valid_until: int
    state: State
    token: str
    at: int


@dataclass(frozen=True)
class Wanted:
    """A contact that is to be taken down at the chain's time `now`. `had_at`: when she had it, where that was
    before; `valid_until`: the last second of a ticket's claim.
    """

    id: str
    account: bytes
    how: How
    now: int
    had_at: int | None = None
    valid_until: int = 0


@dataclass(frozen=True)
class Taken:
    """A contact that is on the disk, and what the statement of its page said with it; 0 on other paths."""

    contact: Contact
    word: int = 0


@dataclass(frozen=True)
class Caps:
    """The shop's own bounds of a day of the campaign: contacts of one account, and of all. 0: none."""

    account: int = 0
    campaign: int = 0


NO_CAPS = Caps()


@dataclass
class Books:
    """A campaign in contacts: `owed` to accounts that are not enrolled; the rest is what the chain told."""

    number: int
    seed_mark: str
    owed: int
    budget: int
    reserved: int
    codes_left: int
    free: int
    block: int
    block_time: int
    day: int
    today: int

    @property
    def room(self) -> int:
        """How many more can be promised to accounts that are not enrolled."""
        return max(self.free - self.owed, 0)

    @property
    def short(self) -> int:
        """How many were promised and could go unpaid: the brand enrolled too many, or signed elsewhere."""
        return max(self.owed - self.free, 0)


@dataclass
class Holder:
    """An account of one campaign: its next number, how many of its contacts are open, and its last day."""

    next: int = 0
    open: int = 0
    enrolled: bool = False
    day: int = 0
    today: int = 0


@dataclass(frozen=True)
class Seen:
    """What the chain told: how the campaign stands after `block`, and what happened since the last one.

    `paid`: contacts by account and page, as bits; `codes`: indexes that were paid.
    """

    block: int
    block_time: int
    budget: int
    reserved: int
    codes_left: int
    free: int
    enrolled: Sequence[bytes] = ()
    paid: Sequence[tuple[bytes, int, int]] = ()
    codes: Sequence[int] = ()


@dataclass(frozen=True)
class Batch:
    """Codes of one batch. `printed`: all at once; else `next` is the first that was not handed out."""

    batch: int
    printed: bool
    next: int
    valid_until: int
    paid: int
    at: int


# -------------------------------------------------------------------------------------------- one transaction

_Key = tuple[int, bytes]


@dataclass(frozen=True)
class _For:
    """A job about one contact: what it will ask for is read together with what the others ask for."""

    campaign: bytes
    id: str
    account: bytes
    job: Callable[[Turn], Any]

    def __call__(self, turn: Turn) -> Any:
        return self.job(turn)


@dataclass
class Turn:
    """One transaction, shared by several jobs: what they ask for is read, and written, all together."""

    connection: sa.Connection
    asked: Sequence[_For] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    _books: dict[bytes, Books] = field(default_factory=dict)
    _before: dict[bytes, tuple[int | str, ...]] = field(default_factory=dict)
    _contacts: dict[tuple[int, str], Contact | None] = field(default_factory=dict)
    _holders: dict[_Key, Holder] = field(default_factory=dict)
    _holders_before: dict[_Key, tuple[int, ...] | None] = field(default_factory=dict)
    _words: dict[tuple[int, bytes, int], int] = field(default_factory=dict)
    _words_before: dict[tuple[int, bytes, int], int] = field(default_factory=dict)
    _new: list[dict[str, Any]] = field(default_factory=list)

    def books(self, campaign: bytes) -> Books:
        """The books of a campaign; change them in place."""
        if campaign not in self._books:
            row = self.connection.execute(_BOOKS, {"its_campaign": campaign}).one_or_none()
            if row is None:
                raise RefusalError(
                    "campaign_unknown",
                    404,
                    f"this register has no campaign 0x{campaign.hex()[:12]}…",
                    "open it for that campaign",
                )
            self._books[campaign] = Books(*row)
            self._before[campaign] = tuple(row)
        return self._books[campaign]

    def contact(self, campaign: bytes, id_: str) -> Contact | None:
        """The contact of this name."""
        books = self.books(campaign).number
        if (books, id_) not in self._contacts:
            self.write()
            wanted = {id_, *(each.id for each in self.asked if each.campaign == campaign)}
            wanted -= {name for number, name in self._contacts if number == books}
            self._contacts |= dict.fromkeys(((books, name) for name in wanted), None)
            for some in _in_parts(sorted(wanted)):
                for row in self.connection.execute(_CONTACTS, {"its_campaign": books, "names": list(some)}):
                    self._contacts[books, row.contact] = _contact(row)
        return self._contacts[books, id_]

    def holder(self, campaign: bytes, account: bytes) -> Holder:
        """What the register knows of an account; change it in place."""
        key = self.books(campaign).number, account
        if key not in self._holders:
            others = (each.account for each in self.asked if each.campaign == campaign)
            self.load(campaign, [account, *others])
        return self._holders[key]

    def load(self, campaign: bytes, wanted: Sequence[bytes]) -> None:
        """Read accounts together that are not read yet."""
        books = self.books(campaign).number
        missing = sorted({each for each in wanted if (books, each) not in self._holders})
        for some in _in_parts(missing):
            rows = self.connection.execute(_HOLDERS, {"its_campaign": books, "accounts": list(some)})
            for account, *values in rows:
                self._holders[books, bytes(account)] = Holder(*values)
                self._holders_before[books, bytes(account)] = tuple(values)
        for each in missing:
            if (books, each) not in self._holders:
                self._holders[books, each] = Holder()
                self._holders_before[books, each] = None

    def word(self, campaign: bytes, account: bytes, page: int) -> int:
        """What the statement of this page says."""
        books = self.books(campaign).number
        key = books, account, page
        if key not in self._words:
            wanted = {account: page}
            for other in self.asked:
                if other.campaign == campaign and other.account not in wanted:
                    wanted[other.account] = self.holder(campaign, other.account).next // PAGE
            for some in _in_parts(sorted(wanted)):
                pages = list({wanted[each] for each in some})
                asked = {"its_campaign": books, "accounts": list(some), "pages": pages}
                rows = self.connection.execute(_WORDS, asked)
                for row in rows:
                    found = books, bytes(row.account), row.page
                    self._words_before.setdefault(found, int.from_bytes(row.word))
                    self._words.setdefault(found, int.from_bytes(row.word))
            for each, its in wanted.items():
                self._words.setdefault((books, each, its), 0)
        return self._words[key]

    def put(self, campaign: bytes, contact: Contact) -> None:
        """Write a contact down, after `contact` found none."""
        books = self.books(campaign).number
        self._contacts[books, contact.id] = contact
        values = {
            name: getattr(contact, name) for name in ("account", "number", "valid_until", "token", "at")
        }
        self._new.append(
            values
            | {"campaign": books, "contact": contact.id, "how": str(contact.how), "state": str(contact.state)}
        )
        if contact.how is How.STATEMENT:
            page, bit = divmod(contact.number, PAGE)
            self._words[books, contact.account, page] = self.word(campaign, contact.account, page) | 1 << bit

    def settle(self) -> None:
        """Write the contacts that are not written yet, and forget those that were read."""
        self.write()
        self._contacts = {}

    def write(self) -> None:
        """Write the contacts that are not written yet."""
        if self._new:
            self.connection.execute(_NEW_CONTACT, self._new)
            self._new = []

    def close(self) -> None:
        """Write what is not written yet."""
        self.write()
        for campaign, found in self._books.items():
            values = vars(found)
            if tuple(values.values()) != self._before[campaign]:
                self.connection.execute(_CHANGE_BOOKS, {"its_number": found.number, **values})
        new, changed = [], []
        for (number, account), holder in self._holders.items():
            before = self._holders_before[number, account]
            if before is None and holder != Holder():
                new.append({"campaign": number, "account": account, **vars(holder)})
            elif before is not None and tuple(vars(holder).values()) != before:
                changed.append({"its_campaign": number, "its_account": account, **vars(holder)})
        if new:
            self.connection.execute(_NEW_HOLDER, new)
        if changed:
            self.connection.execute(_CHANGE_HOLDER, changed)
        new, changed = [], []
        for (number, account, page), word in self._words.items():
            before_word = self._words_before.get((number, account, page), 0)
            if word != before_word:
                (changed if before_word else new).append(
                    {
                        "its_campaign": number,
                        "its_account": account,
                        "its_page": page,
                        "its": word.to_bytes(32),
                    }
                )
        if new:
            self.connection.execute(_NEW_WORD, new)
        if changed:
            self.connection.execute(_CHANGE_WORD, changed)


_CONTACT = sa.select(
    *(contacts.c["contact" if name == "id" else name] for name in Contact.__dataclass_fields__)
)
# Made once: to make a statement takes longer than to run it.
_BOOKS = sa.select(*(campaigns.c[name] for name in Books.__dataclass_fields__)).where(
    campaigns.c.campaign == sa.bindparam("its_campaign")
)
_CONTACTS = _CONTACT.where(
    contacts.c.campaign == sa.bindparam("its_campaign"),
    contacts.c.contact.in_(sa.bindparam("names", expanding=True)),
)
_HOLDERS = sa.select(accounts.c.account, *(accounts.c[name] for name in Holder.__dataclass_fields__)).where(
    accounts.c.campaign == sa.bindparam("its_campaign"),
    accounts.c.account.in_(sa.bindparam("accounts", expanding=True)),
)
_WORDS = sa.select(sets.c.account, sets.c.page, sets.c.word).where(
    sets.c.campaign == sa.bindparam("its_campaign"),
    sets.c.account.in_(sa.bindparam("accounts", expanding=True)),
    sets.c.page.in_(sa.bindparam("pages", expanding=True)),
)
_NEW_CONTACT = contacts.insert()
_NEW_HOLDER = accounts.insert()
_CHANGE_BOOKS = (
    campaigns.update()
    .where(campaigns.c.number == sa.bindparam("its_number"))
    .values({name: sa.bindparam(name) for name in Books.__dataclass_fields__})
)
_CHANGE_HOLDER = (
    accounts.update()
    .where(
        accounts.c.campaign == sa.bindparam("its_campaign"),
        accounts.c.account == sa.bindparam("its_account"),
    )
    .values({name: sa.bindparam(name) for name in Holder.__dataclass_fields__})
)

_NEW_WORD = sets.insert().values(
    campaign=sa.bindparam("its_campaign"),
    account=sa.bindparam("its_account"),
    page=sa.bindparam("its_page"),
    word=sa.bindparam("its"),
)
_CHANGE_WORD = (
    sets.update()
    .where(
        sets.c.campaign == sa.bindparam("its_campaign"),
        sets.c.account == sa.bindparam("its_account"),
        sets.c.page == sa.bindparam("its_page"),
    )
    .values(word=sa.bindparam("its"))
)


def _contact(row: Any) -> Contact:
    id_, account, number, how, valid_until, state, token, at = row
    return Contact(id_, bytes(account), number, How(how), valid_until, State(state), token, at)


def _in_parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _IN_ONE):
        yield values[start : start + _IN_ONE]


# ----------------------------------------------------------------------------------------------- the register


class Register:
    """A brand's register in a database: an SQLite file, or PostgreSQL by URL.

    Reading needs nothing; writing needs `running`, and refuses a second writer.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_store(url, tables, PART, VERSION)
        self._writer: Writer[Turn] | None = None

    @contextmanager
    def running(self) -> Iterator[Register]:
        """Take the database for this process. Raises `StoreError` where another one has it."""
        with ExitStack() as stack:
            stack.callback(self.engine.dispose)
            stack.enter_context(only_one(self.engine, _SERVICE, _TAKEN))
            self._writer = Writer(self.engine, _turn, "register")
            stack.callback(self._writer.close)
            yield self

    def add(self, campaign: bytes, seed_mark: str) -> None:
        """Keep a campaign from now on. Raises `InputError` where its one-time keys had another seed."""

        def job(turn: Turn) -> None:
            found = turn.connection.scalar(
                sa.select(campaigns.c.seed_mark).where(campaigns.c.campaign == campaign)
            )
            if found is None:
                turn.connection.execute(campaigns.insert().values(campaign=campaign, seed_mark=seed_mark))
            elif found != seed_mark:
                raise InputError(
                    f"the tickets of campaign 0x{campaign.hex()[:12]}… were signed with another key",
                    "open the campaign's own signer",
                )

        self.run(job)

    # --------------------------------------------------------------------------------------------- writing

    def run(self, job: Callable[[Turn], T]) -> T:
        """Do this in the next transaction, and wait until it is on the disk."""
        return self.submit(job).result()

    def submit(self, job: Callable[[Turn], T]) -> Future[T]:
        """The same; the future is done once it is on the disk."""
        assert self._writer is not None, "the register is not running"
        return self._writer.submit(job)

    def accept(
        self, campaign: bytes, terms: Terms, wanted: Wanted, caps: Caps = NO_CAPS, token: str = OWNER
    ) -> Future[Taken]:
        """Take a contact down, once for each name: done when it is on the disk. A name that was taken down
        before gives what it gave; with another account or path it is refused.
        """
        check_id(wanted.id)
        terms.check_account(wanted.account)
        return self.submit(
            _For(
                campaign,
                wanted.id,
                wanted.account,
                lambda turn: _accept(turn, campaign, terms, wanted, caps, token),
            )
        )

    def accept_code(
        self, campaign: bytes, terms: Terms, id_: str, now: int, valid_until: int, token: str = OWNER
    ) -> Future[Taken]:
        """Hand out the next code, once for each name, out of batches that are not printed."""
        check_id(id_)
        return self.submit(
            _For(
                campaign,
                id_,
                NO_ACCOUNT,
                lambda turn: _accept_code(turn, campaign, terms, id_, now, valid_until, token),
            )
        )

    def take_batch(self, campaign: bytes, terms: Terms, batch: int, now: int, valid_until: int) -> Batch:
        """Take a batch of codes for printing. Taken before, it is what it was: it can be printed again."""
        return self.run(lambda turn: _take_batch(turn, campaign, terms, batch, now, valid_until))

    def observe(self, campaign: bytes, seen: Seen) -> None:
        """Note what the chain told, in one transaction."""
        self.run(lambda turn: _observe(turn, campaign, seen))

    # --------------------------------------------------------------------------------------------- reading

    def campaigns(self) -> list[bytes]:
        """The campaigns that it keeps."""
        with reading(self.engine) as connection:
            rows = connection.execute(sa.select(campaigns.c.campaign).order_by(campaigns.c.number))
            return [bytes(row.campaign) for row in rows]

    def books(self, campaign: bytes) -> Books:
        """How a campaign stands."""
        with reading(self.engine) as connection:
            return Turn(connection).books(campaign)

    def contacts(self, campaign: bytes, account: bytes | None = None) -> list[Contact]:
        """Every contact, or an account's, by account and number. A printed batch's codes are in `batches`."""
        with reading(self.engine) as connection:
            asked = _CONTACT.where(contacts.c.campaign == Turn(connection).books(campaign).number)
            if account is not None:
                asked = asked.where(contacts.c.account == account)
            rows = connection.execute(asked.order_by(contacts.c.account, contacts.c.number))
            return [_contact(row) for row in rows]

    def words(self, campaign: bytes, account: bytes | None = None) -> list[tuple[bytes, int, int]]:
        """What the statements say: account, page, and its contacts as bits."""
        with reading(self.engine) as connection:
            asked = sa.select(sets.c.account, sets.c.page, sets.c.word).where(
                sets.c.campaign == Turn(connection).books(campaign).number
            )
            if account is not None:
                asked = asked.where(sets.c.account == account)
            rows = connection.execute(asked.order_by(sets.c.account, sets.c.page))
            return [(bytes(row.account), row.page, int.from_bytes(row.word)) for row in rows]

    def batches(self, campaign: bytes) -> list[Batch]:
        """The batches of codes that were taken."""
        with reading(self.engine) as connection:
            number = Turn(connection).books(campaign).number
            rows = connection.execute(
                sa.select(*(batches.c[name] for name in Batch.__dataclass_fields__))
                .where(batches.c.campaign == number)
                .order_by(batches.c.batch)
            )
            return [Batch(*row) for row in rows]

    def counts(self, campaign: bytes) -> dict[str, dict[str, int]]:
        """How many contacts there are, by path and state."""
        with reading(self.engine) as connection:
            number = Turn(connection).books(campaign).number
            rows = connection.execute(
                sa.select(contacts.c.how, contacts.c.state, sa.func.count())
                .where(contacts.c.campaign == number)
                .group_by(contacts.c.how, contacts.c.state)
            )
            found: dict[str, dict[str, int]] = {str(how): {} for how in How}
            for how, state, count in rows:
                found[how][state] = count
            return found


def _turn(connection: sa.Connection, jobs: Sequence[Callable[[Turn], Any]]) -> Turn:
    return Turn(connection, [job for job in jobs if isinstance(job, _For)])


def check_id(id_: str) -> None:
    """Raise `InputError` where this is no name for a contact."""
    if not id_ or id_ != id_.strip() or len(id_) > LONGEST_ID or not id_.isprintable():
        raise InputError(
            f"{id_[:20]!r} is no name for a contact", f"use 1 to {LONGEST_ID} letters, digits and signs"
        )


def check_valid(terms: Terms, valid_until: int, since: int) -> None:
    """Raise `InputError` where a ticket could not be claimed between these times."""
    if not since <= valid_until <= terms.claim_until:
        raise InputError(
            f"a ticket until {words.moment(valid_until)} could not be claimed",
            f"choose a date from {words.moment(since)} to {words.moment(terms.claim_until)}",
        )


# --------------------------------------------------------------------------------------------------- the jobs


def _refused(code: str, message: str, remedy: str) -> RefusalError:
    return RefusalError(code, 403, message, remedy)


def _known(turn: Turn, campaign: bytes, id_: str, account: bytes, how: How, token: str) -> Contact | None:
    if token != OWNER:
        TOKENS.holder_of(turn.connection, turn.tokens, token)
    found = turn.contact(campaign, id_)
    if found is not None and (found.account, found.how) != (account, how):
        whose = "whoever has its key" if found.account == NO_ACCOUNT else words.short(named(found.account))
        raise RefusalError(
            "contact_differs",
            409,
            f"the contact {id_} was taken down as a {found.how} of {whose}",
            "name another contact, or send it as it was",
        )
    return found


def _name(turn: Turn, token: str) -> str:
    return OWNER if token == OWNER else turn.tokens[token]


def _accept(turn: Turn, campaign: bytes, terms: Terms, wanted: Wanted, caps: Caps, token: str) -> Taken:
    before = _known(turn, campaign, wanted.id, wanted.account, wanted.how, token)
    if before is not None:
        return _taken(turn, campaign, before)
    books, holder = turn.books(campaign), turn.holder(campaign, wanted.account)
    number, now = holder.next, wanted.now
    _check_time(terms, wanted)
    if number >= terms.max_contacts:
        raise _refused(
            "contacts_used_up",
            f"this account has had all {words.count(terms.max_contacts, 'contact')} of the campaign",
            "nothing more can be paid to it here",
        )
    _check_number(terms, wanted, number)
    day = (now - terms.start) // words.DAY
    today = holder.today if holder.day == day else 0
    today_in_all = books.today if books.day == day else 0
    for cap, had, whose in (
        (caps.account, today, "the account"),
        (caps.campaign, today_in_all, "the campaign"),
    ):
        if cap and had >= cap:
            raise _refused(
                "day_full",
                f"{whose} has had its {words.count(cap, 'contact')} of this day",
                f"try again from {words.moment(terms.start + (day + 1) * words.DAY)} on",
            )
    if not holder.enrolled and books.room < 1:
        raise _refused(
            "budget",
            "all that is not reserved is promised or paid",
            "fund the campaign, or enrol the account while there is room",
        )
    contact = Contact(
        wanted.id,
        wanted.account,
        number,
        wanted.how,
        wanted.valid_until,
        State.OPEN,
        _name(turn, token),
        now,
    )
    turn.put(campaign, contact)
    holder.next += 1
    holder.open += 1
    holder.day, holder.today = day, today + 1
    books.day, books.today = day, today_in_all + 1
    if not holder.enrolled:
        books.owed += 1
    return _taken(turn, campaign, contact)


def _taken(turn: Turn, campaign: bytes, contact: Contact) -> Taken:
    if contact.how is not How.STATEMENT:
        return Taken(contact)
    return Taken(contact, turn.word(campaign, contact.account, contact.number // PAGE))


def _check_time(terms: Terms, wanted: Wanted) -> None:
    now = wanted.now
    had_at = now if wanted.had_at is None else wanted.had_at
    if had_at > now:
        raise InputError(f"{words.moment(had_at)} is still to come", "name when she had the contact")
    if now > terms.claim_until:
        raise _refused(
            "claims_over", f"claims ended on {words.moment(terms.claim_until)}", "open another campaign"
        )
    # A ticket may be made beforehand.
    if had_at < terms.start and wanted.how is not How.TICKET:
        raise _refused(
            "not_started", f"the campaign starts on {words.moment(terms.start)}", "try again from then on"
        )
    if had_at > terms.end:
        raise _refused(
            "campaign_over", f"the campaign ended on {words.moment(terms.end)}", "open another campaign"
        )


def _check_number(terms: Terms, wanted: Wanted, number: int) -> None:
    opens = terms.opens_at(number)
    if opens > terms.end:
        raise _refused(
            "campaign_over",
            f"the account's next contact would count from {words.moment(opens)} on, after the campaign's end",
            "nothing more can be paid to it here",
        )
    # A set is paid as a whole: one contact that does not count yet would hold up those that do.
    if wanted.how is not How.TICKET and opens > wanted.now:
        raise _refused(
            "day_full",
            f"the account has had its {words.count(terms.per_day, 'contact')} of this day",
            f"try again from {words.moment(opens)} on",
        )
    if wanted.how is How.TICKET:
        check_valid(terms, wanted.valid_until, max(wanted.now, opens))


def _check_codes(terms: Terms, now: int, valid_until: int) -> None:
    if now > terms.end:
        raise _refused(
            "campaign_over", f"the campaign ended on {words.moment(terms.end)}", "open another campaign"
        )
    check_valid(terms, valid_until, max(now, terms.start))


def _accept_code(
    turn: Turn, campaign: bytes, terms: Terms, id_: str, now: int, valid_until: int, token: str
) -> Taken:
    before = _known(turn, campaign, id_, NO_ACCOUNT, How.CODE, token)
    if before is not None:
        return Taken(before)
    _check_codes(terms, now, valid_until)
    books = turn.books(campaign).number
    mine = batches.c.campaign == books
    batch = turn.connection.execute(
        sa.select(batches.c.batch, batches.c.next)
        .where(mine, batches.c.printed.is_(False), batches.c.next < _end_of(terms, batches.c.batch))
        .order_by(batches.c.batch)
        .limit(1)
    ).one_or_none()
    if batch is None:
        taken = set(turn.connection.scalars(sa.select(batches.c.batch).where(mine)))
        free = next((each for each in range(terms.batches) if each not in taken), None)
        if free is None:
            raise _refused("codes_used_up", "every code is printed or handed out", "open another campaign")
        row = _batch_row(books, free, now, printed=False, first=free * CODES_OF_BATCH, valid_until=0)
        turn.connection.execute(batches.insert().values(**row))
        number, its = free * CODES_OF_BATCH, free
    else:
        number, its = batch.next, batch.batch
    turn.connection.execute(batches.update().where(mine, batches.c.batch == its).values(next=number + 1))
    contact = Contact(id_, NO_ACCOUNT, number, How.CODE, valid_until, State.OPEN, _name(turn, token), now)
    turn.put(campaign, contact)
    return Taken(contact)


def _end_of(terms: Terms, batch: Any) -> Any:
    return sa.case(
        ((batch + 1) * CODES_OF_BATCH < terms.codes, (batch + 1) * CODES_OF_BATCH), else_=terms.codes
    )


def _batch_row(
    books: int, batch: int, now: int, *, printed: bool, first: int, valid_until: int
) -> dict[str, Any]:
    return {
        "campaign": books,
        "batch": batch,
        "printed": printed,
        "next": first,
        "valid_until": valid_until,
        "paid": 0,
        "at": now,
    }


def _take_batch(turn: Turn, campaign: bytes, terms: Terms, batch: int, now: int, valid_until: int) -> Batch:
    if not 0 <= batch < terms.batches:
        raise InputError(
            f"the campaign has no batch {batch} of codes",
            f"use 0 to {terms.batches - 1}" if terms.batches else "open one with codes",
        )
    books = turn.books(campaign).number
    columns = [batches.c[name] for name in Batch.__dataclass_fields__]
    its = batches.c.campaign == books, batches.c.batch == batch
    row = turn.connection.execute(sa.select(*columns).where(*its)).one_or_none()
    if row is not None:
        found = Batch(*row)
        if not found.printed:
            raise _refused(
                "batch_taken",
                f"codes of batch {batch} are handed out one by one",
                "print another batch",
            )
        return found
    _check_codes(terms, now, valid_until)
    end = min((batch + 1) * CODES_OF_BATCH, terms.codes)
    new = _batch_row(books, batch, now, printed=True, first=end, valid_until=valid_until)
    turn.connection.execute(batches.insert().values(**new))
    return Batch(batch, True, end, valid_until, 0, now)


def _observe(turn: Turn, campaign: bytes, seen: Seen) -> None:
    books = turn.books(campaign)
    if seen.block < books.block:
        return
    turn.settle()
    turn.load(campaign, [*seen.enrolled, *(account for account, _, _ in seen.paid)])
    for account in seen.enrolled:
        holder = turn.holder(campaign, account)
        if not holder.enrolled:
            holder.enrolled = True
            books.owed -= holder.open
    for account, page, word in seen.paid:
        _note_paid(turn, campaign, account, [*of_page(page, word)])
    if seen.codes:
        _note_codes(turn, books.number, seen.codes)
    _note_expired(turn, campaign, seen.block_time)
    books.budget, books.reserved = seen.budget, seen.reserved
    books.codes_left, books.free = seen.codes_left, seen.free
    books.block, books.block_time = seen.block, seen.block_time


def _close(turn: Turn, campaign: bytes, account: bytes, how_many: int) -> None:
    """So many of an account's contacts cannot be claimed any more."""
    holder, books = turn.holder(campaign, account), turn.books(campaign)
    holder.open -= how_many
    if not holder.enrolled:
        books.owed -= how_many


def _note_paid(turn: Turn, campaign: bytes, account: bytes, numbers: list[int]) -> None:
    holder = turn.holder(campaign, account)
    its = (
        contacts.c.campaign == turn.books(campaign).number,
        contacts.c.account == account,
        contacts.c.number.in_(numbers),
    )
    open_ = turn.connection.scalar(
        sa.select(sa.func.count()).select_from(contacts).where(*its, contacts.c.state == State.OPEN)
    )
    turn.connection.execute(contacts.update().where(*its).values(state=State.PAID))
    _close(turn, campaign, account, int(open_ or 0))
    # What was paid under a root, or by a signature of before: its number is used.
    holder.next = max(holder.next, max(numbers) + 1)


def _note_codes(turn: Turn, books: int, codes: Sequence[int]) -> None:
    for index in codes:
        turn.connection.execute(
            contacts.update()
            .where(contacts.c.campaign == books, contacts.c.account == NO_ACCOUNT, contacts.c.number == index)
            .values(state=State.PAID)
        )
        turn.connection.execute(
            batches.update()
            .where(batches.c.campaign == books, batches.c.batch == index // CODES_OF_BATCH)
            .values(paid=batches.c.paid + 1)
        )


def _note_expired(turn: Turn, campaign: bytes, time: int) -> None:
    """A ticket whose last second is behind a final block can never be claimed again."""
    over = (
        contacts.c.campaign == turn.books(campaign).number,
        contacts.c.state == State.OPEN,
        contacts.c.valid_until > 0,
        contacts.c.valid_until < time,
    )
    rows = turn.connection.execute(
        sa.select(contacts.c.account, sa.func.count()).where(*over).group_by(contacts.c.account)
    ).all()
    if not rows:
        return
    turn.connection.execute(contacts.update().where(*over).values(state=State.EXPIRED))
    turn.load(campaign, [bytes(account) for account, _ in rows])
    for account, how_many in rows:
        if bytes(account) != NO_ACCOUNT:
            _close(turn, campaign, bytes(account), how_many)
