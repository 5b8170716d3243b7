"""Trees of hashes: what proves a leaf, and everything else that does not."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from troc.data import tree
from troc.errors import InputError

COUNTS = st.integers(1, 70)


def leaves_of(count: int) -> list[bytes]:
    return [keccak(text=f"leaf {at}") for at in range(count)]


def plain_root(leaves: list[bytes]) -> bytes:
    """The root by the words of docs/messages.md, in the simplest way."""
    level = list(leaves)
    while len(level) & (len(level) - 1):
        level.append(bytes(32))
    while len(level) > 1:
        level = [keccak(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


@settings(max_examples=70, deadline=None)
@given(COUNTS)
def test_every_leaf_is_proven_and_no_other(count: int) -> None:
    leaves = leaves_of(count)
    levels = tree.levels(leaves)
    root = levels[-1][0]
    assert root == plain_root(leaves)
    for index in range(count):
        proof = tree.proof(levels, index)
        assert len(proof) == (count - 1).bit_length()
        assert tree.root_by_proof(count, index, leaves[index], proof) == root
        if count > 1:
            assert tree.root_by_proof(count, (index + 1) % count, leaves[index], proof) != root


def test_an_inner_node_is_no_leaf() -> None:
    levels = tree.levels(leaves_of(4))
    with pytest.raises(InputError):
        tree.root_by_proof(4, 0, levels[1][0], [levels[1][1]])


@pytest.mark.parametrize("index", [5, 8, 2**31, 2**32, -1])
def test_no_index_beyond_the_last_chunk(index: int) -> None:
    levels = tree.levels(leaves_of(5))
    proof = tree.proof(levels, 4)
    assert tree.root_by_proof(5, 4, levels[0][4], proof) == levels[-1][0]
    with pytest.raises(InputError):
        tree.root_by_proof(5, index, levels[0][4], proof)
    with pytest.raises(InputError):
        tree.proof(levels, index)


@pytest.mark.parametrize("change", [lambda proof: proof[:-1], lambda proof: [*proof, bytes(32)]])
def test_no_proof_of_another_length(change: Any) -> None:
    levels = tree.levels(leaves_of(5))
    with pytest.raises(InputError):
        tree.root_by_proof(5, 1, levels[0][1], change(tree.proof(levels, 1)))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_several_leaves_at_once(data: Any) -> None:
    count = data.draw(COUNTS)
    places = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    leaves = leaves_of(count)
    levels = tree.levels(leaves)
    shown = [leaves[place] for place in places]
    proof = tree.multiproof(levels, places)
    assert tree.root_by_multiproof(count, places, shown, proof) == levels[-1][0]
    forged = [keccak(text="forged"), *shown[1:]]
    assert tree.root_by_multiproof(count, places, forged, proof) != levels[-1][0]
    wrong: list[tuple[list[int], list[bytes], list[bytes]]] = [
        (places, shown, [*proof, bytes(32)]),
        ([*places, count], [*shown, bytes(32)], proof),
        ([places[0], *places], [shown[0], *shown], proof),
        (places, shown[:-1], proof),
        ([], [], proof),
    ]
    wrong += [(places, shown, proof[:-1])] if proof else []
    for places_, shown_, proof_ in wrong:
        with pytest.raises(InputError):
            tree.root_by_multiproof(count, places_, shown_, proof_)
