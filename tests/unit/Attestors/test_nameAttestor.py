"""nameAttestor: an attestor says who it is; a domain is a claim until a file on it says the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with


def test_is_kept(attestors: Any, attestor: Any) -> None:
    attestors.nameAttestor("City clinic", "clinic.example", {"from": attestor})
    assert attestors.attestorOf(attestor) == ("City clinic", "clinic.example")


def test_emits_who_said_what(attestors: Any, attestor: Any) -> None:
    events = attestors.nameAttestor("City clinic", "clinic.example", {"from": attestor}).events
    assert dict(events["AttestorNamed"]) == {
        "attestor": attestor,
        "name": "City clinic",
        "domain": "clinic.example",
    }


def test_replaces_what_was_said_before(attestors: Any, attestor: Any) -> None:
    attestors.nameAttestor("City clinic of the long name", "clinic.example", {"from": attestor})
    attestors.nameAttestor("Clinic", "", {"from": attestor})
    assert attestors.attestorOf(attestor) == ("Clinic", "")


def test_everyone_names_itself_alone(attestors: Any, attestor: Any, stranger: Any) -> None:
    attestors.nameAttestor("City clinic", "clinic.example", {"from": attestor})
    attestors.nameAttestor("City clinic", "clinic.example", {"from": stranger})
    attestors.nameAttestor("Somebody", "", {"from": stranger})
    assert attestors.attestorOf(attestor) == ("City clinic", "clinic.example")


def test_nothing_at_first(attestors: Any, attestor: Any) -> None:
    assert attestors.attestorOf(attestor) == ("", "")


@pytest.mark.parametrize(("name", "domain"), [("a", ""), ("n" * 64, "d" * 253), ("é" * 32, "x")])
def test_at_the_bounds(attestors: Any, attestor: Any, name: str, domain: str) -> None:
    attestors.nameAttestor(name, domain, {"from": attestor})
    assert attestors.attestorOf(attestor) == (name, domain)


def test_reverts_beyond_the_bounds(attestors: Any, attestor: Any) -> None:
    for name in ("", "n" * 65, "é" * 33):
        with reverts_with("BadAttestorName", name):
            attestors.nameAttestor.call(name, "", {"from": attestor})
    with reverts_with("BadAttestorDomain", "d" * 254):
        attestors.nameAttestor.call("a", "d" * 254, {"from": attestor})
