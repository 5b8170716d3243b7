"""Orders that are good for nothing do not slow the rest: the full measure is benchmarks/indexing.py."""

from __future__ import annotations

from pathlib import Path

from benchmarks.indexing import measure


def test_a_flood_is_taken_in_fast_and_leaves_the_book_as_fast_as_it_was(tmp_path: Path) -> None:
    found = measure(
        orders=300,
        transfers=0,
        flood=3_000,
        brands=2,
        folder=tmp_path,
        url=f"sqlite:///{tmp_path}/flood.sqlite",
    )
    # The bar is 5,000 a second; a busy machine gets some grace, a signature checked by web3 does not pass.
    assert found.flood_a_second >= 2_500
    assert found.book_seconds_after_flood <= 2 * found.book_seconds + 0.02
