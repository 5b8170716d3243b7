"""`troc brand watch` and `troc brand notices`, as a user runs them; and killed while they send."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.core.command import environment, troc_here
from tests.client.index.test_events import call
from tests.client.members.test_linking import link
from tests.client.trade.conftest import World
from tests.client.watch.endpoint import endpoint
from troc.programme.members import NewMember
from troc.programme.notices import SIGNATURE, Outbox, read_secret, verify_notice
from troc.programme.programme import Programme
from troc.programme.vault import Vault, open_brand_store

Run = Callable[..., tuple[int, str, str]]


@dataclass
class Place:
    """A folder to work in, and `troc` in it."""

    folder: Path
    home: Path
    run: Run

    def ok(self, *arguments: str) -> str:
        """Run a command that must end well; gives what it shows."""
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, "")
        return out


@pytest.fixture
def place(
    world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    folder = world.project()

    def run(*arguments: str) -> tuple[int, str, str]:
        return troc_here("brand", *arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    return Place(folder, home, run)


def test_watching(world: World, place: Place, tmp_path: Path) -> None:
    acme = world.everyone.brand("ACME")
    code, out, err = place.run("watch", "ACME")
    assert (code, out, err) == (0, "Nothing new by 6 rules.\n", "")
    till = world.relay_signer
    call(world, acme, "setGrant", till.address, 0, 1_000, 0, 0)
    call(world, acme, "issue", 0, till.address, 60, bytes(32), signer=till)
    code, out, err = place.run("watch", "ACME", "--once")
    assert (code, err) == (30, "")
    assert (
        f"high    clerk-earning: {till.address} issues points or is a clerk, and got 60 ACME in 1 issues"
        in out
    )
    id_ = out.split()[0]
    assert place.ok("watch", "ACME") == "Nothing new by 6 rules.\n"
    assert place.ok("watch", "list", "ACME") == out

    clerks = tmp_path / "clerks.txt"
    clerks.write_text(f"# the night shift\n{world.ann.address.lower()}  # Ann\n\n")
    code, out, err = place.run("watch", "ACME", "--clerks", str(clerks), "--json")
    (found,) = json.loads(out)["new"]
    assert (code, found["rule"], found["data"]["recipient"]) == (30, "clerk-earning", world.ann.address)
    clerks.write_text("Ann\n")
    code, out, err = place.run("watch", "ACME", "--clerks", str(clerks))
    assert (code, out) == (3, "")
    assert err == f"troc: line 1 of {clerks}: 'Ann' is no address: write 0x and 40 hex digits\n"

    assert place.ok("watch", "ack", "ACME", id_, "--reason", "a test of the till") == (
        f"{id_} is laid aside; the journal has it.\n"
    )
    assert id_ not in place.ok("watch", "list", "ACME")
    assert f"{id_}  high" in place.ok("watch", "list", "ACME", "--all")
    assert "All 1 entries are as they were written" in place.ok("journal", "verify", "ACME")


def test_members_who_are_clerks(world: World, place: Place, tmp_path: Path, url: str) -> None:
    store = open_brand_store(world.chain, world.everyone.brand("ACME"), url)
    programme = Programme.over(Vault.create(store, "correct horse", 4), world.chain)
    programme.members.add_many([NewMember("1", status="Clerk"), NewMember("2", status="gold")], "jo")
    link(world, programme, "1", world.ann)
    link(world, programme, "2", world.bob)
    call(world, store.brand, "mint", world.bob.address, 5)
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    watch = ("watch", "ACME", "--database", url, "--json")
    assert json.loads(place.ok(*watch))["new"] == []
    code, out, _ = place.run(*watch, "--members-password-file", str(file))
    (found,) = json.loads(out)["new"]
    assert (code, found["rule"], found["data"]["recipient"]) == (30, "clerk-earning", world.ann.address)


def test_again_and_again_until_stopped(world: World, place: Place) -> None:
    command = [sys.executable, "-m", "troc", "--rpc", world.chain.config.rpc, "brand", "watch", "ACME"]
    till = world.relay_signer
    with subprocess.Popen(
        [*command, "--every", "1s"],
        env=environment(place.home) | {"PYTHONUNBUFFERED": "1"},
        cwd=place.folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "Nothing new by 6 rules.\n"
            acme = world.everyone.brand("ACME")
            call(world, acme, "setGrant", till.address, 0, 1_000, 0, 0)
            call(world, acme, "issue", 0, till.address, 60, bytes(32), signer=till)
            lines = [process.stdout.readline() for _ in range(4)]
            assert len([line for line in lines if "clerk-earning" in line]) == 1
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_rules_of_ones_own(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    assert place.ok("watch", "rules", "-o", str(folder)).startswith("6 rules in ")
    (folder / "broken.sql").write_text("-- severity: low\n-- reason: {a}\n-- key: a\nSELECT a FROM absent\n")
    code, out, err = place.run("watch", "ACME", "--rules", str(folder))
    assert (code, err) == (3, "")
    assert "troc: the rule broken cannot be run (no such table: absent): mend its SQL" in out
    (folder / "mine.sql").write_text(
        "-- severity: low\n-- reason: {recipient} has {units}\n-- key: recipient\n"
        "SELECT recipient, units FROM chain_issues WHERE token = :token"
    )
    code, out, err = place.run("watch", "ACME", "--rules", str(folder))
    assert (code, err) == (30, "")
    assert " has 400 ACME\n" in out
    assert "the rule broken cannot be run" in out
    code, out, err = place.run("watch", "ACME", "--once", "--every", "60s")
    assert (code, err) == (3, "troc: --once and --every exclude each other: leave one away\n")
    code, out, err = place.run("watch", "ACME", "--every", "soon")
    assert (code, err) == (3, "troc: 'soon' is no such while: write 60s, 5m or 1h, up to a day\n")


def test_notices(world: World, place: Place, tmp_path: Path) -> None:
    acme = world.everyone.brand("ACME")
    file = tmp_path / "hook.secret"
    place.ok("notices", "secret", str(file))
    with endpoint(answers=[500]) as hook:
        run = ("notices", "run", "ACME", "--url", hook.url, "--secret-file", str(file), "--attempts", "1")
        assert place.ok(*run).startswith("0 new notices.\n")
        world.ann.send("5 ACME", world.bob.address)
        call(world, acme, "mint", world.cem.address, 1)
        out = place.ok(*run)
        assert out.startswith("3 new notices.\n")
        assert ": 0 received, then one given up: it answers 500\n" in out
        assert "2 deliveries waiting" in out
        assert ": 2 received\n" in place.ok(*run)
        out = place.ok("notices", "list", "ACME", "--dead")
        assert "balance.changed" in out
        assert "dead after 1 attempt, answers 500" in out
        assert place.ok("notices", "retry", "ACME", out.split()[0]) == "1 delivery will be sent again.\n"
        assert ": 1 received\n" in place.ok(*run)
        assert place.ok("notices", "list", "ACME") == "All were received.\n"
        assert len(set(hook.keys())) == 3
        for headers, body in hook.received:
            assert verify_notice(read_secret(file), headers[SIGNATURE], body)["event"] == "balance.changed"
    file.chmod(0o644)
    code, _, err = place.run(*run)
    assert code == 8
    assert err.startswith(f"troc: others can read the secret in {file}: run `chmod 600")
    code, _, err = place.run(
        "notices", "run", "ACME", "--url", "http://crm.example", "--secret-file", str(file)
    )
    assert (code, err) == (
        3,
        "troc: http://crm.example is not encrypted: use https:// (http:// only on localhost)\n",
    )


def test_killed_while_it_sends(world: World, place: Place, url: str, tmp_path: Path) -> None:
    """Nothing is lost by being killed with a notice on its way: it arrives again, under the same key."""
    acme = world.everyone.brand("ACME")
    file = tmp_path / "hook.secret"
    place.ok("notices", "secret", str(file))
    run = ("notices", "run", "ACME", "--secret-file", str(file), "--database", url)
    with endpoint(held=True) as hook:
        place.ok(*run, "--url", hook.url)
        call(world, acme, "mint", world.cem.address, 1)
        here = [sys.executable, "-m", "troc", "--rpc", world.chain.config.rpc]
        command = [*here, "brand", *run, "--url", hook.url, "--every", "1s"]
        process = subprocess.Popen(command, env=environment(place.home), cwd=place.folder)
        try:
            assert hook.arrived.wait(60)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        hook.go_on.set()
        store = open_brand_store(world.chain, acme, url)
        (cut,) = Outbox(store).deliveries()
        assert (cut.state, cut.attempts) == ("waiting", 1)
        # While it could still be on its way nobody sends it; then anybody does.
        assert Outbox(store).deliver(hook.url, read_secret(file)).delivered == 0
        later = Outbox(store, lambda: time.time() + 121)
        assert later.deliver(hook.url, read_secret(file)).delivered == 1
        assert later.deliver(hook.url, read_secret(file)).delivered == 0
        first, second = hook.keys()
        assert first == second
        assert hook.received[0][1] == hook.received[1][1]
