"""`troc.payouts`: files of points to pay out, and their batches."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from troc.errors import InputError
from troc.payouts import LOT_MAX, FileFaultsError, Payout, batches, read_payouts

TOKEN = to_checksum_address("0x" + "70" * 20)
ANN = to_checksum_address("0x" + "a1" * 20)
BOB = to_checksum_address("0x" + "b2" * 20)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "points.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def faults_of(path: Path, decimals: int = 0) -> list[tuple[int, str]]:
    with pytest.raises(FileFaultsError) as caught:
        read_payouts(path, decimals, "ACME", (TOKEN,))
    assert "nothing was sent" in str(caught.value)
    return [(fault.line, fault.text) for fault in caught.value.faults]


def test_reads_csv_in_any_order_of_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "Amount, Address", f"30.5,{BOB}", "", f"12,{ANN.lower()}")
    assert read_payouts(path, 1, "ACME") == [Payout(ANN, 120), Payout(BOB, 305)]


@pytest.mark.parametrize(
    ("name", "first", "complaint"),
    [
        ("points.csv", "address;amount", "are separated by ';': save it with commas"),
        ("points.csv", "address\tamount", "save it with commas"),
        ("points.csv", f"{ANN},12", "begins with a customer: make its first line say address,amount"),
        ("points.xlsx", "address,amount", "is a spreadsheet: save it as CSV"),
    ],
)
def test_says_how_to_save_a_table(tmp_path: Path, name: str, first: str, complaint: str) -> None:
    path = write(tmp_path, first, f"{BOB},12").rename(tmp_path / name)
    with pytest.raises(InputError, match=complaint):
        read_payouts(path, 0, "ACME")


def test_reads_parquet_with_whatever_type_of_number(tmp_path: Path) -> None:
    from decimal import Decimal

    for number, column in enumerate(([12, 30], [12.0, 30.5], ["12", "30.5"], [Decimal(12), Decimal("30.5")])):
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pa.table({"address": [ANN, BOB], "amount": column}), path)
        expected = 300 if number == 0 else 305
        assert read_payouts(path, 1, "ACME") == [Payout(ANN, 120), Payout(BOB, expected)]


def test_parquet_faults_name_the_row(tmp_path: Path) -> None:
    path = tmp_path / "points.parquet"
    parquet.write_table(pa.table({"address": [ANN, ANN, None], "amount": [1.0, 2.0, float("nan")]}), path)
    assert [line for line, _ in faults_of(path)] == [2, 3, 3]


def test_finds_every_fault_with_its_line(tmp_path: Path) -> None:
    wrong_case = ANN.swapcase().replace("0X", "0x")
    path = write(
        tmp_path,
        "address,amount",
        f"{ANN},12",
        "0x1234,5",
        f"{wrong_case},5",
        f"{BOB},-3",
        f"{BOB},7",
        f"{to_checksum_address('0x' + 'c3' * 20)},{LOT_MAX + 1}",
        f"{to_checksum_address('0x' + 'd4' * 20)},1.5",
        f"{TOKEN},1",
        f"0x{'0' * 40},1",
        "just one",
        f"{to_checksum_address('0x' + 'e5' * 20)},0",
    )
    found = faults_of(path)
    assert [line for line, _ in found] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    for (_, text), expected in zip(
        found,
        [
            "no address",
            "wrong checksum",
            "below zero",
            "doubled, it stands in line 5",
            "too large",
            "cannot be written in whole units",
            "cannot hold ACME",
            "cannot hold ACME",
            "1 value instead of 2",
            "means nothing",
        ],
        strict=True,
    ):
        assert expected in text


def test_lines_stay_right_after_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "address,amount", "", f"{ANN},1", "", f"{ANN},2")
    assert faults_of(path) == [(5, f"{ANN} is doubled, it stands in line 3 already")]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("address,amount,note", "unknown column 'note'"),
        ("address", "the column 'amount' is missing"),
        ("address,amount,amount", "the column 'amount' is doubled"),
    ],
)
def test_refuses_other_columns(tmp_path: Path, header: str, fault: str) -> None:
    assert (1, fault) in faults_of(write(tmp_path, header, f"{ANN},1"))


def test_refuses_what_is_no_file_of_points(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_payouts(tmp_path / "none.csv", 0, "ACME")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="empty"):
        read_payouts(tmp_path / "empty.csv", 0, "ACME")
    with pytest.raises(InputError, match="pays nobody"):
        read_payouts(write(tmp_path, "address,amount"), 0, "ACME")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(InputError, match="cannot be read"):
        read_payouts(tmp_path / "image.csv", 0, "ACME")
    (tmp_path / "text.parquet").write_text("address,amount")
    with pytest.raises(InputError, match="no Parquet file"):
        read_payouts(tmp_path / "text.parquet", 0, "ACME")


def payouts_of(count: int) -> list[Payout]:
    return [Payout(to_checksum_address(number.to_bytes(20)), number) for number in range(1, count + 1)]


@given(st.integers(1, 40), st.integers(1, 12))
def test_batches_pay_everybody_once(count: int, size: int) -> None:
    payouts = payouts_of(count)
    cut = batches(payouts, TOKEN, size=size)
    assert [payout for batch in cut for payout in batch.payouts] == payouts
    references = {batch.reference for batch in cut}
    for batch in cut:
        halves = batch.halves()
        if len(batch.payouts) == 1:
            assert halves is None
        else:
            assert halves is not None
            assert halves[0].payouts + halves[1].payouts == batch.payouts
            references |= {half.reference for half in halves}
    assert len(references) == len(cut) + 2 * sum(len(batch.payouts) > 1 for batch in cut)


def test_references_depend_on_everything_that_is_paid() -> None:
    payouts = payouts_of(3)
    first = batches(payouts, TOKEN)[0].reference
    assert batches(payouts, TOKEN)[0].reference == first
    more = [*payouts[:2], Payout(payouts[2].address, 4)]
    others = {
        batches(payouts, ANN)[0].reference,
        batches(payouts, TOKEN, "May")[0].reference,
        batches(payouts[:2], TOKEN)[0].reference,
        batches(more, TOKEN)[0].reference,
    }
    assert len(others | {first}) == 5
