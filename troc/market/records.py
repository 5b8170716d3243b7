"""What solvers say of batches in the log: the record, its id, and where it is found (docs/OrderBook.md).

Nothing here believes a record. `troc.market.batches` writes them, `troc.market.audit` checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.contract import Contract

from troc.chain import Chain
from troc.errors import InputError, OrderError

SMOOTHING_DECIMALS = 18

RECORD_TYPE = (
    "(uint256,bytes32,uint256,uint256,bytes32,(address,uint256,uint256,uint256)[],"
    "uint256,uint256,uint256,uint256,bytes32[])"
)
_SHORTEST_ID = 6


class PricedGood(NamedTuple):
    """The price of one smallest unit of points of a token that live beyond `living_until`; 0: of any. Prices
    compare within a group.
    """

    token: str
    living_until: int
    price: int
    group: int


@dataclass(frozen=True)
class Record:
    """What a solver says of a batch: `IOrderBook.Batch`, word for word. Times are Unix seconds, `smoothing`
    has 18 decimals, `surplus`, `bound` and `unfilled` are in the unit of the prices.
    """

    closed_at: int
    closed_hash: bytes
    settle_by: int
    orders: int
    orders_hash: bytes
    goods: tuple[PricedGood, ...]
    smoothing: int
    surplus: int
    bound: int
    unfilled: int
    settlements: tuple[bytes, ...]

    def as_tuple(self) -> tuple[Any, ...]:
        """For a contract call."""
        return (
            self.closed_at,
            self.closed_hash,
            self.settle_by,
            self.orders,
            self.orders_hash,
            [tuple(good) for good in self.goods],
            self.smoothing,
            self.surplus,
            self.bound,
            self.unfilled,
            list(self.settlements),
        )

    @classmethod
    def from_chain(cls, value: Mapping[str, Any]) -> Self:
        """Read the struct as web3 decodes it."""
        return cls(
            closed_at=value["closedAt"],
            closed_hash=bytes(value["closedHash"]),
            settle_by=value["settleBy"],
            orders=value["orders"],
            orders_hash=bytes(value["ordersHash"]),
            goods=tuple(
                PricedGood(good["token"], good["livingUntil"], good["price"], good["group"])
                for good in value["goods"]
            ),
            smoothing=value["smoothing"],
            surplus=value["surplus"],
            bound=value["bound"],
            unfilled=value["unfilled"],
            settlements=tuple(map(bytes, value["settlements"])),
        )

    def to_json(self) -> dict[str, Any]:
        """For a file or `--json`: numbers as decimal strings, bytes in hex."""
        return {
            "closedAt": self.closed_at,
            "closedHash": _hex(self.closed_hash),
            "settleBy": self.settle_by,
            "orders": self.orders,
            "ordersHash": _hex(self.orders_hash),
            "goods": [
                {
                    "token": good.token,
                    "livingUntil": str(good.living_until),
                    "price": str(good.price),
                    "group": good.group,
                }
                for good in self.goods
            ],
            "smoothing": str(self.smoothing),
            "surplus": str(self.surplus),
            "bound": str(self.bound),
            "unfilled": str(self.unfilled),
            "settlements": [_hex(each) for each in self.settlements],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            closed_at=data["closedAt"],
            closed_hash=_bytes(data["closedHash"]),
            settle_by=data["settleBy"],
            orders=data["orders"],
            orders_hash=_bytes(data["ordersHash"]),
            goods=tuple(
                PricedGood(good["token"], int(good["livingUntil"]), int(good["price"]), good["group"])
                for good in data["goods"]
            ),
            smoothing=int(data["smoothing"]),
            surplus=int(data["surplus"]),
            bound=int(data["bound"]),
            unfilled=int(data["unfilled"]),
            settlements=tuple(map(_bytes, data["settlements"])),
        )

    def id_for(self, solver: str) -> bytes:
        """The id of this record of this solver's: 32 bytes."""
        return keccak(encode(["address", RECORD_TYPE], [solver, self.as_tuple()]))


@dataclass(frozen=True)
class Published:
    """A record in the log: whose it is, and where it stands."""

    solver: str
    batch_id: bytes
    record: Record
    block: int
    position: int
    transaction: str

    @property
    def id(self) -> str:
        """The id in hex."""
        return _hex(self.batch_id)


class CalledSettlement(NamedTuple):
    """A transaction that called the exchange and filled orders: `data` is its calldata."""

    transaction: str
    block: int
    position: int
    sender: str
    data: bytes


def commitment(digests: Iterable[bytes]) -> bytes:
    """What a record says of its orders: keccak256 of their digests, ascending, one after another."""
    return keccak(b"".join(sorted(digests)))


def published_batches(chain: Chain, book: Contract, since: int) -> list[Published]:
    """Every record in the log, oldest first. One that was published twice counts where it stands first."""
    found: dict[bytes, Published] = {}
    for event in chain.logs(book.events.BatchPublished(), from_block=since):
        said = event["args"]
        published = Published(
            solver=said["solver"],
            batch_id=bytes(said["batchId"]),
            record=Record.from_chain(said["batch"]),
            block=event["blockNumber"],
            position=event["transactionIndex"],
            transaction=_hex(bytes(event["transactionHash"])),
        )
        found.setdefault(published.batch_id, published)
    return list(found.values())


def named_batch(batches: Sequence[Published], name: str) -> Published:
    """The record whose id begins so; the last one for an empty name."""
    if not batches:
        raise OrderError("no batch was published here", "make one with `troc trade solve --submit`")
    if not name:
        return batches[-1]
    digits = name.lower().removeprefix("0x")
    if len(digits) < _SHORTEST_ID or not all(digit in "0123456789abcdef" for digit in digits):
        raise InputError(
            f"{name!r} names no batch",
            f"write at least {_SHORTEST_ID} hex digits of its id, or nothing for the last one",
        )
    found = [each for each in batches if each.id[2:].startswith(digits)]
    if not found:
        raise OrderError(f"no batch {name} was published here", "name none, for the last one")
    if len(found) > 1:
        raise InputError(f"{len(found)} batches begin with {name}", "write more digits of the one you mean")
    return found[0]


def called_settlements(chain: Chain, exchange: Contract, since: int) -> list[CalledSettlement]:
    """Every transaction from block `since` on that called the exchange itself and filled orders, oldest
    first.
    """
    filled = {
        bytes(event["transactionHash"]): (event["blockNumber"], event["transactionIndex"])
        for event in chain.logs(exchange.events.OrderFilled(), from_block=since)
    }
    found = []
    for hash_, (block, position) in filled.items():
        sent = chain.transaction(_hex(hash_))
        if sent.get("to") == exchange.address:
            found.append(CalledSettlement(_hex(hash_), block, position, sent["from"], bytes(sent["input"])))
    return found


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
