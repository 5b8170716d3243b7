"""`brownie run mint_points`, as a user runs it: the example, and the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.conftest import Project
from troc.accounts import address_of
from troc.chain import Chain
from troc.client import Troc
from troc.manifest import load_manifest
from troc.network import NetworkConfig


@pytest.fixture(scope="module")
def brand(project: Project) -> Troc:
    """The brand ACME on the chain that is kept, issued by the first development account."""
    done = project.deploy("kept")
    assert done.returncode == 0, done.stdout + done.stderr
    chain = Chain.connect(NetworkConfig("kept", project.rpc, "local", project.folder, poll_seconds=0.02))
    brand = Troc(chain, load_manifest(chain)).as_account("dev:0")
    brand.launch("Acme Hardware", "ACME")
    return brand


def test_the_example(project: Project) -> None:
    done = project.brownie("run", "mint_points", "--network", "development")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bean House (BEANS): points live 9 to 12 months." in done.stdout
    assert "Issued 300 BEANS to 3 customers.\nThe same file again:" in done.stdout
    assert "Issued 0 BEANS to 0 customers.\n3 customers had 300 BEANS from an earlier run" in done.stdout
    assert "dev:3 holds 150 until " in done.stdout


def test_the_job(project: Project, brand: Troc, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(f"address,amount\n{address_of('dev:1')},30\n{address_of('dev:2')},12\n")
    for said in ("Issued 42 ACME to 2 customers.", "Issued 0 ACME to 0 customers."):
        done = project.brownie("run", "mint_points", "main", "ACME", str(file), "--network", "kept")
        assert done.returncode == 0, done.stdout + done.stderr
        assert said in done.stdout
    assert brand.balance("ACME", address_of("dev:1")).total == 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ACME"], "mint_points: the brand or the file is missing: use `brownie run mint_points main"),
        (["ACME", "none.csv"], "mint_points: there is no file none.csv: check its name"),
        (["NONE", "none.csv"], "mint_points: there is no brand 'NONE'"),
    ],
)
def test_an_error_is_one_line(words: list[str], said: str, project: Project, brand: Troc) -> None:
    done = project.brownie("run", "mint_points", "main", *words, "--network", "kept")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(said)
    assert "Traceback" not in done.stderr + done.stdout
