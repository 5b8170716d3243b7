"""publishBatch: what a solver says of a batch, under its own name."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from tests.helpers import MAX_UINT256

GOODS = "(address,uint256,uint256,uint256)[]"
BATCH = f"(uint256,bytes32,uint256,uint256,bytes32,{GOODS},uint256,uint256,uint256,uint256,bytes32[])"


@pytest.fixture(scope="module")
def batch(acme: Any, beta: Any) -> tuple[Any, ...]:
    """Everything that a batch says, each word another."""
    goods = ((acme.address, 0, 123_456_789, 3), (beta.address, 1_900_000_000, 234_567_890, 4))
    settlements = (b"\x05" * 32, b"\x06" * 32)
    return (21, b"\x01" * 32, 1_900_000_600, 40, b"\x02" * 32, goods, 10**15, 7, 8, 9, settlements)


def batch_id(web3: Any, solver: Any, batch: tuple[Any, ...]) -> str:
    return "0x" + bytes(web3.keccak(encode(["address", BATCH], [solver.address, batch]))).hex()


def test_emits_what_the_sender_says(book: Any, batch: Any, stranger: Any, web3: Any) -> None:
    event = book.publishBatch(batch, {"from": stranger}).events["BatchPublished"]
    assert event["solver"] == stranger
    assert encode([BATCH], [as_bytes(event["batch"])]) == encode([BATCH], [batch])


def test_the_id_is_a_hash_of_solver_and_batch(
    book: Any, batch: Any, stranger: Any, customer: Any, web3: Any
) -> None:
    for solver in (stranger, customer):
        transaction = book.publishBatch(batch, {"from": solver})
        assert transaction.events["BatchPublished"]["batchId"] == batch_id(web3, solver, batch)
        assert book.publishBatch.call(batch, {"from": solver}) == batch_id(web3, solver, batch)
    assert batch_id(web3, stranger, batch) != batch_id(web3, customer, batch)


def test_checks_and_stores_nothing(book: Any, stranger: Any, web3: Any) -> None:
    nonsense: tuple[Any, ...] = (
        MAX_UINT256,
        bytes(32),
        0,
        MAX_UINT256,
        bytes(32),
        [],
        0,
        MAX_UINT256,
        0,
        MAX_UINT256,
        [],
    )
    book.publishBatch(nonsense, {"from": stranger})
    assert all(not int.from_bytes(web3.eth.get_storage_at(book.address, slot), "big") for slot in range(8))


def as_bytes(value: Any) -> Any:
    """What brownie tells of an event's words, with bytes instead of their text."""
    if isinstance(value, (list, tuple)):
        return tuple(as_bytes(each) for each in value)
    if isinstance(value, str) and len(value) == 66:
        return bytes.fromhex(value[2:])
    return value
