"""The relay's service under load: `python -m benchmarks.relay`.

Starts Anvil and the service, each in a process of its own, sends signed orders (and some gifts, each a
transaction of its own) at a steady rate from a third one, and checks afterwards that every accepted message
took effect on the chain, once. The bar: 300 messages a second accepted durably on two cores, the 99th
percentile below 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
import psutil
from eth_account import Account

from benchmarks.load import Request, generate, report, serving
from benchmarks.records import BenchmarkError
from troc.accounts import Signer, open_account
from troc.acts import Act, act_of
from troc.anvil import free_port, rpc_of, run_anvil
from troc.brands import Brand
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.messages import KIND_POINTS, ZERO_ADDRESS, Order, Send, pack_nonce, sign
from troc.network import NetworkConfig

RATE = 300
SECONDS = 20
P99_MS = 50.0
_CUSTOMERS = 500
_POINTS = 10_000
_RELAY = "dev:5"
_DAY = 86_400


def customer(number: int) -> Signer:
    """A customer with a key and no ether."""
    account = Account.from_key((0xC0FFEE << 200 | number + 1).to_bytes(32))
    return Signer(f"customer {number}", account.address, account)


def _acts(troc: Troc, give: Brand, want: Brand, count: int, gifts: int) -> Iterator[Act]:
    """What customers sign: every `gifts`-th a gift of one unit, else an order."""
    now = troc.chain.now()
    people = [customer(number) for number in range(_CUSTOMERS)]
    for number in range(count):
        person, turn = people[number % _CUSTOMERS], number // _CUSTOMERS
        nonce = pack_nonce(turn // 200, 0, turn % 200)
        if gifts and number % gifts == gifts - 1:
            to = f"0x{0xBEEF << 100 | number:040x}"
            gift = Send(person.address, to, 1, now + _DAY, nonce)
            domain = give.domain_of_messages(troc.chain.chain_id)
            yield act_of(gift, sign(gift, domain, person), domain)
            continue
        order = Order(
            maker=person.address,
            give_token=give.address,
            give_kind=KIND_POINTS,
            give_id=0,
            give_amount=100 + turn,
            want_token=want.address,
            want_kind=KIND_POINTS,
            want_id=0,
            want_amount=90,
            give_points_expiring_by=0,
            want_points_living_until=0,
            only_taker=ZERO_ADDRESS,
            open_until=now + 7 * _DAY,
            nonce=nonce,
            allow_partial=False,
        )
        exchange = troc.acts.exchange
        yield act_of(order, sign(order, exchange, person), exchange)


@contextmanager
def _service(rpc: str, folder: Path, database: str) -> Iterator[tuple[int, psutil.Process]]:
    """The service, started as a user starts it; gives its port and its process."""
    port = free_port()
    arguments = ["relay", "serve", "--port", str(port), "--database", database]
    arguments += ["--budget", "1000", "--gas-price", "1000", "--per-ip", "0"]
    with serving(rpc, _RELAY, folder, arguments, port) as process:
        yield port, process


def measure(rate: int, seconds: int, database: str, gifts: int) -> dict[str, object]:
    """Run it all; gives what was measured. Raises where a message is missing on the chain, or doubled."""
    with tempfile.TemporaryDirectory() as made, run_anvil(port := free_port()):
        folder = Path(made)
        rpc = rpc_of(port)
        chain = Chain.connect(NetworkConfig("local", rpc, "local", folder, poll_seconds=0.01))
        owner = open_account("dev:0", chain.config)
        brand = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
        give, want = brand.launch("Benchmark", "BENCH"), brand.launch("Other", "OTHER")
        brand.mint(give, {customer(number).address: _POINTS for number in range(_CUSTOMERS)})
        acts = list(_acts(brand, give, want, rate * seconds, gifts))
        requests = [Request("/messages", json.dumps(act.to_json())) for act in acts]
        first = chain.block_number()
        load_before = os.getloadavg()[0]
        with _service(rpc, folder, database or f"sqlite:///{folder / 'relay.sqlite'}") as (at, service):
            before = service.cpu_times()
            load = generate(at, requests, rate)
            waited = time.perf_counter()
            give_up = time.monotonic() + 300
            while (states := _states(at)).get("done", 0) < load.accepted:
                if time.monotonic() > give_up or states.get("failed"):
                    raise BenchmarkError(f"{load.accepted} were accepted, and became {states}")
                time.sleep(0.2)
            done_after = time.perf_counter() - waited
            spent = service.cpu_times()
            cpu = spent.user + spent.system - before.user - before.system
        _check(brand, give, acts, first, load.accepted)
        return asdict(load) | {
            "rate": load.accepted / load.seconds,
            "done_after_seconds": done_after,
            "cpu_ms_per_message": 1000 * cpu / load.accepted,
            "database": (database or "sqlite").split(":")[0],
            "cores": os.cpu_count(),
            "machine_load_before": load_before,
        }


def _states(port: int) -> dict[str, int]:
    states: dict[str, int] = httpx.get(f"http://127.0.0.1:{port}/status", timeout=30).json()["messages"]
    return states


def _check(brand: Troc, give: Brand, acts: list[Act], first: int, accepted: int) -> None:
    events = list(brand.chain.logs(brand.acts.book.events.OrderPublished(), from_block=first))
    gifts = sum(act.kind == "Send" for act in acts)
    moved = list(brand.chain.logs(brand.brands.token(give).events.Transfer(), from_block=first + 1))
    signatures = {bytes(event["args"]["signature"]) for event in events}
    if len(events) != len(signatures) or len(events) + len(moved) != accepted or len(moved) > gifts:
        raise BenchmarkError(
            f"{len(events)} orders and {len(moved)} gifts are on the chain, {accepted} were accepted"
        )


def main() -> None:
    """Measure and print. Ends with 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=RATE, help="messages a second")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--database", default="", help="SQLAlchemy URL (default: a new SQLite file)")
    parser.add_argument("--gifts", type=int, default=50, help="one message of so many is a gift; 0: none")
    chosen = parser.parse_args()
    found = measure(chosen.rate, chosen.seconds, chosen.database, chosen.gifts)
    report(found, chosen.rate, P99_MS)


if __name__ == "__main__":
    main()
