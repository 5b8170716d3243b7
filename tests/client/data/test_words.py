"""What people read before they sign or pay; a buyer's record; requests that betray who answers them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.data.consent_cases import (
    CHAIN,
    DAY,
    NOW,
    ROWS,
    TOKEN,
    account,
    fields,
    record,
    same_as,
    terms,
)
from troc.data.chunks import ROW, Content, lay_out
from troc.data.consent import Terms
from troc.data.manifest import seal
from troc.data.words import (
    HELD,
    ON_ACCEPT,
    ON_BUY,
    Buyer,
    Criteria,
    ErasureRecord,
    PastSale,
    Proposal,
    Purchase,
    Tally,
    before_buying,
    before_selling,
    contents,
    erasure_record,
    record_details,
    record_words,
    warnings_of,
)
from troc.messages import ZERO_ADDRESS

SELLER, BUYER, GROCER = account(1).address, account(2).address, account(0).address
KEY = b"\x01" * 32
RECORD = ErasureRecord(Tally(41, {TOKEN: 2_050}), Tally(1, {TOKEN: 50}), Tally(), Tally(3, {TOKEN: 150}), 12)


def money(token: str, units: int) -> str:
    assert token == TOKEN
    return f"{units:,} Le Panier"


def proposal(**changes: Any) -> Proposal:
    whole = Proposal(
        what=("212 dairy rows", "your household size"),
        buyer=Buyer(BUYER, "DairyLab", "dairylab.example", RECORD),
        price="50 Le Panier",
        money=HELD,
        terms=terms(BUYER),
        deliver_seconds=DAY,
        dispute_seconds=2 * DAY,
        open_until=NOW + 7 * DAY,
        attestor="Le Panier (proven domain panier.example)",
    )
    return replace(whole, **changes)


# ----------------------------------------------------------------------------------------- before she signs


def test_a_seller_reads_what_she_signs() -> None:
    same_as("selling_held", before_selling(proposal()))


def test_a_seller_reads_where_the_money_is() -> None:
    same_as("selling_bid", before_selling(proposal(money=ON_ACCEPT, attestor="")))
    assert "already held safely" not in before_selling(proposal(money=ON_BUY))
    assert "from the purchase on" in before_selling(proposal(money=ON_BUY))
    assert "you give it away" in before_selling(proposal(price=""))


def test_a_seller_reads_that_the_buyer_is_unknown_and_far_away() -> None:
    unnamed = Terms.draft(
        fields(controller=None, storage=["FR", "US"], data=["health", "purchases"], recipients=None),
        CHAIN,
        ZERO_ADDRESS,
        NOW,
        creator=SELLER,
    )
    same_as(
        "selling_to_whoever_buys",
        before_selling(
            proposal(
                buyer=None,
                money=ON_BUY,
                terms=unnamed,
                attestor="",
                warnings=warnings_of(Criteria("diabetics, 30-40", ("health",), 200)),
            )
        ),
    )


@pytest.mark.parametrize(
    "promise",
    [
        "Nothing else.",
        "You can withdraw any day",
        "could keep a copy",
        "the whole sold file becomes readable",
        "stay public for ever",
        "erased it is its own word",
    ],
)
def test_nobody_signs_without_having_read(promise: str) -> None:
    for money_ in (HELD, ON_ACCEPT, ON_BUY):
        assert promise in before_selling(proposal(money=money_))


def test_an_unproven_domain_is_said_to_be_so() -> None:
    text = before_selling(proposal(buyer=Buyer(BUYER, "DairyLab", "", None)))
    assert "To DairyLab (no proven domain; its record is not known)." in text
    assert "To 0x3C44…93BC (no proven domain" in before_selling(proposal(buyer=Buyer(BUYER)))


def test_what_others_wrote_cannot_deceive_a_terminal() -> None:
    evil = terms(BUYER, why="Good \u00a0things.")
    text = before_selling(
        proposal(
            terms=evil,
            what=("rows\x1b[2J",),
            price="5\n0",
            attestor="\u202eGrocer",
            buyer=Buyer(BUYER, "D\x07airy"),
        )
    )
    assert not any(bad in text for bad in ("\x1b", "\u202e", "\x07", "5\n0"))


# ------------------------------------------------------------------------------------------ before he pays


def purchase(**changes: Any) -> Purchase:
    whole = Purchase(
        what=("212 dairy rows", "household size"),
        seller=SELLER,
        pieces=256,
        price="50 Le Panier",
        terms=terms(BUYER),
        deliver_seconds=36 * 3_600,
        dispute_seconds=2 * DAY,
        attested_by="Le Panier (proven domain panier.example)",
        trusted=True,
        checked=True,
    )
    return replace(whole, **changes)


def test_a_buyer_reads_what_he_pays_for() -> None:
    same_as("buying", before_buying(purchase()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attested_by": ""}, "Careful: nobody vouches for it. If it is made up, you get no money back."),
        ({"trusted": False}, "vouches for it, and is not on your list"),
        (
            {"doubts": ("it is about other content", "the attestor has revoked it")},
            "does not count here: it is about",
        ),
        ({"checked": False}, "Do not pay before it was."),
        ({"price": ""}, "You pay nothing."),
    ],
)
def test_a_buyer_reads_what_is_doubtful(changes: dict[str, Any], said: str) -> None:
    assert said in before_buying(purchase(**changes))


# ------------------------------------------------------------------------------------------- what is sold


def test_counts_what_a_manifest_holds() -> None:
    whole, _ = seal(record(), KEY, tell=["day", "item", "cents", "household"])
    assert contents(whole, "purchase") == ("12 purchases (day, item, cents, household)",)
    part, _ = seal(record(), KEY, places=record().places(["item", "cents"]), tell=["item", "cents"])
    assert contents(part, "purchase") == ("12 purchases (item, cents)",)
    single, _ = seal(
        record(), KEY, places=record().places(["household"], {"day": "2026-03-04"}), tell=["household"]
    )
    assert contents(single) == ("household",)


def test_counts_pieces_where_fields_are_not_told() -> None:
    hidden, _ = seal(record(), KEY, tell=None)
    assert contents(hidden) == ("64 pieces of fields that are not told",)
    partly, _ = seal(record(), KEY, tell=["item"])
    assert contents(partly) == ("12 rows (item)", "36 pieces of fields that are not told")


def test_counts_cells_that_take_several_pieces_once() -> None:
    long = lay_out(Content.of_rows([{"note": "x" * 500, "n": 1}, {"note": "y", "n": 2}]), b"\x03" * 32)
    manifest, _ = seal(long, KEY, tell=["note", "n"])
    assert contents(manifest) == ("2 rows (note, n)",)


def test_tells_whole_rows_and_files() -> None:
    rows, _ = seal(lay_out(Content.of_rows(ROWS, by=ROW), b"\x03" * 32), KEY, tell=())
    assert contents(rows, "purchase") == ("12 purchases",)
    untold, _ = seal(lay_out(Content.of_rows(ROWS, by=ROW), b"\x03" * 32), KEY, tell=None)
    assert contents(untold, "purchase") == ("16 pieces of purchases",)
    file, _ = seal(
        lay_out(Content.of_file(b"x" * 3_000, "scan\x1b.png"), b"\x03" * 32), KEY, tell=["scan\x1b.png"]
    )
    assert contents(file) == ("the file scan\ufffd.png of 3,000 bytes",)
    hidden, _ = seal(lay_out(Content.of_file(b"x" * 3_000, "scan.png"), b"\x03" * 32), KEY, tell=None)
    assert contents(hidden) == ("a file, its size not told",)


# ------------------------------------------------------------------------------------------ a buyer's record


def sale(number: int, **changes: Any) -> PastSale:
    seller = f"0x{number:040x}"
    whole = PastSale(seller, BUYER, TOKEN, 50, True, NOW, NOW - 1, GROCER)
    return replace(whole, **changes)


def test_a_record_counts_erasures_by_their_date() -> None:
    found = erasure_record(
        BUYER,
        [
            sale(1),
            sale(2, acknowledged_at=NOW),
            sale(3, acknowledged_at=NOW + 1),
            sale(4, acknowledged_at=0),
            sale(5, acknowledged_at=0, erase_by=NOW + 10),
        ],
        NOW + 5,
    )
    counts = [tally.sellers for tally in (found.in_time, found.late, found.never, found.not_due)]
    assert counts == [2, 1, 1, 1]
    assert record_words(found) == "states that it erased in time 2 times, late 1, never 1"


def test_at_the_last_second_it_is_not_yet_too_late() -> None:
    assert erasure_record(BUYER, [sale(1, acknowledged_at=0)], NOW).never.sellers == 0
    assert erasure_record(BUYER, [sale(1, acknowledged_at=0)], NOW + 1).never.sellers == 1


def test_nobody_makes_a_record_for_itself() -> None:
    made_up = [
        sale(1, seller=BUYER),
        sale(2, price=0),
        sale(3, paid=False),
        sale(4, buyer=SELLER),
        sale(5, attestor=""),
        sale(6, attestor=BUYER),
        replace(sale(7), attestor=f"0x{7:040x}"),
    ]
    found = erasure_record(BUYER, made_up, NOW + 1)
    assert found.is_empty
    assert record_words(found) == "never had to erase anything yet"
    # Paid sales without an attestor are told apart, and count for nothing.
    assert found.apart == 3


def test_one_friendly_seller_counts_once_and_with_the_worst() -> None:
    found = erasure_record(BUYER, [sale(1) for _ in range(1_000)], NOW + 1)
    assert found.in_time == Tally(1, {TOKEN: 50_000})
    spoilt = erasure_record(BUYER, [*(sale(1) for _ in range(1_000)), sale(1, acknowledged_at=0)], NOW + 1)
    assert (spoilt.in_time.sellers, spoilt.never.sellers) == (0, 1)
    mended = erasure_record(BUYER, [sale(1, acknowledged_at=0), sale(1)], NOW + 1)
    assert (mended.in_time.sellers, mended.never.sellers) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_a_sale_more_never_makes_a_record_better(sales: list[tuple[int, int]]) -> None:
    times = {0: 0, 1: NOW - 1, 2: NOW, 3: NOW + 1}
    made = [sale(number, acknowledged_at=times[when]) for number, when in sales]
    found = erasure_record(BUYER, made, NOW + 5)
    assert found.in_time.sellers + found.late.sellers + found.never.sellers == len(
        {one.seller for one in made}
    )
    spoilt = erasure_record(BUYER, [*made, sale(0, acknowledged_at=0)], NOW + 5)
    assert spoilt.never.sellers >= max(found.never.sellers, 1)
    assert spoilt.in_time.sellers <= found.in_time.sellers


def test_a_record_tells_the_money_behind_it() -> None:
    same_as("record", record_words(RECORD) + "\n" + record_details(RECORD, money))
    assert "Nothing counts yet." in record_details(ErasureRecord(), money)
    assert "1 paid sale by people whom nobody attested does not count" in record_details(
        ErasureRecord(apart=1), money
    )


# ----------------------------------------------------------------------------------- requests that betray


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        (Criteria("diabetics of all ages"), "“diabetics” fits (health)"),
        (Criteria("families that buy halal meat"), "“halal” fits (beliefs)"),
        (Criteria("trade union members"), "(politics)"),
        (Criteria("gay couples"), "(sexual life)"),
        (Criteria("refugees"), "(origin)"),
        (Criteria("households with debts"), "(need)"),
        (Criteria("parents of babies"), "(children)"),
        (Criteria("dairy purchases", ("health",)), "asks for health"),
        (Criteria("women, 30\u201340"), "“30 to 40” nearly tells the age"),
        (Criteria("men 62 to 65"), "“62 to 65”"),
        (Criteria("people in 69001"), "a small place"),
        (Criteria("dairy purchases", number=5), "only 5 answers are wanted"),
        (Criteria("men, tall, rich, left-handed"), "each condition narrows the group"),
    ],
)
def test_warns_of_what_an_answer_betrays(criteria: Criteria, said: str) -> None:
    found = warnings_of(criteria)
    assert any(said in warning for warning in found)
    assert "never used for anything else" in found[-1]


@pytest.mark.parametrize(
    "criteria",
    [
        Criteria("dairy purchases and household size", ("purchases", "household"), 200),
        Criteria("200 households that shop weekly", number=200),
        Criteria("customers aged 20 to 70", number=20),
        Criteria("silly pills of cotton", number=0),
    ],
)
def test_does_not_cry_wolf(criteria: Criteria) -> None:
    assert warnings_of(criteria) == ()
