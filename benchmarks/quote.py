"""A quote over a large book, end to end: `python -m benchmarks.quote`.

Ten thousand signed standing orders of 12 brands on a chain of Anvil's, in an index: makers whose balance
stands behind several orders, orders that are settled whole, prices up to 30 % off the worth of the points.
Times are this process's CPU time for `Troc.quote`, depth included, once the index has taken the orders in:
the first quote of a block, which reads the book from the database, and further ones of the same block. The
bar: 0.3 s, median, for the first.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.indexing import Maker, Scene
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.messages import pack_nonce
from troc.network import NetworkConfig

ORDERS, MAKERS = 10_000, 2_000
SECONDS = 0.3
_FILE = Path(__file__).with_name("quote.json")
_NAMES = "ACEHKMPRTXWY"
_DAY = 86_400
_HELD = 3_000
_AMOUNTS = (100, 3_000, 30_000)
_PAIRS = ((0, 1), (2, 7), (11, 4))


def _symbol(place: int) -> str:
    return _NAMES[place] * 3


def stand(folder: Path, rpc: str, seed: int = 1) -> Troc:
    """A chain with that book; the account that asks has points of each brand."""
    rng = random.Random(seed)  # noqa: S311
    config = NetworkConfig("local", rpc, "local", folder, poll_seconds=0.01)
    chain = Chain.connect(config)
    owner = open_account("dev:0", config)
    troc = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
    brands = [troc.launch(f"Shop {place}", _symbol(place), "12 months") for place in range(len(_NAMES))]
    worth = [rng.uniform(0.2, 5) for _ in brands]
    makers = [Maker.of(number) for number in range(MAKERS)]
    for place, brand in enumerate(brands):
        holders = makers[place :: len(brands)]
        troc.mint(brand, {troc.address: 10**6} | {maker.address: _HELD for maker in holders})
    scene = Scene(chain, troc.manifest, [brand.address for brand in brands])
    now = chain.now()
    signed = []
    for number in range(ORDERS):
        give = number % MAKERS % len(brands)
        want = rng.choice([place for place in range(len(brands)) if place != give])
        units = rng.randint(100, 2_500)
        price = worth[give] / worth[want] * rng.uniform(1.0, 1.3)
        in_parts = number % 11 != 0
        signed.append(
            scene.signed(
                makers[number % MAKERS],
                number,
                now + 7 * _DAY,
                give_token=brands[give].address,
                want_token=brands[want].address,
                give_amount=units,
                want_amount=max(1, round(units * price)),
                want_points_living_until=rng.choice((0, now + 30 * _DAY, now + 120 * _DAY)),
                allow_partial=in_parts,
                nonce=pack_nonce(number, 0) if in_parts else pack_nonce(number // 224, 0, number % 224),
            )
        )
    scene.publish(signed)
    return troc


def measure(troc: Troc) -> dict[str, object]:
    """Seconds of CPU of quotes of several sizes, in both directions."""
    troc.index.catch_up()
    open_orders = len(troc.index.open_orders())
    assert open_orders == ORDERS, open_orders
    # Imports and what a process reads once are no part of a quote.
    troc.quote(give=f"1 {_symbol(0)}", want=_symbol(1))
    firsts: list[float] = []
    rows: list[tuple[float, str]] = []
    for give, want in _PAIRS:
        for amount in _AMOUNTS:
            for sides in (
                (f"{amount} {_symbol(give)}", _symbol(want)),
                (_symbol(give), f"{amount} {_symbol(want)}"),
            ):
                start = time.process_time()
                # An account's view reads the book anew, as in a new block.
                troc.as_account("dev:0").quote(give=sides[0], want=sides[1])
                firsts.append(time.process_time() - start)
                start = time.process_time()
                quote = troc.quote(give=sides[0], want=sides[1])
                taken = time.process_time() - start
                rows.append((taken, " for ".join(sides)))
                used = len(quote.entries)
                whole = "all of it" if quote.is_complete else "a part"
                times = f"{firsts[-1]:6.3f} s, then {taken:6.3f} s"
                print(f"{times}  {rows[-1][1]:24} {used:3} orders, {whole}")
    slowest = max(rows)
    return {
        "orders": ORDERS,
        "brands": len(_NAMES),
        "quotes": len(rows),
        "first_median_seconds": round(statistics.median(firsts), 3),
        "first_worst_seconds": round(max(firsts), 3),
        "median_seconds": round(statistics.median(taken for taken, _ in rows), 3),
        "worst_seconds": round(slowest[0], 3),
        "worst": slowest[1],
        "bar_seconds": SECONDS,
        "cores": os.cpu_count(),
        "machine_load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure, print and write. Ends with 1 where the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with run_anvil(port, "--gas-limit", str(10**9)):
            found = measure(stand(Path(folder), rpc_of(port)))
    for name, value in found.items():
        print(f"{name:16} {value}")
    _FILE.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(0 if float(str(found["first_median_seconds"])) <= SECONDS else 1)


if __name__ == "__main__":
    main()
