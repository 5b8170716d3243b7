"""The register: what may be signed, and that nothing of it is promised twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from troc.attention.campaigns import Terms
from troc.attention.contacts import account_of
from troc.attention.register import (
    NO_CAPS,
    OWNER,
    TOKENS,
    Caps,
    Contact,
    How,
    Register,
    Seen,
    State,
    Taken,
    Wanted,
)
from troc.errors import InputError, StoreError
from troc.messages import ZERO_ADDRESS
from troc.serving.refusal import RefusalError

DAY = 86_400
START = 20_000 * DAY
END = START + 30 * DAY - 1
CLAIM_UNTIL = END + 30 * DAY
CAMPAIGN = bytes(range(32))
ANN, BOB, CEM = (account_of(f"0x{number:040x}") for number in (11, 12, 13))
PSEUDONYM = bytes([7] * 32)


def terms(**changes: Any) -> Terms:
    made = Terms(
        admin="0x" + "01" * 20,
        token="0x" + "02" * 20,
        token_kind=0,
        fresh=True,
        price=5,
        signer="0x" + "03" * 20,
        start=START,
        end=END,
        claim_until=CLAIM_UNTIL,
        max_contacts=600,
        per_day=0,
        codes=2_500,
        codes_per_account=0,
        root_delay_days=2,
        credentials=ZERO_ADDRESS,
        topic=0,
        channel=0,
        terms_hash=bytes(32),
        salt=bytes(32),
    )
    return replace(made, **changes)


class Book:
    """A register that runs, of one campaign with these terms."""

    def __init__(self, register: Register, its: Terms) -> None:
        self.register = register
        self.terms = its
        self.now = START + 10
        self.block = 0

    def see(self, free: int, **more: Any) -> None:
        """The chain tells how it stands in its next block."""
        self.block += 1
        told = {"budget": free, "reserved": 0, "codes_left": 0, **more}
        self.register.observe(CAMPAIGN, Seen(self.block, self.now, free=free, **told))

    def submit(self, id_: str, account: bytes, how: How = How.STATEMENT, **more: Any) -> Future[Taken]:
        caps, token = more.pop("caps", NO_CAPS), more.pop("token", OWNER)
        if how is How.TICKET:
            more.setdefault("valid_until", CLAIM_UNTIL)
        wanted = Wanted(id_, account, how, self.now, **more)
        return self.register.accept(CAMPAIGN, self.terms, wanted, caps, token)

    def take(self, id_: str, account: bytes, how: How = How.STATEMENT, **more: Any) -> Contact:
        return self.submit(id_, account, how, **more).result().contact

    def refused(self, id_: str, account: bytes, how: How = How.STATEMENT, **more: Any) -> str:
        """The code of a refusal; nothing may have changed."""
        before = self.all()
        with pytest.raises(RefusalError) as refusal:
            self.take(id_, account, how, **more)
        assert self.all() == before
        return refusal.value.code

    def code(self, id_: str, valid_until: int = CLAIM_UNTIL) -> Contact:
        return self.register.accept_code(CAMPAIGN, self.terms, id_, self.now, valid_until).result().contact

    def all(self) -> tuple[Any, ...]:
        register = self.register
        return (
            register.books(CAMPAIGN),
            register.contacts(CAMPAIGN),
            register.words(CAMPAIGN),
            register.batches(CAMPAIGN),
        )

    def words(self, account: bytes) -> dict[int, int]:
        return {page: word for _, page, word in self.register.words(CAMPAIGN, account)}

    @property
    def owed(self) -> int:
        return self.register.books(CAMPAIGN).owed


@pytest.fixture
def book(url: str) -> Iterator[Book]:
    """A book whose campaign has 1,000 contacts that are free."""
    with Register(url).running() as register:
        register.add(CAMPAIGN, "mark")
        made = Book(register, terms())
        made.see(1_000)
        yield made


# Rules are the same code on both kinds of databases.
SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def test_numbers_without_gaps_and_a_statement_that_grows(book: Book) -> None:
    numbers = [book.take(f"a{number}", ANN).number for number in range(3)]
    assert numbers == [0, 1, 2]
    assert book.take("m1", ANN, How.TICKET).number == 3
    taken = book.submit("a3", ANN).result()
    assert (taken.contact.number, taken.word) == (4, 0b10111)
    assert book.take("b0", BOB).number == 0
    assert book.words(ANN) == {0: 0b10111}
    assert book.words(BOB) == {0: 1}
    assert book.owed == 6


def test_a_name_counts_once_also_when_it_comes_many_times_at_once(book: Book) -> None:
    futures = [book.submit(f"a{number % 5}", ANN) for number in range(40)]
    found = {future.result().contact.id: future.result().contact.number for future in futures}
    assert sorted(found.values()) == [0, 1, 2, 3, 4]
    assert book.words(ANN) == {0: 0b11111}
    assert book.owed == 5
    # Later, too; the word is the one of now.
    book.take("a9", ANN)
    again = book.submit("a0", ANN).result()
    assert (again.contact.number, again.word) == (found["a0"], 0b111111)
    ticket = book.take("m1", ANN, How.TICKET, valid_until=START + DAY)
    assert book.take("m1", ANN, How.TICKET, valid_until=START + 9 * DAY) == ticket


def test_many_accounts_at_once(book: Book) -> None:
    people = [account_of(f"0x{number:040x}") for number in range(100, 140)]
    futures = [
        book.submit(f"{number} {person.hex()[-2:]}", person) for number in range(3) for person in people
    ]
    for future in futures:
        future.result()
    for person in people:
        assert book.words(person) == {0: 0b111}
        assert [each.number for each in book.register.contacts(CAMPAIGN, person)] == [0, 1, 2]
    assert book.owed == 120


@SQLITE
def test_another_content_under_one_name_is_refused(book: Book) -> None:
    book.take("a0", ANN)
    book.take("m0", ANN, How.TICKET)
    assert book.refused("a0", BOB) == "contact_differs"
    assert book.refused("a0", ANN, How.TICKET) == "contact_differs"
    assert book.refused("m0", ANN) == "contact_differs"
    with pytest.raises(RefusalError, match="taken down as a ticket of 0x"):
        book.code("m0")


def test_pages_follow_each_other(book: Book) -> None:
    for future in [book.submit(f"a{number}", ANN) for number in range(515)]:
        future.result()
    assert book.words(ANN) == {0: 2**255 - 1, 1: 2**255 - 1, 2: 0b11111}
    assert book.submit("a600", ANN).result().word == 0b111111
    assert book.words(ANN)[2] == 0b111111


@SQLITE
def test_no_more_than_is_free(book: Book) -> None:
    book.see(3)
    for number in range(2):
        book.take(f"a{number}", ANN)
    book.take("m0", BOB, How.TICKET)
    assert book.refused("b0", BOB) == "budget"
    assert book.refused("m1", ANN, How.TICKET) == "budget"
    # What came before is answered as before.
    assert book.take("a1", ANN).number == 1
    book.see(4)
    assert book.take("b0", BOB).number == 1
    assert book.refused("b1", BOB) == "budget"


@SQLITE
def test_requests_of_one_moment_do_not_exceed_it_together(book: Book) -> None:
    book.see(10)
    futures = [book.submit(f"a{number}", account_of(f"0x{number + 1:040x}")) for number in range(50)]
    refused = sum(future.exception() is not None for future in futures)
    assert (refused, book.owed) == (40, 10)


@SQLITE
def test_a_claim_lowers_what_is_owed_and_what_is_free(book: Book) -> None:
    book.see(4)
    for number in range(4):
        book.take(f"a{number}", ANN)
    book.see(2, paid=[(ANN, 0, 0b101)])
    assert book.owed == 2
    assert [each.state for each in book.register.contacts(CAMPAIGN)] == ["paid", "open", "paid", "open"]
    assert book.refused("b0", BOB) == "budget"
    # Told again, it changes nothing.
    book.see(2, paid=[(ANN, 0, 0b101)])
    assert book.owed == 2
    book.see(3)
    assert book.take("b0", BOB).number == 0


@SQLITE
def test_an_old_state_of_the_chain_is_passed_over(book: Book) -> None:
    book.see(3)
    for number in range(3):
        book.take(f"a{number}", ANN)
    book.register.observe(CAMPAIGN, Seen(0, START, 1_000, 0, 0, 1_000))
    assert book.refused("b0", BOB) == "budget"


@SQLITE
def test_an_enrolled_account_is_paid_out_of_what_is_reserved_for_it(book: Book) -> None:
    book.see(2)
    book.take("a0", ANN)
    book.take("a1", ANN)
    book.see(0, reserved=600, enrolled=[ANN])
    assert book.owed == 0
    for number in range(2, 12):
        book.take(f"a{number}", ANN)
    assert book.refused("b0", BOB) == "budget"
    # Her claims are not the others'.
    book.see(1, reserved=590, paid=[(ANN, 0, 0b1111111111)])
    assert book.owed == 0
    book.take("b0", BOB)
    # One that was enrolled before its first contact.
    book.see(1, enrolled=[CEM])
    book.take("c0", CEM)
    assert book.owed == 1


@SQLITE
def test_what_the_brand_gave_away_elsewhere_is_told(book: Book) -> None:
    for number in range(5):
        book.take(f"a{number}", ANN)
    book.see(3)
    assert book.register.books(CAMPAIGN).short == 2
    assert book.refused("b0", BOB) == "budget"


@SQLITE
def test_a_ticket_frees_its_contact_only_when_it_can_no_longer_be_claimed(book: Book) -> None:
    book.see(1)
    until = START + DAY
    ticket = book.take("m0", ANN, How.TICKET, valid_until=until)
    book.now = until
    book.see(1)
    assert book.refused("b0", BOB) == "budget"
    # Our clock may be beyond its end: a block of the chain must be.
    book.now = until + 5
    assert book.refused("b0", BOB) == "budget"
    book.now = until + 1
    book.see(1)
    assert book.take("b0", BOB).number == 0
    assert book.register.contacts(CAMPAIGN, ANN)[0].state is State.EXPIRED
    # Its number is not given to another contact: whoever knows its key would have that one, too.
    book.see(2)
    assert book.take("m1", ANN, How.TICKET).number == ticket.number + 1


@SQLITE
def test_a_ticket_that_was_claimed_in_time_stays_paid(book: Book) -> None:
    book.see(2)
    book.take("m0", ANN, How.TICKET, valid_until=START + DAY)
    book.take("m1", ANN, How.TICKET, valid_until=START + DAY)
    book.now = START + DAY + 1
    book.see(1, paid=[(ANN, 0, 1)])
    assert [each.state for each in book.register.contacts(CAMPAIGN)] == ["paid", "expired"]
    assert book.owed == 0


@SQLITE
def test_what_a_root_paid_is_not_counted_again(book: Book) -> None:
    book.see(100, paid=[(ANN, 0, 0b111)])
    assert book.take("a0", ANN).number == 3
    assert book.take("r0", BOB, How.ROOT).number == 0
    assert book.words(BOB) == {}
    assert book.owed == 2


@SQLITE
def test_days_are_in_the_numbers(book: Book) -> None:
    book.terms = terms(per_day=2, end=START + 3 * DAY - 1)
    book.take("a0", ANN)
    book.take("a1", ANN)
    # A set is paid as a whole: one contact of tomorrow would hold up today's.
    assert book.refused("a2", ANN) == "day_full"
    # A ticket is paid alone, and says until when.
    with pytest.raises(InputError, match="could not be claimed"):
        book.take("m2", ANN, How.TICKET, valid_until=START + DAY - 1)
    assert book.take("m2", ANN, How.TICKET, valid_until=START + DAY).number == 2
    book.now = START + DAY
    assert book.take("a3", ANN).number == 3
    assert book.refused("a4", ANN) == "day_full"
    book.now = START + 2 * DAY
    book.take("a4", ANN)
    book.take("a5", ANN)
    assert book.refused("m6", ANN, How.TICKET) == "campaign_over"


@SQLITE
def test_the_first_and_the_last_second(book: Book) -> None:
    book.now = START - 1
    assert book.refused("a0", ANN) == "not_started"
    book.take("m0", ANN, How.TICKET)
    book.now = START
    book.take("a0", ANN)
    book.now = END
    book.take("a1", ANN)
    book.now = END + 1
    for how in (How.STATEMENT, How.TICKET):
        assert book.refused("a2", ANN, how) == "campaign_over"
    with pytest.raises(RefusalError, match="ended"):
        book.code("c0")
    # What she had before can still be confirmed, until nothing can be claimed.
    book.take("a2", ANN, had_at=END)
    book.now = CLAIM_UNTIL
    book.take("a3", ANN, had_at=END)
    book.now = CLAIM_UNTIL + 1
    assert book.refused("a4", ANN, had_at=END) == "claims_over"
    with pytest.raises(InputError, match="still to come"):
        book.take("a4", ANN, had_at=CLAIM_UNTIL + 2)


@SQLITE
def test_contacts_of_an_account_and_the_shops_own_bounds(book: Book) -> None:
    caps = Caps(account=2, campaign=3)
    book.take("a0", ANN, caps=caps)
    book.take("a1", ANN, caps=caps)
    assert book.refused("a2", ANN, caps=caps) == "day_full"
    book.take("b0", BOB, caps=caps)
    assert book.refused("b1", BOB, caps=caps) == "day_full"
    book.now = START + DAY
    book.take("b1", BOB, caps=caps)
    book.terms = terms(max_contacts=2)
    assert book.refused("a2", ANN) == "contacts_used_up"


@SQLITE
def test_accounts(book: Book) -> None:
    for account in (bytes(32), PSEUDONYM):
        with pytest.raises(InputError, match="no account of this campaign"):
            book.take("a0", account)
    book.terms = terms(credentials="0x" + "04" * 20)
    assert book.take("a0", PSEUDONYM).number == 0
    for name in ("", " a", "a" * 101, "a\nb"):
        with pytest.raises(InputError, match="no name for a contact"):
            book.take(name, ANN)


@SQLITE
def test_codes_are_handed_out_beside_those_that_are_printed(book: Book) -> None:
    book.terms = terms(codes=1_002)
    printed = book.register.take_batch(CAMPAIGN, book.terms, 0, book.now, CLAIM_UNTIL)
    assert (printed.printed, printed.next) == (True, 1_000)
    assert [book.code(f"c{number}").number for number in (0, 1, 0)] == [1_000, 1_001, 1_000]
    with pytest.raises(RefusalError, match="every code"):
        book.code("c2")
    # Printed again, it is the same; and what is handed out is not printed.
    book.now += DAY
    assert book.register.take_batch(CAMPAIGN, book.terms, 0, book.now, END) == printed
    with pytest.raises(RefusalError, match="one by one"):
        book.register.take_batch(CAMPAIGN, book.terms, 1, book.now, CLAIM_UNTIL)
    with pytest.raises(InputError, match="no batch 2"):
        book.register.take_batch(CAMPAIGN, book.terms, 2, book.now, CLAIM_UNTIL)
    book.see(1_000, codes=[3, 1_000])
    assert [each.paid for each in book.register.batches(CAMPAIGN)] == [1, 1]
    assert [each.state for each in book.register.contacts(CAMPAIGN)] == ["paid", "open"]
    # Codes are reserved when a campaign opens: they take nothing from others.
    assert book.owed == 0


def test_it_is_all_there_after_a_new_start(url: str) -> None:
    with Register(url).running() as register:
        register.add(CAMPAIGN, "mark")
        book = Book(register, terms())
        book.see(10, enrolled=[BOB])
        book.take("a0", ANN)
        book.take("m0", BOB, How.TICKET)
        book.code("c0")
        before = book.all()
    with Register(url).running() as register:
        register.add(CAMPAIGN, "mark")
        again = Book(register, terms())
        assert again.all() == before
        assert again.take("a0", ANN).number == 0
        assert again.take("a1", ANN).number == 1
        assert again.code("c1").number == 1
        with pytest.raises(InputError, match="signed with another key"):
            register.add(CAMPAIGN, "another")


def test_one_writer(url: str) -> None:
    with (
        Register(url).running(),
        pytest.raises(StoreError, match="another attention service"),
        Register(url).running(),
    ):
        pass
    with Register(url).running():
        pass


@SQLITE
def test_a_token_is_asked_for_in_each_transaction(book: Book) -> None:
    token = TOKENS.add(book.register.engine, "site")
    assert book.take("a0", ANN, token=token).token == "site"
    assert book.refused("a1", ANN, token="troc_attention_guess") == "token_unknown"
    TOKENS.revoke(book.register.engine, "site")
    assert book.refused("a1", ANN, token=token) == "token_unknown"
    # Not even what was there before is told.
    assert book.refused("a0", ANN, token=token) == "token_unknown"
