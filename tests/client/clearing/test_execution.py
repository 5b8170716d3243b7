"""The check of a clearing refuses what the exchange would refuse."""

from __future__ import annotations

import numpy as np
import pytest

from tests.client.clearing.batches import Ask, Lot, batch_of
from troc.errors import OrderError
from troc.market.clearing import check_execution

ASKS = [Ask(0, 0, 1000, 1, 1000), Ask(1, 1, 1000, 0, 1000)]


def refused(
    words: str, rows: list[tuple[int, int, int]], asks: list[Ask], lots: list[Lot] | None = None
) -> None:
    with pytest.raises(OrderError, match=words):
        check_execution(batch_of(asks, lots), np.array(rows, np.int64).reshape(-1, 3))


def test_a_fair_swap_passes() -> None:
    check_execution(batch_of(ASKS), np.array([(0, 1, 1000), (1, 0, 1000)]), [1000, 1000], [1000, 1000])


def test_figures_must_be_what_moves() -> None:
    with pytest.raises(OrderError, match="are not what is given"):
        check_execution(batch_of(ASKS), np.array([(0, 1, 1000), (1, 0, 1000)]), [1000, 999])


def test_below_the_price() -> None:
    refused("below its price", [(0, 1, 1000), (1, 0, 999)], ASKS)


def test_more_than_is_left() -> None:
    refused("gives 1001", [(0, 1, 1001), (1, 0, 1001)], ASKS, [Lot(0, 0, 2000), Lot(1, 1, 2000)])


def test_a_part_of_all_or_nothing() -> None:
    asks = [ASKS[0]._replace(whole=True), ASKS[1]]
    refused("gives 500", [(0, 1, 500), (1, 0, 500)], asks)


def test_points_that_are_not_there() -> None:
    refused("than there is", [(0, 1, 1000), (1, 0, 1000)], ASKS, [Lot(0, 0, 999), Lot(1, 1, 1000)])


@pytest.mark.parametrize("lots", [[Lot(0, 0, 1000, 50)], [Lot(0, 0, 500, 50), Lot(0, 0, 500, 51)]])
def test_points_that_expire_too_soon(lots: list[Lot]) -> None:
    asks = [ASKS[0], ASKS[1]._replace(beyond=50)]
    refused("within its bounds", [(0, 1, 1000), (1, 0, 1000)], asks, [*lots, Lot(1, 1, 1000)])


@pytest.mark.parametrize("lots", [[Lot(0, 0, 1000, 51)], [Lot(0, 0, 500, 50), Lot(0, 0, 500, 51)]])
def test_points_that_the_maker_keeps(lots: list[Lot]) -> None:
    asks = [ASKS[0]._replace(by=50), ASKS[1]]
    refused("within its bounds", [(0, 1, 1000), (1, 0, 1000)], asks, [*lots, Lot(1, 1, 1000)])


def test_the_sequence_in_which_lots_are_taken() -> None:
    # Whoever may give any lot takes the oldest, which the other order needs.
    asks = [Ask(0, 0, 500, 1, 1), Ask(0, 0, 500, 1, 1, by=50), Ask(1, 1, 500, 0, 1), Ask(2, 1, 500, 0, 1)]
    lots = [Lot(0, 0, 500, 50), Lot(0, 0, 500, 90), Lot(1, 1, 500), Lot(2, 1, 500)]
    back = [(2, 0, 500), (3, 1, 500)]
    refused("within its bounds", [(0, 2, 500), (1, 3, 500), *back], asks, lots)
    check_execution(batch_of(asks, lots), np.array([(1, 3, 500), (0, 2, 500), *back]))


def test_a_transfer_to_oneself() -> None:
    refused("to herself", [(0, 1, 1000), (1, 0, 1000)], [ASKS[0], ASKS[1]._replace(maker=0)])


def test_points_that_the_receiver_does_not_want() -> None:
    refused("does not want", [(0, 1, 1000), (1, 0, 1000)], [ASKS[0], ASKS[1]._replace(want=2)])


def test_a_taker_who_was_not_named() -> None:
    refused("may not take", [(0, 1, 1000), (1, 0, 1000)], [ASKS[0]._replace(only=7), ASKS[1]])
    ring = [Ask(0, 0, 9, 1, 9, only=1), Ask(1, 2, 9, 0, 9), Ask(2, 1, 9, 2, 9)]
    refused("may not give", [(0, 1, 9), (1, 2, 9), (2, 0, 9)], ring)


def test_a_transfer_of_nothing() -> None:
    refused("moves nothing", [(0, 1, 1000), (1, 0, 1000), (0, 1, 0)], ASKS)


def test_sums_that_would_wrap_round() -> None:
    rows = np.array([(0, 1, 2**62)] * 4 + [(0, 1, 1000), (1, 0, 1000)])
    with pytest.raises(OrderError, match="more than there is"):
        check_execution(batch_of(ASKS), rows)
