"""disputeChunk: the key is right, but a chunk is not what the manifest tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.helpers import next_block_at, reverts_with
from tests.orders import POINTS
from tests.sales import PRICE, Sale, State, hexed
from tests.sealing import Content, make_content, node, plain_leaf
from tests.unit.DataMarket.conftest import HELD

WRONG = 1


@pytest.fixture(scope="module")
def spoiled() -> Content:
    """Three chunks, of which the second is sealed other than it is told to be."""
    return make_content([64, 96, 45], "spoiled", wrong=[WRONG])


@pytest.fixture(scope="module")
def sold(sell: Any, create_deal: Any, spoiled: Content) -> Sale:
    """The spoiled content, delivered with its key."""
    sale: Sale = sell(create_deal(content=spoiled), content=spoiled)
    return sale


@pytest.fixture(scope="module")
def dispute(market: Any) -> Any:
    def dispute(sale: Sale, chunk: Any, sender: Any = None, call: bool = False) -> Any:
        function = market.disputeChunk.call if call else market.disputeChunk
        return function(
            sale.words, sale.buyer, sale.posted, sale.b.scalar, chunk, {"from": sender or sale.buyer}
        )

    return dispute


@pytest.mark.parametrize("role", ["buyer", "stranger"])
def test_the_buyer_is_paid_whoever_brings_the_scalar(
    request: Any, market: Any, sold: Sale, dispute: Any, buyer: Any, cash: Any, role: str
) -> None:
    transaction = dispute(sold, sold.content.chunk(WRONG), request.getfixturevalue(role))
    assert cash.balanceOf(buyer) == HELD
    assert market.saleOf(sold.id) == (State.CHUNK_WRONG, 0, False, 0, 0)
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(sold.id),
        "outcome": State.CHUNK_WRONG,
        "to": buyer,
        "token": cash,
        "amount": PRICE,
    }


def test_points_go_back_as_they_came(
    sell: Any, create_deal: Any, points: Any, spoiled: Content, dispute: Any, buyer: Any
) -> None:
    lots = points.lotsOf(buyer)
    sale = sell(create_deal(points, content=spoiled, kind=POINTS), content=spoiled)
    dispute(sale, spoiled.chunk(WRONG))
    assert points.lotsOf(buyer) == lots


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_may_be_made_until_the_last_second(market: Any, sold: Sale, dispute: Any, late: int) -> None:
    deadline = market.saleOf(sold.id)[1]
    next_block_at(deadline + late)
    if late <= 0:
        dispute(sold, sold.content.chunk(WRONG))
        return
    with reverts_with("TooLate", sold.id, deadline):
        dispute(sold, sold.content.chunk(WRONG))


def test_reverts_when_the_chunk_is_right(sold: Sale, delivered: Sale, dispute: Any) -> None:
    for sale, right in ((sold, (0, 2)), (delivered, (0, 1, 2))):
        for index in right:
            with reverts_with("ChunkIsRight", index):
                dispute(sale, sale.content.chunk(index), call=True)


def test_reverts_when_the_key_is_wrong(cheated: Sale, dispute: Any) -> None:
    with reverts_with("KeyIsWrong", cheated.id):
        dispute(cheated, cheated.content.chunk(0))


def test_reverts_when_the_chunk_was_edited(delivered: Sale, dispute: Any) -> None:
    index, plain, cipher, proof = delivered.content.chunk(1)
    edited = [
        (index, bytes(32), cipher, proof),
        (index, plain, cipher[:-1], proof),
        (index, plain, cipher + b"\0", proof),
        (index, plain, b"", proof),
        (index, plain, bytes([cipher[0] ^ 1]) + cipher[1:], proof),
        (index, plain, cipher, proof[::-1]),
        (index, plain, cipher, [proof[0], bytes(32)]),
    ]
    for chunk in edited:
        with reverts_with("NotInManifest", index):
            dispute(delivered, chunk, call=True)


def test_reverts_on_another_index(delivered: Sale, dispute: Any) -> None:
    """A chunk under another number would decrypt to something else; neither may a high bit hide it."""
    _, plain, cipher, proof = delivered.content.chunk(1)
    for index in (0, 2, 3, 4, 5, 1 + 2**32, 1 + 2**255, 2**256 - 1):
        with reverts_with("NotInManifest", index):
            dispute(delivered, (index, plain, cipher, proof), call=True)


def test_reverts_on_a_proof_of_another_length(delivered: Sale, dispute: Any) -> None:
    index, plain, cipher, proof = delivered.content.chunk(1)
    for other in ([], proof[:1], [*proof, bytes(32)], proof * 20):
        with reverts_with("NotInManifest", index):
            dispute(delivered, (index, plain, cipher, other), call=True)


def test_an_inner_node_is_no_chunk(sell: Any, create_deal: Any, dispute: Any) -> None:
    """A manifest of one chunk whose root is the root of two: leaf and node begin with other bytes."""
    two = make_content([64, 64], "two")
    sale = sell(create_deal(content=two, count=1), content=two)
    for index in (0, 1):
        with reverts_with("NotInManifest", index):
            dispute(sale, two.chunk(index), call=True)
    left, right = two.levels[0]
    assert node(left, right) == two.root
    with reverts_with("NotInManifest", 0):
        dispute(sale, (0, left, right, []), call=True)


def test_the_padding_of_the_tree_is_no_chunk(delivered: Sale, dispute: Any) -> None:
    proof = [delivered.content.levels[0][2], delivered.content.levels[1][0]]
    with reverts_with("NotInManifest", 3):
        dispute(delivered, (3, bytes(32), b"", proof))


def test_a_chunk_of_nothing_is_judged_too(sell: Any, create_deal: Any, dispute: Any, state_of: Any) -> None:
    empty = make_content([0])
    sale = sell(create_deal(content=empty), content=empty)
    with reverts_with("ChunkIsRight", 0):
        dispute(sale, empty.chunk(0), call=True)
    lying = replace(empty, plain_leaves=[plain_leaf(b"something")])
    sale = sell(create_deal(content=lying), content=lying)
    dispute(sale, lying.chunk(0))
    assert state_of(sale) == State.CHUNK_WRONG


def test_one_bit_is_enough(sell: Any, create_deal: Any, dispute: Any, state_of: Any) -> None:
    good = make_content([1_056], "a kilobyte")
    spoiled = good.ciphers[0][:-1] + bytes([good.ciphers[0][-1] ^ 0x80])
    content = Content(good.key, [spoiled], good.plain_leaves)
    sale = sell(create_deal(content=content), content=content)
    dispute(sale, content.chunk(0))
    assert state_of(sale) == State.CHUNK_WRONG


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9])
def test_each_chunk_of_any_number_is_proven(sell: Any, create_deal: Any, dispute: Any, count: int) -> None:
    right = make_content([32] * count, f"{count} right")
    wrong = make_content([32] * count, f"{count} wrong", wrong=range(count))
    sales = [sell(create_deal(content=one), content=one) for one in (right, wrong)]
    for index in range(count):
        with reverts_with("ChunkIsRight", index):
            dispute(sales[0], right.chunk(index), call=True)
        dispute(sales[1], wrong.chunk(index), call=True)


def test_commitments_are_those_of_the_page(delivered: Sale) -> None:
    """What the helpers make, by the words of docs/messages.md alone."""
    content, deal = delivered.content, delivered.deal
    assert deal["keyCommit"] == keccak(keccak(b"troc.key.v1") + content.key)
    first = keccak(b"\0" + bytes(4) + content.plain_leaves[0] + keccak(content.ciphers[0]))
    assert content.levels[0][0] == first
