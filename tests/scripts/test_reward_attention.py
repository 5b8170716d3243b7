"""`brownie run reward_attention`, as a user runs it: the example, the job, and some of the grocer's year."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from tests.scripts.conftest import Project
from troc.accounts import address_of
from troc.attention.slips import read_slips
from troc.chain import Chain
from troc.client import Troc
from troc.demo.telling import Teller
from troc.demo.year import PRICE, pay_all
from troc.manifest import load_manifest
from troc.network import NetworkConfig


def test_the_example(project: Project) -> None:
    done = project.brownie("run", "reward_attention", "--network", "development")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Signed 3 contacts of 2 customers: " in done.stdout
    assert "dev:1 claimed 10 Acme Hardware, and holds 10 until " in done.stdout
    assert "dev:2 claimed 5 Acme Hardware, and holds 5 until " in done.stdout


def test_the_job_goes_on_where_it_was(project: Project, tmp_path: Path) -> None:
    assert project.deploy("kept").returncode == 0
    chain = Chain.connect(NetworkConfig("kept", project.rpc, "local", project.folder, poll_seconds=0.02))
    troc = Troc(chain, load_manifest(chain))
    troc.as_account("dev:0").launch("Acme Hardware", "ACME")
    ann, bob = (address_of(name) for name in ("dev:1", "dev:2"))
    file, first, second = (tmp_path / name for name in ("contacts.csv", "first.json", "second.json"))

    def reward(*words: str) -> str:
        done = project.brownie("run", "reward_attention", "main", *words, "--network", "kept")
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]

    file.write_text(f"account,contact\n{ann},0\n{bob},0\n")
    assert "Signed 2 contacts of 2 customers" in reward("dev:0", "5 ACME", str(file), str(first))
    (campaign,) = troc.attention.campaigns()
    assert campaign.standing.left == 2
    relay = troc.as_account("dev:5")
    for slip in read_slips(first):
        chain.send(troc.attention.statement_call(slip), relay.signer)
    file.write_text(f"account,contact\n{ann},0\n{ann},1\n{bob},0\n")
    assert "Signed 3 contacts of 2 customers" in reward("dev:0", "5 ACME", str(file), str(second))
    # The same campaign, with a budget for the one contact more.
    (again,) = troc.attention.campaigns()
    assert (again.id, again.standing.left) == (campaign.id, 1)
    chain.send(troc.attention.statements_call(read_slips(second)), relay.signer)
    assert [troc.balance("ACME", who).total for who in (ann, bob)] == [10, 5]
    assert f"{second} is there already" in reward("dev:0", "5 ACME", str(file), str(second))
    assert reward("dev:0", "5 ACME").startswith("reward_attention: it is not clear who is paid what: use")
    assert "there is no brand 'NONE'" in reward("dev:0", "5 NONE", str(file), str(tmp_path / "third"))


def test_some_of_the_grocers_year() -> None:
    page = io.StringIO()
    done = pay_all(Teller(Console(file=page, highlight=False)), numbers=(1, 3, 24))
    assert [(each.mailing.number, each.contacts, each.paid) for each in done] == [
        (1, 14, 14),
        (3, 14, 14),
        (24, 12, 12),
    ]
    shown = " ".join(page.getvalue().split())
    assert f"40 contacts had, 40 paid, and {40 * PRICE} points issued: {PRICE} each" in shown
