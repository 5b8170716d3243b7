"""`brownie run sell_data`, as a user runs it: the example, and the job."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scripts.conftest import Project
from troc.accounts import address_of
from troc.chain import Chain
from troc.client import Troc
from troc.data.deals import check_signed, read_deal
from troc.data.serving import Link
from troc.data.vault import Vault
from troc.manifest import load_manifest
from troc.network import NetworkConfig

PASSPHRASE = "correct horse battery"


def test_the_example(project: Project) -> None:
    done = project.brownie("run", "sell_data", "--network", "development")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ann offers 3 rows (day, item, paid) for 50 ACME: TROC:DEAL/" in done.stdout
    assert "it is what was sold; paid." in done.stdout
    assert "{'day': '2026-11-16', 'item': 'cheese', 'paid': '4.75'}\nAnn holds 50 until " in done.stdout


def test_the_job(project: Project, tmp_path: Path) -> None:
    assert project.deploy("kept").returncode == 0
    chain = Chain.connect(NetworkConfig("kept", project.rpc, "local", project.folder, poll_seconds=0.02))
    troc = Troc(chain, load_manifest(chain))
    troc.as_account("dev:0").launch("Acme Hardware", "ACME")
    (tmp_path / "rows.json").write_text(json.dumps([{"day": "2026-11-02", "item": "milk"}]))
    password = tmp_path / "password"
    password.write_text(PASSPHRASE + "\n")
    password.chmod(0o600)
    home = tmp_path / "home"
    offer = tmp_path / "offer.json"

    def sell(*words: str, **settings: str) -> str:
        settings = {"TROC_HOME": str(home), "TROC_VAULT_PASSWORD_FILE": str(password)} | settings
        done = project.brownie("run", "sell_data", "main", *words, "--network", "kept", **settings)
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]

    rows = str(tmp_path / "rows.json")
    assert sell("dev:1", rows, "50 NONE", str(offer)).startswith("sell_data: there is no brand 'NONE'")
    assert not (home / "vault").exists()
    said = sell("dev:1", rows, "50 ACME", str(offer))
    assert f"Offered day and item for 50 Acme Hardware: send {offer}." in said
    signed = read_deal(offer, troc.as_account("dev:2").data.buyer.domain)
    check_signed(chain, signed)
    assert signed.deal.seller == address_of("dev:1")
    vault = Vault.open(home / "vault", PASSPHRASE)
    assert vault.manifest(signed.deal.manifest_root).check(vault.blob(signed.deal.manifest_root)) == []
    grant = vault.granted(Link.parse(signed.source).token)
    assert grant is not None
    assert grant.root == signed.deal.manifest_root
    assert sell("dev:1", rows).startswith("sell_data: it is not clear what to sell: use `brownie run")
