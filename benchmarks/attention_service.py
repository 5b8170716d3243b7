"""The signing service under load: `python -m benchmarks.attention_service`.

Starts Anvil and the service, each in a process of its own, sends contacts at a steady rate from a third one,
and checks afterwards that each that was answered is in the register under one number, and that what was
signed last for each customer is paid by the chain. The bar: 500 contacts a second, on the disk before they
are answered, on two cores, the 99th percentile below 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from benchmarks.load import Request, generate, report, serving, troc_in
from benchmarks.records import BenchmarkError
from troc import words
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.attention.campaigns import Campaign, Terms
from troc.attention.contacts import account_of
from troc.attention.register import Register
from troc.attention.slips import sign_statements
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.messages import KIND_POINTS, ZERO_ADDRESS
from troc.network import NetworkConfig

RATE = 500
SECONDS = 20
P99_MS = 50.0
_CUSTOMERS = 500
_SIGNER = "dev:5"
_CLAIMED = 20


def customer(number: int) -> str:
    """An address for each customer."""
    return f"0x{0xC0FFEE << 100 | number:040x}"


def _open(brand: Troc, signer: str, budget: int) -> Campaign:
    start = brand.chain.now()
    return brand.attention.open(
        Terms(
            admin=brand.address,
            token=brand.launch("Benchmark", "BENCH").address,
            token_kind=KIND_POINTS,
            fresh=True,
            price=1,
            signer=signer,
            start=start,
            end=start + 30 * words.DAY,
            claim_until=start + 90 * words.DAY,
            max_contacts=65_535,
            per_day=0,
            codes=1,
            codes_per_account=0,
            root_delay_days=1,
            credentials=ZERO_ADDRESS,
            topic=0,
            channel=0,
            terms_hash=bytes(32),
            salt=bytes(32),
        ),
        budget,
    )


@contextmanager
def _service(
    rpc: str, folder: Path, campaign: Campaign, database: str
) -> Iterator[tuple[int, str, psutil.Process]]:
    """The service, started as a user starts it; gives its port, a token and its process."""
    base, environment = troc_in(folder, rpc, _SIGNER)
    added = subprocess.run(
        [*base, "attention", "token", "add", "load", "--register", database],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    port = free_port()
    arguments = ["attention", "serve", campaign.name, "--port", str(port), "--register", database]
    with serving(rpc, _SIGNER, folder, arguments, port) as process:
        yield port, json.loads(added.stdout)["token"], process


def _request(number: int, tickets: bool) -> Request:
    body = {"contact": f"c{number}", "account": customer(number % _CUSTOMERS)}
    return Request("/tickets" if tickets else "/contacts", json.dumps(body))


def measure(rate: int, seconds: int, database: str, tickets: bool) -> dict[str, object]:
    """Run it all; gives what was measured. Raises if a contact is missing, or stands there twice."""
    with tempfile.TemporaryDirectory() as made, run_anvil(port := free_port()):
        folder = Path(made)
        rpc = rpc_of(port)
        chain = Chain.connect(NetworkConfig("local", rpc, "local", folder, poll_seconds=0.01))
        owner = open_account("dev:0", chain.config)
        brand = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
        signer = open_account(_SIGNER, chain.config)
        campaign = _open(brand, signer.address, 10 * rate * seconds)
        url = database or f"sqlite:///{folder / 'register.sqlite'}"
        load_before = os.getloadavg()[0]
        with _service(rpc, folder, campaign, url) as (at, token, service):
            before = service.cpu_times()
            requests = [_request(number, tickets) for number in range(rate * seconds)]
            load = generate(at, requests, rate, {"Authorization": f"Bearer {token}"})
            spent = service.cpu_times()
            cpu = spent.user + spent.system - before.user - before.system
        register = Register(url)
        found = register.contacts(campaign.id)
        if len(found) != load.accepted or len({(each.account, each.number) for each in found}) != len(found):
            raise BenchmarkError(f"{len(found)} contacts are in the register, {load.accepted} were answered")
        for number in range(0 if tickets else _CLAIMED):
            account = account_of(customer(number))
            mine = [each.number for each in found if each.account == account]
            slips = sign_statements(campaign.id, account, mine, brand.attention.domain, signer)
            stated = [(each.message.page, each.message.contacts) for each in slips]  # type: ignore[union-attr]
            if [row[1:] for row in register.words(campaign.id, account)] != stated:
                raise BenchmarkError(f"the statement of customer {number} differs from her contacts")
            for slip in slips:
                chain.send(brand.attention.statement_call(slip), owner)
            if brand.attention.paid(campaign.id, account).contacts != set(mine):
                raise BenchmarkError(f"customer {number} was not paid for her contacts")
        register.engine.dispose()
        return asdict(load) | {
            "rate": load.accepted / load.seconds,
            "cpu_ms_per_contact": 1000 * cpu / max(load.accepted, 1),
            "database": url.split(":")[0],
            "cores": os.cpu_count(),
            "machine_load_before": load_before,
        }


def main() -> None:
    """Measure and print. Ends with 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=RATE, help="contacts a second")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--register", default="", help="SQLAlchemy URL (default: a new SQLite file)")
    parser.add_argument("--tickets", action="store_true", help="tickets, and not statements")
    chosen = parser.parse_args()
    found = measure(chosen.rate, chosen.seconds, chosen.register, chosen.tickets)
    report(found, chosen.rate, P99_MS)


if __name__ == "__main__":
    main()
