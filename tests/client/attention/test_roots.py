"""The tree of a root, its file, and what is noticed of a file that was changed."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from eth_abi.abi import encode
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from troc.attention import roots
from troc.attention.roots import Proof, RootFile, Sets, account_of, read_sets, write_root
from troc.errors import InputError, TamperedError, TrocError

ROOT = Path(__file__).parents[3]
CAMPAIGN = keccak(text="a campaign")
SIZES = (1, 2, 3, 5, 8, 1_000)
ANN = to_checksum_address(keccak(text="ann")[:20])
BEN = to_checksum_address(keccak(text="ben")[:20])
PSEUDONYM = "0x" + keccak(text="cleo").hex()
STRANGER = "0x" + keccak(text="a stranger").hex()
# Magic, version, leaves, campaign, root, digest: 8 + 4 + 4 + 3 · 32 bytes; then 72 an entry.
HEADER, ENTRY = 112, 72
THEIR_TREES = """
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");
let text = "";
process.stdin.on("data", part => text += part).on("end", () => {
  const made = JSON.parse(text).map(values => {
    const tree = StandardMerkleTree.of(values, ["bytes32", "bytes32", "uint256", "uint256"]);
    return { root: tree.root, tree: tree.dump().tree, proofs: values.map((_, at) => tree.getProof(at)) };
  });
  process.stdout.write(JSON.stringify(made));
});
"""


def rows_of(count: int) -> list[tuple[str, int]]:
    """Contacts that make `count` sets: some accounts have several pages, some pages several contacts."""
    dice = random.Random(count)
    accounts = [to_checksum_address(keccak(text=f"account {at}")[:20]) for at in range(count // 3 + 1)]
    rows: list[tuple[str, int]] = []
    for at in range(count):
        page = at // len(accounts)
        bits = dice.sample(range(255), dice.choice((1, 2, 30)))
        rows += [(accounts[at % len(accounts)], 255 * page + bit) for bit in bits]
    dice.shuffle(rows)
    return rows


def plain_sets(rows: list[tuple[str, int]]) -> dict[tuple[bytes, int], int]:
    """The same sets in the simplest way."""
    found: dict[tuple[bytes, int], int] = {}
    for account, number in rows:
        key = account_of(account), number // 255
        found[key] = found.get(key, 0) | 1 << number % 255
    return dict(sorted(found.items()))


def unite(rows: list[tuple[str, int]]) -> Sets:
    accounts = np.frombuffer(b"".join(account_of(account) for account, _ in rows), np.uint8).reshape(-1, 32)
    return Sets.unite(accounts, np.arange(len(rows)), np.array([number for _, number in rows]))


def csv_of(folder: Path, *lines: str) -> Path:
    path = folder / "contacts.csv"
    path.write_text("\n".join(("account,contact", *lines, "")))
    return path


@pytest.fixture(scope="module")
def theirs() -> dict[int, Any]:
    """OpenZeppelin's trees of the same sets, by size."""
    node = shutil.which("node")
    assert node, "node is missing: run `make setup`"
    values = [
        [
            ["0x" + CAMPAIGN.hex(), "0x" + account.hex(), str(page), str(contacts)]
            for (account, page), contacts in plain_sets(rows_of(size)).items()
        ]
        for size in SIZES
    ]
    result = subprocess.run(
        [node, "-e", THEIR_TREES], cwd=ROOT, input=json.dumps(values), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return dict(zip(SIZES, json.loads(result.stdout), strict=True))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A file of five sets of two accounts."""
    write_root(tmp_path / "five.root", CAMPAIGN, unite(rows_of(5)))
    return tmp_path / "five.root"


# ---------------------------------------------------------------------------------------------------- tree


@pytest.mark.parametrize("size", SIZES)
def test_tree_and_proofs_are_openzeppelins(theirs: dict[int, Any], size: int, tmp_path: Path) -> None:
    path = tmp_path / "campaign.root"
    rows = rows_of(size)
    root = write_root(path, CAMPAIGN, unite(rows))
    their = theirs[size]
    assert "0x" + root.hex() == their["root"]
    assert "0x" + path.read_bytes()[HEADER + ENTRY * size :].hex() == "0x" + "".join(
        node[2:] for node in their["tree"]
    )
    with RootFile(path) as file:
        assert (file.root, file.campaign, file.count) == (root, CAMPAIGN, size)
        sets = plain_sets(rows)
        assert len(sets) == size
        for ((account, page), contacts), hashes in zip(sets.items(), their["proofs"], strict=True):
            proof = file.proof_of(account, page)
            assert proof == Proof(account, page, contacts, tuple(bytes.fromhex(one[2:]) for one in hashes))
            assert proof.root(CAMPAIGN) == root
        file.check()


def test_a_leaf_is_the_contracts() -> None:
    account, page, contacts = account_of(ANN), 256, 2**254 | 5
    encoded = encode(
        ["bytes32", "bytes32", "uint256", "uint256"],
        [CAMPAIGN, bytes(12) + bytes.fromhex(ANN[2:]), page, contacts],
    )
    assert roots.leaf_hash(CAMPAIGN, account, page, contacts) == keccak(keccak(encoded))


def test_the_order_of_rows_and_doubled_rows_change_nothing(tmp_path: Path) -> None:
    rows = rows_of(200)
    random.Random(1).shuffle(rows)
    first = write_root(tmp_path / "1", CAMPAIGN, unite(rows))
    second = write_root(tmp_path / "2", CAMPAIGN, unite(sorted(rows) + rows[:99]))
    assert first == second
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_another_campaign_has_another_root(tmp_path: Path) -> None:
    sets = unite(rows_of(5))
    found = {write_root(tmp_path / "file", keccak(text=name), sets) for name in ("one", "another")}
    assert len(found) == 2


ANN_OF_FIVE = rows_of(5)[0][0]


# ------------------------------------------------------------------------------------------------ contacts


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=20, max_size=20).filter(any), st.integers(0, 39))
def test_a_checksum_is_erc_55s(address: bytes, place: int) -> None:
    text = to_checksum_address(address)
    assert account_of(text) == account_of(text.lower()) == bytes(12) + address
    other = text[: 2 + place] + text[2 + place].swapcase() + text[3 + place :]
    if is_checksum_address(other) or other[2:] in (other[2:].lower(), other[2:].upper()):
        assert account_of(other) == bytes(12) + address
    else:
        with pytest.raises(InputError, match="wrong checksum"):
            account_of(other)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([ANN, BEN, ANN.lower(), PSEUDONYM]), st.integers(0, 65_534)),
        min_size=1,
        max_size=60,
    )
)
def test_sets_are_united(rows: list[tuple[str, int]]) -> None:
    sets = unite(rows)
    found = {
        (sets.accounts[at].tobytes(), int(sets.pages[at])): int.from_bytes(sets.contacts[at].tobytes())
        for at in range(len(sets))
    }
    assert found == plain_sets(rows)
    assert list(found) == sorted(found)
    assert all(0 < contacts < 2**255 for contacts in found.values())


def test_pages_at_their_borders() -> None:
    sets = unite([(ANN, number) for number in (0, 254, 255, 509, 510, 65_534)])
    assert sets.pages.tolist() == [0, 1, 2, 256]
    words = [int.from_bytes(word.tobytes()) for word in sets.contacts]
    assert words == [2**254 | 1, 2**254 | 1, 1, 2**254]


@pytest.mark.parametrize("number", [-1, 65_535])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="number is out of range"):
        unite([(ANN, number)])


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [(ANN, 3), (BEN, 300), (ANN.lower(), 4), (PSEUDONYM, 0), (ANN, 3)]
    file = csv_of(tmp_path, *(f"{account}, {number}" for account, number in rows))
    parquet = tmp_path / "contacts.parquet"
    pd.DataFrame(rows, columns=["account", "contact"]).assign(more="x").to_parquet(parquet)
    for path in (file, parquet):
        sets = read_sets(path)
        assert (sets.accounts == unite(rows).accounts).all()
        assert (sets.contacts == unite(rows).contacts).all()
        assert sets.pages.tolist() == unite(rows).pages.tolist()


WRONG_CASE = "0x" + ANN[2:].swapcase()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{ANN[:-1]},1", "row 2 of contacts.csv: '0x.*' is no account"),
        (f"{WRONG_CASE},1", "row 2 of contacts.csv: 0x.* has a wrong checksum"),
        ("0x" + "0" * 40 + ",1", "row 2 of contacts.csv: 0x0+ is nobody's account"),
        (",1", "row 2 of contacts.csv: '' is no account"),
        (f"{BEN},", "row 2 of contacts.csv: contact '' is no whole number"),
        (f"{BEN},1.5", "row 2 of contacts.csv: contact '1.5' is no whole number"),
        (f"{BEN},-1", "row 2 of contacts.csv: contact '-1' is no whole number"),
        (f"{BEN},٣", "row 2 of contacts.csv: contact '٣' is no whole number"),
        (f"{BEN},300", "row 2 of contacts.csv: contact 300 is out of range: use 0 to 299"),
        (f"{BEN},1,2", "contacts.csv cannot be read"),
    ],
)
def test_a_wrong_row_is_named(line: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_sets(csv_of(tmp_path, f"{ANN},299", line, f"{BEN},2", line), max_contacts=300)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"account": [ANN, None], "contact": [1, 2]}, "row 2 of a.parquet has no account"),
        ({"account": [ANN, BEN], "contact": [1, None]}, "row 2 of a.parquet has no contact"),
        ({"account": [ANN, BEN], "contact": [1, -7]}, "row 2 of a.parquet: contact '-7' is no whole number"),
        ({"account": [ANN, BEN], "contact": [1.0, 0.5]}, "row 1 of a.parquet: contact '1.0' is no whole"),
        (
            {"account": [ANN, BEN], "contact": pa.array([1, 2**63], pa.uint64())},
            "row 2 of a.parquet: contact '9223.*' is no whole",
        ),
        ({"account": [b"ann", b"ben"], "contact": [1, 2]}, "row 1 of a.parquet: .* is no account"),
        ({"card": [ANN], "contact": [1]}, "a.parquet has no column account"),
        ({"account": [ANN], "number": [1]}, "a.parquet has no column contact"),
        ({"account": [], "contact": []}, "a.parquet holds no contacts"),
    ],
)
def test_a_wrong_table_is_refused(cells: dict[str, list[Any]], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pa_parquet.write_table(pa.table(cells), path)
    with pytest.raises(InputError, match=said):
        read_sets(path)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_cell_too_many_in_each_row_is_refused(rows: int, tmp_path: Path) -> None:
    """Else pandas would take `1,200` for contact 1."""
    with pytest.raises(InputError, match=r"contacts\.csv cannot be read \(.*header"):
        read_sets(csv_of(tmp_path, *[f"{ANN},1,200"] * rows))


@pytest.mark.parametrize("content", [b"", b"PAR1 is no table", bytes(range(128, 256))])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_that_is_no_table_is_refused(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read|has no column"):
        read_sets(tmp_path / name)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_sets(tmp_path / "nothing.csv")


# ---------------------------------------------------------------------------------------------------- file


def test_pages_of_an_account(tmp_path: Path) -> None:
    path = tmp_path / "campaign.root"
    write_root(path, CAMPAIGN, unite([(BEN, 0), (ANN, 65_534), (ANN, 300), (ANN, 0), (ANN, 1)]))
    with RootFile(path) as file:
        assert file.pages_of(ANN) == [0, 1, 256]
        assert file.pages_of(account_of(BEN)) == [0]


def test_who_has_no_set_is_told_so(built: Path) -> None:
    with RootFile(built) as file:
        for ask in (lambda: file.proof_of(STRANGER, 0), lambda: file.pages_of(STRANGER)):
            with pytest.raises(InputError, match="no contacts in this root: check the account"):
                ask()
        with pytest.raises(
            InputError, match="no contacts on page 7 of this root: ask for one of its pages: 0"
        ):
            file.proof_of(ANN_OF_FIVE, 7)
        for page in (-1, 2**32):
            with pytest.raises(InputError, match=f"there is no page {page}"):
                file.proof_of(ANN_OF_FIVE, page)
        with pytest.raises(InputError, match="account of 20 bytes"):
            file.pages_of(bytes(20))
        with pytest.raises(InputError, match="'ann' is no account"):
            file.pages_of("ann")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_is_noticed_and_proves_nothing_wrong(built: Path, data: st.DataObject) -> None:
    whole = built.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    changed = built.with_name("changed.root")
    changed.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
    with RootFile(built) as file:
        keys = [(account, page) for account in accounts_of_five() for page in file.pages_of(account)]
        right = {key: file.proof_of(*key) for key in keys}
    try:
        file = RootFile(changed)
    except (InputError, TamperedError):
        return
    with file:
        with pytest.raises(TamperedError, match="its bytes are not those that were written"):
            file.check()
        for key, proof in right.items():
            try:
                assert file.proof_of(*key) == proof
                assert file.pages_of(key[0]) == [page for account, page in right if account == key[0]]
            except TamperedError as error:
                assert "is damaged at its entry" in error.message  # noqa: PT017


def test_a_damaged_page_is_not_left_out(tmp_path: Path) -> None:
    """The account of her last page, changed: it stands behind what was asked for, where no search looks."""
    path = tmp_path / "campaign.root"
    write_root(path, CAMPAIGN, unite([(ANN, 255 * page) for page in range(40)]))
    whole = bytearray(path.read_bytes())
    whole[HEADER + ENTRY * 39] ^= 1
    path.write_bytes(whole)
    with RootFile(path) as file, pytest.raises(TamperedError, match="is damaged at its entry 39"):
        file.pages_of(ANN)


def accounts_of_five() -> set[str]:
    return {account for account, _ in rows_of(5)}


def test_a_cut_or_longer_file_is_refused(built: Path) -> None:
    whole = built.read_bytes()
    for size in (*range(0, len(whole), 11), HEADER - 1, HEADER, len(whole) - 1, len(whole) + 1):
        built.write_bytes((whole + b"\0")[:size])
        with pytest.raises(TrocError, match=r"was cut off|not those of its leaves|is no file of a root"):
            RootFile(built)


def test_another_file_or_version_is_refused(built: Path) -> None:
    whole = built.read_bytes()
    built.write_bytes(whole[:11] + b"\x02" + whole[12:])
    with pytest.raises(InputError, match="version 2, not 1: build it again"):
        RootFile(built)
    built.write_bytes(b"PK" + whole[2:])
    with pytest.raises(InputError, match=r"five\.root is no file of a root"):
        RootFile(built)
    for path in (built.with_name("nothing"), built.parent):
        with pytest.raises(InputError, match="cannot be opened"):
            RootFile(path)


def forge(path: Path, change: Any) -> None:
    """Change the file by hand, and give it the digest that fits."""
    whole = bytearray(path.read_bytes())
    change(whole)
    whole[HEADER - 32 : HEADER] = hashlib.sha256(whole[: HEADER - 32] + whole[HEADER:]).digest()
    path.write_bytes(whole)


def swap_entries(whole: bytearray) -> None:
    first, second = HEADER, HEADER + ENTRY
    whole[first : second + ENTRY] = whole[second : second + ENTRY] + whole[first:second]


def double_entry(whole: bytearray) -> None:
    whole[HEADER + ENTRY : HEADER + 2 * ENTRY] = whole[HEADER : HEADER + ENTRY]


def flip(place: int, bit: int = 1) -> Any:
    def change(whole: bytearray) -> None:
        whole[place] ^= bit

    return change


def empty_set(whole: bytearray) -> None:
    whole[HEADER + 40 : HEADER + ENTRY] = bytes(32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (swap_entries, "not in order"),
        (double_entry, "not in order"),
        (empty_set, "empty or has bit 255"),
        (flip(HEADER + 40, 0x80), "empty or has bit 255"),
        (flip(HEADER + ENTRY - 1), "its hashes are not those of its sets"),
        (flip(HEADER + 39), "its sets do not stand where it says"),
        (flip(HEADER + 5 * ENTRY), "its hashes are not those of its sets"),
        (flip(20), "its hashes are not those of its sets"),
        (flip(50), "its root is not that of its hashes"),
    ],
)
def test_check_recomputes_what_a_digest_vouches_for(built: Path, change: Any, said: str) -> None:
    forge(built, change)
    with RootFile(built) as file, pytest.raises(TamperedError, match=said):
        file.check()


@pytest.mark.parametrize(
    ("campaign", "rows"), [(bytes(31), [(ANN, 1)]), (bytes(33), [(ANN, 1)])], ids=["short", "long"]
)
def test_a_campaign_has_32_bytes(campaign: bytes, rows: list[tuple[str, int]], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a campaign of 3"):
        write_root(tmp_path / "file", campaign, unite(rows))


def test_a_write_is_whole_or_leaves_the_old_file(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = built.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="cannot be written"):
        write_root(built, CAMPAIGN, unite(rows_of(8)))
    assert built.read_bytes() == whole
    assert list(built.parent.iterdir()) == [built]


def test_an_open_file_outlives_its_successor(built: Path) -> None:
    with RootFile(built) as file:
        before = file.proof_of(ANN_OF_FIVE, 0)
        write_root(built, CAMPAIGN, unite(rows_of(8)))
        assert file.proof_of(ANN_OF_FIVE, 0) == before
        file.check()


def test_a_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_root(tmp_path / "nothing" / "file", CAMPAIGN, unite(rows_of(1)))
