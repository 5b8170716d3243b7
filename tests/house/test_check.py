"""tools/check.py runs the tests that belong to what was touched, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "tests/unit/LoyaltyToken/test_transfer.py",
        "tests/unit/conftest.py",
        "tests/client/test_orders.py",
        "tests/house/test_fuzz.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("touched", "targets", "contracts"),
    [
        ("contracts/loyalty/LoyaltyToken.sol", {"tests/unit/LoyaltyToken"}, {"LoyaltyToken"}),
        ("interfaces/ILoyaltyToken.sol", {"tests/unit/LoyaltyToken"}, {"LoyaltyToken"}),
        ("contracts/libraries/Lots.sol", set(), {"Lots"}),
        ("tests/fuzz/Lots.t.sol", set(), {"Lots"}),
        (
            "tests/unit/LoyaltyToken/test_transfer.py",
            {"tests/unit/LoyaltyToken/test_transfer.py"},
            set(),
        ),
        ("tests/unit/conftest.py", {"tests/unit"}, set()),
        ("troc/orders.py", {"tests/client/test_orders.py"}, set()),
        ("troc/words.py", set(), set()),
        ("tools/fuzz.py", {"tests/house/test_fuzz.py"}, set()),
        ("docs/messages.md", set(), set()),
    ],
)
def test_select(project: Path, touched: str, targets: set[str], contracts: set[str]) -> None:
    found, names = check.select([Path(touched)], project)
    assert {str(target) for target in found} == targets
    assert names == contracts


def test_touched_files_are_files_of_the_tree() -> None:
    assert all((check.ROOT / path).is_file() for path in check.touched())
