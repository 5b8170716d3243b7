"""How fast the index takes events in, and how fast it tells the open book: `python -m benchmarks.indexing`.

A chain of Anvil's with brands, customers, transfers and well-signed orders; then a flood of orders that are
good for nothing. Times are this process's CPU time. The bars: 5,000 events a second, orders included; the
open book of 10,000 orders in 0.3 s, also after the flood.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coincurve
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import RPCEndpoint

from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.index import Index
from troc.index.market import Digests
from troc.manifest import Manifest
from troc.messages import EXCHANGE_NAME, Domain, Order, pack_nonce
from troc.network import NetworkConfig

_ORDERS_A_CALL = 400
_SENDS_A_BLOCK = 500
_NAMES = "ACEHKMPRTXWY"
_WEEK = 7 * 86_400
_LONG_SIGNATURE = 5_000
EVENTS_A_SECOND = 5_000
OPEN_BOOK_SECONDS = 0.3

Published = tuple[bytes, bytes]
"""An order's ABI encoding and its signature."""


@dataclass(frozen=True)
class Measured:
    """What a run found. Seconds of CPU time."""

    events: int
    events_a_second: float
    flood: int
    flood_a_second: float
    orders: int
    book_seconds: float
    book_seconds_after_flood: float
    load: float


def encoded(order: Order) -> bytes:
    """An order's ABI encoding, 480 bytes."""
    return b"".join(
        (int(word, 16) if isinstance(word, str) else int(word)).to_bytes(32) for word in order.as_tuple()
    )


def publish_data(published: Sequence[Published]) -> str:
    """The calldata, in hex, of `OrderBook.publish`."""
    selector = keccak(text=f"publish({_order_type()}[],bytes[])")[:4]
    number = len(published).to_bytes(32)
    orders = b"".join(order for order, _ in published)
    tails = [len(each).to_bytes(32) + each + bytes(-len(each) % 32) for _, each in published]
    heads, at = [], 32 * len(tails)
    for tail in tails:
        heads.append(at.to_bytes(32))
        at += len(tail)
    first, second = 64, 64 + 32 + len(orders)
    parts = [selector, first.to_bytes(32), second.to_bytes(32), number, orders, number, *heads, *tails]
    return "0x" + b"".join(parts).hex()


def _order_type() -> str:
    return "(" + ",".join(field["type"] for field in Order.types()["Order"]) + ")"


@dataclass(frozen=True)
class Maker:
    """Somebody with a key, made from a number."""

    key: coincurve.PrivateKey
    address: str

    @classmethod
    def of(cls, number: int) -> Maker:
        """Always the same for the same number."""
        key = coincurve.PrivateKey(keccak(text=f"maker {number}"))
        return cls(key, to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[12:]))

    def sign(self, digest: bytes) -> bytes:
        """65 bytes."""
        found = self.key.sign_recoverable(digest, hasher=None)
        return found[:64] + bytes([27 + found[64]])


class Scene:
    """A deployed chain with brands, for as many events as one likes."""

    def __init__(self, chain: Chain, manifest: Manifest, tokens: Sequence[str]) -> None:
        self._chain = chain
        self._book = manifest.address("OrderBook")
        self._digests = Digests(Domain(EXCHANGE_NAME, chain.chain_id, manifest.address("PointsExchange")))
        self._sender = open_account("dev:0", chain.config).address
        self.tokens = tokens

    def order(self, maker: str, number: int, open_until: int, **change: Any) -> Order:
        """An order; `number` varies its terms."""
        give, want = number % len(self.tokens), (number // len(self.tokens)) % (len(self.tokens) - 1)
        order: dict[str, Any] = {
            "maker": maker,
            "give_token": self.tokens[give],
            "give_kind": 0,
            "give_id": 0,
            "give_amount": 1 + number % 90,
            "want_token": self.tokens[want + (want >= give)],
            "want_kind": 0,
            "want_id": 0,
            "want_amount": 1 + number % 70,
            "give_points_expiring_by": 0,
            "want_points_living_until": 0,
            "only_taker": "0x" + "00" * 20,
            "open_until": open_until,
            "nonce": pack_nonce(number // 224, 0, number % 224),
            "allow_partial": False,
        }
        return Order(**order | change)

    def signed(self, maker: Maker, number: int, open_until: int, **change: Any) -> Published:
        """A well-signed order."""
        data = encoded(self.order(maker.address, number, open_until, **change))
        return data, maker.sign(self._digests.of(data))

    def flood(self, number: int, standing: Sequence[Published], open_until: int) -> Iterator[Published]:
        """Orders that are good for nothing, of every kind, and doublets of good ones."""
        forger, stranger = Maker.of(-1), to_checksum_address(b"\x11" * 20)
        for each in range(number):
            kind = each % 6
            victim = to_checksum_address(keccak(text=f"victim {each}")[12:])
            if kind == 0:
                # Somebody else's key.
                data = encoded(self.order(victim, each, open_until))
                yield data, forger.sign(self._digests.of(data))
            elif kind == 1:
                yield encoded(self.order(victim, each, open_until)), keccak(text=str(each)) * 2
            elif kind == 2:
                yield self.signed(forger, each, open_until, want_token=stranger)
            elif kind == 3:
                yield self.signed(forger, each, open_until, want_amount=1 << 200)
            elif kind == 4 or each % 60 != 5:
                yield standing[each % len(standing)]
            else:
                yield encoded(self.order(victim, each, open_until)), bytes(_LONG_SIGNATURE)

    def publish(self, published: Sequence[Published]) -> None:
        """Publish orders, many in a call."""
        for start in range(0, len(published), _ORDERS_A_CALL):
            data = publish_data(published[start : start + _ORDERS_A_CALL])
            _ask(self._chain, "eth_sendTransaction", self._call(self._book, data))

    def send(self, count: int, accounts: Sequence[str]) -> None:
        """Let so many transfers happen, many in a block; whoever sends stands for an account of Anvil's."""
        for account in accounts:
            _ask(self._chain, "anvil_impersonateAccount", account)
            _ask(self._chain, "anvil_setBalance", account, hex(10**20))
        _ask(self._chain, "evm_setAutomine", False)
        selector = keccak(text="transfer(address,uint256)")[:4].hex()
        for start in range(0, count, _SENDS_A_BLOCK):
            calls = []
            for each in range(start, min(start + _SENDS_A_BLOCK, count)):
                sender, to = accounts[each % len(accounts)], accounts[(each * 7 + 1) % len(accounts)]
                data = f"0x{selector}{to[2:].lower().rjust(64, '0')}{1:064x}"
                token = self.tokens[each % len(self.tokens)]
                calls.append(
                    (
                        RPCEndpoint("eth_sendTransaction"),
                        [_transfer(sender, token, data, each // len(accounts))],
                    )
                )
            provider: Any = self._chain.web3.provider
            replies = provider.make_batch_request(calls)
            refused = [reply for reply in replies if "result" not in reply]
            assert not refused, refused[0]
            _ask(self._chain, "evm_mine")
        _ask(self._chain, "evm_setAutomine", True)

    def _call(self, to: str, data: str) -> dict[str, str]:
        return {"from": self._sender, "to": to, "data": data, "gas": hex(900_000_000)}


def _transfer(sender: str, token: str, data: str, nonce: int) -> dict[str, str]:
    return {"from": sender, "to": token, "data": data, "gas": hex(150_000), "nonce": hex(nonce)}


def _ask(chain: Chain, method: str, *arguments: Any) -> Any:
    reply = chain.web3.provider.make_request(RPCEndpoint(method), list(arguments))
    assert "result" in reply, reply
    return reply["result"]


def measure(orders: int, transfers: int, flood: int, brands: int, folder: Path, url: str) -> Measured:
    """Make the chain, and measure."""
    port = free_port()
    with run_anvil(port, "--gas-limit", str(10**9)):
        config = NetworkConfig("local", rpc_of(port), "local", folder, poll_seconds=0.01)
        chain = Chain.connect(config)
        manifest = deploy_suite(chain, open_account("dev:0", config))
        troc = Troc(chain, manifest).as_account("dev:0")
        found = [troc.launch(f"Shop {each}", f"{each}{each}{each}", "12 months") for each in _NAMES[:brands]]
        accounts = [Maker.of(each) for each in range(200)]
        for brand in found:
            troc.mint(brand, {each.address: 10_000 for each in accounts})
        scene = Scene(chain, manifest, [brand.address for brand in found])
        scene.send(transfers, [each.address for each in accounts])
        open_until = chain.now() + _WEEK
        standing = [scene.signed(accounts[each % 200], each, open_until) for each in range(orders)]
        scene.publish(standing)
        index = Index(chain, manifest, url)
        begun = time.process_time()
        events = index.catch_up().events
        seconds = time.process_time() - begun
        before = _book(index, orders)
        rate = 0.0
        if flood:
            scene.publish(list(scene.flood(flood, standing, open_until)))
            begun = time.process_time()
            assert index.catch_up().events == flood
            rate = flood / (time.process_time() - begun)
        return Measured(
            events, events / seconds, flood, rate, orders, before, _book(index, orders), os.getloadavg()[0]
        )


def _book(index: Index, orders: int) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        found = index.open_orders()
        best = min(best, time.process_time() - begun)
        assert len(found) == orders, len(found)
    return best


def main() -> None:
    """Measure and say whether the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--transfers", type=int, default=10_000)
    parser.add_argument("--flood", type=int, default=100_000)
    parser.add_argument("--brands", type=int, default=10)
    parser.add_argument("--database", default="", help="URL of an empty database (default: an SQLite file)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/index.sqlite"
        found = measure(given.orders, given.transfers, given.flood, given.brands, Path(folder), url)
    print(json.dumps(found.__dict__, indent=2))
    fast = found.events_a_second >= EVENTS_A_SECOND
    quick = max(found.book_seconds, found.book_seconds_after_flood) <= OPEN_BOOK_SECONDS
    raise SystemExit(0 if fast and quick else 1)


if __name__ == "__main__":
    main()
