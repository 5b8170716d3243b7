"""What the chain itself shows of a batch: the orders that belonged to it, and the settlements that happened.

Read anew, by the rules of docs/clearing.md, from the log and from the state of the block that the batch was
made from; neither the index nor the solver is asked. Needs a node that keeps old states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from troc.abi import answer_words, words_call
from troc.chain import Chain
from troc.errors import InputError, NetworkError, TrocError
from troc.market.records import CalledSettlement, Record, called_settlements
from troc.messages import (
    KIND_POINTS,
    WHOLE_INDEXES,
    Domain,
    Order,
    digest,
    recover,
    unpack_nonce,
)

MOST_UNITS = 2**56
"""Orders with an amount of this many smallest units or more are left out: no account can hold them."""

LONGEST_OPEN = 366 * 86_400
"""Orders that stay open longer, counted from the block that the batch was made from, are left out."""

LARGEST_SIGNATURE = 4_096
"""Orders with a signature of more bytes are left out."""

_ERC1271 = bytes.fromhex("1626ba7e") + bytes(28)
_WALLET_GAS = 300_000
_WALLET = [
    {
        "type": "function",
        "name": "isValidSignature",
        "stateMutability": "view",
        "inputs": [{"name": "hash", "type": "bytes32"}, {"name": "signature", "type": "bytes"}],
        "outputs": [{"name": "", "type": "bytes32"}],
    }
]
_FILLED = (1 << 128) - 1
_TRANSFER = keccak(text="Transfer(address,address,uint256)")


@dataclass(frozen=True)
class OpenOrder:
    """An order that belonged to a batch.

    `left` is what its nonce still let it give, `lots` are (expiry, units) of all points that its maker held
    of what it gives and that outlive the batch, soonest first. `by_contract`: its maker is a contract that
    said that she signed.
    """

    digest: bytes
    order: Order
    left: int
    lots: tuple[tuple[int, int], ...]
    by_contract: bool

    def can_give(self, living_until: int = 0) -> int:
        """Points that the order may give to somebody who asks for points that live beyond a time."""
        bound = self.order.give_points_expiring_by
        return sum(
            units for expiry, units in self.lots if living_until < expiry and (not bound or expiry <= bound)
        )


@dataclass(frozen=True)
class Move:
    """Points of a token that went from one account to another, by the token's own log."""

    token: str
    giver: str
    receiver: str
    units: int


@dataclass(frozen=True)
class Settled:
    """A settlement that happened: its calldata read, and what exchange and tokens wrote into the log.

    `transfers` are (place of the giving order, of the receiving one, units); the number of orders stands for
    the sender. `fills` are what the exchange says that each order gave and received, in the same sequence.
    """

    call: CalledSettlement
    orders: tuple[Order, ...]
    digests: tuple[bytes, ...]
    transfers: tuple[tuple[int, int, int], ...]
    fills: tuple[tuple[bytes, int, int], ...]
    moves: tuple[Move, ...]


class Evidence:
    """Reads one deployment. `exchange` is the EIP-712 domain of its exchange."""

    def __init__(self, chain: Chain, brands: str, book: str, exchange: Domain, since: int) -> None:
        self._chain = chain
        self._brands = chain.contract("Brands", brands)
        self._book = chain.contract("OrderBook", book)
        self._exchange = chain.contract("PointsExchange", exchange.verifying_contract)
        self._domain = exchange
        self._since = since

    # ------------------------------------------------------------------------------------------- the orders

    def hash_of(self, block: int) -> bytes | None:
        """The hash of a block; None where the chain has no such block."""
        return self._chain.header(block).hash if block <= self._chain.block_number() else None

    def orders_of(self, record: Record) -> list[OpenOrder]:
        """Every order that belonged to a batch that was closed when this record says, by digest."""
        block, by = record.closed_at, record.settle_by
        time = self._chain.time_of(block)
        launched = {
            event["args"]["token"]
            for event in self._chain.logs(self._brands.events.Launched(), None, self._since, block)
        }
        sensible: list[tuple[bytes, Order, bytes]] = []
        for order, signature in self._published(block):
            if _is_sensible(order, launched, time) and order.open_until >= by:
                sensible.append((digest(order, self._domain), order, signature))
        open_ = self._open(self._signed(sensible, block), block)
        return sorted(self._payable(open_, block, by), key=lambda each: each.digest)

    def _published(self, last: int) -> Iterable[tuple[Order, bytes]]:
        for event in self._chain.logs(self._book.events.OrderPublished(), None, self._since, last):
            signature = bytes(event["args"]["signature"])
            if len(signature) > LARGEST_SIGNATURE:
                continue
            try:
                yield Order.from_chain(event["args"]["order"]), signature
            except InputError:
                continue

    def _signed(
        self, found: Sequence[tuple[bytes, Order, bytes]], block: int
    ) -> list[tuple[bytes, Order, bool]]:
        """Of each order the first publication with a good signature, in the sequence of publication."""
        signed: dict[bytes, tuple[bytes, Order, bool]] = {}
        has_code: dict[str, bool] = {}
        for hash_, order, signature in found:
            if hash_ in signed:
                continue
            if recover(order, self._domain, signature) == order.maker:
                signed[hash_] = hash_, order, False
                continue
            if order.maker not in has_code:
                has_code[order.maker] = bool(self._code(order.maker, block))
            if has_code[order.maker] and self._agrees(order.maker, hash_, signature, block):
                signed[hash_] = hash_, order, True
        return list(signed.values())

    def _code(self, account: str, block: int) -> bytes:
        return bytes(self._chain.web3.eth.get_code(to_checksum_address(account), block))

    def _agrees(self, wallet: str, hash_: bytes, signature: bytes, block: int) -> bool:
        """Whether a contract says that it signed, asked as the exchange asks (ERC-1271)."""
        contract = self._chain.web3.eth.contract(address=to_checksum_address(wallet), abi=_WALLET)
        ask = contract.functions.isValidSignature(hash_, signature)
        try:
            return bytes(self._chain.call(ask, self._exchange.address, block, _WALLET_GAS)) == _ERC1271
        except NetworkError:
            raise
        except TrocError:
            return False

    def _open(
        self, signed: Sequence[tuple[bytes, Order, bool]], block: int
    ) -> list[tuple[bytes, Order, bool, int]]:
        """Orders of which something is left by their nonces; of those that share one the last published."""
        latest = {(order.maker, order.allow_partial, order.nonce): hash_ for hash_, order, _ in signed}
        last = set(latest.values())
        kept = [each for each in signed if each[0] in last]
        stored = self._read(
            [
                (
                    self._exchange.address,
                    words_call(
                        "PointsExchange",
                        "partialWordOf" if order.allow_partial else "wholeWordOf",
                        order.maker,
                        unpack_nonce(order.nonce)[0],
                    ),
                )
                for _, order, _ in kept
            ],
            block,
        )
        return [
            (*each, left)
            for each, word in zip(kept, stored, strict=True)
            if (left := _left(each[1], int.from_bytes(word))) > 0
        ]

    def _payable(
        self, found: Sequence[tuple[bytes, Order, bool, int]], block: int, by: int
    ) -> Iterable[OpenOrder]:
        pairs = list(dict.fromkeys((order.maker, order.give_token) for _, order, _, _ in found))
        asked = []
        for maker, token in pairs:
            asked.append((token, words_call("LoyaltyToken", "lotsOf", maker)))
            asked.append((token, words_call("LoyaltyToken", "allowance", maker, self._exchange.address)))
        answers = self._read(asked, block)
        lots: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {}
        for place, pair in enumerate(pairs):
            told, allowed = answer_words(answers[2 * place]), any(answers[2 * place + 1])
            lots[pair] = tuple(
                (expiry, units)
                for units, expiry in zip(told[:4], told[4:8], strict=True)
                if units and expiry > by and allowed
            )
        for hash_, order, by_contract, left in found:
            open_order = OpenOrder(hash_, order, left, lots[order.maker, order.give_token], by_contract)
            if open_order.can_give() >= (1 if order.allow_partial else order.give_amount):
                yield open_order

    def _read(self, asked: Sequence[tuple[str, str]], block: int) -> list[bytes]:
        try:
            return self._chain.call_many(asked, block)
        except NetworkError as error:
            raise NetworkError(
                f"the node does not tell how things stood in block {block:,} ({error.message})",
                "use a node that keeps old states (an archive node)",
            ) from None

    # ----------------------------------------------------------------------------------- the settlements

    def calls_since(self, block: int) -> list[CalledSettlement]:
        """Every transaction from a block on that called the exchange itself and filled orders."""
        return called_settlements(self._chain, self._exchange, block)

    def fills_since(self, block: int) -> dict[bytes, list[tuple[str, int, int]]]:
        """What orders gave and received from a block on: transaction, given, received, by digest."""
        fills: dict[bytes, list[tuple[str, int, int]]] = {}
        for event in self._chain.logs(self._exchange.events.OrderFilled(), None, block):
            said = event["args"]
            transaction = "0x" + bytes(event["transactionHash"]).hex()
            fills.setdefault(bytes(said["digest"]), []).append((transaction, said["given"], said["received"]))
        return fills

    def settled(self, call: CalledSettlement) -> Settled | None:
        """What a settlement did. None where its calldata is no call of `settle`."""
        try:
            function, arguments = self._exchange.decode_function_input(call.data)
        except Exception:  # whatever web3 raises for data that fits no function
            return None
        if function.fn_name != "settle":
            return None
        orders = tuple(map(Order.from_chain, arguments["orders"]))
        receipt = self._chain.receipt(call.transaction)
        assert receipt is not None
        return Settled(
            call=call,
            orders=orders,
            digests=tuple(digest(order, self._domain) for order in orders),
            transfers=tuple(
                (move["from"], move["to"], move["amount"]) if isinstance(move, Mapping) else tuple(move)
                for move in arguments["transfers"]
            ),
            fills=tuple(
                (bytes(event["args"]["digest"]), event["args"]["given"], event["args"]["received"])
                for event in receipt.events(self._exchange.events.OrderFilled())
            ),
            moves=tuple(
                Move(log["address"], _account(log["topics"][1]), _account(log["topics"][2]), _number(log))
                for log in receipt.logs
                if len(log["topics"]) == 3 and bytes(log["topics"][0]) == _TRANSFER
            ),
        )


def _is_sensible(order: Order, launched: set[str], time: int) -> bool:
    return (
        order.give_kind == order.want_kind == KIND_POINTS
        and order.give_id == order.want_id == 0
        and {order.give_token, order.want_token} <= launched
        and order.give_token != order.want_token
        and 0 < order.give_amount < MOST_UNITS
        and 0 < order.want_amount < MOST_UNITS
        and order.only_taker != order.maker
        and order.open_until <= time + LONGEST_OPEN
    )


def _left(order: Order, word: int) -> int:
    """What the stored word of its lane lets an order still give (docs/messages.md, "Nonces")."""
    _, series, index = unpack_nonce(order.nonce)
    if order.allow_partial:
        if index or word >> 128 != series:
            return 0
        return max(order.give_amount - (word & _FILLED), 0)
    if index >= WHOLE_INDEXES or word >> WHOLE_INDEXES != series or word >> index & 1:
        return 0
    return order.give_amount


def _account(topic: Any) -> str:
    return str(to_checksum_address(bytes(topic)[-20:]))


def _number(log: Any) -> int:
    return int.from_bytes(bytes(log["data"]))
