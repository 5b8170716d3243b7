"""What slips are worth, and which of them are presented: without a chain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.attention.test_slips import CAMPAIGN, CUSTOMER, DOMAIN, SEED, SIGNER
from troc.attention.campaigns import Terms
from troc.attention.claiming import Assessed, Facts, Proof, State, assess, choose
from troc.attention.collection import KeptCredential
from troc.attention.contacts import to_pages
from troc.attention.leaves import Leaf
from troc.attention.slips import NO_ACCOUNT, Slip, sign_statements, sign_ticket
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS
from troc.words import DAY

START = 1_800_000_000
END = START + 10 * DAY
UNTIL = END + 30 * DAY
LOTS = 1_000


def terms(**changes: Any) -> Terms:
    """A campaign of 600 contacts an account, 2 a day, and 3,000 codes."""
    values: dict[str, Any] = {
        "admin": SIGNER.address,
        "token": SIGNER.address,
        "token_kind": 0,
        "fresh": True,
        "price": 1,
        "signer": SIGNER.address,
        "start": START,
        "end": END,
        "claim_until": UNTIL,
        "max_contacts": 600,
        "per_day": 0,
        "codes": 3_000,
        "codes_per_account": 0,
        "root_delay_days": 1,
        "credentials": ZERO_ADDRESS,
        "topic": 0,
        "channel": 0,
        "terms_hash": bytes(32),
        "salt": bytes(32),
    }
    return Terms(**values | changes)


def facts(now: int = START, had: frozenset[int] = frozenset(), **more: Any) -> Facts:
    """What the chain says; plenty is free."""
    return Facts(now, to_pages(had), **{"free": LOTS, **more})


def statement(*contacts: int, account: bytes = CUSTOMER) -> Slip:
    """A statement of one page."""
    (slip,) = sign_statements(CAMPAIGN, account, contacts, DOMAIN, SIGNER)
    return slip


def ticket(number: int, until: int = UNTIL, account: bytes = CUSTOMER) -> Slip:
    """A ticket with its key."""
    return sign_ticket(CAMPAIGN, account, number, until, SEED, DOMAIN, SIGNER)


def leaf(*contacts: int) -> Leaf:
    """The only leaf of a root."""
    from troc.attention.roots import leaf_hash

    ((page, word),) = to_pages(contacts).items()
    return Leaf(leaf_hash(CAMPAIGN, CUSTOMER, page, word), CAMPAIGN, CUSTOMER, page, word, ())


def seen(*slips: Slip | Leaf, at: Facts | None = None, **changes: Any) -> Assessed:
    """What these are worth."""
    return assess(
        terms(**changes),
        CUSTOMER,
        at or facts(),
        [each for each in slips if isinstance(each, Slip)],
        [each for each in slips if isinstance(each, Leaf)],
    )


def presented(found: Assessed) -> list[set[int]]:
    """The sets that would be claimed, in their order."""
    return [set(proof.numbers) for proof in found.proofs]


# --------------------------------------------------------------------------------------------------- choosing


def test_a_statement_that_has_all_is_enough() -> None:
    found = seen(statement(0), statement(0, 1, 2), statement(1, 2), ticket(2), leaf(0, 1))
    assert presented(found) == [{0, 1, 2}]


def test_what_others_have_is_not_presented_a_second_time() -> None:
    # The one in the middle is the largest, and the other two make it needless.
    found = seen(statement(0, 1, 2), statement(2, 3, 4, 5), statement(4, 5, 6, 7))
    assert sorted(map(min, presented(found))) == [0, 2, 4]
    found = seen(statement(0, 1, 2), statement(2, 3), statement(3, 4, 5))
    assert sorted(map(min, presented(found))) == [0, 3]


def test_the_cheaper_path_is_taken() -> None:
    assert [proof.path for proof in seen(leaf(0), ticket(0), statement(0)).proofs] == ["statement"]
    assert [proof.path for proof in seen(leaf(0), ticket(0), at=at_root(leaf(0))).proofs] == ["ticket"]
    # One leaf for two contacts costs less than two tickets.
    both = leaf(0, 1)
    assert [proof.path for proof in seen(both, ticket(0), ticket(1), at=at_root(both)).proofs] == ["root"]


def at_root(known: Leaf, effect: int = START) -> Facts:
    """The root of a leaf counts from then on."""
    return facts(roots={known.root: effect})


def test_what_was_paid_is_not_presented() -> None:
    paid = facts(had=frozenset({0, 1}))
    assert presented(seen(statement(0, 1), at=paid)) == []
    assert presented(seen(statement(0, 1), statement(1, 2), ticket(0), at=paid)) == [{1, 2}]
    assert seen(at=paid).numbers(State.CLAIMED) == {0, 1}


sets = st.lists(st.frozensets(st.integers(0, 12), min_size=1, max_size=6), min_size=1, max_size=14)


def proof(contacts: frozenset[int], path: str = "statement") -> Proof:
    """A proof for choosing alone: nobody signs it."""
    ((page, word),) = to_pages(contacts).items()
    known = statement(0) if path == "statement" else leaf(0)
    return Proof(known, page, word)


@settings(deadline=None)
@given(sets, st.frozensets(st.integers(0, 12)), st.integers(0, 14))
def test_all_is_paid_or_as_much_as_the_budget_has(
    several: list[frozenset[int]], had: frozenset[int], free: int
) -> None:
    proofs = [proof(each) for each in several]
    wanted = frozenset().union(*several) - had
    chosen, passed = choose(proofs, facts(had=had, enrolled=True, free=0))
    assert frozenset().union(*(each.numbers for each in chosen)) - had == wanted
    assert passed == []
    for each in chosen:
        others = frozenset().union(*(other.numbers for other in chosen if other is not each))
        assert each.numbers - had - others or len(several) > 10
    chosen, passed = choose(proofs, facts(had=had, free=free))
    paid = set(had)
    for each in chosen:
        assert each.numbers - paid, "presented for nothing"
        paid |= each.numbers
    assert len(paid - had) <= free
    left = free - len(paid - had)
    # What is passed over has more new contacts than are left.
    assert all(len(each.numbers - paid) > left for each in passed)
    if len(wanted) <= free:
        assert paid - had == wanted


# -------------------------------------------------------------------------------------------------- assessing


@pytest.mark.parametrize("before", [0, 1])
def test_days_open_to_the_second(before: int) -> None:
    opens = START + DAY
    found = seen(statement(1, 2), at=facts(opens - before), per_day=2)
    state = State.LATER if before else State.CLAIMABLE
    assert found.numbers(state) == {1, 2}
    assert [each.opens for each in found.contacts.values()] == ([opens] * 2 if before else [None] * 2)


def test_a_day_after_the_end_never_comes() -> None:
    last = 21
    assert terms(per_day=2).opens_at(last) == END
    assert seen(statement(last), at=facts(END), per_day=2).number == 1
    found = seen(statement(0, last + 1), at=facts(UNTIL), per_day=2)
    assert found.numbers(State.LOST) == {0, last + 1}
    # Another proof of the same contact pays it.
    assert seen(statement(0, last + 1), ticket(0), at=facts(UNTIL), per_day=2).numbers(State.CLAIMABLE) == {0}


def test_a_number_beyond_the_campaign_spoils_its_statement() -> None:
    found = seen(statement(598, 600))
    assert found.numbers(State.LOST) == {598, 600}
    assert "which has 600" in found.contacts[598].why


@pytest.mark.parametrize(("late", "state"), [(0, State.CLAIMABLE), (1, State.EXPIRED)])
def test_last_seconds(late: int, state: State) -> None:
    assert seen(statement(0), at=facts(UNTIL + late)).numbers(state) == {0}
    assert seen(ticket(0, END), at=facts(END + late)).numbers(state) == {0}


def test_roots_count_from_their_second_on() -> None:
    known = leaf(0)
    assert seen(known).numbers(State.WAITING) == {0}
    assert seen(known, at=at_root(known, START + 1)).numbers(State.LATER) == {0}
    assert seen(known, at=at_root(known)).numbers(State.CLAIMABLE) == {0}


def test_a_leaf_that_does_not_lead_to_its_root_is_none() -> None:
    known = leaf(0)
    with pytest.raises(InputError, match="is not under the root"):
        Leaf(known.root, CAMPAIGN, CUSTOMER, 0, 0b11, ())
    with pytest.raises(InputError, match="is not under the root"):
        Leaf(known.root, CAMPAIGN, CUSTOMER, 0, 1, (bytes(32),))


def test_the_budget_of_others_is_not_hers() -> None:
    found = seen(statement(0, 1, 2), at=facts(free=2))
    assert found.numbers(State.LOST) == {0, 1, 2}
    assert seen(statement(0, 1, 2), at=facts(free=0, enrolled=True)).number == 3
    assert seen(statement(0, 1, 2), ticket(1), at=facts(free=2)).numbers(State.CLAIMABLE) == {1}


def test_another_accounts_slips_are_not_hers() -> None:
    other = bytes(12) + bytes([7] * 20)
    assert not seen(statement(0, account=other), ticket(1, account=other)).count()


# ------------------------------------------------------------------------------------------------------ codes


def code(index: int, until: int = UNTIL) -> Slip:
    """A code with its key."""
    return ticket(index, until, NO_ACCOUNT)


def coded(now: int = START, **more: Any) -> Facts:
    """All batches are active."""
    return facts(now, active=frozenset({0, 1, 2}), **more)


def test_how_codes_stand() -> None:
    slips = [code(0), code(1), code(2), code(1_000), code(3_000), code(3).public(), code(4, START - 1)]
    at = facts(active=frozenset({0}), taken=frozenset({1, 2}), own=frozenset({2}), codes_had=(1, 1))
    found = seen(*slips, at=at)
    assert found.indexes(State.CLAIMABLE) == {0}
    assert found.indexes(State.LOST) == {1, 3_000}
    assert found.indexes(State.CLAIMED) == {2}
    assert found.indexes(State.WAITING) == {3, 1_000}
    assert found.indexes(State.EXPIRED) == {4}
    assert list(found.code_slips) == [code(0)]


def test_codes_of_an_account_and_of_a_day() -> None:
    codes = [code(index) for index in range(4)]
    found = seen(*codes, at=coded(codes_had=(1, 0)), codes_per_account=3)
    assert found.indexes(State.CLAIMABLE) == {0, 1}
    assert found.indexes(State.LOST) == {2, 3}
    found = seen(*codes, at=coded(START + DAY + 5, codes_had=(4, 1)), per_day=3)
    assert found.indexes(State.CLAIMABLE) == {0, 1}
    assert found.indexes(State.LATER) == {2, 3}
    assert found.codes[2].opens == START + 2 * DAY
    assert not seen(code(0), at=coded(START - 1)).number


# ------------------------------------------------------------------------------------------------ credentials


def test_a_pseudonym_is_paid_with_a_credential_alone() -> None:
    asks = terms(credentials=SIGNER.address)

    def state(credential: KeptCredential | None) -> State:
        found = assess(asks, CUSTOMER, coded(), [statement(0), code(0)], [], credential)
        assert found.contacts[0].state is found.codes[0].state
        return found.contacts[0].state

    good = KeptCredential(CAMPAIGN, CUSTOMER, START, b"")
    assert state(good) is State.CLAIMABLE
    assert state(KeptCredential(CAMPAIGN, CUSTOMER, START - 1, b"")) is State.WAITING
    assert state(None) is State.WAITING


# ------------------------------------------------------------------------------------------------------ notes


def test_who_has_something_reserved_may_wait_and_who_has_not_must_not() -> None:
    slips = statement(0), statement(0, 1, 2)
    (note,) = seen(*slips, at=facts(enrolled=True), per_day=2).notes
    assert "2 more contacts open" in note
    (note,) = seen(*slips, at=facts(), per_day=2).notes
    assert "Do not wait" in note
    (note,) = seen(statement(0), at=facts(enrolled=True)).notes
    assert "last statement" in note
    assert seen(statement(0), at=facts(END, enrolled=True)).notes == ()
