"""The real signing service is killed again and again under load: nothing that was answered is lost, no number
has two contents, and no more is promised than the chain can pay.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.client.attention.cases import Attention, attention, deployed, home
from tests.client.attention.dying import STEPS
from tests.client.core.command import environment
from troc.accounts import open_account
from troc.anvil import free_port
from troc.attention.campaigns import Campaign
from troc.attention.contacts import account_of, from_pages
from troc.attention.register import TOKENS, How, Register
from troc.attention.slips import Slip, read_text, sign_statements

__all__ = ["attention", "deployed", "home"]

KILLS = int(os.environ.get("TROC_KILLS", "8"))
"""`make fuzz` kills it 30 times."""
ROOM = 8 * KILLS
_CLIENTS = 4
_CUSTOMERS = 20
_EACH = 10 + 5 * KILLS
"""Contacts that a client asks for: more than there is room for, so that the budget is at its end, too."""
_PATIENCE = 60.0


@dataclass
class Answers:
    """What clients were told."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    taken: dict[str, tuple[str, int]] = field(default_factory=dict)
    slips: dict[str, list[str]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def note(self, name: str, status: int, answer: Any) -> None:
        with self.lock:
            if status == 403 and answer["code"] == "budget":
                self.refused.add(name)
                return
            if status != 200:
                self.wrong.append(f"{name}: {answer}")
                return
            told = answer["account"], answer["number"]
            if self.taken.setdefault(name, told) != told:
                self.wrong.append(f"{name} was {self.taken[name]} and is {told}")
            self.slips.setdefault(name, []).append(answer.get("whole") or answer["slip"])


@dataclass
class Mortal:
    """`troc attention serve`, started again whenever it has died."""

    nursery: subprocess.Popen[str]
    port: int
    deaths: int = 0
    pid: int = 0

    def start(self, step: str, passes: int) -> None:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(f"{step} {passes}\n")
        self.nursery.stdin.flush()
        self.pid = int(self.nursery.stdout.readline())

    def wait(self) -> None:
        """Until it is dead."""
        assert self.nursery.stdout is not None
        assert self.nursery.stdout.readline() == "ended -9\n", "it ended by itself"
        self.deaths += 1

    def kill(self) -> None:
        """The power goes off."""
        subprocess.run(["kill", "-9", str(self.pid)], check=True)
        self.wait()

    def until_open(self) -> None:
        give_up = time.monotonic() + _PATIENCE
        with httpx.Client() as http:
            while True:
                assert time.monotonic() < give_up, "the service does not start"
                with suppress(httpx.TransportError):
                    http.get(f"http://127.0.0.1:{self.port}/health")
                    return
                time.sleep(0.02)


@contextmanager
def mortal(folder: Path, home: Path, rpc: str, campaign: Campaign, url: str) -> Iterator[Mortal]:
    port = free_port()
    arguments = ["--rpc", rpc, "--account", "dev:4", "attention", "serve", campaign.name]
    arguments += ["--port", str(port), "--register", url]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.client.attention.dying", *arguments],
        cwd=folder,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    service = Mortal(process, port)
    try:
        yield service
    finally:
        if service.pid:
            subprocess.run(["kill", "-9", str(service.pid)], check=False, stderr=subprocess.DEVNULL)
        process.kill()
        process.wait()


def customer(number: int) -> str:
    return f"0x{0xC0FFEE << 100 | number + 1:040x}"


def ask(port: int, token: str, client: int, answers: Answers, enough: threading.Event) -> None:
    """Ask for contacts, each again until it is answered; and for some a second time."""
    chance = random.Random(client)
    names = [f"{client}/{number}" for number in range(_EACH)]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as http:
        for number, name in enumerate(names):
            pause = 0.0 if enough.is_set() else chance.random() * 0.05
            for each in (name, chance.choice(names[: number + 1])):
                path = "/tickets" if each.endswith(("3", "7")) else "/contacts"
                # The same name is always asked for the same account.
                body = {"contact": each, "account": customer(hash_of(each) % _CUSTOMERS)}
                give_up = time.monotonic() + _PATIENCE
                while True:
                    try:
                        answer = http.post(path, json=body)
                        break
                    except httpx.TransportError:
                        if time.monotonic() > give_up:
                            answers.wrong.append("it never answers")
                            return
                        time.sleep(0.02)
                answers.note(each, answer.status_code, answer.json())
            time.sleep(pause)


def hash_of(name: str) -> int:
    client, number = map(int, name.split("/"))
    return client * 31 + number * 7


def test_killed_again_and_again_under_load(attention: Attention, tmp_path: Path, home: Path) -> None:
    signer = open_account("dev:4", attention.chain.config)
    campaign = attention.open(
        ROOM, signer=signer.address, per_day=0, max_contacts=1_000, codes=0, codes_per_account=0
    )
    url = f"sqlite:///{tmp_path / 'register.sqlite'}"
    register = Register(url)
    token = TOKENS.add(register.engine, "site")
    answers, enough = Answers(), threading.Event()
    chance = random.Random(7)
    steps = [*STEPS, "at random"]
    with mortal(attention.project(), home, attention.chain.config.rpc, campaign, url) as service:
        service.start("never", 0)
        service.until_open()
        clients = [
            threading.Thread(target=ask, args=(service.port, token, client, answers, enough))
            for client in range(_CLIENTS)
        ]
        for each in clients:
            each.start()
        for number in range(KILLS):
            if number == 0 or steps[number % len(steps)] == "at random":
                time.sleep(chance.random() * 0.3)
                service.kill()
            else:
                service.wait()
            following = steps[(number + 1) % len(steps)] if number + 1 < KILLS else "never"
            # A watch looks once a second; requests come by the dozen.
            passes = chance.randrange(2) if following == "told" else chance.randrange(12)
            service.start(following if following in STEPS else "never", passes)
            if following not in STEPS:
                service.until_open()
        enough.set()
        for each in clients:
            each.join()
        assert service.deaths == KILLS
    assert answers.wrong == []
    check(attention, campaign, register, answers, signer_slips(attention, campaign, register))


def signer_slips(attention: Attention, campaign: Campaign, register: Register) -> list[Slip]:
    """The statements by what the register says."""
    signer = open_account("dev:4", attention.chain.config)
    return [
        slip
        for account, page, word in register.words(campaign.id)
        for slip in sign_statements(
            campaign.id, account, from_pages({page: word}), attention.rewards.domain, signer
        )
    ]


def check(
    attention: Attention, campaign: Campaign, register: Register, answers: Answers, statements: list[Slip]
) -> None:
    """The register has what was answered, each number once; and the chain pays all of it, to the unit."""
    kept = {each.id: each for each in register.contacts(campaign.id)}
    for name, (account, number) in answers.taken.items():
        assert (kept[name].account, kept[name].number) == (account_of(account), number)
    # All that was asked for was answered at last: what is there is what was told, and what was told is there.
    assert set(kept) == set(answers.taken)
    assert len({(each.account, each.number) for each in kept.values()}) == len(kept) == ROOM
    assert answers.refused
    last = {slip.message.account: slip.contacts for slip in statements}
    tickets: dict[str, Slip] = {}
    for name, texts in answers.slips.items():
        for slip in map(read_text, texts):
            if kept[name].how is How.TICKET:
                assert tickets.setdefault(name, slip) == slip
            else:
                assert kept[name].number in slip.contacts
                assert slip.contacts <= last[kept[name].account]
    attention.claim(*statements)
    for slip in tickets.values():
        whose = slip.message.account
        call = attention.rewards.ticket_call(slip, whose, "0x" + whose[-20:].hex())
        attention.chain.send(call, attention.payer)
    standing = attention.rewards.campaign(campaign.id).standing
    assert (standing.left, standing.free) == (0, 0)
