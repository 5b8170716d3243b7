"""The till's service under load: `python -m benchmarks.till`.

Starts Anvil and the service, each in a process of its own, sends issues at a steady rate from a third one,
and checks afterwards that every accepted point is on the chain. The bar: 300 issues a second accepted durably
on two cores, the 99th percentile below 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from benchmarks.load import Request, generate, report, serving, troc_in
from benchmarks.records import BenchmarkError
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.network import NetworkConfig

RATE = 300
SECONDS = 20
P99_MS = 50.0
_CUSTOMERS = 500
_AMOUNT = 3
_TILL = "dev:5"


def customer(number: int) -> str:
    """An address for each customer."""
    return f"0x{0xC0FFEE << 100 | number:040x}"


@contextmanager
def _service(rpc: str, folder: Path, database: str) -> Iterator[tuple[int, str, psutil.Process]]:
    """The service, started as a user starts it; gives its port, a token and its process."""
    base, environment = troc_in(folder, rpc, _TILL)
    added = subprocess.run(
        [*base, "till", "token", "add", "BENCH", "load", "--database", database],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    port = free_port()
    arguments = ["till", "serve", "BENCH", "--port", str(port), "--database", database]
    with serving(rpc, _TILL, folder, arguments, port) as process:
        yield port, json.loads(added.stdout)["token"], process


def measure(rate: int, seconds: int, database: str) -> dict[str, object]:
    """Run it all; gives what was measured. Raises if a point is missing on the chain, or one too many."""
    with tempfile.TemporaryDirectory() as made, run_anvil(port := free_port()):
        folder = Path(made)
        rpc = rpc_of(port)
        chain = Chain.connect(NetworkConfig("local", rpc, "local", folder, poll_seconds=0.01))
        owner = open_account("dev:0", chain.config)
        brand = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
        bench = brand.launch("Benchmark", "BENCH")
        till = open_account(_TILL, chain.config)
        brand.brands.set_grant(bench, till.address, 10**9, owner, per_day=10**8)
        load_before = os.getloadavg()[0]
        with _service(rpc, folder, database or f"sqlite:///{folder / 'till.sqlite'}") as (at, token, service):
            before = service.cpu_times()
            requests = [
                Request(
                    "/issue",
                    json.dumps(
                        {
                            "receipt": f"b{number}",
                            "customer": customer(number % _CUSTOMERS),
                            "amount": _AMOUNT,
                        }
                    ),
                )
                for number in range(rate * seconds)
            ]
            load = generate(at, requests, rate, {"Authorization": f"Bearer {token}"})
            give_up = time.monotonic() + 120
            waited = time.perf_counter()
            while (issued := brand.status(bench).issued) < load.accepted * _AMOUNT:
                if time.monotonic() > give_up:
                    raise BenchmarkError(f"{issued} of {load.accepted * _AMOUNT} units came to the chain")
                time.sleep(0.1)
            minted_after = time.perf_counter() - waited
            spent = service.cpu_times()
            cpu = spent.user + spent.system - before.user - before.system
        status = brand.status(bench)
        if (status.issued, status.live) != (load.accepted * _AMOUNT,) * 2:
            raise BenchmarkError(
                f"{status.issued} units are on the chain, {load.accepted * _AMOUNT} accepted"
            )
        return asdict(load) | {
            "rate": load.accepted / load.seconds,
            "minted_after_seconds": minted_after,
            "cpu_ms_per_issue": 1000 * cpu / load.accepted,
            "database": (database or "sqlite").split(":")[0],
            "cores": os.cpu_count(),
            "machine_load_before": load_before,
        }


def main() -> None:
    """Measure and print. Ends with 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=RATE, help="issues a second")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--database", default="", help="SQLAlchemy URL (default: a new SQLite file)")
    chosen = parser.parse_args()
    found = measure(chosen.rate, chosen.seconds, chosen.database)
    report(found, chosen.rate, P99_MS)


if __name__ == "__main__":
    main()
