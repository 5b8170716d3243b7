"""Records as chunks: what goes in comes out, nothing shows, and files are read for what they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.data.vault_cases import BASKETS, HOUSEHOLD
from troc.data import chunks
from troc.data.chunks import CELL, FILE, ROW, Content, lay_out, pack, rounded, unpack
from troc.data.manifest import open_record, seal
from troc.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_table_comes_out_as_it_went_in(data: Any) -> None:
    names = data.draw(NAMES)
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, VALUES)), min_size=1, max_size=5))
    content = Content.of_rows(rows, by=data.draw(st.sampled_from([CELL, ROW])))
    record = lay_out(content, os.urandom(32))
    key = os.urandom(32)
    manifest, blob = seal(record, key)
    assert not manifest.check(blob)
    assert [dict(row) for row in open_record(manifest, blob, key).rows] == rows
    assert {len(chunk) for chunk in record.chunks()} == {256}


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=5000))
def test_a_file_comes_out_as_it_went_in(data: bytes) -> None:
    record = lay_out(Content.of_file(data, "film.mp4"), os.urandom(32))
    key = os.urandom(32)
    manifest, blob = seal(record, key)
    assert open_record(manifest, blob, key).data == data
    assert manifest.chunk_size == 1088
    assert manifest.chunk_size % 32 == 0


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(BASKETS.columns), min_size=1), st.sampled_from(["DAIRY", "PRODUCE", ""]))
def test_any_selection_lies_under_the_same_root(columns: set[str], department: str) -> None:
    record = lay_out(BASKETS, bytes(32))
    where = {"department": department} if department else None
    key = os.urandom(32)
    manifest, blob = seal(record, key, "", record.places(sorted(columns), where), sorted(columns))
    assert not manifest.check(blob)
    assert manifest.plain_root == record.layout.root_over(record.plain_leaves())
    shown = open_record(manifest, blob, key).rows
    wanted = [
        {name: value for name, value in zip(BASKETS.columns, row, strict=True) if name in columns}
        for row in BASKETS.rows
        if department in ("", row[1])
    ]
    assert [dict(row) for row in shown] == wanted
    told = set(manifest.fields) - {""}
    assert told == columns


def test_salts_stay_and_differ() -> None:
    first, again, other = (lay_out(HOUSEHOLD, secret) for secret in (bytes(32), bytes(32), os.urandom(32)))
    assert first.plain_leaves() == again.plain_leaves()
    assert not set(first.plain_leaves()) & set(other.plain_leaves())
    salts = [chunk[:32] for chunk in first.chunks()]
    assert len(set(salts)) == len(salts)


def test_a_long_value_widens_its_column_alone() -> None:
    content = Content.of_rows([{"a": "x" * 500, "b": 1}, {"a": "", "b": 2}])
    record = lay_out(content, bytes(32))
    assert record.layout.widths == (3, 1)
    assert [record.layout.column_of(place) for place in range(8)] == [0, 0, 0, 1] * 2
    with pytest.raises(InputError, match="add it as a file"):
        lay_out(Content.of_rows([{"a": "x" * 20_000}]), bytes(32))


@pytest.mark.parametrize(
    ("count", "chunks_"),
    [(1, 16), (16, 16), (17, 32), (600, 1024), (1024, 1024), (1025, 1152), (2049, 2304), (20_481, 22_528)],
)
def test_counts_are_rounded_up(count: int, chunks_: int) -> None:
    assert rounded(count) == chunks_


@settings(deadline=None)
@given(st.integers(1, 2**31))
def test_rounding_costs_little_and_is_stable(count: int) -> None:
    found = rounded(count)
    assert found >= count
    assert rounded(found) == found
    assert count <= 1024 or found <= count * 9 / 8 + 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        bytes(35),
        bytes(32) + (221).to_bytes(4, "big") + bytes(220),
        bytes(32) + (2**32 - 1).to_bytes(4, "big") + bytes(220),
        bytes(32) + (1).to_bytes(4, "big") + b"ab" + bytes(218),
    ],
)
def test_what_is_no_chunk_is_refused(broken: bytes) -> None:
    with pytest.raises(InputError):
        unpack(broken)


def test_a_chunk_is_packed_as_it_is_said() -> None:
    assert pack(b"s" * 32, b"data", 256) == b"s" * 32 + b"\0\0\0\x04data" + bytes(216)
    assert unpack(pack(b"s" * 32, b"data", 256)) == b"data"
    with pytest.raises(InputError):
        pack(b"s" * 32, bytes(221), 256)


# -------------------------------------------------------------------------------------------------- readers


def test_reads_csv(tmp_path: Path) -> None:
    path = tmp_path / "me.csv"
    path.write_bytes('\ufeffname,note\nJo,"a, ""b""\nc"\nZoë,\n'.encode())
    content = Content.read(path)
    assert content.columns == ("name", "note")
    assert content.rows == (("Jo", 'a, "b"\nc'), ("Zoë", ""))
    assert Content.read(path, as_file=True).kind == FILE


def test_reads_json(tmp_path: Path) -> None:
    path = tmp_path / "me.json"
    path.write_text('{"age": 44, "kids": ["Al"]}')
    assert Content.read(path).rows == ((44, ["Al"]),)
    path.write_text('[{"a": 1}, {"b": true}]')
    assert Content.read(path).rows == ((1, None), (None, True))


def test_reads_parquet(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "me.parquet"
    frame = pd.DataFrame({"day": pd.to_datetime(["2017-01-02"]), "spent": [1.5], "raw": [b"\x01"]})
    frame.to_parquet(path)
    assert Content.read(path).rows == (("2017-01-02T00:00:00", 1.5, "0x01"),)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"a,b\n1\n"),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.csv", b"a,b\n"),
        ("a.csv", b""),
        ("a.csv", b"a\n\xff\n"),
        ("a.json", b"[1, 2]"),
        ("a.json", b"{"),
        ("a.json", b'{"a": NaN}'),
        ("a.parquet", b"PAR1"),
        ("empty.bin", b""),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        lay_out(Content.read(path), bytes(32))
    assert "\n" not in str(caught.value)


def test_names_a_field_that_is_not_there() -> None:
    record = lay_out(HOUSEHOLD, bytes(32))
    with pytest.raises(InputError, match="there is no field 'wage'"):
        record.places(["wage"])
    with pytest.raises(InputError, match="no row is like that"):
        record.places(None, {"age": "12"})
    with pytest.raises(InputError, match="cannot be parted"):
        lay_out(Content.of_rows([{"a": 1}], by=ROW), bytes(32)).places(["a"])
    assert HOUSEHOLD.kind == chunks.CELL
