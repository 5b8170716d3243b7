"""Collecting and claiming, killed at any point and run again: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.attention.cases import PRICE, Attention, attention, deployed, home
from tests.client.core.command import environment
from tests.client.core.conftest import rpc_call
from troc.attention.slips import write_slips
from troc.client import Troc
from troc.errors import PendingError

__all__ = ["attention", "deployed", "home"]

CUSTOMER = "dev:5"


def start(attention: Attention, home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Run a command in a process of its own."""
    options = ["--account", CUSTOMER, "--rpc", attention.chain.config.rpc, "--yes"]
    return subprocess.Popen(
        [sys.executable, "-m", "troc", *options, "attention", *arguments],
        env=environment(home),
        cwd=attention.project(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def again(attention: Attention) -> Troc:
    """The customer, in a process that knows nothing of the one that died."""
    return attention.everyone.as_account(attention.fox.signer)


def test_a_claim_that_is_killed_is_run_again(attention: Attention, home: Path) -> None:
    """It claims a statement, two tickets and a code; it is killed when the first of them is in a block."""
    attention.rewards.activate(attention.fresh.id, [0])
    fox, chain = attention.fox, attention.chain
    slips = [
        *attention.statements(fox, 0),
        attention.ticket(fox, 1),
        attention.ticket(fox, 2),
        attention.code(7),
    ]
    fox.earnings.collect(slip.to_text() for slip in slips)
    block = chain.block_number()
    process = start(attention, home, "claim", "--all")
    give_up = time.monotonic() + 30
    while chain.block_number() == block:
        assert time.monotonic() < give_up
        assert process.poll() is None
    process.kill()
    process.wait()
    had = attention.points(fox)
    assert 0 < had <= 4 * PRICE
    before = chain.transaction_count(fox.address)
    earnings = again(attention).earnings
    report = earnings.claim(earnings.plan(earnings.earned()))
    assert not report.refused
    assert attention.points(fox) == 4 * PRICE
    assert sum(report.paid.values()) == 4 - had // PRICE
    # Nothing was sent that pays nothing.
    assert chain.transaction_count(fox.address) - before == 4 - had // PRICE
    assert earnings.plan(earnings.earned()) == []


def test_a_claim_that_is_in_no_block_yet_is_not_sent_again(attention: Attention) -> None:
    fox = attention.fox
    fox.earnings.collect([attention.ticket(fox, 1).to_text()])
    steps = fox.earnings.plan(fox.earnings.earned())
    rpc_call(attention.chain, "evm_setAutomine", False)
    try:
        signed = attention.chain.sign(fox.acts.call(steps[0].acts), fox.signer)
        attention.chain.broadcast(signed)
        earnings = again(attention).earnings
        with pytest.raises(PendingError, match="in no block yet"):
            earnings.claim(earnings.plan(earnings.earned()))
        rpc_call(attention.chain, "evm_mine")
    finally:
        rpc_call(attention.chain, "evm_setAutomine", True)
    assert earnings.plan(earnings.earned()) == []
    assert attention.points(fox) == PRICE


def test_a_book_holds_what_was_read_before_it_was_killed(
    attention: Attention, home: Path, tmp_path: Path
) -> None:
    slips = [attention.code(index) for index in range(100)]
    file = str(write_slips(slips, tmp_path / "codes.json"))
    process = start(attention, home, "collect", file)
    give_up = time.monotonic() + 30
    book = again(attention).earnings.book
    while not (kept := book.slips()):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert set(kept) <= set(slips)
    earnings = again(attention).earnings
    assert set(kept) <= set(earnings.book.slips())
    assert not [each for each in earnings.collect([file]) if each.refused]
    assert set(earnings.book.slips()) == set(slips)
