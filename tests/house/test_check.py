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
        "tests/fuzz/Lots.t.sol",
        "tests/fuzz/LoyaltyToken/Transfers.t.sol",
        "tests/fuzz/PointsExchangeTake.t.sol",
        "tests/fuzz/invariants/LoyaltyTokenInvariants.t.sol",
        "tests/client/trade/test_orders.py",
        "tests/house/test_fuzz.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


LOYALTY = ({"tests/unit/LoyaltyToken"}, {"tests/fuzz/LoyaltyToken/Transfers.t.sol"})


@pytest.mark.parametrize(
    ("touched", "targets", "forge"),
    [
        ("contracts/loyalty/LoyaltyToken.sol", *LOYALTY),
        ("interfaces/ILoyaltyToken.sol", *LOYALTY),
        ("contracts/exchange/PointsExchange.sol", set(), {"tests/fuzz/PointsExchangeTake.t.sol"}),
        ("contracts/libraries/Lots.sol", set(), {"tests/fuzz/Lots.t.sol"}),
        ("tests/fuzz/Lots.t.sol", set(), {"tests/fuzz/Lots.t.sol"}),
        ("tests/fuzz/invariants/LoyaltyTokenInvariants.t.sol", set(), set()),
        (
            "tests/unit/LoyaltyToken/test_transfer.py",
            {"tests/unit/LoyaltyToken/test_transfer.py"},
            set(),
        ),
        ("tests/unit/conftest.py", {"tests/unit"}, set()),
        ("troc/orders.py", {"tests/client/trade/test_orders.py"}, set()),
        ("troc/words.py", set(), set()),
        ("tools/fuzz.py", {"tests/house/test_fuzz.py"}, set()),
        ("docs/messages.md", set(), set()),
    ],
)
def test_select(project: Path, touched: str, targets: set[str], forge: set[str]) -> None:
    pytest_targets, forge_files = check.select([Path(touched)], project)
    assert {str(target) for target in pytest_targets} == targets
    assert {str(path) for path in forge_files} == forge


def test_touched_files_are_files_of_the_tree() -> None:
    assert all((check.ROOT / path).is_file() for path in check.touched())
