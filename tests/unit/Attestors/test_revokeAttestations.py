"""revokeAttestations and isRevoked: numbers that count no longer, for good."""

from __future__ import annotations

from typing import Any

from tests.helpers import MAX_UINT256


def test_ends_these_and_no_others(attestors: Any, attestor: Any) -> None:
    numbers = [0, 7, 255, 256, MAX_UINT256]
    attestors.revokeAttestations(numbers, {"from": attestor})
    assert all(attestors.isRevoked(attestor, number) for number in numbers)
    assert not any(attestors.isRevoked(attestor, number) for number in (1, 6, 8, 254, 257, MAX_UINT256 - 1))


def test_emits_all_numbers(attestors: Any, attestor: Any) -> None:
    events = attestors.revokeAttestations([3, 1, 3], {"from": attestor}).events
    assert dict(events["AttestationsRevoked"]) == {"attestor": attestor, "indices": (3, 1, 3)}


def test_once_more_changes_nothing(attestors: Any, attestor: Any) -> None:
    for _ in range(2):
        attestors.revokeAttestations([3], {"from": attestor})
    assert attestors.isRevoked(attestor, 3)


def test_everyone_revokes_its_own_alone(attestors: Any, attestor: Any, stranger: Any) -> None:
    attestors.revokeAttestations([3], {"from": stranger})
    assert not attestors.isRevoked(attestor, 3)


def test_needs_no_name(attestors: Any, stranger: Any) -> None:
    attestors.revokeAttestations([], {"from": stranger})
    attestors.revokeAttestations([1], {"from": stranger})
    assert attestors.isRevoked(stranger, 1)


def test_there_are_no_other_functions(attestors: Any) -> None:
    functions = {
        entry["name"]: entry["stateMutability"] for entry in attestors.abi if entry["type"] == "function"
    }
    assert functions == {
        "nameAttestor": "nonpayable",
        "revokeAttestations": "nonpayable",
        "isRevoked": "view",
        "attestorOf": "view",
    }
