"""A brand's books add up to the chain, month by month, and fail loudly where they do not."""

from __future__ import annotations

from itertools import pairwise

from tests.client.books.conftest import Programme
from troc.programme.books import Period, months


def test_a_story(story: Programme) -> None:
    books = story.books
    whole = books.roll(Period(books.launched[1], books.now + 1))
    assert whole.checked
    assert whole.exact
    assert dict(whole.issued_by) == {
        "batch": 60_000,
        "grant": 3_000,
        "own": 12_345 + 999,
        "released": 700 + 500,
        "imported": 4_000,
        "voucher": 1_200,
    }
    assert (whole.redeemed, whole.given_back) == (7_000 + 11_550, 2_500)
    assert (whole.traded, whole.given) == (10_000, 550)
    pending = whole.pending
    assert (pending.issued, pending.cancelled, pending.released, pending.closing) == (2_400, 1_200, 1_200, 0)
    status = story.world.everyone.status(story.brand)
    assert (whole.issued, whole.closing) == (status.issued, status.live)
    assert whole.expired == status.expired > 0
    parts = [books.roll(period) for period in months(books.launched[1], books.now + 1)]
    assert len(parts) >= 3
    for before, after in pairwise(parts):
        assert before.closing == after.opening
    for figure in ("issued", "redeemed", "given_back", "expired", "traded", "given"):
        assert sum(getattr(part, figure) for part in parts) == getattr(whole, figure), figure
