"""Refusals of contracts, in words."""

from __future__ import annotations

import string

import pytest
from eth_abi.abi import encode
from eth_utils.abi import event_signature_to_log_topic

from troc.artifacts import NAMES, artifact
from troc.reverts import WORDS, explain

ADDRESS = "0x" + "ab" * 20


def abi_errors() -> dict[str, list[dict[str, str]]]:
    """Inputs of every custom error of our contracts, by name."""
    return {
        entry["name"]: entry["inputs"]
        for name in NAMES
        for entry in artifact(name).abi
        if entry["type"] == "error"
    }


def selector(name: str, types: list[str]) -> bytes:
    return event_signature_to_log_topic(f"{name}({','.join(types)})")[:4]


def samples(type_: str) -> list[object]:
    """Values of a type: a usual one, the least, the largest or the worst."""
    if type_ == "address":
        return [ADDRESS, "0x" + "00" * 20, "0x" + "ff" * 20]
    if type_ == "string":
        return ["name", "", "two\nlines \x1b[2J\u202e{curly}"]
    if type_ == "bytes32":
        return [b"\x11" * 32, bytes(32), b"\xff" * 32]
    if type_ == "bool":
        return [True, False, True]
    bits = int(type_.removeprefix("uint"))
    return [7, 0, 2**bits - 1]


def test_every_error_of_our_contracts_has_words_and_none_besides() -> None:
    assert set(WORDS) == set(abi_errors())


@pytest.mark.parametrize("name", sorted(WORDS))
def test_the_words_fit_what_the_error_carries(name: str) -> None:
    inputs = abi_errors()[name]
    message, remedy = WORDS[name]
    used = {field for _, field, _, _ in string.Formatter().parse(message) if field}
    assert used <= {entry["name"] for entry in inputs}
    assert not next(iter(string.Formatter().parse(remedy)))[1]
    types = [entry["type"] for entry in inputs]
    for values in zip(*(samples(type_) for type_ in types), strict=True) if types else [()]:
        error = explain(selector(name, types) + encode(types, values), fallback="what the node said")
        assert error.name == name
        assert set(error.values) == {entry["name"] for entry in inputs}
        said = str(error)
        assert said.isprintable(), "one line, and nothing that moves a cursor"
        assert said.endswith(f": {remedy}")
        assert remedy
        assert name not in said
        assert "what the node said" not in said
        assert "{" not in said.replace("{curly}", "")


def test_names_addresses_and_dates_as_people_write_them() -> None:
    error = explain(selector("OrderExpired", ["uint256"]) + encode(["uint256"], [1_800_000_000]))
    assert str(error).startswith("the order was open until 2027-01-15 08:00 UTC")
    assert error.values == {"openUntil": 1_800_000_000}
    error = explain(selector("OrderExpired", ["uint256"]) + encode(["uint256"], [2**256 - 1]))
    assert "until ever" in str(error)
    error = explain(selector("NotSignedByHolder", ["address"]) + encode(["address"], [ADDRESS]))
    assert error.values["holder"] == "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"


def test_solidity_s_own_errors() -> None:
    error = explain(bytes.fromhex("08c379a0") + encode(["string"], ["too late"]))
    assert (error.name, str(error)) == (
        "Error",
        "a contract refuses: too late: check what was asked of it",
    )
    error = explain(bytes.fromhex("08c379a0") + encode(["string"], ["two\nlines"]))
    assert str(error) == "a contract refuses: two\ufffdlines: check what was asked of it"
    error = explain(bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]))
    assert error.name == "Panic"
    assert "a number overflowed" in str(error)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x02\x03\x04", bytes.fromhex("08c379a0ff")])
def test_what_nobody_understands_is_an_error_all_the_same(data: bytes) -> None:
    assert explain(data).name == "Unknown"


def test_a_malformed_error_of_ours_is_not_trusted() -> None:
    error = explain(selector("OrderExpired", ["uint256"]) + b"\x01")
    assert error.name == "Unknown"
