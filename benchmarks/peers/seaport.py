"""Seaport 1.6: orders fulfilled one by one, or matched by a third party."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import Chain, System, typed
from benchmarks.order_book import order_book_records
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.rings import BATCH_OF_30, BATCH_OF_30_SHAPE, PAIR, RING_OF_THREE, Link
from benchmarks.tokens import ONE, Trade, fund, tokens

_PACKAGE = "@opensea/seaport-js"
_FOLDER = "src/artifacts/seaport/contracts"
_ZERO = "0x" + "00" * 20
_ZERO_WORD = b"\0" * 32
_ERC20 = 1
_FULL_OPEN, _PARTIAL_OPEN = 0, 1
_ITEM = (
    "uint8 itemType",
    "address token",
    "uint256 identifierOrCriteria",
    "uint256 startAmount",
    "uint256 endAmount",
)
_TYPES = {
    "OrderComponents": typed(
        "address offerer",
        "address zone",
        "OfferItem[] offer",
        "ConsiderationItem[] consideration",
        "uint8 orderType",
        "uint256 startTime",
        "uint256 endTime",
        "bytes32 zoneHash",
        "uint256 salt",
        "bytes32 conduitKey",
        "uint256 counter",
    ),
    "OfferItem": typed(*_ITEM),
    "ConsiderationItem": typed(*_ITEM, "address recipient"),
}


@dataclass(frozen=True)
class Seaport:
    """The deployed exchange; tokens are approved to it directly, without a conduit."""

    chain: Chain
    market: Contract

    @property
    def spender(self) -> ChecksumAddress:
        """Whom the tokens are approved to."""
        return self.market.address

    def take(self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int) -> ContractFunction:
        """The call that fulfils a whole order."""
        order = self.order(maker, trade, number, _FULL_OPEN)
        return self.market.functions.fulfillOrder(order, _ZERO_WORD)

    def order(self, maker: LocalAccount, trade: Trade, salt: int, kind: int) -> tuple[Any, bytes]:
        """A signed order: its parameters and the compact signature."""
        offer = {
            "itemType": _ERC20,
            "token": trade.give.address,
            "identifierOrCriteria": 0,
            "startAmount": trade.give_amount,
            "endAmount": trade.give_amount,
        }
        consideration = {
            "itemType": _ERC20,
            "token": trade.want.address,
            "identifierOrCriteria": 0,
            "startAmount": trade.want_amount,
            "endAmount": trade.want_amount,
            "recipient": maker.address,
        }
        message = {
            "offerer": maker.address,
            "zone": _ZERO,
            "offer": [offer],
            "consideration": [consideration],
            "orderType": kind,
            "startTime": 0,
            "endTime": self.chain.now + 3600,
            "zoneHash": _ZERO_WORD,
            "salt": salt,
            "conduitKey": _ZERO_WORD,
            "counter": 0,
        }
        domain = {
            "name": "Seaport",
            "version": "1.6",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.market.address,
        }
        signature = self.chain.sign(maker, domain, _TYPES, message)
        parameters = {
            **message,
            "offer": [tuple(offer.values())],
            "consideration": [tuple(consideration.values())],
            # In the call the last field counts the items; in the signed message it is the counter.
            "counter": 1,
        }
        return (tuple(parameters.values()), signature.compact)


def measure(chain: Chain) -> Iterator[Record]:
    """Orders fulfilled whole and in parts, and orders matched."""
    controller = chain.deploy(
        published(_PACKAGE, f"{_FOLDER}/conduit/ConduitController.sol/LocalConduitController.json")
    )
    artifact = published(_PACKAGE, f"{_FOLDER}/Seaport.sol/Seaport.json")
    book = Seaport(chain, chain.deploy(artifact, controller.address))
    # The version of the contracts, which the package of another version carries.
    system = System("seaport", f"1.6 in {_PACKAGE} {version(_PACKAGE)}")
    with chain.undone():
        how = f"fulfillOrder; {artifact.origin}"
        yield from order_book_records(chain, system, book, how, nonce_words=False)
    with chain.undone():
        yield from _partial(chain, system, book, artifact.origin)
    for operation, links, shape in (
        ("match-two", PAIR, "two orders"),
        ("ring-of-three", RING_OF_THREE, "a ring of three orders"),
        ("batch-of-30", BATCH_OF_30, f"30 orders over 4 tokens: {BATCH_OF_30_SHAPE}"),
    ):
        with chain.undone():
            orders, fulfillments = _matched(chain, book, links, _FULL_OPEN)
            cost = chain.send(
                book.market.functions.matchOrders(orders, fulfillments), chain.address("solver")
            )
            yield system.record(
                operation,
                cost,
                state="existing holders, each order has a slot of its own",
                how=f"matchOrders of {shape} by a third party; {artifact.origin}",
                per="order",
                count=len(links),
            )


def _matched(
    chain: Chain, book: Seaport, links: Sequence[Link], kind: int
) -> tuple[list[tuple[Any, bytes]], list[Any]]:
    """Signed orders, and what is given by which to which."""
    held = tokens(chain, 1 + max(link.give for link in links))
    makers = chain.accounts("maker", len(links))
    fund(chain, makers, held, book.spender)
    orders = [
        book.order(maker, Trade(held[link.give], held[link.want], 4 * ONE, 4 * ONE), 0, kind)
        for maker, link in zip(makers, links, strict=True)
    ]
    return orders, [([(index, 0)], [(link.to, 0)]) for index, link in enumerate(links)]


def _partial(chain: Chain, system: System, book: Seaport, origin: str) -> Iterator[Record]:
    functions = book.market.functions
    give, want = tokens(chain, 2)
    trade = Trade(give, want, 4 * ONE, 4 * ONE)
    maker, taker = chain.account("maker"), chain.account("taker")
    fund(chain, [maker, taker], [trade.give, trade.want], book.spender)
    order = book.order(maker, trade, 0, _PARTIAL_OPEN)
    fills = (("-first", "first"), ("", "second"))
    for suffix, state in fills:
        cost = chain.send(
            functions.fulfillAdvancedOrder(_quarter(order), [], _ZERO_WORD, _ZERO), taker.address
        )
        yield system.record(
            f"take-partial{suffix}",
            cost,
            state=f"existing holders, {state} fill of the order",
            how=f"fulfillAdvancedOrder with a quarter of the order; {origin}",
            per="order",
        )
    orders, fulfillments = _matched(chain, book, PAIR, _PARTIAL_OPEN)
    call = functions.matchAdvancedOrders([_quarter(order) for order in orders], [], fulfillments, _ZERO)
    for suffix, state in fills:
        yield system.record(
            f"match-two-partial{suffix}",
            chain.send(call, chain.address("solver")),
            state=f"existing holders, {state} fill of both orders",
            how=f"matchAdvancedOrders with a quarter of each by a third party; {origin}",
            per="order",
            count=2,
        )


def _quarter(order: tuple[Any, bytes]) -> tuple[Any, int, int, bytes, bytes]:
    parameters, signature = order
    return (parameters, 1, 4, signature, b"")
